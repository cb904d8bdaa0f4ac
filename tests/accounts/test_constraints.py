"""What the database itself refuses about people, whoever writes to it."""

import pytest
from django.db import IntegrityError, connection

from apps.accounts import audit
from apps.accounts.audit import Actor
from apps.accounts.models import AuditEntry, Membership, Portal, User
from tests.cast import Cast


def test_an_address_is_kept_in_lower_case(db):
    with pytest.raises(IntegrityError, match="user_email_is_lower_case"):
        User.objects.create(email="Nina@sunny.example")


def test_an_address_belongs_to_one_user(cast: Cast):
    with pytest.raises(IntegrityError):
        User.objects.create(email="alice@sunny.example")


def test_a_user_logs_in_whatever_the_case_of_the_address(cast: Cast):
    assert User.objects.get_by_natural_key(" Alice@SUNNY.example") == cast.alice


def test_a_user_has_one_role_in_a_portal(cast: Cast):
    with pytest.raises(IntegrityError):
        Membership.objects.create(user=cast.alice, portal=cast.sunny, role="manager")


def test_an_unknown_role_is_refused(cast: Cast):
    with pytest.raises(IntegrityError, match="membership_role_is_known"):
        Membership.objects.filter(user=cast.alice).update(role="king")


def test_a_membership_cannot_move_to_another_portal(cast: Cast):
    with pytest.raises(IntegrityError, match="cannot change portal"):
        Membership.objects.filter(user=cast.alice).update(portal=cast.other)


def test_not_even_plain_sql_moves_a_membership(cast: Cast):
    membership = cast.alice.memberships.get()
    own = Membership._meta.pk.get_db_prep_value(membership.pk, connection)
    target = Membership._meta.pk.get_db_prep_value(cast.other.pk, connection)
    with pytest.raises(IntegrityError, match="cannot change portal"), connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_membership SET portal_id = %s WHERE id = %s", [target, own])


# --- Records of acts -------------------------------------------------------------------------------------


@pytest.fixture
def entry(cast: Cast) -> AuditEntry:
    audit.record(Actor("mona"), "plant.assigned", "Alice", portal=cast.sunny)
    return AuditEntry.objects.get()


def test_a_record_cannot_be_changed(entry: AuditEntry):
    with pytest.raises(IntegrityError, match="append-only"):
        AuditEntry.objects.update(actor="nobody")


def test_a_record_cannot_be_deleted(entry: AuditEntry):
    with pytest.raises(IntegrityError, match="append-only"):
        entry.delete()


@pytest.mark.parametrize(
    "statement", ["UPDATE accounts_auditentry SET reason = 'x'", "DELETE FROM accounts_auditentry"]
)
def test_not_even_plain_sql_changes_a_record(entry: AuditEntry, statement: str):
    with pytest.raises(IntegrityError, match="append-only"), connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_record_outlives_its_portal_and_keeps_its_id(cast: Cast, entry: AuditEntry):
    portal = cast.sunny.pk
    Portal.objects.filter(pk=portal).delete()
    assert AuditEntry.objects.get().portal_id == portal
    assert AuditEntry.objects.select_related("portal").get().portal is None
