"""Events as lanes of a drawing: what lasted when, one lane per device, its worst severity in each column.

A lane has COLUMNS columns whatever the number of events, so a year with thousands of them is drawn by three paths.
Severities differ in height as well as in colour: an error fills the lane, a warning half of it, a state is a thin
bar. What is worse is drawn over what is less.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from apps.events.models import ComponentEvent

Mark = tuple[UUID, dt.datetime, dt.datetime | None, str]  # device, from, to (None while it lasts), severity

COLUMNS = 360
HEIGHT = 18
SHORTEST = 3  # columns, so that a minute can be seen in a year
_RANKS = {severity.value: rank for rank, severity in enumerate(ComponentEvent.Severity, start=1)}
_BARS = {"info": (7, 4), "warning": (4, 10), "error": (0, 18)}  # top and height by severity


@dataclass(slots=True)
class Lane:
    """One device: the rank of the worst severity in each column (0: nothing), and how often each occurred."""

    ranks: bytearray = field(default_factory=lambda: bytearray(COLUMNS))
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_RANKS, 0))

    def add(self, first: int, last: int, severity: str) -> None:
        rank = _RANKS[severity]
        self.counts[severity] += 1
        for column in range(first, last + 1):
            self.ranks[column] = max(self.ranks[column], rank)

    def paths(self) -> list[tuple[str, str]]:
        """Severity and SVG path of what is drawn, in a box of COLUMNS x HEIGHT."""
        return [(severity, path) for severity in _BARS if (path := "".join(self._bars(severity)))]

    def _bars(self, severity: str) -> Iterator[str]:
        top, height = _BARS[severity]
        for begin, end in _runs(self.ranks, _RANKS[severity]):
            width = max(SHORTEST, end - begin)
            yield f"M{min(begin, COLUMNS - width)} {top}h{width}v{height}h-{width}z"


def _runs(ranks: bytearray, rank: int) -> Iterator[tuple[int, int]]:
    """Stretches of columns with this rank: first, and the one behind the last."""
    begin: int | None = None
    for column, found in enumerate([*ranks, 0]):
        if found == rank and begin is None:
            begin = column
        elif found != rank and begin is not None:
            yield begin, column
            begin = None


def lanes_of(marks: Iterable[Mark], begin: dt.datetime, end: dt.datetime, now: dt.datetime) -> dict[UUID, Lane]:
    """The lane of every device that something happened to between `begin` and `end`; what lasts reaches to `now`."""
    lanes: dict[UUID, Lane] = {}
    width = (end - begin) / COLUMNS
    for device, started, ended, severity in marks:
        first = max(0, int((started - begin) / width))
        last = min(COLUMNS - 1, int(((ended or now) - begin) / width))
        lanes.setdefault(device, Lane()).add(first, max(first, last), severity)
    return lanes
