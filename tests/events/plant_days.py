"""A plant for detection: two inverters with two trackers each, a meter and a sensor, and days of measurements."""

import datetime as dt
from collections.abc import Mapping

import numpy as np

from apps.accounts.models import Portal
from apps.events.codes import FOUND
from apps.events.models import ComponentEvent
from apps.measurements import store
from apps.measurements.grid import Array, slots, start
from apps.plants.models import Component, Epoch, MppTracker, Plant

JUNE_10 = dt.date(2025, 6, 10)
DAY = dt.timedelta(days=1)
NAMES = ("inverter 1", "inverter 2", "grid", "sensor")
_TYPES = (Component.Type.INVERTER, Component.Type.INVERTER, Component.Type.METER, Component.Type.SENSOR)
_CLASSES = (["production"], ["production"], ["meter"], ["sensors"])

Changes = Mapping[tuple[str, str], tuple[float, float, float]]  # device and channel -> from hour, to hour, value


def make_watched_plant(portal: Portal) -> Plant:
    """10 kWp at Ulm, built on 1 June 2025."""
    plant = Plant.objects.create(
        portal=portal, label="Roof", size=10_000, timezone="Europe/Berlin", latitude=48.4, longitude=10.0
    )
    epoch = Epoch.objects.create(plant=plant, active_from=dt.date(2025, 6, 1))
    for index, (name, kind, classes) in enumerate(zip(NAMES, _TYPES, _CLASSES, strict=True)):
        size = 5_000 if kind == Component.Type.INVERTER else 0
        component = Component.objects.create(
            epoch=epoch, name=name, type=kind, classes=classes, size=size, dataindex=index, channels=["any"]
        )
        if size:
            for number in (1, 2):
                MppTracker.objects.create(component=component, index=number, size=2_500, orientation=180, tilt=30)
    return plant


def device(plant: Plant, name: str) -> Component:
    """A component by its name."""
    return Component.objects.get(epoch__plant=plant, name=name)


def write_day(plant: Plant, day: dt.date = JUNE_10, changes: Changes = {}, until: float = 24) -> None:  # noqa: B006
    """A clear day of all components up to an hour, with some values changed between two hours."""
    count = slots(plant.zone, day)
    hours = np.arange(count) / 12
    sun: Array = np.where((hours > 6) & (hours < 20), np.sin(np.pi * (hours - 6) / 14), np.nan)
    energy: Array = np.where(np.isnan(sun), np.nan, np.floor(np.cumsum(np.nan_to_num(sun)) * 4_000 / 12)).astype(float)
    series: dict[str, dict[tuple[str, int], Array]] = {
        name: {
            ("ProdPac", 0): sun * 4_000,
            ("ProdEtotal", 0): energy.copy(),
            ("ProdPdc", 1): sun * 2_100,
            ("ProdPdc", 2): sun * 2_100,
        }
        for name in NAMES[:2]
    }
    series["grid"] = {
        ("GridPacIn", 0): np.full(count, 300.0),
        ("GridEtotalIn", 0): np.arange(0, count * 25, 25, dtype=np.float64),
    }
    series["sensor"] = {("Irradiation", 0): np.round(sun * 950)}
    readings = []
    for name, channels in series.items():
        for (channel, part), values in channels.items():
            begin, end, value = changes.get((name, f"{channel}-{part}" if part else channel), (0, 0, 0))
            values[round(begin * 12) : round(end * 12)] = value
            values[round(until * 12) :] = np.nan
        readings.append(store.DayReadings(device(plant, name).cross_epoch_id, day, channels))
    store.write(plant, readings)
    last = start(plant.zone, day) + dt.timedelta(hours=min(until, 20))
    plant.last_transfer = last
    plant.save(update_fields=["last_transfer"])


def at(plant: Plant, day: dt.date, hour: float) -> dt.datetime:
    """A moment of a local day."""
    return start(plant.zone, day) + dt.timedelta(hours=hour)


def detected(plant: Plant) -> list[tuple[str, str, str, str | None]]:
    """What was found: component, text, local beginning and end."""
    names = dict(Component.objects.filter(epoch__plant=plant).values_list("cross_epoch_id", "name"))

    def local(moment: dt.datetime | None) -> str | None:
        return moment.astimezone(plant.zone).strftime("%d. %H:%M") if moment else None

    events = ComponentEvent.objects.filter(plant=plant, status_code=FOUND).order_by("started_at", "error_code")
    return [
        (names.get(e.device_id, "plant"), e.error_text, local(e.started_at) or "", local(e.ended_at)) for e in events
    ]
