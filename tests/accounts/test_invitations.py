"""Invitations: who gets which letter, how long a link works, and what ends it."""

import datetime as dt
import io
import json
import re
from smtplib import SMTPServerDisconnected

import pytest
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import CommandError, call_command
from django.utils import timezone, translation

from apps.accounts import changes, invitations
from apps.accounts.access import Role
from apps.accounts.audit import Actor
from apps.accounts.changes import AlreadyMember, ChangeRefused
from apps.accounts.invitations import InvitationDead, State, state_of
from apps.accounts.mail import MailNotSent
from apps.accounts.models import AuditEntry, Invitation, Membership, User
from tests.cast import PASSWORD

MONA = Actor("mona@sunny.example", "192.0.2.1")
NEW = "nora@sunny.example"


@pytest.fixture
def nora(sunny, mailoutbox, django_capture_on_commit_callbacks):
    """Invited, and not here yet."""
    with django_capture_on_commit_callbacks(execute=True):
        return invitations.invite(NEW, sunny, Role.OWNER, MONA, name="Nora", language="en")


def token_of(letter):
    return re.findall(r"/account/invitation/(\S+)", letter.body)[0]


def digest_in(letter):
    return invitations.digest_of(token_of(letter))


def found(letter):
    """Whose membership the link of the letter opens."""
    invitation = invitations.find(digest_in(letter))
    return invitation and invitation.membership


def as_read(membership):
    return Membership.objects.select_related("user", "invitation").get(pk=membership.pk)


def expire(membership):
    Invitation.objects.filter(membership=membership).update(expires_at=timezone.now())


# --- Letters -------------------------------------------------------------------------------------------------


def test_who_is_new_gets_a_link_under_base_url(nora, mailoutbox):
    letter = mailoutbox[0]
    assert (letter.to, letter.subject) == ([NEW], "Invitation to Sunny Co-operative")
    assert "mona@sunny.example invites you to the portal Sunny Co-operative as owner." in letter.body
    assert "http://testserver/account/invitation/" in letter.body
    assert token_of(letter) in letter.alternatives[0].content


