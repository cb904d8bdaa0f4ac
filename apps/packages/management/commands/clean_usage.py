"""`manage.py clean_usage`: forget usage statistics and addresses that are old enough. To be run once a day."""

from typing import Any

from django.utils import timezone

from apps.accounts.commands import OperatorCommand
from apps.packages import usage


class Command(OperatorCommand):
    help = "Delete usage statistics older than 400 days, shorten addresses older than 30 days; prints how many."

    def act(self, **options: Any) -> dict[str, Any]:
        return dict(usage.clean(timezone.now()))
