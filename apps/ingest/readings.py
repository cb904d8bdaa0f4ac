"""A batch of readings as JSON: what loggers and scripts push.

    {"readings": [{"component": "<serial or cross-epoch id>", "time": "2026-06-21T12:05:00+02:00",
                   "mppTracker": 1, "values": {"ProdPac": 4200, "ProdEtotal": 18250}}],
     "components": [{"serial": "4711", "type": "Inverter", "name": "Roof south", "vendor": "", "size": 9800}]}

A single reading may stand for the whole. `mppTracker` or `string` (from 1) name a part of the component. Components
the plant does not have are built in; `components` may describe them, else their channels tell what they are.
A value that cannot be kept is named by the number of its reading; the others of the batch are kept.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from apps.accounts import statements
from apps.measurements import bounds, grid, store
from apps.measurements.channels import BY_NAME, Channel, Level
from apps.measurements.store import STRING_PART
from apps.plants.building import DeviceDescription, build_in
from apps.plants.models import Component, Plant

MOST_VALUES = 10_000
OLDEST = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
AHEAD = dt.timedelta(days=1)  # how far a logger's clock may be fast
_READING = {"component", "time", "values", "mppTracker", "string"}
_DESCRIPTION = {"serial", "type", "name", "vendor", "size"}
_LARGEST = 1e12  # beyond it nothing was measured
_CLASSES: dict[str, tuple[str, ...]] = {
    Component.Type.INVERTER: ("production",),
    Component.Type.METER: ("meter",),
    Component.Type.BATTERY: ("battery",),
    Component.Type.SENSOR: ("sensors",),
    Component.Type.EV_CHARGER: ("consumption",),
    Component.Type.HEAT_PUMP: ("consumption",),
}
_TYPES = {
    Level.INVERTER: Component.Type.INVERTER,
    Level.METER: Component.Type.METER,
    Level.BATTERY: Component.Type.BATTERY,
    Level.SENSOR: Component.Type.SENSOR,
}


class BadBatch(ValueError):
    """Nothing of the batch can be kept; the message says why, `field` where."""

    def __init__(self, field_: str, message: str) -> None:
        super().__init__(message)
        self.field = field_


class Reading(NamedTuple):
    """What can be kept of one reading: whose it is, when, and the values by channel."""

    component: str
    part: int
    at: dt.datetime
    values: dict[str, float]


class _Bounds(dict[str, tuple[float, float]]):
    """The bounds of channels that were looked up; ValueError for a channel that cannot be delivered.

    A batch has thousands of values of a few channels, so each channel is judged once.
    """

    def __init__(self, *, of_parts: bool) -> None:
        self._of_parts = of_parts

    def __missing__(self, name: str) -> tuple[float, float]:
        found = self[name] = bounds.bounds(_channel(name, self._of_parts).name)
        return found


@dataclass(slots=True)
class Batch:
    """The readings that can be kept, what cannot with its reason, and the values that hardly can be true."""

    readings: list[Reading] = field(default_factory=list)
    described: dict[str, DeviceDescription] = field(default_factory=dict)
    rejected: list[dict[str, Any]] = field(default_factory=list)
    flagged: list[dict[str, Any]] = field(default_factory=list)
    limits: tuple[_Bounds, _Bounds] = field(default_factory=lambda: (_Bounds(of_parts=False), _Bounds(of_parts=True)))

    @property
    def accepted(self) -> int:
        """How many values can be kept."""
        return sum(len(reading.values) for reading in self.readings)

    def reject(self, reading: int, reason: str, **more: Any) -> None:
        """Note that something was not kept, and why."""
        self.rejected.append({"reading": reading, "reason": reason, **more})


def parse(body: bytes, now: dt.datetime) -> Batch:
    """A batch from its JSON. Raises BadBatch where it is none, or holds too much."""
    readings, components = _parts(_json(body))
    if sum(len(one["values"]) for one in readings if _has_values(one)) > MOST_VALUES:
        raise BadBatch("readings", f"A batch holds at most {MOST_VALUES} values; send several.")
    batch = Batch(described={one.serial: one for one in map(_description, components)})
    for number, reading in enumerate(readings):
        _read(batch, number, reading, now)
    return batch


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadBatch("body", f"Broken JSON in line {error.lineno}, column {error.colno}: {error.msg}.") from None


def _parts(found: Any) -> tuple[list[Any], list[Any]]:
    if isinstance(found, dict) and "readings" not in found:
        return [found], []
    if isinstance(found, list):
        return found, []
    if not isinstance(found, dict) or found.keys() - {"readings", "components"}:
        raise BadBatch("body", "An object with readings and components, a list of readings, or one reading.")
    readings, components = found["readings"], found.get("components", [])
    if not isinstance(readings, list) or not isinstance(components, list):
        raise BadBatch("readings", "readings and components are lists.")
    return readings, components


def _has_values(reading: Any) -> bool:
    return isinstance(reading, dict) and isinstance(reading.get("values"), dict)


def _description(found: Any) -> DeviceDescription:
    if not isinstance(found, dict) or found.keys() - _DESCRIPTION or not isinstance(found.get("serial"), str):
        raise BadBatch("components", f"A component has {', '.join(sorted(_DESCRIPTION))}; the serial is needed.")
    kind, size = found.get("type"), found.get("size", 0)
    if kind not in _CLASSES:
        raise BadBatch("components", f"type: {kind!r} is none of {', '.join(_CLASSES)}.")
    if not isinstance(size, int) or not 0 <= size < 2**31:
        raise BadBatch("components", f"size: {size!r} is not a size in Wp.")
    texts = {name: str(found.get(name, ""))[:100] for name in ("serial", "name", "vendor")}
    return DeviceDescription(
        kind, texts["name"] or texts["serial"], texts["serial"], texts["vendor"], size, _CLASSES[kind]
    )


# --- One reading ---------------------------------------------------------------------------------------------------


def _read(batch: Batch, number: int, reading: Any, now: dt.datetime) -> None:
    try:
        component, at, part = _head(reading, now)
    except ValueError as error:
        batch.reject(number, str(error))
        return
    limits, values = batch.limits[part > 0], {}
    for name, value in reading["values"].items():
        if value is None:
            continue
        try:
            least, most = limits[name]
            plain = values[name] = _number(value)
        except ValueError as error:
            batch.reject(number, str(error), channel=name, value=str(value)[:40])
            continue
        if not least <= plain <= most:
            reason = f"beyond what is physical ({least:g} to {most:g} {BY_NAME[name].unit}); kept"
            batch.flagged.append({"reading": number, "channel": name, "value": plain, "reason": reason})
    if values:
        batch.readings.append(Reading(component, part, at, values))


def _head(reading: Any, now: dt.datetime) -> tuple[str, dt.datetime, int]:
    """Component, moment and part of a reading. ValueError says what is wrong."""
    if not _has_values(reading) or reading.keys() - _READING:
        raise ValueError(f"a reading has {', '.join(sorted(_READING))}; values is an object")
    component = reading.get("component")
    if not isinstance(component, str) or not 1 <= len(component) <= 100 or "\0" in component:
        raise ValueError("component: a serial number or cross-epoch id is needed")
    return component, _moment(reading.get("time"), now), _part(reading)


def _moment(text: Any, now: dt.datetime) -> dt.datetime:
    try:
        at = dt.datetime.fromisoformat(text)
    except (ValueError, TypeError):
        raise ValueError(f"time: {text!r} is not an ISO 8601 time") from None
    if at.utcoffset() is None:
        raise ValueError("time: without an offset nobody knows when this was; add Z or +01:00")
    if not OLDEST <= at <= now + AHEAD:
        raise ValueError(f"time: {text} cannot be; set the logger's clock")
    return at


def _part(reading: Mapping[str, Any]) -> int:
    tracker, string = reading.get("mppTracker"), reading.get("string")
    if tracker is not None and string is not None:
        raise ValueError("mppTracker or string, not both")
    if not _counts(tracker, 255) or not _counts(string, 9_999):
        raise ValueError("mppTracker counts from 1 to 255, string from 1 to 9999")
    return tracker or (STRING_PART + string if string else 0)


def _counts(number: Any, most: int) -> bool:
    return number is None or (isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= most)


def _channel(name: str, of_part: bool) -> Channel:
    channel = BY_NAME.get(name)
    if channel is None:
        raise ValueError("there is no such channel")
    if channel.derived or channel.levels == {Level.PLANT}:
        raise ValueError("computed here, not delivered")
    if of_part and not channel.levels & {Level.TRACKER, Level.STRING}:
        raise ValueError("a part of a component does not have this channel")
    return channel


def _number(value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise ValueError("not a number")  # noqa: TRY004  (a rejection like the others)
    if not -_LARGEST <= value <= _LARGEST:
        raise ValueError("out of range")
    return float(value)


# --- Into the plant ------------------------------------------------------------------------------------------------


def devices_of(plant: Plant, batch: Batch) -> tuple[dict[str, UUID], list[str]]:
    """The device of each component the batch names, and which of them were built in just now.

    The caller is in a transaction; only an unknown component makes it wait for others that write to the plant.
    """
    named, known = {reading.component for reading in batch.readings}, _known(plant)
    if named <= known.keys():
        return known, []
    Plant.objects.select_for_update(no_key=True).only("pk").get(pk=plant.pk)
    known = _known(plant)  # somebody else may have built them in while we waited
    new = named - known.keys()
    if not new:
        return known, []
    first = min(reading.at for reading in batch.readings if reading.component in new)
    described = {name: _described(name, batch) for name in sorted(new)}
    built = build_in(plant, grid.locate(plant.zone, first)[0], list(described.values()))
    return known | {name: built[one.identity] for name, one in described.items()}, sorted(new)


_DEVICES = """
    SELECT component.cross_epoch_id, component.serial FROM plants_component component
    JOIN plants_epoch epoch ON epoch.id = component.epoch_id
    WHERE epoch.plant_id = %s ORDER BY epoch.active_from
