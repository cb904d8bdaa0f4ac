"""The lines of the log as production writes them."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

from apps.monitoring import logs

Line = dict[str, Any]


class Log:
    """What was written so far."""

    def __init__(self) -> None:
        self.stream = StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def lines(self, logger: str = "") -> list[Line]:
        """Of this logger and those below it."""
        return [line for line in read(self.text) if line["logger"].startswith(logger)]


def read(text: str) -> list[Line]:
    """The lines of a log that are JSON."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


@contextmanager
def listening(level: int = logging.INFO) -> Iterator[Log]:
    """Everything that is logged in this process meanwhile."""
    log, root = Log(), logging.getLogger()
    handler = logging.StreamHandler(log.stream)
    handler.setFormatter(logs.formatter(readable=False))
    before = root.level
    root.addHandler(handler)
    root.setLevel(level)
    try:
        yield log
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
