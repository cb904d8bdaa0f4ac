"""Workers as processes of their own, and messages for them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kombu import Connection

from tests.live import ROOT

PATIENCE = 60.0  # seconds; a loaded machine starts slowly


@contextmanager
def working(environment: dict[str, str], log: Path, *options: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`manage.py work` in a process group of its own; whatever is left of it ends with the block."""
    own = {**environment, "DJANGO_SETTINGS_MODULE": "tests.background.worker_settings"}
    with log.open("a") as output:
        worker = subprocess.Popen(
            [sys.executable, "manage.py", "work", "--processes", "1", *options],
            cwd=ROOT,
            env=own,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield worker
    finally:
        worker.terminate()
        with suppress(subprocess.TimeoutExpired):
            worker.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


def broker(environment: dict[str, str]) -> Connection:
    """The broker that processes in this environment use."""
    if environment.get("REDIS_URL"):
        return Connection(environment["REDIS_URL"], transport_options={"global_keyprefix": "helioport:"})
    return Connection("folder://localhost", transport_options={"folder": environment["BROKER_FOLDER"]})


def send(task: Any, environment: dict[str, str], *arguments: Any) -> None:
    """Send a task to the workers of this environment."""
    with broker(environment) as connection:
        task.apply_async(arguments, connection=connection)


def lines(file: Path) -> list[str]:
    """The words of a file that tasks write into."""
    return [line.split()[0] for line in file.read_text().splitlines()] if file.exists() else []


def wait_for(truth: Callable[[], Any], log: Path) -> None:
    """Return as soon as it is true; fail with what the worker said."""
    deadline = time.monotonic() + PATIENCE
    while not truth():
        assert time.monotonic() < deadline, log.read_text()[-4000:]
        time.sleep(0.1)
