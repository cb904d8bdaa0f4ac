"""What changes portals, users and memberships: pages, admin and commands call these, so every act is recorded.

Each function is one transaction with its audit row, and raises ChangeRefused where the input is at fault.
"""

from collections.abc import Iterable

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import models, transaction
from oauth2_provider.models import AccessToken

from . import audit
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
def add_membership(user: User, portal: Portal, role: Role, actor: Actor) -> Membership:
    """A role in one more portal."""
    if Membership.objects.filter(user=user, portal=portal).exists():
        raise AlreadyMember("email", f"{user.email} is already a member of the portal {portal.slug}.")
    membership = Membership.objects.create(user=user, portal=portal, role=role)
    audit.record(actor, "membership.created", user.email, portal=portal, after={"role": role.value})
    return membership


@transaction.atomic
def set_role(membership: Membership, role: Role, actor: Actor, reason: str = "") -> bool:
    """Change what somebody is in a portal; returns whether that changed anything."""
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
    """End a membership, and with it its assignments and its User API."""
    before = {"role": membership.role}
    audit.record(actor, "membership.removed", membership.user, portal=membership.portal, before=before, reason=reason)
    membership.delete()


@transaction.atomic
def set_active(user: User, active: bool, actor: Actor, reason: str = "") -> bool:
    """Let a user in or keep them out, in every portal; returns whether that changed anything.

    Either way `valid_after` moves past every token of theirs: who is let in again needs new ones.
    """
    row = User.objects.select_for_update().get(pk=user.pk)
    if row.is_active == active:
        return False
    row.is_active = user.is_active = active
    row.valid_after = user.valid_after = after_every(AccessToken.objects.filter(user=row))
    row.save(update_fields=["is_active", "valid_after"])
    action, before = ("user.enabled" if active else "user.disabled"), {"active": not active}
    audit.record(actor, action, row, portal=None, before=before, after={"active": active}, reason=reason)
    return True


def save_checked(row: models.Model, fields: Iterable[str] | None = None) -> None:
    """Validate and save; what the model refuses becomes a ChangeRefused for its first field."""
    try:
        row.full_clean()
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise ChangeRefused(field, " ".join(messages)) from None
    row.save(update_fields=fields)
