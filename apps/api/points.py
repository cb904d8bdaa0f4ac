"""Series of numbers as JSON: day-channel and period-channel objects. The hot path, so no serializer touches a point."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import orjson

from apps.measurements import grid
from apps.measurements.channels import CURRENCY, Channel
from apps.measurements.grid import Array
from apps.measurements.plain import numbers, share
from apps.measurements.store import DayValues, PeriodValues, Source
from apps.plants.models import Plant


@dataclass(frozen=True, slots=True)
class Device:
    """What an answer calls a source of the store: the id and type the client asked for."""

    id: UUID
    type: str
    source: Source


def day_objects(
    plant: Plant, devices: Sequence[Device], days: Iterable[DayValues], now: dt.datetime
) -> Iterator[bytes]:
    """Each series of a day as the bytes of one day-channel object."""
    by_source = {device.source: device for device in devices}
    for day, source, channel, values in days:
        known = values.size - int(np.count_nonzero(np.isnan(values)))
        points = orjson.Fragment(_day_points(_slot_keys(plant.zone, day), values, channel))
        completeness = share(known, grid.elapsed(plant.zone, day, now))
        yield _object(plant, by_source[source], channel, day.isoformat(), points, completeness)


def _day_points(keys: Sequence[bytes], values: Array, channel: Channel) -> bytes:
    """The points of a day: the keys as they were rendered for all series of that day, and numbers between them.

    Half the time of making a dict for the JSON library. It writes null for NaN, but whole numbers as 12.0.
    """
    numbers_ = orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)
    if channel.decimals == 0:
        numbers_ = numbers_.replace(b".0", b"")
    pieces = [b"}"] * (2 * len(keys) + 1)
    pieces[:-1:2], pieces[1::2] = keys, numbers_[1:-1].split(b",")
    return b"".join(pieces)


@lru_cache(maxsize=512)
def _slot_keys(zone: ZoneInfo, day: dt.date) -> list[bytes]:
    """What stands before the value of each slot of a day."""
    return ('{"' + '":\n,"'.join(grid.keys(zone, day)) + '":').encode().split(b"\n")


def period_objects(
    plant: Plant, devices: Sequence[Device], periods: Iterable[PeriodValues], date: str, keys: Sequence[str], slots: int
) -> Iterator[bytes]:
    """Each series of a month, year or life as the bytes of one period-channel object; `slots` have elapsed in it."""
    by_source = {device.source: device for device in devices}
    for source, channel, values, counts in periods:
        points = dict(zip(keys, numbers(values, channel.decimals), strict=True))
        yield _object(plant, by_source[source], channel, date, points, share(int(counts.sum()), slots))


def json_array(objects: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces of a JSON array of objects, one piece each."""
    separator = b"["
    for piece in objects:
        yield separator + piece
        separator = b","
    yield b"[]" if separator == b"[" else b"]"


def version(plant: Plant, devices: Sequence[Device], channels: Sequence[Channel], elapsed: int, values: bytes) -> bytes:
    """Changes whenever the day-channel objects of these series do, and can be told without making them.

    `values` is the digest of what is stored; `elapsed` slots of the range have begun, which completeness hangs on.
    """
    terms = [plant.timezone, plant.size, plant.currency, plant.electricity_cost, plant.feed_in_tariff]
    asked = [_identity(device) for device in devices], [channel.name for channel in channels]
    told = orjson.dumps([terms, asked, elapsed], default=str)
    return hashlib.blake2b(told + values, digest_size=16).digest()


def _identity(device: Device) -> list[Any]:
    source = device.source
    return [device.id, source.device, source.part, source.size, source.since, source.until]


def _object(plant: Plant, device: Device, channel: Channel, date: str, points: Any, completeness: float) -> bytes:
    return orjson.dumps(
        {
            "id": series_id(device.id, channel.name, date),
            "deviceId": device.id,
            "deviceType": device.type,
            "name": channel.name,
            "dataPoints": points,
            "date": date,
            "unit": plant.currency if channel.unit == CURRENCY else channel.unit,
            "completeness": completeness,
        }
    )


def series_id(device: UUID, channel: str, date: str) -> str:
    """24 hex digits that stay the same for the same series."""
    return hashlib.blake2b(f"{device}/{channel}/{date}".encode(), digest_size=12).hexdigest()
