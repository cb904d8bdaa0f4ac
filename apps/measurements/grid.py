"""The 5-minute grid of a local day: zones, DST, slots and timestamps.

A day has one slot for every 5 minutes that pass between its local midnight and the next: 288 normally, 276 and
300 when clocks change by an hour. A slot is an absolute time, so an hour that occurs twice has two sets of slots.
"""

import calendar
import datetime as dt
from collections.abc import Iterator
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]  # one value per slot (or per day, month, year of a period), NaN where there is none

SLOT = dt.timedelta(minutes=5)
_TIMES = tuple(f"T{minute // 60:02}:{minute % 60:02}:00" for minute in range(0, 24 * 60, 5))


class NoSuchTime(ValueError):
    """A wall-clock time that the zone skips, such as 02:30 on the day clocks go forward."""


@lru_cache(maxsize=4096)
def start(zone: ZoneInfo, day: dt.date) -> dt.datetime:
    """The first moment of the local day, in UTC. Where clocks skip midnight this is 01:00 local time.

    A date that a zone skipped altogether (Samoa, 30 December 2011) begins where the next one does: it has no slots.
    """
    return dt.datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(dt.UTC)


@lru_cache(maxsize=4096)
def slots(zone: ZoneInfo, day: dt.date) -> int:
    """How many 5-minute slots the local day has."""
    return (start(zone, day + dt.timedelta(days=1)) - start(zone, day)) // SLOT


@lru_cache(maxsize=64)
def keys(zone: ZoneInfo, day: dt.date) -> tuple[str, ...]:
    """The ISO time with offset of every slot, ascending: `2025-03-30T03:00:00+02:00`."""
    first, count = start(zone, day), slots(zone, day)
    begin, end = first.astimezone(zone), (first + (count - 1) * SLOT).astimezone(zone)
    if count == len(_TIMES) and begin.utcoffset() == end.utcoffset():
        date, offset = begin.date().isoformat(), begin.isoformat()[19:]
        return tuple((date + f"{offset} {date}".join(_TIMES) + offset).split())
    return tuple((first + slot * SLOT).astimezone(zone).isoformat() for slot in range(count))


def slot_start(moment: dt.datetime) -> dt.datetime:
    """The beginning, in UTC, of the slot an aware moment falls into, which is the same in every zone."""
    moment = moment.astimezone(dt.UTC)
    return moment.replace(minute=moment.minute - moment.minute % 5, second=0, microsecond=0)


def locate(zone: ZoneInfo, moment: dt.datetime) -> tuple[dt.date, int]:
    """The local day and slot an aware moment falls into."""
    day = moment.astimezone(zone).date()
    if moment >= start(zone, day + dt.timedelta(days=1)):
        day += dt.timedelta(days=1)  # clocks went back over midnight after it had struck (St. John's until 2011)
    return day, (moment - start(zone, day)) // SLOT


def locate_wall(zone: ZoneInfo, wall: dt.datetime, *, second: bool = False) -> tuple[dt.date, int]:
    """The local day and slot of a naive wall-clock time; `second` picks the later of two equal ones.

    Raises NoSuchTime for a time that clocks skipped.
    """
    moment = wall.replace(tzinfo=zone, fold=int(second)).astimezone(dt.UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != wall:
        raise NoSuchTime(f"{wall:%Y-%m-%d %H:%M} does not exist in {zone.key}")
    return locate(zone, moment)


def is_ambiguous(zone: ZoneInfo, wall: dt.datetime) -> bool:
    """Whether a naive wall-clock time occurs twice."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    return first is not None and second is not None and first > second


def today(zone: ZoneInfo, now: dt.datetime) -> dt.date:
    """The local day at the moment `now`."""
    return locate(zone, now)[0]


def elapsed(zone: ZoneInfo, day: dt.date, now: dt.datetime) -> int:
    """How many slots of the day have begun: none of a future day, all of a past one."""
    begun = (now - start(zone, day)) // SLOT + 1
    return max(0, min(begun, slots(zone, day)))


def days(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    """Every day from `first` to `last`, both included."""
    for offset in range((last - first).days + 1):
        yield first + dt.timedelta(days=offset)


def month_days(month: dt.date) -> int:
    """How many days the month has that begins on `month`."""
    return calendar.monthrange(month.year, month.month)[1]
