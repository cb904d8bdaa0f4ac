"""Switching the APIs on and off, and choosing the package. Pages, admin and commands call these functions alike.

Every act holds the subscription's row lock, then reads the clock, and writes its audit row in the same transaction.
What dies is dead for good: `valid_after` moves past every token ever made, so switching on again revives nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _
from oauth2_provider.models import AccessToken

from apps.accounts import audit
from apps.accounts.audit import Actor
from apps.accounts.models import Membership, Portal
from apps.accounts.validity import after_every

from .catalog import Api, Approval, Package, granted
from .clients import end_all
from .errors import (
    AlreadyActive,
    InvalidSettings,
    NeedsApproval,
    NotActive,
    NotAwaiting,
    Suspended,
    UnknownPackage,
    UserDisabled,
)
from .models import ClientSecret, Subscription
from .offers import accepted, check_manager, positive, settings_of
from .usage import calls_by_function

Status = Subscription.Status


@dataclass(frozen=True, slots=True)
class Difference:
    """Names of the API functions that come and go with another package."""

    gained: tuple[str, ...]
    lost: tuple[str, ...]
    lost_calls: Mapping[str, int] = field(default_factory=dict)  # how often each lost one was used lately


LATELY = timedelta(days=30)


def difference(subscription: Subscription, package: Package) -> Difference:
    """What another package would mean for a subscription; to be shown before it is confirmed."""
    change = compare(subscription.api, Package(subscription.package), package)
    used = calls_by_function(subscription, timezone.now() - LATELY) if change.lost else {}
    return replace(change, lost_calls={name: used.get(name, 0) for name in change.lost})


def compare(api: Api, old: Package, new: Package) -> Difference:
    """What tells two packages of an API apart, in the order of the catalog."""
    had = [function.name for function in granted(api, old)]
    has = [function.name for function in granted(api, new)]
    gained = tuple(name for name in has if name not in had)
    return Difference(gained, lost=tuple(name for name in had if name not in has))


def find(portal: Portal, membership: Membership | None) -> Subscription | None:
    """The User API of a member, or (without one) the Portal API; None where it was never asked for."""
    rows = Subscription.objects.select_related("portal", "membership__user")
    return rows.filter(portal=portal, membership=membership).first()


def find_package(name: str) -> Package:
    """The package of that name; UnknownPackage lists those there are."""
    try:
        return Package(name)
    except ValueError:
        choices = ", ".join(Package)
        raise UnknownPackage(_("“%(name)s” is none of %(choices)s.") % {"name": name, "choices": choices}) from None


# --- On -------------------------------------------------------------------------------------------


@transaction.atomic
def activate_user_api(membership: Membership, package: Package, actor: Actor, accepted_terms: str = "") -> Subscription:
    """Switch on the User API of a member; where the package needs approval, it awaits that.

    `accepted_terms` is the version of the portal's terms that the member accepted, if it has published any.
    """
    if not membership.user.is_active:
        raise UserDisabled(_("The account %s is disabled.") % membership.user)
    subscription, _created = Subscription.objects.get_or_create(
        membership=membership, defaults={"portal": membership.portal, "package": package}
    )
    return _activate(subscription, package, actor, accepted_terms)


@transaction.atomic
def activate_portal_api(
    portal: Portal, by: Membership, package: Package, actor: Actor, accepted_terms: str = ""
) -> Subscription:
    """Switch on the Portal API; `by` is the manager who wishes it, so nobody has to approve."""
    check_manager(portal, by)
    subscription, _created = Subscription.objects.get_or_create(
        portal=portal, membership=None, defaults={"package": package}
    )
    return _activate(subscription, package, actor, accepted_terms, by=by.user.email)


def _activate(
    subscription: Subscription, package: Package, actor: Actor, accepted_terms: str, **more: object
) -> Subscription:
    subscription = Subscription.objects.locked(subscription.pk)
    if subscription.status == Status.ACTIVE:
        raise AlreadyActive(_("API access is already active, with the package %s.") % subscription.package)
    if subscription.status != Status.OFF:
        raise _not_active(subscription)
    before, waits = _state(subscription), _needs_approval(subscription, package)
    for name, value in accepted(subscription.portal, accepted_terms).items():
        setattr(subscription, name, value)
    subscription.package, subscription.reason = package, ""
    subscription.status = Status.AWAITING if waits else Status.ACTIVE
    subscription.since = None if waits else timezone.now()
    _kill_tokens(subscription)
    subscription.save()
    if subscription.terms_version:
        more["terms"] = subscription.terms_version
    _record(actor, "api.requested" if waits else "api.activated", subscription, before, "", **more)
    return subscription


def _needs_approval(subscription: Subscription, package: Package) -> bool:
    settings = settings_of(subscription.portal, package)
    return subscription.api is Api.USER and settings.approval == Approval.MANAGER


# --- Approval -------------------------------------------------------------------------------------


@transaction.atomic
def approve(subscription: Subscription, actor: Actor, reason: str = "") -> Subscription:
    """A manager says yes: clients made meanwhile begin to work."""
    subscription = _awaiting(subscription)
    before = _state(subscription)
    subscription.status, subscription.since = Status.ACTIVE, timezone.now()
    subscription.save()
    _record(actor, "api.approved", subscription, before, reason)
    return subscription


@transaction.atomic
def reject(subscription: Subscription, actor: Actor, reason: str) -> Subscription:
    """A manager says no: it is off, clients made meanwhile end, and its owner reads the reason."""
    subscription = _awaiting(subscription)
    before = _state(subscription)
    subscription.status, subscription.reason = Status.OFF, reason
    ended = end_all(subscription)
    subscription.save()
    _record(actor, "api.rejected", subscription, before, reason, secrets_revoked=ended)
    return subscription


def _awaiting(subscription: Subscription) -> Subscription:
    subscription = Subscription.objects.locked(subscription.pk)
    if subscription.status != Status.AWAITING:
        raise NotAwaiting(_("API access does not await approval."))
    return subscription


# --- Off and on hold --------------------------------------------------------------------------------


@transaction.atomic
def deactivate(subscription: Subscription, actor: Actor, reason: str = "") -> int:
    """Off: tokens, secrets and clients end at once and for good. Returns how many live secrets died.

    Its owner may also take back what still awaits approval.
    """
    subscription = _active(subscription, Status.AWAITING)
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
def revoke_all(subscription: Subscription, actor: Actor, reason: str) -> int:
    """End all clients, secrets and tokens for good; it stays switched on, so its owner can make new clients.

    For credentials that got about. Returns how many live secrets died.
    """
    subscription = _active(subscription, Status.AWAITING, Status.SUSPENDED)
    before, ended = _state(subscription), end_all(subscription)
    _kill_tokens(subscription)
    subscription.save()
    _record(actor, "api.all_revoked", subscription, before, reason, secrets_revoked=ended)
    return ended


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


@dataclass(frozen=True, slots=True)
class Stake:
    """How much of a subscription lives, and so dies when it is switched off."""

    clients: int
    secrets: int
    tokens: int


def at_stake(subscription: Subscription, now: datetime) -> Stake:
    """What `deactivate` would end; to be shown before it is confirmed."""
    tokens = AccessToken.objects.filter(application__subscription=subscription, expires__gt=now)
    return Stake(
        clients=subscription.clients.all().programs().alive(now).count(),
        secrets=ClientSecret.objects.live(now).filter(client__subscription=subscription).count(),
        tokens=tokens.filter(created__gte=subscription.valid_after)
        .filter(created__gte=F("application__valid_after"))
        .count(),
    )


# --- Another package --------------------------------------------------------------------------------


@transaction.atomic
def change_package(
    subscription: Subscription, package: Package, actor: Actor, reason: str = "", *, approved: bool = False
) -> Difference:
    """Up or down, at once and for living tokens too. The package it has already changes nothing.

    NeedsApproval where functions would be gained that a manager has to approve, unless one has (`approved`).
    """
    subscription = _active(subscription)
    before, old = _state(subscription), Package(subscription.package)
    change = compare(subscription.api, old, package)
    if change.gained and not approved and _needs_approval(subscription, package):
        raise NeedsApproval(_("The package %s is given by a manager of the portal only.") % package)
    if package is not old:
        subscription.package = package
        subscription.save()
        _record(actor, "api.package_changed", subscription, before, reason)
    return change


@transaction.atomic
def override_limits(
    subscription: Subscription,
    actor: Actor,
    reason: str,
    *,
    per_minute: int | None = None,
    per_day: int | None = None,
    until: datetime | None = None,
) -> Subscription:
    """Limits of its own from the next call on, `until` a moment or until taken back. None = those of the package."""
    if until is not None and until <= timezone.now():
        raise InvalidSettings(_("The end lies in the past."), "until")
    subscription = Subscription.objects.locked(subscription.pk)
    before = _override(subscription)
    given = per_minute is not None or per_day is not None
    subscription.override_per_minute = None if per_minute is None else positive(per_minute, "per_minute")
    subscription.override_per_day = None if per_day is None else positive(per_day, "per_day")
    subscription.override_until = until if given else None
    subscription.save()
    subject, after = _subject(subscription), _override(subscription)
    audit.record(
        actor, "api.limits_changed", subject, portal=subscription.portal, before=before, after=after, reason=reason
    )
    return subscription


def _override(subscription: Subscription) -> dict[str, object]:
    until = subscription.override_until
    return {
        "per_minute": subscription.override_per_minute,
        "per_day": subscription.override_per_day,
        "until": until.isoformat() if until else None,
    }


# --- Shared -----------------------------------------------------------------------------------------


def _active(subscription: Subscription, *also: Status) -> Subscription:
    subscription = Subscription.objects.locked(subscription.pk)
    if subscription.status not in (Status.ACTIVE, *also):
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
    after, portal = {**_state(subscription), **more}, subscription.portal
    audit.record(actor, action, _subject(subscription), portal=portal, before=before, after=after, reason=reason)


def _subject(subscription: Subscription) -> str:
    return f"{subscription.api.value} API · {subscription}"
