"""Celery's side of the store."""

from celery import shared_task
from django.utils import timezone

from . import store


@shared_task(name="measurements.seal", max_retries=0)
def seal() -> int:
    """Pack what is fresh of plants that have delivered."""
    return store.seal(now=timezone.now())
