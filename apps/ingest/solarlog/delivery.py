"""One file as a logger pushes it: imported as an import of its whole folder would, whatever comes before and after.

Files of one push may come in any order. What only others can tell (which devices there are, whether a day is over,
whether a month's total says more than its days) is taken from the files kept of earlier deliveries, and where it
cannot be known yet the file is put off until nothing more has come for half an hour.
"""

import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np

from apps.ingest.kept import Kept, Knowledge
from apps.ingest.report import Report
from apps.measurements import grid, store
from apps.measurements.channels import BY_NAME
from apps.plants.models import Plant

from . import base_vars, minutes, totals
from .base_vars import BaseVars
from .configuration import Timeline
from .facts import VENDOR, describe
from .kinds import NOT_NEEDED, day_of, kind_of, minute_file
from .run import Run
from .settling import dates, devices_of
from .text import File, read_lines

PATIENCE = dt.timedelta(minutes=30)
_LONGEST = dt.timedelta(days=1)  # what a total waits at most while files keep coming
LARGEST = 4_000_000  # bytes; a year of totals of ten inverters has less than a tenth of it
MOST_NAMED = 500  # rejections in a receipt
_AFTER = dt.timedelta(minutes=1)
_TOTALS = ("months", "years")
_LATEST_SPEAKS = ("base_vars", "days_hist", "days", "days_of_all", *_TOTALS)


class Unreadable(Exception):
    """The file cannot be imported; the message says why and what to do, `report` what was read of it."""

    def __init__(self, message: str, report: Report | None = None) -> None:
        super().__init__(message)
        self.report = report or Report()


class ForeignLogger(Unreadable):
    """It comes from a logger that belongs to another plant."""

    def __init__(self, serial: str) -> None:
        super().__init__(
            f"The logger {serial} belongs to another plant: give it a key of that plant, or correct the serial number "
            "there and have this file imported again."
        )
        self.serial = serial


@dataclass(slots=True)
class Outcome:
    """What was done: the account, whether later files need this one, and when it must be looked at again."""

    report: Report
    is_kept: bool = False
    again: dt.datetime | None = None
    note: str = ""
    knew: Knowledge | None = None
    new_components: list[str] = field(default_factory=list)


def import_delivery(plant: Plant, file: File, kept: Kept, arrived: dt.datetime, now: dt.datetime) -> Outcome:
    """Import a file into its plant, in the caller's transaction. Raises Unreadable where nothing of it can be kept."""
    if file.name in NOT_NEEDED:
        return Outcome(Report(), note="not needed: other files of the logger say the same")
    kind = kind_of(file.name)
    if kind is None:
        raise Unreadable("No file of this name is imported.")
    if len(file.load()) > LARGEST:
        raise Unreadable(f"Larger than {LARGEST // 1_000_000} MB: no logger writes such a file.")
    if kind in _LATEST_SPEAKS and kept.is_outdated():
        return Outcome(Report(), note="a later file of this name was imported before")
    delivery = _Delivery(plant, file, kind, kept, arrived, now)
    before = delivery.components()
    outcome = delivery.take()
    outcome.new_components = [name for device, name in delivery.components().items() if device not in before]
    return outcome


