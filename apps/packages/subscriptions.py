"""Switching the APIs on and off, and choosing the package. Pages, admin and commands call these functions alike.

Every act holds the subscription's row lock, then reads the clock, and writes its audit row in the same transaction.
What dies is dead for good: `valid_after` moves past every token ever made, so switching on again revives nothing.
"""

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from oauth2_provider.models import AccessToken

from apps.accounts import audit
from apps.accounts.access import Role
from apps.accounts.audit import Actor
from apps.accounts.models import Membership, Portal

from .catalog import Api, Package, granted
from .clients import after_every, end_all
from .errors import AlreadyActive, NotActive, NotManager, Suspended, UnknownPackage, UserDisabled
from .models import Subscription

Status = Subscription.Status


@dataclass(frozen=True, slots=True)
class Difference:
    """Names of the API functions that come and go with another package."""

    gained: tuple[str, ...]
    lost: tuple[str, ...]


def difference(api: Api, old: Package, new: Package) -> Difference:
    """What a change of package would mean, in the order of the catalog; to be shown before it is confirmed."""
    had = [function.name for function in granted(api, old)]
    has = [function.name for function in granted(api, new)]
    gained = tuple(name for name in has if name not in had)
    return Difference(gained, lost=tuple(name for name in had if name not in has))


def find_package(name: str) -> Package:
    """The package of that name; UnknownPackage lists those there are."""
    try:
        return Package(name)
    except ValueError:
        choices = ", ".join(Package)
        raise UnknownPackage(_("“%(name)s” is none of %(choices)s.") % {"name": name, "choices": choices}) from None


# --- On -------------------------------------------------------------------------------------------


@transaction.atomic
def activate_user_api(membership: Membership, package: Package, actor: Actor) -> Subscription:
    """Switch on the User API of a member."""
    if not membership.user.is_active:
        raise UserDisabled(_("The account %s is disabled.") % membership.user)
    subscription, _created = Subscription.objects.get_or_create(
        membership=membership, defaults={"portal": membership.portal, "package": package}
    )
    return _activate(subscription, package, actor)


@transaction.atomic
def activate_portal_api(portal: Portal, by: Membership, package: Package, actor: Actor) -> Subscription:
    """Switch on the Portal API; `by` is the manager who wishes it."""
    check_manager(portal, by)
    subscription, _created = Subscription.objects.get_or_create(
        portal=portal, membership=None, defaults={"package": package}
    )
    return _activate(subscription, package, actor, by=by.user.email)


def check_manager(portal: Portal, by: Membership) -> None:
    """NotManager unless `by` is an active manager of this portal."""
    if by.portal_id != portal.pk or by.role != Role.MANAGER or not by.user.is_active:
        raise NotManager(_("%(user)s is not a manager of the portal %(portal)s.") % {"user": by.user, "portal": portal})


def _activate(subscription: Subscription, package: Package, actor: Actor, **more: str) -> Subscription:
    subscription = Subscription.objects.locked(subscription.pk)
    if subscription.status == Status.ACTIVE:
        raise AlreadyActive(_("API access is already active, with the package %s.") % subscription.package)
    if subscription.status != Status.OFF:
        raise _not_active(subscription)
    before = _state(subscription)
    subscription.package, subscription.status, subscription.reason = package, Status.ACTIVE, ""
    subscription.since = timezone.now()
    _kill_tokens(subscription)
    subscription.save()
    _record(actor, "api.activated", subscription, before, **more)
    return subscription


# --- Off and on hold --------------------------------------------------------------------------------


@transaction.atomic
def deactivate(subscription: Subscription, actor: Actor, reason: str = "") -> int:
    """Off: tokens, secrets and clients end at once and for good. Returns how many live secrets died."""
    subscription = _active(subscription)
    before = _state(subscription)
    subscription.status, subscription.since = Status.OFF, None
    _kill_tokens(subscription)
    ended = end_all(subscription)
    subscription.save()
    _record(actor, "api.deactivated", subscription, before, reason, secrets_revoked=ended)
    return ended


@transaction.atomic
def suspend(subscription: Subscription, actor: Actor, reason: str) -> Subscription:
    """An administrator stops it: tokens die, secrets are kept, its owner reads the reason."""
    subscription = _active(subscription)
    before = _state(subscription)
    subscription.status, subscription.reason = Status.SUSPENDED, reason
    _kill_tokens(subscription)
    subscription.save()
    _record(actor, "api.suspended", subscription, before, reason)
    return subscription


@transaction.atomic
def resume(subscription: Subscription, actor: Actor, reason: str = "") -> Subscription:
    """End a suspension: the kept secrets work again, tokens from before stay dead."""
    subscription = Subscription.objects.locked(subscription.pk)
    if subscription.status != Status.SUSPENDED:
        raise NotActive(_("API access is not suspended."))
    before = _state(subscription)
    subscription.status, subscription.reason = Status.ACTIVE, ""
    subscription.save()
    _record(actor, "api.resumed", subscription, before, reason)
    return subscription


# --- Another package --------------------------------------------------------------------------------


@transaction.atomic
def change_package(subscription: Subscription, package: Package, actor: Actor) -> Difference:
    """Up or down, at once and for living tokens too. The package it has already changes nothing."""
    subscription = _active(subscription)
    before, old = _state(subscription), Package(subscription.package)
    if package is not old:
        subscription.package = package
        subscription.save()
        _record(actor, "api.package_changed", subscription, before)
    return difference(subscription.api, old, package)


# --- Shared -----------------------------------------------------------------------------------------


def _active(subscription: Subscription) -> Subscription:
    subscription = Subscription.objects.locked(subscription.pk)
    if subscription.status != Status.ACTIVE:
        raise _not_active(subscription)
    return subscription


def _not_active(subscription: Subscription) -> NotActive:
    if subscription.status == Status.SUSPENDED:
        return Suspended(_("API access is suspended: %s") % subscription.reason)
    if subscription.status == Status.AWAITING:
        return NotActive(_("API access awaits approval."))
    return NotActive(_("API access is not active."))


def _kill_tokens(subscription: Subscription) -> None:
    tokens = AccessToken.objects.filter(application__subscription=subscription)
    subscription.valid_after = after_every(tokens)


def _state(subscription: Subscription) -> dict[str, str]:
    return {"status": subscription.status, "package": subscription.package}


def _record(
    actor: Actor, action: str, subscription: Subscription, before: dict[str, str], reason: str = "", **more: object
) -> None:
    after = {**_state(subscription), **more}
    subject = f"{subscription.api.value} API · {subscription}"
    audit.record(actor, action, subject, portal=subscription.portal, before=before, after=after, reason=reason)
