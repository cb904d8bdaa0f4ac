"""What managers see of subscriptions: every figure, by a fixed number of statements; and the end of all credentials."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from redis import Redis

from apps.accounts.access import Role
from apps.accounts.models import AuditEntry
from apps.packages import clients, offers, oversight, quota, subscriptions, usage
from apps.packages.catalog import Approval, Limits, Package
from apps.packages.errors import NotActive
from apps.packages.models import ApiClient, ClientSecret, Subscription
from tests.cast import Cast, make_user
from tests.clients_cast import ROBOT, Key, membership, new_key, portal_key, user_key
from tests.gate import calling
from tests.live import free_port
from tests.packages.noting import NOON, later, note

DAY = 24 * 60  # minutes


@pytest.fixture
def key(cast: Cast) -> Key:
    """The client of Alice's User API, two years old."""
    made = user_key(cast.alice, cast.sunny)
    Subscription.objects.update(since=later(-700 * DAY))
    ClientSecret.objects.update(created_at=later(-10 * DAY))
    return made


def seen(key: Key, now: dt.datetime = NOON) -> oversight.Overview:
    usage.flush()
    return oversight.overview(key.subscription, now)


# --- Figures ------------------------------------------------------------------------------------------------


def test_calls_of_30_days_the_busiest_of_7_and_the_last_use_are_told(key: Key):
    for days, calls in ((0, 2), (3, 5), (10, 9), (29, 1), (30, 40)):
        for _ in range(calls):
            note(key, later(-days * DAY))
    found = seen(key)
    assert (found.calls, found.peak, found.last_used) == (17, 5, NOON)
    assert found.peak_use == pytest.approx(0.1)


def test_use_of_the_day_is_that_of_the_quota(key: Key):
    quota.take(key.subscription.pk, Limits(60, 5000), 40, NOON)
    found = seen(key)
    assert (found.used_today, found.use) == (40, 0.8)
    assert seen(key, later(DAY)).used_today == 0


def test_only_living_programs_and_secrets_count(cast: Cast, key: Key):
    gone = new_key(key.subscription, "gone")
    ClientSecret.objects.filter(client=gone.client).update(created_at=later(-500 * DAY))
    clients.end_client(gone.client, ROBOT)
    soon = new_key(key.subscription, "expired", expires_at=timezone.now() + dt.timedelta(minutes=1))
    ApiClient.objects.filter(pk=soon.client.pk).update(expires_at=later(-1))
    found = seen(key)
    assert (found.clients, found.oldest_secret) == (1, later(-10 * DAY))


def test_limits_of_its_own_hold_until_they_expire(key: Key):
    until = timezone.now() + dt.timedelta(days=2)
    subscriptions.override_limits(key.subscription, ROBOT, "Trial", per_day=9_000, until=until)
    assert seen(key, until - dt.timedelta(seconds=1)).limits == Limits(60, 9_000)
    assert seen(key, until).limits == Limits(60, 5_000)


def test_anomalies_are_found_in_what_was_written_down(cast: Cast, key: Key):
    for _ in range(40):
        note(key, status=200, plant=cast.plant_a, address="192.0.2.9")
    for _ in range(20):
        note(key, status=403)
    usage.flush()
    note(key, later(-5 * DAY), plant=cast.plant_a, address="198.51.100.7")
    ClientSecret.objects.update(created_at=later(-400 * DAY))
    assert [one.kind.value for one in seen(key).anomalies] == ["refused", "network", "old_secret"]


def test_a_foreign_portal_sees_nothing_of_it(cast: Cast, key: Key):
    note(key, plant=cast.plant_a)
    usage.flush()
    assert oversight.survey(Subscription.objects.all(), cast.other, NOON) == []


def survey(cast: Cast) -> tuple[int, int]:
    """How many subscriptions, by how many statements."""
    with CaptureQueriesContext(connection) as queries:
        rows = oversight.survey(Subscription.objects.all(), cast.sunny, timezone.now())
    return len(rows), len(queries)


