"""Switching the APIs on and off, suspending, changing the package: rules, records, and many at once."""

import pytest
from django.db import IntegrityError, transaction

from apps.accounts.models import AuditEntry
from apps.packages import clients
from apps.packages.catalog import Api, Package
from apps.packages.errors import (
    AlreadyActive,
    NotActive,
    NotManager,
    Refused,
    Suspended,
    UnknownPackage,
    UserDisabled,
)
from apps.packages.models import ApiClient, ClientSecret, Subscription
from apps.packages.subscriptions import (
    activate_portal_api,
    activate_user_api,
    change_package,
    compare,
    deactivate,
    find_package,
    resume,
    suspend,
)
from tests.clients_cast import ROBOT, Key, membership, new_key, portal_key, user_key
from tests.packages.race import race

BASIC, ADVANCED = Package("basic"), Package("advanced")
ONLY_USER_ADVANCED = (
    "component_channels",
    "tracker_channels",
    "cross_epoch_channels",
    "component_month",
    "component_year",
    "component_lifetime",
    "kpis",
)


@pytest.fixture
def member(cast):
    return membership(cast.alice, cast.sunny)


@pytest.fixture
def manager(cast):
    return membership(cast.mona, cast.sunny)


@pytest.fixture
def key(cast) -> Key:
    return user_key(cast.alice, cast.sunny)


def status(subscription: Subscription) -> str:
    return Subscription.objects.get(pk=subscription.pk).status


# --- Who may ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["alice", "mo", "mona"])
def test_every_member_may_switch_on_their_own_user_api(cast, who):
    subscription = activate_user_api(membership(getattr(cast, who), cast.sunny), BASIC, ROBOT)
    assert (subscription.api, subscription.status, subscription.package) == (Api.USER, "active", "basic")
    assert subscription.since is not None


def test_a_manager_may_switch_on_the_portal_api(cast, manager):
    subscription = activate_portal_api(cast.sunny, manager, ADVANCED, ROBOT)
    assert (subscription.api, subscription.status, subscription.package) == (Api.PORTAL, "active", "advanced")


@pytest.mark.parametrize(("who", "where"), [("alice", "sunny"), ("mo", "sunny"), ("oskar", "other")])
def test_nobody_else_may_switch_on_the_portal_api(cast, who, where):
    with pytest.raises(NotManager, match="not a manager of the portal Sunny"):
        activate_portal_api(cast.sunny, membership(getattr(cast, who), getattr(cast, where)), BASIC, ROBOT)
    assert not Subscription.objects.exists()


def test_a_disabled_manager_may_not(cast, manager):
    manager.user.is_active = False
    with pytest.raises(NotManager):
        activate_portal_api(cast.sunny, manager, BASIC, ROBOT)


def test_a_disabled_user_gets_no_api(member):
    member.user.is_active = False
    with pytest.raises(UserDisabled, match="alice"):
        activate_user_api(member, BASIC, ROBOT)


def test_an_unknown_package_is_refused_by_name():
    with pytest.raises(UnknownPackage, match="“gold” is none of basic, advanced"):
        find_package("gold")


# --- One subscription per owner -----------------------------------------------------------------------


def test_a_second_activation_is_refused_and_changes_nothing(member, key):
    before = list(Subscription.objects.values())
    with pytest.raises(AlreadyActive, match="basic"):
        activate_user_api(member, ADVANCED, ROBOT)
    assert list(Subscription.objects.values()) == before
    assert AuditEntry.objects.filter(action="api.activated").count() == 1


def test_user_api_and_portal_api_of_one_manager_live_side_by_side(cast, manager):
    activate_user_api(manager, BASIC, ROBOT)
    activate_portal_api(cast.sunny, manager, ADVANCED, ROBOT)
    assert Subscription.objects.filter(status="active").count() == 2


def test_the_database_itself_refuses_a_second_portal_api(cast, manager):
    activate_portal_api(cast.sunny, manager, BASIC, ROBOT)
    with pytest.raises(IntegrityError), transaction.atomic():
        Subscription.objects.create(portal=cast.sunny, package=BASIC)


def test_the_database_itself_refuses_an_unknown_status(key):
    with pytest.raises(IntegrityError), transaction.atomic():
        Subscription.objects.update(status="on")


def _try_to_activate(member, manager, portal):
    def work(number: int) -> str:
        try:
            if member:
                activate_user_api(member, BASIC, ROBOT)
            else:
                activate_portal_api(portal, manager, BASIC, ROBOT)
        except AlreadyActive:
            return "already active"
        return "activated"

    return work


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("api", ["user", "portal"])
def test_eight_activations_at_once_make_one_subscription(cast, member, manager, api):
    results = race(_try_to_activate(member if api == "user" else None, manager, cast.sunny))
    assert sorted(results) == ["activated"] + ["already active"] * 7
    assert Subscription.objects.count() == 1
    assert AuditEntry.objects.filter(action="api.activated").count() == 1


# --- Off --------------------------------------------------------------------------------------------


def test_deactivation_ends_secrets_and_clients(key):
    new_key(key.subscription, "second")
    assert deactivate(key.subscription, ROBOT) == 2
    assert status(key.subscription) == "off"
    assert not ClientSecret.objects.filter(revoked_at=None).exists()
    assert not ApiClient.objects.filter(enabled=True).exists()


def test_deactivation_touches_nobody_else(cast, key):
    other = user_key(cast.bob, cast.sunny)
    deactivate(key.subscription, ROBOT)
    assert clients.verify(other.client.client_id, other.secret) == other.client


