"""min_day.js and minYYMMDD.js: 5-minute records of all devices, one line per time.

A line is judged block by block: a device whose block does not fit its configuration loses that block, the other
devices of the line keep theirs.
"""

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np

from apps.ingest.report import Report
from apps.measurements import grid
from apps.measurements.grid import Array
from apps.measurements.store import DayReadings

from . import counters, night
from .configuration import Installed, Timeline
from .devices import Key
from .text import Lines, records
from .times import BadTime, chronological, latest_day, moment, parse_wall, second_passes

NAME = "m"
_NUMBER = r"-?[0-9]{1,9}(?:\.[0-9]{1,6})?"
_BLOCK = re.compile(rf" *{_NUMBER} *(?:; *{_NUMBER} *)*")
_SIGNED = ("Temp", "TempModule", "TempAmbient", "WindVelocity")


@dataclass(frozen=True, slots=True)
class Minute:
    """One record: when, where it stands, and the text of each device's block."""

    time: dt.datetime
    file: str
    line: int
    blocks: list[str]


@dataclass(slots=True)
class _DeviceDay:
    """The values of one device on one day while they are collected."""

    entry: Installed
    readings: DayReadings
    series: dict[Key, Array]
    places: dict[int, tuple[str, int]] = field(default_factory=dict)  # slot -> file and line


def parse(file: str, lines: Lines, zone: ZoneInfo, now: dt.datetime, report: Report) -> list[Minute]:
    """The records of a file in the order they happened; bad times are reported."""
    latest = latest_day(now)
    found: list[tuple[dt.datetime, int, list[str]]] = []
    for record in records(file, lines, NAME, report):
        time, *blocks = record.text.split("|")
        try:
            found.append((parse_wall(time, latest), record.line, blocks))
        except BadTime as error:
            report.reject(file, record.line, str(error), value=time)
    if not chronological([wall for wall, _, _ in found]):
        found.reverse()
    passes = second_passes(zone, (wall for wall, _, _ in found))
    minutes = []
    for (wall, line, blocks), second in zip(found, passes, strict=True):
        try:
            minutes.append(Minute(moment(zone, wall, second=second), file, line, blocks))
        except BadTime as error:
            report.reject(file, line, str(error), value=f"{wall:%d.%m.%y %H:%M:%S}")
    return minutes


def block_sizes(minutes: Iterable[Minute]) -> dict[int, int]:
    """The commonest number of fields of each device: what is left to go by without a base_vars.js."""
    sizes: dict[int, Counter[int]] = {}
    for minute in minutes:
        for index, block in enumerate(minute.blocks):
            sizes.setdefault(index, Counter())[block.count(";") + 1] += 1
    return {index: found.most_common(1)[0][0] for index, found in sizes.items()}


class Reader:
    """Turns records, in the order they happened, into readings of devices and days."""

    def __init__(self, timeline: Timeline, now: dt.datetime, report: Report) -> None:
        self.timeline, self.now, self.report = timeline, now, report
        self.zone: ZoneInfo = timeline.plant.zone
        self.days: dict[tuple[UUID, dt.date], _DeviceDay] = {}
        self.undocumented: set[tuple[str, int]] = set()

    def read(self, minutes: list[Minute], is_over: Callable[[dt.date], bool]) -> list[DayReadings]:
        """All values that can be kept. `is_over` tells of a day whether more records of it will come."""
        for minute in minutes:
            if self._record(minute):
                self.report.records += 1
                self.report.saw(minute.time)
        return [self._judged(day, is_over=is_over(day.readings.day)) for day in self.days.values()]

    def _reject(self, at: Minute, reason: str, index: int, value: str | None = None) -> None:
        self.report.reject(at.file, at.line, reason, f"device {index}", value)

    def _record(self, minute: Minute) -> bool:
        """Keep the good blocks of a record; returns whether there was any."""
        day, slot = grid.locate(self.zone, minute.time)
        installed = self.timeline.on(day)
        kept = False
        for index, block in enumerate(minute.blocks):
            values = self._block(minute, installed.get(index), index, block)
            if values:
                self._keep(minute, installed[index], day, slot, values)
                kept = True
        for index in sorted(installed.keys() - range(len(minute.blocks))):
            self._reject(minute, "the record has no block for this device", index)
        return kept

    def _block(self, at: Minute, entry: Installed | None, index: int, block: str) -> dict[Key, float]:
        """The values of a block by series; nothing, and a report, for a block that does not fit."""
        if entry is None:
            self._reject(at, "device is not in the configuration", index, block)
        elif not entry.layouts:
            self._skip_undocumented(at, entry, block)
        elif (layout := entry.layouts.get(block.count(";") + 1)) is None:
            expected = " or ".join(str(count) for count in entry.layouts)
            reason = f"{block.count(';') + 1} fields, the configuration says {expected}"
            self._reject(at, reason, index, block)
        elif not _BLOCK.fullmatch(block):
            self._reject(at, "a field is not a number", index, block)
        else:
            values = dict(zip(layout, map(float, block.split(";")), strict=True))
            signed = values.items() if "-" in block else ()
            negative = [key[0] for key, v in signed if key and v < 0 and key[0] not in _SIGNED]
            if not negative:
                return {key: value for key, value in values.items() if key}
            self._reject(at, f"negative {negative[0]}", index, block)
        return {}

    def _skip_undocumented(self, at: Minute, entry: Installed, block: str) -> None:
        """Said once per device and file, not in every line."""
        index = entry.device.index
        if (at.file, index) not in self.undocumented:
            self.undocumented.add((at.file, index))
            reason = f"blocks of a {entry.device.type} are not documented and are skipped in this file"
            self._reject(at, reason, index, block)

    def _keep(self, at: Minute, entry: Installed, day: dt.date, slot: int, values: dict[Key, float]) -> None:
        device_day = self.days.get((entry.id, day))
        if device_day is None:
            series: dict[Key, Array] = {}
            device_day = _DeviceDay(entry, DayReadings(entry.id, day, series), series)
            self.days[entry.id, day] = device_day
        for key, value in values.items():
            if key not in device_day.series:
                device_day.series[key] = np.full(grid.slots(self.zone, day), np.nan)
            device_day.series[key][slot] = value
        device_day.places[slot] = at.file, at.line

    def _judged(self, day: _DeviceDay, *, is_over: bool) -> DayReadings:
        """The day with the device's own DC values, without untrue counters, and with its nights."""
        _add_device_dc(day)
        device, readings = day.entry.device, day.readings
        for slot, value, reason in counters.clean(readings, device, is_over=is_over):
            file, line = day.places[slot]
            self.report.reject(file, line, reason, f"device {device.index} {device.counter}", value)
        night.fill(readings, device, self.zone, closed=is_over, now=self.now)
        return readings


def _add_device_dc(day: _DeviceDay) -> None:
    """The inverter's DC power is the sum of its inputs; it has one DC voltage only with one input."""
    parts = [values for (name, _), values in day.series.items() if name == "ProdPdc"]
    if parts:
        day.series["ProdPdc", 0] = np.sum(parts, axis=0)
    if len(parts) == 1 and ("ProdUdc", 1) in day.series:
        day.series["ProdUdc", 0] = day.series["ProdUdc", 1].copy()
