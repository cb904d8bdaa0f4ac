"""The revocation table of docs/threat-model.md, row by row and over HTTP: the same live token before and after.

How a token dies is tried in tests/api/test_authentication.py, that it is dead on every route in test_authorisation.py.
Here each row is one story as its owner's program lives it, on the real routes, with the clock moved where the row
speaks of time.
"""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.audit import Actor
from apps.accounts.changes import set_active
from apps.accounts.models import User
from apps.packages import clients, subscriptions
from apps.packages.catalog import Package
from apps.packages.models import ApiClient, ClientSecret, Subscription
from apps.plants.changes import assign, unassign
from tests.api.calls import CALLS, ids_of
from tests.cast import Cast
from tests.clients_cast import ROBOT, Key, ask_token, membership, new_key, portal_key, user_key
from tests.gate import calling
from tests.gate.clock import Clock

BASIC, ADVANCED = Package("basic"), Package("advanced")
ADMINISTRATOR = Actor("root@helioport.example", "192.0.2.1")


@pytest.fixture
def key(clock: Clock, cast: Cast) -> Key:
    """Alice's User API, Basic; the clock stands still from before."""
    return user_key(cast.alice, cast.sunny)


@pytest.fixture
def token(key: Key) -> str:
    """A living one: it opens plant A."""
    token = key.token()
    assert calling.status(token, "me") == 200
    return token


def is_dead(token: str) -> bool:
    """401 from the list, from a plant and from a series, in both forms of an address; alive on all of them if not."""
    paths = ("me", "administration/plants", "visualization/plant/5f0c6f1e-9d5e-4b8e-8a65-1f1f3d0f0001")
    alive = {calling.status(token, path) != 401 for path in paths}
    alive |= {Client().get("/api/me", headers={"Authorization": f"Bearer {token}"}).status_code != 401}
    assert len(alive) == 1
    return alive == {False}


def asked(key: Key, secret: str = "") -> tuple[int, str]:
    """Status and error of the token endpoint."""
    response = ask_token({**key.form, "client_secret": secret or key.secret})
    return response.status_code, response.json().get("error", "")


GRANTED, REFUSED = (200, ""), (401, "invalid_client")


# --- The user deactivates the API ------------------------------------------------------------------------------------


def test_a_deactivated_api_is_dead_for_good(key: Key, token: str, clock: Clock, cast: Cast) -> None:
    subscriptions.deactivate(key.subscription, ROBOT)
    assert is_dead(token)
    assert asked(key) == REFUSED
    clock.wait(minutes=1)
    again = subscriptions.activate_user_api(membership(cast.alice, cast.sunny), BASIC, ROBOT)
    assert is_dead(token)
    assert asked(key) == REFUSED
    fresh = new_key(again)
    assert not is_dead(fresh.token())
    assert is_dead(token)


# --- An administrator suspends ---------------------------------------------------------------------------------------


def test_a_suspension_kills_tokens_keeps_secrets_and_has_a_reason(key: Key, token: str, clock: Clock) -> None:
    subscriptions.suspend(key.subscription, ADMINISTRATOR, "unpaid since May")
    assert is_dead(token)
    assert asked(key) == REFUSED
    assert Subscription.objects.get(pk=key.subscription.pk).reason == "unpaid since May"
    clock.wait(minutes=1)
    subscriptions.resume(key.subscription, ADMINISTRATOR)
    assert is_dead(token)
    assert asked(key) == GRANTED
    assert not is_dead(key.token())


# --- Another package -------------------------------------------------------------------------------------------------


def limit_and_used(token: str) -> tuple[int, int]:
    """Of the minute, as /me tells it."""
    minute, _day = calling.json(token, "me")["quota"]
    return minute["limit"], minute["used"]


