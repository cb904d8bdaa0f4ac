"""A folder of Solar-Log files into one plant: first the configuration, then file by file.

Every file is one transaction of its own. What a crash leaves behind is a prefix of whole files, and running the
same import again completes it.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from uuid import UUID

import numpy as np
from django.db import transaction
from django.utils.timezone import now as present
from numpy.typing import NDArray

from apps.accounts.models import Portal
from apps.ingest.report import Report
from apps.ingest.target import (
    Refused,
    Target,
    create_plant,
    find_plant,
    note_transfer,
    open_portal,
)
from apps.measurements import store
from apps.measurements.channels import BY_NAME
from apps.measurements.store import DayReadings, MonthReadings
from apps.plants.models import Plant

from . import base_vars, events, minutes, totals
from .base_vars import BaseVars
from .configuration import Timeline
from .devices import Device, guess
from .facts import VENDOR, describe
from .text import read_lines
from .times import BadTime, latest_day, parse_day

# In the order they are imported: what knows more about a time comes first and is not overruled.
KINDS = {
    "base_vars": r"base_vars\.js",
    "minutes": r"min[0-9]{6}\.js",
    "min_day": r"min_day\.js",
    "days_hist": r"days_hist\.js",
    "days": r"days\.js",
    "days_of_all": r"daysall\.js",
    "months": r"months\.js",
    "years": r"years\.js",
    "events": r"events\.js",
    "events_day": r"events_day\.js",
}
_DATES = re.compile(r'(?<![\w.])(?:m|e|da|dal|mo)\s*\[[^\]"]{0,20}\]\s*=\s*"([^" ;|]*)')
_SAME_ENERGY = 0.9985  # totals and counters of a device may differ by 0.15 %

Files = dict[str, list[Path]]
Step = tuple[str, list[Path]]
Progress = Callable[[list[Step]], Iterable[Step]]


@dataclass(frozen=True, slots=True)
class Imported:
    """The outcome: the plant, whether it is new, and the account."""

    plant: Plant
    created: bool
    report: Report


def import_folder(folder: Path, target: Target, progress: Progress = lambda files: files) -> Imported:
    """Import every Solar-Log file of a folder. Raises Refused where nothing can be imported as asked."""
    report = Report()
    files = _sorted(folder, report)
    facts = _facts(files, report)
    with transaction.atomic():
        plant, created = _plant(target, facts)
        timeline = _settle(plant, files, facts, report)
    run = _Run(timeline, facts, report, _open_day(files))
    for kind, paths in progress(_steps(files)):
        run.import_files(kind, paths)
    note_transfer(plant, report.last)
    return Imported(plant, created, report)


# --- What is there -------------------------------------------------------------------------------


def _sorted(folder: Path, report: Report) -> Files:
    """The files by kind; what is not recognised is listed, what is no file is passed over."""
    if not folder.is_dir():
        raise Refused(f"{folder} is not a folder.")
    files: Files = {}
    for path in sorted(folder.iterdir()):
        kind = next((k for k, p in KINDS.items() if re.fullmatch(p, path.name, re.IGNORECASE)), None)
        if not path.is_file():
            continue
        if kind is None:
            report.files_ignored.append(path.name)
            continue
        files.setdefault(kind, []).append(path)
    if not files:
        raise Refused(f"{folder} holds no Solar-Log files such as base_vars.js or min250701.js.")
    report.files_read = sum(len(paths) for paths in files.values())
    return files


def _facts(files: Files, report: Report) -> BaseVars:
    for path in files.get("base_vars", []):
        return base_vars.parse(path.name, read_lines(path, report), report)
    return BaseVars()


def _dates(paths: Iterable[Path]) -> set[dt.date]:
    """The days that records of these files belong to. Only looks; what is wrong is reported later."""
    latest = latest_day(present())
    found = set()
    for path in paths:
        lines = read_lines(path, Report())
        for text in {date for _, line in lines for date in _DATES.findall(line)}:
            try:
                found.add(parse_day(text, latest))
            except BadTime:
                continue
    return found


def _open_day(files: Files) -> dt.date | None:
    """The day that was not over when a living logger's folder was copied."""
    newest = max(_dates(files.get("min_day", []) + files.get("days", [])), default=None)
    if newest is None or newest in _dates(files.get("days_hist", [])):
        return None
    newer = (path.name[3:9] for path in files.get("minutes", []))
    return None if any(name > f"{newest:%y%m%d}" for name in newer) else newest


