"""Writes the demo plants' measurements and events: whatever days are missing up to the present slot."""

import datetime as dt
from collections.abc import Callable, Iterator

import numpy as np
from django.db import transaction

from apps.events.models import ComponentEvent
from apps.measurements import grid, store
from apps.plants.models import Plant

from .blueprint import Span
from .building import device_id
from .plants import DemoPlant

Progress = Callable[[int], None]


def missing_days(plant: Plant, span: Span, now: dt.datetime) -> list[dt.date]:
    """The days to write: from the last one that has values, which may not have been over then, up to today; none if
    the slot that is passing has been written.
    """
    today, known = grid.today(plant.zone, now), store.data_range(plant)
    if known and known[1] >= today and plant.last_transfer and now - plant.last_transfer < grid.SLOT:
        return []
    return list(grid.days(known[1] if known else span.first, today))


def fill(
    plant: Plant,
    demo: DemoPlant,
    span: Span,
    now: dt.datetime,
    days: list[dt.date],
    progress: Progress,
) -> int:
    """Simulate and store these days, a month per transaction; returns how many values were written.

    After an interruption the next start goes on with the month that was not finished.
    """
    values = 0
    write_events(plant, demo, span, now)
    for month in sorted({day.replace(day=1) for day in days}):
        wanted = {day for day in days if day.replace(day=1) == month}
        with transaction.atomic():
            values += store.write(plant, _readings(plant, demo, span, now, month, wanted))
            _note_transfer(plant, max(wanted), now)
        progress(len(wanted))
    return values


def _note_transfer(plant: Plant, day: dt.date, now: dt.datetime) -> None:
    """The last data are those of the last slot of the day that has begun."""
    last_slot = grid.elapsed(plant.zone, day, now) - 1
    plant.last_transfer = grid.start(plant.zone, day) + last_slot * grid.SLOT
    plant.save(update_fields=["last_transfer"])


def _readings(
    plant: Plant, demo: DemoPlant, span: Span, now: dt.datetime, month: dt.date, wanted: set[dt.date]
) -> Iterator[store.DayReadings]:
    """What all devices measured on the wanted days of a month; nothing yet after `now`."""
    from .simulation import simulate

    period, devices = simulate(demo.model, span, month)
    for day, where in period.slices():
        if day not in wanted:
            continue
        future = np.arange(where.stop - where.start) >= grid.elapsed(plant.zone, day, now)
        for key, readings in devices.items():
            series = {
                (name, _stored_part(part)): np.where(future, np.nan, values[where])
                for (name, part), values in readings.items()
            }
            yield store.DayReadings(device_id(plant, key), day, series)


def _stored_part(part: int) -> int:
    """The simulation numbers strings with a minus."""
    return part if part >= 0 else store.STRING_PART - part


def write_events(plant: Plant, demo: DemoPlant, span: Span, now: dt.datetime) -> None:
    """The events of what has happened so far; one that is over by now gets its end."""
    for incident in demo.model.incidents:
        begin, end = incident.window(span)
        if begin > now:
            continue
        ComponentEvent.objects.update_or_create(
            plant=plant,
            device_id=device_id(plant, incident.device),
            started_at=begin,
            status_code=incident.status[0],
            error_code=incident.error[0],
            defaults={
                "ended_at": end if end and end <= now else None,
                "status_text": incident.status[1],
                "error_text": incident.error[1],
                "severity": incident.severity,
            },
        )
