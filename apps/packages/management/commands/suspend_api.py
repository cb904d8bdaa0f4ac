"""`manage.py suspend_api`: stop an API; tokens end at once, secrets are kept."""

from apps.accounts.audit import COMMAND_LINE
from apps.packages.commands import StatusCommand
from apps.packages.models import Subscription
from apps.packages.subscriptions import suspend


class Command(StatusCommand):
    help = "Suspend API access: tokens end at once, secrets are kept for resume_api."
    reason_required = True

    def change(self, subscription: Subscription, reason: str) -> Subscription:
        return suspend(subscription, COMMAND_LINE, reason)
