"""Limits act on the next call of the same live token, and long ranges cost more."""

import datetime as dt
import re
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.packages import offers, subscriptions
from apps.packages.catalog import Approval, Package
from apps.packages.models import QuotaCounter, Subscription
from tests.api.conftest import ApiCaller, body_of
from tests.cast import Cast
from tests.clients_cast import ROBOT, ask_token, membership, portal_key, user_key

BASIC, ADVANCED = Package("basic"), Package("advanced")


@pytest.fixture
def alice(cast: Cast) -> ApiCaller:
    key = user_key(cast.alice, cast.sunny)
    return ApiCaller(key.token(), "sunny", key.subscription)


def limits(caller: ApiCaller) -> tuple[int, int]:
    """What the headers of the next call say."""
    policy = caller.get("me")["RateLimit-Policy"]
    minute, day = re.findall(r"q=(\d+)", policy)
    return int(minute), int(day)


def used() -> tuple[int, int]:
    return QuotaCounter.objects.values_list("minute_used", "day_used").get()


def edit(cast: Cast, package: Package = BASIC, portal: Any = None, manager: User | None = None, **changes: Any) -> None:
    portal = portal or cast.sunny
    offers.edit_settings(portal, package, membership(manager or cast.mona, portal), ROBOT, **changes)


# --- Whose limits hold ----------------------------------------------------------------------------------------


def test_limits_of_the_portal_act_on_the_next_call_of_living_tokens(cast: Cast, alice: ApiCaller) -> None:
    assert limits(alice) == (60, 5_000)
    edit(cast, per_minute=90)
    assert limits(alice) == (90, 5_000)
    edit(cast, per_minute=7, per_day=70)
    assert limits(alice) == (7, 70)
    assert used()[1] == 3


def test_limits_of_another_portal_or_package_change_nothing(cast: Cast, alice: ApiCaller) -> None:
    edit(cast, ADVANCED, per_minute=7)
    edit(cast, BASIC, cast.other, cast.oskar, per_minute=8)
    assert limits(alice) == (60, 5_000)
    subscriptions.change_package(alice.subscription, ADVANCED, ROBOT)
    assert limits(alice) == (7, 50_000)


def test_the_portal_api_has_the_limits_of_its_package_too(cast: Cast) -> None:
    edit(cast, ADVANCED, per_day=123)
    key = portal_key(cast.mona, cast.sunny, "advanced")
    assert limits(ApiCaller(key.token(), "sunny", key.subscription)) == (300, 123)


def test_limits_of_ones_own_win_until_they_end(cast: Cast, alice: ApiCaller) -> None:
    edit(cast, per_minute=90)
    until = timezone.now() + dt.timedelta(days=1)
    subscriptions.override_limits(alice.subscription, ROBOT, "migration", per_minute=1_000, until=until)
    assert limits(alice) == (1_000, 5_000)
    Subscription.objects.update(override_until=timezone.now())
    assert limits(alice) == (90, 5_000)


def test_limits_of_ones_own_without_an_end_hold_until_taken_back(cast: Cast, alice: ApiCaller) -> None:
    subscriptions.override_limits(alice.subscription, ROBOT, "large fleet", per_minute=10, per_day=9_000)
    assert limits(alice) == (10, 9_000)
    subscriptions.change_package(alice.subscription, ADVANCED, ROBOT)
    assert limits(alice) == (10, 9_000)
    subscriptions.override_limits(alice.subscription, ROBOT, "over")
    assert limits(alice) == (300, 50_000)


def test_a_tighter_limit_stops_the_very_next_call_and_a_wider_one_lets_it_pass(cast: Cast, alice: ApiCaller) -> None:
    assert [alice.get("me").status_code for _ in range(3)] == [200, 200, 200]
    edit(cast, per_day=3)
    assert alice.problem("me")[:2] == (429, "quota_exceeded")
    edit(cast, per_day=4)
    assert alice.get("me").status_code == 200
    assert used()[1] == 4


# --- Approval -------------------------------------------------------------------------------------------------


def test_while_approval_is_awaited_there_is_no_token_and_after_it_there_is(cast: Cast) -> None:
    edit(cast, approval=Approval.MANAGER)
    key = user_key(cast.alice, cast.sunny)
    refusal = ask_token(key.form)
    assert (refusal.status_code, refusal.json()["error"]) == (401, "invalid_client")
    subscriptions.approve(key.subscription, ROBOT)
    caller = ApiCaller(key.token(), "sunny", key.subscription)
    assert caller.get("me").status_code == 200


# --- What a range costs ---------------------------------------------------------------------------------------


