"""What the calls of this process did, kept in memory and written down every few seconds, away from the requests.

A call only adds to numbers in memory (`note`). A thread with a database connection of its own adds them to the tables
every `settings.USAGE_FLUSH_SECONDS` (0: nobody does, tests call `flush`), and the process does so once more when it
ends in order. What kill -9 or a power cut takes are these seconds of statistics; the quota is counted elsewhere.
"""

import datetime as dt
import logging
import os
import threading
import time
from dataclasses import dataclass
from multiprocessing.util import Finalize
from uuid import UUID

from django.conf import settings
from django.db import close_old_connections, connection

from apps.accounts.access import Access

from . import usage_rows
from .usage_rows import ClientSeen, HourCounts, Notes, PlantCounts

log = logging.getLogger(__name__)

MANY = 2_000  # rows noted: write them early
MOST = 20_000  # rows noted, about 10 MB: while the database is away, what needs a further row is not counted


@dataclass(slots=True)
class Call:
    """One answered call. `plant` and `plant_day` (in its time zone) are set where a plant's data were read."""

    function: str
    status: int
    points: int
    bytes: int
    milliseconds: float
    at: dt.datetime
    address: str | None = None
    plant: UUID | None = None
    plant_day: dt.date | None = None


def note(access: Access, call: Call) -> None:
    """Remember a call; touches memory only."""
    if access.subscription is None or access.client is None:
        raise ValueError("Only calls of the APIs are noted.")
    hour = call.at.replace(minute=0, second=0, microsecond=0)
    key = (access.subscription, hour, access.client, call.function, f"{call.status // 100}xx")
    with _state.lock:
        notes = _state.notes
        _state.lost += not notes.add_hour(key, HourCounts(1, call.points, call.bytes, call.milliseconds), MOST)
        notes.add_client(access.client, ClientSeen(call.at, call.address))
        if call.plant is not None and call.plant_day is not None:
            read = PlantCounts(1, call.at, call.at, call.address)
            _state.lost += not notes.add_plant((call.plant, call.plant_day, access.client), read, MOST)
        rows = len(notes)
    if _state.thread is None and settings.USAGE_FLUSH_SECONDS:
        _start()
    if rows >= MANY:
        _state.wake.set()


def flush() -> int:
    """Write everything noted so far; how many rows. Where the database fails it raises, and nothing is forgotten."""
    with _state.writing:
        with _state.lock:
            notes, _state.notes = _state.notes, Notes()
        try:
            usage_rows.write(notes)
        except BaseException:
            with _state.lock:
                newer, _state.notes = _state.notes, notes
                _state.lost += notes.merge(newer, MOST)
            raise
    return len(notes)


def forget() -> None:
    """Drop what is noted and not yet written: for tests."""
    with _state.lock:
        _state.notes, _state.lost, _state.failing = Notes(), 0, False


# --- The thread ---------------------------------------------------------------------------------------


class _State:
    """Everything that changes. A forked process begins with an empty one: its parent writes its own notes."""

    def __init__(self) -> None:
        self.lock = threading.Lock()  # held for microseconds
        self.writing = threading.Lock()  # held while the database is at work
        self.wake = threading.Event()
        self.notes = Notes()
        self.lost = 0
        self.thread: threading.Thread | None = None
        self.failing = False


_state = _State()


def _begin_anew() -> None:
    global _state
    _state = _State()


os.register_at_fork(after_in_child=_begin_anew)


def _start() -> None:
    with _state.lock:
        if _state.thread is not None:
            return
        _state.thread = threading.Thread(target=_run, args=(_state,), name="usage", daemon=True)
        _state.thread.start()
    # Unlike atexit it also runs where a child of multiprocessing ends, and the server's workers are such children.
    Finalize(None, _flush_quietly, exitpriority=100)


def _run(state: _State) -> None:
    while True:
        early = state.wake.wait(settings.USAGE_FLUSH_SECONDS)
        state.wake.clear()
        written = _flush_quietly()
        if early and not written:
            time.sleep(settings.USAGE_FLUSH_SECONDS)  # full and failing: not in a tight loop


def _flush_quietly() -> bool:
    """Whether it worked. The log is told when it begins to fail and when it works again, not every few seconds."""
    state = _state
    try:
        close_old_connections()
        flush()
    except Exception as error:  # noqa: BLE001  (statistics disturb nobody; the next turn tries again)
        if not state.failing:
            log.warning("usage cannot be written, trying on: %s", error)
        state.failing = True
        _close()
        return False
    if state.failing or state.lost:
        log.warning("usage is written again; %d entries found no room meanwhile", state.lost)
    state.failing, state.lost = False, 0
    return True


def _close() -> None:
    try:
        connection.close()
    except Exception:  # it was broken
        log.debug("the connection could not be closed", exc_info=True)
