"""Invitations: a manager names an e-mail address, its owner chooses a password. The only way to a new account.

The link holds a random token of 256 bits, of which only the digest is kept; it works once, for seven days, and dies
with its use, a newer link, or the end of the membership. Who has a password already is told of the portal instead.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from . import audit, changes, mail
from .access import Role
from .audit import Actor
from .changes import ChangeRefused
from .models import Invitation, Membership, Portal, User

LIFE = timedelta(days=7)
SHOWN_EXPIRED = timedelta(days=90)  # so long a manager reads that somebody was invited and did not come


class State(StrEnum):
    """Where somebody is on the way into a portal."""

    ACTIVE = "active"  # has a password
    INVITED = "invited"  # has a link that works
    EXPIRED = "expired"  # had one
    UNINVITED = "uninvited"  # was created without a password and never got a link
    DISABLED = "disabled"


class InvitationDead(ChangeRefused):
    """The link was used, replaced, has expired, or its membership has ended."""

    def __init__(self) -> None:
        super().__init__("token", _("This invitation no longer works."))


def state_of(membership: Membership) -> State:
    """Asks nothing if the rows were read with `select_related("user", "invitation")`."""
    if not membership.user.is_active:
        return State.DISABLED
    if membership.user.has_usable_password():
        return State.ACTIVE
    invitation = getattr(membership, "invitation", None)
    if invitation is None:
        return State.UNINVITED
    return State.INVITED if invitation.expires_at > timezone.now() else State.EXPIRED


def invite(email: str, portal: Portal, role: Role, actor: Actor, *, name: str = "", language: str = "") -> Membership:
    """Give a person a role in a portal and write to them; `name` and `language` are kept for who is new.

    Raises ChangeRefused with the field at fault, and mail.MailNotSent when all is saved but the letter did not go:
    `resend` tries again.
    """
    with transaction.atomic():
        membership = changes.create_user(email, portal, role, actor)
        user = membership.user
        if not user.has_usable_password():
            user.name, user.language = name.strip() or user.name, language or user.language
            changes.save_checked(user, ["name", "language"])
        _write(membership, actor, language)
    return membership


def resend(membership: Membership, actor: Actor, *, language: str = "") -> None:
    """Write to them again; an earlier link dies. Refused for who has a password. Raises mail.MailNotSent."""
    if membership.user.has_usable_password():
        raise ChangeRefused("email", _("%(email)s has a password already.") % {"email": membership.user.email})
    with transaction.atomic():
        audit.record(actor, "invitation.resent", membership.user, portal=membership.portal)
        _write(membership, actor, language)


def cancel(membership: Membership, actor: Actor) -> None:
    """Take an invitation back: the membership ends, and with the last one a user who never had a password."""
    with transaction.atomic():
        user = membership.user
        if user.has_usable_password():
            raise ChangeRefused("email", _("%(email)s has a password already.") % {"email": user.email})
        changes.remove_membership(membership, actor, reason="invitation cancelled")
        if not user.memberships.exists() and not user.is_staff:
            audit.record(actor, "user.removed", user, portal=membership.portal)
            user.delete()


def digest_of(token: str) -> str:
    """What is kept of a token. The token has 256 random bits, so nothing is gained by a slow hash or a pepper."""
    return hashlib.sha256(token.encode()).hexdigest()


def find(digest: str) -> Invitation | None:
    """The invitation whose link holds the token with this digest, if it still works."""
    invitation = (
        Invitation.objects.select_related("membership__user", "membership__portal")
        .filter(digest=digest, expires_at__gt=timezone.now(), membership__user__is_active=True)
        .first()
    )
    return None if invitation is None or invitation.membership.user.has_usable_password() else invitation


@transaction.atomic
def accept(digest: str, password: str, name: str, address: str | None = None) -> User:
    """Set the password of the invited user and end every link of theirs; `address` is where they come from.

    Raises InvitationDead, or ChangeRefused for a weak password.
    """
    list(Invitation.objects.select_for_update().filter(digest=digest))  # two clicks: the second one waits
    invitation = find(digest)
    if invitation is None:
        raise InvitationDead
    membership = invitation.membership
    user = membership.user
    user.name = name.strip() or user.name
    changes.check_password(password, user)
    user.set_password(password)
    changes.save_checked(user, ["name", "password"])
    Invitation.objects.filter(membership__user=user).delete()
    audit.record(Actor(user.email, address), "invitation.accepted", user, portal=membership.portal)
    return user


def forget_expired(now: datetime) -> int:
    """Delete what expired SHOWN_EXPIRED ago: the membership stays, as one that was never invited. Returns how many."""
    deleted, _kinds = Invitation.objects.filter(expires_at__lt=now - SHOWN_EXPIRED).delete()
    return deleted


def _write(membership: Membership, actor: Actor, language: str) -> None:
    """A letter in the language of its reader, or else of who invites; sent once all is saved."""
    user = membership.user
    token = None if user.has_usable_password() else _new_token(membership)
    context = {
        "portal": membership.portal.name,
        "inviter": actor.name if "@" in actor.name else "",
        "role": Membership.Roles(membership.role).label,  # lazy: said in the language of the letter
        "days": LIFE.days,
        "link": mail.address_of("web:home") if token is None else mail.address_of("web:invitation", token),
    }
    letter, spoken = ("invitation" if token else "added"), user.language or language or get_language()
    transaction.on_commit(lambda: mail.send(letter, user.email, spoken or settings.LANGUAGE_CODE, context))


def _new_token(membership: Membership) -> str:
    token, now = secrets.token_urlsafe(32), timezone.now()
    Invitation.objects.update_or_create(
        membership=membership, defaults={"digest": digest_of(token), "sent_at": now, "expires_at": now + LIFE}
    )
    return token
