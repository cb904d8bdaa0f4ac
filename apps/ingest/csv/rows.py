"""A CSV file as rows with a moment and numbers; what cannot be read is reported by file, line and column."""

import csv
import datetime as dt
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from apps.ingest.report import Report
from apps.ingest.target import Refused
from apps.measurements import grid

from .mapping import CsvMapping

_OLDEST = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
_LARGEST = 1e12


class _Unfit(ValueError):
    """A cell that cannot be kept; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line: its number in the file, its moment in UTC, the numbers by column; what is missing is left out."""

    line: int
    at: dt.datetime
    values: Mapping[str, float]


def read_rows(path: Path, mapping: CsvMapping, zone: ZoneInfo, now: dt.datetime, report: Report) -> Iterator[Row]:
    """The readable rows of a file, in its order. Refused where it has no header or lacks a column that is mapped."""
    try:
        with path.open(encoding=mapping.encoding, errors="replace", newline="") as file:
            for _line in range(mapping.skip):
                next(file, "")
            lines = csv.reader(file, delimiter=mapping.delimiter)
            header = _header(path, lines, mapping)
            yield from _rows(path.name, lines, header, _Clock(mapping, zone, now), mapping, report)
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.") from None
    except csv.Error as error:
        raise Refused(f"{path.name} is no CSV file: {error}.") from None


def _header(path: Path, lines: Iterator[list[str]], mapping: CsvMapping) -> dict[str, int]:
    names = [name.strip() for name in next(lines, [])]
    wanted = [*mapping.time_columns, *(column.name for column in mapping.columns)]
    absent = [name for name in wanted if name not in names]
    if absent:
        there = ", ".join(names) or "none"
        raise Refused(f"{path.name} has no column '{absent[0]}'; its columns are {there}.")
    return {name: names.index(name) for name in wanted}


def _rows(
    file: str, lines: Iterator[list[str]], header: dict[str, int], clock: "_Clock", mapping: CsvMapping, report: Report
) -> Iterator[Row]:
    for number, cells in enumerate(lines, mapping.skip + 2):
        if not any(cell.strip() for cell in cells):
            continue
        report.records += 1
        try:
            at = clock.read(" ".join(_cell(cells, header[name]) for name in mapping.time_columns))
        except _Unfit as error:
            report.reject(file, number, str(error), " ".join(mapping.time_columns), ";".join(cells))
            continue
        values = {}
        for column in mapping.columns:
            cell = _cell(cells, header[column.name])
            if cell in mapping.missing:
                continue
            try:
                values[column.name] = _number(cell, mapping.decimal)
            except _Unfit as error:
                report.reject(file, number, str(error), column.name, cell)
        report.saw(at)
        yield Row(number, at, values)


def _cell(cells: list[str], index: int) -> str:
    return cells[index].strip() if index < len(cells) else ""


def _number(text: str, decimal: str) -> float:
    if decimal == ",":
        text = text.replace(".", "").replace(",", ".")
    try:
        number = float(text)
    except ValueError:
        raise _Unfit("not a number") from None
    if not math.isfinite(number) or abs(number) > _LARGEST:
        raise _Unfit("number out of range")
    return number


class _Clock:
    """Reads times. Of a wall-clock hour that comes twice, the second is the one after the first has passed."""

    def __init__(self, mapping: CsvMapping, zone: ZoneInfo, now: dt.datetime) -> None:
        self._format, self._zone = mapping.time_format, mapping.zone or zone
        self._latest, self._last = now + dt.timedelta(days=1), _OLDEST

    def read(self, text: str) -> dt.datetime:
        """The moment in UTC. Raises _Unfit."""
        try:
            parsed = _parsed(text, self._format)
        except ValueError:
            raise _Unfit(f"not a time of the form {self._format or 'ISO 8601'}") from None
        moment = parsed if parsed.utcoffset() is not None else self._of_wall(parsed)
        moment = moment.astimezone(dt.UTC)
        if not _OLDEST < moment < self._latest:
            raise _Unfit("impossible time: before there were loggers, or in the future")
        self._last = moment
        return moment

    def _of_wall(self, wall: dt.datetime) -> dt.datetime:
        first = wall.replace(tzinfo=self._zone)
        if first.astimezone(dt.UTC).astimezone(self._zone).replace(tzinfo=None) != wall:
            raise _Unfit(f"this time does not exist in {self._zone.key}: clocks went forward over it")
        passed = grid.is_ambiguous(self._zone, wall) and first.astimezone(dt.UTC) <= self._last
        return wall.replace(tzinfo=self._zone, fold=1) if passed else first


def _parsed(text: str, format_: str | None) -> dt.datetime:
    """What the text says; the zone of a time without an offset follows from the mapping."""
    return dt.datetime.strptime(text, format_) if format_ else dt.datetime.fromisoformat(text)  # noqa: DTZ007
