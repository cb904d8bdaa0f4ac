"""`manage.py package_settings`: a portal's limits, clients and approval for a package; shows or changes them."""

from typing import Any

from django.core.management.base import CommandParser

from apps.accounts.audit import COMMAND_LINE
from apps.accounts.commands import OperatorCommand, find_portal
from apps.packages.catalog import Approval, Package
from apps.packages.commands import find_owner
from apps.packages.offers import edit_settings, settings_of
from apps.packages.subscriptions import find_package

NUMBERS = ("per_minute", "per_day", "max_clients")


class Command(OperatorCommand):
    help = "Show what a portal decided about a package, or (with --by MANAGER) change it. Functions cannot be changed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--portal", required=True, metavar="SLUG")
        parser.add_argument("--package", required=True, metavar="|".join(Package))
        parser.add_argument("--by", metavar="EMAIL", help="the portal's manager who wants the change")
        parser.add_argument("--per-minute", type=int, metavar="CALLS")
        parser.add_argument("--per-day", type=int, metavar="CALLS")
        parser.add_argument("--max-clients", type=int, metavar="NUMBER")
        parser.add_argument("--approval", choices=[approval.value for approval in Approval])

    def act(self, *, portal: str, package: str, by: str | None, **options: Any) -> dict[str, Any]:
        chosen = find_package(package)
        changes = {name: options[name] for name in NUMBERS if options[name] is not None}
        if options["approval"]:
            changes["approval"] = Approval(options["approval"])
        if changes:
            owner = find_owner(None, portal, by)
            row = edit_settings(owner.portal, chosen, owner.by, COMMAND_LINE, **changes)
        else:
            row = settings_of(find_portal(portal), chosen)
        numbers = {name: getattr(row, name) for name in NUMBERS}
        return {"portal": portal, "package": chosen.value, **numbers, "approval": row.approval}