def test_an_upgrade_reaches_the_living_token_and_goes_on_counting(key: Key, token: str, cast: Cast) -> None:
    path = ids_of(cast.plant_a, cast.fleet_s).fill(CALLS["component_channels"])
    assert calling.problem(token, path) == (403, "package_required")
    limit, used = limit_and_used(token)
    subscriptions.change_package(key.subscription, ADVANCED, ROBOT)
    assert limit_and_used(token) == (300, used + 1)
    assert limit == 60
    assert calling.status(token, path) == 200
    assert asked(key) == GRANTED


def test_a_downgrade_reaches_the_living_token_with_its_limits(clock: Clock, cast: Cast) -> None:
    key = portal_key(cast.mona, cast.sunny, "advanced")
    token, own = key.token(), ids_of(cast.plant_a, cast.fleet_s)
    lost = [own.fill(CALLS[name]) for name in ("kpis", "fleets", "component_year", "tracker_channels")]
    assert [calling.status(token, path) for path in lost] == [200] * 4
    etag = calling.get(token, lost[2])["ETag"]
    limit, used = limit_and_used(token)
    subscriptions.change_package(key.subscription, BASIC, ROBOT)
    assert [calling.problem(token, path) for path in lost] == [(403, "package_required")] * 4
    assert calling.status(token, lost[2], If_None_Match=etag) == 403
    assert limit == 300
    assert limit_and_used(token) == (60, used + 4 + 1 + 1)
    assert calling.status(token, own.fill(CALLS["plant"])) == 200


def test_after_a_downgrade_the_tighter_limit_holds_for_the_next_call(clock: Clock, cast: Cast) -> None:
    key = user_key(cast.alice, cast.sunny, "advanced")
    token = key.token()
    assert [calling.status(token, "me") for _ in range(60)] == [200] * 60
    subscriptions.change_package(key.subscription, BASIC, ROBOT)
    assert calling.problem(token, "me") == (429, "quota_exceeded")
    subscriptions.change_package(key.subscription, ADVANCED, ROBOT)
    assert calling.status(token, "me") == 200


# --- A plant is no longer assigned -----------------------------------------------------------------------------------


def test_a_plant_taken_away_is_unknown_in_lists_calls_and_etags(key: Key, token: str, cast: Cast) -> None:
    own, unknown = ids_of(cast.plant_a, cast.fleet_s), calling.problem(token, f"administration/plant/{cast.plant_b.pk}")
    listed, path = "administration/plants", own.fill(CALLS["plant_channels"])
    before = {each: calling.get(token, each)["ETag"] for each in (listed, path, own.fill(CALLS["plant_month"]))}
    assert [calling.status(token, each, If_None_Match=etag) for each, etag in before.items()] == [304] * 3
    unassign(cast.plant_a, cast.alice, ROBOT)
    after = [calling.status(token, each, If_None_Match=etag) for each, etag in before.items()]
    assert after == [200, 404, 404]
    assert calling.json(token, listed) == []
    assert calling.problem(token, own.fill(CALLS["plant"])) == unknown == (404, "not_found")
    assert asked(key) == GRANTED
    assign(cast.plant_a, cast.alice, ROBOT)
    assert [plant["label"] for plant in calling.json(token, listed)] == ["Plant A"]


def test_a_client_limited_to_a_plant_loses_it_with_the_assignment(clock: Clock, cast: Cast) -> None:
    token = user_key(cast.alice, cast.sunny, plant_ids=[cast.plant_a.pk]).token()
    path = f"administration/plant/{cast.plant_a.pk}"
    assert calling.status(token, path) == 200
    unassign(cast.plant_a, cast.alice, ROBOT)
    assert calling.status(token, path) == 404


# --- The user is disabled --------------------------------------------------------------------------------------------


def test_a_disabled_user_is_out_and_enabling_revives_no_token(key: Key, token: str, clock: Clock, cast: Cast) -> None:
    set_active(cast.alice, False, ADMINISTRATOR)
    assert is_dead(token)
    assert asked(key) == REFUSED
    clock.wait(minutes=1)
    set_active(cast.alice, True, ADMINISTRATOR)
    assert is_dead(token)
    assert asked(key) == GRANTED


