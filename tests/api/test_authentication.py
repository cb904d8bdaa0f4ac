"""Every row of the revocation table with the same live token, and the edges of what a bearer token may be.

The table is in docs/threat-model.md. Rows about data (403, 404) are tried here up to the decision the views take.
"""

import datetime as dt
import time
from contextlib import suppress
from hashlib import sha256

import pytest
from django.utils import timezone
from oauth2_provider.models import AccessToken
from oauthlib.oauth2 import InvalidClientError  # type: ignore[import-untyped]
from rest_framework.test import APIRequestFactory

from apps.accounts.access import Role, Via
from apps.accounts.changes import remove_membership, set_active
from apps.accounts.models import User
from apps.api import oauth
from apps.api.auth import access_of as resolve
from apps.packages import clients, policy, subscriptions
from apps.packages.catalog import Package, function
from apps.packages.models import ApiClient, ClientSecret, Subscription
from apps.plants.changes import unassign
from apps.plants.models import Plant
from tests.clients_cast import (
    ROBOT,
    Key,
    WhoAmI,
    access_of,
    ask_token,
    call,
    membership,
    new_key,
    portal_key,
    user_key,
)
from tests.packages.race import race

MICROSECOND = dt.timedelta(microseconds=1)


@pytest.fixture
def key(cast) -> Key:
    return user_key(cast.alice, cast.sunny)


@pytest.fixture
def token(key: Key) -> str:
    return key.token()


def is_dead(token: str) -> bool:
    """401 with the stable code, and the header that says so."""
    response = call(token)
    challenge = 'Bearer realm="Helioport", error="invalid_token"'
    assert response.status_code in (200, 401)
    assert response.status_code == 200 or response["WWW-Authenticate"] == challenge
    return bool(response.status_code == 401)


def is_refused(key: Key) -> bool:
    """The token endpoint says invalid_client."""
    response = ask_token(key.form)
    assert response.status_code in (200, 401)
    assert response.status_code == 200 or response.json()["error"] == "invalid_client"
    return bool(response.status_code == 401)


# --- Who a token speaks for ---------------------------------------------------------------------------


def test_a_user_token_speaks_for_its_user_in_their_portal(cast, key, token):
    access = access_of(token)
    assert (access.portal, access.portal_slug, access.via) == (cast.sunny.pk, "sunny", Via.USER_API)
    assert (access.user, access.role, access.package) == (cast.alice.pk, Role.OWNER, "basic")
    assert (access.subscription, access.client) == (key.subscription.pk, key.client.pk)
    assert access.plant_subset is None
    assert list(Plant.objects.visible_to(access)) == [cast.plant_a]


def test_a_managers_own_user_token_sees_assigned_plants_only(cast):
    access = access_of(user_key(cast.mona, cast.sunny).token())
    assert (access.via, access.role, access.sees_whole_portal) == (Via.USER_API, Role.MANAGER, False)
    assert not Plant.objects.visible_to(access).exists()


def test_a_portal_token_speaks_for_nobody_and_sees_the_whole_portal(cast):
    access = access_of(portal_key(cast.mona, cast.sunny, "advanced").token())
    assert (access.via, access.user, access.role) == (Via.PORTAL_API, None, None)
    assert (access.package, access.portal_slug) == ("advanced", "sunny")
    assert set(Plant.objects.visible_to(access)) == {cast.plant_a, cast.plant_b}


def test_a_limited_client_sees_its_plants_only(cast):
    access = access_of(portal_key(cast.mona, cast.sunny, plant_ids=[cast.plant_b.pk]).token())
    assert access.plant_subset == frozenset({cast.plant_b.pk})
    assert list(Plant.objects.visible_to(access)) == [cast.plant_b]


# --- The revocation table -----------------------------------------------------------------------------


def test_deactivated_by_its_user_the_token_is_dead_and_stays_dead_after_reactivation(cast, key, token):
    assert not is_dead(token)
    subscriptions.deactivate(key.subscription, ROBOT)
    assert is_dead(token)
    assert is_refused(key)
    again = subscriptions.activate_user_api(membership(cast.alice, cast.sunny), Package("basic"), ROBOT)
    assert is_dead(token)
    assert is_refused(key)
    assert not is_dead(new_key(again).token())


