"""When what comes again is due. Every worker asks; of many, exactly one sends: whoever first changes the row.

So no worker is special, none has to be elected, and the times survive every restart.
"""

import datetime as dt
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery
from django.db import DatabaseError, connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from .models import Routine

LEASE = 60.0  # seconds until what a killed process was at is free
logger = logging.getLogger(__name__)


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


# --- One at a time ---------------------------------------------------------------------------------------------


@contextmanager
def alone(name: str, seconds: float = LEASE) -> Iterator[bool]:
    """Whether nobody else is at this. A thread renews that, so it ends within `seconds` where the process is killed."""
    Routine.objects.bulk_create([Routine(name=name)], ignore_conflicts=True)
    lease = _Lease(name, dt.timedelta(seconds=seconds))
    if not lease.taken:
        yield False
        return
    keeper = threading.Thread(target=lease.keep, name=f"lease of {name}", daemon=True)
    keeper.start()
    try:
        yield True
    finally:
        lease.ended.set()
        keeper.join()
        lease.free()


class _Lease:
    """A row of Routine that says until when somebody is at it."""

    def __init__(self, name: str, span: dt.timedelta) -> None:
        self._name, self._span, self.ended = name, span, threading.Event()
        now = timezone.now()
        free = Q(busy_until=None) | Q(busy_until__lte=now)
        self._until = now + span
        self.taken = Routine.objects.filter(free, name=name).update(busy_until=self._until) == 1

    def keep(self) -> None:
        """Renew it three times in its span, over a connection of this thread. One that is away is asked again."""
        while not self.ended.wait(self._span.total_seconds() / 3):
            try:
                until = timezone.now() + self._span
                if self._mine().update(busy_until=until):
                    self._until = until
            except DatabaseError as error:
                logger.warning("The lease of %s is not renewed: %s", self._name, error)
                connection.close()
        connection.close()

    def free(self) -> None:
        self._mine().update(busy_until=None)

    def _mine(self) -> "QuerySet[Routine]":
        return Routine.objects.filter(name=self._name, busy_until=self._until)
