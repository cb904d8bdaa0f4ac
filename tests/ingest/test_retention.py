"""Receipts go when they are old; what somebody still waits for or looks at stays."""

import datetime as dt
from typing import Any

import pytest

from apps.accounts.audit import Actor
from apps.ingest import keys, retention
from apps.ingest.models import LoggerKey, Upload
from apps.plants.models import Plant

NOW = dt.datetime(2026, 6, 15, 12, tzinfo=dt.UTC)


@pytest.fixture
def key(plant_a: Plant) -> LoggerKey:
    return keys.create_key(plant_a, "roof", Actor("robot@test.example"))[0]


@pytest.fixture
def last(key: LoggerKey) -> Upload:
    """A delivery of today: earlier ones are not the last of their key."""
    return delivered(key, 0)


def delivered(key: LoggerKey, days_ago: int, kind: str = "readings", state: str = "stored", **more: Any) -> Upload:
    at = NOW - dt.timedelta(days=days_ago)
    return Upload.objects.create(
        plant=key.plant, key=key, kind=kind, state=state, via="HTTP", received_at=at, size=1, digest="0" * 64, **more
    )


def left() -> set[Upload]:
    return set(Upload.objects.all())


def test_receipts_of_readings_go_after_a_month_and_those_of_files_after_a_year(key: LoggerKey, last: Upload):
    stay = {delivered(key, 30), delivered(key, 32, "file"), delivered(key, 399, "file"), last}
    for kind, days in (("readings", 32), ("readings", 500), ("file", 401)):
        delivered(key, days, kind)
    assert retention.forget(NOW) == 3
    assert left() == stay


@pytest.mark.parametrize("state", ["received", "quarantined"])
def test_what_waits_or_is_in_quarantine_stays(key: LoggerKey, last: Upload, state: str):
    waiting = delivered(key, 800, "file", state)
    assert (retention.forget(NOW), left()) == (0, {waiting, last})


def test_a_file_that_later_imports_need_stays(key: LoggerKey, last: Upload):
    needed = delivered(key, 800, "file", name="base_vars.js", body=b"x")
    assert (retention.forget(NOW), left()) == (0, {needed, last})


def test_what_was_thrown_away_goes_like_a_receipt(key: LoggerKey, last: Upload):
    delivered(key, 401, "file", "discarded")
    assert (retention.forget(NOW), left()) == (1, {last})


def test_the_last_delivery_of_a_key_stays(key: LoggerKey, plant_b: Plant):
    silent = keys.create_key(plant_b, "cellar", Actor("robot@test.example"))[0]
    delivered(silent, 200)
    newest, here = delivered(silent, 100), delivered(key, 1)
    assert (retention.forget(NOW), left()) == (1, {newest, here})


def test_deliveries_of_keys_that_are_gone_go_too(plant_a: Plant, last: Upload):
    delivered(last.key, 40)  # type: ignore[arg-type]
    Upload.objects.exclude(pk=last.pk).update(key=None)
    assert (retention.forget(NOW), left()) == (1, {last})


def test_many_go_in_several_steps(key: LoggerKey, last: Upload, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retention, "_AT_ONCE", 2)
    for days in range(40, 45):
        delivered(key, days)
    assert (retention.forget(NOW), left()) == (5, {last})
