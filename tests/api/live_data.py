"""Fills the live server's database, as a process with its environment: `python -m tests.api.live_data`.

A plant with two inverters and 20 months of values, an owner with User API Advanced and one with Basic. Prints ids
and credentials as one JSON object.
"""

import datetime as dt
import json
from typing import Any

import django
import numpy as np

django.setup()

from apps.accounts.access import Role  # noqa: E402
from apps.accounts.audit import Actor  # noqa: E402
from apps.accounts.models import Membership, Portal, User  # noqa: E402
from apps.measurements import grid, store  # noqa: E402
from apps.packages import clients, subscriptions  # noqa: E402
from apps.packages.catalog import Package  # noqa: E402
from apps.plants.models import Component, MppTracker, Plant  # noqa: E402
from tests.cast import make_plant, make_user  # noqa: E402

FIRST, LAST = dt.date(2024, 1, 1), dt.date(2025, 8, 31)  # 20 months, 609 days
LOUD = dt.date(2025, 6, 21)  # the one day on which the second inverter and the trackers speak too


def fill() -> dict[str, Any]:
    """Everything the tests with a live server ask for."""
    portal = Portal.objects.create(slug="clients", name="For clients")
    plant = make_plant(portal, "Long", size=20_000)
    plant.epochs.update(active_from=FIRST)
    first = Component.objects.get(epoch__plant=plant, type="Inverter")
    second = Component.objects.create(
        epoch=first.epoch, type="Inverter", name="Inverter 2", classes=["production"], dataindex=9, sort_order=9
    )
    store.write(plant, [_day(plant, first, day) for day in grid.days(FIRST, LAST)])
    store.write(plant, [_day(plant, second, LOUD), _trackers(plant, first)])
    return {
        "portal": portal.slug,
        "plant": str(plant.pk),
        "datasource": str(plant.datasource_id),
        "inverters": [str(first.cross_epoch_id), str(second.cross_epoch_id)],
        "components": [str(first.pk), str(second.pk)],
        "tracker": str(MppTracker.objects.get(component=first, index=1).pk),
        **{package: _credentials(portal, plant, package) for package in Package},
    }


def _day(plant: Plant, inverter: Component, day: dt.date) -> store.DayReadings:
    """Power 0, 1, 2 ... W from slot to slot; the counter rises by 100 Wh a slot; ProdPdc is 10 W more."""
    slots = np.arange(grid.slots(plant.zone, day), dtype=float)
    series = {("ProdPac", 0): slots, ("ProdPdc", 0): slots + 10, ("ProdEtotal", 0): (slots + 1) * 100}
    return store.DayReadings(inverter.cross_epoch_id, day, series)


def _trackers(plant: Plant, inverter: Component) -> store.DayReadings:
    values = np.full(grid.slots(plant.zone, LOUD), 401.5)
    return store.DayReadings(inverter.cross_epoch_id, LOUD, {("ProdUdc", 1): values})


def _credentials(portal: Portal, plant: Plant, package: Package) -> dict[str, str]:
    owner: User = make_user(f"{package}@clients.example", portal, Role.OWNER, [plant])
    member = Membership.objects.get(user=owner)
    subscription = subscriptions.activate_user_api(member, package, Actor("test"))
    client, secret = clients.create_client(subscription, "test", Actor("test"))
    return {"id": client.client_id, "secret": secret}


if __name__ == "__main__":
    print(json.dumps(fill()))
