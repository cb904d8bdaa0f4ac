"""The broker that needs no set-up: a folder of the machine, with a folder per queue and a file per message.

A message is there whole or not at all (it is renamed into place). A worker holds the lock of the files it works on and
deletes them when it is done; the lock of a worker that was killed is freed by the system, and the next one takes over.
The folder may be lost at any time: what is to be done stands in the database (docs/decisions/0009-background-work.md).
"""

import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any
from uuid import uuid4

from kombu.exceptions import ChannelError
from kombu.transport import virtual
from kombu.utils.json import dumps, loads

MOST = 10_000  # messages of a queue; without a worker nobody takes them away
logger = logging.getLogger(__name__)


class QoS(virtual.QoS):
    """Ends the life of a message on disk with its life here."""

    channel: "Channel"

    def ack(self, delivery_tag: str) -> None:
        super().ack(delivery_tag)
        self.channel.end(delivery_tag, delete=True)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        super().ack(delivery_tag)
        self.channel.end(delivery_tag, delete=not requeue)


class Channel(virtual.Channel):
    """Queues as folders. `transport_options["folder"]` says where."""

    QoS = QoS
    do_restore = False  # what was not finished is still in its file

    def __init__(self, connection: Any, **options: Any) -> None:
        super().__init__(connection, **options)
        self._root = Path(connection.client.transport_options["folder"])
        self._held: dict[str, tuple[Path, int]] = {}  # by delivery tag: the file and its open descriptor

    def close(self) -> None:
        for tag in list(self._held):
            self.end(tag, delete=False)
        super().close()

    def end(self, tag: str, *, delete: bool) -> None:
        """Let go of a message: it is done with, or somebody else may have it."""
        path, descriptor = self._held.pop(tag, (None, -1))
        if path is not None:
            if delete:
                path.unlink(missing_ok=True)
            os.close(descriptor)

    def _put(self, queue: str, message: dict[str, Any], **options: Any) -> None:
        folder = self._folder(queue)
        if self._size(queue) >= MOST:
            raise ChannelError(f"The queue {queue} is full: {MOST} messages wait.")
        name = f"{time.time_ns():020d}-{uuid4().hex}"
        part = folder / f".{name}"
        try:
            with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                file.write(dumps(message))
        except OSError:  # no room: nobody would ever clear away half a message
            part.unlink(missing_ok=True)
            raise
        part.rename(folder / name)

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        held = {path for path, _descriptor in self._held.values()}
        for path in sorted(self._waiting(queue)):
            message = None if path in held else self._take(path)
            if message is not None:
                return message
        raise Empty

    def _take(self, path: Path) -> dict[str, Any] | None:
        """The message, its lock held; None where somebody else has it, or it is none."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            about = os.fstat(descriptor)
            if not about.st_nlink:  # done by somebody between our look and our lock
                raise BlockingIOError
            # Read from this very descriptor: closing another one of the same file would free the lock.
            message: dict[str, Any] = loads(os.pread(descriptor, about.st_size, 0))
            tag = message["properties"]["delivery_tag"]
        except (OSError, ValueError, LookupError, TypeError) as error:
            os.close(descriptor)
            if not isinstance(error, OSError):
                logger.error("Broken message %s is left out: %s", path, error)  # noqa: TRY400  (the trace says nothing)
                path.unlink(missing_ok=True)
            return None
        self._held[tag] = (path, descriptor)
        return message

    def _size(self, queue: str) -> int:
        return sum(1 for _path in self._waiting(queue))

    def _purge(self, queue: str) -> int:
        paths = list(self._waiting(queue))
        for path in paths:
            path.unlink(missing_ok=True)
        return len(paths)

    def _waiting(self, queue: str) -> Iterator[Path]:
        folder = self._root / queue
        with contextlib.suppress(FileNotFoundError), os.scandir(folder) as found:
            yield from (folder / entry.name for entry in found if not entry.name.startswith("."))

    def _folder(self, queue: str) -> Path:
        """Made where it is missing, for our eyes only."""
        folder = self._root / queue
        for each in (self._root, folder):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder


class Transport(virtual.Transport):
    """Named `folder://` in portal/celery.py."""

    Channel = Channel
    driver_type = driver_name = "folder"

    def driver_version(self) -> str:
        return "1"
