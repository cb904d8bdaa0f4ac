"""`manage.py set_package`: another package for an active API, for living tokens too."""

from typing import Any

from django.core.management.base import CommandParser

from apps.accounts.audit import COMMAND_LINE
from apps.packages.catalog import Package
from apps.packages.commands import ApiCommand, Owner
from apps.packages.subscriptions import change_package, find_package


class Command(ApiCommand):
    help = "Change the package of an active API. Says which functions come and which go."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--package", required=True, metavar="|".join(Package))
        parser.add_argument("--approved", action="store_true", help="a manager gave the package, where that is needed")

    def act_for(self, *, owner: Owner, package: str, approved: bool, **options: Any) -> dict[str, Any]:
        new, subscription = find_package(package), owner.subscription()
        change = change_package(subscription, new, COMMAND_LINE, approved=approved)
        return {
            "portal": owner.portal.slug,
            "api": subscription.api.value,
            "package": new.value,
            "gained": list(change.gained),
            "lost": list(change.lost),
        }
