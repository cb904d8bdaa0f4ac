"""What a portal decides about its packages: limits, number of clients, approval, terms. And limits of one's own."""

import datetime as dt

import pytest
from django.db import IntegrityError
from django.utils import timezone

from apps.accounts.models import AuditEntry
from apps.packages import clients, offers
from apps.packages.catalog import Approval, Package
from apps.packages.errors import (
    InvalidSettings,
    InvalidTerms,
    NeedsApproval,
    NotActive,
    NotAwaiting,
    NotManager,
    TermsNotAccepted,
    TooManyClients,
)
from apps.packages.models import ApiClient, PackageSettings, Subscription, Terms, UsageHour
from apps.packages.subscriptions import (
    activate_portal_api,
    activate_user_api,
    approve,
    change_package,
    deactivate,
    difference,
    override_limits,
    reject,
)
from tests.clients_cast import ROBOT, Key, membership, new_key, portal_key, user_key
from tests.packages.race import race

BASIC, ADVANCED = Package("basic"), Package("advanced")


@pytest.fixture
def manager(cast):
    return membership(cast.mona, cast.sunny)


@pytest.fixture
def member(cast):
    return membership(cast.alice, cast.sunny)


@pytest.fixture
def key(cast) -> Key:
    return user_key(cast.alice, cast.sunny)


def edit(cast, package: Package = BASIC, **changes):
    return offers.edit_settings(cast.sunny, package, membership(cast.mona, cast.sunny), ROBOT, **changes)


def values(row: PackageSettings) -> tuple[int, int, int, str]:
    return row.per_minute, row.per_day, row.max_clients, row.approval


def last_entry(action: str) -> AuditEntry:
    return AuditEntry.objects.filter(action=action).latest("id")


# --- Settings of a package ------------------------------------------------------------------------------


def test_where_nothing_was_decided_the_defaults_hold(cast):
    assert values(offers.settings_of(cast.sunny, BASIC)) == (60, 5_000, 5, "automatic")
    assert values(offers.settings_of(cast.sunny, ADVANCED)) == (300, 50_000, 5, "automatic")
    assert not PackageSettings.objects.exists()


def test_a_manager_changes_one_value_and_the_others_stay(cast):
    edit(cast, per_day=7_000)
    assert values(offers.settings_of(cast.sunny, BASIC)) == (60, 7_000, 5, "automatic")
    edit(cast, approval=Approval.MANAGER, max_clients=1)
    assert values(offers.settings_of(cast.sunny, BASIC)) == (60, 7_000, 1, "manager")
    assert values(offers.settings_of(cast.sunny, ADVANCED)) == (300, 50_000, 5, "automatic")
    assert values(offers.settings_of(cast.other, BASIC)) == (60, 5_000, 5, "automatic")


def test_a_change_of_settings_is_recorded_and_no_change_is_not(cast):
    edit(cast, per_day=7_000)
    edit(cast, per_day=7_000)
    entry = AuditEntry.objects.get(action="package.settings_changed")
    assert (entry.actor, entry.portal, entry.subject) == (ROBOT.name, cast.sunny, "Sunny Co-operative · Basic")
    assert (entry.before, entry.after) == ({"per_day": 5_000}, {"per_day": 7_000, "by": "mona@sunny.example"})


@pytest.mark.parametrize(("who", "where"), [("alice", "sunny"), ("mo", "sunny"), ("oskar", "other")])
def test_nobody_but_a_manager_of_the_portal_decides(cast, who, where):
    by = membership(getattr(cast, who), getattr(cast, where))
    with pytest.raises(NotManager):
        offers.edit_settings(cast.sunny, BASIC, by, ROBOT, per_minute=1_000)
    with pytest.raises(NotManager):
        offers.publish_terms(cast.sunny, by, ROBOT, version="1", text="Be nice.")
    assert not PackageSettings.objects.exists()
    assert not Terms.objects.exists()


@pytest.mark.parametrize("name", ["per_minute", "per_day", "max_clients"])
@pytest.mark.parametrize("number", [0, -1, 2_147_483_648])
def test_a_limit_that_is_none_is_refused_by_name(cast, name, number):
    with pytest.raises(InvalidSettings, match="at least 1") as refusal:
        edit(cast, **{name: number})
    assert refusal.value.field == name
    assert not PackageSettings.objects.exists()


def test_settings_cannot_grant_a_function(cast):
    assert {field.name for field in PackageSettings._meta.fields} == {
        "id",
        "portal",
        "package",
        "per_minute",
        "per_day",
        "max_clients",
        "approval",
    }


# --- Number of clients ------------------------------------------------------------------------------------


def test_a_sixth_client_is_refused_and_leaves_nothing_behind(key):
    for number in range(4):
        new_key(key.subscription, f"more {number}")
    before = AuditEntry.objects.count()
    with pytest.raises(TooManyClients, match="allows 5 clients"):
        new_key(key.subscription, "one too many")
    assert (ApiClient.objects.count(), AuditEntry.objects.count()) == (5, before)


