"""What goes wrong at a plant without anybody saying so: judged day by day from its measurements.

The rules (rules.py) are pure, findings.py asks them; this module keeps the events in step with what they say. Judging a
day again gives the same events; where data came late, events of that day begin, change or go, and the days after it
are judged again as far as a trouble reaches over midnight.
"""

import datetime as dt
import time
from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from apps.measurements import grid
from apps.plants.models import Plant

from . import codes
from .codes import FOUND
from .day import ONE, Day, load
from .findings import Finding, findings
from .models import ComponentEvent, PlantWatch
from .rules import PATIENCE
from .spans import Span, troubles

EVERY = dt.timedelta(minutes=5)  # how often a plant is judged
LOOKBACK = dt.timedelta(days=31)  # how much of its past is judged when a plant is seen first
MOST_DAYS = 31  # of one plant in one call
AT_ONCE = 7  # days read at a time
Key = tuple[UUID, int]  # device and error code
Lasting = dict[Key, dt.datetime | None]  # what lasted beyond a day, and the end that later days gave to it


def detect(plant: Plant, day: dt.date, now: dt.datetime) -> None:
    """Judge one day of a plant, and those after it that a change of its troubles reaches into."""
    detect_days(plant, day, day, now)


@transaction.atomic
def detect_days(plant: Plant, first: dt.date, last: dt.date, now: dt.datetime) -> None:
    """The same for several days, oldest first. What is later than today is left alone. All of it or nothing."""
    PlantWatch.objects.select_for_update().get_or_create(plant=plant)  # one at a time
    today = grid.today(plant.zone, now)
    moved: Lasting | None = None
    while first <= today and (first <= last or moved is not None):
        until = min(max(first, last), first + (AT_ONCE - 1) * ONE, today)
        for day in load(plant, first, until, now):
            moved = _judge(day, moved)
        first = until + ONE


# --- Into events -----------------------------------------------------------------------------------------------------


def _judge(day: Day, moved: Lasting | None) -> Lasting | None:
    """Bring the events of a day up to date.

    Where other troubles than before last beyond the day, the next one has to be judged too, and gets what lasted until
    then: `moved`, for what is stored no longer tells it.
    """
    said = list(findings(day))
    quiet = moved is None and not any(troubles(one.judged, PATIENCE[one.kind]) for one in said)
    if quiet and not _stored(day):
        return None
    book = _Book(day, _stored(day), moved)
    for finding in said:
        book.enter(finding)
    book.close()
    return book.ends if book.lasting != book.ends.keys() else None


def _stored(day: Day) -> list[ComponentEvent]:
    """What we found before that touches the day, oldest first."""
    reaching = Q(ended_at=None) | Q(ended_at__gte=day.begin)
    found = ComponentEvent.objects.filter(reaching, plant=day.plant, status_code=FOUND, started_at__lt=day.end)
    return list(found.order_by("started_at"))


