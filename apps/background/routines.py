"""When what comes again is due. Every worker asks; of many, exactly one sends: whoever first changes the row.

So no worker is special, none has to be elected, and the times survive every restart.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery
from django.db.models import Q
from django.utils import timezone

from .models import Routine


def send_due(app: Celery, now: dt.datetime | None = None) -> list[str]:
    """Send what is due and was not sent by another worker; the names of what was sent."""
    now = now or timezone.now()
    sent_at = dict(Routine.objects.values_list("name", "sent_at"))
    sent = []
    for name, entry in app.conf.beat_schedule.items():
        known = sent_at.get(name)
        if next_time(entry["schedule"], known, now) <= now and _claim(name, known, now):
            _send(app, name, entry, known, now)
            sent.append(name)
    return sent


def next_time(schedule: Any, sent_at: dt.datetime | None, now: dt.datetime) -> dt.datetime:
    """When it is due next; at once where it was never sent, or is said to have been sent in the future.

    `schedule` is one of celery.schedules.
    """
    if sent_at is None or sent_at > now:
        return now
    schedule.nowfun = lambda: now
    left: dt.timedelta = schedule.remaining_estimate(sent_at)
    return now + left


def _claim(name: str, known: dt.datetime | None, now: dt.datetime) -> bool:
    """Whether it is ours to send: True for one of all that ask with the same knowledge."""
    if known is None:
        Routine.objects.bulk_create([Routine(name=name)], ignore_conflicts=True)
    return Routine.objects.filter(name=name, sent_at=known).update(sent_at=now) == 1


def _send(app: Celery, name: str, entry: dict[str, Any], known: dt.datetime | None, now: dt.datetime) -> None:
    """Send it; where that fails, it is due as before."""
    try:
        app.tasks[entry["task"]].apply_async(**entry.get("options", {}))
    except Exception:
        Routine.objects.filter(name=name, sent_at=now).update(sent_at=known)
        raise


@contextmanager
def alone(name: str, seconds: float) -> Iterator[bool]:
    """Whether nobody else is at this; for `seconds` at most nobody else will be."""
    now = timezone.now()
    until = now + dt.timedelta(seconds=seconds)
    Routine.objects.bulk_create([Routine(name=name)], ignore_conflicts=True)
    free = Q(busy_until=None) | Q(busy_until__lte=now)
    mine = Routine.objects.filter(free, name=name).update(busy_until=until) == 1
    try:
        yield mine
    finally:
        if mine:
            Routine.objects.filter(name=name, busy_until=until).update(busy_until=None)
