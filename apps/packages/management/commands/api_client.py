"""`manage.py api_client create|list|rotate|revoke`: the clients of one API. A secret is printed once."""

from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser
from django.db import transaction

from apps.accounts.audit import COMMAND_LINE
from apps.accounts.changes import ChangeRefused
from apps.packages import clients
from apps.packages.commands import ApiCommand, Owner, parse_moment
from apps.packages.models import ApiClient, ClientSecret, Subscription

OPTIONS = {"plant_ids": "plants", "expires_at": "expires"}  # where fields of a client are called otherwise here


class Command(ApiCommand):
    help = "Create, list, rotate or revoke clients of an API."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="create|list|rotate|revoke")
        create = actions.add_parser("create", help="a new client; prints its secret, once")
        create.add_argument("--name", required=True)
        create.add_argument("--plants", nargs="+", metavar="UUID", help="only these plants")
        create.add_argument("--networks", nargs="+", default=[], metavar="CIDR", help="only from these networks")
        create.add_argument("--expires", metavar="DAY", help="until this day or moment (UTC)")
        listing = actions.add_parser("list", help="every client, with hints of its secrets")
        rotate = actions.add_parser("rotate", help="a new secret; the present one ends after the overlap")
        rotate.add_argument("--overlap", default="24h", metavar="|".join(clients.OVERLAPS))
        revoke = actions.add_parser("revoke", help="end one secret, all secrets and tokens, or the client for good")
        what = revoke.add_mutually_exclusive_group()
        what.add_argument("--secret", metavar="HINT", help="only the secret that ends so; tokens go on")
        what.add_argument("--leaked", action="store_true", help="all secrets and tokens; the client stays")
        revoke.add_argument("--reason", default="")
        for action in (rotate, revoke):
            action.add_argument("--client", required=True, metavar="ID|NAME")
        for action in (create, listing, rotate, revoke):
            super().add_arguments(action)

    @transaction.atomic
    def act_for(self, *, owner: Owner, action: str, **options: Any) -> dict[str, Any]:
        subscription = owner.subscription()
        do = {"create": _create, "list": _list, "rotate": _rotate, "revoke": _revoke}[action]
        return {"portal": owner.portal.slug, "api": subscription.api.value, **do(subscription, options)}

    def _option(self, field: str) -> str:
        return super()._option(OPTIONS.get(field, field))


def _create(subscription: Subscription, options: dict[str, Any]) -> dict[str, Any]:
    expires = parse_moment(options["expires"], "expires") if options["expires"] else None
    client, secret = clients.create_client(
        subscription,
        options["name"],
        COMMAND_LINE,
        plant_ids=None if options["plants"] is None else [_uuid(text) for text in options["plants"]],
        networks=options["networks"],
        expires_at=expires,
    )
    return {"name": client.name, "client_id": client.client_id, "client_secret": secret}


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ChangeRefused("plants", f"“{text}” is not an id (UUID).") from None


def _list(subscription: Subscription, _options: dict[str, Any]) -> dict[str, Any]:
    return {
        "clients": [_described(client) for client in subscription.clients.all().programs().prefetch_related("secrets")]
    }


def _described(client: ApiClient) -> dict[str, Any]:
    return {
        "name": client.name,
        "client_id": client.client_id,
        "enabled": client.enabled,
        "plants": client.plant_ids,
        "networks": client.networks,
        "created": client.created.isoformat(),
        "expires": client.expires_at.isoformat() if client.expires_at else None,
        "secrets": [_hinted(secret) for secret in client.secrets.all()],
    }


def _hinted(secret: ClientSecret) -> dict[str, str | None]:
    moments = {"created": secret.created_at, "expires": secret.expires_at, "revoked": secret.revoked_at}
    return {"hint": secret.hint, **{name: at.isoformat() if at else None for name, at in moments.items()}}


def _rotate(subscription: Subscription, options: dict[str, Any]) -> dict[str, Any]:
    client = _find(subscription, options["client"])
    secret = clients.rotate(client, COMMAND_LINE, options["overlap"])
    return {"name": client.name, "client_id": client.client_id, "client_secret": secret, "overlap": options["overlap"]}


def _revoke(subscription: Subscription, options: dict[str, Any]) -> dict[str, Any]:
    client, reason = _find(subscription, options["client"]), options["reason"]
    if options["secret"]:
        clients.revoke_secret(_secret(client, options["secret"]), COMMAND_LINE, reason)
        revoked = "secret"
    elif options["leaked"]:
        clients.revoke_as_leaked(client, COMMAND_LINE, reason)
        revoked = "secrets and tokens"
    else:
        clients.end_client(client, COMMAND_LINE, reason)
        revoked = "client"
    return {"name": client.name, "client_id": client.client_id, "revoked": revoked}


def _find(subscription: Subscription, text: str) -> ApiClient:
    """By its id, else the enabled one of that name."""
    rows = subscription.clients
    client = rows.filter(client_id=text).first() or rows.filter(name=text, enabled=True).first()
    if client is None:
        raise ChangeRefused("client", f"There is no client “{text}”.")
    return client


def _secret(client: ApiClient, hint: str) -> ClientSecret:
    """The secret with that hint; of several the newest, which is the first."""
    secret = client.secrets.filter(hint=hint).first()
    if secret is None:
        raise ChangeRefused("secret", f"The client has no secret that ends with “{hint}”.")
    return secret
