"""Processes that live and die together: server and worker of one machine."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from types import FrameType

PATIENCE = 10.0  # seconds for ending in good order; a task that takes longer is done again by the next worker


def run_together(commands: Mapping[str, Sequence[str]]) -> int:
    """Run the commands until one ends or we are told to stop, then stop all; the exit code for our own process.

    Each has a process group of its own: Ctrl-C reaches us alone, and we end them in order, with all they have started.
    """
    told: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        told.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in commands.items():
            running[name] = subprocess.Popen(command, start_new_session=True)  # noqa: S603
        while not told and all(process.poll() is None for process in running.values()):
            time.sleep(0.1)
        ended = {name: process.returncode for name, process in running.items() if process.returncode is not None}
    finally:
        _stop(running.values())
    for name, code in ended.items():
        sys.stderr.write(f"The {name} ended by itself (exit code {code}), so everything was stopped.\n")
    return 1 if ended else 0


def _stop(processes: Iterable[subprocess.Popen[bytes]]) -> None:
    """SIGTERM, and after PATIENCE or where the first of a group is gone SIGKILL for whoever is left of its group."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + PATIENCE
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(deadline - time.monotonic(), 0))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
