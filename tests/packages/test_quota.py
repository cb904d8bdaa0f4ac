"""The quota: two windows per subscription, exact when eight processes race, and what the headers say about it.

Everything here holds in the database and in Redis alike.
"""

import datetime as dt
from typing import cast
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from redis import Redis

from apps.accounts.access import Access, Via
from apps.packages import quota, subscriptions
from apps.packages.catalog import Limits, Package
from apps.packages.models import QuotaCounter
from tests.clients_cast import ROBOT, membership, new_key, user_key
from tests.packages.race import race

NOON = dt.datetime(2025, 6, 1, 12, 0, 0, tzinfo=dt.UTC)
LIMITS = Limits(per_minute=3, per_day=5)


@pytest.fixture(params=["database", pytest.param("redis", marks=pytest.mark.redis)], autouse=True)
def in_database(request, settings) -> bool:
    """Every test runs twice: the windows in the database, and in Redis."""
    settings.REDIS_URL = "" if request.param == "database" else request.getfixturevalue("redis")
    return not settings.REDIS_URL


@pytest.fixture
def account(cast) -> UUID:
    """A subscription to count for."""
    return user_key(cast.alice, cast.sunny).subscription.pk


def later(seconds: float) -> dt.datetime:
    return NOON + dt.timedelta(seconds=seconds)


def take(account: UUID, now: dt.datetime = NOON, cost: int = 1, limits: Limits = LIMITS) -> quota.Spent:
    return quota.take(account, limits, cost, now)


def counter(account: UUID) -> dict[str, int] | None:
    """What is kept of a subscription, wherever."""
    if not settings.REDIS_URL:
        row = QuotaCounter.objects.filter(pk=account).values("minute", "minute_used", "day", "day_used").first()
        return cast(dict[str, int] | None, row)
    with Redis.from_url(settings.REDIS_URL) as server:
        found = cast(dict[bytes, bytes], server.hgetall(f"helioport:quota:{account}"))
    return {name.decode(): int(number) for name, number in found.items()} or None


def stored(account: UUID) -> tuple[int, int]:
    kept = counter(account)
    assert kept is not None
    return kept["minute_used"], kept["day_used"]


# --- Counting ---------------------------------------------------------------------------------------


def test_calls_pass_until_the_minute_is_used_up(account):
    assert [take(account).allowed for _ in range(4)] == [True, True, True, False]
    assert stored(account) == (3, 3)


def test_the_next_minute_begins_anew_and_the_day_goes_on(account):
    for _ in range(3):
        take(account)
    assert not take(account, later(59.999)).allowed
    spent = take(account, later(60))
    assert (spent.allowed, spent.minute_used, spent.day_used) == (True, 1, 4)


def test_the_next_utc_day_begins_anew(account):
    for minute in range(5):
        assert take(account, later(60 * minute)).allowed
    assert not take(account, later(12 * 3600 - 1)).allowed
    spent = take(account, later(12 * 3600))
    assert (spent.allowed, spent.minute_used, spent.day_used) == (True, 1, 1)


def test_a_call_counts_with_its_cost(account):
    assert take(account, cost=2).allowed
    assert not take(account, cost=2).allowed
    assert take(account, cost=1).allowed
    assert stored(account) == (3, 3)


def test_a_call_that_costs_more_than_a_window_holds_never_passes(account):
    spent = take(account, cost=4)
    assert (spent.allowed, spent.violated) == (False, ["minute"])
    assert counter(account) is None


def test_a_denied_call_changes_nothing(account):
    for _ in range(3):
        take(account)
    before = counter(account)
    assert not take(account).allowed
    assert counter(account) == before


def test_a_denial_names_the_windows_and_when_all_of_them_begin_anew(account):
    for _ in range(3):
        take(account)
    spent = take(account, later(15))
    assert (spent.violated, spent.retry_after) == (["minute"], 45)
    for minute in (1, 2):
        take(account, later(60 * minute))
    spent = take(account, later(200))
    assert (spent.violated, spent.retry_after) == (["day"], 12 * 3600 - 200)
    spent = take(account, later(120), cost=3)
    assert (spent.violated, spent.retry_after) == (["minute", "day"], 12 * 3600 - 120)


def test_a_call_that_passes_is_one_statement_and_one_that_does_not_is_two(
    account, django_assert_num_queries, in_database
):
    for _ in range(3):
        with django_assert_num_queries(1 if in_database else 0):
            take(account)
    with django_assert_num_queries(2 if in_database else 0):
        take(account)


def test_a_server_whose_clock_lags_does_not_begin_an_old_window_anew(account):
    for _ in range(3):
        take(account, later(60))
    assert not take(account, later(59)).allowed
    assert stored(account) == (3, 3)


def test_a_clock_that_once_ran_years_ahead_locks_nobody_out(account):
    take(account, NOON.replace(year=2035))
    spent = take(account)
    assert (spent.allowed, spent.minute_used, spent.day_used) == (True, 1, 1)