def test_forty_subscriptions_take_as_many_statements_as_three(cast: Cast):
    for user in (cast.alice, cast.bob):
        note(user_key(user, cast.sunny), timezone.now(), plant=cast.plant_a)
    portal_key(cast.mona, cast.sunny)
    usage.flush()
    few = survey(cast)
    for number in range(37):
        member = make_user(f"m{number}@sunny.example", cast.sunny, Role.OWNER)
        note(user_key(member, cast.sunny), timezone.now(), plant=cast.plant_a)
    usage.flush()
    assert (few, survey(cast)) == ((3, 9), (40, 9))


# --- The quota of many --------------------------------------------------------------------------------------


def test_the_counters_of_many_are_read_at_once_from_redis_too(cast: Cast, key: Key, redis: str, settings):
    settings.REDIS_URL = redis
    Redis.from_url(redis)
    bob = user_key(cast.bob, cast.sunny)
    quota.take(key.subscription.pk, Limits(60, 5000), 3, NOON)
    assert quota.day_used(Subscription.objects.values("pk"), NOON) == {key.subscription.pk: 3}
    assert seen(bob).used_today == 0


def test_where_nobody_can_say_what_is_used_it_is_unknown(key: Key, settings):
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    found = seen(key)
    assert (found.used_today, found.use) == (None, None)


# --- History ------------------------------------------------------------------------------------------------


def test_history_is_that_of_one_subscription_and_its_clients(cast: Cast, key: Key):
    user_key(cast.bob, cast.sunny)
    subscriptions.suspend(key.subscription, ROBOT, "Unpaid")
    acts = [entry.action for entry in oversight.history(key.subscription)]
    assert acts == ["api.suspended", "secret.issued", "client.created", "api.activated"]


def test_the_portals_own_acts_are_not_the_history_of_its_api(cast: Cast):
    key = portal_key(cast.mona, cast.sunny)
    offers.edit_settings(
        cast.sunny, Package("basic"), membership(cast.mona, cast.sunny), ROBOT, per_minute=9, approval=Approval.MANAGER
    )
    acts = [entry.action for entry in oversight.history(key.subscription)]
    assert acts == ["secret.issued", "client.created", "api.activated"]


# --- The end of all credentials -----------------------------------------------------------------------------


def test_revoke_all_ends_clients_secrets_and_tokens_and_leaves_it_switched_on(key: Key):
    second, token = new_key(key.subscription, "second"), key.token()
    assert calling.status(token, "me") == 200
    assert subscriptions.revoke_all(key.subscription, ROBOT, "On GitHub") == 2
    assert calling.status(token, "me") == 401
    assert clients.verify(second.client.client_id, second.secret) is None
    key.subscription.refresh_from_db()
    assert (key.subscription.status, key.subscription.package) == ("active", "basic")
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.reason) == ("api.all_revoked", "On GitHub")
    assert entry.after == {"status": "active", "package": "basic", "secrets_revoked": 2}


def test_tokens_of_new_clients_work_after_it(key: Key):
    subscriptions.revoke_all(key.subscription, ROBOT, "Leaked")
    assert calling.status(new_key(key.subscription).token(), "me") == 200


def test_a_suspended_one_stays_suspended_and_keeps_its_reason(key: Key):
    subscriptions.suspend(key.subscription, ROBOT, "Unpaid")
    subscriptions.revoke_all(key.subscription, ROBOT, "Leaked too")
    key.subscription.refresh_from_db()
    assert (key.subscription.status, key.subscription.reason) == ("suspended", "Unpaid")
    subscriptions.resume(key.subscription, ROBOT)
    assert clients.verify(key.client.client_id, key.secret) is None


def test_what_is_off_has_nothing_to_revoke(key: Key):
    subscriptions.deactivate(key.subscription, ROBOT)
    with pytest.raises(NotActive):
        subscriptions.revoke_all(key.subscription, ROBOT, "x")


def test_defaults_come_back(cast: Cast):
    by, basic = membership(cast.mona, cast.sunny), Package("basic")
    offers.edit_settings(cast.sunny, basic, by, ROBOT, per_minute=9, per_day=9, approval=Approval.MANAGER)
    found = offers.reset_settings(cast.sunny, basic, by, ROBOT)
    assert (found.per_minute, found.per_day, found.max_clients, found.approval) == (60, 5_000, 5, "automatic")
