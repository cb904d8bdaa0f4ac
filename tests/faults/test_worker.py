"""A worker is killed while it imports a file: another one does it, as soon as the first attempt is given up."""

import signal
import sqlite3
import time
from contextlib import closing
from typing import Any

import httpx
import psycopg

from tests.faults.conftest import IS_SQLITE
from tests.faults.loggers import SolarLog
from tests.faults.stand import Stand
from tests.live import wait_until

FIRST_WAIT, LEASE, SWEEP_EVERY = 120.0, 60.0, 60.0  # seconds: what docs/faults.md says
LONG_FILE = "".join(
    f'm[mi++]="01.06.25 {second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}|2000;2100;{second // 20};400"\r\n'
    for second in reversed(range(0, 86_400, 4))
)


def attempts(stand: Stand) -> int:
    """How often the import of the newest file was begun; asked of the database itself, for it is soon over."""
    question, url = (
        "SELECT attempts FROM ingest_upload ORDER BY received_at DESC LIMIT 1",
        stand.environment["DATABASE_URL"],
    )
    if IS_SQLITE:
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
            return int(database.execute(question).fetchone()[0])
    with psycopg.connect(url) as server:
        return int(server.execute(question).fetchone()[0])  # type: ignore[index]


def test_what_a_killed_worker_was_at_is_done_by_another(stand: Stand, capsys: Any):
    auth, url = tuple(stand.open(seals=False)["field"]), f"http://127.0.0.1:{stand.web_port}/ingest/v1/faults"

    def send(name: str, text: str) -> str:
        sent = httpx.put(f"{url}/files/{name}", content=text, auth=auth, timeout=60)
        assert sent.status_code == 202
        return f"{url}/receipts/{sent.json()['id']}"

    def told(receipt: str) -> dict[str, Any]:
        answer: dict[str, Any] = httpx.get(receipt, auth=auth).json()
        return answer

    described = send("base_vars.js", SolarLog.BASE_VARS)
    wait_until(lambda: told(described)["state"] == "stored", "the worker does not import")
    first, second = stand["worker"], stand.add_worker("another worker")
    long = send("min250601.js", LONG_FILE)
    wait_until(lambda: attempts(stand), "the worker does not begin")
    first.end(signal.SIGKILL)
    killed = time.monotonic()
    second.start()

    # The file's state stays "received" until its evening is surely over; that it was imported is told by its records.
    assert not told(long).get("records")  # it was in the middle of it
    while not told(long).get("records"):
        assert time.monotonic() - killed < FIRST_WAIT + LEASE + 2 * SWEEP_EVERY, second.log.read_text()[-4000:]
        time.sleep(1)
    assert told(long)["records"] == LONG_FILE.count("\n")
    with capsys.disabled():
        print(f"\nA killed worker's import was done by another {time.monotonic() - killed:.0f} s later")
