"""Saved answers of the original API's channels call: lists of day-channel objects, so that history comes along.

The keys of an object are absolute times, so values land on the slot they name; the original's null entries for an
hour that never was, or was written twice, say nothing and are passed over.
"""

import datetime as dt
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction
from django.utils.timezone import now as present

from apps.measurements import grid, store
from apps.measurements.channels import BY_NAME, Channel, Level
from apps.measurements.store import DayReadings
from apps.plants.models import Component, Plant

from .report import Report
from .target import Refused, Target, create_plant, find_plant, note_transfer, open_portal

DATASOURCE, COMPONENT = "Datasource", "Component"  # deviceType
_OBJECT = re.compile(r'\{\s*"(?:id|deviceId|deviceType|name|dataPoints|date|unit)"\s*:')
_LARGEST = 1e9
_OLDEST = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)

Progress = Callable[[Sequence["Answer"]], Iterable["Answer"]]


class _Unfit(ValueError):
    """An object that cannot be kept; the message is the reason."""


@dataclass(slots=True)
class Answer:
    """A file: its objects with the place where each begins, and its text for naming lines."""

    file: str
    text: str
    objects: list[tuple[int, dict[str, Any]]] = field(default_factory=list)

    def line(self, position: int) -> int:
        """The line of a position in the text, from 1."""
        return self.text.count("\n", 0, position) + 1


@dataclass(frozen=True, slots=True)
class Imported:
    """The outcome: the plant, whether it is new, and the account."""

    plant: Plant
    created: bool
    report: Report


def import_files(
    paths: Sequence[Path], target: Target, size: int, progress: Progress = lambda answers: answers
) -> Imported:
    """Import saved answers into one plant, each file in a transaction of its own."""
    report = Report()
    answers = [_read(path, report) for path in paths]
    source = _source_id(answers)
    with transaction.atomic():
        plant, created = _plant(target, source, size)
    reader = _Reader(plant, source, report)
    for answer in progress(answers):
        report.values_stored += store.write(plant, reader.readings(answer))
        report.files_read += 1
    note_transfer(plant, report.last)
    return Imported(plant, created, report)


# --- Files -----------------------------------------------------------------------------------------


def _read(path: Path, report: Report) -> Answer:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        report.reject(path.name, data.count(b"\n", 0, error.start) + 1, "bytes that are not UTF-8")
        text = data.decode("utf-8-sig", "replace")
    answer = Answer(path.name, text)
    answer.objects = list(_objects(answer, report))
    return answer


def _objects(answer: Answer, report: Report) -> Iterator[tuple[int, dict[str, Any]]]:
    """The whole objects of a list. Where the JSON is broken, reading goes on at the next object's beginning."""
    decoder = json.JSONDecoder(object_pairs_hook=_pairs)
    position = _skip(answer.text, 0, "[")
    if position == len(answer.text):
        report.reject(answer.file, 1, "empty file" if not answer.text.strip() else "empty list")
    while position < len(answer.text) and answer.text[position] != "]":
        try:
            found, end = decoder.raw_decode(answer.text, position)
        except (ValueError, RecursionError) as error:  # ValueError alone: a number of thousands of digits
            place = getattr(error, "pos", position)
            reason = f"broken JSON at character {place}: {getattr(error, 'msg', 'number or depth out of range')}"
            report.reject(answer.file, answer.line(place), reason)
            following = _OBJECT.search(answer.text, position + 1)
            position = following.start() if following else len(answer.text)
            continue
        if isinstance(found, dict):
            yield position, found
        else:
            report.reject(answer.file, answer.line(position), "not a day-channel object")
        position = _skip(answer.text, end, ",")


def _skip(text: str, position: int, separator: str) -> int:
    """Past white space and one separator."""
    match = re.compile(rf"\s*{re.escape(separator)}?\s*").match(text, position)
    return match.end() if match else position


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A key written twice keeps its value, whichever of the two is null."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if value is not None or key not in found:
            found[key] = value
    return found


def _source_id(answers: Iterable[Answer]) -> UUID | None:
    """The data source of the files: the first one named."""
    for answer in answers:
        for _, entry in answer.objects:
            if entry.get("deviceType") == DATASOURCE and (found := _uuid(entry.get("deviceId"))):
                return found
    return None


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None


# --- The plant -------------------------------------------------------------------------------------


def _plant(target: Target, source: UUID | None, size: int) -> tuple[Plant, bool]:
    """The plant to write into; a new one takes the files' data source, so that clients see the same id."""
    portal = open_portal(target)
    if source and Plant.objects.filter(datasource_id=source).exclude(portal=portal).exists():
        raise Refused(f"The data source {source} belongs to a plant of another portal.")
    plant = find_plant(portal, target, lambda plant: _may_be(plant, source))
    if plant is None:
        own = {"datasource_id": source} if source else {}
        return create_plant(portal, target, size=size, **own), True
    if source and _is_empty(plant):
        plant.datasource_id = source
    plant.size = plant.size or size
    plant.save(update_fields=["datasource_id", "size"])
    return plant, False


