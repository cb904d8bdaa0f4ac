"""Ready answers about days that are over, compressed: made once, sent again for as long as their version is theirs.

Only the body is kept. Who may have it, what it costs and whether a value came late is found out on every call; a late
value makes another version (see points.version), and what nobody asks for any more gives way.
"""

import gzip
import threading
from collections import OrderedDict
from typing import NamedTuple

MOST_BYTES = 32 * 2**20  # in each process


class Ready(NamedTuple):
    """A compressed body, and what is noted of it: bytes before compression, points of series."""

    body: bytes
    size: int
    points: int


def compressed(body: bytes, points: int) -> Ready:
    return Ready(gzip.compress(body, 6, mtime=0), len(body), points)


class Shelf:
    """Answers by their versions; the one that was asked for longest ago is the first to go."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._bytes, self._lock = most_bytes, 0, threading.Lock()
        self._answers: OrderedDict[bytes, Ready] = OrderedDict()

    def find(self, version: bytes) -> Ready | None:
        with self._lock:
            found = self._answers.get(version)
            if found:
                self._answers.move_to_end(version)
            return found

    def put(self, version: bytes, answer: Ready) -> None:
        with self._lock:
            if version not in self._answers:
                self._answers[version] = answer
                self._bytes += len(answer.body)
            while self._bytes > self._most:
                _version, oldest = self._answers.popitem(last=False)
                self._bytes -= len(oldest.body)


shelf = Shelf()
