"""`manage.py create_portal SLUG --name NAME`: a new tenant."""

from typing import Any

from django.core.management.base import CommandParser

from apps.accounts import changes
from apps.accounts.audit import COMMAND_LINE
from apps.accounts.commands import OperatorCommand


class Command(OperatorCommand):
    help = "Create a portal. Its slug becomes part of every API address."
    positional = ("slug",)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", metavar="SLUG")
        parser.add_argument("--name", required=True)

    def act(self, *, slug: str, name: str, **options: Any) -> dict[str, Any]:
        portal = changes.create_portal(slug, name, COMMAND_LINE)
        return {"portal": str(portal.pk), "slug": portal.slug, "name": portal.name}
