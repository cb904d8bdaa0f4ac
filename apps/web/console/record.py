"""The audit record as people read it: acts and values in words instead of codes and JSON."""

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apps.accounts.access import Access
from apps.accounts.models import AuditEntry, Membership, Portal
from apps.packages.models import Subscription
from apps.plants.models import Plant
from apps.web.templatetags.portal import exact

LONGEST = 8  # items of a list that are named; the rest is counted
ACTIONS: dict[str, str | Promise] = {
    "api.requested": gettext_lazy("API requested"),
    "api.activated": gettext_lazy("API switched on"),
    "api.approved": gettext_lazy("API approved"),
    "api.rejected": gettext_lazy("API refused"),
    "api.package_changed": gettext_lazy("Package changed"),
    "api.limits_changed": gettext_lazy("Limits changed"),
    "api.suspended": gettext_lazy("API suspended"),
    "api.resumed": gettext_lazy("API resumed"),
    "api.deactivated": gettext_lazy("API switched off"),
    "api.all_revoked": gettext_lazy("All secrets revoked"),
    "client.created": gettext_lazy("API client created"),
    "client.leaked": gettext_lazy("API client reported as leaked"),
    "client.revoked": gettext_lazy("API client revoked"),
    "secret.issued": gettext_lazy("Secret issued"),
    "secret.rotated": gettext_lazy("Secret rotated"),
    "secret.revoked": gettext_lazy("Secret revoked"),
    "token.issued": gettext_lazy("Token for the documentation issued"),
    "user.created": gettext_lazy("User created"),
    "user.renamed": gettext_lazy("User renamed"),
    "user.disabled": gettext_lazy("User disabled"),
    "user.enabled": gettext_lazy("User enabled"),
    "user.removed": gettext_lazy("User removed"),
    "user.second_factors_removed": gettext_lazy("Second factors removed"),
    "user.totp_added": gettext_lazy("Authenticator app set up"),
    "user.totp_removed": gettext_lazy("Authenticator app removed"),
    "user.passkey_added": gettext_lazy("Passkey added"),
    "user.passkey_removed": gettext_lazy("Passkey removed"),
    "user.recovery_codes_made": gettext_lazy("Recovery codes made"),
    "user.sessions_ended": gettext_lazy("Sessions ended"),
    "user.password_changed": gettext_lazy("Password changed"),
    "membership.created": gettext_lazy("Added to the portal"),
    "membership.role_changed": gettext_lazy("Role changed"),
    "membership.removed": gettext_lazy("Removed from the portal"),
    "invitation.resent": gettext_lazy("Invitation sent again"),
    "invitation.accepted": gettext_lazy("Invitation accepted"),
    "plant.created": gettext_lazy("Plant created"),
    "plant.assigned": gettext_lazy("Plant assigned"),
    "plants.assigned": gettext_lazy("Plants assigned"),
    "plant.unassigned": gettext_lazy("Plant taken away"),
    "plants.unassigned": gettext_lazy("Plants taken away"),
    "fleet.created": gettext_lazy("Fleet created"),
    "fleet.changed": gettext_lazy("Fleet changed"),
    "fleet.deleted": gettext_lazy("Fleet deleted"),
    "logger_key.created": gettext_lazy("Logger key created"),
    "logger_key.rotated": gettext_lazy("Secret of a logger rotated"),
    "logger_key.revoked": gettext_lazy("Logger key revoked"),
    "upload.retried": gettext_lazy("Upload imported again"),
    "upload.discarded": gettext_lazy("Upload thrown away"),
    "package.settings_changed": gettext_lazy("Package settings changed"),
    "terms.published": gettext_lazy("Terms published"),
    "portal.created": gettext_lazy("Portal created"),
}
_FIELDS: dict[str, str | Promise] = {
    "active": gettext_lazy("Active"),
    "approval": gettext_lazy("Approval"),
    "by": gettext_lazy("By"),
    "characters": gettext_lazy("Characters"),
    "client_id": gettext_lazy("Client id"),
    "description": gettext_lazy("Description"),
    "expires": gettext_lazy("Expires"),
    "factors": gettext_lazy("Second factors"),
    "former_until": gettext_lazy("Old secret ends"),
    "label": gettext_lazy("Name"),
    "login": gettext_lazy("Login"),
    "max_clients": gettext_lazy("Clients at most"),
    "name": gettext_lazy("Name"),
    "networks": gettext_lazy("Networks"),
    "old_secret_ends": gettext_lazy("Old secret ends"),
    "overlap": gettext_lazy("Overlap"),
    "package": gettext_lazy("Package"),
    "password": gettext_lazy("Password set"),
    "per_day": gettext_lazy("Calls per day"),
    "per_minute": gettext_lazy("Calls per minute"),
    "plant": gettext_lazy("Plant"),
    "plants": gettext_lazy("Plants"),
    "received": gettext_lazy("Received"),
    "role": gettext_lazy("Role"),
    "secret": gettext_lazy("Secret ending in"),
    "secrets_revoked": gettext_lazy("Secrets revoked"),
    "sessions": gettext_lazy("Sessions"),
    "slug": gettext_lazy("Name in addresses"),
    "status": gettext_lazy("Status"),
    "terms": gettext_lazy("Terms"),
    "timezone": gettext_lazy("Time zone"),
    "upload": gettext_lazy("Upload"),
    "until": gettext_lazy("Until"),
    "version": gettext_lazy("Version"),
}
_WORDS: dict[str, Mapping[str, Any]] = {
    "role": dict(Membership.Roles.choices),
    "status": dict(Subscription.Status.choices),
}