def _steps(files: Files) -> list[Step]:
    """What is imported together, in order. min_day.js continues the minute file of its day, if there is one."""
    today = files.get("min_day", [])
    newest = max(_dates(today), default=None)
    steps: list[Step] = []
    for path in files.get("minutes", []):
        continued = newest is not None and path.name[3:9] == f"{newest:%y%m%d}"
        steps.append(("minutes", [path, *today] if continued else [path]))
    if today and not any(paths[1:] for _, paths in steps):
        steps.append(("minutes", today))
    kinds = [kind for kind in KINDS if kind not in ("base_vars", "minutes", "min_day")]
    return steps + [(kind, [path]) for kind in kinds for path in files.get(kind, [])]


# --- Plant and configuration -----------------------------------------------------------------------


def _plant(target: Target, facts: BaseVars) -> tuple[Plant, bool]:
    """The plant to write into. Refuses a logger that belongs to a plant of another portal."""
    portal = open_portal(target)
    _refuse_foreign_logger(portal, facts)
    plant = find_plant(portal, target, lambda plant: _may_be(plant, facts))
    return (plant, False) if plant else (create_plant(portal, target), True)


def _may_be(plant: Plant, facts: BaseVars) -> bool:
    return not (plant.identifier and facts.serial) or plant.identifier == facts.serial


def _refuse_foreign_logger(portal: Portal, facts: BaseVars) -> None:
    owners = Plant.objects.filter(vendor=VENDOR, identifier=facts.serial).exclude(portal=portal)
    if facts.serial and owners.exists():
        raise Refused(f"The logger {facts.serial} belongs to a plant of another portal.")


def _settle(plant: Plant, files: Files, facts: BaseVars, report: Report) -> Timeline:
    """Bring epochs, components and the plant's own description up to date."""
    timeline = Timeline(plant)
    days = _first_of(
        _dates(files.get("min_day", []) + files.get("minutes", [])),
        _dates(files.get("days_hist", []) + files.get("days", [])),
        _dates(files.get("months", []) + files.get("events", []) + files.get("events_day", [])),
        {present().astimezone(plant.zone).date()},
    )
    devices = _devices(files, facts, timeline)
    if devices and not timeline.settle(devices, days):
        reason = "another configuration than the plant had on these days: begins with its first new day"
        report.reject(files["base_vars"][0].name, 0, reason)
    describe(plant, facts, newest_day=max(days), resized=bool(timeline.began))
    return timeline


def _first_of(*choices: set[dt.date]) -> set[dt.date]:
    return next(choice for choice in choices if choice)


def _devices(files: Files, facts: BaseVars, timeline: Timeline) -> dict[int, Device]:
    """The folder's configuration; nothing where the plant's own knows better."""
    if facts.complete:
        return dict(facts.devices)
    if timeline.configurations:
        return {}
    return _guessed(files, timeline.plant) | dict(facts.devices)


def _guessed(files: Files, plant: Plant) -> dict[int, Device]:
    """Without a description: one device per block, by its number of fields."""
    scratch = Report()
    for path in reversed(files.get("minutes", []) + files.get("min_day", [])):
        found = minutes.parse(path.name, read_lines(path, scratch), plant.zone, present(), scratch)
        if found:
            return {index: guess(index, size) for index, size in minutes.block_sizes(found).items()}
    for path in files.get("days_hist", []) + files.get("days", []):
        for total in totals.parse(path.name, read_lines(path, scratch), totals.DAYS, present(), scratch):
            return {index: guess(index, 4) for index in total.energies}
    return {}


