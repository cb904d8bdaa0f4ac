"""The measurement store: writes readings, keeps totals, answers reads. Nobody else knows how values are packed.

A *source* is a device (its cross-epoch id) or one part of it: 0 the device itself, 1..255 its MPP trackers, and
256 + n its string n. The plant's totals are the source `plant.datasource_id`. Values are float64 arrays in the
channel's unit, one per 5-minute slot of the local day (see grid.py), NaN where there is none.

Writes are idempotent per (source, slot, channel): equal readings change nothing, later different ones win, and
day, month and plant totals follow in the same transaction.

Imports are packed at once (`write`); what a logger delivers (`write_fresh`) is kept as it came until it is packed
(`seal`), and reads know it at once.

This is the door for everybody else; behind it are writing.py, merging.py (what rows become with readings laid over
them), tiers.py (reads packed and fresh rows as one), latest.py (the newest values of a plant), rows.py (fetch, unpack,
pack, save), periods.py (days to months to years), totals.py (sums, flows, derived channels), packing.py and fresh.py.
"""

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

import numpy as np

from apps.plants.models import Plant

from . import grid, periods, rows, tiers, totals
from .channels import BY_NAME, Channel
from .grid import Array
from .merging import DayReadings, MonthReadings
from .periods import Points
from .rows import DayRow, Days, MonthRow, PackedDay, RowKey, SeriesKey, Stored, fresh_backlog
from .totals import Terms
from .writing import Point, find_latest, follow_fresh, seal, write, write_fresh

__all__ = [
    "STRING_PART",
    "DayRange",
    "DayReadings",
    "DayValues",
    "MonthReadings",
    "PeriodValues",
    "Point",
    "Source",
    "Stored",
    "Totals",
    "data_range",
    "find_latest",
    "follow_fresh",
    "fresh_backlog",
    "read_day_of_plants",
    "read_days",
    "read_energy_of_plants",
    "read_lifetime",
    "read_month",
    "read_totals",
    "read_year",
    "seal",
    "stored",
    "write",
    "write_fresh",
]

STRING_PART = 256  # the part of string n is STRING_PART + n
_Months = Mapping[RowKey, MonthRow]
_WINDOW = dt.timedelta(days=31)  # days fetched at once while a long range streams


@dataclass(frozen=True, slots=True)
class Source:
    """Where a series comes from. `since` and `until` (inclusive) limit a component to its epoch."""

    device: UUID
    part: int = 0
    size: int = 0
    since: dt.date = dt.date.min
    until: dt.date = dt.date.max


class DayValues(NamedTuple):
    """One channel of one source on one day; `values` has one entry per slot."""

    day: dt.date
    source: Source
    channel: Channel
    values: Array


class PeriodValues(NamedTuple):
    """One channel of one source over a period: one value per day, month or year, and how many slots stand behind it."""

    source: Source
    channel: Channel
    values: Array
    counts: Array


# --- Days ------------------------------------------------------------------------------------------------


class DayRange:
    """The answer of `read_days`: iterate over it for the values, or ask only whether they changed.

    A range of up to a month is fetched once, by one statement; longer ones a month at a time, newest first, so
    that they need no more memory.
    """

    def __init__(
        self,
        plant: Plant,
        sources: Sequence[Source],
        channels: Sequence[Channel],
        first: dt.date,
        last: dt.date,
        window: dt.timedelta = _WINDOW,
    ) -> None:
        self._plant, self._sources, self._channels = plant, sources, channels
        self._wanted = _stored_keys(sources, channels, power=True)
        self._windows = list(_windows(first, last, window))
        self._fetched: list[PackedDay] | None = None

    @property
    def is_long(self) -> bool:
        """Whether it takes more than one statement."""
        return len(self._windows) > 1

    def digest(self) -> bytes:
        """Changes whenever a value in the range does; computed from packed rows, without unpacking them."""
        digest = hashlib.blake2b(digest_size=16)
        if any(channel.derived for channel in self._channels):
            digest.update(repr((_terms(self._plant), [source.size for source in self._sources])).encode())
        for row in self._rows():
            digest.update(row.day.isoformat().encode() + row.device.bytes + row.data)
        return digest.digest()

    def __iter__(self) -> Iterator[DayValues]:
        terms = _terms(self._plant)
        for day, found in groupby(self._rows(), key=attrgetter("day")):
            unpacked = {row.device: rows.unpack_day(row.data, self._wanted[row.device]) for row in found}
            for source in self._sources:
                if source.device in unpacked and source.since <= day <= source.until:
                    yield from self._values(day, source, unpacked[source.device], terms)

    def _values(self, day: dt.date, source: Source, row: DayRow, terms: Terms) -> Iterator[DayValues]:
        for channel in self._channels:
            values = _day_values(row, source, channel, terms)
            if values is not None and not np.isnan(values).all():
                yield DayValues(day, source, channel, values)

    def _rows(self) -> Iterator[PackedDay]:
        if self.is_long:
            for first, last in self._windows:
                yield from tiers.read_day_range(self._plant, self._wanted.keys(), first, last)
            return
        if self._fetched is None:
            self._fetched = [
                row
                for window in self._windows
                for row in tiers.read_day_range(self._plant, self._wanted.keys(), *window)
            ]
        yield from self._fetched