# --- One account, whatever its owner does -------------------------------------------------------------


def access(account: UUID, package: str = "basic") -> Access:
    return Access(portal=uuid4(), portal_slug="sunny", via=Via.USER_API, subscription=account, package=package)


def test_the_limits_are_those_of_the_package(account):
    basic, advanced = (quota.usage(access(account, package), NOON) for package in ("basic", "advanced"))
    assert (basic.limits.per_minute, basic.limits.per_day) == (60, 5_000)
    assert (advanced.limits.per_minute, advanced.limits.per_day) == (300, 50_000)


def test_usage_counts_nothing(account):
    quota.spend(access(account), 7, NOON)
    used = quota.usage(access(account), NOON)
    assert (used.minute_used, used.day_used, used.violated) == (7, 7, [])
    assert stored(account) == (7, 7)


def test_usage_before_the_first_call_is_zero(account):
    used = quota.usage(access(account), NOON)
    assert (used.minute_used, used.day_used) == (0, 0)


def test_deactivation_a_new_client_and_another_package_give_no_second_helping(cast, account):
    quota.spend(access(account), 60, NOON)
    member = membership(cast.alice, cast.sunny)
    subscriptions.deactivate(member.subscription, ROBOT)
    new_key(subscriptions.activate_user_api(member, Package("basic"), ROBOT))
    subscriptions.change_package(member.subscription, Package("advanced"), ROBOT)
    subscriptions.change_package(member.subscription, Package("basic"), ROBOT)
    assert not quota.spend(access(account), 1, NOON).allowed


def test_after_a_downgrade_more_may_be_used_than_is_allowed_and_nothing_is_left(account):
    quota.spend(access(account, "advanced"), 100, NOON)
    spent = quota.spend(access(account), 1, NOON)
    assert (spent.allowed, spent.violated, spent.remaining(quota.MINUTE)) == (False, ["minute"], 0)


def test_who_is_in_the_browser_has_no_quota_to_spend():
    with pytest.raises(ValueError, match="Only the APIs"):
        quota.spend(Access(portal=uuid4(), portal_slug="sunny", via=Via.BROWSER), 1, NOON)


# --- Refunds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "left"),
    [(200, (2, 2)), (304, (2, 0)), (400, (2, 2)), (403, (2, 2)), (404, (2, 2)), (500, (0, 0)), (503, (0, 0))],
)
def test_our_failures_cost_nothing_and_an_unchanged_answer_no_day_quota(account, status, left):
    spent = take(account, cost=2)
    spent.settle(status)
    assert stored(account) == left
    assert (spent.minute_used, spent.day_used) == left


def test_a_denied_call_gets_nothing_back(account):
    for _ in range(3):
        take(account)
    take(account).settle(500)
    assert stored(account) == (3, 3)


def test_a_refund_after_the_minute_has_passed_leaves_the_new_minute_alone(account):
    old = take(account, cost=2)
    take(account, later(60))
    old.settle(500)
    assert stored(account) == (1, 1)


# --- Headers ----------------------------------------------------------------------------------------


def test_the_headers_state_both_windows_as_structured_fields(account):
    spent = quota.spend(access(account), 1, later(48))
    assert spent.headers() == {
        "RateLimit-Policy": '"minute";q=60;w=60, "day";q=5000;w=86400',
        "RateLimit": '"minute";r=59;t=12, "day";r=4999;t=43152',
    }


# --- At the same moment -------------------------------------------------------------------------------


def _spend_often(account: UUID, limits: Limits, now: dt.datetime):
    return lambda _number: sum(take(account, now, 1, limits).allowed for _ in range(60))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("limits", [Limits(100, 10_000), Limits(10_000, 100)], ids=["minute", "day"])
def test_eight_processes_race_and_exactly_the_limit_passes(account, limits):
    assert sum(race(_spend_often(account, limits, NOON))) == 100
    assert stored(account) == (100, 100)


@pytest.mark.django_db(transaction=True)
def test_eight_processes_across_the_turn_of_the_minute_pass_exactly_two_limits(account):
    """Their clocks disagree: odd ones are in the next minute already."""
    before, after = later(59.9), later(60.1)

    def work(number: int) -> tuple[int, int]:
        passed = [0, 0]
        for turn in range(40):
            late = turn >= 20 or number % 2
            passed[bool(late)] += take(account, after if late else before, 1, Limits(50, 10_000)).allowed
        return passed[0], passed[1]

    first, second = (sum(column) for column in zip(*race(work), strict=True))
    assert first + second <= 100
    assert stored(account)[0] == 50


@pytest.mark.django_db(transaction=True)
def test_refunds_and_calls_at_once_lose_nothing(account):
    def work(_number: int) -> int:
        for _ in range(25):
            take(account, cost=2, limits=Limits(1000, 1000)).settle(500)
            take(account, limits=Limits(1000, 1000))
        return 0

    race(work)
    assert stored(account) == (200, 200)
