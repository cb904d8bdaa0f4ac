"""Where processes keep what they count, so that whoever is asked can tell the sum of all.

prometheus_client writes the numbers of a process into files mapped into its memory. It names them after the process,
so they would become ever more, and numbers would be lost with them. Here a process takes the lowest free number of the
machine for its life and goes on counting where the last one with that number ended: the files stay as few as there were
processes at once, and sums never fall. The lock of a number is freed by the system, however its process ends.
"""

import fcntl
import logging
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from prometheus_client import CollectorRegistry, values
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

MOST = 1000  # processes at once
BYTES = 1 << 18  # of a file: room for all we count
KINDS = ("counter", "histogram")
logger = logging.getLogger(__name__)


class Slot:
    """The number of this process. A forked one takes another when it counts for the first time."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._process = folder, os.getpid()
        self._number, self._lock = _claim(folder)

    def __call__(self) -> int:
        if self._process != os.getpid():
            self._process = os.getpid()
            try:
                self._number, self._lock = _claim(self._folder)
            except OSError as error:  # it shares the number of its parent, and some counts are lost
                logger.warning("No file to count in: %s", error)
        return self._number


def _claim(folder: Path) -> tuple[int, int]:
    """A number nobody has, and the descriptor that holds its lock."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    for number in range(MOST):
        try:
            lock = os.open(folder / f"slot_{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except PermissionError:
            continue  # somebody else's, who ran a command here
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # not shared with the processes we fork
        except BlockingIOError:
            os.close(lock)
            continue
        for kind in KINDS:
            _reserve(folder / f"{kind}_{number}.db")
        return number, lock
    raise OSError(f"More than {MOST} processes count in {folder}.")


def _reserve(file: Path) -> None:
    """Take the room on the disk now: a full disk would end the process that writes into a mapped file."""
    if not file.exists():
        part = file.with_suffix(".part")
        with part.open("wb") as new:
            os.posix_fallocate(new.fileno(), 0, BYTES)
        part.rename(file)


@cache
def _class() -> type[Any]:
    """Made when something is counted for the first time: most commands never do."""
    folder = Path(settings.METRICS_FOLDER)
    try:
        slot = Slot(folder)
    except OSError as error:
        logger.warning("What this process counts is told by itself only: %s", error)
        return values.MutexValue
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    return values.MultiProcessValue(slot)  # type: ignore[no-untyped-call, no-any-return]


def value(*args: Any, **options: Any) -> Any:
    """What prometheus_client makes its numbers with."""
    return _class()(*args, **options)


class Sums:
    """The sums over all processes, for a registry; what this process counted where it has no file."""

    def __init__(self, own: CollectorRegistry) -> None:
        self._own = own

    def collect(self) -> Iterable[Metric]:
        if _class() is values.MutexValue:
            return self._own.collect()
        folder = Path(settings.METRICS_FOLDER)
        files = [str(file) for file in sorted(folder.glob("*.db")) if os.access(file, os.R_OK)]
        return MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call, no-any-return]


values.ValueClass = value
