"""What every worker does beside its tasks: it says that it lives, and sends what is due."""

import datetime as dt
import logging
import threading
from typing import Any

from celery import bootsteps
from django.db import DatabaseError, connection
from django.utils import timezone
from kombu.exceptions import KombuError, OperationalError

from . import routines
from .models import Worker

EVERY = 5.0  # seconds between two looks at what is due
REPORT_EVERY = dt.timedelta(seconds=30)
SILENT_AFTER = dt.timedelta(minutes=3)
logger = logging.getLogger(__name__)


class Pulse(bootsteps.StartStopStep):
    """A thread of the worker's main process, so it ends with it, however that ends."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, parent: Any) -> None:
        self._thread = threading.Thread(target=self._beat, args=(parent,), name="pulse", daemon=True)
        self._thread.start()

    def stop(self, parent: Any) -> None:
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(EVERY)

    terminate = stop

    def _beat(self, parent: Any) -> None:
        began = timezone.now()
        reported: dt.datetime | None = None
        while not self._stopped.is_set():
            now = timezone.now()
            try:
                if reported is None or now - reported >= REPORT_EVERY:
                    report(parent.hostname, parent.concurrency, began, now)
                    reported = now
                routines.send_due(parent.app, now)
            except (DatabaseError, KombuError, OperationalError, OSError) as error:
                logger.warning("Nothing could be sent: %s", error)
                connection.close()
            self._stopped.wait(EVERY)
        _leave(parent.hostname)


def report(name: str, processes: int, started_at: dt.datetime, now: dt.datetime) -> None:
    """Say that a worker lives, in one statement."""
    row = Worker(name=name, processes=processes, started_at=started_at, seen_at=now)
    Worker.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["name"], update_fields=["processes", "started_at", "seen_at"]
    )


def alive(now: dt.datetime) -> list[Worker]:
    """The workers that have reported lately, the longest at work first."""
    return list(Worker.objects.filter(seen_at__gt=now - SILENT_AFTER).order_by("started_at", "name"))


def _leave(name: str) -> None:
    try:
        Worker.objects.filter(name=name).delete()
    except DatabaseError as error:
        logger.warning("Worker %s could not sign off: %s", name, error)
    connection.close()