def test_suspended_the_token_is_dead_and_only_the_secret_survives(key, token):
    assert not is_dead(token)
    subscriptions.suspend(key.subscription, ROBOT, "unpaid")
    assert is_dead(token)
    assert is_refused(key)
    subscriptions.resume(key.subscription, ROBOT)
    assert is_dead(token)
    assert not is_refused(key)
    assert not is_dead(key.token())


def test_after_an_upgrade_the_same_token_has_the_new_functions(key, token):
    advanced = function("component_channels")
    assert not policy.decide(access_of(token), advanced).allowed
    subscriptions.change_package(key.subscription, Package("advanced"), ROBOT)
    assert policy.decide(access_of(token), advanced).allowed
    assert not is_refused(key)


def test_after_a_downgrade_the_same_token_misses_the_lost_functions(cast):
    key = portal_key(cast.mona, cast.sunny, "advanced")
    token = key.token()
    assert policy.decide(access_of(token), function("fleets")).allowed
    subscriptions.change_package(key.subscription, Package("basic"), ROBOT)
    decision = policy.decide(access_of(token), function("fleets"))
    assert (decision.allowed, decision.missing_package) == (False, "advanced")
    assert not is_refused(key)


def test_after_a_plant_assignment_is_lost_the_plant_does_not_exist_for_the_token(cast, token):
    assert Plant.objects.visible_to(access_of(token)).filter(pk=cast.plant_a.pk).exists()
    unassign(cast.plant_a, cast.alice, ROBOT)
    assert not Plant.objects.visible_to(access_of(token)).filter(pk=cast.plant_a.pk).exists()


def test_a_disabled_users_token_is_dead(cast, key, token):
    assert not is_dead(token)
    cast.alice.is_active = False
    cast.alice.save()
    assert is_dead(token)
    assert is_refused(key)


def test_a_user_let_in_again_gets_new_tokens_and_the_old_ones_stay_dead(cast, key, token):
    assert not is_dead(token)
    set_active(cast.alice, False, ROBOT)
    assert is_dead(token)
    assert is_refused(key)
    set_active(cast.alice, True, ROBOT)
    assert is_dead(token)
    assert not is_refused(key)
    assert not is_dead(key.token())


def test_a_disabled_manager_does_not_end_the_portal_api(cast):
    key = portal_key(cast.mona, cast.sunny)
    token = key.token()
    cast.mona.is_active = False
    cast.mona.save()
    assert not is_dead(token)
    assert not is_refused(key)


def test_rotation_lets_tokens_go_on_and_both_secrets_work_until_the_overlap_ends(key, token):
    new = clients.rotate(key.client, ROBOT, "1h")
    assert not is_dead(token)
    assert not is_refused(key)
    assert not is_refused(Key(key.subscription, key.client, new))
    ClientSecret.objects.filter(hint=key.secret[-4:]).update(expires_at=timezone.now())
    assert not is_dead(token)
    assert is_refused(key)


def test_a_leaked_secret_takes_every_token_of_its_client_along(key, token):
    other = new_key(key.subscription, "other")
    others = other.token()
    assert not is_dead(token)
    clients.revoke_as_leaked(key.client, ROBOT)
    assert is_dead(token)
    assert is_refused(key)
    assert not is_dead(others)
    assert not is_refused(other)


def test_after_a_leak_a_new_secret_makes_living_tokens_again_at_once(key, token):
    clients.revoke_as_leaked(key.client, ROBOT)
    secret = clients.issue_secret(key.client, ROBOT)
    assert not is_dead(Key(key.subscription, key.client, secret).token())
    assert is_dead(token)


def _shut_out_and_let_in(key: Key) -> None:
    for active in (False, True):
        set_active(User.objects.get(memberships__subscription=key.subscription), active, ROBOT)


# --- What else ends a token ---------------------------------------------------------------------------


def test_an_expired_token_is_dead(token):
    AccessToken.objects.update(expires=timezone.now())
    assert is_dead(token)


