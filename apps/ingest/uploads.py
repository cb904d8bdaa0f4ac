"""Taking deliveries in. When a function here returns, what it was given is in the database and survives any crash.

Readings are stored at once. Files wait in the table of uploads until `process` or `sweep` has imported them; one that
cannot be imported goes to quarantine with the reason, where a manager reads it and can have it tried again.
"""

import datetime as dt
import gzip
import logging
from collections.abc import Callable
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.accounts import audit, statements
from apps.accounts.audit import Actor
from apps.accounts.changes import ChangeRefused
from apps.accounts.models import Portal
from apps.events import detection
from apps.measurements import grid, store
from apps.monitoring import counters
from apps.plants.models import Plant

from . import readings, tasks
from .kept import Kept
from .models import LoggerKey, Upload
from .report import Report
from .solarlog.delivery import ForeignLogger, Outcome, Unreadable, import_delivery
from .solarlog.kinds import NOT_NEEDED, kind_of
from .solarlog.text import File
from .target import note_transfer

MOST_ATTEMPTS = 5
_FIRST_WAIT = dt.timedelta(minutes=2)  # after an attempt that broke off; each further one waits four times as long
_AT_ONCE = 50  # deliveries that one call of `process` imports at most
_log = logging.getLogger(__name__)


class Conflict(Exception):
    """The idempotency key was used before, for something else."""


def receive_readings(key: LoggerKey, body: bytes, *, idempotency_key: str = "", via: str = "HTTP") -> Upload:
    """Store a batch of readings. Raises readings.BadBatch and Conflict, and stores nothing then.

    The same batch again stores nothing new; with the same idempotency key it gets the same receipt.
    """
    now = timezone.now()
    batch = readings.parse(body, now)  # before the transaction, in which on SQLite all others wait

    def take() -> Upload:
        plant, times = key.plant, [reading.at for reading in batch.readings]
        devices, new = readings.devices_of(plant, batch)
        store.write_fresh(plant, readings.points(batch, devices))
        note_transfer(plant, max(times, default=None), via)
        _mark_late(plant, min(times, default=None), now)
        receipt = {
            "accepted": batch.accepted,
            "rejected": batch.rejected,
            "flagged": batch.flagged,
            "newComponents": new,
        }
        _count("stored", batch.accepted)
        return _upload(key, body, idempotency_key, via, Upload.Kind.READINGS, Upload.State.STORED, now, receipt=receipt)

    return _once(key, body, idempotency_key, take)


def receive_file(key: LoggerKey, name: str, body: bytes, *, idempotency_key: str = "", via: str = "HTTP") -> Upload:
    """Keep a logger's file for the import. Raises Conflict."""

    def take() -> Upload:
        now, kept = timezone.now(), gzip.compress(body, 1)
        known = name.lower() in NOT_NEEDED or kind_of(name)
        row = {"name": name.lower() if known else name, "body": kept, "next_try": now}
        upload = _upload(key, body, idempotency_key, via, Upload.Kind.FILE, Upload.State.RECEIVED, now, **row)
        tasks.import_soon(upload.pk)
        _count("received")
        return upload

    return _once(key, body, idempotency_key, take)


def _count(outcome: str, values: int = 0) -> None:
    """For the operators, once it is certain."""
    transaction.on_commit(lambda: counters.delivery(outcome, values), robust=True)


def _mark_late(plant: Plant, first: dt.datetime | None, now: dt.datetime) -> None:
    """Detection looks at the last two days by itself; told of earlier ones, it judges them again."""
    if first is not None and grid.locate(plant.zone, first)[0] < grid.today(plant.zone, now) - dt.timedelta(days=1):
        detection.mark(plant, grid.locate(plant.zone, first)[0])


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
    known = Upload.objects.filter(plant=key.plant_id, key=key, idempotency_key=idempotency_key).first()
    if known is not None and known.digest != sha256(body).hexdigest():
        raise Conflict
    return known


def _upload(
    key: LoggerKey,
    sent: bytes,
    idempotency_key: str,
    via: str,
    kind: str,
    state: str,
    now: dt.datetime,
    **more: Any,
) -> Upload:
    upload = Upload(
        plant_id=key.plant_id,
        key=key,
        kind=kind,
        via=via,
        received_at=now,
        size=len(sent),
        digest=sha256(sent).hexdigest(),
        idempotency_key=idempotency_key,
        state=state,
        **more,
    )
    receipt = orjson.dumps(upload.receipt).decode()
    statements.fetch(_INSERT, [receipt if name == "receipt" else getattr(upload, name) for name in _COLUMNS])
    return upload


