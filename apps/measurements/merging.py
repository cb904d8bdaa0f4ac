"""What rows become once readings are laid over them. Private to the store.

Everything here is recomputed from what was delivered and never incremented, so that rows end up equal whatever the
order in which readings come: a plant's day follows from the rows of its components and from what was delivered for
the plant as a whole (kept beside it as part DELIVERED), a month's day from the row of that day.

Nothing is stored here: writing.py stores what `merge` makes of packed rows and fresh readings, tiers.py reads it. So a
day that lies in both reads as it will once it is packed.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar
from uuid import UUID

import numpy as np

from apps.plants.models import Component, Plant

from . import grid, periods, rows, totals
from .channels import BY_CODE, BY_NAME, Channel
from .grid import Array
from .rows import DayRow, Days, Fresh, MonthRow, Packed, RowKey, Series, SeriesKey

DELIVERED = 65_535  # in the plant's rows: what was delivered for the plant as a whole, before sums are laid over it

_SUMMED_KEYS = frozenset((BY_NAME[name].code, 0) for name in totals.SUMMED)
_DELIVERED_KEYS = frozenset((code, DELIVERED) for code in BY_CODE)


@dataclass(frozen=True, slots=True)
class DayReadings:
    """What was read from one device on one local day, by (channel name, part).

    `series` holds one value per slot, NaN where nothing was read. `reported` holds day totals of counters that the
    device itself kept; they speak for days without slots.
    """

    device: UUID
    day: dt.date
    series: Mapping[tuple[str, int], Array] = field(default_factory=dict)
    reported: Mapping[tuple[str, int], float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MonthReadings:
    """Month totals of counters that a device itself kept, by (channel name, part); `month` is its first day.

    They speak for months with days of which nothing is known, and never make a month smaller.
    """

    device: UUID
    month: dt.date
    reported: Mapping[tuple[str, int], float]


class Merged(NamedTuple):
    """Rows of days and months that changed, what they were before, and how many values are new or different."""

    days: dict[RowKey, DayRow]
    days_before: Packed
    months: dict[RowKey, MonthRow]
    months_before: Packed
    new: int


def merge(plant: Plant, fresh: Fresh, days: Sequence[DayReadings] = (), months: Sequence[MonthReadings] = ()) -> Merged:
    """What fresh readings, and then others, make of the plant's rows. Three statements, two where nothing is new."""
    older = list(fresh_days(plant, fresh))
    built = structures([plant])[plant.pk]
    readings = [*older, *days]
    devices = {*built, plant.datasource_id, *(one.device for one in readings), *(one.device for one in months)}
    days_before: Packed = {}
    months_before: Packed = {}
    if readings:
        days_before = rows.fetch_days(plant, devices, {one.day for one in readings})
    changed, new_values = merge_days(plant, built, days_before, older, days)
    if changed or months:
        touched = {one.day.replace(day=1) for one in readings} | {one.month for one in months}
        months_before = rows.fetch_months(plant, devices, touched)
    months_now, new_totals = merge_months(plant, built, months_before, changed, months)
    return Merged(changed, days_before, months_now, months_before, new_values + new_totals)


def fresh_days(plant: Plant, fresh: Fresh) -> Iterator[DayReadings]:
    """Fresh readings as those of days, of each series and slot the value that was delivered last."""
    found: dict[RowKey, dict[tuple[str, int], Array]] = defaultdict(dict)
    for moment, data in fresh.items():
        day, slot = grid.locate(plant.zone, moment)
        for device, part, values in rows.unpack_fresh(data):
            series = found[device, day]
            for code, value in values:
                key = BY_CODE[code].name, part
                if key not in series:
                    series[key] = np.full(grid.slots(plant.zone, day), np.nan)
                series[key][slot] = value
    return (DayReadings(device, day, series) for (device, day), series in found.items())


# --- How the plant is built ------------------------------------------------------------------------------


class _Kind(NamedTuple):
    """What a device is from the first day of an epoch on."""

    since: dt.date
    type: str
    classes: frozenset[str]


Structure = dict[UUID, list[_Kind]]  # by cross-epoch id, oldest first


def structures(plants: Collection[Plant]) -> dict[UUID, Structure]:
    """How plants are built, by their ids. One statement."""
    found = Component.objects.filter(epoch__plant__in=plants).order_by("epoch__active_from")
    built: dict[UUID, Structure] = {plant.pk: {} for plant in plants}
    kinds = found.values_list("epoch__plant_id", "cross_epoch_id", "epoch__active_from", "type", "classes")
    for plant, device, since, type_, classes in kinds:
        built[plant].setdefault(device, []).append(_Kind(since, type_, frozenset(classes)))
    return built


_Found = TypeVar("_Found", Series, Days)


