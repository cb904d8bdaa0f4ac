"""`manage.py assign PLANT EMAIL`: let a member of the plant's portal see it."""

from typing import Any, ClassVar
from uuid import UUID

from django.core.management.base import CommandParser

from apps.accounts.audit import COMMAND_LINE
from apps.accounts.commands import OperatorCommand, find_user
from apps.plants import changes
from apps.plants.commands import find_plant


class Command(OperatorCommand):
    help = "Assign a plant to a user. A second time changes nothing."
    positional = ("plant", "email")
    assigned: ClassVar[bool] = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("plant", metavar="PLANT", type=UUID, help="the plant's UUID")
        parser.add_argument("email", metavar="EMAIL")

    def act(self, *, plant: UUID, email: str, **options: Any) -> dict[str, Any]:
        row, user = find_plant(plant), find_user(email)
        change = changes.assign if self.assigned else changes.unassign
        changed = change(row, user, COMMAND_LINE)
        return {
            "plant": str(row.pk),
            "label": row.label,
            "email": user.email,
            "assigned": self.assigned,
            "changed": changed,
        }
