"""Packed and fresh rows as they lie in the database: fetched, unpacked, packed, saved. Private to the store.

Only this module imports `packing`, `fresh` and the models, so only it knows how values are packed. `plant_id` is in
every query but the one that looks for plants with fresh rows: that is what lets the same SQL run sharded.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple, TypeVar
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, Max, Min, Model, QuerySet, Sum, UUIDField
from django.db.models.functions import Length

from apps.accounts import statements
from apps.plants.models import Plant

from . import fresh, grid, packing
from .fresh import Reading, Values
from .models import DaySeries, FreshReading, MonthSeries, PlantLatest
from .packing import Days, Series, SeriesKey

__all__ = [
    "DayRow",
    "Days",
    "Fresh",
    "FreshPlant",
    "MonthRow",
    "Packed",
    "PackedDay",
    "PlantLatest",
    "Reading",
    "RowKey",
    "Series",
    "SeriesKey",
    "Stored",
    "Values",
    "Wanted",
]

RowKey = tuple[UUID, dt.date]  # a device, and a day or the first day of a month
DayRow = dict[SeriesKey, Series]
MonthRow = dict[SeriesKey, Days]
Packed = dict[RowKey, bytes]
Wanted = Mapping[UUID, Collection[SeriesKey]]
Fresh = dict[dt.datetime, bytes]  # what was delivered and is not packed yet, by the beginning of its slot
_FEW = 8  # rows at once where mostly the first one is enough
_MOST_PARTS = 16  # deliveries of one slot before its row is tidied up
_AT_ONCE = 1000  # fresh rows in one statement, rows of months in memory
_UUID: "UUIDField[UUID, UUID]" = UUIDField()
_EARLIEST, _LATEST = dt.date(1900, 1, 1), dt.date(9000, 1, 1)  # beyond them no zone can say when a day begins
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


class FreshPlant(NamedTuple):
    """How much of a plant is fresh: rows, and when the last one changed."""

    plant: UUID
    rows: int
    changed_at: dt.datetime


# --- Fetching: one statement each ------------------------------------------------------------------------


def fetch_days(plant: Plant, devices: Collection[UUID], days: Collection[dt.date]) -> Packed:
    """The rows of these devices on these days."""
    found = DaySeries.objects.filter(plant=plant, device_id__in=devices, day__in=days)
    return {(device, day): bytes(data) for device, day, data in found.values_list("device_id", "day", "data")}


def fetch_months(plant: Plant, devices: Collection[UUID], months: Collection[dt.date]) -> Packed:
    """The rows of these devices in the months that begin on these days."""
    found = MonthSeries.objects.filter(plant=plant, device_id__in=devices, month__in=months)
    return {(device, month): bytes(data) for device, month, data in found.values_list("device_id", "month", "data")}


def fetch_day_range(plant: Plant, devices: Collection[UUID], first: dt.date, last: dt.date) -> tuple[Packed, Fresh]:
    """The packed rows of these devices from `first` to `last`, and what is fresh of the plant on these days."""
    return _fetch_both(DaySeries, "day", plant, devices, (first, last), last)


def fetch_month_range(plant: Plant, devices: Collection[UUID], first: dt.date, last: dt.date) -> tuple[Packed, Fresh]:
    """The same of the months that begin from `first` to `last`."""
    return _fetch_both(MonthSeries, "month", plant, devices, (first, last), last.replace(day=grid.month_days(last)))


# One statement sees one state of the database, in which a value is in one of both tables. It is on the way of every
# call for values, and written out because the ORM takes longer to write a union than the database to answer it.
_BOTH = """SELECT device_id, {date}, data, NULL FROM {packed}
     WHERE plant_id = %s AND device_id IN ({devices}) AND {date} BETWEEN %s AND %s
     UNION ALL
    SELECT plant_id, NULL, data, slot FROM {fresh} WHERE plant_id = %s AND slot >= %s AND slot < %s"""


def _fetch_both(
    model: type[Model],
    date: str,
    plant: Plant,
    devices: Collection[UUID],
    dates: tuple[dt.date, dt.date],
    last_day: dt.date,
) -> tuple[Packed, Fresh]:
    if not devices:
        return {}, {}
    tables = {"packed": model._meta.db_table, "fresh": FreshReading._meta.db_table}
    sql = _BOTH.format(**tables, date=date, devices=", ".join(["%s"] * len(devices)))
    span = _bounds(plant, dates[0])[0], _bounds(plant, last_day)[1]
    packed: Packed = {}
    fresh_: Fresh = {}
    for device, day, data, slot in statements.fetch(sql, [plant.pk, *devices, *dates, plant.pk, *span]):
        if slot is None:
            packed[statements.uuid(device), statements.day(day)] = bytes(data)
        else:
            fresh_[statements.moment(slot)] = bytes(data)
    return packed, fresh_


def _fresh(plant: Plant, first: dt.date, last: dt.date) -> QuerySet[FreshReading]:
    """What is fresh of a plant from one local day to another."""
    (begin, _), (_, end) = _bounds(plant, first), _bounds(plant, last)
    return FreshReading.objects.filter(plant=plant, slot__gte=begin, slot__lt=end)


def _bounds(plant: Plant, day: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """The beginning of a local day, and its end."""
    day = min(max(day, _EARLIEST), _LATEST)
    return grid.start(plant.zone, day), grid.start(plant.zone, day + dt.timedelta(days=1))


def first_and_last_day(plant: Plant) -> tuple[dt.date, dt.date] | None:
    """The first and the last day that has a row; None without any."""
    found = DaySeries.objects.filter(plant=plant).aggregate(first=Min("day"), last=Max("day"))
    return None if found["first"] is None else (found["first"], found["last"])


def first_and_last_fresh(plant: Plant) -> tuple[dt.datetime, dt.datetime] | None:
    """The first and the last slot that has a fresh row; None without any."""
    found = FreshReading.objects.filter(plant=plant).aggregate(first=Min("slot"), last=Max("slot"))
    return None if found["first"] is None else (found["first"], found["last"])


def fresh_plants() -> list[FreshPlant]:
    """The plants of which something is fresh."""
    found = FreshReading.objects.order_by("plant_id").values_list("plant_id")
    return [FreshPlant(*row) for row in found.annotate(rows=Count("*"), changed_at=Max("changed_at"))]


def fresh_backlog() -> tuple[int, dt.datetime | None]:
    """How many rows are fresh, and when of the plant that is quiet for longest the last one changed."""
    plants = FreshReading.objects.order_by().values("plant_id").annotate(rows=Count("*"), last=Max("changed_at"))
    found = plants.aggregate(slots=Sum("rows", default=0), quiet=Min("last"))
    return found["slots"], found["quiet"]


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


def fetch_days_of_plants(keys: Iterable[tuple[Plant, UUID, dt.date]]) -> dict[UUID, Packed]:
    """Rows of several plants by plant, each named by its whole key."""
    rows: dict[UUID, Packed] = defaultdict(dict)
    wanted = [(plant.pk, device, day) for plant, device, day in keys]
    found = DaySeries.objects.filter(pk__in=wanted) if wanted else DaySeries.objects.none()
    for plant, device, day, data in found.values_list("plant_id", "device_id", "day", "data"):
        rows[plant][device, day] = bytes(data)
    return rows


_SERIES_OF_PLANTS = """SELECT found.plant_id, found.month, found.data
      FROM (VALUES {pairs}) AS wanted JOIN {table} AS found
        ON found.plant_id = wanted.column1 AND found.device_id = wanted.column2
     WHERE found.plant_id IN ({plants}) AND found.month BETWEEN %s AND %s"""


def fetch_months_of_plants(
    plants: Collection[Plant], first: dt.date, last: dt.date
) -> Iterator[tuple[UUID, dt.date, bytes]]:
    """The rows of the totals of several plants, in the months that begin from `first` to `last`. One statement.

    The pairs say which one device of each plant: lists of plants and of devices would be searched for all pairs of the
    two. Rows come as they are asked for, because those of thousands of plants are a hundred megabytes.
    """
    if not plants:
        return
    pairs, ids = ", ".join(["(%s, %s)"] * len(plants)), ", ".join(["%s"] * len(plants))
    sql = _SERIES_OF_PLANTS.format(pairs=pairs, table=MonthSeries._meta.db_table, plants=ids)
    keys = [key for plant in plants for key in (plant.pk, plant.datasource_id)] + [plant.pk for plant in plants]
    values = [_UUID.get_db_prep_value(key, connection) for key in keys]
    span = [connection.ops.adapt_datefield_value(day) for day in (first, last)]
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, [*values, *span])
        while found := cursor.fetchmany(_AT_ONCE):
            yield from ((statements.uuid(plant), statements.day(day), bytes(data)) for plant, day, data in found)


def fetch_latest_months(plants: Collection[Plant], first: dt.date, last: dt.date) -> list[tuple[UUID, dt.date, float]]:
    """The newest month of each plant and its energy, where it begins from `first` to `last`."""
    found = PlantLatest.objects.filter(plant__in=plants, month__range=(first, last), month_energy__isnull=False)
    return list(found.values_list("plant_id", "month", "month_energy"))  # type: ignore[arg-type]  # they are no nulls


def fetch_fresh_of_plants(days: Mapping[Plant, dt.date]) -> dict[Plant, Fresh]:
    """What is fresh of several plants, each on a day of its own; plants without any are left out."""
    if not days:
        return {}
    spans = {plant.pk: (plant, *_bounds(plant, day)) for plant, day in days.items()}
    begin, end = min(span[1] for span in spans.values()), max(span[2] for span in spans.values())
    found = FreshReading.objects.filter(plant__in=list(spans), slot__gte=begin, slot__lt=end)
    rows: dict[Plant, Fresh] = defaultdict(dict)
    for plant_id, slot, data in found.order_by("slot").values_list("plant_id", "slot", "data"):
        plant, first, last = spans[plant_id]
        if first <= slot < last:
            rows[plant][slot] = bytes(data)
    return rows


def fetch_latest(plant: Plant) -> PlantLatest | None:
    """The newest values of a plant; None before its first write."""
    return PlantLatest.objects.filter(plant=plant).first()


# --- Unpacking -------------------------------------------------------------------------------------------


def unpack_day(data: bytes | None, wanted: Collection[SeriesKey] | None = None) -> DayRow:
    """The (wanted) series of a row; none of a row that does not exist."""
    return {} if data is None else packing.unpack_day(data, wanted)


def unpack_month(data: bytes | None, wanted: Collection[SeriesKey] | None = None) -> MonthRow:
    """The (wanted) series of a row; none of a row that does not exist."""
    return {} if data is None else packing.unpack_month(data, wanted)


def unpack_fresh(data: bytes) -> Iterator[Reading]:
    """The deliveries of a slot, the first one first."""
    return fresh.unpack(data)


# --- Packing ---------------------------------------------------------------------------------------------


def pack_days(rows: Mapping[RowKey, DayRow], before: Packed) -> Packed:
    """Those rows that differ from the ones `before`."""
    return _changed(rows, packing.pack_day, before)


def pack_months(rows: Mapping[RowKey, MonthRow], before: Packed) -> Packed:
    """Those rows that differ from the ones `before`."""
    return _changed(rows, packing.pack_month, before)


def _changed(rows: Mapping[RowKey, _Row], pack: Callable[[_Row], bytes], before: Packed) -> Packed:
    packed = {key: pack(row) for key, row in rows.items() if row or key in before}
    return {key: data for key, data in packed.items() if data != before.get(key)}


# --- Saving: one statement each, none where nothing changed ----------------------------------------------


def save_days(plant: Plant, rows: Packed) -> None:
    """Store rows of days."""
    _save(DaySeries, "day", plant, rows)


def save_months(plant: Plant, rows: Packed) -> None:
    """Store rows of months."""
    _save(MonthSeries, "month", plant, rows)


def save_latest(latest: PlantLatest) -> None:
    """Store the newest values of a plant."""
    values = [field.name for field in PlantLatest._meta.concrete_fields if not field.primary_key]
    PlantLatest.objects.bulk_create([latest], update_conflicts=True, unique_fields=["plant"], update_fields=values)


def _save(model: type[Model], date: str, plant: Plant, rows: Packed) -> None:
    model._default_manager.bulk_create(
        [model(plant=plant, device_id=device, data=data, **{date: at}) for (device, at), data in rows.items()],
        update_conflicts=True,
        unique_fields=["plant", "device_id", date],
        update_fields=["data"],
    )


# --- Fresh rows ------------------------------------------------------------------------------------------


def append_fresh(plant: Plant, slots: Mapping[dt.datetime, Values], now: dt.datetime) -> None:
    """Add deliveries to their slots: one statement that reads nothing, for as many as a logger has in hours.

    Raises ValueError, and adds nothing, for a value that a packed row could not hold.
    """
    packed = [(slot, fresh.pack(slots[slot])) for slot in sorted(slots)]  # sorted: two writers never wait crosswise
    pieces = [packed[at : at + _AT_ONCE] for at in range(0, len(packed), _AT_ONCE)]
    if len(pieces) > 1:
        with transaction.atomic():
            parts = max(_append(plant, piece, now) for piece in pieces)
    else:
        parts = max((_append(plant, piece, now) for piece in pieces), default=0)
    if parts > _MOST_PARTS:
        _tidy(plant, list(slots))


def _append(plant: Plant, packed: Sequence[tuple[dt.datetime, bytes]], now: dt.datetime) -> int:
    """Append to rows or make them; returns of how many deliveries the longest one is made."""
    values = [value for slot, data in packed for value in (plant.pk, slot, now, data)]
    return max(int(parts) for (parts,) in statements.fetch(_append_sql(len(packed)), values))


@cache
def _append_sql(count: int) -> str:
    table, blob = FreshReading._meta.db_table, connection.data_types["BinaryField"]
    return (
        f"INSERT INTO {table} (plant_id, slot, changed_at, data, parts) VALUES "  # noqa: S608  (names, no values)
        + ", ".join(["(%s, %s, %s, %s, 1)"] * count)
        # SQLite joins bytes to a text of the same bytes.
        + f" ON CONFLICT (plant_id, slot) DO UPDATE SET data = CAST({table}.data || excluded.data AS {blob}),"
        f" changed_at = excluded.changed_at, parts = {table}.parts + 1 RETURNING parts"
    )


def _tidy(plant: Plant, slots: Collection[dt.datetime]) -> None:
    """Leave one value per series in rows that many deliveries have made long."""
    with transaction.atomic():
        long = FreshReading.objects.filter(plant=plant, slot__in=slots, parts__gt=_MOST_PARTS)
        for slot, data in _lock(long).items():
            FreshReading.objects.filter(plant=plant, slot=slot).update(data=fresh.tidy(data), parts=1)


def take_fresh(plant: Plant, first: dt.date, last: dt.date) -> Fresh:
    """What is fresh from one local day to another. Nobody else changes these rows until the transaction ends."""
    return _lock(_fresh(plant, first, last))


def take_oldest_fresh(plant: Plant, most: int | None = None) -> Fresh:
    """The same of the plant's oldest slots, as many as are asked for, or of all."""
    return _lock(FreshReading.objects.filter(plant=plant), most)


def _lock(found: QuerySet[FreshReading], most: int | None = None) -> Fresh:
    rows = found.select_for_update().order_by("slot").values_list("slot", "data")[:most]
    return {slot: bytes(data) for slot, data in rows}


def delete_fresh(plant: Plant, slots: Collection[dt.datetime]) -> None:
    """Forget rows that were packed."""
    if slots:
        FreshReading.objects.filter(plant=plant, slot__in=slots).delete()