class _Delivery:
    """One file, and what is known while it is imported."""

    def __init__(self, plant: Plant, file: File, kind: str, kept: Kept, arrived: dt.datetime, now: dt.datetime) -> None:
        self.plant, self.file, self.kind, self.kept, self.arrived, self.now = plant, file, kind, kept, arrived, now
        self.report = Report(most=MOST_NAMED)
        self.timeline = Timeline(plant)
        described = None if kind == "base_vars" else kept.file("base_vars.js")
        self.is_described = described is not None or bool(self.timeline.configurations)
        self.facts = _facts(described, Report()) if described else BaseVars()

    def take(self) -> Outcome:
        """Import the file, or say when to come back."""
        if self.kind == "base_vars":
            return self._describe()
        serial = self.kept.wrong_logger()
        if serial is not None:
            raise ForeignLogger(serial)
        if not self.is_described and self.now < self.arrived + PATIENCE:
            return Outcome(self.report, again=self.arrived + PATIENCE, note="waits for base_vars.js")
        ready = min(self._settled_at(), self.arrived + _LONGEST)
        if self.kind == "years":
            ready += _AFTER  # months.js of the same push tells which years are known
        if self.kind in _TOTALS and self.now < ready:
            return Outcome(self.report, again=ready, note="waits for the days that it sums up")
        outcome = _Minutes(self).take() if self.kind in ("minutes", "min_day") else self._rest(ready)
        if self.report.rejected and not self.report.records:
            raise Unreadable("Nothing in it could be kept.", self.report)
        return outcome

    def components(self) -> dict[UUID, str]:
        """Every device the plant ever had."""
        found = (entry for configuration in self.timeline.configurations for entry in configuration.installed.values())
        return {entry.id: entry.device.serial or entry.device.name for entry in found}

    def run(self, is_over: Callable[[dt.date], bool]) -> Run:
        """The import of files of this plant, ready to go."""
        return Run(self.timeline, self.facts, self.report, is_over, self.now)

    def others(self, *names: str) -> list[File]:
        """Kept files, those that are there."""
        return [file for file in map(self.kept.file, names) if file]

    def _settled_at(self) -> dt.datetime:
        return self.kept.last_day_file() + PATIENCE

    def patience_ends(self, day: dt.date) -> dt.datetime:
        """From when on nothing more is expected of a day."""
        midnight = grid.start(self.plant.zone, day + dt.timedelta(days=1))
        return max(self._settled_at(), midnight)

    # --- base_vars.js ------------------------------------------------------------------------------------

    def _describe(self) -> Outcome:
        facts = _facts(self.file, self.report)
        if not (facts.devices or facts.serial or facts.size):
            raise Unreadable("Nothing in it could be kept.", self.report)
        owners = Plant.objects.filter(vendor=VENDOR, identifier=facts.serial).exclude(pk=self.plant.pk)
        if facts.serial and owners.exists():
            raise ForeignLogger(facts.serial)
        today = self.arrived.astimezone(self.plant.zone).date()
        if facts.complete and not self.timeline.settle(facts.devices, {today}):
            reason = "another configuration than the plant had on this day: begins with its first new day"
            self.report.reject(self.file.name, 0, reason)
        describe(self.plant, facts, newest_day=today, resized=bool(self.timeline.began))
        self.kept.look_again(self.now)
        return Outcome(self.report, is_kept=True)

    # --- Totals and events -------------------------------------------------------------------------------

    def _rest(self, ready: dt.datetime) -> Outcome:
        run = self.run(lambda _: True)
        if self.kind in _TOTALS:
            self._count_stored(run)
            run.note_days(self.others("days_hist.js", "days.js"))
        if self.kind == "days":
            run.note_days(self.others("days_hist.js"))
        again = self._settle_by_totals(ready) if self.kind in ("days_hist", "days") else None
        run.import_file(self.kind, self.file)
        if self.kind == "days_hist":
            self.close(days=dates([self.file]))
        note = "stored; waits for minutes, which tell since when the devices are there" if again else ""
        return Outcome(self.report, is_kept=self.kind in ("days_hist", "days"), again=again, note=note)

    def _settle_by_totals(self, ready: dt.datetime) -> dt.datetime | None:
        """Totals tell since when the devices are there only where no minutes do; until that is known, wait."""
        if self.kept.has_minutes():
            return None
        if self.now < ready:
            return ready
        devices = devices_of(self.facts, self.timeline, [], [self.file])
        if devices:
            self.timeline.settle(devices, dates([self.file]))
        return None

    def close(self, *, days: Collection[dt.date] = (), before: dt.date | None = None) -> None:
        """Have the day that was taken for today looked at again if it is one of `days` or `before` another."""
        newest = max(dates(self.others("min_day.js", "days.js")), default=None)
        if newest is None or not (newest in days or (before and newest < before)):
            return
        if self.kept.file(minute_file(newest)):
            self.kept.look_again(self.now, minute_file(newest))
        elif not self.kept.knowledge(minute_file(newest)).records:
            self.kept.look_again(self.now, "min_day.js")

    def _count_stored(self, run: Run) -> None:
        """What devices counted in the months of the file, as far as it is stored."""
        span = store.data_range(self.plant)
        found = totals.parse(self.file.name, read_lines(self.file, Report()), totals.MONTHS, self.now, Report())
        for month in {total.day.replace(day=1) for total in found}:
            if span and span[0].replace(day=1) <= month <= span[1]:
                self._count_month(run, month)

    def _count_month(self, run: Run, month: dt.date) -> None:
        sources = [store.Source(device) for device in self.components()]
        counters = [BY_NAME["ProdEtotal"], BY_NAME["ConsEtotal"]]
        found = store.read_month(self.plant, sources, counters, month)
        energies = {(one.source.device, one.channel.name): one.values for one in found}
        for number in range(grid.month_days(month)):
            day = month.replace(day=number + 1)
            for index, entry in self.timeline.on(day).items():
                values = energies.get((entry.id, entry.device.counter or ""))
                if values is not None and not np.isnan(values[number]):
                    run.counted[index, day] = float(values[number])


