"""Small plants for the tests of the store, and short ways to write and read them: slots are {slot: value}."""

import datetime as dt
from collections.abc import Mapping, Sequence
from uuid import UUID

import numpy as np
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import Portal
from apps.measurements import grid, store
from apps.measurements.channels import BY_NAME, Channel
from apps.measurements.grid import Array
from apps.measurements.models import DaySeries, MonthSeries
from apps.plants.models import Component, Epoch, Plant

DAY = dt.date(2025, 6, 15)  # an ordinary Sunday of 288 slots
JUNE = dt.date(2025, 6, 1)
NAN = float("nan")

INVERTER = (Component.Type.INVERTER, ("production",))
TOTAL_METER = (Component.Type.METER, ("consumption", "meter"))
GRID_METER = (Component.Type.METER, ("meter",))
CHARGER = (Component.Type.EV_CHARGER, ("consumption",))
HEAT_PUMP = (Component.Type.HEAT_PUMP, ("consumption",))
BATTERY = (Component.Type.BATTERY, ("battery",))
SENSOR = (Component.Type.SENSOR, ("sensors",))

Kind = tuple[str, tuple[str, ...]]
Slots = Mapping[int, float] | Array


def make_site(*kinds: Kind, timezone: str = "Europe/Berlin", size: int = 10_000) -> tuple[Plant, list[UUID]]:
    """A plant with one epoch from 2000 on and one device of each kind."""
    portal, _ = Portal.objects.get_or_create(slug="sites", name="Sites")
    plant = Plant.objects.create(portal=portal, label="Site", timezone=timezone, size=size)
    return plant, add_epoch(plant, dt.date(2000, 1, 1), *kinds)


def add_epoch(plant: Plant, since: dt.date, *kinds: Kind, ids: Sequence[UUID | None] = ()) -> list[UUID]:
    """An epoch with one device of each kind; `ids` says which of them were there before."""
    epoch = Epoch.objects.create(plant=plant, active_from=since)
    devices = []
    for index, (type_, classes) in enumerate(kinds):
        known = {"cross_epoch_id": ids[index]} if index < len(ids) and ids[index] else {}
        component = Component.objects.create(
            epoch=epoch, type=type_, classes=list(classes), name=f"{type_} {index}", dataindex=index, **known
        )
        devices.append(component.cross_epoch_id)
    return devices


def values(slots: Slots, count: int = 288) -> Array:
    """One value per slot, NaN where {slot: value} has none."""
    if isinstance(slots, np.ndarray):
        return slots
    array = np.full(count, np.nan)
    for slot, value in slots.items():
        array[slot] = value
    return array


def day(plant: Plant, device: UUID, at: dt.date = DAY, part: int = 0, /, **channels: Slots) -> store.DayReadings:
    """Readings of one device and day by channel name."""
    count = grid.slots(plant.zone, at)
    return store.DayReadings(device, at, {(name, part): values(slots, count) for name, slots in channels.items()})


def write(plant: Plant, device: UUID, at: dt.date = DAY, part: int = 0, /, **channels: Slots) -> int:
    return store.write(plant, [day(plant, device, at, part, **channels)])


def report(plant: Plant, device: UUID, at: dt.date = DAY, /, **totals: float) -> int:
    """Write day totals that the device counted itself."""
    return store.write(
        plant, [store.DayReadings(device, at, reported={(name, 0): value for name, value in totals.items()})]
    )


def report_month(plant: Plant, device: UUID, month: dt.date = JUNE, /, **totals: float) -> int:
    reported = {(name, 0): value for name, value in totals.items()}
    return store.write(plant, months=[store.MonthReadings(device, month, reported)])


def channels(*names: str) -> list[Channel]:
    return [BY_NAME[name] for name in names]


def known(plant: Plant, device: UUID, name: str, at: dt.date = DAY, part: int = 0) -> dict[int, float]:
    """What the store answers for a series, as {slot: value}."""
    found = list(store.read_days(plant, [store.Source(device, part)], channels(name), at, at))
    return as_dict(found[0].values) if found else {}


def total(plant: Plant, name: str, at: dt.date = DAY) -> dict[int, float]:
    """The same of the plant's totals."""
    return known(plant, plant.datasource_id, name, at)


def month(plant: Plant, device: UUID, name: str, first: dt.date = JUNE) -> dict[int, float]:
    """Daily values as {day of the month: value}."""
    found = store.read_month(plant, [store.Source(device)], channels(name), first)
    return {at + 1: value for at, value in as_dict(found[0].values).items()} if found else {}


def year(plant: Plant, device: UUID, name: str, number: int = 2025) -> dict[int, float]:
    """Monthly values as {month: value}."""
    found = store.read_year(plant, [store.Source(device)], channels(name), number)
    return {at + 1: value for at, value in as_dict(found[0].values).items()} if found else {}


def lifetime(plant: Plant, device: UUID, name: str, last_year: int = 2025) -> dict[int, float]:
    """Yearly values as {year: value}."""
    first, found = store.read_lifetime(plant, [store.Source(device)], channels(name), last_year)
    return {at + first.year: value for at, value in as_dict(found[0].values).items()} if found else {}


def as_dict(array: Array) -> dict[int, float]:
    return {int(at): float(array[at]) for at in np.flatnonzero(~np.isnan(array))}


def stored(plant: Plant) -> list[tuple[str, str, bytes]]:
    """Every packed row of a plant."""
    days = DaySeries.objects.filter(plant=plant).values_list("device_id", "day", "data")
    months = MonthSeries.objects.filter(plant=plant).values_list("device_id", "month", "data")
    return sorted((str(device), str(at), bytes(data)) for device, at, data in [*days, *months])


class Statements(CaptureQueriesContext):
    """The SQL that ran inside, without the beginnings and ends of transactions."""

    def __init__(self) -> None:
        super().__init__(connection)

    def __len__(self) -> int:
        return sum(
            query["sql"].startswith(("SELECT", "(SELECT", "INSERT", "UPDATE", "DELETE"))
            for query in self.captured_queries
        )
