"""Numbers that stand for intervals of any length, laid on the 5-minute grid.

A mean holds for every slot of its interval. An energy is spread over them evenly, which is what its mean power says.
A slot has a value where at least half of it is covered. A counter stands at the end of its slot, so the last slot of
a day holds all of the day.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np

from apps.measurements import grid
from apps.measurements.grid import Array

_SLOT = grid.SLOT.total_seconds()
SLOTS_PER_HOUR = 12


@dataclass(slots=True)
class _Day:
    """What is known of one local day: sums of value x seconds (or of energy), seconds covered, and lumps of energy."""

    amounts: Array
    seconds: Array
    lumps: Array


@dataclass(slots=True)
class Spread:
    """One series while its intervals come in."""

    zone: ZoneInfo
    _days: dict[dt.date, _Day] = field(default_factory=dict)

    def mean(self, begin: dt.datetime, end: dt.datetime, value: float) -> None:
        """`value` held from `begin` to `end`."""
        for day, slot, seconds in _pieces(self.zone, begin, end):
            self._add(day, slot, value * seconds, seconds)

    def energy(self, begin: dt.datetime, end: dt.datetime, energy: float) -> None:
        """`energy` came evenly from `begin` to `end`."""
        per_second = energy / (end - begin).total_seconds()
        for day, slot, seconds in _pieces(self.zone, begin, end):
            self._add(day, slot, per_second * seconds, seconds)

    def lump(self, begin: dt.datetime, end: dt.datetime, energy: float) -> bool:
        """`energy` came some time from `begin` to `end`: the counter knows it afterwards, no slot does.

        False, and nothing is kept, where midnight lies between them: nobody knows to which day it belongs.
        """
        day, slot = grid.locate(self.zone, end - dt.timedelta(microseconds=1))
        if grid.locate(self.zone, begin)[0] != day:
            return False
        self._day(day).lumps[slot] += energy
        return True

    def means(self) -> Iterator[tuple[dt.date, Array]]:
        """Each day's means, NaN where nothing is known."""
        for day, found in self._days.items():
            with np.errstate(invalid="ignore"):
                yield day, np.where(_covered(found), found.amounts / found.seconds, np.nan)

    def powers(self) -> Iterator[tuple[dt.date, Array]]:
        """Each day's mean power in W, of energies in Wh."""
        for day, found in self._days.items():
            with np.errstate(invalid="ignore"):
                yield day, np.where(_covered(found), found.amounts / found.seconds * 3600, np.nan)

    def counters(self) -> Iterator[tuple[dt.date, Array]]:
        """Each day's energy since midnight, at the end of each slot."""
        for day, found in self._days.items():
            counted = np.cumsum(found.amounts + found.lumps)
            yield day, np.where(_covered(found) | (found.lumps > 0), counted, np.nan)

    def _add(self, day: dt.date, slot: int, amount: float, seconds: float) -> None:
        found = self._day(day)
        found.amounts[slot] += amount
        found.seconds[slot] += seconds

    def _day(self, day: dt.date) -> _Day:
        if day not in self._days:
            slots = grid.slots(self.zone, day)
            self._days[day] = _Day(np.zeros(slots), np.zeros(slots), np.zeros(slots))
        return self._days[day]


def _covered(day: _Day) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    return day.seconds * 2 >= _SLOT


def _pieces(zone: ZoneInfo, begin: dt.datetime, end: dt.datetime) -> Iterator[tuple[dt.date, int, float]]:
    """The slots an interval touches, with the seconds it covers of each."""
    while begin < end:
        day, slot = grid.locate(zone, begin)
        until = min(end, grid.start(zone, day) + (slot + 1) * grid.SLOT)
        yield day, slot, (until - begin).total_seconds()
        begin = until
