"""`manage.py create_fleet NAME --portal SLUG --plants UUID...`: group plants of one portal."""

from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from apps.accounts.audit import COMMAND_LINE
from apps.accounts.commands import OperatorCommand, find_portal
from apps.plants import changes


class Command(OperatorCommand):
    help = "Create a fleet of plants of one portal."
    positional = ("name",)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME")
        parser.add_argument("--portal", required=True, metavar="SLUG")
        parser.add_argument("--plants", required=True, nargs="+", type=UUID, metavar="UUID")

    def act(self, *, name: str, portal: str, plants: list[UUID], **options: Any) -> dict[str, Any]:
        fleet = changes.create_fleet(find_portal(portal), name, plants, COMMAND_LINE)
        return {
            "fleet": str(fleet.pk),
            "name": fleet.label,
            "portal": fleet.portal.slug,
            "plants": sorted(str(id_) for id_ in set(plants)),
        }

    def _option(self, field: str) -> str:
        return "NAME" if field == "label" else super()._option(field)
