"""Usage statistics: noted in memory, added up in the tables, lost by nobody's failure, read by those they concern."""

import datetime as dt
import time
from uuid import uuid4

import pytest
from django.db import DatabaseError

from apps.accounts.access import Access, Via
from apps.packages import usage, usage_buffer, usage_rows
from apps.packages.models import PlantAccess, UsageHour
from apps.plants.models import Plant
from tests.clients_cast import Key, portal_key, user_key
from tests.packages.noting import JUNE_1, NOON, last_use, later, note
from tests.packages.race import race


@pytest.fixture
def key(cast) -> Key:
    """The client of Alice's User API."""
    return user_key(cast.alice, cast.sunny)


def hours() -> list[tuple[object, ...]]:
    rows = UsageHour.objects.order_by("hour", "function", "status")
    return list(rows.values_list("function", "status", "calls", "points", "bytes", "milliseconds"))


def accesses() -> list[tuple[object, ...]]:
    rows = PlantAccess.objects.order_by("day", "client_name", "client_id")
    return list(rows.values_list("client_name", "api", "reader", "calls"))


# --- Counting -----------------------------------------------------------------------------------------


def test_a_call_touches_no_database_until_it_is_written_down(key, django_assert_num_queries):
    with django_assert_num_queries(0):
        note(key)
    assert hours() == []
    usage.flush()
    assert hours() == [("plant_channels", "2xx", 1, 288, 1000, 2.5)]


def test_calls_of_an_hour_add_up_before_and_in_the_table(key):
    for minute in (0, 1, 59):
        note(key, later(minute))
    assert usage.flush() == 2  # the hour, and the client's last use
    note(key, later(30))
    usage.flush()
    assert hours() == [("plant_channels", "2xx", 4, 1152, 4000, 10.0)]


def test_hours_functions_clients_and_classes_of_status_are_kept_apart(cast, key):
    other = portal_key(cast.mona, cast.sunny)
    note(key)
    note(key, later(60))
    note(key, function="me")
    note(key, status=304)
    note(other)
    usage.flush()
    assert UsageHour.objects.count() == 5
    assert [row[:3] for row in hours()] == [
        ("me", "2xx", 1),
        ("plant_channels", "2xx", 1),
        ("plant_channels", "2xx", 1),
        ("plant_channels", "3xx", 1),
        ("plant_channels", "2xx", 1),
    ]


