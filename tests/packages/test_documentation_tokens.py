"""Short tokens for the documentation page: who gets one, for which API, and what ends it at once."""

import datetime as dt
import hashlib
from collections.abc import Callable
from contextlib import suppress

import pytest
from django.utils import timezone
from oauth2_provider.models import AccessToken

from apps.accounts.access import Role
from apps.accounts.changes import remove_membership, set_active, set_role
from apps.accounts.models import AuditEntry, Membership
from apps.packages import clients, subscriptions, tokens
from apps.packages.catalog import Package
from apps.packages.errors import InvalidClient, NotActive, NotManager, TooManyClients
from apps.packages.models import ApiClient, ClientSecret, Subscription
from tests.cast import Cast
from tests.clients_cast import ROBOT, access_of, call, membership, new_key, portal_key, user_key


@pytest.fixture
def alices(cast: Cast) -> Subscription:
    return user_key(cast.alice, cast.sunny).subscription


@pytest.fixture
def portals(cast: Cast) -> Subscription:
    return portal_key(cast.mona, cast.sunny).subscription


def token_of(subscription: Subscription, by: Membership) -> str:
    return tokens.issue_for_documentation(subscription, by, ROBOT)[0]


def is_dead(token: str) -> bool:
    return bool(call(token).status_code == 401)


# --- What it is ----------------------------------------------------------------------------------------------------


def test_it_speaks_for_the_members_own_subscription_for_five_minutes(cast: Cast, alices: Subscription):
    token, ends = tokens.issue_for_documentation(alices, membership(cast.alice, cast.sunny), ROBOT)
    access = access_of(token)
    assert (access.subscription, access.user, access.package) == (alices.pk, cast.alice.pk, "basic")
    assert dt.timedelta(minutes=4, seconds=55) < ends - timezone.now() <= dt.timedelta(minutes=5)


def test_after_five_minutes_it_is_dead(cast: Cast, alices: Subscription, monkeypatch: pytest.MonkeyPatch):
    token, ends = tokens.issue_for_documentation(alices, membership(cast.alice, cast.sunny), ROBOT)
    monkeypatch.setattr(timezone, "now", lambda: ends - dt.timedelta(seconds=1))
    assert not is_dead(token)
    monkeypatch.setattr(timezone, "now", lambda: ends)
    assert is_dead(token)


def test_it_is_kept_as_a_checksum_only(cast: Cast, alices: Subscription):
    token = token_of(alices, membership(cast.alice, cast.sunny))
    row = AccessToken.objects.get()
    assert token.startswith("hpt_")
    assert token not in (row.token or "")
    assert row.token_checksum == hashlib.sha256(token.encode()).hexdigest()


def test_it_is_recorded_without_the_token(cast: Cast, alices: Subscription):
    token = token_of(alices, membership(cast.alice, cast.sunny))
    entry = AuditEntry.objects.get(action="token.issued")
    assert (entry.actor, entry.portal) == ("robot@test.example", cast.sunny)
    assert token not in str(entry.after) + entry.subject


def test_what_has_expired_is_deleted_when_the_next_one_is_made(cast: Cast, alices: Subscription):
    by = membership(cast.alice, cast.sunny)
    token_of(alices, by)
    AccessToken.objects.update(expires=timezone.now() - dt.timedelta(seconds=1))
    token_of(alices, by)
    assert AccessToken.objects.count() == 1


# --- Its client ----------------------------------------------------------------------------------------------------


def test_all_of_them_belong_to_one_client_that_nobody_made(cast: Cast, alices: Subscription):
    by = membership(cast.alice, cast.sunny)
    token_of(alices, by)
    token_of(alices, by)
    assert [client.name for client in alices.clients.all()] == ["Documentation page", "default"]
    assert [client.name for client in alices.clients.programs()] == ["default"]


def test_its_client_never_gets_a_secret(cast: Cast, alices: Subscription):
    token_of(alices, membership(cast.alice, cast.sunny))
    client = ApiClient.objects.get(documentation=True)
    for act in (clients.issue_secret, clients.rotate):
        with pytest.raises(InvalidClient):
            act(client, ROBOT)
    assert not ClientSecret.objects.filter(client=client).exists()
    assert clients.verify(client.client_id, "") is None


def test_its_client_takes_no_room_from_programs(cast: Cast, alices: Subscription):
    token_of(alices, membership(cast.alice, cast.sunny))
    with suppress(TooManyClients):
        for name in ("two", "three", "four", "five", "six"):
            new_key(alices, name)
    assert alices.clients.programs().count() == 5


