"""`manage.py show_usage`: what an API was used for in the last days."""

from argparse import ArgumentTypeError
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from apps.packages import usage
from apps.packages.commands import ApiCommand, Owner


class Command(ApiCommand):
    help = "Print calls, points, bytes and mean milliseconds: of each day, by function and class of HTTP status."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--days", type=_days, default=30, help="how many UTC days, today included (30)")

    def act_for(self, *, owner: Owner, days: int, **options: Any) -> dict[str, Any]:
        subscription = owner.subscription()
        rows = usage.summary(subscription, days)
        return {
            "portal": owner.portal.slug,
            "api": subscription.api.value,
            "days": days,
            "total": asdict(usage.total(rows)),
            "usage": [
                {"day": row.day.isoformat(), "function": row.function, "status": row.status, **asdict(row.usage)}
                for row in rows
            ],
        }


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= usage.KEPT.days:
        raise ArgumentTypeError(f"{text} is no number from 1 to {usage.KEPT.days}")
    return int(text)
