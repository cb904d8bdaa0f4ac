"""The audit record: one append-only row per act, written by the function that acts, in its transaction."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .models import AuditEntry, Portal


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: an e-mail address (or a word for a machine) and the address they come from."""

    name: str
    address: str | None = None


COMMAND_LINE = Actor("command line")


@dataclass(frozen=True, slots=True)
class Change:
    """What an act did to one subject, in plain values without secrets."""

    subject: object
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


def record(
    actor: Actor,
    action: str,
    subject: object,
    *,
    portal: Portal | None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
) -> None:
    """Append one row. The caller passes plain values without secrets in `before` and `after`."""
    record_each(actor, action, [Change(subject, before, after)], portal=portal, reason=reason)


def record_each(
    actor: Actor, action: str, changes: Iterable[Change], *, portal: Portal | None, reason: str = ""
) -> None:
    """Append a row for every subject of one act, in one statement."""
    AuditEntry.objects.bulk_create(_entry(actor, action, change, portal, reason) for change in changes)


def _entry(actor: Actor, action: str, change: Change, portal: Portal | None, reason: str) -> AuditEntry:
    return AuditEntry(
        actor=actor.name,
        address=actor.address,
        action=action,
        subject=str(change.subject)[:300],
        portal=portal,
        before=change.before,
        after=change.after,
        reason=reason,
    )
