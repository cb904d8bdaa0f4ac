"""Usage statistics as they are read: by function, by day, by the owner of a plant; and how long they are kept."""

import datetime as dt
import json
from io import StringIO
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.packages import usage
from apps.packages.models import ApiClient, PlantAccess, Subscription, UsageHour
from tests.clients_cast import Key, portal_key, user_key
from tests.packages.noting import JUNE_1, NOON, last_use, later, note


@pytest.fixture
def key(cast) -> Key:
    """The client of Alice's User API."""
    return user_key(cast.alice, cast.sunny)


# --- Reading ----------------------------------------------------------------------------------------------


def test_functions_are_counted_by_their_answered_calls(cast, key):
    note(portal_key(cast.mona, cast.sunny))
    for status in (200, 304, 403, 429, 500):
        note(key, status=status)
    note(key, later(-61), function="me")
    note(key, later(-200), function="kpis")
    usage.flush()
    assert usage.calls_by_function(key.subscription, later(-120)) == {"me": 1, "plant_channels": 2}


def test_the_summary_adds_up_days_of_utc(key):
    for at in (NOON, later(30), later(11 * 60 + 59), later(12 * 60), later(-36 * 60 - 1)):
        note(key, at)
    note(key, status=404, points=0)
    usage.flush()
    rows = usage.summary(key.subscription, 3, now=later(20 * 60))
    assert rows == [
        usage.DayUsage(JUNE_1, "plant_channels", "2xx", usage.Usage(3, 864, 3000, 2.5)),
        usage.DayUsage(JUNE_1, "plant_channels", "4xx", usage.Usage(1, 0, 1000, 2.5)),
        usage.DayUsage(dt.date(2025, 6, 2), "plant_channels", "2xx", usage.Usage(1, 288, 1000, 2.5)),
    ]
    assert usage.total(rows) == usage.Usage(5, 1152, 5000, 2.5)
    assert usage.total([]) == usage.Usage(0, 0, 0, 0.0)


def test_every_query_of_the_tables_begins_with_its_key(cast, key, django_assert_num_queries):
    for read in (
        lambda: usage.summary(key.subscription, 30),
        lambda: usage.calls_by_function(key.subscription, NOON),
    ):
        with django_assert_num_queries(1) as captured:
            read()
        assert '"packages_usagehour"."subscription_id" = ' in captured.captured_queries[0]["sql"]
    with django_assert_num_queries(1) as captured:
        usage.access_log(cast.plant_a, JUNE_1)
    assert '"packages_plantaccess"."plant_id" = ' in captured.captured_queries[0]["sql"]


@pytest.mark.parametrize(("model", "first"), [(UsageHour, "subscription_id"), (PlantAccess, "plant_id")])
def test_the_primary_keys_begin_with_what_the_tables_are_distributed_by(model, first):
    assert model._meta.pk_fields[0].column == first


# --- How long it is kept ------------------------------------------------------------------------------------


def test_usage_is_kept_400_days(cast, key):
    for days in (0, 400, 401):
        note(key, NOON - dt.timedelta(days=days), plant=cast.plant_a)
    usage.flush()
    done = usage.clean(NOON)
    assert (done["usage_deleted"], done["accesses_deleted"]) == (1, 1)
    assert sorted(UsageHour.objects.values_list("hour", flat=True)) == [NOON - dt.timedelta(days=400), NOON]
    assert PlantAccess.objects.count() == 2


@pytest.mark.parametrize(
    ("address", "short"), [("192.0.2.77", "192.0.2.0"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"), (None, None)]
)
def test_addresses_are_shortened_after_30_days(cast, key, address, short):
    for days in (30, 31):
        note(key, NOON - dt.timedelta(days=days), plant=cast.plant_a, address=address)
    usage.flush()
    assert usage.clean(NOON)["access_addresses_shortened"] == (1 if address else 0)
    assert list(PlantAccess.objects.order_by("day").values_list("last_address", flat=True)) == [short, address]
    assert usage.clean(NOON)["access_addresses_shortened"] == 0


def test_the_address_of_a_client_is_shortened_30_days_after_its_last_use(key):
    note(key)
    usage.flush()
    assert usage.clean(NOON + dt.timedelta(days=30))["client_addresses_shortened"] == 0
    assert usage.clean(NOON + dt.timedelta(days=31))["client_addresses_shortened"] == 1
    assert last_use(key) == (NOON, "192.0.2.0")


def test_what_belongs_to_a_subscription_that_is_gone_is_forgotten_in_time(key):
    note(key)
    Subscription.objects.all().delete()
    usage.flush()
    assert UsageHour.objects.count() == 1
    usage.clean(NOON + dt.timedelta(days=401))
    assert UsageHour.objects.count() == 0


def test_a_key_is_uuid_hour_client_function_and_class_of_status(key):
    note(key)
    usage.flush()
    row = UsageHour.objects.get()
    assert row.pk == (UUID(str(key.subscription.pk)), NOON, key.client.pk, "plant_channels", "2xx")


# --- Commands -----------------------------------------------------------------------------------------------


def run(*arguments: str) -> dict[str, object]:
    out = StringIO()
    call_command(*arguments, stdout=out)
    printed: dict[str, object] = json.loads(out.getvalue())
    return printed


def test_show_usage_prints_days_functions_and_totals(cast, key):
    today = timezone.now().replace(hour=0, minute=30)
    note(key, today)
    note(key, today, status=304, points=0)
    note(key, today - dt.timedelta(days=2))
    note(portal_key(cast.mona, cast.sunny), today, function="fleets", points=0)
    usage.flush()
    sums = {"calls": 1, "points": 288, "bytes": 1000, "mean_milliseconds": 2.5}
    day, unchanged = today.date().isoformat(), {**sums, "points": 0}
    assert run("show_usage", "--user", "alice@sunny.example", "--days", "2") == {
        "portal": "sunny",
        "api": "user",
        "days": 2,
        "total": {"calls": 2, "points": 288, "bytes": 2000, "mean_milliseconds": 2.5},
        "usage": [
            {"day": day, "function": "plant_channels", "status": "2xx", **sums},
            {"day": day, "function": "plant_channels", "status": "3xx", **unchanged},
        ],
    }
    shown = run("show_usage", "--portal", "sunny", "--by", "mona@sunny.example")
    assert (shown["api"], shown["days"]) == ("portal", 30)
    assert shown["usage"] == [{"day": day, "function": "fleets", "status": "2xx", **unchanged}]


@pytest.mark.parametrize("days", ["0", "401", "many"])
def test_show_usage_refuses_impossible_days(key, days):
    with pytest.raises(CommandError, match=f"--days: {days} is no number from 1 to 400"):
        call_command("show_usage", "--user", "alice@sunny.example", "--days", days)


def test_clean_usage_prints_what_it_did(cast, key):
    note(key, plant=cast.plant_a)
    usage.flush()
    ApiClient.objects.update(last_used_at=timezone.now())
    assert run("clean_usage") == {
        "usage_deleted": 1,
        "accesses_deleted": 1,
        "access_addresses_shortened": 0,
        "client_addresses_shortened": 0,
    }
