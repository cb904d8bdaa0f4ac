"""Taking deliveries in. When a function here returns, what it was given is in the database and survives any crash.

Readings are stored at once. Files wait in the table of uploads until `process` has imported them; one that cannot be
imported goes to quarantine with the reason, where a manager reads it and can have it tried again.
"""

import datetime as dt
import gzip
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.measurements import store
from apps.plants.models import Plant

from . import readings
from .models import LoggerKey, Upload
from .target import note_transfer


class Conflict(Exception):
    """The idempotency key was used before, for something else."""


def receive_readings(key: LoggerKey, body: bytes, *, idempotency_key: str = "", via: str = "HTTP") -> Upload:
    """Store a batch of readings. Raises readings.BadBatch and Conflict, and stores nothing then.

    The same batch again stores nothing new; with the same idempotency key it gets the same receipt.
    """

    def take() -> Upload:
        now = timezone.now()
        batch = readings.parse(body, now)
        plant = Plant.objects.select_for_update(no_key=True).select_related("portal").get(pk=key.plant_id)
        devices, new = readings.devices_of(plant, batch)
        stored = store.write(plant, readings.day_readings(plant, batch, devices))
        note_transfer(plant, max((point.at for point in batch.points), default=None), via)
        receipt = {
            "accepted": len(batch.points),
            "stored": stored,
            "rejected": batch.rejected,
            "flagged": batch.flagged,
            "newComponents": new,
        }
        return _upload(key, body, idempotency_key, via, Upload.Kind.READINGS, Upload.State.STORED, now, receipt=receipt)

    return _once(key, body, idempotency_key, take)


def receive_file(key: LoggerKey, name: str, body: bytes, *, idempotency_key: str = "", via: str = "HTTP") -> Upload:
    """Keep a logger's file for the import. Raises Conflict."""

    def take() -> Upload:
        now, kept = timezone.now(), gzip.compress(body, 1)
        row = {"name": name, "body": kept, "next_try": now}
        return _upload(key, body, idempotency_key, via, Upload.Kind.FILE, Upload.State.RECEIVED, now, **row)

    return _once(key, body, idempotency_key, take)


def _once(key: LoggerKey, body: bytes, idempotency_key: str, take: Callable[[], Upload]) -> Upload:
    """What `take` makes, in one transaction; or what it made before for the same idempotency key."""
    try:
        with transaction.atomic():
            return _known(key, body, idempotency_key) or take()
    except IntegrityError:
        known = _known(key, body, idempotency_key)  # somebody else was quicker with the same key
        if known is None:
            raise
        return known


def _known(key: LoggerKey, body: bytes, idempotency_key: str) -> Upload | None:
    if not idempotency_key:
        return None
    known = Upload.objects.filter(key=key, idempotency_key=idempotency_key).first()
    if known is not None and known.digest != sha256(body).hexdigest():
        raise Conflict
    return known


def _upload(
    key: LoggerKey,
    body: bytes,
    idempotency_key: str,
    via: str,
    kind: str,
    state: str,
    now: dt.datetime,
    **more: Any,
) -> Upload:
    return Upload.objects.create(
        plant_id=key.plant_id,
        key=key,
        kind=kind,
        via=via,
        received_at=now,
        size=len(body),
        digest=sha256(body).hexdigest(),
        idempotency_key=idempotency_key,
        state=state,
        **more,
    )
