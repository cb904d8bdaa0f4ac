"""The logger's local wall clock: dates and times as it writes them, and which of two equal times is meant."""

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from zoneinfo import ZoneInfo

from apps.measurements import grid

_DATE = re.compile(r"\s*([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{2}|[0-9]{4})\s*")
_TIME = re.compile(r"\s*([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?\s*")
_OLDEST = dt.date(2001, 1, 1)  # loggers whose clock is not set begin in 2000 or earlier
_SAME_HOUR = dt.timedelta(hours=3)
_SLOTS = 288  # of a day on which clocks do not change


class BadTime(ValueError):
    """No time a logger can have meant; the message is the reason to report."""


@lru_cache(maxsize=64)  # hundreds of records bear the same date
def parse_date(text: str) -> dt.date:
    """`DD.MM.YY` or `DD.MM.YYYY`."""
    match = _DATE.fullmatch(text)
    if match is None:
        raise BadTime("not a date")
    day, month, year = (int(part) for part in match.groups())
    try:
        return dt.date(year if year > 99 else 2000 + year, month, day)
    except ValueError as error:
        raise BadTime("impossible date") from error


def parse_day(text: str, latest: dt.date) -> dt.date:
    """A date on which a logger can have counted: not before there were any, not after `latest`."""
    day = parse_date(text)
    if day < _OLDEST:
        raise BadTime("impossible date: the logger's clock was not set")
    if day > latest:
        raise BadTime("impossible date: it lies in the future")
    return day


def parse_wall(text: str, latest: dt.date) -> dt.datetime:
    """`DD.MM.YY HH:MM:SS` as a naive local time."""
    date, _, time = text.strip().partition(" ")
    day = parse_day(date, latest)
    match = _TIME.fullmatch(time)
    if match is None:
        raise BadTime("not a time")
    hour, minute, second = (int(part or 0) for part in match.groups())
    try:
        return dt.datetime.combine(day, dt.time(hour, minute, second))
    except ValueError as error:
        raise BadTime("impossible time") from error


def latest_day(now: dt.datetime) -> dt.date:
    """The last date that is not the future anywhere, so a logger's clock may be a little ahead."""
    return (now + dt.timedelta(days=1)).date()


@lru_cache(maxsize=64)
def _offset(zone: ZoneInfo, day: dt.date) -> dt.timedelta | None:
    """From UTC to the wall clock, where it is the same from one midnight to the next."""
    begin = dt.datetime.combine(day, dt.time(), zone)
    end = begin + dt.timedelta(days=1)
    same = grid.slots(zone, day) == _SLOTS and begin.utcoffset() == end.utcoffset()
    return begin.utcoffset() if same else None


def moment(zone: ZoneInfo, wall: dt.datetime, *, second: bool = False) -> dt.datetime:
    """The absolute time of a wall-clock time. Raises BadTime where clocks skipped it."""
    offset = _offset(zone, wall.date())
    if offset is not None:
        return (wall - offset).replace(tzinfo=dt.UTC)
    try:
        grid.locate_wall(zone, wall, second=second)
    except grid.NoSuchTime as error:
        raise BadTime(str(error)) from error
    return wall.replace(tzinfo=zone, fold=int(second)).astimezone(dt.UTC)


def second_passes(zone: ZoneInfo, walls: Iterable[dt.datetime]) -> list[bool]:
    """For wall-clock times in the order they happened: is the later of two equal times meant?

    In the hour that clocks repeat, the second pass begins where the wall clock steps back. An hour recorded
    only once is taken as the first pass.
    """
    passes = []
    before: dt.datetime | None = None
    second = False
    for wall in walls:
        if _offset(zone, wall.date()) is not None or not grid.is_ambiguous(zone, wall):
            passes.append(False)
            continue
        near = before is not None and abs(wall - before) < _SAME_HOUR
        second = near and (second or (before is not None and wall < before))
        before = wall
        passes.append(second)
    return passes


def chronological(walls: Sequence[dt.datetime]) -> bool:
    """Whether the times ascend, judged by their ends. Loggers write the newest first, exporters vary."""
    return len(walls) < 2 or walls[0] < walls[-1]
