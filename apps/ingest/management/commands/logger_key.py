"""`manage.py logger_key create|list|rotate|revoke`: what a plant's loggers log in with. A secret is printed once."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.core.management.base import CommandParser
from django.db.models import Q

from apps.accounts.audit import COMMAND_LINE
from apps.accounts.changes import ChangeRefused
from apps.accounts.commands import OperatorCommand
from apps.ingest import keys
from apps.ingest.models import LoggerKey
from apps.plants.commands import find_plant
from apps.plants.models import Plant


class Command(OperatorCommand):
    help = "Create, list, rotate or revoke the keys of a plant's loggers, for HTTP and FTP."
    positional: ClassVar = ("plant", "key")

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="create|list|rotate|revoke")
        create = actions.add_parser("create", help="a new key; prints its secret, once")
        create.add_argument("--name", required=True, help="of the logger or script")
        listing = actions.add_parser("list", help="every key of the plant, with a hint of its secret")
        for action in (create, listing):
            action.add_argument("plant", metavar="PLANT", type=UUID, help="the plant's UUID")
        rotate = actions.add_parser("rotate", help="a new secret; the present one ends after the overlap")
        rotate.add_argument("--overlap", default="24h", choices=keys.OVERLAPS)
        revoke = actions.add_parser("revoke", help="accept nothing with this key any more")
        revoke.add_argument("--reason", default="")
        for action in (rotate, revoke):
            action.add_argument("key", metavar="KEY", help="its login, or its UUID")

    def act(self, *, action: str, **options: Any) -> dict[str, Any]:
        do = {"create": _create, "list": _list, "rotate": _rotate, "revoke": _revoke}[action]
        return do(options)


def _create(options: dict[str, Any]) -> dict[str, Any]:
    key, secret = keys.create_key(find_plant(options["plant"]), options["name"], COMMAND_LINE)
    return {**_of(key.plant), **_named(key), "secret": secret}


def _list(options: dict[str, Any]) -> dict[str, Any]:
    plant = find_plant(options["plant"])
    return {**_of(plant), "keys": [_described(key) for key in plant.logger_keys.all()]}


def _rotate(options: dict[str, Any]) -> dict[str, Any]:
    key = _find(options["key"])
    secret = keys.rotate_key(key, COMMAND_LINE, keys.OVERLAPS[options["overlap"]])
    return {**_of(key.plant), **_named(key), "secret": secret, "overlap": options["overlap"]}


def _revoke(options: dict[str, Any]) -> dict[str, Any]:
    key = _find(options["key"])
    keys.revoke_key(key, COMMAND_LINE, options["reason"].strip())
    return {**_of(key.plant), **_named(key), "revoked": True}


def _find(text: str) -> LoggerKey:
    """By its login or its id."""
    named = Q(login=text) | Q(pk=id_) if (id_ := _uuid(text)) else Q(login=text)
    key = LoggerKey.objects.select_related("plant__portal").filter(named).first()
    if key is None:
        raise ChangeRefused("key", f"There is no logger key “{text}”.")
    return key


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _of(plant: Plant) -> dict[str, Any]:
    return {"portal": plant.portal.slug, "plant": str(plant.pk), "label": plant.label}


def _named(key: LoggerKey) -> dict[str, Any]:
    return {"key": str(key.pk), "name": key.name, "login": key.login}


def _described(key: LoggerKey) -> dict[str, Any]:
    return {
        **_named(key),
        "hint": key.hint,
        "created": key.created_at.isoformat(),
        "last_used": _moment(key.last_used_at),
        "former_until": _moment(key.former_until),
        "revoked": _moment(key.revoked_at),
    }


def _moment(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
