"""Files into the store, one after the other: what an import of a folder and of a single delivery have in common."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from uuid import UUID

import numpy as np
from django.utils.timezone import now as present

from apps.ingest.report import Report
from apps.measurements import grid, store
from apps.measurements.channels import BY_NAME
from apps.measurements.store import DayReadings, MonthReadings
from apps.plants.models import Plant

from . import events, minutes, totals
from .base_vars import BaseVars
from .configuration import Timeline
from .text import File, read_lines
from .times import BadTime, latest_day, parse_day

_SAME_ENERGY = 0.9985  # totals and counters of a device may differ by 0.15 %


@dataclass(slots=True)
class Run:
    """What is known while files are gone through. `is_over` tells of a day whether more records of it will come."""

    timeline: Timeline
    facts: BaseVars
    report: Report
    is_over: Callable[[dt.date], bool]
    now: dt.datetime = field(default_factory=present)
    counted: dict[tuple[int, dt.date], float] = field(default_factory=dict)  # Wh by data index
    reported: set[dt.date] = field(default_factory=set)  # days whose totals are known from a better file
    months: set[int] = field(default_factory=set)  # years that months.js covers
    strays: list[DayReadings] = field(default_factory=list)

    @property
    def plant(self) -> Plant:
        """The plant written into."""
        return self.timeline.plant

    def import_file(self, kind: str, file: File) -> None:
        """Read one file, no minute file, and store what is good in it, in one transaction."""
        steps = {
            "days_hist": self._days,
            "days": self._days,
            "days_of_all": self._days_of_all,
            "months": self._months,
            "years": self._years,
            "events": self._events,
            "events_day": self._events,
        }
        steps[kind](file)

    # --- Minutes -----------------------------------------------------------------------------------------

    def import_minutes(self, files: Sequence[File], own: dt.date | None) -> None:
        """Read the minute files of the day `own`, oldest knowledge first, and store that day, in one transaction.

        Records of other days are put aside for `fill_gaps`: the files of those days know more about them.
        """
        found = []
        for file in files:
            self._judge_name(file.name)
            lines = read_lines(file, self.report)
            found += minutes.parse(file.name, lines, self.plant.zone, self.now, self.report)
        found.sort(key=attrgetter("time"))  # stable: of equal times the later file's record comes last
        readings = minutes.Reader(self.timeline, self.now, self.report).read(found, self.is_over)
        for reading in readings:
            self._count(reading)
        self.strays += [reading for reading in readings if reading.day != own]
        self.report.values_stored += store.write(self.plant, [one for one in readings if one.day == own])

    def fill_gaps(self) -> None:
        """Store what was put aside, in the slots that nobody delivered."""
        for reading in self.strays:
            self.report.values_stored += store.write(self.plant, [self._without_known(reading)])
        self.strays.clear()

    def _without_known(self, reading: DayReadings) -> DayReadings:
        channels = [BY_NAME[name] for name, part in reading.series if not part]
        source = store.Source(reading.device)
        known = np.zeros(grid.slots(self.plant.zone, reading.day), bool)
        for found in store.read_days(self.plant, [source], channels, reading.day, reading.day):
            known |= ~np.isnan(found.values)
        series = {key: np.where(known, np.nan, values) for key, values in reading.series.items()}
        return replace(reading, series=series)

    def _judge_name(self, name: str) -> None:
        digits = name[3:9]
        try:
            if digits.isdigit():
                parse_day(f"{digits[4:]}.{digits[2:4]}.{digits[:2]}", latest_day(self.now))
        except BadTime as error:
            self.report.reject(name, 0, f"{error} in the file name; its records are read", value=digits)

    def _count(self, reading: DayReadings) -> None:
        """Remember the day's energy, to tell which month totals say anything new."""
        for index, entry in self.timeline.on(reading.day).items():
            counter = reading.series.get((entry.device.counter or "", 0))
            if entry.id == reading.device and counter is not None and not np.isnan(counter).all():
                energy = float(np.nanmax(counter))
                self.counted[index, reading.day] = max(energy, self.counted.get((index, reading.day), 0.0))

    # --- Totals ------------------------------------------------------------------------------------------

    def note_days(self, files: Iterable[File]) -> None:
        """Remember what these files of day totals say, which were stored before."""
        for file in files:
            for total in totals.parse(file.name, read_lines(file, Report()), totals.DAYS, self.now, Report()):
                if total.day not in self.reported:
                    self.reported.add(total.day)
                    self.counted |= {(index, total.day): energy for index, energy in total.energies.items()}

    def _days(self, file: File) -> None:
        readings = []
        for total in self._totals(file, totals.DAYS):
            if total.day in self.reported:
                continue  # an earlier file, or an earlier line of this one, said it
            self.reported.add(total.day)
            for index, key, device in self._counters(file, total):
                energy = total.energies[index]
                self.counted[index, total.day] = energy
                readings.append(DayReadings(device, total.day, reported={key: energy}))
        self.report.values_stored += store.write(self.plant, readings)

    def _days_of_all(self, file: File) -> None:
        """Totals of all devices together: kept at plant level, where they show on days no device speaks for."""
        readings = [
            DayReadings(self.plant.datasource_id, total.day, reported={("ProdEtotal", 0): total.energies[0]})
            for total in self._totals(file, totals.DAYS_OF_ALL)
            if 0 in total.energies
        ]
        self.report.values_stored += store.write(self.plant, readings)

    def _months(self, file: File) -> None:
        """Month totals, save those that only add up the logger's own days.

        A new logger's first month is such a sum: it must not overrule the archive of its predecessor.
        """
        sums: dict[tuple[int, dt.date], float] = {}
        for (index, day), energy in self.counted.items():
            month = day.replace(day=1)
            sums[index, month] = sums.get((index, month), 0.0) + energy
        readings = {}
        for total in self._totals(file, totals.MONTHS):
            month = total.day.replace(day=1)
            self.months.add(month.year)
            for index, key, device in self._counters(file, total):
                energy = total.energies[index]
                if sums.get((index, month), -1.0) < energy * _SAME_ENERGY:
                    readings[device, month] = MonthReadings(device, month, {key: energy})
        self.report.values_stored += store.write(self.plant, months=readings.values())

    def _years(self, file: File) -> None:
        """The store has no place for a bare year: its months or days must be known, else it is reported."""
        known = self.months | {day.year for _, day in self.counted} | self._stored_years()
        for total in self._totals(file, totals.YEARS):
            if total.day.year not in known:
                reason = "year total not kept: neither months nor days of this year are known"
                energies = {str(index): energy for index, energy in total.energies.items()}
                self.report.reject(file.name, total.line, reason, str(total.day.year), energies)

    def _stored_years(self) -> set[int]:
        source = store.Source(self.plant.datasource_id)
        first, found = store.read_lifetime(self.plant, [source], [BY_NAME["ProdEtotal"]], self.now.year)
        return {first.year + offset for period in found for offset in np.flatnonzero(~np.isnan(period.values)).tolist()}

    def _totals(self, file: File, name: str) -> list[totals.Total]:
        lines = read_lines(file, self.report)
        return totals.parse(file.name, lines, name, self.now, self.report)

    def _counters(self, file: File, total: totals.Total) -> Iterator[tuple[int, tuple[str, int], UUID]]:
        """The devices a total speaks of: data index, series, and where it is stored."""
        installed = self.timeline.on(total.day)
        for index in total.energies:
            entry = installed.get(index)
            if entry is None:
                reason = "device is not in the configuration"
                self.report.reject(file.name, total.line, reason, f"device {index}", total.energies[index])
            elif entry.device.counter:
                yield index, (entry.device.counter, 0), entry.id

    # --- Events ------------------------------------------------------------------------------------------

    def _events(self, file: File) -> None:
        reader = events.Reader(file.name, self.timeline, self.facts, self.now, self.report)
        self.report.events_stored += reader.store(read_lines(file, self.report))
