"""What tests do inside a portal whose processes they kill: a program of its own on the portal's database.

python -m tests.faults.inside prepare     tables, two plants and three logger keys; these as JSON
python -m tests.faults.inside seal        packs fresh readings for ever, far more often than the worker does
python -m tests.faults.inside account     imports what waits; all that is stored then, as JSON
"""
# ruff: noqa: E402  (models can be imported once Django is set up)

import datetime as dt
import json
import sys
import time
from collections import Counter, defaultdict
from typing import Any
from uuid import UUID

import django

django.setup()

import numpy as np
from django.core.management import call_command
from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts.audit import COMMAND_LINE
from apps.accounts.models import Portal
from apps.events.models import ComponentEvent
from apps.ingest import keys, uploads
from apps.ingest.models import Upload
from apps.measurements import grid, store
from apps.measurements.channels import BY_NAME
from apps.measurements.models import FreshReading
from apps.plants.models import Component, Plant

CHANNELS = [BY_NAME[name] for name in ("ProdPac", "ProdPdc", "ProdUdc", "ProdEtotal")]
PORTAL = "faults"
OWN_FINDINGS = 60_000  # codes above are given by detection, not by a logger


def prepare() -> dict[str, Any]:
    """All tables, a plant that two scripts push readings of, and one whose logger uploads its files by FTP."""
    call_command("migrate", verbosity=0)
    portal = Portal.objects.create(slug=PORTAL, name="Faults")
    roof, field = (
        Plant.objects.create(portal=portal, label=label, timezone="Europe/Berlin") for label in ("Roof", "Field")
    )
    made = {
        name: keys.create_key(plant, name, COMMAND_LINE)
        for name, plant in {"north": roof, "south": roof, "field": field}.items()
    }
    return {name: [key.login, secret] for name, (key, secret) in made.items()}


def seal() -> None:
    """Pack whatever is fresh, again and again."""
    print("ready", flush=True)
    while True:
        for plant in _plants():
            store.seal(plant)
        time.sleep(0.3)


def account() -> dict[str, Any]:
    """Everything that was delivered, as the store tells it from both tiers, and again when all of it is packed."""
    for hours in (1, 2, 30, 60, 90, 120):
        uploads.sweep(timezone.now() + dt.timedelta(hours=hours), most=10_000)
    both = stored()
    for plant in _plants():
        store.seal(plant)
    assert not FreshReading.objects.filter(plant__in=_plants()).exists()
    delivered = Upload.objects.filter(plant__in=_plants())
    components = Component.objects.filter(epoch__plant__in=_plants())
    return {
        "uploads": Counter(map(" ".join, delivered.values_list("kind", "state"))),
        "errors": list(delivered.exclude(error="").values_list("name", "error")),
        "rejected": [upload.receipt for upload in delivered.defer("body") if upload.receipt.get("rejected")],
        "receipts": sorted(map(str, delivered.values_list("pk", flat=True))),
        "components": Counter(components.values_list("serial", flat=True)),
        "events": _events(),
        "both": both,
        "packed": stored(),
    }


def stored() -> dict[str, Any]:
    """Values by series and moment, and the energy of days by device; "plant" is a plant itself."""
    found: dict[str, Any] = {"values": defaultdict(dict), "days": defaultdict(dict)}
    for plant in _plants():
        span = store.data_range(plant)
        if span is None:
            continue
        names: dict[UUID, str] = dict(
            Component.objects.filter(epoch__plant=plant).values_list("cross_epoch_id", "serial")
        )
        sources = [store.Source(device) for device in names]
        for day in store.read_days(plant, sources, CHANNELS, *span):
            begin, name = grid.start(plant.zone, day.day), f"{names[day.source.device]} {day.channel.name}"
            for slot in np.flatnonzero(~np.isnan(day.values)):
                found["values"][name][(begin + int(slot) * grid.SLOT).isoformat()] = float(day.values[slot])
        names[plant.datasource_id] = plant.label
        for month in {day.replace(day=1) for day in grid.days(*span)}:
            energies = store.read_month(plant, [store.Source(one) for one in names], [BY_NAME["ProdEtotal"]], month)
            for one in energies:
                for number in np.flatnonzero(~np.isnan(one.values)):
                    date = month.replace(day=int(number) + 1).isoformat()
                    found["days"][names[one.source.device]][date] = float(one.values[number])
    return found


def _plants() -> "QuerySet[Plant]":
    """Other portals of the same server are other tests' matter."""
    return Plant.objects.filter(portal__slug=PORTAL)


def _events() -> list[list[str]]:
    rows = ComponentEvent.objects.filter(status_code__lt=OWN_FINDINGS).order_by("started_at")
    return [[row.started_at.isoformat(), str(row.ended_at and row.ended_at.isoformat())] for row in rows]


if __name__ == "__main__":
    answer = {"prepare": prepare, "seal": seal, "account": account}[sys.argv[1]]()
    print(json.dumps(answer))
