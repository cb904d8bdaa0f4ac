"""People and loggers inside a portal under load: a program of its own on the portal's database.

python -m tests.faults.owners make OWNERS LOGGERS TIGHT   each owner with a plant, its data and a client; as JSON
python -m tests.faults.owners counted                     what the quota and the statistics say of each client, as JSON

The first TIGHT owners have limits that a poll every few seconds exceeds.
"""
# ruff: noqa: E402  (models can be imported once Django is set up)

import datetime as dt
import json
import math
import sys
from collections import defaultdict
from typing import Any

import django

django.setup()

from django.contrib.auth.hashers import make_password
from django.test import Client
from django.utils import timezone

from apps.accounts.audit import COMMAND_LINE
from apps.accounts.models import Membership, Portal, User
from apps.ingest import keys, uploads
from apps.ingest.models import LoggerKey
from apps.measurements import store
from apps.packages import clients, quota, subscriptions
from apps.packages.catalog import Package
from apps.packages.models import ApiClient, UsageHour
from apps.plants.models import Assignment, Plant
from tests.faults.polling import PASSWORD, TIGHT_DAY, TIGHT_MINUTE


def make(owners: int, loggers: int, tight: int) -> dict[str, Any]:
    """The first of the plants, as many as loggers, are delivered to while owners poll."""
    portal = Portal.objects.create(slug="polled", name="Polled")
    password = make_password(PASSWORD)  # made once: that is meant to take long
    made = [_owner(portal, number, password, is_tight=number < tight) for number in range(owners)]
    return {"owners": made, "loggers": [owner["logger"] for owner in made[:loggers]]}


def _owner(portal: Portal, number: int, password: str, *, is_tight: bool) -> dict[str, Any]:
    user = User.objects.create(email=f"owner{number}@polled.example", password=password)
    member = Membership.objects.create(portal=portal, user=user, role="owner")
    plant = Plant.objects.create(portal=portal, label=f"Roof {number}", timezone="Europe/Berlin")
    Assignment.objects.create(membership=member, plant=plant)
    key, secret = keys.create_key(plant, "logger", COMMAND_LINE)
    _deliver(key)
    store.seal(plant)
    subscription = subscriptions.activate_user_api(member, Package.ADVANCED, COMMAND_LINE)
    if is_tight:
        subscriptions.override_limits(subscription, COMMAND_LINE, "a test", per_minute=TIGHT_MINUTE, per_day=TIGHT_DAY)
    client, client_secret = clients.create_client(subscription, "poller", COMMAND_LINE)
    browser = Client()
    browser.force_login(user)
    return {
        "client_id": client.client_id,
        "client_secret": client_secret,
        "subscription": str(subscription.pk),
        "plant": str(plant.pk),
        "cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items()),
        "email": user.email,
        "is_tight": is_tight,
        "logger": {"login": key.login, "secret": secret, "component": f"inverter {number}"},
    }


def _deliver(key: LoggerKey) -> None:
    """The last 24 hours of an inverter."""
    slots = [timezone.now() - dt.timedelta(minutes=5 * number) for number in range(288)]
    component = f"inverter {key.plant.label.split()[1]}"
    batch = [{"component": component, "time": at.isoformat(), "values": _values(at)} for at in slots]
    uploads.receive_readings(key, json.dumps(batch).encode())


def _values(at: dt.datetime) -> dict[str, float]:
    height = max(0.0, math.sin((at.hour + at.minute / 60 - 5) / 14 * math.pi))
    return {"ProdPac": round(8000 * height), "ProdPdc": round(8200 * height), "ProdUdc": 600}


def counted() -> dict[str, Any]:
    """By client: what is used of the quota of the day, and calls by class of status."""
    calls: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in UsageHour.objects.values("client_id", "status", "calls"):
        calls[row["client_id"]][row["status"]] += row["calls"]
    now = timezone.now()
    return {
        client.client_id: {
            "day": quota.standing(client.subscription, now).day_used,
            "calls": calls[client.pk],
        }
        for client in ApiClient.objects.select_related("subscription__portal", "subscription__membership")
    }


if __name__ == "__main__":
    word, *numbers = sys.argv[1:]
    print(json.dumps(make(*map(int, numbers)) if word == "make" else counted()))
