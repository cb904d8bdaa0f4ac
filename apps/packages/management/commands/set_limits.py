"""`manage.py set_limits`: limits of its own for one API, until a moment or until they are taken back."""

from typing import Any

from django.core.management.base import CommandParser

from apps.accounts.audit import COMMAND_LINE
from apps.packages.commands import ApiCommand, Owner, parse_moment
from apps.packages.subscriptions import override_limits


class Command(ApiCommand):
    help = "Give one API limits of its own; without --per-minute and --per-day it has those of its package again."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--per-minute", type=int, metavar="CALLS")
        parser.add_argument("--per-day", type=int, metavar="CALLS")
        parser.add_argument("--until", metavar="DAY", help="until this day or moment (UTC); without it, for good")
        parser.add_argument("--reason", required=True)

    def act_for(
        self,
        *,
        owner: Owner,
        per_minute: int | None,
        per_day: int | None,
        until: str | None,
        reason: str,
        **options: Any,
    ) -> dict[str, Any]:
        end = parse_moment(until, "until") if until else None
        numbers = {"per_minute": per_minute, "per_day": per_day}
        changed = override_limits(owner.subscription(), COMMAND_LINE, reason, **numbers, until=end)
        end = changed.override_until
        return {
            "portal": owner.portal.slug,
            "api": changed.api.value,
            **numbers,
            "until": end.isoformat() if end else None,
        }