def read_days(
    plant: Plant,
    sources: Sequence[Source],
    channels: Sequence[Channel],
    first: dt.date,
    last: dt.date,
    window: dt.timedelta = _WINDOW,
) -> DayRange:
    """5-minute values from `first` to `last`, newest day first, inside a day in the order of `sources` and `channels`.

    Series without any value on a day are left out. `window` is how much is fetched at once.
    """
    return DayRange(plant, sources, channels, first, last, window)


def data_range(plant: Plant) -> tuple[dt.date, dt.date] | None:
    """The first and the last local day with data of a plant; None without any."""
    return tiers.first_and_last_day(plant)


def stored(plant: Plant) -> Stored:
    """How much is kept of a plant, without reading it."""
    return rows.stored(plant)


def read_day_of_plants(days: Mapping[Plant, dt.date], channel: Channel) -> dict[UUID, Array]:
    """A stored channel of the totals of several plants, each on a day of its own, by their ids. One statement."""
    key = channel.code, 0
    unpacked = {plant: rows.unpack_day(data, [key]) for plant, data in tiers.read_totals_of(days).items()}
    return {plant: row[key].values for plant, row in unpacked.items() if key in row}


def _windows(first: dt.date, last: dt.date, window: dt.timedelta) -> Iterator[tuple[dt.date, dt.date]]:
    """The range in pieces of at most `window`, newest first."""
    while first <= last:
        start = max(first, last - window + dt.timedelta(days=1))
        yield start, last
        last = start - dt.timedelta(days=1)


def _day_values(row: DayRow, source: Source, channel: Channel, terms: Terms) -> Array | None:
    keys = [(BY_NAME[name].code, source.part) for name in _inputs(channel, power=True)]
    if any(key not in row for key in keys):
        return None
    if not channel.derived:
        return row[keys[0]].values
    values = totals.derive(channel.name, [row[key].values for key in keys], replace(terms, size=source.size))
    return None if values is None else np.round(values, channel.decimals)


# --- Months, years, lifetime -----------------------------------------------------------------------------


def read_month(
    plant: Plant, sources: Sequence[Source], channels: Sequence[Channel], month: dt.date
) -> list[PeriodValues]:
    """Daily values of the month that begins on `month`: sums of energy, means of everything else.

    Series without any value in the period are left out, here and in the two functions below.
    """
    found = _load_months(plant, sources, channels, month, month)

    def daily(_: Channel, months: Sequence[Days]) -> Points:
        return months[0].values, months[0].counts.astype(np.float64)

    return _periods(plant, found, sources, channels, [month], daily)


def read_year(plant: Plant, sources: Sequence[Source], channels: Sequence[Channel], year: int) -> list[PeriodValues]:
    """Monthly values of a year, January first. Reads at most twelve rows per device."""
    months = _months_of(year)
    return _periods(
        plant,
        _load_months(plant, sources, channels, months[0], months[-1]),
        sources,
        channels,
        months,
        periods.month_values,
    )


def read_lifetime(
    plant: Plant, sources: Sequence[Source], channels: Sequence[Channel], last_year: int
) -> tuple[dt.date, list[PeriodValues]]:
    """Yearly values from the first year with data to `last_year`, and the first month with data."""
    found = _load_months(plant, sources, channels, dt.date.min, dt.date(last_year, 12, 1))
    first = min((month for _, month in found), default=dt.date(last_year, 1, 1))
    months = [month for year in range(first.year, last_year + 1) for month in _months_of(year)]

    def yearly(channel: Channel, series: Sequence[Days]) -> Points:
        values, counts = periods.month_values(channel, series)
        return periods.totals(channel, values.reshape(-1, 12), counts.reshape(-1, 12))

    return first, _periods(plant, found, sources, channels, months, yearly)


def read_energy_of_plants(plants: Sequence[Plant], first: dt.date, last: dt.date) -> Array:
    """Wh that plants produced in the months that begin from `first` to `last`: a row per plant, a column per month.

    NaN where nothing is known. Two statements, one of them on rows of months. The newest month is a minute behind what
    loggers deliver, as it is in lists of plants.
    """
    found = tiers.read_energies(plants, first, last)
    months = [month for month, _, _ in _months_between(first, last)]
    energies = [[found.get(plant.pk, {}).get(month, np.nan) for month in months] for plant in plants]
    return np.array(energies).reshape(len(plants), len(months))


def _months_of(year: int) -> list[dt.date]:
    return [dt.date(year, month, 1) for month in range(1, 13)]


