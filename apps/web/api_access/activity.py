"""What programs did in the last 30 days, drawn on the server: stacked bars of calls a day, with a table behind them."""

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.packages.catalog import FUNCTIONS
from apps.packages.models import Subscription
from apps.packages.usage import DayUsage, Usage, summary, total
from apps.web.units import whole

DAYS = 30
HEIGHT, STEP, WIDTH = 100.0, 10.0, 7.0  # of the drawing: its full height, from bar to bar, of a bar
MOST_FUNCTIONS = 5  # with colours of their own; the rest is one
REST = "rest"
STATUS: Mapping[str, str | Promise] = {
    "2xx": gettext_lazy("Answered (2xx)"),
    "3xx": gettext_lazy("Not changed (304)"),
    "4xx": gettext_lazy("Refused (4xx)"),
    "5xx": gettext_lazy("Failed (5xx)"),
}
Counts = Mapping[tuple[dt.date, str], int]


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of the chart: what it stands for, and its class in the style sheet."""

    key: str
    label: str
    css: str
    calls: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A piece of a day's bar, in units of the drawing."""

    css: str
    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Day:
    """A day of UTC: the calls of each series in the order of the legend."""

    day: dt.date
    counts: tuple[int, ...]
    bars: tuple[Bar, ...]
    x: float
    title: str

    @property
    def in_full(self) -> str:
        return date_format(self.day, _("j F Y"))

    @property
    def in_short(self) -> str:
        return date_format(self.day, _("j M"))


@dataclass(frozen=True, slots=True)
class FunctionUsage:
    """A line of the table by function."""

    summary: str
    usage: Usage
    refused: int


@dataclass(frozen=True, slots=True)
class Activity:
    """The chart and its tables. `top` is the number at the upper edge."""

    by: str
    days: tuple[Day, ...]
    series: tuple[Series, ...]
    functions: tuple[FunctionUsage, ...]
    total: Usage
    top: int

    @property
    def width(self) -> float:
        return DAYS * STEP

    @property
    def middle(self) -> int:
        return self.top // 2


def activity(subscription: Subscription, by: str, now: dt.datetime) -> Activity:
    """The last 30 days of UTC, today included, by class of status or by function. One statement."""
    rows = summary(subscription, DAYS, now)
    series = _by_function(rows) if by == "function" else _by_status(rows)
    counts = _counts(rows, by, series)
    days = [now.date() - dt.timedelta(days=back) for back in reversed(range(DAYS))]
    top = ceiling(max(sum(counts[day, one.key] for one in series) for day in days))
    drawn = tuple(_day(place, day, series, counts, top) for place, day in enumerate(days))
    return Activity(by, drawn, series, _functions(rows), total(rows), top)


def ceiling(most: int) -> int:
    """The next of 2, 4, 6, 8, 10, 20, 40 ..., so that half of it is a whole number, too."""
    if most <= 2:
        return 2
    power: int = 10 ** int(math.log10(most))
    return next(step * power for step in (1, 2, 4, 6, 8, 10) if step * power >= most)


# --- Series ------------------------------------------------------------------------------------------------------


def _by_status(rows: Sequence[DayUsage]) -> tuple[Series, ...]:
    calls = _sums(rows, "status")
    return tuple(Series(key, str(label), f"calls-{key}", calls[key]) for key, label in STATUS.items() if calls[key])


def _by_function(rows: Sequence[DayUsage]) -> tuple[Series, ...]:
    calls, names = _sums(rows, "function"), _summaries()
    ranked = calls.most_common()
    own, rest = ranked[:MOST_FUNCTIONS], ranked[MOST_FUNCTIONS:]
    found = [Series(key, names.get(key, key), f"calls-{place}", n) for place, (key, n) in enumerate(own)]
    if rest:
        found.append(Series(REST, _("all other calls"), "calls-rest", sum(n for _key, n in rest)))
    return tuple(found)


def _sums(rows: Sequence[DayUsage], by: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for row in rows:
        counts[getattr(row, by)] += row.usage.calls
    return counts


def _counts(rows: Sequence[DayUsage], by: str, series: Sequence[Series]) -> Counter[tuple[dt.date, str]]:
    known = {one.key for one in series}
    counts: Counter[tuple[dt.date, str]] = Counter()
    for row in rows:
        key = row.function if by == "function" else row.status
        counts[row.day, key if key in known else REST] += row.usage.calls
    return counts


def _summaries() -> dict[str, str]:
    return {function.name: _(function.summary) for function in FUNCTIONS}


# --- Drawing -----------------------------------------------------------------------------------------------------


def _day(place: int, day: dt.date, series: Sequence[Series], counts: Counts, top: int) -> Day:
    numbers = tuple(counts[day, one.key] for one in series)
    parts = [f"{one.label}: {whole(n)}" for one, n in zip(series, numbers, strict=True) if n]
    title = "\n".join([date_format(day, _("j F Y")), *(parts or [_("no calls")])])
    return Day(day, numbers, tuple(_bars(place, series, numbers, top)), place * STEP, title)


def _bars(place: int, series: Sequence[Series], numbers: Sequence[int], top: int) -> Iterator[Bar]:
    foot = HEIGHT
    for one, number in zip(series, numbers, strict=True):
        if number:
            height = round(number / top * HEIGHT, 3)
            foot -= height
            yield Bar(one.css, place * STEP + (STEP - WIDTH) / 2, round(foot, 3), height)


# --- The table by function ---------------------------------------------------------------------------------------


def _functions(rows: Sequence[DayUsage]) -> tuple[FunctionUsage, ...]:
    names, refused = _summaries(), _sums([row for row in rows if row.status == "4xx"], "function")
    by_name = {name: total([row for row in rows if row.function == name]) for name in _sums(rows, "function")}
    ranked = sorted(by_name.items(), key=lambda item: -item[1].calls)
    return tuple(FunctionUsage(names.get(name, name), usage, refused[name]) for name, usage in ranked)