_COLUMNS = [field.attname for field in Upload._meta.concrete_fields]
_INSERT = (
    f"INSERT INTO {Upload._meta.db_table} ({', '.join(_COLUMNS)})"  # noqa: S608  (names, no values)
    f" VALUES ({', '.join(['%s'] * len(_COLUMNS))}) RETURNING id"
)


# --- Importing what waits ------------------------------------------------------------------------------------------


def process(upload_id: UUID, now: dt.datetime | None = None) -> None:
    """Import a delivery, after those of its plant that came before it. Nothing to do where that is done."""
    now = now or timezone.now()
    row = Upload.objects.filter(pk=upload_id).values_list("plant_id", "received_at").first()
    if row is not None:
        before = _due(now).filter(plant_id=row[0], received_at__lte=row[1])
        for found in list(before.values_list("plant_id", "pk")[:_AT_ONCE]):
            _import(*found, now)


def sweep(now: dt.datetime | None = None, most: int = 500) -> int:
    """Import what waits and is due, oldest first; returns how many deliveries were looked at."""
    now, done = now or timezone.now(), 0
    while done < most:
        found = list(_due(now).values_list("plant_id", "pk")[: min(_AT_ONCE, most - done)])
        for plant_id, upload_id in found:
            _import(plant_id, upload_id, now)
        done += len(found)
        if not found:
            break
    return done


def _due(now: dt.datetime) -> QuerySet[Upload]:
    return Upload.objects.filter(state=Upload.State.RECEIVED, next_try__lte=now).order_by("received_at", "id")


def _import(plant_id: UUID, upload_id: UUID, now: dt.datetime) -> None:
    """One attempt. What it breaks off of is rolled back, and tried again later."""
    upload = _claim(plant_id, upload_id, now)
    if upload is None:
        return
    try:
        with transaction.atomic():
            plant = Plant.objects.select_for_update(no_key=True, of=("self",)).get(pk=upload.plant_id)
            # Whoever took too long finds here that somebody else has gone on.
            mine = _row(upload).filter(state=Upload.State.RECEIVED, attempts=upload.attempts)
            if mine.exists():
                _store(plant, upload, now)
    except Unreadable as reason:
        _quarantine(upload, str(reason), reason.report, reason.serial if isinstance(reason, ForeignLogger) else None)
    except OperationalError:
        raise  # of the database, not of the file
    except Exception as error:  # noqa: BLE001  (whatever it is, the file stays)
        _log.exception("Import of upload %s failed", upload.pk)
        _set_back(upload, f"The import failed ({type(error).__name__}); the server's log says more.")


def _row(upload: Upload) -> QuerySet[Upload]:
    """It as it is in the database. In a cluster the plant says on which worker."""
    return Upload.objects.filter(plant=upload.plant_id, pk=upload.pk)


def _claim(plant_id: UUID, upload_id: UUID, now: dt.datetime) -> Upload | None:
    """The delivery, if nobody else is at it. The attempt is counted first: it may take the whole process down."""
    with transaction.atomic():
        rows = Upload.objects.select_for_update(skip_locked=True, of=("self",))
        upload = rows.filter(plant=plant_id, pk=upload_id, state=Upload.State.RECEIVED, next_try__lte=now).first()
        if upload is None:
            return None
        upload.attempts += 1
        upload.next_try = now + _FIRST_WAIT * 4 ** (upload.attempts - 1)
        if upload.attempts <= MOST_ATTEMPTS:
            upload.save(update_fields=["attempts", "next_try"])
            return upload
    _quarantine(upload, upload.error or "The import was broken off again and again.", Report())
    return None


