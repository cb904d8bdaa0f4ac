"""A portal keeps a manager who can log in, and decides only about accounts that are its alone."""

import pytest

from apps.accounts import changes
from apps.accounts.access import Role
from apps.accounts.audit import Actor
from apps.accounts.changes import LastManager, NotThisPortals, belongs_to_portal_alone
from apps.accounts.models import AuditEntry, Membership, User
from tests.cast import Cast, make_user

SHELL = Actor("command line")


def of(user: User) -> Membership:
    return user.memberships.select_related("portal", "user").get(portal__slug="sunny")


def test_the_last_manager_is_neither_demoted_nor_removed_nor_disabled(cast: Cast):
    for act in (
        lambda: changes.set_role(of(cast.mona), Role.OWNER, SHELL),
        lambda: changes.remove_membership(of(cast.mona), SHELL),
        lambda: changes.set_member_active(of(cast.mona), False, SHELL),
    ):
        with pytest.raises(LastManager, match=r"mona@sunny\.example is the only active manager"):
            act()
    assert of(cast.mona).role == Role.MANAGER
    assert User.objects.get(pk=cast.mona.pk).is_active
    assert not AuditEntry.objects.exists()


def test_one_of_two_managers_may_go(cast: Cast):
    make_user("max@sunny.example", cast.sunny, Role.MANAGER)
    changes.remove_membership(of(cast.mona), SHELL)
    assert not cast.mona.memberships.exists()


@pytest.mark.parametrize("second", ["disabled", "never logged in", "manager elsewhere"])
def test_a_manager_who_cannot_log_in_here_is_no_second_one(cast: Cast, second: str):
    max_ = make_user("max@sunny.example", cast.other if second == "manager elsewhere" else cast.sunny, Role.MANAGER)
    if second == "disabled":
        User.objects.filter(pk=max_.pk).update(is_active=False)
    elif second == "never logged in":
        max_.set_unusable_password()
        max_.save()
    with pytest.raises(LastManager):
        changes.set_role(of(cast.mona), Role.MONITORING, SHELL)


def test_the_last_manager_may_be_made_manager_again_and_others_may_go(cast: Cast):
    assert not changes.set_role(of(cast.mona), Role.MANAGER, SHELL)
    changes.remove_membership(of(cast.alice), SHELL)
    changes.set_member_active(of(cast.bob), False, SHELL)


def test_a_portal_disables_and_enables_its_own_people_in_its_own_record(cast: Cast):
    assert changes.set_member_active(of(cast.alice), False, SHELL, "left the company")
    assert not User.objects.get(pk=cast.alice.pk).is_active
    assert changes.set_member_active(of(cast.alice), True, SHELL, "came back")
    assert [(row.action, row.portal, row.reason) for row in AuditEntry.objects.order_by("id")] == [
        ("user.disabled", cast.sunny, "left the company"),
        ("user.enabled", cast.sunny, "came back"),
    ]


@pytest.mark.parametrize("active", [True, False])
def test_a_member_of_two_portals_is_not_disabled_by_one(cast: Cast, active: bool):
    Membership.objects.create(portal=cast.other, user=cast.alice, role=Role.OWNER)
    assert not belongs_to_portal_alone(of(cast.alice))
    with pytest.raises(NotThisPortals, match="does not belong to this portal alone"):
        changes.set_member_active(of(cast.alice), active, SHELL)


def test_an_operator_of_the_server_is_not_disabled_by_a_portal(cast: Cast):
    User.objects.filter(pk=cast.alice.pk).update(is_staff=True)
    with pytest.raises(NotThisPortals):
        changes.set_member_active(of(cast.alice), False, SHELL)
