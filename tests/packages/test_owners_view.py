"""What an owner is told about a subscription: limits that hold, what is used of them, what would die, what is read."""

import datetime as dt

import pytest
from django.utils import timezone

from apps.packages import clients, offers, quota, subscriptions
from apps.packages.catalog import Api, Depth, Limits, Package, readable
from apps.packages.errors import AlreadyRotated
from apps.packages.models import ClientSecret, Subscription
from tests.clients_cast import ROBOT, Key, membership, new_key, portal_key, user_key

BASIC, ADVANCED = Package("basic"), Package("advanced")
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def key(cast) -> Key:
    return user_key(cast.alice, cast.sunny)


def fresh(key: Key) -> Subscription:
    return Subscription.objects.select_related("portal").get(pk=key.subscription.pk)


# --- Limits ----------------------------------------------------------------------------------------------------------


def test_limits_are_the_catalogs_then_the_portals_then_ones_own(cast, key):
    now = timezone.now()
    assert offers.limits_now(fresh(key), now) == Limits(60, 5_000)
    offers.edit_settings(cast.sunny, BASIC, membership(cast.mona, cast.sunny), ROBOT, per_minute=70)
    assert offers.limits_now(fresh(key), now) == Limits(70, 5_000)
    subscriptions.override_limits(key.subscription, ROBOT, "a trial", per_day=9, until=now + HOUR)
    assert offers.limits_now(fresh(key), now) == Limits(70, 9)
    assert offers.limits_now(fresh(key), now + HOUR) == Limits(70, 5_000)


def test_a_look_at_the_quota_costs_nothing(key):
    now = timezone.now()
    quota.take(key.subscription.pk, Limits(60, 5_000), 7, now)
    for _look in range(2):
        spent = quota.standing(fresh(key), now)
    assert (spent.used(quota.MINUTE), spent.used(quota.DAY), spent.limit(quota.DAY)) == (7, 7, 5_000)


# --- At stake --------------------------------------------------------------------------------------------------------


def test_at_stake_is_what_lives(key):
    second = new_key(key.subscription, "second")
    clients.rotate(second.client, ROBOT, "24h")
    ended = new_key(key.subscription, "ended")
    for one in (key, key, second, ended):
        one.token()
    clients.end_client(ended.client, ROBOT)
    clients.revoke_as_leaked(second.client, ROBOT)
    found = subscriptions.at_stake(fresh(key), timezone.now())
    assert found == subscriptions.Stake(clients=2, secrets=1, tokens=2)
    subscriptions.deactivate(key.subscription, ROBOT)
    assert subscriptions.at_stake(fresh(key), timezone.now()) == subscriptions.Stake(0, 0, 0)


# --- Found -----------------------------------------------------------------------------------------------------------


def test_a_member_and_the_portal_have_one_each(cast, key):
    portal = portal_key(cast.mona, cast.sunny)
    assert subscriptions.find(cast.sunny, membership(cast.alice, cast.sunny)) == key.subscription
    assert subscriptions.find(cast.sunny, None) == portal.subscription
    assert subscriptions.find(cast.sunny, membership(cast.bob, cast.sunny)) is None
    assert subscriptions.find(cast.other, None) is None


# --- Rotated once ----------------------------------------------------------------------------------------------------


def test_a_rotation_that_names_an_older_secret_makes_none(key):
    newest = clients.newest_secret(key.client)
    clients.rotate(key.client, ROBOT, "24h", replaces=newest)
    with pytest.raises(AlreadyRotated):
        clients.rotate(key.client, ROBOT, "now", replaces=newest)
    assert ClientSecret.objects.live(timezone.now()).count() == 2


def test_a_client_without_any_secret_is_rotated_from_none(key):
    key.client.secrets.all().delete()
    assert clients.newest_secret(key.client) == 0
    clients.rotate(key.client, ROBOT, replaces=0)


# --- Readable --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("api", list(Api))
def test_what_a_package_reads(api):
    totals = ["production", "consumption", "battery"]
    assert readable(api, BASIC) == tuple((name, Depth.PLANT) for name in totals)
    everything = [*totals, "meter", "sensor", "kpi"]
    assert readable(api, ADVANCED) == tuple((name, depth) for depth in Depth for name in everything)
