"""How many deliveries a second one writer stores: fresh readings against a plain table with one row per value.

    DATABASE_URL=postgres://... DEBUG=1 .venv/bin/python -m tests.bench.fresh [days]

A delivery is what a logger of ten devices sends for one slot: 120 values. Both candidates store the same deliveries, in
turns, so that whatever else the machine does hits both; half of them come twice. The plain table is what one would
write first: a model with a row per value, `bulk_create` with `update_conflicts`. Nothing is left in the database.
"""
# ruff: noqa: E402  (models can be imported once Django is set up)

import datetime as dt
import os
import sys
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

import numpy as np
from django.conf import settings
from django.core.management import call_command
from django.db import connection, models

from apps.accounts.models import Portal
from apps.measurements import store
from apps.measurements.models import FreshReading
from apps.plants.models import Plant

TARGET = 6.0
DEVICES = 10
CHANNELS = (
    *("ProdPac", "ProdEtotal", "ProdPdc", "ProdUdc", "ProdIdc", "ProdUac", "ProdIac", "Temp"),
    *("ConsPac", "ConsEtotal", "GridPacIn", "GridPacOut"),
)
_TURN = 16  # deliveries before it is the other one's turn


class PlainValue(models.Model):
    """One row per value."""

    pk = models.CompositePrimaryKey("plant_id", "device_id", "channel", "at")
    plant = models.ForeignKey(Plant, models.CASCADE, related_name="+", db_index=False)
    device_id = models.UUIDField()
    channel = models.SmallIntegerField()
    at = models.DateTimeField()
    value = models.FloatField()

    class Meta:
        app_label = "measurements"
        managed = False
        db_table = "bench_plainvalue"

    def __str__(self) -> str:
        return f"{self.device_id} {self.channel} {self.at}"


Delivery = list[store.Point]


def deliveries(devices: list[UUID], at: dt.datetime) -> list[Delivery]:
    """A day, slot after slot, every other one sent twice."""
    dice = np.random.default_rng(1)
    found = []
    for slot in range(288):
        values = dice.integers(0, 9000, (DEVICES, len(CHANNELS))).tolist()
        delivery = [
            store.Point(device, 0, channel, at + slot * dt.timedelta(minutes=5), float(value))
            for device, row in zip(devices, values, strict=True)
            for channel, value in zip(CHANNELS, row, strict=True)
        ]
        found += [delivery] * (1 + slot % 2)
    return found


def store_plain(plant: Plant, delivery: Delivery) -> None:
    PlainValue._default_manager.bulk_create(
        [
            PlainValue(
                plant=plant, device_id=one.device, channel=CHANNELS.index(one.channel), at=one.at, value=one.value
            )
            for one in delivery
        ],
        update_conflicts=True,
        unique_fields=["plant", "device_id", "channel", "at"],
        update_fields=["value"],
    )


def measure(days: int, candidates: dict[str, Callable[[Plant, Delivery], None]]) -> dict[str, float]:
    """Deliveries a second of each candidate, which take turns after a few of them."""
    devices = [uuid4() for _ in range(DEVICES)]
    plants = {name: _plant(name) for name in candidates}
    done, spent = 0, dict.fromkeys(candidates, 0.0)
    for day in range(days):
        found = deliveries(devices, dt.datetime(2025, 6, 1, tzinfo=dt.UTC) + day * dt.timedelta(days=1))
        for at in range(0, len(found), _TURN):
            for name, keep in candidates.items():
                begin = time.perf_counter()
                for delivery in found[at : at + _TURN]:
                    keep(plants[name], delivery)
                spent[name] += time.perf_counter() - begin
        done += len(found)
    return {name: done / spent[name] for name in candidates}


def _plant(name: str) -> Plant:
    portal, _ = Portal.objects.get_or_create(slug="bench", defaults={"name": "Bench"})
    return Plant.objects.create(portal=portal, label=name, timezone="Europe/Berlin", size=10_000)


def bytes_per_value(model: type[models.Model], values: int) -> float | None:
    """What a table and its index take on disk; PostgreSQL only."""
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM FULL {model._meta.db_table}")
        cursor.execute("SELECT pg_total_relation_size(%s)", [model._meta.db_table])
        return float(cursor.fetchone()[0]) / values


def main(days: int) -> int:
    settings.DEBUG = False  # or every statement would be kept in memory
    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        editor.create_model(PlainValue)
    try:
        rates = measure(days, {"fresh": store.write_fresh, "plain": store_plain})
        sizes: dict[str, Any] = {
            "fresh": bytes_per_value(FreshReading, FreshReading.objects.count() * DEVICES * len(CHANNELS)),
            "plain": bytes_per_value(PlainValue, PlainValue._default_manager.count()),
        }
    finally:
        Plant.objects.filter(portal__slug="bench").delete()
        Portal.objects.filter(slug="bench").delete()
        with connection.schema_editor() as editor:
            editor.delete_model(PlainValue)
    for name, rate in rates.items():
        size = "" if sizes[name] is None else f", {sizes[name]:.1f} bytes per value on disk"
        print(f"{name}: {rate:.0f} deliveries of {DEVICES * len(CHANNELS)} values a second{size}")
    ratio = rates["fresh"] / rates["plain"]
    print(f"ratio: {ratio:.1f} on {connection.vendor}, at least {TARGET:.0f} is asked for on postgresql")
    return 0 if ratio >= TARGET or connection.vendor != "postgresql" else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