_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d.*[+-]\d\d:\d\d$")


@dataclass(frozen=True, slots=True)
class Line:
    """A value that an act changed; None where there was none before or is none after."""

    label: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Act:
    """An entry in words."""

    entry: AuditEntry
    action: str
    lines: tuple[Line, ...]


def of_portal(portal: Portal) -> QuerySet[AuditEntry]:
    """The record of a portal, newest first.

    What an operator of the server does to an account stands in no portal's record: it concerns every portal the
    person is in, and its reason may speak of another one.
    """
    return AuditEntry.objects.filter(portal=portal)


def about(portal: Portal, email: str) -> QuerySet[AuditEntry]:
    """What was done to a person, their API included."""
    of_api = Q(subject__startswith=f"{email} · ") | Q(subject__contains=f" · {email} · ")
    return of_portal(portal).filter(Q(subject=email) | of_api)


def action_in_words(action: str) -> str:
    """The act in words; one that has none (an act of the server administration) as it is."""
    return str(ACTIONS.get(action, action))


def shown(entries: Iterable[AuditEntry], access: Access) -> list[Act]:
    """The entries in words. Plants that were kept as ids are named by one more statement."""
    rows = list(entries)
    ids = {id_ for row in rows for values in (row.before, row.after) for id_ in _ids(values)}
    labels = _labels(ids, access) if ids else {}
    return [Act(row, action_in_words(row.action), tuple(_lines(row, labels))) for row in rows]


def _labels(ids: set[UUID], access: Access) -> dict[str, str]:
    found = Plant.objects.visible_to(access).filter(pk__in=ids).order_by()
    return {str(id_): label for id_, label in found.values_list("pk", "label")}


def _ids(values: Mapping[str, Any] | None) -> Iterator[UUID]:
    """The plants that an entry would name."""
    plants = (values or {}).get("plants")
    for text in plants[:LONGEST] if isinstance(plants, list) else ():
        yield UUID(text)


def _lines(row: AuditEntry, labels: Mapping[str, str]) -> Iterator[Line]:
    before, after = _plant_by_name(row.before or {}), _plant_by_name(row.after or {})
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            yield Line(str(_FIELDS.get(name, name)), _told(before, name, labels), _told(after, name, labels))


def _plant_by_name(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """An act on one plant has its id and, beside it, the label that people know it by."""
    return {"plant": values["label"]} if values.keys() == {"plant", "label"} else values


def _told(values: Mapping[str, Any], name: str, labels: Mapping[str, str]) -> str | None:
    if name not in values or values[name] is None:
        return None
    value = values[name]
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, str):
        return exact(dt.datetime.fromisoformat(value)) if _MOMENT.match(value) else _word(name, value)
    if isinstance(value, Mapping):
        return _list([str(one) for one in value.values()])
    if isinstance(value, list):
        return _list([labels.get(one, one) if isinstance(one, str) else _deep(one) for one in value])
    return str(value)


def _word(name: str, value: str) -> str:
    return str(_WORDS.get(name, {}).get(value, value)) or _("(empty)")


def _deep(value: object) -> str:
    """What the server administration writes: which fields of which rows were changed."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_deep(one)}" for name, one in value.items())
    return ", ".join(map(_deep, value)) if isinstance(value, list) else str(value)


def _list(items: list[str]) -> str:
    if not items:
        return _("(none)")
    more = len(items) - LONGEST
    named = ", ".join(items[:LONGEST])
    if more <= 0:
        return named
    return ngettext("%(named)s and %(more)d more", "%(named)s and %(more)d more", more) % {"named": named, "more": more}
