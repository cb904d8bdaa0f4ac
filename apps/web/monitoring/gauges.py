"""What is found out when Prometheus asks: what waits, what lives, how long ago something worked.

A few statements with a time limit each; what cannot be found out is left out, and `helioport_database_up` or
`helioport_redis_up` says why. Counters, which every process keeps, are in apps/monitoring/counters.py.
"""

import datetime as dt
import time
from collections.abc import Callable, Iterable, Iterator

import redis
from celery import current_app
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import Count, Max, Min
from django.utils import timezone
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from apps.background import queues, workers
from apps.background.models import TaskRun
from apps.ingest.models import Upload
from apps.measurements import store
from apps.plants import health

KEPT_SECONDS = 5.0  # so that nobody who asks all the time keeps the database busy
MOST_SECONDS = 2  # of a statement
PATIENCE = 1.0  # seconds, for Redis
Labelled = dict[str, float]


class Gauges:
    """For a registry."""

    _found: tuple[float, list[Metric]] = (float("-inf"), [])

    def collect(self) -> Iterable[Metric]:
        at, found = self._found
        if time.monotonic() - at > KEPT_SECONDS:
            found = list(_all(timezone.now()))
            self._found = time.monotonic(), found
        return found


def _all(now: dt.datetime) -> Iterator[Metric]:
    reached = _database()
    yield _gauge("database_up", "Whether the database answers.", float(reached))
    for part in (_deliveries, _fresh, _workers, _routines, _plants) if reached else ():
        yield from _in_time(part, now)
    if settings.REDIS_URL:
        yield _gauge("redis_up", "Whether Redis answers.", float(_redis()))
    waiting = queues.waiting(current_app)
    if waiting is not None:
        yield _labelled("queue_length", "Messages to workers that wait.", "queue", {**waiting})


def _in_time(part: Callable[[dt.datetime], Iterable[Metric]], now: dt.datetime) -> list[Metric]:
    """Some gauges; none where their statement takes too long."""
    try:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(int(MOST_SECONDS * 1000))])
            return list(part(now))
    except (DatabaseError, InterfaceError):
        return []


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError):
        connection.close()
        return False
    return True


def _redis() -> bool:
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE
        ) as connected:
            return bool(connected.ping())
    except redis.RedisError:
        return False


# --- The gauges ------------------------------------------------------------------------------------------------------


def _deliveries(now: dt.datetime) -> Iterator[Metric]:
    state = Upload.State
    rows = Upload.objects.filter(state__in=[state.RECEIVED, state.QUARANTINED]).order_by()
    found = {row[0]: row[1:] for row in rows.values_list("state").annotate(Count("pk"), Min("received_at"))}
    waiting, oldest = found.get(state.RECEIVED, (0, None))
    yield _gauge("deliveries_waiting", "Files of loggers that wait for the import.", waiting)
    yield _gauge("deliveries_quarantined", "Files that could not be imported.", found.get(state.QUARANTINED, (0,))[0])
    yield _gauge("ingest_lag_seconds", "Age of the oldest file that waits; 0: none.", _age(oldest, now))


def _fresh(now: dt.datetime) -> Iterator[Metric]:
    slots, since = store.fresh_backlog()
    yield _gauge("fresh_slots", "Slots that are not packed yet, of all plants.", slots)
    yield _gauge("fresh_quiet_seconds", "Since when the longest silent of their plants sent nothing.", _age(since, now))


def _workers(now: dt.datetime) -> Iterator[Metric]:
    alive = workers.alive(now)
    yield _gauge("workers", "Workers that reported lately.", len(alive))
    yield _gauge("worker_processes", "Their processes.", sum(one.processes for one in alive))


def _routines(now: dt.datetime) -> Iterator[Metric]:
    rows = TaskRun.objects.filter(task__in=current_app.conf.beat_schedule, outcome=TaskRun.Outcome.DONE).order_by()
    last = {task: at.timestamp() for task, at in rows.values_list("task").annotate(Max("started_at"))}
    name = "routine_last_success_timestamp_seconds"
    yield _labelled(name, "When what comes again and again was begun last and done.", "task", last)


def _plants(now: dt.datetime) -> Iterator[Metric]:
    found = health.counts_of_all(now)
    by_health: Labelled = {"ok": found.ok, "warning": found.warning, "error": found.error, "offline": found.offline}
    yield _labelled("plants", "Activated plants, by health.", "health", by_health)
    yield _gauge("plants_silent", "Activated plants that sent nothing for a day.", found.silent)


def _age(since: dt.datetime | None, now: dt.datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"helioport_{name}", text, value)


def _labelled(name: str, text: str, label: str, values: Labelled) -> Metric:
    family = GaugeMetricFamily(f"helioport_{name}", text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