def test_a_token_dies_at_the_very_moment_it_expires(token):
    expires = AccessToken.objects.get().expires
    assert resolve(token, None, now=expires - MICROSECOND) is not None
    assert resolve(token, None, now=expires) is None


def test_a_disabled_clients_token_is_dead(key, token):
    ApiClient.objects.update(enabled=False)
    assert is_dead(token)
    assert is_refused(key)


def test_an_expired_clients_token_is_dead(key, token):
    ApiClient.objects.update(expires_at=timezone.now())
    assert is_dead(token)
    assert is_refused(key)


@pytest.mark.parametrize("status", ["off", "suspended", "awaiting"])
def test_the_status_alone_kills_the_token(key, token, status):
    Subscription.objects.update(status=status)
    assert is_dead(token)
    assert is_refused(key)


def test_a_removed_member_takes_the_token_along(cast, key, token):
    remove_membership(membership(cast.alice, cast.sunny), ROBOT)
    assert is_dead(token)
    assert is_refused(key)


def test_a_client_limited_to_networks_is_heard_from_there_only(cast):
    token = oauth.issue_token(user_key(cast.alice, cast.sunny, networks=["192.0.2.0/24"]).client)
    assert call(token, "192.0.2.200").status_code == 200
    assert call(token, "192.0.3.1").status_code == 401
    assert call(token, "").status_code == 401


# --- created against valid_after ------------------------------------------------------------------------


@pytest.mark.parametrize("model", [Subscription, ApiClient, User])
def test_a_token_made_in_the_microsecond_of_valid_after_lives_and_one_before_is_dead(token, model):
    created = AccessToken.objects.get().created
    model.objects.update(valid_after=created)
    assert not is_dead(token)
    model.objects.update(valid_after=created + MICROSECOND)
    assert is_dead(token)


def test_a_whole_second_compares_like_any_other_moment(token):
    """SQLite keeps moments as text and leaves the fraction of a whole second out."""
    second = timezone.now().replace(microsecond=0)
    for model in (ApiClient, User):
        model.objects.update(valid_after=second - dt.timedelta(days=1))
    for created, valid_after, dead in [
        (second, second, False),
        (second, second + MICROSECOND, True),
        (second + MICROSECOND, second, False),
        (second - MICROSECOND, second, True),
    ]:
        AccessToken.objects.update(created=created)
        Subscription.objects.update(valid_after=valid_after)
        assert is_dead(token) is dead


@pytest.fixture
def stopped_clock(monkeypatch) -> dt.datetime:
    """Everything happens in one microsecond."""
    moment = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: moment)
    return moment


def test_off_and_on_within_one_microsecond_still_tells_old_from_new(stopped_clock, cast, key):
    old = oauth.issue_token(key.client)
    subscriptions.deactivate(key.subscription, ROBOT)
    again = subscriptions.activate_user_api(membership(cast.alice, cast.sunny), Package("basic"), ROBOT)
    new = oauth.issue_token(new_key(again).client)
    assert resolve(old, None) is None
    assert resolve(new, None) is not None


def test_a_leak_within_one_microsecond_still_tells_old_from_new(stopped_clock, key):
    old = oauth.issue_token(key.client)
    clients.revoke_as_leaked(key.client, ROBOT)
    client = ApiClient.objects.select_related("subscription").get(pk=key.client.pk)
    new = oauth.issue_token(client)
    assert resolve(old, None) is None
    assert resolve(new, None) is not None


@pytest.mark.parametrize(
    "revoke",
    [
        lambda key: clients.revoke_as_leaked(key.client, ROBOT),
        lambda key: (
            subscriptions.suspend(key.subscription, ROBOT, "") and subscriptions.resume(key.subscription, ROBOT)
        ),
        lambda key: _shut_out_and_let_in(key),
    ],
    ids=["leak", "suspension", "disabled user"],
)
def test_a_token_from_a_server_whose_clock_is_ahead_dies_too(key, token, revoke):
    AccessToken.objects.update(created=timezone.now() + dt.timedelta(seconds=5))
    revoke(key)
    assert is_dead(token)


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda key: clients.revoke_as_leaked(key.client, ROBOT),
        lambda key: subscriptions.deactivate(key.subscription, ROBOT),
        lambda key: (
            subscriptions.suspend(key.subscription, ROBOT, "") and subscriptions.resume(key.subscription, ROBOT)
        ),
        lambda key: set_active(key.subscription.membership.user, False, ROBOT),
        lambda _key: ApiClient.objects.update(enabled=False),
    ],
    ids=["leak", "deactivation", "suspension and back", "disabled user", "disabled client"],
)
def test_a_revocation_between_check_and_issue_wins(key, meanwhile):
    client = clients.verify(key.client.client_id, key.secret)
    assert client is not None
    meanwhile(key)
    with pytest.raises(InvalidClientError):
        oauth.issue_token(client)
    assert not AccessToken.objects.exists()


