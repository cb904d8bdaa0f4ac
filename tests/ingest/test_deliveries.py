"""Lists of deliveries: in steps that miss none, with the numbers of their receipts, and the last one of each key."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.audit import Actor
from apps.accounts.changes import ChangeRefused
from apps.ingest import deliveries, keys
from apps.ingest.models import LoggerKey, Upload
from apps.plants.models import Plant
from tests.cast import Cast

MONA = Actor("mona@sunny.example")
NOON = dt.datetime(2026, 6, 21, 12, tzinfo=dt.UTC)


@pytest.fixture
def key(plant_a: Plant) -> LoggerKey:
    return keys.create_key(plant_a, "Logger", MONA)[0]


def deliver(key: LoggerKey, at: dt.datetime = NOON, **fields: Any) -> Upload:
    given = {"kind": "file", "via": "FTP", "size": 1, "state": "stored", "digest": "0" * 64}
    return Upload.objects.create(plant=key.plant, key=key, received_at=at, **{**given, **fields})


def names(found: deliveries.Step) -> list[str]:
    return [row.name for row in found.rows]


def test_steps_go_through_deliveries_of_one_moment_in_both_directions(key: LoggerKey):
    for number in range(7):
        deliver(key, name=str(number))
    rows = deliveries.of_plants(Plant.objects.all())
    first = deliveries.step(rows, 3)
    second = deliveries.step(rows, 3, before=first.rows[-1].pk)
    third = deliveries.step(rows, 3, before=second.rows[-1].pk)
    assert sorted(names(first) + names(second) + names(third)) == ["0", "1", "2", "3", "4", "5", "6"]
    assert [(one.has_newer, one.has_older) for one in (first, second, third)] == [
        (False, True),
        (True, True),
        (True, False),
    ]
    back = deliveries.step(rows, 3, after=third.rows[0].pk)
    assert (names(back), back.has_newer, back.has_older) == (names(second), True, True)
    assert deliveries.step(rows, 3, after=second.rows[0].pk).has_newer is False
    assert names(deliveries.step(rows, 3, before=uuid.uuid4())) == names(first)


@pytest.mark.parametrize(
    ("receipt", "numbers"),
    [
        ({}, (None, None, None)),
        ({"accepted": 7, "rejected": [1, 2], "flagged": []}, (7, 2, 0)),
        ({"records": 288, "rejected": [1], "rejectedUnnamed": 4000}, (288, 4001, None)),
    ],
)
def test_the_numbers_of_a_receipt_are_counted_in_the_database(key: LoggerKey, receipt: Any, numbers: tuple[int, ...]):
    deliver(key, receipt=receipt)
    row: Any = deliveries.counted(Upload.objects.all()).get()
    assert (row.accepted, row.rejected, row.flagged) == numbers


def test_stored_deliveries_are_those_in_no_other_state(key: LoggerKey):
    for state in Upload.State.values:
        deliver(key, name=state, state=state)
    for state in Upload.State.values:
        assert [row.name for row in deliveries.in_state(Upload.objects.all(), state)] == [state]


def test_only_deliveries_to_the_plants_asked_for_are_found(cast: Cast, key: LoggerKey):
    deliver(key, name="a")
    deliver(keys.create_key(cast.plant_o, "Logger", MONA)[0], name="o", state="received")
    assert [row.name for row in deliveries.of_plants(Plant.objects.filter(portal=cast.sunny))] == ["a"]
    assert [deliveries.waiting(portal, 9) for portal in (cast.sunny, cast.other)] == [0, 1]


def test_a_key_knows_its_newest_delivery(key: LoggerKey):
    rows = LoggerKey.objects.all()
    assert [one.last_delivery for one in deliveries.with_last_delivery(rows)] == [None]
    deliver(key, NOON - dt.timedelta(hours=1))
    deliver(key, NOON)
    assert [one.last_delivery for one in deliveries.with_last_delivery(rows)] == [NOON]


def test_a_secret_is_rotated_only_once_from_the_one_that_was_meant(key: LoggerKey):
    before = key.hint
    new = keys.rotate_key(key, MONA, replaces=before)
    with pytest.raises(keys.AlreadyRotated):
        keys.rotate_key(key, MONA, replaces=before)
    assert keys.verify(new) == key


def test_a_name_is_free_again_once_its_key_is_revoked(key: LoggerKey, plant_a: Plant):
    with pytest.raises(ChangeRefused, match="has a key of that name already"):
        keys.create_key(plant_a, " Logger ", MONA)
    keys.revoke_key(key, MONA)
    assert keys.create_key(plant_a, "Logger", MONA)[0].created_at <= timezone.now()
