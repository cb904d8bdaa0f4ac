"""`manage.py resume_api`: end a suspension; the kept secrets work again, tokens from before stay dead."""

from apps.accounts.audit import COMMAND_LINE
from apps.packages.commands import StatusCommand
from apps.packages.models import Subscription
from apps.packages.subscriptions import resume


class Command(StatusCommand):
    help = "End a suspension: the kept secrets work again, tokens from before stay dead."

    def change(self, subscription: Subscription, reason: str) -> Subscription:
        return resume(subscription, COMMAND_LINE, reason)