def _with_kinds(
    built: Structure, day: dt.date, found: Mapping[UUID, dict[SeriesKey, _Found]]
) -> list[tuple[_Kind, dict[SeriesKey, _Found]]]:
    """The devices that were built in on a day or delivered something although they were not, as what they were then."""
    epoch = max((kind.since for kinds in built.values() for kind in kinds if kind.since <= day), default=None)
    components = []
    for device, kinds in built.items():
        kind = ([kind for kind in kinds if kind.since <= day] or kinds[:1])[-1]
        if kind.since == epoch or found[device]:
            components.append((kind, found[device]))
    return components


def _sum_reported(
    components: Sequence[tuple[_Kind, Mapping[SeriesKey, _Found]]],
    value: Callable[[Channel, _Found], tuple[float, float]],
) -> dict[str, float]:
    """The plant's totals of a day or month where a component reported one: the sum of what each component is worth."""
    spoken = {key for _, row in components for key, series in row.items() if series.reported is not None and not key[1]}
    if not spoken:
        return {}
    worth = [(kind, {BY_CODE[key[0]]: row[key] for key in spoken if key in row}) for kind, row in components]
    sums = totals.sums(
        totals.Measured(
            kind.type,
            kind.classes,
            {channel.name: np.array([value(channel, found)[0]]) for channel, found in row.items()},
        )
        for kind, row in worth
    )
    return {name: float(total[0]) for name, total in sums.items() if not np.isnan(total[0])}


# --- Days ------------------------------------------------------------------------------------------------


def merge_days(
    plant: Plant,
    built: Structure,
    before: Packed,
    older: Iterable[DayReadings],
    newer: Iterable[DayReadings] = (),
    *,
    sum_up: bool = True,
) -> tuple[dict[RowKey, DayRow], int]:
    """Lay readings over their rows and sum the plant anew; returns the rows that changed, and how many newer values."""
    known: dict[RowKey, DayRow] = {}
    changed: dict[RowKey, DayRow] = {}
    _lay_over(plant, before, known, changed, older)
    new_values = _lay_over(plant, before, known, changed, newer)
    if sum_up:
        for day in {day for _, day in changed}:
            changed[plant.datasource_id, day] = _plant_day(plant, built, day, before, changed)
    return changed, new_values


def _lay_over(
    plant: Plant,
    before: Packed,
    known: dict[RowKey, DayRow],
    changed: dict[RowKey, DayRow],
    readings: Iterable[DayReadings],
) -> int:
    """Lay readings over `known` rows, in place, unpacked where they are not yet known; returns how many are new."""
    new_values = 0
    for reading in readings:
        key = reading.device, reading.day
        if key not in known:
            known[key] = rows.unpack_day(before.get(key))
        new = _merge(known[key], reading, grid.slots(plant.zone, reading.day), reading.device == plant.datasource_id)
        if new:
            changed[key] = known[key]
            new_values += new
    return new_values


def _merge(row: DayRow, reading: DayReadings, slots: int, is_plant: bool) -> int:
    """Lay a reading over its row, in place; returns how many values are new or different."""
    new_values = 0
    for name, part in reading.series.keys() | reading.reported.keys():
        channel = BY_NAME[name]
        key = channel.code, DELIVERED if is_plant else part
        old = row.get(key) or Series(np.full(slots, np.nan), channel.decimals)
        series, new = _merged(old, reading.series.get((name, part)), reading.reported.get((name, part)))
        if new:
            row[key] = series
            new_values += new
    return new_values


def _merged(old: Series, read: Array | None, reported: float | None) -> tuple[Series, int]:
    """A series with readings laid over it. What was reported is kept as long as there are no slots."""
    values, new = old.values, 0
    if read is not None:
        values = np.where(np.isnan(read), old.values, np.round(read, old.decimals))
        new = int(np.count_nonzero((values != old.values) & ~np.isnan(values)))
    if not np.isnan(values).all():
        return Series(values, old.decimals), new
    total = old.reported if reported is None else reported
    return Series(values, old.decimals, total), new + (total != old.reported)


def _plant_day(
    plant: Plant, built: Structure, day: dt.date, before: Packed, changed: Mapping[RowKey, DayRow]
) -> DayRow:
    """The plant's row of a day: sums where components have values, what was delivered for the plant elsewhere."""

    def row(device: UUID, wanted: Collection[SeriesKey]) -> DayRow:
        found = changed.get((device, day))
        return rows.unpack_day(before.get((device, day)), wanted) if found is None else found

    delivered = {key: series for key, series in row(plant.datasource_id, _DELIVERED_KEYS).items() if key[1]}
    components = _with_kinds(built, day, {device: row(device, _SUMMED_KEYS) for device in built})
    sums = totals.plant_totals(_measured(kind, found) for kind, found in components)
    reported = _sum_reported(components, periods.day_value)
    shown = dict(delivered)
    for name in sums.keys() | {BY_CODE[code].name for code, _ in delivered}:
        channel = BY_NAME[name]
        series = _shown(channel, sums.get(name), delivered.get((channel.code, DELIVERED)))
        total = reported.get(name, series.reported)
        if total is not None or not np.isnan(series.values).all():
            shown[channel.code, 0] = replace(series, reported=total)
    return shown


