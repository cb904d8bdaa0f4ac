"""Tasks for tests. Each writes into a file what it does, for it runs in another process."""

import time
from pathlib import Path

from celery import shared_task


def _write(file: str, word: str) -> int:
    """Append a line; how often the word stands there now."""
    with Path(file).open("a") as lines:
        lines.write(f"{word} {time.time():.3f}\n")
    return Path(file).read_text().count(word)


@shared_task(name="tests.note")
def note(file: str) -> None:
    _write(file, "noted")


@shared_task(name="tests.flaky", retry_backoff=1, retry_jitter=False)
def flaky(file: str, failures: int) -> None:
    if _write(file, "tried") <= failures:
        raise OSError("the server is busy")


@shared_task(name="tests.slow")
def slow(file: str, seconds: float) -> None:
    """Slow the first time only."""
    if _write(file, "began") == 1:
        time.sleep(seconds)
    _write(file, "ended")
