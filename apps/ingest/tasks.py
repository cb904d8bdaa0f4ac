"""Celery's side of the import. A message is a hint: what waits stands in the table of uploads."""

import time
from uuid import UUID

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from . import retention, uploads

SWEEP_SECONDS = 120.0  # far from the limit of a task; the next sweep goes on
SWEPT_AT_ONCE = 20
QUIET_SECONDS = 30.0  # after a message that could not be sent: a broker that hangs costs one logger seconds, not each
_quiet_until = 0.0


def import_soon(upload_id: UUID) -> None:
    """Have a worker import this once it is saved. Where no message can be sent, the next sweep finds it."""
    transaction.on_commit(lambda: _send(upload_id), robust=True)


def _send(upload_id: UUID) -> None:
    global _quiet_until
    if time.monotonic() < _quiet_until:
        return
    try:
        import_upload.apply_async((str(upload_id),), retry=False)
    except Exception:
        _quiet_until = time.monotonic() + QUIET_SECONDS
        raise


@shared_task(name="ingest.import_upload")
def import_upload(upload_id: str) -> None:
    """Import one delivery; nothing to do where that is done."""
    uploads.process(UUID(upload_id))


@shared_task(name="ingest.sweep_uploads", max_retries=0)
def sweep_uploads() -> None:
    """Import what still waits, for as long as one task may."""
    until = time.monotonic() + SWEEP_SECONDS
    while uploads.sweep(timezone.now(), SWEPT_AT_ONCE) == SWEPT_AT_ONCE and time.monotonic() < until:
        pass


@shared_task(name="ingest.forget_uploads")
def forget_uploads() -> int:
    """Delete receipts that are old enough."""
    return retention.forget(timezone.now())
