"""The measurement store: writes readings, keeps totals, answers reads. Nobody else knows how values are packed.

A *source* is a device (its cross-epoch id) or one part of it: 0 the device itself, 1..255 its MPP trackers, and
256 + n its string n. The plant's totals are the source `plant.datasource_id`. Values are float64 arrays in the
channel's unit, one per 5-minute slot of the local day (see grid.py), NaN where there is none.

Writes are idempotent per (source, slot, channel): equal readings change nothing, later different ones win, and
day, month and plant totals follow in the same transaction.
"""

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

import numpy as np
from django.db import transaction
from django.db.models import Max, Min

from apps.plants.models import Component, Plant

from . import grid, packing, totals
from .channels import BY_CODE, BY_NAME, Aggregate, Channel
from .grid import Array
from .models import DaySeries, MonthSeries
from .packing import Days, Series
from .totals import Terms

STRING_PART = 256  # the part of string n is STRING_PART + n


@dataclass(frozen=True, slots=True)
class DayReadings:
    """What was read from one device on one local day, by (channel name, part).

    `series` holds one value per slot, NaN where nothing was read. `reported` holds day totals that the device
    itself counted; they speak for days without slots.
    """

    device: UUID
    day: dt.date
    series: Mapping[tuple[str, int], Array] = field(default_factory=dict)
    reported: Mapping[tuple[str, int], float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MonthReadings:
    """Month totals that a device itself counted, by (channel name, part); `month` is its first day."""

    device: UUID
    month: dt.date
    reported: Mapping[tuple[str, int], float]


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


class _PackedRow(NamedTuple):
    day: dt.date
    device: UUID
    data: bytes


class PeriodValues(NamedTuple):
    """One channel of one source over a period: one value per day, month or year, and how many slots stand behind it."""

    source: Source
    channel: Channel
    values: Array
    counts: Array


# --- Writing ---------------------------------------------------------------------------------------------


def write(plant: Plant, days: Iterable[DayReadings] = (), months: Iterable[MonthReadings] = ()) -> int:
    """Store readings of one plant; returns how many values are new or different.

    Raises ValueError for a series whose length is not the number of slots of its day.
    """
    day_list, month_list = list(days), list(months)
    with transaction.atomic():
        # One writer per plant at a time: a day is read, merged and written back.
        Plant.objects.select_for_update(no_key=True).only("pk").get(pk=plant.pk)
        changed_days, changed_values = _merge_days(plant, day_list)
        plant_days = _update_plant_totals(plant, {day for _, day in changed_days})
        _update_months(plant, changed_days | plant_days, month_list)
    return changed_values


_DayKey = tuple[UUID, dt.date]
_Rows = dict[_DayKey, dict[packing.SeriesKey, Series]]
_MonthRows = dict[_DayKey, dict[packing.SeriesKey, Days]]


def _merge_days(plant: Plant, readings: list[DayReadings]) -> tuple[_Rows, int]:
    """Merge readings into their day rows and store the rows that changed."""
    if not readings:
        return {}, 0
    rows = _load_days(plant, {reading.device for reading in readings}, {reading.day for reading in readings})
    changed: _Rows = {}
    changes = 0
    for reading in readings:
        row = rows.setdefault((reading.device, reading.day), {})
        count = _merge(row, reading, grid.slots(plant.zone, reading.day))
        if count:
            changed[reading.device, reading.day] = row
            changes += count
    _save_days(plant, changed)
    return changed, changes


def _merge(row: dict[packing.SeriesKey, Series], reading: DayReadings, slots: int) -> int:
    """Lay a reading over a day row; returns how many values are new or different."""
    changes = 0
    for key in reading.series.keys() | reading.reported.keys():
        name, part = key
        channel = BY_NAME[name]
        old = row.get((channel.code, part)) or Series(np.full(slots, np.nan), channel.decimals)
        read = reading.series.get(key, old.values)
        if read.size != slots:
            raise ValueError(f"{name} of {reading.day} has {read.size} values, the day has {slots} slots")
        values = np.where(np.isnan(read), old.values, np.round(read, channel.decimals))
        reported = reading.reported.get(key, old.reported)
        count = int(np.count_nonzero((values != old.values) & ~np.isnan(values))) + (reported != old.reported)
        if count:
            row[channel.code, part] = Series(values, channel.decimals, reported)
            changes += count
    return changes


def _load_days(plant: Plant, devices: Collection[UUID], days: Collection[dt.date]) -> _Rows:
    rows = DaySeries.objects.filter(plant=plant, device_id__in=devices, day__in=days)
    found = rows.values_list("device_id", "day", "data")
    return {(device, day): packing.unpack_day(bytes(data)) for device, day, data in found}


def _save_days(plant: Plant, rows: _Rows) -> None:
    DaySeries.objects.bulk_create(
        [
            DaySeries(plant=plant, device_id=device, day=day, data=packing.pack_day(row))
            for (device, day), row in rows.items()
        ],
        update_conflicts=True,
        unique_fields=["plant", "device_id", "day"],
        update_fields=["data"],
    )


def _update_plant_totals(plant: Plant, days: set[dt.date]) -> _Rows:
    """Sum the plant's components anew for these days and store the sums that changed."""
    if not days:
        return {}
    kinds = {
        row.cross_epoch_id: row
        for row in Component.objects.filter(epoch__plant=plant).order_by("epoch__active_from")
    }
    rows = _load_days(plant, [*kinds, plant.datasource_id], days)
    changed: _Rows = {}
    for day in days:
        before = rows.get((plant.datasource_id, day), {})
        devices = [(kinds[device], row) for (device, at), row in rows.items() if at == day and device in kinds]
        after = before | _totals_of(devices, before)
        if _differs(before, after):
            changed[plant.datasource_id, day] = after
    _save_days(plant, changed)
    # Totals imported at plant level changed the row itself: its month follows even where sums did not.
    return {(plant.datasource_id, day): rows.get((plant.datasource_id, day), {}) for day in days} | changed


def _totals_of(
    devices: Sequence[tuple[Component, Mapping[packing.SeriesKey, Series]]], before: Mapping[packing.SeriesKey, Series]
) -> dict[packing.SeriesKey, Series]:
    """The plant's series of one day: sums where components have values, imported plant values elsewhere."""
    sums = totals.plant_totals(
        totals.Measured(
            component.type,
            frozenset(component.classes),
            {BY_CODE[code].name: series.values for (code, part), series in row.items() if part == 0},
        )
        for component, row in devices
    )
    reported: dict[str, float] = defaultdict(float)
    for component, row in devices:
        for (code, part), series in row.items():
            name = BY_CODE[code].name
            if part == 0 and series.reported is not None and name in sums and "production" in component.classes:
                reported[name] += series.reported
    result: dict[packing.SeriesKey, Series] = {}
    for name, values in sums.items():
        channel = BY_NAME[name]
        old = before.get((channel.code, 0))
        rounded = np.round(values, channel.decimals)
        merged = np.where(np.isnan(rounded), old.values, rounded) if old else rounded
        result[channel.code, 0] = Series(merged, channel.decimals, reported.get(name, old.reported if old else None))
    return result


def _differs(before: Mapping[packing.SeriesKey, Series], after: Mapping[packing.SeriesKey, Series]) -> bool:
    return before.keys() != after.keys() or any(
        before[key].reported != series.reported or not np.array_equal(before[key].values, series.values, equal_nan=True)
        for key, series in after.items()
    )


def _update_months(plant: Plant, days: _Rows, readings: list[MonthReadings]) -> None:
    """Recompute the daily values of the changed days in their month rows, and keep reported month totals."""
    touched = {(device, day.replace(day=1)) for device, day in days}
    touched |= {(reading.device, reading.month) for reading in readings}
    touched |= {(plant.datasource_id, reading.month) for reading in readings}
    if not touched:
        return
    found = MonthSeries.objects.filter(
        plant=plant, device_id__in={device for device, _ in touched}, month__in={month for _, month in touched}
    ).values_list("device_id", "month", "data")
    rows = {(device, month): packing.unpack_month(bytes(data)) for device, month, data in found}
    for (device, day), series in days.items():
        row = rows.setdefault((device, day.replace(day=1)), {})
        for key, values in series.items():
            _set_day(row, key, day, values)
    for reading in readings:
        _set_reported(rows.setdefault((reading.device, reading.month), {}), reading)
    for month in {reading.month for reading in readings}:
        _sum_reported(plant, rows, month)
    MonthSeries.objects.bulk_create(
        [
            MonthSeries(plant=plant, device_id=device, month=month, data=packing.pack_month(rows[device, month]))
            for device, month in touched
            if rows.get((device, month))
        ],
        update_conflicts=True,
        unique_fields=["plant", "device_id", "month"],
        update_fields=["data"],
    )


def _empty_days(month: dt.date) -> Days:
    count = grid.month_days(month)
    return Days(np.full(count, np.nan), np.zeros(count, np.uint16))


def _set_day(row: dict[packing.SeriesKey, Days], key: packing.SeriesKey, day: dt.date, series: Series) -> None:
    """Write the day's value of one series into its month row."""
    month = row.get(key) or _empty_days(day.replace(day=1))
    known = series.values[~np.isnan(series.values)]
    values, counts = month.values.copy(), month.counts.copy()
    counts[day.day - 1] = known.size
    if BY_CODE[key[0]].aggregate is Aggregate.COUNTER:
        values[day.day - 1] = known.max() if known.size else _or_nan(series.reported)
    else:
        values[day.day - 1] = known.mean() if known.size else np.nan
    row[key] = Days(values, counts, month.reported)


def _set_reported(row: dict[packing.SeriesKey, Days], reading: MonthReadings) -> None:
    for (name, part), value in reading.reported.items():
        key = BY_NAME[name].code, part
        old = row.get(key) or _empty_days(reading.month)
        row[key] = Days(old.values, old.counts, value)


def _sum_reported(plant: Plant, rows: _MonthRows, month: dt.date) -> None:
    """The plant's reported month is the sum of what its producing components reported."""
    producers = set(
        Component.objects.filter(epoch__plant=plant, classes__icontains='"production"').values_list(
            "cross_epoch_id", flat=True
        )
    )
    key = BY_NAME["ProdEtotal"].code, 0
    stored = MonthSeries.objects.filter(plant=plant, device_id__in=producers, month=month)
    months = {device: packing.unpack_month(bytes(data), {key}) for device, data in stored.values_list("device_id", "data")}
    months |= {device: row for (device, at), row in rows.items() if at == month and device in producers}
    values = [row[key].reported for row in months.values() if key in row]
    reported = [value for value in values if value is not None]
    if reported:
        row = rows.setdefault((plant.datasource_id, month), {})
        old = row.get(key) or _empty_days(month)
        row[key] = Days(old.values, old.counts, sum(reported))


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value


# --- Reading ---------------------------------------------------------------------------------------------


class DayRange:
    """The answer of `read_days`: iterate over it for the values, or ask only whether they changed.

    A range of up to a month is fetched once, by one statement; longer ones a month at a time, newest first, so
    that they need no more memory.
    """

    def __init__(
        self, plant: Plant, sources: Sequence[Source], channels: Sequence[Channel], first: dt.date, last: dt.date
    ) -> None:
        self._plant, self._sources, self._channels = plant, sources, channels
        self._wanted = _stored_keys(sources, channels, power=True)
        self._windows = list(_windows(first, last))
        self._fetched: list[_PackedRow] | None = None

    @property
    def is_long(self) -> bool:
        """Whether it takes more than one statement."""
        return len(self._windows) > 1

    def digest(self) -> bytes:
        """Changes whenever a value in the range does; computed from packed rows, without unpacking them."""
        digest = hashlib.blake2b(digest_size=16)
        for row in self._rows():
            digest.update(row.day.isoformat().encode() + row.device.bytes + row.data)
        return digest.digest()

    def __iter__(self) -> Iterator[DayValues]:
        terms = _terms(self._plant)
        for day, rows in groupby(self._rows(), key=attrgetter("day")):
            unpacked = {row.device: packing.unpack_day(row.data, self._wanted[row.device]) for row in rows}
            for source in self._sources:
                if source.device in unpacked and source.since <= day <= source.until:
                    yield from self._values(day, source, unpacked[source.device], terms)

    def _values(
        self, day: dt.date, source: Source, series: Mapping[packing.SeriesKey, Series], terms: Terms
    ) -> Iterator[DayValues]:
        for channel in self._channels:
            values = _day_values(series, source, channel, terms)
            if values is not None and not np.isnan(values).all():
                yield DayValues(day, source, channel, values)

    def _rows(self) -> Iterator[_PackedRow]:
        if self.is_long:
            for first, last in self._windows:
                yield from self._fetch(first, last)
            return
        if self._fetched is None:
            self._fetched = [row for window in self._windows for row in self._fetch(*window)]
        yield from self._fetched

    def _fetch(self, first: dt.date, last: dt.date) -> list[_PackedRow]:
        rows = DaySeries.objects.filter(plant=self._plant, device_id__in=self._wanted, day__range=(first, last))
        found = rows.order_by("-day", "device_id").values_list("day", "device_id", "data")
        return [_PackedRow(day, device, bytes(data)) for day, device, data in found]


def read_days(
    plant: Plant, sources: Sequence[Source], channels: Sequence[Channel], first: dt.date, last: dt.date
) -> DayRange:
    """5-minute values from `first` to `last`, newest day first, inside a day in the order of `sources` and `channels`.

    Series without any value on a day are left out.
    """
    return DayRange(plant, sources, channels, first, last)


def read_month(
    plant: Plant, sources: Sequence[Source], channels: Sequence[Channel], month: dt.date
) -> list[PeriodValues]:
    """Daily values of the month that begins on `month`: sums of energy, means of everything else."""
    rows = _load_months(plant, sources, channels, month, month)

    def daily(device: UUID, channel: Channel, part: int) -> Points | None:
        days = rows.get((device, month), {}).get((channel.code, part))
        return None if days is None else (days.values, days.counts.astype(float))

    return _periods(plant, sources, channels, daily)


def read_year(plant: Plant, sources: Sequence[Source], channels: Sequence[Channel], year: int) -> list[PeriodValues]:
    """Monthly values of a year, January first. Reads at most twelve rows per device."""
    rows = _load_months(plant, sources, channels, dt.date(year, 1, 1), dt.date(year, 12, 1))

    def monthly(device: UUID, channel: Channel, part: int) -> Points | None:
        return _months_of_year(rows, device, channel, part, year)

    return _periods(plant, sources, channels, monthly)


def read_lifetime(
    plant: Plant, sources: Sequence[Source], channels: Sequence[Channel], last_year: int
) -> tuple[dt.date, list[PeriodValues]]:
    """Yearly values from the first year with data to `last_year`, and the first month with data."""
    rows = _load_months(plant, sources, channels, dt.date.min, dt.date(last_year, 12, 1))
    first = min((month for _, month in rows), default=dt.date(last_year, 1, 1))
    years = list(range(first.year, last_year + 1))

    def yearly(device: UUID, channel: Channel, part: int) -> Points | None:
        months = [_months_of_year(rows, device, channel, part, year) for year in years]
        sums = [(np.nan, 0.0) if points is None else _total(channel, *points) for points in months]
        return None if all(points is None for points in months) else _points(sums)

    return first, _periods(plant, sources, channels, yearly)


class Totals:
    """The answer of `read_totals`: sums and means of one source over any span of days inside the range."""

    def __init__(self, rows: _MonthRows, source: Source) -> None:
        self._rows, self._source = rows, source

    def over(self, channel: Channel, first: dt.date, last: dt.date) -> tuple[float, int] | None:
        """Value and number of slots behind it from `first` to `last`, both included; None where nothing is known."""
        parts = []
        for month, begin, end in _months_between(first, last):
            days = self._rows.get((self._source.device, month), {}).get((channel.code, self._source.part))
            if days is not None:
                parts.append(_span_total(channel, days, begin, end))
        value, slots = _total(channel, *_points(parts)) if parts else (np.nan, 0.0)
        return None if np.isnan(value) else (value, int(slots))


def read_totals(
    plant: Plant, source: Source, channels: Sequence[Channel], first: dt.date, last: dt.date
) -> Totals:
    """Everything needed to sum up stored channels over spans of days between `first` and `last`. One statement."""
    return Totals(_load_months(plant, [source], channels, first.replace(day=1), last), source)


def _months_between(first: dt.date, last: dt.date) -> Iterator[tuple[dt.date, int, int]]:
    """Each month of a span: its first day, and the days of the month at which the span begins and ends."""
    while first <= last:
        month = first.replace(day=1)
        end = min(last, month.replace(day=grid.month_days(month)))
        yield month, first.day, end.day
        first = end + dt.timedelta(days=1)


def _span_total(channel: Channel, days: Days, begin: int, end: int) -> tuple[float, float]:
    if begin == 1 and end == days.values.size:
        return _month_total(channel, days)
    return _total(channel, days.values[begin - 1 : end], days.counts[begin - 1 : end].astype(float))


Points = tuple[Array, Array]  # values and how many slots stand behind each


def _points(pairs: Sequence[tuple[float, float]]) -> Points:
    return np.array([value for value, _ in pairs]), np.array([count for _, count in pairs])


def _periods(
    plant: Plant,
    sources: Sequence[Source],
    channels: Sequence[Channel],
    read: Callable[[UUID, Channel, int], Points | None],
) -> list[PeriodValues]:
    """One PeriodValues per source and channel that has any value, in that order."""
    terms = _terms(plant)
    found = []
    for source in sources:
        for channel in channels:
            points = _period_points(source, channel, terms, read)
            if points is not None and not np.isnan(points[0]).all():
                found.append(PeriodValues(source, channel, *points))
    return found


def _period_points(
    source: Source, channel: Channel, terms: Terms, read: Callable[[UUID, Channel, int], Points | None]
) -> Points | None:
    if not channel.derived:
        return read(source.device, channel, source.part)
    parts = [read(source.device, BY_NAME[name], source.part) for name in totals.inputs(channel.name, power=False)]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    values = totals.derive(channel.name, tuple(part[0] for part in known), _sized(terms, source))
    return None if values is None else (values, known[0][1])


def _months_of_year(
    rows: _MonthRows, device: UUID, channel: Channel, part: int, year: int
) -> Points | None:
    months = [rows.get((device, dt.date(year, month, 1)), {}).get((channel.code, part)) for month in range(1, 13)]
    if not any(months):
        return None
    return _points([(np.nan, 0.0) if days is None else _month_total(channel, days) for days in months])


def _month_total(channel: Channel, days: Days) -> tuple[float, float]:
    """A month's value. Where days are missing, the month total the device itself reported may know more."""
    value, count = _total(channel, days.values, days.counts.astype(float))
    if days.reported is not None and np.isnan(days.values).any():
        value = float(np.fmax(value, days.reported))
    return value, count


def _total(channel: Channel, values: Array, counts: Array) -> tuple[float, float]:
    """The value of a period made of shorter ones: the sum of counters, the mean over slots of everything else."""
    known = ~np.isnan(values)
    if not known.any():
        return np.nan, 0.0
    slots = float(counts[known].sum())
    if channel.aggregate is Aggregate.COUNTER:
        return float(values[known].sum()), slots
    return float(values[known] @ counts[known]) / slots, slots


_Wanted = dict[UUID, set[packing.SeriesKey]]
_WINDOW = dt.timedelta(days=31)  # days fetched at once while a long range streams


def _stored_keys(sources: Sequence[Source], channels: Sequence[Channel], *, power: bool) -> _Wanted:
    """Which packed series answer a question, by device; derived channels need those they are computed from."""
    wanted: _Wanted = defaultdict(set)
    for channel in channels:
        names = totals.inputs(channel.name, power=power) if channel.derived else (channel.name,)
        for source in sources:
            wanted[source.device] |= {(BY_NAME[name].code, source.part) for name in names}
    return wanted


def _windows(first: dt.date, last: dt.date) -> Iterator[tuple[dt.date, dt.date]]:
    """The range in pieces of at most _WINDOW, newest first."""
    while first <= last:
        start = max(first, last - _WINDOW + dt.timedelta(days=1))
        yield start, last
        last = start - dt.timedelta(days=1)


def _day_values(
    series: Mapping[packing.SeriesKey, Series], source: Source, channel: Channel, terms: Terms
) -> Array | None:
    if not channel.derived:
        found = series.get((channel.code, source.part))
        return None if found is None else found.values
    names = totals.inputs(channel.name, power=True)
    keys = [(BY_NAME[name].code, source.part) for name in names]
    if any(key not in series for key in keys):
        return None
    values = totals.derive(channel.name, tuple(series[key].values for key in keys), _sized(terms, source))
    return None if values is None else np.round(values, channel.decimals)


def _load_months(
    plant: Plant, sources: Sequence[Source], channels: Sequence[Channel], first: dt.date, last: dt.date
) -> _MonthRows:
    wanted = _stored_keys(sources, channels, power=False)
    rows = MonthSeries.objects.filter(plant=plant, device_id__in=set(wanted), month__range=(first, last))
    return {
        (device, month): packing.unpack_month(bytes(data), wanted[device])
        for device, month, data in rows.values_list("device_id", "month", "data")
    }


def _terms(plant: Plant) -> Terms:
    def price(value: Decimal | None) -> float | None:
        return None if value is None else float(value)

    return Terms(plant.size, price(plant.electricity_cost), price(plant.feed_in_tariff))


def _sized(terms: Terms, source: Source) -> Terms:
    """A component or tracker is normalised by its own size, the data source by the plant's."""
    return replace(terms, size=source.size)


def data_range(plant: Plant) -> tuple[dt.date, dt.date] | None:
    """The first and the last local day with data of a plant; None without any."""
    found = DaySeries.objects.filter(plant=plant).aggregate(first=Min("day"), last=Max("day"))
    return None if found["first"] is None else (found["first"], found["last"])
