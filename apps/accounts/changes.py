"""What changes portals, users and memberships: pages, admin and commands call these, so every act is recorded.

Each function is one transaction with its audit row, and raises ChangeRefused where the input is at fault.
"""

from collections.abc import Iterable

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils.translation import gettext as _
from oauth2_provider.models import AccessToken

from . import audit, sessions
from .access import Role
from .audit import Actor
from .models import Membership, Portal, User
from .validity import after_every


class ChangeRefused(Exception):
    """The change cannot be made. The text says why; `field` names the input at fault."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class AlreadyMember(ChangeRefused):
    """The user already has a role in the portal."""


class LastManager(ChangeRefused):
    """Without this manager nobody could run the portal."""


class NotThisPortals(ChangeRefused):
    """The account belongs to more than the portal that acts."""


@transaction.atomic
def create_portal(slug: str, name: str, actor: Actor) -> Portal:
    """A new, empty portal."""
    portal = Portal(slug=slug, name=name)
    save_checked(portal)
    audit.record(actor, "portal.created", slug, portal=portal, after={"slug": slug, "name": name})
    return portal


@transaction.atomic
def create_user(email: str, portal: Portal, role: Role, actor: Actor, password: str | None = None) -> Membership:
    """Give a person a role in a portal; who is unknown is created, without a password until one is set.

    Refuses a second role in the same portal, a weak password, and a password for somebody who exists already.
    """
    email = email.strip().lower()
    user = User.objects.filter(email=email).first()
    if user is None:
        user = _new_user(email, password)
        audit.record(actor, "user.created", email, portal=portal, after={"password": password is not None})
    elif password is not None:
        raise ChangeRefused("password", f"{email} exists already and keeps their password.")
    return add_membership(user, portal, role, actor)


def _new_user(email: str, password: str | None) -> User:
    user = User(email=email)
    if password is not None:
        check_password(password, user)
    user.set_password(password)
    save_checked(user)
    return user


def check_password(password: str, user: User) -> None:
    """Refuse a password that is easy to guess."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ChangeRefused("password", " ".join(error.messages)) from None


@transaction.atomic
def rename(user: User, name: str, actor: Actor) -> bool:
    """Change the name shown for a user; returns whether that changed anything."""
    before, user.name = user.name, name.strip()
    if user.name == before:
        return False
    save_checked(user, ["name"])
    audit.record(actor, "user.renamed", user, portal=None, before={"name": before}, after={"name": user.name})
    return True


@transaction.atomic
def add_membership(user: User, portal: Portal, role: Role, actor: Actor) -> Membership:
    """A role in one more portal."""
    if Membership.objects.filter(user=user, portal=portal).exists():
        raise AlreadyMember(
            "email",
            _("%(email)s is already a member of the portal %(portal)s.") % {"email": user.email, "portal": portal.slug},
        )
    membership = Membership.objects.create(user=user, portal=portal, role=role)
    audit.record(actor, "membership.created", user.email, portal=portal, after={"role": role.value})
    return membership


@transaction.atomic
def set_role(membership: Membership, role: Role, actor: Actor, reason: str = "") -> bool:
    """Change what somebody is in a portal; returns whether that changed anything. LastManager stays one."""
    _keep_a_manager(membership, "role", role)
    row = Membership.objects.select_for_update().get(pk=membership.pk)
    before, row.role = Role(row.role), role
    if before is role:
        return False
    row.save(update_fields=["role"])
    membership.role = role
    audit.record(
        actor,
        "membership.role_changed",
        row.user,
        portal=row.portal,
        before={"role": before.value},
        after={"role": role.value},
        reason=reason,
    )
    return True


@transaction.atomic
def remove_membership(membership: Membership, actor: Actor, reason: str = "") -> None:
    """End a membership, and with it its assignments and its User API. LastManager stays."""
    _keep_a_manager(membership, "reason")
    before = {"role": membership.role}
    audit.record(actor, "membership.removed", membership.user, portal=membership.portal, before=before, reason=reason)
    membership.delete()


def _keep_a_manager(membership: Membership, field: str, role: Role | None = None) -> None:
    """Refuse to take from a portal the last manager who can log in. Managers are locked, so two cannot end each other.

    Locked before the member's own row and in one order, so that two acts wait for each other and neither for both.
    """
    managers = Membership.objects.filter(portal=membership.portal_id, role=Role.MANAGER, user__is_active=True)
    able = managers.exclude(user__password__startswith=UNUSABLE_PASSWORD_PREFIX)
    ids = list(able.order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True))
    if ids == [membership.pk] and role is not Role.MANAGER:
        raise LastManager(
            field,
            _("%s is the only active manager of this portal. Make somebody else a manager first.") % membership.user,
        )


def belongs_to_portal_alone(membership: Membership) -> bool:
    """Whether the account is this portal's alone: neither a member of another one nor an operator of the server."""
    elsewhere = Membership.objects.filter(user=membership.user_id).exclude(pk=membership.pk)
    return not membership.user.is_staff and not elsewhere.exists()


@transaction.atomic
def set_member_active(membership: Membership, active: bool, actor: Actor, reason: str = "") -> bool:
    """Let a member in or keep them out on behalf of their portal; returns whether that changed anything.

    An account is kept out of every portal at once, so a portal decides only about accounts that are its alone
    (NotThisPortals); from others it can remove the membership.
    """
    if not belongs_to_portal_alone(membership):
        raise NotThisPortals(
            "reason", _("%s does not belong to this portal alone. Remove them from the portal.") % membership.user
        )
    if not active:
        _keep_a_manager(membership, "reason")
    return set_active(membership.user, active, actor, reason, portal=membership.portal)


@transaction.atomic
def set_active(user: User, active: bool, actor: Actor, reason: str = "", *, portal: Portal | None = None) -> bool:
    """Let a user in or keep them out, in every portal; returns whether that changed anything.

    Either way `valid_after` moves past every token of theirs and their browser sessions end: who is let in again needs
    new ones. `portal` is the one that decided, in whose record the act stands; None for the operator of the server.
    """
    row = User.objects.select_for_update().get(pk=user.pk)
    if row.is_active == active:
        return False
    row.is_active = user.is_active = active
    row.valid_after = user.valid_after = after_every(AccessToken.objects.filter(user=row))
    row.save(update_fields=["is_active", "valid_after"])
    sessions.end(row)
    action, before = ("user.enabled" if active else "user.disabled"), {"active": not active}
    audit.record(actor, action, row, portal=portal, before=before, after={"active": active}, reason=reason)
    return True


def save_checked(row: models.Model, fields: Iterable[str] | None = None) -> None:
    """Validate and save; what the model refuses becomes a ChangeRefused for its first field."""
    try:
        row.full_clean()
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise ChangeRefused(field, " ".join(messages)) from None
    row.save(update_fields=fields)
