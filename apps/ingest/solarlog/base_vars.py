"""base_vars.js: the logger's description of itself, of the plant, and of the devices at it.

Statements are recognised by a regular expression and taken apart as text; nothing is ever executed.
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from apps.ingest.report import Report
from apps.plants.models import Component

from .devices import SENSOR_CHANNELS, Device, Input
from .text import Lines, printable
from .times import BadTime, parse_date

Value = str | list[str] | None
_STATEMENT = re.compile(
    r"(?<![\w.\]])(?P<name>[A-Za-z]\w*)\s*(?:\[\s*(?P<i>[0-9]{1,3})\s*\])?\s*(?:\[\s*(?P<k>[0-9]{1,3})\s*\])?\s*="
    r'\s*(?:new\s+Array\s*\((?P<array>(?:"[^"]*"|[^")])*)\)|"(?P<text>[^"]*)"|(?P<bare>[^\s;"(]+))'
)
_ELEMENT = re.compile(r'(?:[^",]*"([^"]*)"[^,]*|([^",]*))(?:,|$)')
_PLACE = re.compile(r"(?P<code>[0-9]{4,10})\s*(?P<city>[^()]*?)\s*\((?P<country>[A-Za-z]{2})\)")
_STORAGE = re.compile(r"batter|akku|speicher|storage", re.IGNORECASE)
_CONSUMPTION = re.compile(r"verbrauch|consum|bezug", re.IGNORECASE)

_VENDORS = {1: "SMA", 2: "Kaco", 3: "Sunways", 4: "Solarmax", 5: "Fronius"}
_CURRENCIES = {"€": "EUR", "£": "GBP", "$": "USD", "CHF": "CHF"}
_SENSOR_BOX, _METER = 1, 2  # WRInfo[i][11]
_AS_INVERTER, _WHOLE_PLANT, _CONSUMPTION_METER = 0, 1, 2  # WRInfo[i][14] of a meter
_SHORTEST_SERIAL = 5  # fewer letters and digits are a bus address
_FIRST_WITH_VOLTAGES = dt.date(2007, 4, 1)


@dataclass(frozen=True, slots=True)
class BaseVars:
    """What the file says; empty or None where it says nothing. Money per kWh, size in Wp, target in kWh/kWp."""

    size: int = 0
    yearly_target: float | None = None
    monthly_shares: list[float] | None = None
    tariff: Decimal | None = None
    currency: str = ""
    serial: str = ""
    firmware: str = ""
    firmware_date: dt.date | None = None
    model: str = ""
    in_operation_since: dt.date | None = None
    postal_code: str = ""
    city: str = ""
    country: str = ""
    devices: Mapping[int, Device] = field(default_factory=dict)
    complete: bool = False  # every announced device is there
    status_texts: Mapping[int, Sequence[str]] = field(default_factory=dict)
    error_texts: Mapping[int, Sequence[str]] = field(default_factory=dict)


@dataclass(slots=True)
class _Statements:
    """The assignments of a file: by name, by name and index, and the late elements of WRInfo."""

    plain: dict[str, Value] = field(default_factory=dict)
    indexed: dict[tuple[str, int], Value] = field(default_factory=dict)
    elements: dict[tuple[int, int], Value] = field(default_factory=dict)
    lines: dict[int, int] = field(default_factory=dict)  # WRInfo index -> line

    def text(self, name: str) -> str:
        value = self.plain.get(name)
        return printable(value) if isinstance(value, str) else ""

    def number(self, name: str) -> int:
        return _whole(self.text(name))


def parse(file: str, lines: Lines, report: Report) -> BaseVars:
    """Read the file; statements that cannot be read are reported."""
    found = _statements(file, lines, report)
    firmware_date = _date(found.text("FirmwareDate"))
    voltages = firmware_date is None or firmware_date >= _FIRST_WITH_VOLTAGES
    devices = dict(_devices(file, found, report, voltages=voltages))
    announced = max(found.number("AnzahlWR"), 1)
    missing = set(range(announced)) - devices.keys()
    for index in sorted(missing):
        report.reject(file, 0, f"no description of device {index}", f"WRInfo[{index}]")
    place = _PLACE.fullmatch(found.text("HPStandort"))
    model = found.text("SLTyp")
    return BaseVars(
        size=found.number("AnlagenKWP"),
        yearly_target=float(found.number("SollYearKWP")) or None,
        monthly_shares=_shares(found.plain.get("sollMonth")),
        tariff=_tariff(found.text("Verguetung")),
        currency=_CURRENCIES.get(found.text("Currency"), ""),
        serial=found.text("Serialnr")[:100],
        firmware=found.text("Firmware")[:100],
        firmware_date=firmware_date,
        model=f"Solar-Log {model}" if model else "",
        in_operation_since=_date(found.text("HPInbetrieb")),
        postal_code=place["code"] if place else "",
        city=place["city"] if place else "",
        country=place["country"].upper() if place else "",
        devices=devices,
        complete=not missing,
        status_texts=_texts(found, "StatusCodes"),
        error_texts=_texts(found, "FehlerCodes"),
    )


def _statements(file: str, lines: Lines, report: Report) -> _Statements:
    found = _Statements()
    for number, line in lines:
        matches = list(_STATEMENT.finditer(line))
        if not matches:
            report.reject(file, number, "not a statement", value=line.strip())
        for match in matches:
            _keep(found, match, number)
    return found


def _keep(found: _Statements, match: re.Match[str], line: int) -> None:
    value: Value = match["text"] if match["text"] is not None else match["bare"]
    if match["array"] is not None:
        value = _elements(match["array"])
    name, index, element = match["name"], match["i"], match["k"]
    if index is None:
        found.plain[name] = value
    elif element is None:
        found.indexed[name, int(index)] = value
        if name == "WRInfo":
            found.lines[int(index)] = line
    elif name == "WRInfo":
        found.elements[int(index), int(element)] = value


def _elements(text: str) -> list[str]:
    """The elements of an array as text; null is empty."""
    # The pattern also matches the empty end of the text, which is no element.
    parts = [(quoted or bare).strip() for quoted, bare in _ELEMENT.findall(text)][:-1]
    return ["" if part == "null" else part for part in parts]


def _devices(file: str, found: _Statements, report: Report, *, voltages: bool) -> Iterator[tuple[int, Device]]:
    taken: set[tuple[str, ...]] = set()
    for index, line in sorted(found.lines.items()):
        entry = found.indexed["WRInfo", index]
        if not isinstance(entry, list) or len(entry) < 5:
            report.reject(file, line, "a device needs at least five elements", f"WRInfo[{index}]")
            continue
        values: dict[int, Value] = dict(enumerate(entry))
        values |= {k: value for (i, k), value in found.elements.items() if i == index}
        device = _device(index, values, voltages=voltages)
        if device.identity in taken:
            report.reject(file, line, "serial number of an earlier device", value=device.serial)
            device = _device(index, values | {1: ""}, voltages=voltages)
        taken.add(device.identity)
        yield index, device


def _device(index: int, values: Mapping[int, Value], *, voltages: bool) -> Device:
    """One device from the elements of its WRInfo entry (see the table in solarlog-files.md)."""
    kind, classes = _kind(values)
    name = printable(_text(values.get(4)), 100) or printable(_text(values.get(0)), 100)
    inputs = _inputs(values) if kind == Component.Type.INVERTER else ()
    return Device(
        index=index,
        type=kind,
        classes=classes,
        name=name or f"Device {index + 1}",
        serial=_serial(_text(values.get(1))),
        vendor=_VENDORS.get(_whole(_text(values.get(10))), ""),
        size=_whole(_text(values.get(2))),
        inputs=inputs,
        temperature=kind == Component.Type.INVERTER and _whole(_text(values.get(12))) == 1,
        voltages=voltages or len(inputs) < 2,
        sensors=_sensors(values.get(14)) if kind == Component.Type.SENSOR else (),
    )


def _kind(values: Mapping[int, Value]) -> tuple[str, tuple[str, ...]]:
    """Type and classes by the function at index 11, the meter option at 14, and the name."""
    names = f"{_text(values.get(0))} {_text(values.get(4))}"
    function, option = _whole(_text(values.get(11))), _text(values.get(14))
    if function == _SENSOR_BOX:
        return Component.Type.SENSOR, ("sensors",)
    if _STORAGE.search(names):
        return Component.Type.BATTERY, ("battery",)
    if function != _METER:
        return Component.Type.INVERTER, ("production",)
    if option == str(_CONSUMPTION_METER) or (not option and _CONSUMPTION.search(names)):
        return Component.Type.METER, ("consumption", "meter")
    if option == str(_AS_INVERTER):
        return Component.Type.METER, ("production", "meter")
    return Component.Type.METER, ("meter",)  # the whole plant, or nobody said: never summed


def _inputs(values: Mapping[int, Value]) -> tuple[Input, ...]:
    count = min(max(_whole(_text(values.get(5))), 1), 255)
    names, fields, sizes = (_list(values.get(element)) for element in (6, 7, 9))
    whole = _whole(_text(values.get(2))) if count == 1 else 0
    return tuple(
        Input(
            index=number + 1,
            name=printable(_at(names, number), 100),
            size=_whole(_at(sizes, number)) or whole,
            field=min(_whole(_at(fields, number)), 32767) or None,
        )
        for number in range(count)
    )


def _sensors(options: Value) -> tuple[str, ...]:
    """What the sensor box measures; its options say whether ambient temperature and wind are connected."""
    if not isinstance(options, list) or len(options) < 2:
        return SENSOR_CHANNELS
    present = [True, True, *(_whole(option) == 1 for option in options[:2])]
    return tuple(name for name, there in zip(SENSOR_CHANNELS, present, strict=True) if there)


def _serial(text: str) -> str:
    """The serial number; empty for a bus address, which says nothing about the device."""
    core = re.sub(r"[^A-Za-z0-9]", "", text)
    return printable(text, 100) if len(core) >= _SHORTEST_SERIAL and core.strip("0") else ""


def _texts(found: _Statements, name: str) -> dict[int, list[str]]:
    return {
        index: [printable(text) for text in value.split(",")]
        for (kind, index), value in found.indexed.items()
        if kind == name and isinstance(value, str)
    }


def _text(value: Value) -> str:
    return value.strip() if isinstance(value, str) else ""


def _list(value: Value) -> list[str]:
    return value if isinstance(value, list) else []


def _at(values: Sequence[str], index: int) -> str:
    return values[index] if index < len(values) else ""


def _whole(text: str) -> int:
    """A whole number of at most nine digits; 0 where there is none, as in early firmware."""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0


def _date(text: str) -> dt.date | None:
    try:
        return parse_date(text)
    except BadTime:
        return None


def _shares(value: Value) -> list[float] | None:
    """Twelve percentages, January first."""
    shares = [float(_whole(part)) for part in _list(value)]
    return shares if len(shares) == 12 and sum(shares) > 0 else None


def _tariff(text: str) -> Decimal | None:
    """From 1/100 of a hundredth: 5180 is 51.80 ct, that is 0.518 of the currency."""
    try:
        tariff = Decimal(text) / 10_000
    except InvalidOperation:
        return None
    return tariff if 0 < tariff < 1000 else None
