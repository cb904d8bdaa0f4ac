"""Calls of 30 days as bars in SVG made by the server, and the same numbers for the table behind them."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from apps.packages.usage import ANSWERED, DayUsage

WIDTH, HEIGHT, GAP = 720, 160, 4  # of the drawing; the page stretches it


@dataclass(frozen=True, slots=True)
class Day:
    """Calls of one UTC day: answered (2xx, 3xx), refused (4xx), failed (5xx)."""

    day: dt.date
    answered: int
    refused: int
    failed: int

    @property
    def total(self) -> int:
        return self.answered + self.refused + self.failed


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle of the drawing."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """The days, oldest first, and their drawing. `most`: the calls of the highest bar."""

    days: tuple[Day, ...]
    bars: tuple[Bar, ...]
    most: int
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def newest_first(self) -> list[Day]:
        return [day for day in reversed(self.days) if day.total]


def chart(rows: Iterable[DayUsage], days: int, today: dt.date) -> Chart:
    """`rows` as `usage.summary` gives them; a day without calls is an empty place."""
    calls: Counter[tuple[dt.date, str]] = Counter()
    for row in rows:
        kind = "answered" if row.status in ANSWERED else "refused" if row.status == "4xx" else "failed"
        calls[row.day, kind] += row.usage.calls
    shown = [today - dt.timedelta(days=back) for back in reversed(range(days))]
    found = tuple(Day(day, *(calls[day, kind] for kind in ("answered", "refused", "failed"))) for day in shown)
    most = max(day.total for day in found)
    return Chart(found, tuple(_bars(found, most)), most)


def _bars(days: tuple[Day, ...], most: int) -> Iterator[Bar]:
    step = WIDTH / len(days)
    for place, day in enumerate(days):
        top = float(HEIGHT)
        for kind, calls in (("answered", day.answered), ("refused", day.refused), ("failed", day.failed)):
            if calls:
                height = round(HEIGHT * calls / most, 2)
                top = round(top - height, 2)
                yield Bar(kind, round(place * step + GAP / 2, 2), top, round(step - GAP, 2), height)
