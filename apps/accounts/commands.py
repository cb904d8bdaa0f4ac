"""What the operators' commands of all apps share: one JSON object on stdout, or a refusal that names the option."""

import json
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError

from .changes import ChangeRefused
from .models import Portal, User


class OperatorCommand(BaseCommand):
    """A command that answers with one JSON object.

    `positional` are the arguments without dashes, so that a refusal can name them as the usage line does.
    """

    positional: ClassVar[tuple[str, ...]] = ()

    def act(self, *args: Any, **options: Any) -> dict[str, Any]:
        """Do it and say what was done; ChangeRefused becomes the error message."""
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> str:
        try:
            return json.dumps(self.act(**options))
        except ChangeRefused as refusal:
            raise CommandError(f"{self._option(refusal.field)}: {refusal}") from refusal

    def _option(self, field: str) -> str:
        return field.upper() if field in self.positional else f"--{field.replace('_', '-')}"


def find_portal(slug: str) -> Portal:
    """The portal an operator means."""
    portal = Portal.objects.filter(slug=slug).first()
    if portal is None:
        raise ChangeRefused("portal", f"There is no portal “{slug}”.")
    return portal


def find_user(email: str, field: str = "email") -> User:
    """The user an operator means; `field` is the option the address was given in."""
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None:
        raise ChangeRefused(field, f"There is no user “{email}”.")
    return user
