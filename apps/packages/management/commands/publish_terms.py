"""`manage.py publish_terms`: terms of use, to be accepted wherever an API of the portal is switched on."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from apps.accounts.audit import COMMAND_LINE
from apps.accounts.changes import ChangeRefused
from apps.accounts.commands import OperatorCommand
from apps.packages.commands import find_owner
from apps.packages.offers import publish_terms


class Command(OperatorCommand):
    help = "Publish new terms of use from text files. A version is published once, for good."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--portal", required=True, metavar="SLUG")
        parser.add_argument("--by", required=True, metavar="EMAIL", help="the portal's manager who publishes")
        parser.add_argument("--version-name", required=True, dest="version", metavar="VERSION")
        parser.add_argument("--text", required=True, metavar="FILE", help="the terms in English, UTF-8")
        parser.add_argument("--text-de", metavar="FILE", help="the terms in German")

    def act(
        self, *, portal: str, by: str, version: str, text: str, text_de: str | None, **options: Any
    ) -> dict[str, Any]:
        owner = find_owner(None, portal, by)
        english, german = _read(text, "text"), _read(text_de, "text_de") if text_de else ""
        terms = publish_terms(owner.portal, owner.by, COMMAND_LINE, version=version, text=english, text_de=german)
        return {"portal": portal, "version": terms.version, "published": terms.published_at.isoformat()}

    def _option(self, field: str) -> str:
        return "--version-name" if field == "version" else super()._option(field)


def _read(file: str, field: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ChangeRefused(field, f"{file} cannot be read: {error}") from None
