"""Celery's side of events: looking for faults, judging plants, writing to people."""

from celery import shared_task
from django.utils import timezone

from . import detection, health, notices


@shared_task(name="events.detect", max_retries=0)
def detect() -> int:
    """Judge the readings of plants whose turn it is."""
    return detection.detect_all(timezone.now())


@shared_task(name="events.refresh_health", max_retries=0)
def refresh_health() -> int:
    """Bring the health of all plants up to date."""
    return health.refresh_all(timezone.now())


@shared_task(name="events.send_notices", max_retries=0)
def send_notices() -> int:
    """Write to those who want to hear of events and are due."""
    return notices.send_digests(timezone.now())
