"""What is remembered of tasks: every attempt, failures by their place, and never more than so much."""

import datetime as dt
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.utils import timezone

from apps.background import history
from apps.background.models import TaskFailure, TaskRun, Worker

TASK = SimpleNamespace(name="ingest.import_upload")
DAY = dt.timedelta(days=1)


def attempt(state: str, message: str) -> TaskRun:
    history.began(task_id=message, task=TASK)
    history.ended(task_id=message, task=TASK, state=state)
    return TaskRun.objects.latest("pk")


@pytest.mark.parametrize(("state", "outcome"), [("SUCCESS", "done"), ("RETRY", "again"), ("FAILURE", "failed")])
def test_an_attempt_is_kept_with_its_outcome_and_how_long_it_took(db, state, outcome):
    run = attempt(state, str(uuid4()))
    assert (run.task, run.outcome) == ("ingest.import_upload", outcome)
    assert run.seconds is not None
    assert 0 <= run.seconds < 5


def test_an_attempt_that_was_killed_is_told_apart_from_one_that_runs(db):
    message, now = str(uuid4()), timezone.now()
    history.began(task_id=message, task=TASK)
    killed = TaskRun.objects.get()
    assert history.state_of(killed, now) == "running"
    assert history.state_of(killed, now + dt.timedelta(minutes=7)) == "killed"
    assert attempt("SUCCESS", message).outcome == "done"
    killed.refresh_from_db()
    assert killed.outcome == "running"


def stumble(words: str) -> BaseException:
    try:
        raise ValueError(words)
    except ValueError as error:
        return error


def test_failures_at_one_place_are_one_row_that_counts(db):
    for words in ("line 3 of secret.js", "line 4 of other.js"):
        error = stumble(words)
        history.note("ingest.import_upload", error, error.__traceback__)
    failure = TaskFailure.objects.get()
    assert (failure.count, failure.error) == (2, "ValueError: line 4 of other.js")
    assert "test_history.py" in failure.trace
    assert "raise ValueError(words)" in failure.trace
    assert "secret.js" not in failure.trace
    assert failure.first_at < failure.last_at


def test_other_kinds_and_other_tasks_are_counted_apart(db):
    error = stumble("one")
    history.note("ingest.import_upload", error, error.__traceback__)
    history.note("ingest.import_upload", KeyError("one"), error.__traceback__)
    history.note("events.detect", error, error.__traceback__)
    assert TaskFailure.objects.count() == 3


def test_a_task_that_ends_because_the_broker_is_gone_is_no_failure(db):
    assert history.tried_again(sender=TASK, request=None, einfo=None) is None  # what Celery sends then
    assert not TaskFailure.objects.exists()


def test_a_message_of_a_million_letters_is_cut(db):
    history.note("events.detect", ValueError("x" * 1_000_000), None)
    assert len(TaskFailure.objects.get().error) == 500


def test_the_record_is_kept_short(db, monkeypatch):
    now = timezone.now()
    monkeypatch.setattr(history, "KEPT_RUNS", 3)
    monkeypatch.setattr(history, "KEPT_FAILURES", 2)
    for _ in range(5):
        attempt("SUCCESS", str(uuid4()))
    newest = list(TaskRun.objects.order_by("-pk").values_list("pk", flat=True)[:3])
    for days in (0, 1, 2, 100):
        at = now - days * DAY
        TaskFailure.objects.create(task=f"t{days}", digest="d", error="e", trace="", first_at=at, last_at=at)
    for name, days in (("here", 0), ("gone", 2)):
        Worker.objects.create(name=name, processes=1, started_at=now, seen_at=now - days * DAY)
    assert history.trim(now) == {"runs": 2, "failures": 2, "workers": 1}
    assert list(TaskRun.objects.order_by("-pk").values_list("pk", flat=True)) == newest
    assert sorted(TaskFailure.objects.values_list("task", flat=True)) == ["t0", "t1"]
    assert history.trim(now) == {"runs": 0, "failures": 0, "workers": 0}