def _may_be(plant: Plant, source: UUID | None) -> bool:
    """Whether a plant of that label can be meant: it has this data source, or none that a file ever named."""
    return source is None or plant.datasource_id == source or plant.epochs.exists() or _is_empty(plant)


def _is_empty(plant: Plant) -> bool:
    return not plant.epochs.exists() and store.data_range(plant) is None


# --- Objects -----------------------------------------------------------------------------------------


class _Reader:
    """Turns the objects of a file into readings; reports objects and values that cannot be kept."""

    def __init__(self, plant: Plant, source: UUID | None, report: Report) -> None:
        self.plant, self.source, self.report = plant, source, report
        self.latest = present() + dt.timedelta(days=1)
        rows = Component.objects.filter(epoch__plant=plant)
        self.components = set(rows.values_list("cross_epoch_id", flat=True))

    def readings(self, answer: Answer) -> list[DayReadings]:
        """All values of a file that can be kept, one reading per device and day."""
        found: dict[tuple[UUID, dt.date], dict[tuple[str, int], grid.Array]] = {}
        for position, entry in answer.objects:
            try:
                device, channel, points = self._judge(entry)
            except _Unfit as error:
                self._reject(answer, position, str(error), entry)
                continue
            self.report.records += 1
            for key, value in points.items():
                if value is not None:
                    self._keep(answer, position, found, (device, channel), (key, value))
        return [DayReadings(device, day, series) for (device, day), series in found.items()]

    def _reject(self, answer: Answer, position: int, reason: str, entry: Mapping[str, Any]) -> None:
        what = f"{entry.get('name')} of {entry.get('date')}"
        self.report.reject(answer.file, answer.line(position), reason, field=what)

    def _judge(self, entry: Mapping[str, Any]) -> tuple[UUID, Channel, Mapping[str, Any]]:
        """Device, channel and points of an object. Raises _Unfit."""
        device, level = self._device(entry)
        channel = BY_NAME.get(str(entry.get("name")))
        if channel is None:
            raise _Unfit(f"unknown channel {entry.get('name')!r}")
        if channel.derived:
            raise _Unfit(f"{channel.name} is computed, not stored")
        if level is not None and level not in channel.levels:
            raise _Unfit(f"{channel.name} does not exist at plant level")
        if entry.get("unit") != channel.unit:
            raise _Unfit(f"unit {entry.get('unit')!r}, {channel.name} is in {channel.unit}")
        points = entry.get("dataPoints")
        if not isinstance(points, dict):
            raise _Unfit("no dataPoints")
        return device, channel, points

    def _device(self, entry: Mapping[str, Any]) -> tuple[UUID, Level | None]:
        device, kind = _uuid(entry.get("deviceId")), entry.get("deviceType")
        if device is None:
            raise _Unfit("deviceId is not a UUID")
        if kind == COMPONENT:
            if device not in self.components:
                raise _Unfit("component without a configuration: the plant has no such device")
            return device, None
        if kind != DATASOURCE:
            raise _Unfit(f"unknown deviceType {kind!r}")
        if device != self.source:
            raise _Unfit(f"another data source than {self.source}: each plant has one")
        return self.plant.datasource_id, Level.PLANT

    def _keep(
        self,
        answer: Answer,
        position: int,
        found: dict[tuple[UUID, dt.date], dict[tuple[str, int], grid.Array]],
        series: tuple[UUID, Channel],
        point: tuple[str, Any],
    ) -> None:
        key, value = point
        device, channel = series
        try:
            moment = self._moment(key)
            number = _number(value)
        except _Unfit as error:
            place = max(answer.text.find(f'"{key}"', position), position)
            self.report.reject(answer.file, answer.line(place), str(error), f"{channel.name} {key}", str(value))
            return
        day, slot = grid.locate(self.plant.zone, moment)
        arrays = found.setdefault((device, day), {})
        if (channel.name, 0) not in arrays:
            arrays[channel.name, 0] = np.full(grid.slots(self.plant.zone, day), np.nan)
        arrays[channel.name, 0][slot] = number
        self.report.saw(moment)

    def _moment(self, key: str) -> dt.datetime:
        try:
            moment = dt.datetime.fromisoformat(key)
        except ValueError as error:
            raise _Unfit("not an ISO time") from error
        if moment.utcoffset() is None:
            raise _Unfit("time without an offset")
        if not _OLDEST < moment < self.latest:
            raise _Unfit("impossible time: before there were loggers, or in the future")
        return moment


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Unfit("not a number")
    if abs(value) > _LARGEST or not math.isfinite(value):
        raise _Unfit("number out of range")
    return float(value)
