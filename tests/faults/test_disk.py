"""The disk of the database is full, then there is room again: what cannot be kept is refused, and nothing is lost.

The disk is a small one in memory, for which these tests must be allowed to mount.
"""

import contextlib
import ftplib
import os
import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from kombu import Connection

from apps.accounts.audit import Actor
from apps.ingest import keys
from apps.ingest.models import Upload
from apps.plants.models import Plant
from tests.conftest import NO_MOUNTING
from tests.faults.conftest import IS_SQLITE
from tests.faults.polling import is_clean, push, token_of, told
from tests.faults.stand import Stand, programs_of_postgres
from tests.ingest.ftp_server import running, store
from tests.live import wait_until

MEGABYTES = 24 if IS_SQLITE else 160  # an empty PostgreSQL has 60, its journal grows in steps of 16
PAGE = 4096


@pytest.fixture
def disk() -> Iterator[Path]:
    """A small disk that everybody may enter."""
    place = Path(f"/tmp/helioport-disk-{os.getpid()}")  # noqa: S108  (pytest's folders are closed to PostgreSQL)
    place.mkdir()
    options = ("-t", "tmpfs", "-o", f"size={MEGABYTES}m,mode=0755")
    mounted = subprocess.run(["mount", *options, "helioport", str(place)], check=False, capture_output=True, text=True)
    try:
        if mounted.returncode:
            pytest.skip(f"{NO_MOUNTING}: {mounted.stderr.strip()}")
        yield place
        subprocess.run(["umount", str(place)], check=True)
    finally:
        place.rmdir()


@pytest.fixture
def stand(disk: Path, tmp_path: Path) -> Iterator[Stand]:
    made = Stand(tmp_path)
    try:
        if IS_SQLITE:
            made.on_sqlite(disk)
        else:
            (disk / "data").mkdir(mode=0o700)
            made.on_servers(programs_of_postgres(), disk / "data")
        made.environment["DJANGO_SETTINGS_MODULE"] = "tests.faults.portal_settings"
        made.open(seals=False)
        yield made
    finally:
        made.close()


def fill(disk: Path) -> Path:
    """Leave no room at all."""
    ballast = disk / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in (1 << 20, PAGE):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))
    return ballast


class Pusher:
    """One who delivers different readings by HTTP, one by one, and knows which were acknowledged."""

    def __init__(self, url: str, logger: dict[str, str]) -> None:
        self.acknowledged: list[str] = []
        self.refused: list[httpx.Response] = []
        self._url, self._logger, self._number = url, logger, 0

    def push(self) -> httpx.Response:
        self._number += 1
        answer = push(self._url, self._logger, minutes_ago=5 * self._number)
        if answer.status_code == 202:
            self.acknowledged.append(answer.json()["id"])
        else:
            self.refused.append(answer)
        return answer


def upload(stand: Stand, logger: dict[str, str], number: int) -> str:
    """The answer to a file by FTP."""
    with ftplib.FTP(timeout=60) as client:  # noqa: S321
        client.connect("127.0.0.1", stand.ftp_port)
        try:
            client.login(logger["login"], logger["secret"])
            return client.storbinary(f"STOR min2401{number % 28 + 1:02d}.js", BytesIO(os.urandom(30_000)))
        except ftplib.Error as refusal:
            return str(refusal)


def test_a_full_disk_refuses_deliveries_and_nothing_that_was_acknowledged_is_lost(
    disk: Path, stand: Stand, capsys: Any
):
    [owner] = stand.ask("owners", "make", "1", "0", "0")["owners"]
    url, logger = f"http://127.0.0.1:{stand.web_port}", owner["logger"]
    pusher = Pusher(url, logger)
    assert pusher.push().status_code == 202
    assert upload(stand, logger, 0).startswith("226")
    with httpx.Client(base_url=url, timeout=60) as client:
        token = token_of(client, owner).json()["access_token"]
        day = "/api/v1/polled/administration/plants"
        plant, bearer = f"/p/polled/plants/{owner['plant']}", {"Authorization": f"Bearer {token}"}

        def read() -> list[int]:
            page = client.get(plant, headers={"Cookie": owner["cookie"]})
            call = client.get(day, headers=bearer)
            assert all(answer.status_code == 200 or is_clean(answer) for answer in (page, call)), (page, call)
            return [page.status_code, call.status_code]

        assert read() == [200, 200]
        ballast = fill(disk)
        wait_until(lambda: told(pusher.push()) == "507 storage_full", str(pusher.refused))
        answers = [upload(stand, logger, number) for number in range(1, 30)]
        reads = [read() for _ in range(5)]
        full = {told(answer) for answer in pusher.refused}
        ballast.unlink()
        wait_until(lambda: pusher.push().status_code == 202, "no delivery goes")
        assert upload(stand, logger, 0).startswith("226")
        wait_until(lambda: read() == [200, 200], "no page")
        receipts = f"{url}/ingest/v1/polled/receipts"
        auth = (logger["login"], logger["secret"])
        kept = [httpx.get(f"{receipts}/{one}", auth=auth).status_code for one in pusher.acknowledged]
    with capsys.disabled():
        print(f"\nDisk full: pushed {full}, by FTP {sorted({one[:40] for one in answers})}, pages and calls {reads}")
    assert all(map(is_clean, pusher.refused))
    assert "507 storage_full" in full
    assert any(one.startswith("452") for one in answers)
    assert all(one.startswith(("226", "452")) for one in answers)
    assert [page for page, _call in reads] == [200] * 5
    # On SQLite the quota is on that disk too: a call that cannot be counted does not pass.
    assert {call for _page, call in reads} <= ({200, 503} if IS_SQLITE else {200})
    assert kept == [200] * len(kept)


def answer_to(client: ftplib.FTP, body: bytes) -> str:
    """The answer to a file; where it is refused, that may be before all of it was sent."""
    try:
        return store(client, "min240101.js", body)
    except ConnectionError:
        return client.voidresp()


def test_a_full_spool_refuses_a_large_file_by_ftp(disk: Path, transactional_db: None, plant_a: Plant, settings: Any):
    settings.VAR_DIR = disk
    with running(*keys.create_key(plant_a, "Logger", Actor("mona@sunny.example"))) as server:
        client, body = server.login(), os.urandom(1_000_000)
        ballast = fill(disk)
        with pytest.raises(ftplib.error_temp, match="452 There is no room"):
            answer_to(client, body)
        assert not Upload.objects.exists()
        ballast.unlink()
        assert answer_to(client, body).startswith("226")
        assert Upload.objects.get().size == len(body)


def test_a_full_folder_of_the_broker_keeps_no_half_messages(disk: Path):
    folder = disk / "broker"
    with Connection("folder://localhost", transport_options={"folder": str(folder)}) as connection:
        queue = connection.SimpleQueue("ingest")
        queue.put("first")
        ballast = fill(disk)
        with pytest.raises(OSError, match="No space left"):
            queue.put("x" * PAGE * 4)
        ballast.unlink()
        assert len(list((folder / "ingest").iterdir())) == 1
        queue.put("second")
        got = [queue.get(timeout=5) for _ in range(2)]
        assert [message.payload for message in got] == ["first", "second"]
        queue.close()
