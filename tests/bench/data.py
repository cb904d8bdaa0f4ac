"""The workload: roofs with ten inverters of six channels, a year of 5-minute values each, and who may read them.

    python -m tests.bench.data fill DAYS              migrate DATABASE_URL and write a few different roofs
    python -m tests.bench.data grow PLANTS <WORKLOAD  add copies of them until there are so many plants

Both print as JSON what `Workload` says. The different roofs go through the door of the store; copies are made by SQL,
under ids of their own: packing 600 million values takes half an hour, and the database cannot tell.
"""
# ruff: noqa: E402  (models can be imported once Django is set up)

import datetime as dt
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from uuid import UUID
from zoneinfo import ZoneInfo

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

import numpy as np
from django.core.management import call_command
from django.db import connection, models, transaction
from django.utils import timezone

from apps.accounts.access import Role
from apps.accounts.audit import Actor
from apps.accounts.models import Membership, Portal
from apps.measurements import grid, store
from apps.measurements.models import DaySeries, MonthSeries
from apps.packages import clients, subscriptions
from apps.packages.catalog import Package
from apps.plants.models import Assignment, Component, Epoch, Plant
from tests.bench import curves
from tests.cast import make_user

ROOFS = 4  # different ones; the first one has a longer history, and is not copied
_NO_LIMIT = 2_000_000_000
_WHO = Actor("benchmark")
_UUID: "models.UUIDField[UUID, UUID]" = models.UUIDField()


@dataclass(frozen=True)
class Site:
    """A plant: its id, that of its totals, those of its inverters (as components, and across epochs), their values."""

    plant: str
    datasource: str
    values: int
    components: list[str]
    devices: list[str]


@dataclass(frozen=True)
class Workload:
    """What is in the database, and the credentials of a User API Advanced that reads all of it without limits."""

    portal: str
    client_id: str
    client_secret: str
    first: str
    today: str
    sites: list[Site]

    @property
    def values(self) -> int:
        return sum(site.values for site in self.sites)


# --- Roofs through the door of the store ------------------------------------------------------------------


def fill(days: int) -> Workload:
    """A portal with different roofs, so many days of each up to now, and the owner of all of them."""
    now = timezone.now()
    portal = Portal.objects.create(slug="bench", name="Benchmark")
    member = Membership.objects.get(user=make_user("owner@bench.example", portal, Role.OWNER))
    plants = [make_plant(portal, f"Roof {roof}") for roof in range(ROOFS)]
    values = [write(plant, roof, days if roof else longest(days), now) for roof, plant in enumerate(plants)]
    today = grid.today(plants[0].zone, now)
    first = today - dt.timedelta(days=days - 1)
    sites = [_site(plant, count) for plant, count in zip(plants, values, strict=True)]
    return Workload(portal.slug, *_credentials(member), first.isoformat(), today.isoformat(), sites)


def longest(days: int) -> int:
    """The days of the roof with the long history: 20 months where the others have a year."""
    return days * 5 // 3


def make_plant(portal: Portal, label: str) -> Plant:
    """A plant with ten inverters, which everybody in the portal may read."""
    plant = Plant.objects.create(
        portal=portal, label=label, timezone="Europe/Berlin", size=curves.SIZE * curves.DEVICES
    )
    epoch = Epoch.objects.create(plant=plant, active_from=dt.date(2020, 1, 1))
    Component.objects.bulk_create(
        Component(
            epoch=epoch,
            type=Component.Type.INVERTER,
            classes=["production"],
            name=f"Inverter {number}",
            size=curves.SIZE,
            dataindex=number,
            sort_order=number,
            channels=list(curves.CHANNELS),
        )
        for number in range(1, curves.DEVICES + 1)
    )
    members = Membership.objects.filter(portal=portal)
    Assignment.objects.bulk_create(Assignment(membership=member, plant=plant) for member in members)
    return plant