def test_reactivation_never_revives_a_secret(member, key):
    deactivate(key.subscription, ROBOT)
    again = activate_user_api(member, BASIC, ROBOT)
    assert again == key.subscription
    assert clients.verify(key.client.client_id, key.secret) is None
    assert clients.verify(*_credentials(new_key(again))) is not None


def _credentials(key: Key) -> tuple[str, str]:
    return key.client.client_id, key.secret


def test_what_is_off_cannot_be_switched_off(key):
    deactivate(key.subscription, ROBOT)
    with pytest.raises(NotActive, match="not active"):
        deactivate(key.subscription, ROBOT)


# --- On hold ----------------------------------------------------------------------------------------


def test_a_suspension_keeps_the_secrets_and_shows_its_reason(key):
    suspend(key.subscription, ROBOT, "unpaid")
    assert Subscription.objects.get().reason == "unpaid"
    assert clients.verify(*_credentials(key)) is None
    resume(key.subscription, ROBOT, "paid")
    assert Subscription.objects.get().reason == ""
    assert clients.verify(*_credentials(key)) == key.client


@pytest.mark.parametrize(
    "way_out",
    [
        lambda key: deactivate(key.subscription, ROBOT),
        lambda key: activate_user_api(key.subscription.membership, BASIC, ROBOT),
        lambda key: change_package(key.subscription, ADVANCED, ROBOT),
        lambda key: suspend(key.subscription, ROBOT, "again"),
    ],
)
def test_nothing_but_resuming_leads_out_of_a_suspension(key, way_out):
    suspend(key.subscription, ROBOT, "unpaid")
    with pytest.raises(Suspended, match="unpaid"):
        way_out(key)
    assert status(key.subscription) == "suspended"


def test_only_a_suspended_subscription_can_be_resumed(key):
    with pytest.raises(NotActive, match="not suspended"):
        resume(key.subscription, ROBOT)
    deactivate(key.subscription, ROBOT)
    with pytest.raises(NotActive, match="not suspended"):
        resume(key.subscription, ROBOT)


def test_one_that_awaits_approval_cannot_be_switched_on_by_its_owner(member, key):
    Subscription.objects.update(status="awaiting")
    with pytest.raises(NotActive, match="awaits approval"):
        activate_user_api(member, BASIC, ROBOT)


# --- Package ----------------------------------------------------------------------------------------


def test_an_upgrade_says_what_is_gained_and_a_downgrade_what_is_lost(key):
    up = change_package(key.subscription, ADVANCED, ROBOT)
    assert (up.gained, up.lost) == (ONLY_USER_ADVANCED, ())
    down = change_package(key.subscription, BASIC, ROBOT)
    assert (down.gained, down.lost) == ((), ONLY_USER_ADVANCED)


def test_the_portal_api_gains_fleets_as_well():
    gained = compare(Api.PORTAL, BASIC, ADVANCED).gained
    assert gained == ("plants_by_fleet", "fleets", "fleet", "fleet_plants", *ONLY_USER_ADVANCED)


def test_the_package_it_has_already_changes_nothing(key):
    change = change_package(key.subscription, BASIC, ROBOT)
    assert (change.gained, change.lost) == ((), ())
    assert not AuditEntry.objects.filter(action="api.package_changed").exists()


def test_no_package_for_what_is_off(key):
    deactivate(key.subscription, ROBOT)
    with pytest.raises(NotActive):
        change_package(key.subscription, ADVANCED, ROBOT)


# --- Record -----------------------------------------------------------------------------------------


def test_every_act_is_recorded_with_before_after_and_reason(key):
    change_package(key.subscription, ADVANCED, ROBOT)
    suspend(key.subscription, ROBOT, "unpaid")
    resume(key.subscription, ROBOT, "paid")
    deactivate(key.subscription, ROBOT)
    rows = AuditEntry.objects.filter(action__startswith="api.").order_by("id")
    assert [(row.action, row.before, row.after, row.reason) for row in rows] == [
        ("api.activated", _state("off", "basic"), _state("active", "basic"), ""),
        ("api.package_changed", _state("active", "basic"), _state("active", "advanced"), ""),
        ("api.suspended", _state("active", "advanced"), _state("suspended", "advanced"), "unpaid"),
        ("api.resumed", _state("suspended", "advanced"), _state("active", "advanced"), "paid"),
        (
            "api.deactivated",
            _state("active", "advanced"),
            {**_state("off", "advanced"), "secrets_revoked": 1},
            "",
        ),
    ]
    assert {(row.actor, row.address) for row in rows} == {("robot@test.example", "192.0.2.7")}


def test_the_record_says_which_manager_wanted_the_portal_api(cast):
    portal_key(cast.mona, cast.sunny)
    after = AuditEntry.objects.get(action="api.activated").after
    assert after is not None
    assert after["by"] == "mona@sunny.example"


def _state(status: str, package: str) -> dict[str, str]:
    return {"status": status, "package": package}


def test_an_act_that_fails_halfway_leaves_nothing_behind(key, monkeypatch):
    def fail(*args: object, **kwargs: object) -> None:
        raise Refused("the audit record cannot be written")

    monkeypatch.setattr("apps.accounts.audit.record", fail)
    with pytest.raises(Refused):
        deactivate(key.subscription, ROBOT)
    assert status(key.subscription) == "active"
    assert clients.verify(*_credentials(key)) == key.client