def _store(plant: Plant, upload: Upload, now: dt.datetime) -> None:
    kept = Kept(plant, upload)
    file = File.of_bytes(upload.name, gzip.decompress(upload.body or b""))
    outcome = import_delivery(plant, file, kept, upload.received_at, now)
    note_transfer(plant, outcome.report.last, upload.via)
    _mark_late(plant, outcome.report.first, now)
    upload.receipt = _receipt(upload, outcome)
    _count("stored" if outcome.again is None else "put_off", outcome.report.values_stored)
    upload.error, upload.attempts, upload.next_try = "", 0, outcome.again
    if outcome.again is None:
        upload.state = Upload.State.STORED
        upload.body = upload.body if outcome.is_kept else None
    if outcome.is_kept or outcome.knew:
        kept.replace()
    upload.save(update_fields=["receipt", "error", "attempts", "next_try", "state", "body"])


def _receipt(upload: Upload, outcome: Outcome) -> dict[str, Any]:
    """The account of all looks at a delivery, with what was rejected at the last one."""
    report, before = outcome.report, upload.receipt
    new = [*before.get("newComponents", []), *outcome.new_components]
    receipt = {
        "records": max(report.records, before.get("records", 0)),
        "values_stored": report.values_stored + before.get("values_stored", 0),
        "events_stored": report.events_stored + before.get("events_stored", 0),
        **_rejected(report),
        "newComponents": new,
    }
    if outcome.note:
        receipt["note"] = outcome.note
    receipt["memory"] = before.get("memory", {}) | {"kept": outcome.is_kept}
    if outcome.knew:
        receipt["memory"]["knew"] = list(outcome.knew)
    return receipt


def _rejected(report: Report) -> dict[str, Any]:
    return {"rejected": [entry.as_json() for entry in report.rejected], "rejectedUnnamed": report.unnamed}


def _set_back(upload: Upload, error: str) -> None:
    """Keep the reason; the next attempt is set already, and the last one was enough."""
    if upload.attempts >= MOST_ATTEMPTS:
        _quarantine(upload, error, Report())
    else:
        _row(upload).filter(attempts=upload.attempts).update(error=error)
        _count("put_off")


# --- Quarantine ----------------------------------------------------------------------------------------------------


def quarantined(portal: Portal) -> QuerySet[Upload]:
    """What could not be imported of this portal's plants, newest first, without the files themselves."""
    found = Upload.objects.filter(plant__portal=portal, state=Upload.State.QUARANTINED)
    return found.prefetch_related("plant", "key").defer("body")


@transaction.atomic
def retry(upload: Upload, actor: Actor) -> None:
    """Have a file from the quarantine imported again."""
    upload = _in_quarantine(upload)
    upload.state, upload.attempts, upload.next_try, upload.error = Upload.State.RECEIVED, 0, timezone.now(), ""
    upload.save(update_fields=["state", "attempts", "next_try", "error"])
    _record(actor, "upload.retried", upload)


@transaction.atomic
def discard(upload: Upload, actor: Actor, reason: str) -> None:
    """Throw away a file from the quarantine. What it was and why it went stays on record."""
    upload = _in_quarantine(upload)
    upload.state, upload.body = Upload.State.DISCARDED, None
    upload.save(update_fields=["state", "body"])
    _record(actor, "upload.discarded", upload, reason)


def _in_quarantine(upload: Upload) -> Upload:
    fresh = _row(upload).select_for_update(of=("self",)).get()
    if fresh.state != Upload.State.QUARANTINED:
        raise ChangeRefused("upload", _("This file is not in quarantine any more."))
    return fresh


def _quarantine(upload: Upload, error: str, report: Report, serial: str | None = None) -> None:
    """Set a file aside with the reason. An equal one that was set aside before makes room for it."""
    receipt: dict[str, Any] = {"records": 0, **_rejected(report)}
    if serial:
        receipt["foreignSerial"] = serial
    with transaction.atomic():
        mine = _row(upload).filter(state=Upload.State.RECEIVED, attempts__lte=upload.attempts)
        if mine.update(state=Upload.State.QUARANTINED, next_try=None, error=error, receipt=receipt):
            _count("quarantined")
            same = Upload.objects.filter(plant=upload.plant_id, name=upload.name, digest=upload.digest)
            older = same.filter(state=Upload.State.QUARANTINED).exclude(pk=upload.pk)
            older.update(state=Upload.State.DISCARDED, body=None)


def _record(actor: Actor, action: str, upload: Upload, reason: str = "") -> None:
    plant, after = upload.plant, {"upload": str(upload.pk), "received": upload.received_at.isoformat()}
    audit.record(actor, action, f"{plant.label} · {upload.name}", portal=plant.portal, after=after, reason=reason)
