"""Writing into the measurement store: readings in, with day, month and plant totals following. Private to the store.

Everything here is recomputed from what was delivered and never incremented, so that rows end up equal whatever the
order in which readings come: a plant's day follows from the rows of its components and from what was delivered for
the plant as a whole (kept beside it as part DELIVERED), a month's day from the row of that day.
"""

import datetime as dt
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar
from uuid import UUID

import numpy as np
from django.db import transaction

from apps.plants.models import Component, Plant

from . import grid, latest, periods, rows, totals
from .channels import BY_CODE, BY_NAME, Aggregate, Channel
from .grid import Array
from .rows import DayRow, Days, MonthRow, Packed, RowKey, Series, SeriesKey

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


def write(plant: Plant, days: Iterable[DayReadings] = (), months: Iterable[MonthReadings] = ()) -> int:
    """Store readings of one plant; returns how many values are new or different.

    Values of a component outrank those delivered for the plant as a whole (device `plant.datasource_id`), which show
    where no component has any. Eight statements for up to 200 rows of days (nine where totals were reported).

    Raises ValueError, and changes nothing, for a series whose length is not the number of slots of its day, for a
    channel that is unknown or derived, and for totals reported of anything but a counter.
    """
    day_list, month_list = list(days), list(months)
    for reading in day_list:
        _check_day(plant, reading)
    for totals_of_month in month_list:
        _check_month(plant, totals_of_month)
    if not day_list and not month_list:
        return 0
    with transaction.atomic():
        # One writer per plant at a time: a day is read, merged and written back.
        Plant.objects.select_for_update(no_key=True).only("pk").get(pk=plant.pk)
        structure = _structure(plant)
        days_now, new_values = _write_days(plant, structure, day_list)
        months_now, new_totals = _write_months(plant, structure, days_now, month_list)
        if months_now:
            latest.follow(plant, _of_plant(plant, days_now), _of_plant(plant, months_now))
        return new_values + new_totals


_Row = TypeVar("_Row", DayRow, MonthRow)


def _of_plant(plant: Plant, written: Mapping[RowKey, _Row]) -> dict[dt.date, _Row]:
    """Those rows that hold the plant's totals, by day or month."""
    return {date: row for (device, date), row in written.items() if device == plant.datasource_id}


# --- What may be written ---------------------------------------------------------------------------------


def _check_day(plant: Plant, reading: DayReadings) -> None:
    slots = grid.slots(plant.zone, reading.day)
    for (name, part), values in reading.series.items():
        _stored_channel(plant, reading.device, name, part)
        if values.shape != (slots,):
            raise ValueError(f"{name} of {reading.day} has {values.size} values, the day has {slots} slots")
    for (name, part), value in reading.reported.items():
        _check_reported(_stored_channel(plant, reading.device, name, part), value)


def _check_month(plant: Plant, reading: MonthReadings) -> None:
    if reading.month.day != 1:
        raise ValueError(f"{reading.month} is not the first day of a month")
    for (name, part), value in reading.reported.items():
        _check_reported(_stored_channel(plant, reading.device, name, part), value)


def _stored_channel(plant: Plant, device: UUID, name: str, part: int) -> Channel:
    channel = BY_NAME.get(name)
    if channel is None or channel.derived:
        raise ValueError(f"{name} is not a channel that is stored")
    if not 0 <= part < DELIVERED or (part and device == plant.datasource_id):
        raise ValueError(f"{name}: the device has no part {part}")
    return channel


def _check_reported(channel: Channel, value: float) -> None:
    if channel.aggregate is not Aggregate.COUNTER or not math.isfinite(value):
        raise ValueError(f"{channel.name}: {value} cannot be a reported total")


# --- How the plant is built ------------------------------------------------------------------------------


class _Kind(NamedTuple):
    """What a device is from the first day of an epoch on."""

    since: dt.date
    type: str
    classes: frozenset[str]


_Structure = dict[UUID, list[_Kind]]  # by cross-epoch id, oldest first


