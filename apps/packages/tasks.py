"""Celery's side of packages: warnings before the end, and cleaning up."""

from celery import shared_task
from django.utils import timezone
from oauth2_provider.models import clear_expired

from . import ends, usage


@shared_task(name="packages.warn_of_ends")
def warn_of_ends() -> int:
    """Write to those whose client or secret ends soon."""
    return ends.warn(timezone.now())


@shared_task(name="packages.clean_usage")
def clean_usage() -> dict[str, int]:
    """Forget usage statistics and addresses that are old enough."""
    return usage.clean(timezone.now())


@shared_task(name="packages.clear_tokens")
def clear_tokens() -> None:
    """Delete access tokens that have expired; they open nothing any more."""
    clear_expired()  # type: ignore[no-untyped-call]
