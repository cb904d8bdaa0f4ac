"""Celery's side of background work itself."""

from celery import shared_task
from django.utils import timezone

from . import history


@shared_task(name="background.trim", max_retries=0)
def trim() -> dict[str, int]:
    """Keep the record of runs and failures short."""
    return history.trim(timezone.now())
