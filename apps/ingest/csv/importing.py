"""A CSV file of any source into one plant, by a mapping file. A dry run does everything and takes it back."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction
from django.utils.timezone import now as present

from apps.ingest.report import Report
from apps.ingest.target import Target, create_plant, find_plant, note_transfer, open_portal
from apps.measurements import grid, store
from apps.measurements.store import DayReadings
from apps.plants.building import build_in
from apps.plants.models import Plant

from .mapping import Column, CsvMapping
from .rows import Row, read_rows
from .spreading import Spread

_SAME_STEP = 1.5  # a step longer than this many intervals is a gap

Progress = Callable[[Iterable[Row]], Iterable[Row]]


@dataclass(frozen=True, slots=True)
class Series:
    """What became of one column: days with data and, of energies, their sum in the channel's unit."""

    column: str
    component: str
    channel: str
    days: int
    sum: float | None


@dataclass(frozen=True, slots=True)
class Imported:
    """The outcome: the plant, and the account as the command prints it."""

    plant: Plant
    told: dict[str, Any]


@transaction.atomic
def import_csv(
    path: Path,
    mapping: CsvMapping,
    target: Target,
    *,
    size: int = 0,
    dry_run: bool = False,
    progress: Progress = lambda rows: rows,
) -> Imported:
    """Import one file in one transaction. Raises Refused, and changes nothing, where it cannot be done as asked."""
    report, portal = Report(files_read=1), open_portal(target)
    plant = find_plant(portal, target, lambda _plant: True)
    created = plant is None
    if plant is None:
        plant = create_plant(portal, target, size=size)
    run = _Run(plant, mapping, path.name, report)
    for row in progress(read_rows(path, mapping, plant.zone, present(), report)):
        run.take(row)
    series = run.store()
    note_transfer(plant, report.last)
    told = {
        **report.as_json(plant, created=created),
        "series": [asdict(one) for one in series],
        "dry_run": dry_run,
    }
    if dry_run:
        transaction.set_rollback(True)
    return Imported(plant, told)


@dataclass(slots=True)
class _Run:
    """One import while it goes through the rows."""

    plant: Plant
    mapping: CsvMapping
    file: str
    report: Report
    spreads: dict[str, Spread] = field(default_factory=dict)
    last: dict[str, tuple[dt.datetime, float]] = field(default_factory=dict)  # of meters: the reading before

    def take(self, row: Row) -> None:
        """Lay the numbers of a row on the grid."""
        interval = dt.timedelta(minutes=self.mapping.minutes)
        begin = row.at - interval if self.mapping.stamps_end else row.at
        for column in self.mapping.columns:
            value = row.values.get(column.name)
            if value is None:
                continue
            spread = self.spreads.setdefault(column.name, Spread(self.plant.zone))
            value *= column.factor
            if column.reading == "mean":
                spread.mean(begin, begin + interval, value)
            elif column.reading == "energy":
                spread.energy(begin, begin + interval, value)
            else:
                self._count(row, column, spread, value)

    def _count(self, row: Row, column: Column, spread: Spread, reading: float) -> None:
        """The energy between two readings of a meter."""
        before = self.last.get(column.name)
        self.last[column.name] = row.at, reading
        if column.reading == "day" and (before is None or not self._same_day(before[0], row.at)):
            before = grid.start(self.plant.zone, grid.locate(self.plant.zone, row.at)[0]), 0.0
        if before is None or row.at <= before[0]:
            return
        energy = reading - before[1]
        if energy < 0:
            reason = "the meter fell: the energy of this step is not known"
            self.report.reject(self.file, row.line, reason, column.name, f"{before[1]:g} -> {reading:g}")
        elif row.at - before[0] <= _SAME_STEP * dt.timedelta(minutes=self.mapping.minutes):
            spread.energy(before[0], row.at, energy)
        elif energy and not spread.lump(before[0], row.at, energy):
            reason = f"a gap over midnight: {energy:g} {column.channel.unit} belong to no known day"
            self.report.reject(self.file, row.line, reason, column.name, str(before[0]))

    def _same_day(self, one: dt.datetime, other: dt.datetime) -> bool:
        zone = self.plant.zone
        return grid.locate(zone, one)[0] == grid.locate(zone, other)[0]

    def store(self) -> list[Series]:
        """Build in the devices, write everything a month at a time, say what became of each column."""
        found = [(column, list(self._values(column))) for column in self.mapping.columns]
        days = [day for _, series in found for day, _ in series]
        if not days:
            return [_told(column, []) for column in self.mapping.columns]
        ids = build_in(self.plant, min(days), self.mapping.devices)
        readings = sorted(self._readings(found, ids), key=lambda reading: reading.day)
        for _month, part in groupby(readings, key=lambda reading: (reading.day.year, reading.day.month)):
            self.report.values_stored += store.write(self.plant, list(part))
        return [_told(column, series) for column, series in found]

    def _values(self, column: Column) -> Iterator[tuple[dt.date, dict[str, grid.Array]]]:
        """The days of a column with the channels it fills."""
        spread = self.spreads.get(column.name)
        if spread is None:
            return
        if column.reading == "mean":
            yield from ((day, {column.channel.name: values}) for day, values in spread.means())
            return
        for (day, counter), (_, power) in zip(spread.counters(), spread.powers(), strict=True):
            yield day, {column.channel.name: counter, **({column.power.name: power} if column.power else {})}

    @staticmethod
    def _readings(
        found: list[tuple[Column, list[tuple[dt.date, dict[str, grid.Array]]]]], ids: dict[tuple[str, str], UUID]
    ) -> Iterator[DayReadings]:
        by_day: dict[tuple[UUID, dt.date], dict[tuple[str, int], grid.Array]] = {}
        for column, series in found:
            for day, channels in series:
                merged = by_day.setdefault((ids[column.device], day), {})
                merged |= {(name, 0): values for name, values in channels.items()}
        return (DayReadings(device, day, series) for (device, day), series in by_day.items())


def _told(column: Column, series: list[tuple[dt.date, dict[str, grid.Array]]]) -> Series:
    known = [values[column.channel.name] for _, values in series]
    known = [values for values in known if not np.isnan(values).all()]
    total = None if column.reading == "mean" else round(sum(float(np.nanmax(values)) for values in known), 3)
    return Series(column.name, column.device[1], column.channel.name, len(known), total)