# --- File by file ------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Run:
    """The import of one folder while it goes through its files."""

    timeline: Timeline
    facts: BaseVars
    report: Report
    open_day: dt.date | None
    now: dt.datetime = field(default_factory=present)
    delivered: dict[tuple[UUID, dt.date], NDArray[np.bool_]] = field(default_factory=dict)
    counted: dict[tuple[int, dt.date], float] = field(default_factory=dict)  # Wh by data index
    reported: set[dt.date] = field(default_factory=set)
    months: set[int] = field(default_factory=set)  # years that months.js covers

    @property
    def plant(self) -> Plant:
        """The plant written into."""
        return self.timeline.plant

    def import_files(self, kind: str, paths: list[Path]) -> None:
        """Read one file (or the two of today) and store what is good in it, in one transaction."""
        steps = {
            "days_hist": self._days,
            "days": self._days,
            "days_of_all": self._days_of_all,
            "months": self._months,
            "years": self._years,
            "events": self._events,
            "events_day": self._events,
        }
        if kind == "minutes":
            self._minutes(paths)
            return
        for path in paths:
            steps[kind](path)

    def _minutes(self, paths: list[Path]) -> None:
        found = []
        for path in paths:
            self._judge_name(path.name)
            lines = read_lines(path, self.report)
            found += minutes.parse(path.name, lines, self.plant.zone, self.now, self.report)
        found.sort(key=attrgetter("time"))  # stable: of equal times the later file's record comes last
        readings = minutes.Reader(self.timeline, self.now, self.report).read(found, self.open_day)
        for reading in readings:
            self._count(reading)
            self._leave_delivered(reading)
        self.report.values_stored += store.write(self.plant, readings)

    def _judge_name(self, name: str) -> None:
        digits = name[3:9]
        try:
            if digits.isdigit():
                parse_day(f"{digits[4:]}.{digits[2:4]}.{digits[:2]}", latest_day(self.now))
        except BadTime as error:
            self.report.reject(name, 0, f"{error} in the file name; its records are read", value=digits)

    def _leave_delivered(self, reading: DayReadings) -> None:
        """Several files may hold one day: slots an earlier file delivered are not written again."""
        key = reading.device, reading.day
        for values in reading.series.values():
            if key in self.delivered:
                values[self.delivered[key]] = np.nan
        masks = [~np.isnan(values) for values in reading.series.values()]
        self.delivered[key] = np.logical_or.reduce([*masks, self.delivered.get(key, masks[0])])

    def _count(self, reading: DayReadings) -> None:
        """Remember the day's energy, to tell which month totals say anything new."""
        for index, entry in self.timeline.on(reading.day).items():
            counter = reading.series.get((entry.device.counter or "", 0))
            if entry.id == reading.device and counter is not None and not np.isnan(counter).all():
                energy = float(np.nanmax(counter))
                self.counted[index, reading.day] = max(energy, self.counted.get((index, reading.day), 0.0))

    def _days(self, path: Path) -> None:
        readings = []
        for total in self._totals(path, totals.DAYS):
            if total.day in self.reported:
                continue  # an earlier file, or an earlier line of this one, said it
            self.reported.add(total.day)
            for index, key, device in self._counters(path, total):
                energy = total.energies[index]
                self.counted[index, total.day] = energy
                readings.append(DayReadings(device, total.day, reported={key: energy}))
        self.report.values_stored += store.write(self.plant, readings)

    def _days_of_all(self, path: Path) -> None:
        """Totals of all devices together: kept at plant level for days nobody else speaks for."""
        days = {day for _, day in self.counted}
        readings = [
            DayReadings(self.plant.datasource_id, total.day, reported={("ProdEtotal", 0): total.energies[0]})
            for total in self._totals(path, totals.DAYS_OF_ALL)
            if total.day not in days and 0 in total.energies
        ]
        self.report.values_stored += store.write(self.plant, readings)

    def _months(self, path: Path) -> None:
        """Month totals, save those that only add up the folder's own days.

        A new logger's first month is such a sum: it must not overrule the archive of its predecessor.
        """
        sums: dict[tuple[int, dt.date], float] = {}
        for (index, day), energy in self.counted.items():
            month = day.replace(day=1)
            sums[index, month] = sums.get((index, month), 0.0) + energy
        readings = {}
        for total in self._totals(path, totals.MONTHS):
            month = total.day.replace(day=1)
            self.months.add(month.year)
            for index, key, device in self._counters(path, total):
                energy = total.energies[index]
                if sums.get((index, month), -1.0) < energy * _SAME_ENERGY:
                    readings[device, month] = MonthReadings(device, month, {key: energy})
        self.report.values_stored += store.write(self.plant, months=readings.values())

    def _years(self, path: Path) -> None:
        """The store has no place for a bare year: its months or days must be known, else it is reported."""
        known = self.months | {day.year for _, day in self.counted} | self._stored_years()
        for total in self._totals(path, totals.YEARS):
            if total.day.year not in known:
                reason = "year total not kept: neither months nor days of this year are known"
                energies = {str(index): energy for index, energy in total.energies.items()}
                self.report.reject(path.name, total.line, reason, str(total.day.year), energies)

    def _stored_years(self) -> set[int]:
        source = store.Source(self.plant.datasource_id)
        first, found = store.read_lifetime(self.plant, [source], [BY_NAME["ProdEtotal"]], self.now.year)
        return {first.year + offset for period in found for offset in np.flatnonzero(~np.isnan(period.values)).tolist()}

    def _totals(self, path: Path, name: str) -> list[totals.Total]:
        lines = read_lines(path, self.report)
        return totals.parse(path.name, lines, name, self.now, self.report)

    def _counters(self, path: Path, total: totals.Total) -> Iterator[tuple[int, tuple[str, int], UUID]]:
        """The devices a total speaks of: data index, series, and where it is stored."""
        installed = self.timeline.on(total.day)
        for index in total.energies:
            entry = installed.get(index)
            if entry is None:
                reason = "device is not in the configuration"
                self.report.reject(path.name, total.line, reason, f"device {index}", total.energies[index])
            elif entry.device.counter:
                yield index, (entry.device.counter, 0), entry.id

    def _events(self, path: Path) -> None:
        reader = events.Reader(path.name, self.timeline, self.facts, self.now, self.report)
        self.report.events_stored += reader.store(read_lines(path, self.report))
