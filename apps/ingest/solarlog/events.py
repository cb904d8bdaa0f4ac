"""events.js and events_day.js: the states and errors of devices, with their texts from base_vars.js."""

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from django.db import transaction

from apps.events.models import ComponentEvent
from apps.ingest.report import Report

from .base_vars import BaseVars
from .configuration import Timeline
from .text import Lines, records
from .times import BadTime, chronological, latest_day, moment, parse_wall, second_passes

NAME = "e"
OFFLINE = 255
_CODE = re.compile(r"\s*([0-9]{1,9})\s*")
_ERROR_WORDS = re.compile(r"fehler|st(?:ö|oe)r|fault|error", re.IGNORECASE)
_Key = tuple[UUID, dt.datetime, int, int]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One record with its local times as written."""

    line: int
    device: int
    start: dt.datetime
    end: dt.datetime | None
    status: int
    error: int


class Reader:
    """Turns the records of one file into events and stores those that are new or have ended."""

    def __init__(self, file: str, timeline: Timeline, facts: BaseVars, now: dt.datetime, report: Report) -> None:
        self.file, self.timeline, self.facts, self.report = file, timeline, facts, report
        self.latest = latest_day(now)
        self.plant = timeline.plant

    def store(self, lines: Lines) -> int:
        """Returns how many events are new or changed. All of a file or nothing."""
        events = {}
        for event in self._events(self._entries(lines)):
            events[_key(event)] = event  # a later record of the same event speaks
            self.report.records += 1
        return upsert(list(events.values()))

    def _entries(self, lines: Lines) -> list[_Entry]:
        found = []
        for record in records(self.file, lines, NAME, self.report):
            try:
                found.append(self._entry(record.line, record.text.split(";")))
            except BadTime as error:
                self.report.reject(self.file, record.line, str(error), value=record.text)
        return found

    def _entry(self, line: int, fields: Sequence[str]) -> _Entry:
        if len(fields) != 5:
            raise BadTime(f"{len(fields)} fields, an event has 5")
        start, end = fields[:2]
        codes = [_CODE.fullmatch(field) for field in fields[2:]]
        device, status, error = (int(code[1]) if code else -1 for code in codes)
        if min(device, status, error) < 0:
            raise BadTime("device, status or error is not a number")
        return _Entry(
            line=line,
            device=device,
            start=parse_wall(start, self.latest),
            end=parse_wall(end, self.latest) if end.strip() else None,
            status=status,
            error=error,
        )

    def _events(self, entries: Iterable[_Entry]) -> Iterator[ComponentEvent]:
        for entry, second in _in_order(self.plant.zone, entries):
            try:
                yield self._event(entry, second=second)
            except BadTime as error:
                self.report.reject(self.file, entry.line, str(error))

    def _event(self, entry: _Entry, *, second: bool) -> ComponentEvent:
        installed = self.timeline.on(entry.start.date()).get(entry.device)
        if installed is None:
            raise BadTime(f"device {entry.device} is not in the configuration")
        start = moment(self.plant.zone, entry.start, second=second)
        status_text = _text(self.facts.status_texts.get(entry.device, ()), entry.status)
        if entry.status == OFFLINE:
            status_text = status_text or "Offline"
        return ComponentEvent(
            plant=self.plant,
            device_id=installed.id,
            started_at=start,
            ended_at=self._end(entry, start),
            status_code=entry.status,
            status_text=status_text,
            error_code=entry.error,
            error_text=_text(self.facts.error_texts.get(entry.device, ()), entry.error),
            severity=_severity(entry, status_text),
        )

    def _end(self, entry: _Entry, start: dt.datetime) -> dt.datetime | None:
        if entry.end is None:
            return None
        end = moment(self.plant.zone, entry.end)
        if end < start:
            end = moment(self.plant.zone, entry.end, second=True)
        if end < start:
            raise BadTime("the event ends before it begins")
        return end


def _in_order(zone: dt.tzinfo, entries: Iterable[_Entry]) -> Iterator[tuple[_Entry, bool]]:
    """Every entry, and whether it began in the second pass of a repeated hour.

    Files are grouped by day and device and not sorted as a whole, so each device's day is judged by itself.
    """

    def device_day(entry: _Entry) -> tuple[int, dt.date]:
        return entry.device, entry.start.date()

    for _, group in groupby(sorted(entries, key=device_day), key=device_day):
        day = list(group)
        if not chronological([entry.start for entry in day]):
            day.reverse()
        passes = second_passes(zone, (entry.start for entry in day))  # type: ignore[arg-type]
        yield from zip(day, passes, strict=True)


def _text(texts: Sequence[str], code: int) -> str:
    text = texts[code] if code < len(texts) else ""
    return text if text.strip("-") else ""  # "-------" stands for no error


def _severity(entry: _Entry, status_text: str) -> ComponentEvent.Severity:
    if entry.error or _ERROR_WORDS.search(status_text):
        return ComponentEvent.Severity.ERROR
    return ComponentEvent.Severity.WARNING if entry.status == OFFLINE else ComponentEvent.Severity.INFO


def _key(event: ComponentEvent) -> _Key:
    return event.device_id, event.started_at, event.status_code, event.error_code


def upsert(events: list[ComponentEvent]) -> int:
    """Store events of one plant that are new or differ; a known end is never forgotten again."""
    if not events:
        return 0
    starts = [event.started_at for event in events]
    with transaction.atomic():
        stored = ComponentEvent.objects.filter(plant=events[0].plant, started_at__range=(min(starts), max(starts)))
        known = {_key(event): event for event in stored}
        changed = [event for event in events if _differs(event, known.get(_key(event)))]
        ComponentEvent.objects.bulk_create(
            changed,
            update_conflicts=True,
            unique_fields=["plant", "device_id", "started_at", "status_code", "error_code"],
            update_fields=["ended_at", "status_text", "error_text", "severity"],
        )
    return len(changed)


def _differs(event: ComponentEvent, known: ComponentEvent | None) -> bool:
    """Whether there is news; takes over what only the stored event knows."""
    if known is None:
        return True
    event.ended_at = event.ended_at or known.ended_at
    event.error_text = event.error_text or known.error_text
    if not event.status_text:  # read without the base_vars.js that explains the codes
        event.status_text, event.severity = known.status_text, known.severity
    return (event.ended_at, event.status_text, event.error_text, event.severity) != (
        known.ended_at,
        known.status_text,
        known.error_text,
        known.severity,
    )
