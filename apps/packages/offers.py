"""What a portal offers: each package's limits, clients and approval, and the terms of use. Its managers decide these.

Which functions a package holds is the catalog's business alone; nothing here can grant one.
"""

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.accounts import audit
from apps.accounts.access import Role
from apps.accounts.audit import Actor
from apps.accounts.models import Membership, Portal

from .catalog import DEFAULT_APPROVAL, DEFAULT_LIMITS, DEFAULT_MAX_CLIENTS, Approval, Limits, Package
from .errors import InvalidSettings, InvalidTerms, NotManager, TermsNotAccepted
from .models import PackageSettings, Subscription, Terms

MOST = 2_147_483_647  # what the column holds


def check_manager(portal: Portal, by: Membership) -> None:
    """NotManager unless `by` is an active manager of this portal."""
    if by.portal_id != portal.pk or by.role != Role.MANAGER or not by.user.is_active:
        raise NotManager(_("%(user)s is not a manager of the portal %(portal)s.") % {"user": by.user, "portal": portal})


# --- Packages -------------------------------------------------------------------------------------


def settings_of(portal: Portal, package: Package) -> PackageSettings:
    """What the portal's managers decided; the catalog's defaults, not saved, where they decided nothing."""
    found = PackageSettings.objects.filter(portal=portal, package=package).first()
    return found or PackageSettings(portal=portal, package=package, **_defaults(package))


def _defaults(package: Package) -> dict[str, int | str]:
    limits = DEFAULT_LIMITS[package]
    return {
        "per_minute": limits.per_minute,
        "per_day": limits.per_day,
        "max_clients": DEFAULT_MAX_CLIENTS,
        "approval": DEFAULT_APPROVAL.value,
    }


@transaction.atomic
def edit_settings(
    portal: Portal,
    package: Package,
    by: Membership,
    actor: Actor,
    *,
    per_minute: int | None = None,
    per_day: int | None = None,
    max_clients: int | None = None,
    approval: Approval | None = None,
) -> PackageSettings:
    """Change what is given, for every subscription to the package and from the next call on; `by` is the manager."""
    check_manager(portal, by)
    numbers = {"per_minute": per_minute, "per_day": per_day, "max_clients": max_clients}
    changes: dict[str, int | str] = {
        name: positive(number, name) for name, number in numbers.items() if number is not None
    }
    if approval is not None:
        changes["approval"] = approval.value
    PackageSettings.objects.get_or_create(portal=portal, package=package, defaults=_defaults(package))
    row = PackageSettings.objects.select_for_update().get(portal=portal, package=package)
    before = {name: getattr(row, name) for name in changes}
    if before != changes:
        for name, value in changes.items():
            setattr(row, name, value)
        row.save()
        after = {**changes, "by": by.user.email}
        audit.record(actor, "package.settings_changed", row, portal=portal, before=before, after=after)
    return row


def limits_now(subscription: Subscription, now: datetime) -> Limits:
    """The limits that hold for a subscription: its own until they end, else those of its package in this portal."""
    return limits_under(settings_of(subscription.portal, Package(subscription.package)), subscription, now)


def limits_under(offered: PackageSettings, subscription: Subscription, now: datetime) -> Limits:
    """The same where the settings of its package are at hand already. The rule of apps/api/auth.py."""
    own_hold = subscription.override_until is None or subscription.override_until > now
    per_minute, per_day = (
        (subscription.override_per_minute, subscription.override_per_day) if own_hold else (None, None)
    )
    return Limits(per_minute or offered.per_minute, per_day or offered.per_day)


@transaction.atomic
def reset_settings(portal: Portal, package: Package, by: Membership, actor: Actor) -> PackageSettings:
    """Give what the catalog gives by default."""
    limits = DEFAULT_LIMITS[package]
    return edit_settings(
        portal,
        package,
        by,
        actor,
        per_minute=limits.per_minute,
        per_day=limits.per_day,
        max_clients=DEFAULT_MAX_CLIENTS,
        approval=DEFAULT_APPROVAL,
    )


def positive(number: int, name: str) -> int:
    """The number, if a limit can be so; InvalidSettings names the input otherwise."""
    if not 1 <= number <= MOST:
        raise InvalidSettings(_("A limit is a whole number of at least 1."), name)
    return number


# --- Terms ----------------------------------------------------------------------------------------


def current_terms(portal: Portal) -> Terms | None:
    """The terms whoever activates now has to accept; None where the portal has none."""
    return Terms.objects.filter(portal=portal).first()


@transaction.atomic
def publish_terms(portal: Portal, by: Membership, actor: Actor, *, version: str, text: str, text_de: str = "") -> Terms:
    """New terms for activations from now on; who is active stays so. A version is published once, for good."""
    check_manager(portal, by)
    version = version.strip()
    if not 1 <= len(version) <= 40:
        raise InvalidTerms(_("A version has 1 to 40 characters."), "version")
    if not text.strip():
        raise InvalidTerms(_("Terms need a text."), "text")
    if Terms.objects.select_for_update().filter(portal=portal, version=version).exists():
        raise InvalidTerms(_("The version “%s” has been published before.") % version, "version")
    terms = Terms.objects.create(portal=portal, version=version, text=text, text_de=text_de)
    after = {"version": version, "characters": len(text), "by": by.user.email}
    audit.record(actor, "terms.published", terms, portal=portal, after=after)
    return terms


def accepted(portal: Portal, version: str) -> dict[str, object]:
    """The columns that keep an acceptance; TermsNotAccepted unless it is that of the current terms, if any."""
    terms = current_terms(portal)
    if terms is None:
        return {"terms_version": "", "terms_accepted_at": None}
    if version != terms.version:
        raise TermsNotAccepted(_("Accept the terms of use first; their present version is “%s”.") % terms.version)
    return {"terms_version": version, "terms_accepted_at": timezone.now()}