@pytest.mark.parametrize(
    "act",
    [
        lambda key: subscriptions.deactivate(key.subscription, ROBOT),
        lambda key: subscriptions.suspend(key.subscription, ROBOT, "unpaid"),
    ],
    ids=["deactivation", "suspension"],
)
def test_each_end_moves_valid_after_past_the_living_tokens(key, token, act):
    act(key)
    assert Subscription.objects.get().valid_after > AccessToken.objects.get().created


def test_activation_moves_valid_after_past_tokens_from_before(key, token):
    Subscription.objects.update(status="off")
    subscriptions.activate_user_api(key.subscription.membership, Package("basic"), ROBOT)
    assert Subscription.objects.get().valid_after > AccessToken.objects.get().created


def _ask_often(key: Key, revoke):
    """One process revokes while the others ask for tokens; what each of them got."""

    def work(number: int) -> list[str]:
        if number == 0:
            while AccessToken.objects.count() < 5:
                time.sleep(0.001)
            revoke(key)
            return []
        return [token for token in (_ask(key) for _ in range(10)) if token]

    return work


def _ask(key: Key) -> str | None:
    client = clients.verify(key.client.client_id, key.secret)
    with suppress(InvalidClientError):
        return oauth.issue_token(client) if client else None
    return None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "revoke",
    [
        lambda key: clients.revoke_as_leaked(key.client, ROBOT),
        lambda key: subscriptions.deactivate(key.subscription, ROBOT),
    ],
    ids=["leak", "deactivation"],
)
def test_no_token_survives_a_revocation_while_seven_processes_ask_for_more(key, revoke):
    tokens = [token for got in race(_ask_often(key, revoke)) for token in got]
    assert 5 <= len(tokens) < 70
    Subscription.objects.update(status="active")
    ApiClient.objects.update(enabled=True)
    assert [token for token in tokens if resolve(token, None)] == []


# --- What is no token -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer unknown", "Bearer a b", "Basic abc", "Token abc", "Bearer ü", "bearer\tx"],
)
def test_anything_else_in_the_header_is_401(db, header):
    headers = {"HTTP_AUTHORIZATION": header} if header else {}
    response = WhoAmI.as_view()(APIRequestFactory().get("/", **headers))
    assert response.status_code == 401
    assert "invalid_token" in response["WWW-Authenticate"]


def test_the_scheme_is_not_case_sensitive(token):
    response = WhoAmI.as_view()(APIRequestFactory().get("/", HTTP_AUTHORIZATION=f"bearer {token}"))
    assert response.status_code == 200


def test_a_token_in_the_address_is_refused_even_beside_a_good_header(token):
    assert call("", path=f"/?access_token={token}").status_code == 401
    assert call(token, path=f"/?access_token={token}").status_code == 401


def test_a_token_in_the_body_is_never_read(token):
    body = f"access_token={token}"
    request = APIRequestFactory().generic("GET", "/", body, content_type="application/x-www-form-urlencoded")
    assert WhoAmI.as_view()(request).status_code == 401


def test_the_checksum_of_a_token_is_no_token(token):
    assert is_dead(sha256(token.encode()).hexdigest())


def test_a_client_secret_is_no_token(key):
    assert is_dead(key.secret)


# --- Cost -----------------------------------------------------------------------------------------------


def test_authentication_is_one_statement_for_good_and_bad_tokens(token, django_assert_num_queries):
    with django_assert_num_queries(1):
        call(token)
    with django_assert_num_queries(1):
        call("unknown")
