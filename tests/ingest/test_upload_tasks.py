"""A delivery becomes a message when it is saved, and is imported whatever becomes of the message."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from kombu.exceptions import OperationalError

from apps.accounts.audit import Actor
from apps.ingest import keys, tasks, uploads
from apps.ingest.models import LoggerKey, Upload
from apps.plants.models import Plant
from tests.background.working import wait_for, working

ROBOT = Actor("robot@test.example")


@pytest.fixture
def key(plant_a: Plant) -> LoggerKey:
    made, _secret = keys.create_key(plant_a, "roof", ROBOT)
    return made


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of messages that were sent."""
    found: list[str] = []
    monkeypatch.setattr(tasks.import_upload, "apply_async", lambda arguments, **_: found.append(*arguments))
    return found


def test_a_message_goes_when_the_file_is_saved_and_not_before(
    key: LoggerKey, sent: list[str], django_capture_on_commit_callbacks: Any
):
    with django_capture_on_commit_callbacks() as callbacks:
        upload = uploads.receive_file(key, "min_day.js", b"x")
        assert sent == []
    for callback in callbacks:
        callback()
    assert sent == [str(upload.pk)]


def test_no_message_goes_for_what_was_not_saved(key: LoggerKey, sent: list[str], transactional_db: None):
    with transaction.atomic():
        uploads.receive_file(key, "min_day.js", b"x")
        transaction.set_rollback(True)
    assert (sent, Upload.objects.count()) == ([], 0)


def test_a_broker_that_is_down_does_not_refuse_the_file(
    transactional_db: None, key: LoggerKey, monkeypatch: pytest.MonkeyPatch
):
    tried: list[str] = []

    def down(arguments: Any, **__: Any) -> None:
        tried.append(*arguments)
        raise OperationalError("no broker")

    monkeypatch.setattr(tasks.import_upload, "apply_async", down)
    monkeypatch.setattr(tasks, "_quiet_until", 0.0)
    first, second = (uploads.receive_file(key, name, b"x") for name in ("min_day.js", "days.js"))
    assert {first.state, second.state} == set(Upload.objects.values_list("state", flat=True)) == {"received"}
    assert tried == [str(first.pk)]  # the second did not wait for it
    monkeypatch.setattr(tasks, "_quiet_until", 0.0)  # half a minute later
    third = uploads.receive_file(key, "months.js", b"x")
    assert tried == [str(first.pk), str(third.pk)]


def test_a_message_about_nothing_and_a_second_one_do_no_harm(key: LoggerKey):
    tasks.import_upload("00000000-0000-4000-8000-000000000000")
    upload = uploads.receive_file(key, "min_day.js", b"nothing of a logger")
    tasks.import_upload(str(upload.pk))
    state = Upload.objects.get(pk=upload.pk).state
    tasks.import_upload(str(upload.pk))
    assert Upload.objects.get(pk=upload.pk).state == state != "received"


def test_a_sweep_goes_on_until_nothing_waits(key: LoggerKey, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tasks, "SWEPT_AT_ONCE", 2)
    for number in range(5):
        uploads.receive_file(key, "min_day.js", b"nothing of a logger %d" % number)
    tasks.sweep_uploads()
    assert not Upload.objects.filter(state="received").exists()


def test_everything_is_imported_although_the_broker_lost_every_message(
    process_environment: dict[str, str], tmp_path: Path, transactional_db: None, key: LoggerKey
):
    environment = {**process_environment, "BROKER_FOLDER": str(tmp_path / "broker")}
    for number in range(5):
        uploads.receive_file(key, "min_day.js", b"nothing of a logger %d" % number)  # the broker of tests loses all
    shutil.rmtree(environment["BROKER_FOLDER"], ignore_errors=True)
    with working(environment, tmp_path / "log"):
        wait_for(lambda: not Upload.objects.filter(state="received").exists(), tmp_path / "log")
    assert Upload.objects.count() == 5
