"""`manage.py invite_user EMAIL PORTAL --role ROLE [--name NAME] [--language CODE]`: a way in, by mail."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from apps.accounts import invitations
from apps.accounts.access import Role
from apps.accounts.audit import COMMAND_LINE
from apps.accounts.commands import OperatorCommand, find_portal
from apps.accounts.mail import MailNotSent


class Command(OperatorCommand):
    help = "Invite a person to a portal by mail; who has a password already is told of the portal."
    positional = ("email", "portal")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("portal", metavar="PORTAL")
        parser.add_argument("--role", required=True, choices=[role.value for role in Role])
        parser.add_argument("--name", default="", help="of the person, if they are new")
        parser.add_argument("--language", default="", choices=[code for code, _name in settings.LANGUAGES])

    def act(self, *, email: str, portal: str, role: str, name: str, language: str, **options: Any) -> dict[str, Any]:
        try:
            membership = invitations.invite(
                email, find_portal(portal), Role(role), COMMAND_LINE, name=name, language=language
            )
        except MailNotSent as failure:
            raise CommandError(f"The invitation is saved, but its mail was not sent: {failure}") from failure
        return {
            "user": str(membership.user.pk),
            "email": membership.user.email,
            "portal": membership.portal.slug,
            "role": membership.role,
            "state": invitations.state_of(membership).value,
        }
