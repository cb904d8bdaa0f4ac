"""How long the list of 5,000 plants takes, against the same page with 5 plants: whole requests, by a manager's session.

Every plant has an address, newest values, and a day of its totals, of which the list draws those it shows.
"""

import datetime as dt
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle

from django.conf import settings
from django.test import Client, override_settings
from django.utils import timezone

from apps.accounts.access import Role
from apps.accounts.models import Portal
from apps.measurements import grid, store
from apps.measurements.models import DaySeries, PlantLatest
from apps.plants.models import Address, Plant
from tests.cast import make_user

from . import curves
from .frame import Place, Row, in_turns, timed
from .ingest import portal

AT_MOST = 2.0
FEW, MANY = 5, 5_000
_CITIES = ("Ulm", "Celle", "Essen", "Davos", "Linz")
_ZONE = "Europe/Berlin"


def pages(place: Place) -> Iterator[Row]:
    """Seconds of a request."""
    many = 100 if place.quick else MANY
    calls = 3 if place.quick else 20
    with _quiet(), portal("bench-few") as few, portal("bench-many") as crowd:
        small, large = _manager(few, FEW), _manager(crowd, many)
        for client, own in ((small, few), (large, crowd)):
            _seconds(client, own, 3)  # templates are read
        times = in_turns(lambda: _seconds(large, crowd, calls), lambda: _seconds(small, few, calls), place.rounds)
    yield Row("page", f"list of {many:,} plants", f"list of {FEW} plants", "s", *times, at_most=AT_MOST)


ROWS = {"page": pages}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without lines in the log, and without static files having been collected."""
    backend = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    logging.disable(logging.INFO)
    try:
        with override_settings(STORAGES={**settings.STORAGES, "staticfiles": backend}):
            yield
    finally:
        logging.disable(logging.NOTSET)


def _seconds(client: Client, own: Portal, calls: int) -> float:
    """Of one request, whose page shows as many plants as it should."""

    def act() -> None:
        for _ in range(calls):
            response = client.get(f"/p/{own.slug}/plants", secure=True)
            assert response.status_code == 200, response

    return timed(act) / calls


def _manager(own: Portal, count: int) -> Client:
    """Somebody logged in who sees so many plants."""
    fill(own, count)
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(make_user(f"manager@{own.slug}.example", own, Role.MANAGER))
    assert client.get(f"/p/{own.slug}/plants", secure=True).content.count(b'<svg class="spark"') == min(count, 24)
    return client


def fill(own: Portal, count: int) -> None:
    """Plants of many sizes and states, with values of today."""
    cities = cycle(_CITIES)
    addresses = Address.objects.bulk_create(Address(city=next(cities), country="DE") for _ in range(count))
    plants = Plant.objects.bulk_create(
        Plant(portal=own, label=f"Roof {number:04}", size=1_000 + number, timezone=_ZONE, address=address)
        for number, address in enumerate(addresses)
    )
    now = timezone.now()
    today = grid.today(plants[0].zone, now)
    PlantLatest.objects.bulk_create(
        PlantLatest(
            plant=plant,
            data_at=now,
            power_at=now,
            power=number,
            day=today,
            day_energy=number * 10,
            month=today.replace(day=1),
            month_energy=number * 200,
        )
        for number, plant in enumerate(plants)
    )
    packed = _a_day(plants[0], today)
    DaySeries.objects.bulk_create(
        [DaySeries(plant=plant, device_id=plant.datasource_id, day=today, data=packed) for plant in plants[1:]]
    )


def _a_day(plant: Plant, day: dt.date) -> bytes:
    """A row of totals as the store makes it, with the power of a whole day."""
    values = {(name, 0): found[0] for name, found in curves.curves(1, plant.zone, day).items() if name != "ProdUac"}
    ready = {key: values[key] for key in (("ProdPac", 0), ("ProdEtotal", 0))}
    store.write(plant, [store.DayReadings(plant.datasource_id, day, ready)])
    return bytes(DaySeries.objects.get(plant=plant, device_id=plant.datasource_id, day=day).data)
