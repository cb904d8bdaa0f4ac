"""The mapping file of a CSV import (TOML): which column is which channel of which component, when, and in which unit.

docs/csv-import.md describes it for those who write one. Whatever is wrong in it is named with its place.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from apps.ingest.target import Refused
from apps.measurements.channels import BY_NAME, Aggregate, Channel
from apps.plants.building import DeviceDescription
from apps.plants.models import Component, zone_names

# factor to the unit of the channel, by unit in the file and unit of the channel
_FACTORS = {
    ("kW", "W"): 1e3,
    ("MW", "W"): 1e6,
    ("kWh", "Wh"): 1e3,
    ("MWh", "Wh"): 1e6,
    ("kWh/m2", "Wh/m2"): 1e3,
    ("mV", "V"): 1e-3,
    ("mA", "A"): 1e-3,
    ("km/h", "m/s"): 1 / 3.6,
}
_READINGS = ("mean", "energy", "meter", "day")
_CLASSES = {
    Component.Type.INVERTER: ("production",),
    Component.Type.METER: ("meter",),
    Component.Type.BATTERY: ("battery",),
    Component.Type.SENSOR: ("sensors",),
}
_DEFAULT_MISSING = ("", "NA", "NaN", "nan", "null", "-")


@dataclass(frozen=True, slots=True)
class Column:
    """A column and the series it becomes.

    `reading` says what its numbers are: "mean" over the interval, "energy" of the interval, a "meter" that counts for
    ever, or a counter that begins anew every "day". `power` is the channel that gets the mean power of an energy.
    """

    name: str
    device: tuple[str, str]
    channel: Channel
    factor: float
    reading: str
    power: Channel | None = None


@dataclass(frozen=True, slots=True)
class CsvMapping:
    """A checked mapping. `zone` is that of times without an offset, None for the plant's own."""

    devices: tuple[DeviceDescription, ...]
    columns: tuple[Column, ...]
    time_columns: tuple[str, ...]
    time_format: str | None  # None: ISO 8601
    zone: ZoneInfo | None
    minutes: int
    stamps_end: bool
    delimiter: str = ","
    decimal: str = "."
    encoding: str = "utf-8-sig"
    skip: int = 0
    missing: frozenset[str] = frozenset(_DEFAULT_MISSING)


def read_mapping(path: Path) -> CsvMapping:
    """The mapping of a file. Refused says what is wrong and where."""
    try:
        with path.open("rb") as file:
            return _mapping(tomllib.load(file))
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{path.name} is no TOML: {error}.") from None
    except _Wrong as error:
        raise Refused(f"{path.name}: {error}") from None


class _Wrong(ValueError):
    """What is wrong, with its place in the file."""


def _mapping(found: Mapping[str, Any]) -> CsvMapping:
    _only(found, "the file", "csv", "time", "component")
    time, csv = _table(found, "time"), _table(found, "csv", needed=False)
    _only(time, "[time]", "column", "columns", "format", "zone", "minutes", "stamps")
    _only(csv, "[csv]", "delimiter", "decimal", "encoding", "skip", "missing")
    components = found.get("component")
    if not isinstance(components, list) or not components:
        raise _Wrong("at least one [[component]] is needed.")
    devices, columns = zip(*(_component(entry, at) for at, entry in enumerate(components, 1)), strict=True)
    return CsvMapping(
        devices=devices,
        columns=_distinct([column for group in columns for column in group]),
        **_times(time),
        **_text(csv),
    )


def _times(time: Mapping[str, Any]) -> dict[str, Any]:
    names = time.get("columns") or [time.get("column")]
    if not all(isinstance(name, str) for name in names):
        raise _Wrong('[time] needs column = "…" or columns = ["…", "…"].')
    zone, minutes = time.get("zone"), time.get("minutes", 5)
    if zone is not None and zone not in zone_names():
        raise _Wrong(f"[time] zone: '{zone}' is not an IANA time zone such as Europe/Berlin.")
    if not isinstance(minutes, int) or not 1 <= minutes <= 1440:
        raise _Wrong("[time] minutes: the interval is a whole number from 1 to 1440.")
    stamps, format_ = time.get("stamps", "start"), time.get("format", "iso")
    if stamps not in ("start", "end"):
        raise _Wrong('[time] stamps: whether a time is the "start" or the "end" of its interval.')
    return {
        "time_columns": tuple(names),
        "time_format": None if format_ == "iso" else str(format_),
        "zone": ZoneInfo(zone) if zone else None,
        "minutes": minutes,
        "stamps_end": stamps == "end",
    }