def write(plant: Plant, roof: int, days: int, now: dt.datetime) -> int:
    """Write the days of a roof up to now, a month at a time; returns how many values its inverters have."""
    today = grid.today(plant.zone, now)
    span = grid.days(today - dt.timedelta(days=days - 1), today)
    devices = devices_of(plant)
    return sum(
        store.write(plant, [reading for day in month for reading in readings(plant.zone, roof, devices, day, now)])
        for _, month in groupby(span, key=lambda day: (day.year, day.month))
    )


def readings(
    zone: ZoneInfo, roof: int, devices: Sequence[UUID], day: dt.date, now: dt.datetime
) -> Iterator[store.DayReadings]:
    """A day of a roof as the store takes it; nothing is known yet of what is to come."""
    found = curves.curves(roof, zone, day)
    for values in found.values():
        values[:, grid.elapsed(zone, day, now) :] = np.nan
    for at, device in enumerate(devices):
        yield store.DayReadings(device, day, {(name, 0): values[at] for name, values in found.items()})


def devices_of(plant: Plant) -> list[UUID]:
    """The cross-epoch ids of a plant's inverters, in their order."""
    found = Component.objects.filter(epoch__plant=plant).order_by("sort_order")
    return list(found.values_list("cross_epoch_id", flat=True))


def _site(plant: Plant, values: int) -> Site:
    found = Component.objects.filter(epoch__plant=plant).order_by("sort_order")
    components = [str(component) for component in found.values_list("pk", flat=True)]
    devices = [str(device) for device in devices_of(plant)]
    return Site(str(plant.pk), str(plant.datasource_id), values, components, devices)


def _credentials(member: Membership) -> tuple[str, str]:
    subscription = subscriptions.activate_user_api(member, Package.ADVANCED, _WHO)
    subscriptions.override_limits(subscription, _WHO, "benchmark", per_minute=_NO_LIMIT, per_day=_NO_LIMIT)
    client, secret = clients.create_client(subscription, "benchmark", _WHO)
    return client.client_id, secret


# --- Copies ------------------------------------------------------------------------------------------------


def grow(work: Workload, plants: int) -> Workload:
    """The same with so many plants, those that are added being copies of all roofs but the long one in turn."""
    portal, originals = Portal.objects.get(slug=work.portal), work.sites[1:ROOFS]
    added = []
    for number in range(len(work.sites), plants):
        original, plant = originals[number % len(originals)], make_plant(portal, f"Roof {number}")
        _copy(Plant.objects.get(pk=original.plant), plant)
        added.append(_site(plant, original.values))
    return replace(work, sites=[*work.sites, *added])


def _copy(old: Plant, new: Plant) -> None:
    """All packed rows of a plant once more for another, and its newest values."""
    devices = zip([old.datasource_id, *devices_of(old)], [new.datasource_id, *devices_of(new)], strict=True)
    pairs = [device for pair in devices for device in pair]
    with transaction.atomic():
        _copy_rows(DaySeries, "day", old, new, pairs)
        _copy_rows(MonthSeries, "month", old, new, pairs)
        store.find_latest(new)


def _copy_rows(model: type[models.Model], date: str, old: Plant, new: Plant, pairs: Sequence[UUID]) -> None:
    """In the order of days, as if they had been written."""
    table = model._meta.db_table
    sql = f"""INSERT INTO {table} (plant_id, device_id, {date}, data)
        SELECT %s, pair.column2, {date}, data
        FROM (VALUES {", ".join(["(%s, %s)"] * (len(pairs) // 2))}) AS pair
        JOIN {table} original ON original.plant_id = %s AND original.device_id = pair.column1 ORDER BY {date}"""  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [_UUID.get_db_prep_value(one, connection) for one in (new.pk, *pairs, old.pk)])


# --- As a process ------------------------------------------------------------------------------------------


def main(act: str, number: int) -> None:
    if act == "fill":
        call_command("migrate", verbosity=0)
        work = fill(number)
    else:
        given = json.load(sys.stdin)
        work = grow(Workload(**given | {"sites": [Site(**site) for site in given["sites"]]}), number)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    print(json.dumps(asdict(work)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
