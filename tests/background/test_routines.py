"""What comes again: sent when it is due, by one of many, and done by one at a time."""

import datetime as dt
import threading
import time
from functools import partial
from typing import Any

import pytest
from celery import Celery
from celery.schedules import crontab, schedule
from django.db import connection
from django.utils import timezone
from kombu.exceptions import OperationalError

from apps.background import routines
from apps.background.models import Routine
from portal.celery import app as ours

NOON = dt.datetime(2026, 6, 21, 12, tzinfo=dt.UTC)
MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)


def _nothing() -> None:
    """What the tasks of these tests do."""


class Sent(list[str]):
    """An app that writes down what is sent; the broker may be down."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False
        self.app = Celery("sent", set_as_current=False, broker="memory://")
        self.app.conf.beat_schedule = {
            "often": {"task": "often", "schedule": schedule(MINUTE)},
            "nightly": {"task": "nightly", "schedule": crontab(10, 2), "options": {"expires": 60}},
        }
        for name in ("often", "nightly"):
            task = self.app.task(name=name, shared=False)(_nothing)
            task.apply_async = partial(self._send, name)  # type: ignore[assignment, method-assign]

    def _send(self, name: str, **_options: Any) -> None:
        if self.down:
            raise OperationalError("no broker")
        self.append(name)


@pytest.fixture
def sent(db: None) -> Sent:
    return Sent()


def test_what_was_never_sent_is_sent_at_once_and_then_when_it_is_due(sent: Sent):
    assert routines.send_due(sent.app, NOON) == ["often", "nightly"]
    assert routines.send_due(sent.app, NOON + MINUTE / 2) == []
    assert routines.send_due(sent.app, NOON + MINUTE) == ["often"]
    assert routines.send_due(sent.app, NOON + 14 * HOUR) == ["often"]  # 02:00
    assert routines.send_due(sent.app, NOON + 14 * HOUR + 10 * MINUTE) == ["often", "nightly"]
    assert sent == ["often", "nightly", "often", "often", "often", "nightly"]


def test_a_pause_of_days_is_made_up_for_once(sent: Sent):
    routines.send_due(sent.app, NOON)
    assert routines.send_due(sent.app, NOON + 72 * HOUR) == ["often", "nightly"]
    assert routines.send_due(sent.app, NOON + 72 * HOUR) == []


def test_a_clock_that_was_years_ahead_does_not_stop_the_schedule(sent: Sent):
    routines.send_due(sent.app, NOON.replace(year=2035))
    assert routines.send_due(sent.app, NOON) == ["often", "nightly"]


def test_where_the_broker_is_down_it_stays_due(sent: Sent):
    routines.send_due(sent.app, NOON)
    sent.down = True
    with pytest.raises(OperationalError):
        routines.send_due(sent.app, NOON + MINUTE)
    sent.down = False
    assert routines.send_due(sent.app, NOON + MINUTE) == ["often"]


def test_of_many_workers_that_ask_at_once_one_sends(transactional_db: None):
    sent = Sent()
    barrier = threading.Barrier(6)

    def ask() -> None:
        for minute in range(4):
            barrier.wait()
            routines.send_due(sent.app, NOON + minute * MINUTE)
        connection.close()

    workers = [threading.Thread(target=ask) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(sent) == ["nightly", "often", "often", "often", "often"]


def test_asking_costs_one_statement_when_nothing_is_due(sent: Sent, django_assert_num_queries: Any):
    routines.send_due(sent.app, NOON)
    with django_assert_num_queries(1):
        routines.send_due(sent.app, NOON + MINUTE / 2)


def test_nobody_begins_what_somebody_is_at(db: None):
    with routines.alone("sweep", 60) as first, routines.alone("sweep", 60) as second:
        assert (first, second) == (True, False)
    with routines.alone("sweep", 60) as third:
        assert third is True


def test_who_works_longer_than_the_lease_keeps_it(transactional_db: None):
    with routines.alone("sweep", 0.3) as mine:
        first_end = _busy_until()
        deadline = time.monotonic() + 30
        while timezone.now() < first_end + dt.timedelta(seconds=0.6):
            assert time.monotonic() < deadline
            with routines.alone("sweep", 0.3) as other:
                assert (mine, other) == (True, False)
            time.sleep(0.02)
        assert _busy_until() > first_end
    assert Routine.objects.get(name="sweep").busy_until is None


def _busy_until() -> dt.datetime:
    until = Routine.objects.get(name="sweep").busy_until
    assert until is not None
    return until


def test_what_a_killed_worker_was_at_is_free_after_its_lease(db: None):
    Routine.objects.create(name="sweep", busy_until=timezone.now() + MINUTE)
    with routines.alone("sweep", 60) as mine:
        assert mine is False
    Routine.objects.update(busy_until=timezone.now() - MINUTE)
    with routines.alone("sweep", 60) as mine:
        assert mine is True


def test_a_failure_frees_it_too(db: None):
    with pytest.raises(ValueError, match="bad"), routines.alone("sweep", 60):
        raise ValueError("bad")
    assert Routine.objects.get(name="sweep").busy_until is None


def test_a_second_call_of_a_routine_does_nothing_while_the_first_is_at_work(db: None):
    ours.loader.import_default_modules()
    trim = ours.tasks["background.trim"]
    assert trim() == {"runs": 0, "failures": 0, "workers": 0}
    with routines.alone("background.trim", 60):
        assert trim() is None


def test_what_nobody_took_is_dropped_when_it_is_due_again():
    longest = {name: entry["options"]["expires"] for name, entry in ours.conf.beat_schedule.items()}
    assert longest["ingest.sweep_uploads"] == 60
    assert all(seconds <= 24 * 3600 for seconds in longest.values())
