"""Portals, users and memberships are changed with a record, or not at all."""

import pytest

from apps.accounts import changes
from apps.accounts.access import Role
from apps.accounts.audit import Actor
from apps.accounts.changes import AlreadyMember, ChangeRefused
from apps.accounts.models import AuditEntry, Membership, Portal, User
from tests.cast import Cast

SHELL = Actor("command line")
GOOD_PASSWORD = "a cloud over the roof"


def recorded() -> list[tuple[str, str]]:
    return list(AuditEntry.objects.order_by("id").values_list("action", "subject"))


def test_a_new_portal_is_recorded(db):
    portal = changes.create_portal("sunny", "Sunny", SHELL)
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.portal) == ("command line", "portal.created", portal)


@pytest.mark.parametrize(("slug", "field"), [("", "slug"), ("su nny", "slug"), ("a" * 64, "slug"), ("sünny", "slug")])
def test_a_slug_that_fits_no_address_is_refused(db, slug: str, field: str):
    with pytest.raises(ChangeRefused) as refusal:
        changes.create_portal(slug, "Sunny", SHELL)
    assert refusal.value.field == field
    assert not Portal.objects.exists()
    assert recorded() == []


def test_a_slug_can_be_used_once(sunny: Portal):
    with pytest.raises(ChangeRefused, match="already exists"):
        changes.create_portal("sunny", "Sunny again", SHELL)


def test_a_new_user_without_a_password_cannot_log_in_yet(sunny: Portal):
    user = changes.create_user("Nina@Sunny.example ", sunny, Role.OWNER, SHELL).user
    assert user.email == "nina@sunny.example"
    assert not user.has_usable_password()
    assert recorded() == [("user.created", "nina@sunny.example"), ("membership.created", "nina@sunny.example")]


def test_a_new_user_with_a_password_can_log_in(sunny: Portal):
    user = changes.create_user("nina@sunny.example", sunny, Role.OWNER, SHELL, password=GOOD_PASSWORD).user
    assert user.check_password(GOOD_PASSWORD)
    assert GOOD_PASSWORD not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize("password", ["short", "password123", "12345678901"])
def test_a_weak_password_is_refused_and_nobody_is_created(sunny: Portal, password: str):
    with pytest.raises(ChangeRefused) as refusal:
        changes.create_user("nina@sunny.example", sunny, Role.OWNER, SHELL, password=password)
    assert refusal.value.field == "password"
    assert not User.objects.filter(email="nina@sunny.example").exists()


def test_what_is_no_address_is_refused(sunny: Portal):
    with pytest.raises(ChangeRefused) as refusal:
        changes.create_user("nina", sunny, Role.OWNER, SHELL)
    assert refusal.value.field == "email"


def test_who_exists_gets_an_additional_membership_and_keeps_their_password(cast: Cast):
    membership = changes.create_user("ALICE@sunny.example", cast.other, Role.MONITORING, SHELL)
    assert membership.user == cast.alice
    assert {one.portal for one in cast.alice.memberships.all()} == {cast.sunny, cast.other}
    with pytest.raises(ChangeRefused, match="keeps their password"):
        changes.create_user("bob@sunny.example", cast.other, Role.OWNER, SHELL, password=GOOD_PASSWORD)


def test_a_second_membership_in_the_same_portal_is_refused(cast: Cast):
    with pytest.raises(AlreadyMember):
        changes.create_user("alice@sunny.example", cast.sunny, Role.MANAGER, SHELL)
    assert Membership.objects.get(user=cast.alice).role == Role.OWNER


def test_a_role_changes_with_before_and_after(cast: Cast):
    membership = cast.alice.memberships.get()
    assert changes.set_role(membership, Role.MANAGER, SHELL)
    entry = AuditEntry.objects.get()
    assert (entry.before, entry.after) == ({"role": "owner"}, {"role": "manager"})
    assert Membership.objects.get(pk=membership.pk).role == membership.role == Role.MANAGER


def test_the_same_role_again_changes_nothing(cast: Cast):
    assert not changes.set_role(cast.alice.memberships.get(), Role.OWNER, SHELL)
    assert recorded() == []


def test_a_removed_membership_takes_its_assignments_along(cast: Cast):
    changes.remove_membership(cast.alice.memberships.get(), SHELL, "moved away")
    assert not cast.plant_a.assignments.exists()
    assert recorded() == [("membership.removed", "alice@sunny.example")]
    assert AuditEntry.objects.get().reason == "moved away"


def test_a_user_is_kept_out_and_let_in_again(cast: Cast):
    assert changes.set_active(cast.alice, False, SHELL)
    assert not changes.set_active(cast.alice, False, SHELL)
    assert not User.objects.get(pk=cast.alice.pk).is_active
    out = cast.alice.valid_after
    assert changes.set_active(cast.alice, True, SHELL)
    assert cast.alice.valid_after > out
    assert [action for action, _ in recorded()] == ["user.disabled", "user.enabled"]


def test_a_change_that_fails_later_leaves_no_record(sunny: Portal, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(changes, "add_membership", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        changes.create_user("nina@sunny.example", sunny, Role.OWNER, SHELL)
    assert recorded() == []
