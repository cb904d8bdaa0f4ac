"""`manage.py reject_api`: say no to a User API that awaits approval."""

from apps.accounts.audit import COMMAND_LINE
from apps.packages.commands import StatusCommand
from apps.packages.models import Subscription
from apps.packages.subscriptions import reject


class Command(StatusCommand):
    help = "Reject a User API that awaits approval: it is off, its clients end."
    reason_required = True

    def change(self, subscription: Subscription, reason: str) -> Subscription:
        return reject(subscription, COMMAND_LINE, reason)
