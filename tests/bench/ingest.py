"""How many deliveries a second one writer stores, against a table with one row per value and against a plain script.

A delivery is what a logger of ten devices sends for one slot: 120 values; half of them come twice. All candidates store
the same deliveries of a day, in turns. The plain table is what one would write first: a model with a row per value,
`bulk_create` with `update_conflicts`. The plain script does what the store does, by the raw driver (upsert.py).
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID, uuid4

import numpy as np
from django.db import connection, models

from apps.accounts.models import Portal, User
from apps.measurements import grid, store
from apps.measurements.channels import BY_NAME
from apps.measurements.models import FreshReading
from apps.plants.models import Address, Plant

from .frame import Place, Row, in_turns, timed
from .upsert import Table

AT_LEAST_PLAIN, AT_LEAST_SCRIPT = 6.0, 0.6
DEVICES = 10
_PEAKS = {"ProdPac": 9000, "ProdEtotal": 50_000, "ProdPdc": 9300, "ProdUdc": 700, "ProdIdc": 15, "ProdUac": 240}
_PEAKS |= {"ProdIac": 40, "Temp": 60, "ConsPac": 5000, "ConsEtotal": 20_000, "GridPacIn": 5000, "GridPacOut": 9000}
CHANNELS = tuple(_PEAKS)
Delivery = list[store.Point]
Keep = Callable[[Plant, Delivery], None]


class PlainValue(models.Model):
    """One row per value."""

    pk = models.CompositePrimaryKey("plant_id", "device_id", "channel", "at")
    plant = models.ForeignKey(Plant, models.DO_NOTHING, related_name="+", db_index=False)
    device_id = models.UUIDField()
    channel = models.SmallIntegerField()
    at = models.DateTimeField()
    value = models.FloatField()

    class Meta:
        app_label = "bench"
        managed = False
        db_table = "bench_plainvalue"

    def __str__(self) -> str:
        return f"{self.device_id} {self.channel} {self.at}"


def ingest(place: Place) -> Iterator[Row]:
    """Deliveries a second."""
    sent = deliveries(slots=12 if place.quick else 144)
    script = Table(os.environ["DATABASE_URL"])
    with portal("bench-ingest") as own, plain_table():
        plant = Plant.objects.create(portal=own, label="Roof", timezone="Europe/Berlin", size=10_000)

        def ours() -> float:
            return _rate(store.write_fresh, FreshReading, plant, sent)

        def plain() -> float:
            return _rate(store_plain, PlainValue, plant, sent)

        def scripted() -> float:
            return _rate(lambda to, delivery: store_by_script(script, to, delivery), FreshReading, plant, sent)

        against_plain, against_script = in_turns(ours, plain, place.rounds), in_turns(ours, scripted, place.rounds)
    what = f"uploads of {DEVICES * len(CHANNELS)} values through the store"
    yield Row("ingest", what, "one row per value", "1/s", *against_plain, AT_LEAST_PLAIN)
    yield Row("ingest_script", what, "plain script, same upsert", "1/s", *against_script, AT_LEAST_SCRIPT)


ROWS = {"ingest": ingest}


def _rate(keep: Keep, model: type[models.Model], plant: Plant, sent: list[Delivery]) -> float:
    """Deliveries a second; they are forgotten again."""

    def act() -> None:
        for delivery in sent:
            keep(plant, delivery)

    seconds = timed(act)
    rows = model._default_manager.filter(plant=plant)
    assert rows.values("slot" if model is FreshReading else "at").distinct().count() == len({d[0].at for d in sent})
    rows.delete()
    return len(sent) / seconds


# --- Deliveries and who stores them ----------------------------------------------------------------------------------


def deliveries(slots: int) -> list[Delivery]:
    """Slot after slot, every other one sent twice."""
    dice, devices, begin = np.random.default_rng(1), [uuid4() for _ in range(DEVICES)], datetime(2025, 6, 1, tzinfo=UTC)
    found = []
    for slot in range(slots):
        delivery = [
            store.Point(device, 0, channel, begin + slot * grid.SLOT, value)
            for device in devices
            for channel, value in reading(dice).items()
        ]
        found += [delivery] * (1 + slot % 2)
    return found


def reading(dice: np.random.Generator) -> dict[str, float]:
    """What a device says of one slot."""
    return {channel: round(float(dice.uniform(0, peak)), BY_NAME[channel].decimals) for channel, peak in _PEAKS.items()}


def store_plain(plant: Plant, delivery: Delivery) -> None:
    """One row per value."""
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


def store_by_script(table: Table, plant: Plant, delivery: Delivery) -> None:
    """The row that the store writes, by the raw driver."""
    devices: dict[UUID, dict[str, float]] = {}
    for device, _part, channel, _at, value in delivery:
        devices.setdefault(device, {})[channel] = value
    table.store(plant.pk, delivery[0].at, devices)


@contextmanager
def plain_table() -> Iterator[None]:
    """The table of PlainValue, while it is needed."""
    with connection.schema_editor() as editor:
        editor.create_model(PlainValue)
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(PlainValue)


@contextmanager
def portal(slug: str) -> Iterator[Portal]:
    """A portal that is gone afterwards, with all its plants and people."""
    own = Portal.objects.create(slug=slug, name=slug)
    try:
        yield own
    finally:
        Address.objects.filter(plant__portal=own).delete()
        Plant.objects.filter(portal=own).delete()
        User.objects.filter(memberships__portal=own).delete()
        own.delete()