"""


def _known(plant: Plant) -> dict[str, UUID]:
    """Every device the plant ever had, by cross-epoch id and by serial number."""
    found = statements.fetch(_DEVICES, [plant.pk])
    rows = [(statements.uuid(device), serial) for device, serial in found]
    return {name: device for device, serial in rows for name in (str(device), serial) if name}


def _described(name: str, batch: Batch) -> DeviceDescription:
    own = [reading.values for reading in batch.readings if reading.component == name]
    channels = tuple(dict.fromkeys(channel for values in own for channel in values))
    given = batch.described.get(name)
    if given is not None:
        return DeviceDescription(
            given.type, given.name, given.serial, given.vendor, given.size, given.classes, channels
        )
    kind = _kind_of(channels)
    return DeviceDescription(kind, name, name, classes=_CLASSES[kind], channels=channels)


def _kind_of(channels: Iterable[str]) -> str:
    """The type of component that has most of these channels."""
    names = list(channels)
    votes = {level: sum(level in BY_NAME[name].levels for name in names) for level in _TYPES}
    return _TYPES[max(votes, key=lambda level: votes[level])]


def points(batch: Batch, devices: Mapping[str, UUID]) -> Iterator[store.Point]:
    """The values of the batch as the store takes them."""
    for component, part, at, values in batch.readings:
        source = repeat(devices[component]), repeat(part)
        yield from map(store.Point, *source, values, repeat(at), values.values())