def _periods(
    plant: Plant,
    found: _Months,
    sources: Sequence[Source],
    channels: Sequence[Channel],
    months: Sequence[dt.date],
    reduce: Callable[[Channel, Sequence[Days]], Points],
) -> list[PeriodValues]:
    """One PeriodValues per source and channel that has any value, in that order."""
    terms = _terms(plant)
    answer = []
    for source in sources:
        for channel in channels:
            names = _inputs(channel, power=False)
            series = [_days_of(found, source, names, month) for month in months]
            points = [reduce(BY_NAME[name], [days[at] for days in series]) for at, name in enumerate(names)]
            values: Array | None = points[0][0]
            if channel.derived:
                values = totals.derive(channel.name, [point[0] for point in points], replace(terms, size=source.size))
            if values is not None and not np.isnan(values).all():
                answer.append(PeriodValues(source, channel, values, points[0][1]))
    return answer


# --- Sums over any span ----------------------------------------------------------------------------------


class Totals:
    """The answer of `read_totals`: sums and means of one source over any span of days inside the range."""

    def __init__(self, found: _Months, source: Source) -> None:
        self._found, self._source = found, source
        self._known: dict[tuple[dt.date, tuple[str, ...]], list[Days]] = {}

    def over(self, channel: Channel, first: dt.date, last: dt.date) -> tuple[float, int] | None:
        """Value and number of slots behind it from `first` to `last`, both included; None where nothing is known."""
        found = self.together([channel], first, last)
        return None if found is None else found[0]

    def together(self, channels: Sequence[Channel], first: dt.date, last: dt.date) -> list[tuple[float, int]] | None:
        """The same of several channels, over those days only of which all of them are known."""
        names = tuple(channel.name for channel in channels)
        spans = [(self._days(names, month), begin, end) for month, begin, end in _months_between(first, last)]
        answer = []
        for at, channel in enumerate(channels):
            parts = [periods.span_value(channel, days[at], begin, end) for days, begin, end in spans]
            [value], [slots] = periods.totals(channel, *np.array(parts).reshape(-1, 2).T[:, None])
            answer.append((float(value), int(slots)))
        return None if any(np.isnan(value) for value, _ in answer) else answer

    def _days(self, names: tuple[str, ...], month: dt.date) -> list[Days]:
        if (month, names) not in self._known:
            self._known[month, names] = _days_of(self._found, self._source, names, month)
        return self._known[month, names]


def read_totals(plant: Plant, source: Source, channels: Sequence[Channel], first: dt.date, last: dt.date) -> Totals:
    """Everything needed to sum up stored channels over spans of days between `first` and `last`. One statement."""
    return Totals(_load_months(plant, [source], channels, first.replace(day=1), last), source)


def _months_between(first: dt.date, last: dt.date) -> Iterator[tuple[dt.date, int, int]]:
    """Each month of a span: its first day, and the days of the month at which the span begins and ends."""
    while first <= last:
        month = first.replace(day=1)
        end = min(last, month.replace(day=grid.month_days(month)))
        yield month, first.day, end.day
        first = end + dt.timedelta(days=1)


# --- What all of them share ------------------------------------------------------------------------------


def _inputs(channel: Channel, *, power: bool) -> tuple[str, ...]:
    """The stored channels that answer a question; derived ones need those they are computed from."""
    return totals.inputs(channel.name, power=power) if channel.derived else (channel.name,)


def _stored_keys(sources: Sequence[Source], channels: Sequence[Channel], *, power: bool) -> dict[UUID, set[SeriesKey]]:
    """Which packed series answer a question, by device."""
    codes = {BY_NAME[name].code for channel in channels for name in _inputs(channel, power=power)}
    wanted: dict[UUID, set[SeriesKey]] = defaultdict(set)
    for source in sources:
        wanted[source.device] |= {(code, source.part) for code in codes}
    return wanted


def _load_months(
    plant: Plant, sources: Sequence[Source], channels: Sequence[Channel], first: dt.date, last: dt.date
) -> _Months:
    return tiers.read_month_range(plant, _stored_keys(sources, channels, power=False), first, last)


def _days_of(found: _Months, source: Source, names: Sequence[str], month: dt.date) -> list[Days]:
    """The days of a month of some series, limited to the source's epoch; of several to days all of them have."""
    row = found.get((source.device, month), {})
    days = [row.get((BY_NAME[name].code, source.part)) or periods.empty_month(month) for name in names]
    end = month.replace(day=grid.month_days(month))
    if len(days) == 1 and source.since <= month and end <= source.until:
        return days
    numbers = np.arange(end.day)
    known = (numbers >= (source.since - month).days) & (numbers <= (source.until - month).days)
    known &= ~np.isnan([part.values for part in days]).any(axis=0)
    return [periods.only(part, known) for part in days]


def _terms(plant: Plant) -> Terms:
    def price(value: Decimal | None) -> float | None:
        return None if value is None else float(value)

    return Terms(plant.size, price(plant.electricity_cost), price(plant.feed_in_tariff))
