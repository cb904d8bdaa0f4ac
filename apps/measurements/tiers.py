"""Packed rows and fresh readings read as one: a row is what it will be when all is packed. Private to the store.

Where nothing is fresh this costs nothing: packed and fresh rows come by one statement. Where something is, its days go
through the same functions that pack them, so every answer, its digest included, is the one after the next `seal`.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping
from itertools import islice
from operator import attrgetter
from typing import TypeVar
from uuid import UUID

from apps.plants.models import Plant

from . import grid, merging, periods, rows
from .channels import BY_NAME
from .merging import Structure
from .rows import DayRow, Days, Fresh, MonthRow, Packed, PackedDay, RowKey, Wanted

_Row = TypeVar("_Row", bytes, DayRow, MonthRow)
_ENERGY = BY_NAME["ProdEtotal"]
_ROWS_AT_ONCE = 2000  # that are unpacked before their values are summed up


def read_day_range(plant: Plant, devices: Collection[UUID], first: dt.date, last: dt.date) -> list[PackedDay]:
    """The rows of these devices from `first` to `last`, newest day first."""
    packed, fresh = rows.fetch_day_range(plant, devices, first, last)
    if fresh:
        packed = _merged_days(plant, devices, packed, fresh)
    found = [PackedDay(day, device, data) for (device, day), data in packed.items()]
    found.sort(key=attrgetter("device"))
    return sorted(found, key=attrgetter("day"), reverse=True)


def _merged_days(plant: Plant, devices: Collection[UUID], packed: Packed, fresh: Fresh) -> Packed:
    """Rows of days with what is fresh; the plant's own need those of all its components."""
    readings = list(merging.fresh_days(plant, fresh))
    if plant.datasource_id not in devices:
        own = [reading for reading in readings if reading.device in devices]
        changed, _ = merging.merge_days(plant, {}, packed, own, sum_up=False)
        return packed | rows.pack_days(changed, packed)
    built = merging.structures([plant])[plant.pk]
    days = {reading.day for reading in readings}
    before = rows.fetch_days(plant, {*built, *devices}, days)  # newer than `packed`: some may be packed by now
    changed, _ = merging.merge_days(plant, built, before, readings)
    others = {key: data for key, data in packed.items() if key[1] not in days}
    return others | _only(devices, before | rows.pack_days(_only(devices, changed), before))


def read_month_range(plant: Plant, wanted: Wanted, first: dt.date, last: dt.date) -> dict[RowKey, MonthRow]:
    """The wanted series of the months that begin from `first` to `last`."""
    packed, fresh = rows.fetch_month_range(plant, wanted.keys(), first, last)
    if fresh:
        packed |= _merged_months(plant, wanted.keys(), fresh)
    return {(device, month): rows.unpack_month(data, wanted[device]) for (device, month), data in packed.items()}


def _merged_months(plant: Plant, devices: Collection[UUID], fresh: Fresh) -> Packed:
    """Rows of those months that have something fresh."""
    merged = merging.merge(plant, fresh)
    before = merged.months_before
    if not merged.months:  # all of it is packed by now
        months = {grid.locate(plant.zone, slot)[0].replace(day=1) for slot in fresh}
        before = rows.fetch_months(plant, devices, months)
    return _only(devices, before | rows.pack_months(_only(devices, merged.months), before))


def _only(devices: Collection[UUID], found: Mapping[RowKey, _Row]) -> dict[RowKey, _Row]:
    return {key: row for key, row in found.items() if key[0] in devices}


def read_totals_of(days: Mapping[Plant, dt.date]) -> dict[UUID, bytes]:
    """The rows of several plants' totals, each on a day of its own, by the plants' ids."""
    keys = [(plant, plant.datasource_id, day) for plant, day in days.items()]
    fresh = rows.fetch_fresh_of_plants(days)
    found = {plant: data for plant, row in rows.fetch_days_of_plants(keys).items() for data in row.values()}
    return found | _merged_totals(days, fresh) if fresh else found


def _merged_totals(days: Mapping[Plant, dt.date], fresh: Mapping[Plant, Fresh]) -> dict[UUID, bytes]:
    built = merging.structures(list(fresh))
    keys = [(plant, device, days[plant]) for plant in fresh for device in (*built[plant.pk], plant.datasource_id)]
    before = rows.fetch_days_of_plants(keys)
    totals = {}
    for plant, slots in fresh.items():
        key = plant.datasource_id, days[plant]
        total = _merged_total(plant, built[plant.pk], before.get(plant.pk, {}), slots, key)
        if total is not None:
            totals[plant.pk] = total
    return totals


def _merged_total(plant: Plant, built: Structure, before: Packed, fresh: Fresh, key: RowKey) -> bytes | None:
    changed, _ = merging.merge_days(plant, built, before, merging.fresh_days(plant, fresh))
    packed = rows.pack_days({key: changed[key]}, before) if key in changed else {}
    return packed.get(key, before.get(key))


def read_energies(plants: Collection[Plant], first: dt.date, last: dt.date) -> dict[UUID, dict[dt.date, float]]:
    """Wh that each plant produced in its months that begin from `first` to `last`. Two statements.

    Fresh readings are not merged, which costs milliseconds for each plant: the newest month of a plant is what lists
    of plants show, a minute behind; in one before it readings that came late count once they are packed.
    """
    found: dict[UUID, dict[dt.date, float]] = defaultdict(dict)
    packed = rows.fetch_months_of_plants(plants, first, last)
    while some := list(islice(packed, _ROWS_AT_ONCE)):
        known = [(plant, month, days) for plant, month, data in some for days in _produced(data)]
        values, _ = periods.month_values(_ENERGY, [days for _, _, days in known])
        for (plant, month, _), value in zip(known, values.tolist(), strict=True):
            found[plant][month] = value
    for plant, month, value in rows.fetch_latest_months(plants, first, last):
        found[plant][month] = value
    return found


def _produced(data: bytes) -> Collection[Days]:
    return rows.unpack_month(data, [(_ENERGY.code, 0)]).values()


def first_and_last_day(plant: Plant) -> tuple[dt.date, dt.date] | None:
    """The first and the last day that has a row; None without any."""
    fresh, packed = rows.first_and_last_fresh(plant), rows.first_and_last_day(plant)
    days = [*(packed or ()), *(grid.locate(plant.zone, slot)[0] for slot in fresh or ())]
    return (min(days), max(days)) if days else None