def test_a_disabled_users_browser_sessions_are_dead(cast: Cast) -> None:
    root = User.objects.create_superuser("root@helioport.example", "a long summer evening")
    browser = Client()
    browser.force_login(root)
    assert browser.get(reverse("admin:index")).status_code == 200
    set_active(root, False, ADMINISTRATOR)
    assert browser.get(reverse("admin:index")).status_code == 302


def test_a_disabled_manager_leaves_the_portal_api_running(clock: Clock, cast: Cast) -> None:
    key = portal_key(cast.mona, cast.sunny)
    token = key.token()
    set_active(cast.mona, False, ADMINISTRATOR)
    assert not is_dead(token)
    assert asked(key) == GRANTED


# --- Rotation --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("overlap", "seconds"), [("1h", 3_600), ("24h", 86_400), ("7d", 604_800)])
def test_after_a_rotation_both_secrets_work_until_the_old_ones_grace_ends(
    overlap: str, seconds: int, key: Key, clock: Clock
) -> None:
    new = clients.rotate(key.client, ROBOT, overlap)
    clock.wait(seconds=seconds - 1)
    assert (asked(key), asked(key, new)) == (GRANTED, GRANTED)
    last = key.token()
    clock.wait(seconds=1)
    assert (asked(key), asked(key, new)) == (REFUSED, GRANTED)
    assert not is_dead(last)


def test_the_grace_is_24_hours_where_none_is_named(key: Key, clock: Clock) -> None:
    clients.rotate(key.client, ROBOT)
    clock.wait(seconds=86_399)
    assert asked(key) == GRANTED
    clock.wait(seconds=1)
    assert asked(key) == REFUSED


@pytest.mark.parametrize("overlap", ["now", "1h"])
def test_a_rotation_lets_living_tokens_go_on_until_they_expire(
    overlap: str, key: Key, token: str, clock: Clock
) -> None:
    new = clients.rotate(key.client, ROBOT, overlap)
    assert asked(key) == (REFUSED if overlap == "now" else GRANTED)
    assert asked(key, new) == GRANTED
    clock.wait(seconds=3_599)
    assert not is_dead(token)
    clock.wait(seconds=1)
    assert is_dead(token)


# --- A secret leaked -------------------------------------------------------------------------------------------------


def test_a_leak_kills_every_token_and_secret_of_the_client_and_no_other(key: Key, token: str, clock: Clock) -> None:
    second, other = clients.issue_secret(key.client, ROBOT), new_key(key.subscription, "other")
    others = other.token()
    clients.revoke_as_leaked(key.client, ROBOT, "on GitHub")
    assert is_dead(token)
    assert (asked(key), asked(key, second)) == (REFUSED, REFUSED)
    assert not is_dead(others)
    assert asked(other) == GRANTED
    fresh = clients.issue_secret(key.client, ROBOT)
    assert asked(key, fresh) == GRANTED
    assert is_dead(token)


def test_a_revoked_secret_is_dead_and_tokens_made_with_it_go_on(key: Key, token: str) -> None:
    clients.revoke_secret(ClientSecret.objects.get(client=key.client), ROBOT)
    assert asked(key) == REFUSED
    assert not is_dead(token)


@pytest.mark.parametrize(
    "end",
    [
        lambda key, _clock: clients.end_client(key.client, ROBOT),
        lambda key, clock: ApiClient.objects.filter(pk=key.client.pk).update(expires_at=clock.now),
    ],
    ids=["ended", "expired"],
)
def test_a_client_that_ended_or_expired_is_dead(
    end: Callable[[Key, Clock], object], key: Key, token: str, clock: Clock
) -> None:
    end(key, clock)
    assert is_dead(token)
    assert asked(key) == REFUSED