def test_letters_speak_the_language_given_for_who_is_new(sunny, mailoutbox, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        invitations.invite(NEW, sunny, Role.MANAGER, MONA, language="de")
    assert mailoutbox[0].subject == "Einladung zu Sunny Co-operative"
    assert User.objects.get(email=NEW).language == "de"


def test_letters_speak_the_language_of_who_invites_where_none_is_known(
    sunny, mailoutbox, django_capture_on_commit_callbacks
):
    with translation.override("de"), django_capture_on_commit_callbacks(execute=True):
        invitations.invite(NEW, sunny, Role.MANAGER, MONA)
    assert mailoutbox[0].subject == "Einladung zu Sunny Co-operative"


def test_who_has_a_password_is_told_and_gets_no_link(oskar, sunny, mailoutbox, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        membership = invitations.invite(oskar.email, sunny, Role.OWNER, MONA, name="Somebody else")
    assert mailoutbox[0].subject == "You are now in the portal Sunny Co-operative"
    assert "/account/invitation/" not in mailoutbox[0].body
    assert not Invitation.objects.filter(membership=membership).exists()
    oskar.refresh_from_db()
    assert oskar.name == "Oskar"


def test_nothing_is_sent_for_an_invitation_that_is_refused(
    alice, sunny, mailoutbox, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True), pytest.raises(AlreadyMember):
        invitations.invite(alice.email, sunny, Role.OWNER, MONA)
    assert mailoutbox == []


def test_a_failing_mail_server_keeps_the_invitation_and_says_so(
    sunny, mailoutbox, monkeypatch, django_capture_on_commit_callbacks
):
    def fail(self, messages):
        raise SMTPServerDisconnected("gone")

    with monkeypatch.context() as patch:
        patch.setattr(EmailBackend, "send_messages", fail)
        with pytest.raises(MailNotSent), django_capture_on_commit_callbacks(execute=True):
            invitations.invite(NEW, sunny, Role.OWNER, MONA)
    membership = Membership.objects.get(user__email=NEW)
    with django_capture_on_commit_callbacks(execute=True):
        invitations.resend(membership, MONA)
    assert found(mailoutbox[0]) == membership


# --- Links ---------------------------------------------------------------------------------------------------


def test_the_database_knows_no_token(nora, mailoutbox):
    token = token_of(mailoutbox[0])
    kept = Invitation.objects.get()
    assert token not in kept.digest
    assert invitations.find(token) is None  # what the database keeps opens; the token itself is no digest
    assert len(token) == 43


def test_accepting_sets_name_and_password_and_is_recorded(nora, mailoutbox):
    user = invitations.accept(digest_in(mailoutbox[0]), PASSWORD, "Nora New", "198.51.100.7")
    assert user.check_password(PASSWORD)
    assert user.name == "Nora New"
    entry = AuditEntry.objects.values_list("actor", "action", "address")[0]
    assert entry == (NEW, "invitation.accepted", "198.51.100.7")


def test_a_link_works_once(nora, mailoutbox):
    digest = digest_in(mailoutbox[0])
    invitations.accept(digest, PASSWORD, "")
    with pytest.raises(InvitationDead):
        invitations.accept(digest, "another quiet afternoon", "")


def test_a_weak_password_is_refused_and_the_link_still_works(nora, mailoutbox):
    digest = digest_in(mailoutbox[0])
    with pytest.raises(ChangeRefused) as refused:
        invitations.accept(digest, "12345678", "")
    assert refused.value.field == "password"
    assert invitations.find(digest) is not None


def test_a_link_dies_after_seven_days(nora, mailoutbox):
    assert Invitation.objects.get().expires_at - Invitation.objects.get().sent_at == dt.timedelta(days=7)
    expire(nora)
    with pytest.raises(InvitationDead):
        invitations.accept(digest_in(mailoutbox[0]), PASSWORD, "")


def test_a_newer_link_ends_the_older_one(nora, mailoutbox, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        invitations.resend(nora, MONA)
    assert found(mailoutbox[0]) is None
    assert found(mailoutbox[1]) == nora


def test_the_end_of_the_membership_ends_the_link(nora, mailoutbox):
    changes.remove_membership(nora, MONA)
    assert invitations.find(digest_in(mailoutbox[0])) is None


def test_a_disabled_user_cannot_accept(nora, mailoutbox):
    changes.set_active(nora.user, False, MONA)
    with pytest.raises(InvitationDead):
        invitations.accept(digest_in(mailoutbox[0]), PASSWORD, "")


def test_a_link_is_dead_for_who_has_a_password(nora, mailoutbox):
    nora.user.set_password(PASSWORD)
    nora.user.save()
    with pytest.raises(InvitationDead):
        invitations.accept(digest_in(mailoutbox[0]), "another quiet afternoon", "")


def test_one_password_ends_the_links_of_all_portals(nora, other, mailoutbox, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        invitations.invite(NEW, other, Role.OWNER, Actor("oskar@other.example"))
    first, second = map(digest_in, mailoutbox)
    invitations.accept(first, PASSWORD, "")
    assert invitations.find(second) is None
    assert not Invitation.objects.exists()


def test_who_has_a_password_gets_no_second_link(alice, sunny):
    membership = Membership.objects.get(user=alice, portal=sunny)
    with pytest.raises(ChangeRefused):
        invitations.resend(membership, MONA)


# --- Taking back ---------------------------------------------------------------------------------------------


def test_cancelling_removes_somebody_who_was_never_here(nora, mailoutbox):
    invitations.cancel(nora, MONA)
    assert not User.objects.filter(email=NEW).exists()
    assert list(AuditEntry.objects.values_list("action", flat=True)[:2]) == ["user.removed", "membership.removed"]


def test_cancelling_keeps_who_is_invited_elsewhere(nora, other, mailoutbox):
    invitations.invite(NEW, other, Role.OWNER, MONA)
    invitations.cancel(nora, MONA)
    assert [str(one.portal) for one in User.objects.get(email=NEW).memberships.all()] == ["Other Portal"]


def test_a_member_with_a_password_is_not_cancelled(alice, sunny):
    with pytest.raises(ChangeRefused):
        invitations.cancel(Membership.objects.get(user=alice, portal=sunny), MONA)
    assert Membership.objects.filter(user=alice, portal=sunny).exists()


# --- States --------------------------------------------------------------------------------------------------


def test_the_states_on_the_way_in(nora, sunny, mailoutbox):
    assert state_of(as_read(nora)) is State.INVITED
    expire(nora)
    assert state_of(as_read(nora)) is State.EXPIRED
    Invitation.objects.all().delete()
    assert state_of(as_read(nora)) is State.UNINVITED
    nora.user.set_password(PASSWORD)
    nora.user.save()
    assert state_of(as_read(nora)) is State.ACTIVE
    changes.set_active(nora.user, False, MONA)
    assert state_of(as_read(nora)) is State.DISABLED


def test_the_states_of_a_list_cost_no_statement_each(nora, sunny, django_assert_num_queries):
    with django_assert_num_queries(1):
        rows = Membership.objects.filter(portal=sunny).select_related("user", "invitation")
        assert sorted(state_of(one) for one in rows) == ["active"] * 5 + ["invited"]


# --- The command ---------------------------------------------------------------------------------------------


def test_the_command_invites(sunny, mailoutbox, django_capture_on_commit_callbacks):
    out = io.StringIO()
    with django_capture_on_commit_callbacks(execute=True):
        call_command("invite_user", NEW, "sunny", role="owner", name="Nora", language="de", stdout=out)
    answer = json.loads(out.getvalue())
    assert (answer["email"], answer["portal"], answer["role"], answer["state"]) == (NEW, "sunny", "owner", "invited")
    assert "Sie sind zum Portal Sunny Co-operative als Eigentümer eingeladen." in mailoutbox[0].body


def test_the_command_names_the_argument_at_fault(sunny):
    with pytest.raises(CommandError, match="PORTAL: There is no portal “rainy”"):
        call_command("invite_user", NEW, "rainy", role="owner")


def test_what_expired_long_ago_is_forgotten(nora):
    expired = Invitation.objects.get().expires_at
    assert invitations.forget_expired(expired + dt.timedelta(days=89)) == 0
    assert state_of(Membership.objects.get(pk=nora.pk)) is not State.UNINVITED
    assert invitations.forget_expired(expired + dt.timedelta(days=91)) == 1
    assert state_of(Membership.objects.get(pk=nora.pk)) is State.UNINVITED