def test_a_program_may_have_the_same_name(cast: Cast, alices: Subscription):
    token_of(alices, membership(cast.alice, cast.sunny))
    assert new_key(alices, "Documentation page").client.documentation is False


# --- Who gets one --------------------------------------------------------------------------------------------------


def test_nobody_gets_a_token_for_somebody_elses_api(cast: Cast, alices: Subscription):
    for stranger in (cast.bob, cast.mona):
        with pytest.raises(NotActive):
            token_of(alices, membership(stranger, cast.sunny))
    assert not AccessToken.objects.exists()


@pytest.mark.parametrize("name", ["mo", "alice"])
def test_only_managers_get_a_token_for_the_portal_api(name: str, cast: Cast, portals: Subscription):
    with pytest.raises(NotManager):
        token_of(portals, membership(getattr(cast, name), cast.sunny))
    assert not is_dead(token_of(portals, membership(cast.mona, cast.sunny)))


def test_a_manager_of_another_portal_gets_none(cast: Cast, portals: Subscription):
    with pytest.raises(NotManager):
        token_of(portals, membership(cast.oskar, cast.other))


@pytest.mark.parametrize("status", ["off", "suspended", "awaiting"])
def test_without_active_access_there_is_none(status: str, cast: Cast, alices: Subscription):
    Subscription.objects.update(status=status)
    with pytest.raises(NotActive):
        token_of(alices, membership(cast.alice, cast.sunny))
    assert not ApiClient.objects.filter(documentation=True).exists()


# --- What ends it --------------------------------------------------------------------------------------------------

ENDS: dict[str, Callable[[Subscription], object]] = {
    "switched off": lambda subscription: subscriptions.deactivate(subscription, ROBOT),
    "suspended": lambda subscription: subscriptions.suspend(subscription, ROBOT, "unpaid"),
    "disabled user": lambda subscription: set_active(subscription.membership.user, False, ROBOT),  # type: ignore[union-attr]
    "leaked": lambda _subscription: clients.revoke_as_leaked(ApiClient.objects.get(documentation=True), ROBOT),
    "client ended": lambda _subscription: clients.end_client(ApiClient.objects.get(documentation=True), ROBOT),
    "no member any more": lambda subscription: remove_membership(subscription.membership, ROBOT),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_it_dies_at_once(end: Callable[[Subscription], object], cast: Cast, alices: Subscription):
    token = token_of(alices, membership(cast.alice, cast.sunny))
    assert not is_dead(token)
    end(alices)
    assert is_dead(token)


def test_switching_on_again_revives_none_and_a_new_one_works(cast: Cast, alices: Subscription):
    by = membership(cast.alice, cast.sunny)
    token = token_of(alices, by)
    subscriptions.deactivate(alices, ROBOT)
    subscriptions.activate_user_api(by, Package("basic"), ROBOT)
    assert is_dead(token)
    assert not is_dead(token_of(alices, by))


def _disable_and_enable(who: Membership) -> None:
    set_active(who.user, False, ROBOT)
    set_active(who.user, True, ROBOT)


def _manage_elsewhere_only(who: Membership) -> None:
    other = Membership.objects.exclude(portal=who.portal).first()
    assert other is not None
    Membership.objects.create(portal=other.portal, user=who.user, role=Role.MANAGER)
    remove_membership(who, ROBOT)


ROLE_ENDS: dict[str, Callable[[Membership], object]] = {
    "no manager any more": lambda who: set_role(who, Role.MONITORING, ROBOT),
    "disabled": lambda who: set_active(who.user, False, ROBOT),
    "disabled and back": _disable_and_enable,
    "no member any more": lambda who: remove_membership(who, ROBOT),
    "manager elsewhere only": _manage_elsewhere_only,
}


@pytest.mark.parametrize("end", ROLE_ENDS.values(), ids=ROLE_ENDS)
def test_a_portal_token_dies_with_the_role_of_who_asked_for_it(
    end: Callable[[Membership], object], cast: Cast, portals: Subscription
):
    set_role(membership(cast.mo, cast.sunny), Role.MANAGER, ROBOT)  # a portal keeps at least one
    by = membership(cast.mona, cast.sunny)
    token = token_of(portals, by)
    assert not is_dead(token)
    end(by)
    assert is_dead(token)