def test_nothing_noted_is_nothing_written(db, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert usage.flush() == 0


def test_many_rows_are_a_few_statements(cast, key, django_assert_max_num_queries):
    for minute in range(1200):
        note(key, later(60 * minute), plant=cast.plant_a)
    with django_assert_max_num_queries(3 + 1 + 1 + 1 + 2):  # hours, plants, names, client, transaction
        usage.flush()
    assert UsageHour.objects.count() == 1200
    assert PlantAccess.objects.count() == 51


def test_what_is_called_in_the_browser_is_not_noted():
    browser = Access(portal=uuid4(), portal_slug="sunny", via=Via.BROWSER)
    with pytest.raises(ValueError, match="Only calls of the APIs"):
        usage.note(browser, usage.Call("me", 200, 0, 0, 0.0, NOON))


# --- Who read a plant ---------------------------------------------------------------------------------


def test_a_plant_remembers_who_read_it_first_last_and_how_often(cast, key):
    note(key, later(5), plant=cast.plant_a)
    note(key, later(1), plant=cast.plant_a)
    usage.flush()
    note(key, later(9), plant=cast.plant_a, address="198.51.100.5")
    note(key, later(3), plant=cast.plant_a)
    usage.flush()
    row = PlantAccess.objects.get()
    assert (row.plant_id, row.day, row.client_id, row.calls) == (cast.plant_a.pk, JUNE_1, key.client.pk, 4)
    assert (row.first_at, row.last_at, row.last_address) == (later(1), later(9), "198.51.100.5")


def test_a_late_writer_moves_nothing_back(cast, key):
    note(key, later(9), plant=cast.plant_a, address="198.51.100.5")
    usage.flush()
    note(key, later(3), plant=cast.plant_a)
    usage.flush()
    row = PlantAccess.objects.get()
    assert (row.first_at, row.last_at, row.last_address) == (later(3), later(9), "198.51.100.5")


def test_the_owner_of_a_plant_sees_every_api_that_read_it(cast, key):
    note(key, plant=cast.plant_a)
    note(portal_key(cast.mona, cast.sunny), later(24 * 60), plant=cast.plant_a)
    note(key, plant=cast.plant_b)
    usage.flush()
    mine = Plant.objects.visible_to(Access(cast.sunny.pk, "sunny", Via.USER_API, user=cast.alice.pk)).get()
    assert usage.access_log(mine, JUNE_1) == [
        usage.Reading(
            dt.date(2025, 6, 2), "default", "portal", "Sunny Co-operative", 1, later(24 * 60), later(24 * 60)
        ),
        usage.Reading(JUNE_1, "default", "user", "alice@sunny.example", 1, NOON, NOON),
    ]
    assert [one.day for one in usage.access_log(mine, dt.date(2025, 6, 2))] == [dt.date(2025, 6, 2)]


def test_the_log_can_be_read_when_the_client_is_gone(cast, key):
    note(key, plant=cast.plant_a)
    usage.flush()
    note(key, plant=cast.plant_b)
    number = key.client.pk
    key.subscription.delete()
    usage.flush()
    assert sorted(accesses()) == [(f"#{number}", "", "", 1), ("default", "user", "alice@sunny.example", 1)]


def test_a_plant_that_is_deleted_takes_its_log_along(cast, key):
    note(key, plant=cast.plant_a)
    usage.flush()
    cast.plant_a.delete()
    assert not PlantAccess.objects.exists()


# --- When a client was used last ------------------------------------------------------------------------


def test_a_clients_last_use_is_written_once_a_minute_at_most(key):
    assert last_use(key) == (None, None)
    note(key, NOON)
    usage.flush()
    assert last_use(key) == (NOON, "192.0.2.77")
    note(key, later(0.9), address="198.51.100.5")
    usage.flush()
    assert last_use(key) == (NOON, "192.0.2.77")
    note(key, later(1), address="198.51.100.5")
    usage.flush()
    assert last_use(key) == (later(1), "198.51.100.5")


def test_an_older_call_does_not_turn_the_last_use_back(key):
    note(key, later(10))
    usage.flush()
    note(key, later(2))
    usage.flush()
    assert last_use(key) == (later(10), "192.0.2.77")


# --- While the database is away ---------------------------------------------------------------------------


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A database that refuses to write; undo() repairs it."""

    def refuse(notes: object) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr(usage_rows, "write", refuse)
    return monkeypatch


def test_what_cannot_be_written_is_kept_and_written_later(cast, key, broken):
    note(key, plant=cast.plant_a)
    for _ in range(2):
        with pytest.raises(DatabaseError):
            usage.flush()
    note(key, later(1), plant=cast.plant_a)
    broken.undo()
    usage.flush()
    assert hours() == [("plant_channels", "2xx", 2, 576, 2000, 5.0)]
    assert PlantAccess.objects.get().calls == 2
    assert last_use(key)[0] == later(1)


def test_a_failure_half_way_writes_nothing_twice(cast, key, monkeypatch):
    def refuse(client: int, seen: object) -> None:
        raise DatabaseError("gone")

    note(key, plant=cast.plant_a)
    with monkeypatch.context() as patch:
        patch.setattr(usage_rows, "_write_client", refuse)
        with pytest.raises(DatabaseError):
            usage.flush()
    usage.flush()
    assert hours() == [("plant_channels", "2xx", 1, 288, 1000, 2.5)]
    assert PlantAccess.objects.get().calls == 1


def test_memory_is_bounded_and_what_is_known_goes_on_counting(cast, key, monkeypatch):
    monkeypatch.setattr(usage_buffer, "MOST", 10)
    for minute in range(30):
        note(key, later(60 * minute))
    note(key, NOON)
    usage.flush()
    assert UsageHour.objects.count() == 9  # and the client
    assert UsageHour.objects.get(hour=NOON).calls == 2


@pytest.mark.django_db(transaction=True)
def test_the_log_is_told_when_writing_begins_to_fail_and_when_it_works_again(key, broken, caplog):
    note(key)
    for _ in range(3):
        usage_buffer._flush_quietly()
    assert caplog.text.count("usage cannot be written, trying on: gone") == 1
    broken.undo()
    usage_buffer._flush_quietly()
    assert caplog.text.count("usage is written again; 0 entries found no room meanwhile") == 1
    assert UsageHour.objects.get().calls == 1


# --- Several processes ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_eight_processes_write_the_same_rows_and_every_call_is_counted(cast, key):
    other = portal_key(cast.mona, cast.sunny)

    def work(number: int) -> int:
        usage.forget()
        for turn in range(20):
            for one in (key, other) if number % 2 else (other, key):
                for plant in (cast.plant_a, cast.plant_b):
                    note(one, later(number), plant=plant)
            if turn % 2:
                usage.flush()
        return 0

    race(work)
    assert sorted(UsageHour.objects.values_list("calls", "points")) == [(320, 92_160), (320, 92_160)]
    assert [row[3] for row in accesses()] == [160, 160, 160, 160]
    assert last_use(key)[0] is not None


@pytest.mark.django_db(transaction=True)
def test_a_forked_process_leaves_its_parents_notes_to_the_parent(key):
    note(key)
    assert race(lambda _number: usage.flush(), processes=2) == [0, 0]
    assert usage.flush() == 2


@pytest.mark.django_db(transaction=True)
def test_a_process_that_ends_in_order_writes_what_it_noted(key, settings):
    settings.USAGE_FLUSH_SECONDS = 600

    def work(_number: int) -> None:
        note(key)

    race(work, processes=3)
    assert UsageHour.objects.get().calls == 3


@pytest.mark.django_db(transaction=True)
def test_a_thread_writes_every_few_seconds(key, settings):
    settings.USAGE_FLUSH_SECONDS = 0.02

    def work(_number: int) -> int:
        note(key)
        for _ in range(500):
            if UsageHour.objects.exists():
                break
            time.sleep(0.01)
        calls: int = UsageHour.objects.get().calls
        return calls

    assert race(work, processes=1) == [1]


@pytest.mark.django_db(transaction=True)
def test_the_thread_comes_early_when_much_is_noted(key, settings, monkeypatch):
    settings.USAGE_FLUSH_SECONDS = 600
    monkeypatch.setattr(usage_buffer, "MANY", 100)

    def work(_number: int) -> int:
        for minute in range(100):
            note(key, later(60 * minute))
        for _ in range(500):
            if UsageHour.objects.exists():
                break
            time.sleep(0.01)
        return UsageHour.objects.count()

    assert race(work, processes=1)[0] >= 99
