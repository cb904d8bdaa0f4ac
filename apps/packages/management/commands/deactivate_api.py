"""`manage.py deactivate_api`: switch an API off; its tokens, secrets and clients end at once and for good."""

from typing import Any

from apps.accounts.audit import COMMAND_LINE
from apps.packages.commands import ApiCommand, Owner
from apps.packages.subscriptions import deactivate


class Command(ApiCommand):
    help = "Switch off API access. Tokens, secrets and clients end at once; activating again makes new ones."

    def act_for(self, *, owner: Owner, **options: Any) -> dict[str, Any]:
        subscription = owner.subscription()
        revoked = deactivate(subscription, COMMAND_LINE)
        return {
            "portal": owner.portal.slug,
            "api": subscription.api.value,
            "status": "off",
            "secrets_revoked": revoked,
        }