def _text(csv: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: csv[name] for name in ("delimiter", "decimal", "encoding", "skip") if name in csv}
    if len(given.get("delimiter", ",")) != 1 or given.get("decimal", ".") not in (".", ","):
        raise _Wrong('[csv] delimiter is one character, decimal is "." or ",".')
    try:
        "".encode(given.get("encoding", "utf-8"))
    except LookupError:
        raise _Wrong(f"[csv] encoding: '{given['encoding']}' is not known.") from None
    if "missing" in csv:
        given["missing"] = frozenset(str(value).strip() for value in csv["missing"]) | {""}
    return given


def _component(entry: Mapping[str, Any], at: int) -> tuple[DeviceDescription, list[Column]]:
    place = f"[[component]] {at}"
    _only(entry, place, "name", "type", "serial", "vendor", "size", "classes", "series")
    kind = entry.get("type")
    if kind not in Component.Type.values:
        raise _Wrong(f"{place} type: {kind!r} is none of {', '.join(Component.Type.values)}.")
    name, series = str(entry.get("name", "")).strip(), entry.get("series")
    if not 1 <= len(name) <= 200:
        raise _Wrong(f"{place} name: 1 to 200 characters.")
    if not isinstance(series, list) or not series:
        raise _Wrong(f"{place} needs at least one [[component.series]].")
    identity = (kind, str(entry.get("serial", "")) or name)
    columns = [_column(one, identity, f"{place} series {number}") for number, one in enumerate(series, 1)]
    channels = [channel.name for column in columns for channel in (column.channel, column.power) if channel]
    return (
        DeviceDescription(
            type=kind,
            name=name,
            serial=str(entry.get("serial", "")),
            vendor=str(entry.get("vendor", "")),
            size=int(entry.get("size", 0)),
            classes=tuple(entry.get("classes", _CLASSES.get(kind, ()))),
            channels=tuple(channels),
        ),
        columns,
    )


def _column(entry: Mapping[str, Any], device: tuple[str, str], place: str) -> Column:
    _only(entry, place, "column", "channel", "unit", "reading", "power", "factor")
    if not isinstance(entry.get("column"), str):
        raise _Wrong(f'{place} needs column = "…".')
    channel = _channel(entry.get("channel"), f"{place} channel")
    counts = channel.aggregate is Aggregate.COUNTER
    reading = entry.get("reading", "meter" if counts else "mean")
    if reading not in _READINGS or counts == (reading == "mean"):
        fitting = "energy, meter or day" if counts else "mean"
        raise _Wrong(f"{place} reading: {channel.name} is read as {fitting}, not as {reading!r}.")
    power = _channel(entry["power"], f"{place} power") if "power" in entry else None
    if power and (not counts or power.unit != "W"):
        raise _Wrong(f"{place} power: a channel in W beside an energy.")
    unit = str(entry.get("unit", channel.unit))
    return Column(entry["column"], device, channel, _factor(entry, unit, channel, place), reading, power)


def _factor(entry: Mapping[str, Any], unit: str, channel: Channel, place: str) -> float:
    own = float(entry.get("factor", 1))
    if unit == channel.unit:
        return own
    if (unit, channel.unit) not in _FACTORS:
        known = ", ".join(name for name, target in _FACTORS if target == channel.unit)
        raise _Wrong(f"{place} unit: '{unit}' cannot become {channel.unit}; known: {channel.unit} {known}.".strip())
    return own * _FACTORS[unit, channel.unit]


def _channel(name: object, place: str) -> Channel:
    channel = BY_NAME.get(str(name))
    if channel is None or channel.derived:
        raise _Wrong(f"{place}: {name!r} is not a channel that is stored.")
    return channel


def _distinct(columns: list[Column]) -> tuple[Column, ...]:
    seen: set[tuple[tuple[str, str], str]] = set()
    for column in columns:
        for channel in filter(None, (column.channel, column.power)):
            if (column.device, channel.name) in seen:
                raise _Wrong(f"{channel.name} of {column.device[1]} comes from two columns.")
            seen.add((column.device, channel.name))
    return tuple(columns)


def _table(found: Mapping[str, Any], name: str, *, needed: bool = True) -> Mapping[str, Any]:
    table = found.get(name, None if needed else {})
    if not isinstance(table, dict):
        raise _Wrong(f"a table [{name}] is needed.")
    return table


def _only(found: Mapping[str, Any], place: str, *names: str) -> None:
    unknown = [name for name in found if name not in names]
    if unknown:
        raise _Wrong(f"{place} knows no '{unknown[0]}'; it may hold {', '.join(names)}.")