class _Book:
    """The events of one day while findings are entered.

    `carried` came over midnight, `known` began on this day when it was judged before, `ends` is what lasted beyond it
    then. `lasting` is what does now.
    """

    def __init__(self, day: Day, stored: Iterable[ComponentEvent], moved: Lasting | None) -> None:
        self.day = day
        self.carried: dict[Key, ComponentEvent] = {}
        self.known: dict[tuple[Key, dt.datetime], ComponentEvent] = {}
        ends: Lasting = dict(moved or {})
        for event in stored:
            key = event.device_id, event.error_code
            if event.started_at >= day.begin:
                self.known[key, event.started_at] = event
                ends[key] = event.ended_at
            else:
                self.carried[key] = event
                if moved is None:
                    ends[key] = event.ended_at
        self.ends: Lasting = {key: end for key, end in ends.items() if end is None or end >= day.end}
        self.lasting: set[Key] = set()
        self.new: list[ComponentEvent] = []
        self.changed: list[ComponentEvent] = []

    def enter(self, finding: Finding) -> None:
        """The troubles of one finding, over what is stored of them."""
        carried = self.carried.pop(finding.key, None)
        for span in troubles(finding.judged, PATIENCE[finding.kind], lasting=carried is not None):
            begin, ended = self.day.at(span.begin or 0), self._end(finding.key, span)
            event = carried if span.begin is None else self.known.pop((finding.key, begin), None)
            if event is None:
                self.new.append(self._event(finding, begin, ended))
            else:
                self._set_end(event, ended)

    def _end(self, key: Key, span: Span) -> dt.datetime | None:
        """Of what lasts beyond the day, the end that a later day knows."""
        if span.end is not None:
            return self.day.at(span.end)
        self.lasting.add(key)
        return self.ends.get(key)

    def _set_end(self, event: ComponentEvent, ended: dt.datetime | None) -> None:
        if event.ended_at != ended:
            event.ended_at = ended
            self.changed.append(event)

    def _event(self, finding: Finding, begin: dt.datetime, ended: dt.datetime | None) -> ComponentEvent:
        device, code = finding.key
        status_text, error_text = codes.english(code)
        return ComponentEvent(
            plant=self.day.plant,
            device_id=device,
            started_at=begin,
            ended_at=ended,
            status_code=FOUND,
            status_text=status_text,
            error_code=code,
            error_text=error_text,
            severity=finding.kind.severity,
        )

    def close(self) -> None:
        """Write what changed."""
        self._rest()
        if self.known:
            ComponentEvent.objects.filter(pk__in=[event.pk for event in self.known.values()]).delete()
        if self.changed:
            ComponentEvent.objects.bulk_update(self.changed, ["ended_at"])
        if self.new:
            ComponentEvent.objects.bulk_create(self.new)

    def _rest(self) -> None:
        """What nobody said anything about lasts on, unless its device is gone: then it ended with its last day."""
        devices = {component.cross_epoch_id for component in self.day.components} | {self.day.plant.datasource_id}
        for key, event in self.carried.items():
            if event.device_id in devices:
                self._set_end(event, self._end(key, Span(None, None)))
            else:
                self._set_end(event, self.day.begin)


# --- All plants ------------------------------------------------------------------------------------------------------


def mark(plant: Plant, day: dt.date) -> None:
    """Data of a day in the past arrived: the next `detect_all` judges from that day on. One statement."""
    earlier = Q(from_day=None) | Q(from_day__gt=day)
    if not PlantWatch.objects.filter(earlier, plant=plant).update(from_day=day):
        PlantWatch.objects.get_or_create(plant=plant, defaults={"from_day": day})


def detect_all(now: dt.datetime, *, limit: int = 1_000, seconds: float = 60.0) -> int:
    """Judge the activated plants not judged for EVERY, the longest waiting first; returns how many.

    Bounded: at most `limit` plants, and none is begun after `seconds`. Two calls at once share the plants.
    """
    _watch_new(now)
    due = Q(judged_at=None) | Q(judged_at__lte=now - EVERY)
    waiting = PlantWatch.objects.filter(due, plant__status=Plant.Status.ACTIVATED).select_related("plant")
    until, judged = time.monotonic() + seconds, 0
    for watch in waiting.order_by(F("judged_at").asc(nulls_first=True), "pk")[:limit]:
        if time.monotonic() > until:
            break
        if PlantWatch.objects.filter(pk=watch.pk, judged_at=watch.judged_at).update(judged_at=now):
            _catch_up(watch, now)
            judged += 1
    return judged


def _watch_new(now: dt.datetime) -> None:
    unknown = Plant.objects.filter(status=Plant.Status.ACTIVATED).exclude(pk__in=PlantWatch.objects.values("plant_id"))
    rows = [PlantWatch(plant=plant, from_day=(now - LOOKBACK).date()) for plant in unknown.only("pk")[:1_000]]
    PlantWatch.objects.bulk_create(rows, ignore_conflicts=True)


def _catch_up(watch: PlantWatch, now: dt.datetime) -> None:
    """Yesterday and today, and before them a part of the past that is to be judged again."""
    plant = watch.plant
    yesterday = grid.today(plant.zone, now) - ONE
    if watch.from_day is not None:
        last = min(watch.from_day + (MOST_DAYS - 1) * ONE, yesterday)
        detect_days(plant, watch.from_day, last, now)
        rest = last + ONE if last < yesterday else None
        PlantWatch.objects.filter(pk=watch.pk, from_day=watch.from_day).update(from_day=rest)
    detect_days(plant, yesterday, yesterday + ONE, now)
