"""`manage.py approve_api`: say yes to a User API that awaits it."""

from apps.accounts.audit import COMMAND_LINE
from apps.packages.commands import StatusCommand
from apps.packages.models import Subscription
from apps.packages.subscriptions import approve


class Command(StatusCommand):
    help = "Approve a User API that awaits it."

    def change(self, subscription: Subscription, reason: str) -> Subscription:
        return approve(subscription, COMMAND_LINE, reason)
