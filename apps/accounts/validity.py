"""The moment from which tokens are valid: how a revocation outlives its cause. See docs/decisions/0003-oauth.md."""

from datetime import datetime, timedelta

from django.db.models import Max, QuerySet
from django.utils import timezone
from oauth2_provider.models import AccessToken


def after_every(tokens: "QuerySet[AccessToken]") -> datetime:
    """A moment later than now and than every one of these tokens, whatever the clocks of several servers say."""
    now, latest = timezone.now(), tokens.aggregate(latest=Max("created"))["latest"]
    return max(now, latest or now) + timedelta(microseconds=1)
