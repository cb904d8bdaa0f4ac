"""`manage.py create_user EMAIL --portal SLUG --role ROLE [--password-stdin]`: a person's role in a portal."""

import sys
from typing import Any

from django.core.management.base import CommandParser

from apps.accounts import changes
from apps.accounts.access import Role
from apps.accounts.audit import COMMAND_LINE
from apps.accounts.changes import ChangeRefused
from apps.accounts.commands import OperatorCommand, find_portal


class Command(OperatorCommand):
    help = "Give a person a role in a portal; who exists already gets an additional membership."
    positional = ("email",)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("--portal", required=True, metavar="SLUG")
        parser.add_argument("--role", required=True, choices=[role.value for role in Role])
        parser.add_argument(
            "--password-stdin",
            action="store_true",
            help="read the password from the first line of standard input; without it there is none",
        )

    def act(self, *, email: str, portal: str, role: str, password_stdin: bool, **options: Any) -> dict[str, Any]:
        membership = changes.create_user(
            email,
            find_portal(portal),
            Role(role),
            COMMAND_LINE,
            password=self._read_password() if password_stdin else None,
        )
        return {
            "user": str(membership.user.pk),
            "email": membership.user.email,
            "portal": membership.portal.slug,
            "role": membership.role,
            "has_password": membership.user.has_usable_password(),
        }

    def _read_password(self) -> str:
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise ChangeRefused("password", "Standard input is empty.")
        return password

    def _option(self, field: str) -> str:
        return "--password-stdin" if field == "password" else super()._option(field)