def _measured(kind: _Kind, row: DayRow) -> totals.Measured:
    values = {BY_CODE[code].name: series.values for (code, part), series in row.items() if not part}
    return totals.Measured(kind.type, kind.classes, values)


def _shown(channel: Channel, total: Array | None, delivered: Series | None) -> Series:
    """A plant's series: a sum where it is known, what was delivered elsewhere."""
    if total is None:
        return delivered or Series(np.empty(0), channel.decimals)
    total = np.round(total, channel.decimals)
    if delivered is None:
        return Series(total, channel.decimals)
    values = np.where(np.isnan(total), delivered.values, total)
    return Series(values, channel.decimals, delivered.reported if np.isnan(values).all() else None)


# --- Months ----------------------------------------------------------------------------------------------


def merge_months(
    plant: Plant,
    built: Structure,
    before: Packed,
    days: Mapping[RowKey, DayRow],
    readings: Sequence[MonthReadings] = (),
) -> tuple[dict[RowKey, MonthRow], int]:
    """Bring changed days and reported totals into the month rows; returns these, and how many totals are new.

    `before` holds the rows of all components in these months.
    """
    touched = {(device, day.replace(day=1)) for device, day in days}
    touched |= {(device, reading.month) for reading in readings for device in (reading.device, plant.datasource_id)}
    months = {key: rows.unpack_month(before.get(key)) for key in touched}
    for (device, day), row in days.items():
        periods.set_day(months[device, day.replace(day=1)], day, {k: s for k, s in row.items() if k[1] != DELIVERED})
    new_totals = sum(
        _report(months[reading.device, reading.month], reading, reading.device == plant.datasource_id)
        for reading in readings
    )
    spoken = {month for (_, month), row in months.items() if any(days.reported is not None for days in row.values())}
    _drop_outranked(row for (device, _), row in months.items() if device != plant.datasource_id)
    if spoken:
        _report_plant(plant, built, spoken, months, before)
    return {key: _without_empty(row) for key, row in months.items()}, new_totals


def _report(row: MonthRow, reading: MonthReadings, is_plant: bool) -> int:
    """Lay reported totals over a month row, in place; returns how many are new or different."""
    new = 0
    for (name, part), value in reading.reported.items():
        key = BY_NAME[name].code, DELIVERED if is_plant else part
        old = row.get(key) or periods.empty_month(reading.month)
        if value != old.reported and not _is_complete(old):
            row[key] = Days(old.values, old.counts, value)
            new += 1
    return new


def _is_complete(days: Days) -> bool:
    return not np.isnan(days.values).any()


def _drop_outranked(device_months: Iterable[MonthRow]) -> None:
    """Forget what was reported of months of which all days are known by now, in place."""
    for row in device_months:
        for key, days in row.items():
            if days.reported is not None and _is_complete(days):
                row[key] = Days(days.values, days.counts)


def _report_plant(
    plant: Plant, built: Structure, spoken: Collection[dt.date], months: Mapping[RowKey, MonthRow], before: Packed
) -> None:
    """Let the plant's months, in place, say the sum of what its components' months are worth."""
    for month in spoken:
        found = {
            device: months[device, month]
            if (device, month) in months
            else rows.unpack_month(before.get((device, month)))
            for device in built
        }
        last_day = month.replace(day=grid.month_days(month))
        reported = _sum_reported(_with_kinds(built, last_day, found), periods.month_value)
        _set_plant_totals(months[plant.datasource_id, month], month, reported)


def _set_plant_totals(row: MonthRow, month: dt.date, reported: Mapping[str, float]) -> None:
    """Components outrank totals delivered for the whole plant, as with days."""
    delivered = {code: days.reported for (code, part), days in row.items() if part == DELIVERED}
    summed = {BY_NAME[name].code: value for name, value in reported.items()}
    for code in {code for code, _ in row} | summed.keys():
        old = row.get((code, 0)) or periods.empty_month(month)
        row[code, 0] = Days(
            old.values, old.counts, summed.get(code, None if _is_complete(old) else delivered.get(code))
        )


def _without_empty(row: MonthRow) -> MonthRow:
    return {key: days for key, days in row.items() if days.reported is not None or not np.isnan(days.values).all()}
