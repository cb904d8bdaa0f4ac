"""What the FTP server asks of the database. Whatever goes wrong there is Unavailable: nothing was accepted, try again.

The server lives for months and the database does not: every question begins with a look at the connection.
"""

import gzip
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import Error, close_old_connections, transaction

from apps.ingest import keys, uploads
from apps.ingest.models import LoggerKey, Upload
from apps.ingest.refusals import storage_is_full

logger = logging.getLogger(__name__)


class Unavailable(Exception):
    """The database did not answer, or did not commit."""


class StorageFull(Unavailable):
    """There is no room for what was sent."""


def living_key(login: str, secret: str) -> LoggerKey | None:
    """The key that login and secret open; None where they open nothing (any more)."""
    with _asking():
        return keys.verify(secret, login)


def deliver(key: LoggerKey, name: str, body: bytes) -> UUID:
    """Hand a file over. It is in the database when this returns."""
    with _asking():
        return uploads.receive_file(key, name, body, via="FTP").pk


def rename(key: LoggerKey, upload_id: UUID, name: str, body: bytes | None) -> UUID | None:
    """Deliver a file that is here once more, by its final name; None where nobody has it any more.

    Devices that upload under a passing name are told that the file is here before they rename it. Under that name it
    waits, or is in quarantine by now, and makes room for the new delivery. `body` is what the session remembers.
    """
    with _asking(), transaction.atomic():
        former = Upload.objects.select_for_update(of=("self",)).filter(plant=key.plant_id, pk=upload_id).first()
        if former is not None and former.body is not None:
            body = gzip.decompress(former.body)
            if former.state == Upload.State.QUARANTINED or not former.receipt:  # none of it has been imported
                former.state, former.body, former.next_try = Upload.State.DISCARDED, None, None
                former.error = f"The logger renamed it to {name}."
                former.save(update_fields=["state", "body", "next_try", "error"])
        return None if body is None else uploads.receive_file(key, name, body, via="FTP").pk


@contextmanager
def _asking() -> Iterator[None]:
    close_old_connections()
    try:
        yield
    except Error as error:
        logger.warning("The database does not answer: %s", error)
        raise (StorageFull if storage_is_full(error) else Unavailable) from error
