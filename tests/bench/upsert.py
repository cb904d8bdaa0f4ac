"""What ingest is measured against: the same values packed and upserted by hand, without Django.

`Table` writes into the table of fresh readings through the raw driver. `application` is a bare WSGI app around it,
which granian serves like the product; it asks nobody who delivers:

    POST /{plant}    {"readings": [{"component": ..., "time": ..., "values": {...}}]}
"""

import os
import struct
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from sqlite3 import connect
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import orjson
import psycopg

from apps.measurements.channels import BY_NAME

_SERIES = {name: channel.code * 16 + channel.decimals for name, channel in BY_NAME.items()}
_SCALES = {name: 10.0**channel.decimals for name, channel in BY_NAME.items()}
_SLOT = timedelta(minutes=5)
_TABLE = "measurements_freshreading"
_SQLITE = f"""INSERT INTO {_TABLE} (plant_id, slot, changed_at, data, parts) VALUES (?, ?, ?, ?, 1)
    ON CONFLICT (plant_id, slot) DO UPDATE SET data = CAST({_TABLE}.data || excluded.data AS BLOB),
    changed_at = excluded.changed_at, parts = {_TABLE}.parts + 1"""  # noqa: S608
_POSTGRES = f"""INSERT INTO {_TABLE} (plant_id, slot, changed_at, data, parts) VALUES (%s, %s, %s, %s, 1)
    ON CONFLICT (plant_id, slot) DO UPDATE SET data = {_TABLE}.data || excluded.data,
    changed_at = excluded.changed_at, parts = {_TABLE}.parts + 1"""  # noqa: S608

Devices = Mapping[UUID, Mapping[str, float]]


class Table:
    """A connection of its own to the database that DATABASE_URL names."""

    def __init__(self, url: str) -> None:
        self.upsert = _on_sqlite(urlsplit(url).path[1:]) if url.startswith("sqlite:") else _on_postgres(url)

    def store(self, plant: UUID, at: datetime, devices: Devices) -> None:
        """One delivery: all values of one slot."""
        slot = at - timedelta(minutes=at.minute % 5, seconds=at.second, microseconds=at.microsecond)
        self.upsert(plant, slot, datetime.now(UTC), pack(devices.items()))


def pack(devices: Iterable[tuple[UUID, Mapping[str, float]]]) -> bytes:
    """A chunk of fresh readings."""
    groups = []
    for device, values in devices:
        count, series = len(values), [_SERIES[name] for name in values]
        numbers = [round(value * _SCALES[name]) for name, value in values.items()]
        head = struct.pack("<16sHHB", device.bytes, 0, count, 4)
        groups.append(head + struct.pack(f"<{count}H{count}i", *series, *numbers))
    return struct.pack("<BH", 1, len(groups)) + b"".join(groups)


def _on_sqlite(path: str) -> Callable[[UUID, datetime, datetime, bytes], None]:
    connection = connect(path, timeout=30, isolation_level=None)
    connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;")

    def upsert(plant: UUID, slot: datetime, now: datetime, data: bytes) -> None:
        moments = (one.astimezone(UTC).replace(tzinfo=None).isoformat(" ") for one in (slot, now))
        connection.execute(_SQLITE, (plant.hex, *moments, data))

    return upsert


def _on_postgres(url: str) -> Callable[[UUID, datetime, datetime, bytes], None]:
    connection = psycopg.connect(url, autocommit=True)

    def upsert(plant: UUID, slot: datetime, now: datetime, data: bytes) -> None:
        connection.execute(_POSTGRES, (plant, slot, now, data), prepare=True)

    return upsert


# --- The bare WSGI app ---------------------------------------------------------------------------------------------


@cache
def _table() -> Table:
    return Table(os.environ["DATABASE_URL"])


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Takes one delivery."""
    readings = orjson.loads(environ["wsgi.input"].read())["readings"]
    devices = {UUID(one["component"]): one["values"] for one in readings}
    _table().store(UUID(environ["PATH_INFO"][1:]), datetime.fromisoformat(readings[0]["time"]), devices)
    start_response("202 Accepted", [("Content-Type", "application/json")])
    return [orjson.dumps({"accepted": sum(map(len, devices.values()))})]
