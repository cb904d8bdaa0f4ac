"""Packed rows as they lie in the database: fetched, unpacked, packed, saved. Private to the store.

Only this module imports `packing` and the models, so only it knows how values are packed. `plant_id` is in every
query: that is what lets the same SQL run sharded.
"""

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar
from uuid import UUID

from django.db.models import Count, Max, Min, Model, Sum
from django.db.models.functions import Length

from apps.plants.models import Plant

from . import packing
from .models import DaySeries, MonthSeries, PlantLatest
from .packing import Days, Series, SeriesKey

__all__ = [
    "DayRow",
    "Days",
    "MonthRow",
    "Packed",
    "PackedDay",
    "PlantLatest",
    "RowKey",
    "Series",
    "SeriesKey",
    "Stored",
    "Wanted",
]

RowKey = tuple[UUID, dt.date]  # a device, and a day or the first day of a month
DayRow = dict[SeriesKey, Series]
MonthRow = dict[SeriesKey, Days]
Packed = dict[RowKey, bytes]
Wanted = Mapping[UUID, Collection[SeriesKey]]
_FEW = 8  # rows at once where mostly the first one is enough
_Row = TypeVar("_Row", DayRow, MonthRow)


class Stored(NamedTuple):
    """How much is kept of a plant: packed rows of days, their bytes, the first and the last day."""

    rows: int
    bytes: int
    first: dt.date | None
    last: dt.date | None


class PackedDay(NamedTuple):
    """One row of DaySeries."""

    day: dt.date
    device: UUID
    data: bytes


# --- Fetching: one statement each ------------------------------------------------------------------------


def fetch_days(plant: Plant, devices: Collection[UUID], days: Collection[dt.date]) -> Packed:
    """The rows of these devices on these days."""
    found = DaySeries.objects.filter(plant=plant, device_id__in=devices, day__in=days)
    return {(device, day): bytes(data) for device, day, data in found.values_list("device_id", "day", "data")}


def fetch_months(plant: Plant, devices: Collection[UUID], months: Collection[dt.date]) -> Packed:
    """The rows of these devices in the months that begin on these days."""
    found = MonthSeries.objects.filter(plant=plant, device_id__in=devices, month__in=months)
    return {(device, month): bytes(data) for device, month, data in found.values_list("device_id", "month", "data")}


def fetch_day_range(plant: Plant, devices: Collection[UUID], first: dt.date, last: dt.date) -> list[PackedDay]:
    """The rows of these devices from `first` to `last`, newest day first."""
    found = DaySeries.objects.filter(plant=plant, device_id__in=devices, day__range=(first, last))
    rows = found.order_by("-day", "device_id").values_list("day", "device_id", "data")
    return [PackedDay(day, device, bytes(data)) for day, device, data in rows]


def load_month_range(plant: Plant, wanted: Wanted, first: dt.date, last: dt.date) -> dict[RowKey, MonthRow]:
    """The wanted series of the months that begin from `first` to `last`."""
    found = MonthSeries.objects.filter(plant=plant, device_id__in=list(wanted), month__range=(first, last))
    return {
        (device, month): packing.unpack_month(bytes(data), wanted[device])
        for device, month, data in found.values_list("device_id", "month", "data")
    }


def first_and_last_day(plant: Plant) -> tuple[dt.date, dt.date] | None:
    """The first and the last day that has a row; None without any."""
    found = DaySeries.objects.filter(plant=plant).aggregate(first=Min("day"), last=Max("day"))
    return None if found["first"] is None else (found["first"], found["last"])


def stored(plant: Plant) -> Stored:
    """What is kept of a plant; the values themselves are not read."""
    sums = {"rows": Count("*"), "bytes": Sum(Length("data")), "first": Min("day"), "last": Max("day")}
    found = DaySeries.objects.filter(plant=plant).order_by().aggregate(**sums)
    return Stored(found["rows"], found["bytes"] or 0, found["first"], found["last"])


def newest_days(plant: Plant, device: UUID) -> Iterator[PackedDay]:
    """All rows of one device, newest first, fetched as far as they are asked for."""
    found = DaySeries.objects.filter(plant=plant, device_id=device).order_by("-day").values_list("day", "data")
    return (PackedDay(day, device, bytes(data)) for day, data in found.iterator(chunk_size=_FEW))


def newest_months(plant: Plant, device: UUID) -> Iterator[tuple[dt.date, bytes]]:
    """The same of months, by their first days."""
    found = MonthSeries.objects.filter(plant=plant, device_id=device).order_by("-month").values_list("month", "data")
    return ((month, bytes(data)) for month, data in found.iterator(chunk_size=_FEW))


def fetch_totals_of(days: Mapping[Plant, dt.date]) -> dict[UUID, bytes]:
    """The rows of several plants' totals, each on a day of its own, by the plants' ids."""
    keys = [(plant.pk, plant.datasource_id, day) for plant, day in days.items()]
    found = DaySeries.objects.filter(pk__in=keys) if keys else DaySeries.objects.none()
    return {plant: bytes(data) for plant, data in found.values_list("plant_id", "data")}


def fetch_latest(plant: Plant) -> PlantLatest | None:
    """The newest values of a plant; None before its first write."""
    return PlantLatest.objects.filter(plant=plant).first()


# --- Unpacking -------------------------------------------------------------------------------------------


def unpack_day(data: bytes | None, wanted: Collection[SeriesKey] | None = None) -> DayRow:
    """The (wanted) series of a row; none of a row that does not exist."""
    return {} if data is None else packing.unpack_day(data, wanted)


def unpack_month(data: bytes | None) -> MonthRow:
    """The series of a row; none of a row that does not exist."""
    return {} if data is None else packing.unpack_month(data)


# --- Saving: one statement each, none where nothing changed ----------------------------------------------


def save_days(plant: Plant, rows: Mapping[RowKey, DayRow], before: Packed) -> None:
    """Store those rows that differ from the ones `before`."""
    _save(DaySeries, "day", plant, _changed(rows, packing.pack_day, before))


def save_months(plant: Plant, rows: Mapping[RowKey, MonthRow], before: Packed) -> None:
    """Store those rows that differ from the ones `before`."""
    _save(MonthSeries, "month", plant, _changed(rows, packing.pack_month, before))


def save_latest(latest: PlantLatest) -> None:
    """Store the newest values of a plant."""
    values = [field.name for field in PlantLatest._meta.concrete_fields if not field.primary_key]
    PlantLatest.objects.bulk_create([latest], update_conflicts=True, unique_fields=["plant"], update_fields=values)


def _save(model: type[Model], date: str, plant: Plant, changed: Iterable[tuple[RowKey, bytes]]) -> None:
    model._default_manager.bulk_create(
        [model(plant=plant, device_id=device, data=data, **{date: at}) for (device, at), data in changed],
        update_conflicts=True,
        unique_fields=["plant", "device_id", date],
        update_fields=["data"],
    )


def _changed(
    rows: Mapping[RowKey, _Row], pack: Callable[[_Row], bytes], before: Packed
) -> Iterator[tuple[RowKey, bytes]]:
    for key, row in rows.items():
        data = pack(row) if row or key in before else None
        if data is not None and data != before.get(key):
            yield key, data
