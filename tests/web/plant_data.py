"""Readings for the tests of a plant's data page: small numbers at known slots, on ordinary and on both DST days."""

import datetime as dt
import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import numpy as np
from django.test import Client

from apps.measurements import grid, store
from apps.plants.models import Component, Plant

MIDSUMMER = dt.date(2025, 6, 21)
SPRING, AUTUMN = dt.date(2025, 3, 30), dt.date(2025, 10, 26)  # 23 and 25 hours in Europe/Berlin
GAP = range(121, 136)  # 10:05 to 11:20


def device(plant: Plant, kind: str) -> UUID:
    """The cross-epoch id of the plant's only device of a type."""
    return Component.objects.get(epoch__plant=plant, type=kind).cross_epoch_id


def fill(plant: Plant, days: Iterable[dt.date] = (MIDSUMMER,), gap: Iterable[int] = ()) -> None:
    """Power rises by 10 W from slot to slot, its counter by 1 Wh; 500 W are consumed; the battery stands at 40.5 %."""
    store.write(plant, [one for day in days for one in _day(plant, day, gap)])


def _day(plant: Plant, day: dt.date, gap: Iterable[int]) -> Iterable[store.DayReadings]:
    slots = np.arange(grid.slots(plant.zone, day), dtype=float)
    readings = {
        "Inverter": {"ProdPac": slots * 10, "ProdEtotal": slots + 1, "ProdPdc": slots * 10 + 5},
        "Meter": {"ConsPac": np.full(slots.size, 500.0), "ConsEtotal": (slots + 1) * 2},
        "Battery": {"BatSoc": np.full(slots.size, 40.5)},
        "Sensor": {"Irradiation": slots, "TempAmbient": slots - 150},
    }
    for kind, channels in readings.items():
        for values in channels.values():
            values[list(gap)] = np.nan
        yield store.DayReadings(device(plant, kind), day, {(name, 0): values for name, values in channels.items()})


def address(plant: Plant, query: str = "", face: str = "") -> str:
    return f"/p/{plant.portal.slug}/plants/{plant.pk}{face}{query}"


def drawing(client: Client, plant: Plant, query: str) -> dict[str, Any]:
    """What the chart is drawn from."""
    found: dict[str, Any] = json.loads(client.get(address(plant, query, "/data")).content)
    return found


def values(drawn: dict[str, Any], channel: str) -> list[float | None]:
    return next(one["values"] for one in drawn["series"] if one["channel"] == channel)


def csv_lines(client: Client, plant: Plant, query: str) -> list[str]:
    """The lines of the file, without the byte order mark and the ends of lines."""
    response: Any = client.get(address(plant, query, "/data.csv"))
    body: bytes = b"".join(response.streaming_content)
    return body.decode("utf-8-sig").split("\r\n")[:-1]