def channels(cast: Cast, first: str, last: str, more: str = "&channelNames[]=ProdPac") -> str:
    return f"visualization/plant/{cast.plant_a.pk}/channels?dateFrom={first}&dateTo={last}{more}"


@pytest.mark.parametrize(
    ("first", "last", "cost"),
    [
        ("2025-06-21", "2025-06-21", 1),
        ("2025-05-01", "2025-05-31", 1),
        ("2025-05-01", "2025-06-01", 2),
        ("2024-01-01", "2025-08-31", 20),  # 20 months are 609 days
    ],
)
def test_a_range_of_5_minute_values_costs_one_per_started_31_days(
    cast: Cast, alice: ApiCaller, first: str, last: str, cost: int
) -> None:
    response = alice.get(channels(cast, first, last))
    assert (response.status_code, used()) == (200, (cost, cost))


def test_the_same_by_other_spellings_costs_the_same(cast: Cast, alice: ApiCaller) -> None:
    spelt = (
        channels(cast, "2025-05-01", "2025-06-01").replace("dateFrom", "dateFrom[]").replace("dateTo", "dateTo%5B%5D")
    )
    assert alice.get(spelt).status_code == 200
    assert used() == (2, 2)


def test_today_and_yesterday_are_days(cast: Cast, alice: ApiCaller) -> None:
    assert alice.get(channels(cast, "yesterday", "today")).status_code == 200
    assert used() == (1, 1)
    begin = (timezone.now() - dt.timedelta(days=40)).date()
    assert alice.get(channels(cast, str(begin), "today")).status_code == 200
    assert used()[1] == 3


def test_indicators_cost_one_per_started_366_days(cast: Cast) -> None:
    key = user_key(cast.alice, cast.sunny, "advanced")
    caller = ApiCaller(key.token(), "sunny", key.subscription)
    path = f"visualization/plant/{cast.plant_a.pk}/kpis?dateFrom=2024-01-01&dateTo=2024-12-31&resolution=month"
    assert caller.get(path).status_code == 200
    assert used() == (1, 1)
    assert caller.get(path.replace("2024-12-31", "2025-01-01")).status_code == 200
    assert used()[1] == 3


@pytest.mark.parametrize(
    ("first", "last", "more", "status"),
    [
        ("2024-01-01", "2025-08-31", "", 400),  # no channel named
        ("2024-01-01", "2025-08-31", "&channelNames[]=Temp", 403),
        ("2024-01-01", "soon", "&channelNames[]=ProdPac", 400),
        ("2025-08-31", "2024-01-01", "&channelNames[]=ProdPac", 400),
        ("1970-01-01", "2200-12-31", "&channelNames[]=ProdPac", 400),
    ],
)
def test_a_call_that_is_refused_costs_one_whatever_its_range(
    cast: Cast, alice: ApiCaller, first: str, last: str, more: str, status: int
) -> None:
    response = alice.get(channels(cast, first, last, more))
    assert (response.status_code, used()) == (status, (1, 1))


def test_a_range_that_no_call_answers_is_refused_for_that_even_where_little_quota_is_left(
    cast: Cast, alice: ApiCaller
) -> None:
    edit(cast, per_minute=2)
    assert alice.get("me").status_code == 200
    assert alice.problem(channels(cast, "1970-01-01", "today")) == (400, "invalid_parameter", ["dateTo"])
    assert used() == (2, 2)


def test_a_range_that_costs_more_than_a_minute_holds_passes_where_the_minute_is_unused(
    cast: Cast, alice: ApiCaller, at: Any
) -> None:
    edit(cast, per_minute=10)
    at("2026-06-21T12:00:30+00:00")
    token = user_key(cast.bob, cast.sunny).token()
    bob = ApiCaller(token, "sunny", alice.subscription)
    path = channels(cast, "2024-01-01", "2025-08-31").replace(str(cast.plant_a.pk), str(cast.plant_b.pk))
    response = bob.get(path)
    body_of(response)
    assert (response.status_code, used()) == (200, (10, 10))
    refusal = bob.get(path)
    assert (refusal.status_code, refusal["Retry-After"]) == (429, "30")
    at("2026-06-21T12:01:00+00:00")
    assert bob.get(path).status_code == 200


def test_an_unchanged_long_range_costs_the_minute_only(cast: Cast, alice: ApiCaller) -> None:
    path = channels(cast, "2025-05-01", "2025-06-01")
    etag = alice.get(path)["ETag"]
    assert alice.get(path, If_None_Match=etag).status_code == 304
    assert used() == (4, 2)