class _Minutes:
    """A minute file, with what is known of the day it is about."""

    def __init__(self, delivery: _Delivery) -> None:
        self.delivery, self.kept, self.file = delivery, delivery.kept, delivery.file
        scratch = Report()
        lines = read_lines(self.file, scratch)
        records = minutes.parse(self.file.name, lines, delivery.plant.zone, delivery.now, scratch)
        self.knew = Knowledge(max(records, key=_time).time.isoformat() if records else "", len(records))
        self.days = dates([self.file])
        self.own = day_of(self.file.name) if delivery.kind == "minutes" else max(self.days, default=None)
        self.today = self._today()
        self.counted = dates(delivery.others("days_hist.js"))

    def _today(self) -> dt.date | None:
        """The day that the logger's own files show as the present one."""
        days = dates(self.delivery.others("min_day.js", "days.js"))
        return max(days if self.delivery.kind == "minutes" else days | self.days, default=None)

    def take(self) -> Outcome:
        """Import it together with what is kept of its day."""
        self._settle()
        if self.own is None or self._is_outdated(self.own):
            return self._fill()
        run = self.delivery.run(self._is_over)
        run.import_minutes(self._parts(self.own), self.own)
        run.fill_gaps()
        if self.delivery.kind == "minutes":
            self.delivery.close(before=self.own)
        self.kept.forget_days(self.own)
        outcome = Outcome(self.delivery.report, knew=self.knew)
        outcome.is_kept = self.delivery.kind == "min_day" or not self._is_surely_over(self.own)
        if not self._is_over(self.own) and (self.own != self.today or self._is_surely_over(self.own)):
            outcome.again = self.delivery.patience_ends(self.own)
            outcome.note = "stored; the evening of this day waits until it is known to be over"
        return outcome

    def _settle(self) -> None:
        timeline = self.delivery.timeline
        devices = devices_of(self.delivery.facts, timeline, [self.file], [])
        if devices and self.days:
            timeline.settle(devices, self.days)

    def _fill(self) -> Outcome:
        """A file that knows less than what was imported of its day only fills gaps."""
        run = self.delivery.run(self._is_surely_over)
        run.import_minutes([self.file], None)
        run.fill_gaps()
        return Outcome(
            self.delivery.report, note="other files know this day better; it filled gaps" if self.own else ""
        )

    def _is_outdated(self, own: dt.date) -> bool:
        if self.knew < self.kept.knowledge(self.file.name):
            return True
        whole = minute_file(own)
        if self.delivery.kind == "minutes" or self.kept.file(whole):
            return False
        return self.kept.knowledge(whole).last >= self.knew.last

    def _parts(self, own: dt.date) -> list[File]:
        """min_day.js continues the minute file of its day."""
        if self.delivery.kind == "min_day":
            return [*self.delivery.others(minute_file(own)), self.file]
        return [self.file, *(file for file in self.delivery.others("min_day.js") if max(dates([file])) == own)]

    def _is_surely_over(self, day: dt.date) -> bool:
        return day in self.counted or (self.today is not None and day < self.today) or self.kept.has_later_day(day)

    def _is_over(self, day: dt.date) -> bool:
        """Whether no more is expected of a day: it is over, and its own file is here or has been waited for."""
        waited = self.delivery.now >= self.delivery.patience_ends(day)
        if self._is_surely_over(day):
            return waited or self.delivery.kind == "minutes" or bool(self.kept.knowledge(minute_file(day)).records)
        return waited and day != self.today


def _facts(file: File, report: Report) -> BaseVars:
    return base_vars.parse(file.name, read_lines(file, report), report)


def _time(record: minutes.Minute) -> dt.datetime:
    return record.time