def test_clients_that_ended_or_expired_leave_room(cast, key):
    edit(cast, max_clients=1)
    clients.end_client(key.client, ROBOT)
    second = new_key(key.subscription, "second")
    ApiClient.objects.filter(pk=second.client.pk).update(expires_at=timezone.now())
    new_key(key.subscription, "third")
    with pytest.raises(TooManyClients, match="allows 1 clients"):
        new_key(key.subscription, "fourth")


@pytest.mark.django_db(transaction=True)
def test_eight_processes_make_no_more_clients_than_the_package_allows(cast, key):
    def work(number: int) -> str:
        try:
            new_key(key.subscription, f"client {number}")
        except TooManyClients:
            return "refused"
        return "made"

    assert sorted(race(work)) == ["made"] * 4 + ["refused"] * 4
    assert ApiClient.objects.count() == 5


def test_an_ended_client_is_dead_for_good(key):
    clients.end_client(key.client, ROBOT, "not needed")
    assert clients.verify(key.client.client_id, key.secret) is None
    assert last_entry("client.revoked").reason == "not needed"
    for act in (clients.end_client, clients.rotate, clients.issue_secret):
        with pytest.raises(NotActive, match="disabled"):
            act(key.client, ROBOT)


# --- Approval -----------------------------------------------------------------------------------------------


@pytest.fixture
def by_approval(cast) -> None:
    for package in (BASIC, ADVANCED):
        edit(cast, package, approval=Approval.MANAGER)


def test_a_user_api_that_needs_approval_awaits_it(by_approval, member):
    subscription = activate_user_api(member, BASIC, ROBOT)
    assert (subscription.status, subscription.since) == ("awaiting", None)
    entry = last_entry("api.requested")
    assert entry.after == {"status": "awaiting", "package": "basic"}


def test_the_portal_api_of_a_manager_needs_no_approval(by_approval, cast, manager):
    assert activate_portal_api(cast.sunny, manager, BASIC, ROBOT).status == "active"


def test_a_client_made_while_awaiting_works_after_approval(by_approval, cast):
    key = user_key(cast.alice, cast.sunny)
    assert clients.verify(key.client.client_id, key.secret) is None
    approved = approve(key.subscription, ROBOT, "a member for years")
    assert approved.status == "active"
    assert approved.since is not None
    assert clients.verify(key.client.client_id, key.secret) == key.client
    entry = last_entry("api.approved")
    assert (entry.before, entry.reason) == ({"status": "awaiting", "package": "basic"}, "a member for years")


def test_after_a_rejection_the_client_is_dead_and_the_owner_reads_why(by_approval, cast, member):
    key = user_key(cast.alice, cast.sunny)
    rejected = reject(key.subscription, ROBOT, "unpaid")
    assert (rejected.status, rejected.reason) == ("off", "unpaid")
    assert last_entry("api.rejected").reason == "unpaid"
    again = activate_user_api(member, BASIC, ROBOT)
    assert (again.status, again.reason) == ("awaiting", "")
    approve(again, ROBOT)
    assert clients.verify(key.client.client_id, key.secret) is None


def test_an_owner_may_take_the_wish_back(by_approval, cast):
    key = user_key(cast.alice, cast.sunny)
    assert deactivate(key.subscription, ROBOT) == 1
    with pytest.raises(NotAwaiting):
        approve(key.subscription, ROBOT)
    assert Subscription.objects.get().status == "off"


@pytest.mark.parametrize("answer", [approve, lambda subscription, actor: reject(subscription, actor, "no")])
def test_only_what_awaits_it_is_approved_or_rejected(key, answer):
    with pytest.raises(NotAwaiting, match="does not await"):
        answer(key.subscription, ROBOT)
    assert Subscription.objects.get().status == "active"


def test_an_upgrade_is_no_way_round_approval(cast, key):
    edit(cast, ADVANCED, approval=Approval.MANAGER)
    with pytest.raises(NeedsApproval, match="advanced"):
        change_package(key.subscription, ADVANCED, ROBOT)
    assert Subscription.objects.get().package == "basic"
    change_package(key.subscription, ADVANCED, ROBOT, approved=True)
    edit(cast, BASIC, approval=Approval.MANAGER)
    change_package(key.subscription, BASIC, ROBOT)
    assert Subscription.objects.get().package == "basic"


# --- Terms --------------------------------------------------------------------------------------------------


def publish(cast, version: str, text: str = "Be nice.") -> Terms:
    by = membership(cast.mona, cast.sunny)
    return offers.publish_terms(cast.sunny, by, ROBOT, version=version, text=text, text_de="Sei nett.")


def test_without_terms_nothing_has_to_be_accepted(member):
    subscription = activate_user_api(member, BASIC, ROBOT, "2025-01")
    assert (subscription.terms_version, subscription.terms_accepted_at) == ("", None)


