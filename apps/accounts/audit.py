"""The audit record: one append-only row per act, written by the function that acts, in its transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .models import AuditEntry, Portal


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: an e-mail address (or a word for a machine) and the address they come from."""

    name: str
    address: str | None = None


COMMAND_LINE = Actor("command line")


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
    AuditEntry.objects.create(
        actor=actor.name,
        address=actor.address,
        action=action,
        subject=str(subject)[:300],
        portal=portal,
        before=before,
        after=after,
        reason=reason,
    )