def _structure(plant: Plant) -> _Structure:
    found = Component.objects.filter(epoch__plant=plant).order_by("epoch__active_from")
    structure: _Structure = {}
    for device, *kind in found.values_list("cross_epoch_id", "epoch__active_from", "type", "classes"):
        structure.setdefault(device, []).append(_Kind(kind[0], kind[1], frozenset(kind[2])))
    return structure


_Found = TypeVar("_Found", Series, Days)


def _with_kinds(
    structure: _Structure, day: dt.date, found: Mapping[UUID, dict[SeriesKey, _Found]]
) -> list[tuple[_Kind, dict[SeriesKey, _Found]]]:
    """The devices that were built in on a day or delivered something although they were not, as what they were then."""
    epoch = max((kind.since for kinds in structure.values() for kind in kinds if kind.since <= day), default=None)
    components = []
    for device, kinds in structure.items():
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


def _write_days(plant: Plant, structure: _Structure, readings: list[DayReadings]) -> tuple[dict[RowKey, DayRow], int]:
    """Merge readings into their rows and sum the plant anew; returns the rows that changed, and how many values."""
    if not readings:
        return {}, 0
    devices = {*structure, plant.datasource_id, *(reading.device for reading in readings)}
    before = rows.fetch_days(plant, devices, {reading.day for reading in readings})
    changed, new_values = _merge_all(plant, before, readings)
    for day in {day for _, day in changed}:
        changed[plant.datasource_id, day] = _plant_day(plant, structure, day, before, changed)
    rows.save_days(plant, changed, before)
    return changed, new_values


def _merge_all(plant: Plant, before: Packed, readings: list[DayReadings]) -> tuple[dict[RowKey, DayRow], int]:
    merged: dict[RowKey, DayRow] = {}
    changed: dict[RowKey, DayRow] = {}
    new_values = 0
    for reading in readings:
        key = reading.device, reading.day
        if key not in merged:
            merged[key] = rows.unpack_day(before.get(key))
        new = _merge(merged[key], reading, grid.slots(plant.zone, reading.day), reading.device == plant.datasource_id)
        if new:
            changed[key] = merged[key]
            new_values += new
    return changed, new_values


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
    plant: Plant, structure: _Structure, day: dt.date, before: Packed, changed: Mapping[RowKey, DayRow]
) -> DayRow:
    """The plant's row of a day: sums where components have values, what was delivered for the plant elsewhere."""

    def row(device: UUID, wanted: Collection[SeriesKey]) -> DayRow:
        found = changed.get((device, day))
        return rows.unpack_day(before.get((device, day)), wanted) if found is None else found

    delivered = {key: series for key, series in row(plant.datasource_id, _DELIVERED_KEYS).items() if key[1]}
    components = _with_kinds(structure, day, {device: row(device, _SUMMED_KEYS) for device in structure})
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


def _write_months(
    plant: Plant, structure: _Structure, days: Mapping[RowKey, DayRow], readings: list[MonthReadings]
) -> tuple[dict[RowKey, MonthRow], int]:
    """Bring changed days and reported totals into the month rows; returns these, and how many totals are new."""
    touched = {(device, day.replace(day=1)) for device, day in days}
    touched |= {(device, reading.month) for reading in readings for device in (reading.device, plant.datasource_id)}
    if not touched:
        return {}, 0
    before = rows.fetch_months(plant, {device for device, _ in touched}, {month for _, month in touched})
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
        _report_plant(plant, structure, spoken, months)
    rows.save_months(plant, {key: _without_empty(row) for key, row in months.items()}, before)
    return months, new_totals


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
    plant: Plant, structure: _Structure, spoken: Collection[dt.date], months: Mapping[RowKey, MonthRow]
) -> None:
    """Let the plant's months, in place, say the sum of what its components' months are worth."""
    others = rows.fetch_months(plant, set(structure), spoken)
    for month in spoken:
        found = {
            device: months[device, month]
            if (device, month) in months
            else rows.unpack_month(others.get((device, month)))
            for device in structure
        }
        last_day = month.replace(day=grid.month_days(month))
        components = _with_kinds(structure, last_day, found)
        reported = _sum_reported(components, periods.month_value)
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