@pytest.mark.parametrize("given", ["", "2024-01", "2025-1"])
def test_missing_or_other_terms_are_refused_and_nothing_changes(cast, member, manager, given):
    publish(cast, "2024-01")
    publish(cast, "2025-01")
    for activate in (
        lambda: activate_user_api(member, BASIC, ROBOT, given),
        lambda: activate_portal_api(cast.sunny, manager, BASIC, ROBOT, given),
    ):
        with pytest.raises(TermsNotAccepted, match="“2025-01”") as refusal:
            activate()
        assert refusal.value.field == "accept_terms"
    assert not Subscription.objects.exists()


def test_the_accepted_version_and_its_moment_are_kept(cast, member):
    publish(cast, "2025-01")
    subscription = activate_user_api(member, BASIC, ROBOT, "2025-01")
    subscription.refresh_from_db()
    assert subscription.terms_version == "2025-01"
    assert subscription.terms_accepted_at is not None
    assert last_entry("api.activated").after == {"status": "active", "package": "basic", "terms": "2025-01"}


def test_new_terms_touch_nobody_who_is_active_and_no_other_portal(cast, key):
    publish(cast, "2025-01")
    assert clients.verify(key.client.client_id, key.secret) == key.client
    assert portal_key(cast.oskar, cast.other).subscription.status == "active"


def test_a_publication_is_recorded(cast):
    publish(cast, "2025-01")
    entry = last_entry("terms.published")
    assert entry.after == {"version": "2025-01", "characters": 8, "by": "mona@sunny.example"}


@pytest.mark.parametrize(
    ("version", "text", "field"),
    [("", "Be nice.", "version"), ("x" * 41, "Be nice.", "version"), ("2", " ", "text"), ("1", "Other.", "version")],
)
def test_terms_that_cannot_be_published_are_refused_by_name(cast, version, text, field):
    publish(cast, "1")
    with pytest.raises(InvalidTerms) as refusal:
        publish(cast, version, text)
    assert refusal.value.field == field
    assert Terms.objects.get().text == "Be nice."


def test_the_database_itself_keeps_published_terms_as_they_are(cast):
    publish(cast, "1")
    with pytest.raises(IntegrityError, match="append-only"):
        Terms.objects.update(text="Pay more.")


# --- Limits of one's own ------------------------------------------------------------------------------------


def test_limits_of_ones_own_are_kept_and_recorded(key):
    until = timezone.now() + dt.timedelta(days=7)
    override_limits(key.subscription, ROBOT, "migration", per_minute=600, until=until)
    row = Subscription.objects.get()
    assert (row.override_per_minute, row.override_per_day, row.override_until) == (600, None, until)
    override_limits(row, ROBOT, "done")
    row.refresh_from_db()
    assert (row.override_per_minute, row.override_per_day, row.override_until) == (None, None, None)
    none = {"per_minute": None, "per_day": None, "until": None}
    entries = AuditEntry.objects.filter(action="api.limits_changed").order_by("id")
    assert [(entry.before, entry.after, entry.reason) for entry in entries] == [
        (none, {"per_minute": 600, "per_day": None, "until": until.isoformat()}, "migration"),
        ({"per_minute": 600, "per_day": None, "until": until.isoformat()}, none, "done"),
    ]


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({"per_minute": 0}, "per_minute"),
        ({"per_day": -1}, "per_day"),
        ({"per_day": 9, "until": dt.datetime(2025, 1, 1, tzinfo=dt.UTC)}, "until"),
    ],
)
def test_limits_that_make_no_sense_are_refused_by_name(key, limits, field):
    with pytest.raises(InvalidSettings) as refusal:
        override_limits(key.subscription, ROBOT, "why not", **limits)
    assert refusal.value.field == field
    assert not AuditEntry.objects.filter(action="api.limits_changed").exists()


# --- Another package ------------------------------------------------------------------------------------------


def test_a_downgrade_says_how_often_what_is_lost_was_used_in_the_last_30_days(cast):
    subscription = user_key(cast.alice, cast.sunny, "advanced").subscription
    now = timezone.now()
    for function, days, calls in [("kpis", 1, 7), ("kpis", 29, 2), ("kpis", 31, 100), ("plants", 1, 50)]:
        _used(subscription, function, now - dt.timedelta(days=days), calls)
    change = difference(subscription, BASIC)
    assert (change.gained, change.lost_calls["kpis"], change.lost_calls["component_year"]) == ((), 9, 0)
    assert set(change.lost_calls) == set(change.lost)
    assert difference(subscription, ADVANCED).lost_calls == {}


def _used(subscription: Subscription, function: str, at: dt.datetime, calls: int) -> None:
    hour = at.replace(minute=0, second=0, microsecond=0)
    UsageHour.objects.create(
        subscription=subscription,
        client_id=subscription.clients.get().pk,
        function=function,
        status="2xx",
        hour=hour,
        calls=calls,
        points=0,
        bytes=0,
        milliseconds=0,
    )
