"""`manage.py activate_api`: switch on a User API or a Portal API and print its first credentials, once."""

from typing import Any

from django.core.management.base import CommandParser
from django.db import transaction

from apps.accounts.audit import COMMAND_LINE
from apps.packages.catalog import Package
from apps.packages.clients import create_client
from apps.packages.commands import ApiCommand, Owner
from apps.packages.models import Subscription
from apps.packages.subscriptions import activate_portal_api, activate_user_api, find_package


class Command(ApiCommand):
    help = "Switch on API access and print a client id and its secret. The secret cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--package", required=True, metavar="|".join(Package))
        parser.add_argument(
            "--accept-terms", metavar="VERSION", default="", help="the version of the portal's terms, if it has any"
        )

    @transaction.atomic
    def act_for(self, *, owner: Owner, package: str, accept_terms: str, **options: Any) -> dict[str, Any]:
        subscription = _activate(owner, find_package(package), accept_terms)
        client, secret = create_client(subscription, "default", COMMAND_LINE)
        return {
            "portal": owner.portal.slug,
            "api": subscription.api.value,
            "package": subscription.package,
            "status": subscription.status,
            "client_id": client.client_id,
            "client_secret": secret,
        }


def _activate(owner: Owner, package: Package, terms: str) -> Subscription:
    if owner.member:
        return activate_user_api(owner.member, package, COMMAND_LINE, terms)
    return activate_portal_api(owner.portal, owner.by, package, COMMAND_LINE, terms)
