"""Who may log in by FTP and for how long, what happens without a database, and the limits."""

import datetime as dt
import gzip
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from apps.accounts.audit import Actor
from apps.ingest import keys
from apps.ingest.ftp import folder, session
from apps.ingest.ftp.server import Server
from apps.ingest.ftp.session import Session
from apps.ingest.models import LoggerKey, Upload
from apps.plants.models import Plant
from tests.ingest.ftp_server import Running, answer, refusal, store

MONA = Actor("mona@sunny.example")
DAY = b'm[mi++]="01.07.25 12:00:00|500;550;3000;400"\r\n'
RECEIVED = "226 Received and safely stored."
ENDED = "421 This key is no longer accepted."
AGAIN = "451 The database does not answer. Nothing was accepted; please send it again."


@pytest.fixture(autouse=True)
def _refuse_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "auth_failed_timeout", 0.05)


# --- Logging in ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["hpl_wrong", "", "anonymous@", "\0"])
def test_a_wrong_secret_is_refused(ftp: Running, wrong: str):
    assert refusal(lambda: ftp.login(secret=wrong or " ")) == "530 Authentication failed."


def test_the_secret_of_one_logger_does_not_open_another_ones_login(ftp: Running, plant_b: Plant):
    other, secret = keys.create_key(plant_b, "Logger", MONA)
    assert refusal(lambda: ftp.login(login=other.login)) == "530 Authentication failed."
    assert refusal(lambda: ftp.login(secret=secret)) == "530 Authentication failed."
    assert ftp.login(login=other.login, secret=secret).nlst() == []


def test_a_revoked_key_is_refused(ftp: Running):
    keys.revoke_key(ftp.key, MONA)
    assert refusal(ftp.login) == "530 Authentication failed."


def test_a_plant_that_is_switched_off_is_refused(ftp: Running, plant_a: Plant):
    plant_a.status = Plant.Status.DEACTIVATED
    plant_a.save()
    assert refusal(ftp.login) == "530 Authentication failed."


def test_a_refusal_takes_its_time_and_after_three_the_connection_ends(ftp: Running, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Session, "auth_failed_timeout", 0.3)
    client, began = ftp.connect(), time.monotonic()
    answers = [refusal(lambda: client.login(ftp.key.login, "hpl_wrong")) for _ in range(3)]
    assert answers == ["530 Authentication failed."] * 2 + ["530 Authentication failed. Disconnecting."]
    assert time.monotonic() - began > 0.9
    with pytest.raises((EOFError, OSError)):
        client.login(ftp.key.login, ftp.secret)


def test_before_the_login_nothing_is_possible(ftp: Running):
    client = ftp.connect()
    assert client.getwelcome() == "220 Helioport: files of data loggers"
    for command in ("PASV", "STOR a.js", "LIST", "CWD /", "SIZE a.js", "MKD a"):
        assert answer(client, command) == "530 Log in with USER and PASS first."


def test_who_does_not_log_in_is_sent_away(ftp: Running, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(session, "LOG_IN_WITHIN", 0.1)
    client = ftp.connect()
    time.sleep(0.3)
    assert answer(client, "NOOP") == "421 Log in sooner."


def test_who_is_silent_is_sent_away(ftp: Running, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Session, "timeout", 0.2)
    client = ftp.login()
    time.sleep(0.5)
    assert answer(client, "NOOP") == "421 Control connection timed out."


def test_a_transfer_without_progress_is_ended(ftp: Running, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(session.DataChannel, "timeout", 0.2)
    client = ftp.login()
    client.voidcmd("TYPE I")
    with client.transfercmd("STOR min_day.js") as data:
        data.sendall(DAY)
        assert refusal(client.voidresp) == "421 Data connection timed out."
    assert not Upload.objects.exists()


def test_nothing_a_client_sent_in_secret_is_logged(ftp: Running, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("pyftpdlib").setLevel(logging.DEBUG)
    try:
        client = ftp.login()
        store(client, "min_day.js", DAY)
        client.sock.sendall(b"MKD a\nb\r\n")  # type: ignore[union-attr]
        assert refusal(client.getresp).startswith("550")
        refusal(lambda: ftp.login(login="hpl_secret_as_login"))
        ftp.inside(lambda: None)  # it goes on after the answer
    finally:
        logging.getLogger("pyftpdlib").setLevel(logging.WARNING)
    assert "delivered min_day.js, 46 bytes" in caplog.text
    assert ftp.secret not in caplog.text
    assert "hpl_secret_as_login" not in caplog.text
    assert "a\nb" not in caplog.text


# --- A key that ends while its session lasts -----------------------------------------------------------------------


def test_the_session_of_a_revoked_key_ends_with_its_next_command(ftp: Running):
    client = ftp.login()
    store(client, "a.js", DAY)
    keys.revoke_key(ftp.key, MONA)
    assert answer(client, "NOOP") == ENDED
    with pytest.raises((EOFError, OSError)):
        client.sendcmd("NOOP")
    assert Upload.objects.count() == 1


def test_a_transfer_that_was_under_way_is_not_accepted_any_more(ftp: Running):
    client = ftp.login()
    client.voidcmd("TYPE I")
    with client.transfercmd("STOR min_day.js") as data:
        keys.revoke_key(ftp.key, MONA)
        data.sendall(DAY)
    assert refusal(client.voidresp) == ENDED
    assert not Upload.objects.exists()


def test_after_a_rotation_sessions_with_the_former_secret_last_as_long_as_it_does(ftp: Running):
    client = ftp.login()
    keys.rotate_key(ftp.key, MONA)
    assert store(client, "a.js", DAY) == RECEIVED
    LoggerKey.objects.update(former_until=timezone.now() - dt.timedelta(seconds=1))
    assert answer(client, "NOOP") == ENDED


# --- Without a database --------------------------------------------------------------------------------------------


@pytest.fixture
def cut_database(ftp: Running) -> Iterator[tuple[Callable[[], None], Callable[[], None]]]:
    """Two functions: take the database away from the server, and give it back. The test keeps its own connection."""
    settings = connections.settings["default"]
    nowhere = {"NAME": "/nonexistent/db.sqlite3", "HOST": "127.0.0.1", "PORT": "1"}
    known = {name: settings[name] for name in nowhere}

    def away() -> None:
        settings.update(nowhere)
        ftp.inside(connections.close_all)

    def back() -> None:
        settings.update(known)

    yield away, back
    back()


def test_without_a_database_nothing_is_acknowledged_and_the_file_can_be_sent_again(ftp: Running, cut_database: Any):
    away, back = cut_database
    client = ftp.login()
    store(client, "min_day.js", DAY)
    away()
    assert refusal(lambda: store(client, "min_day.js", DAY * 2)) == AGAIN
    assert refusal(lambda: client.rename("min_day.js", "min250701.js")) == AGAIN
    assert refusal(ftp.login) == "421 The database does not answer. Come again later."
    back()
    assert client.size("min_day.js") == len(DAY)
    assert store(client, "min_day.js", DAY * 2) == RECEIVED
    assert client.rename("min_day.js", "min250701.js") == "250 Renaming ok."
    waiting = [(row.name, gzip.decompress(row.body)) for row in Upload.objects.order_by("received_at") if row.body]
    assert waiting == [("min_day.js", DAY), ("min250701.js", DAY * 2)]


def test_an_error_of_ours_is_answered_and_nothing_is_accepted(
    ftp: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    client = ftp.login()
    with monkeypatch.context() as broken:
        broken.setattr("apps.ingest.uploads.receive_file", lambda *_, **__: 1 / 0)
        said = refusal(lambda: store(client, "a.js", DAY))
    assert said == "451 Something went wrong here. Nothing was accepted; please send it again."
    assert "ZeroDivisionError" in caplog.text
    assert store(client, "a.js", DAY) == RECEIVED


# --- Limits --------------------------------------------------------------------------------------------------------


def test_a_file_that_is_too_large_is_refused_while_it_comes(ftp: Running, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(folder, "MOST_BYTES", 100_000)
    client = ftp.login()
    client.voidcmd("TYPE I")
    with client.transfercmd("STOR backup.dat") as data:
        data.sendall(b"x" * 100_001)
        assert refusal(client.voidresp) == "552 A file has at most 100000 bytes."
    assert client.nlst() == []
    assert not Upload.objects.exists()


def test_a_session_brings_a_limited_number_of_files_and_folders(ftp: Running, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(folder, "MOST_FILES", 2)
    monkeypatch.setattr(folder, "MOST_FOLDERS", 3)
    client = ftp.login()
    for name in ("a.js", "b.js", "a.js"):
        assert store(client, name, DAY) == RECEIVED
    said = refusal(lambda: store(client, "c.js", DAY))
    assert said == "550 A session brings at most 2 files; log in again."
    client.mkd("one/two")
    assert refusal(lambda: client.mkd("three")) == "550 Too many folders in one session."


def test_a_key_has_a_limited_number_of_sessions(ftp: Running, plant_b: Plant):
    five = [ftp.login() for _ in range(5)]
    assert refusal(ftp.login) == "421 Too many sessions with this key."
    other, secret = keys.create_key(plant_b, "Logger", MONA)
    ftp.login(login=other.login, secret=secret)
    five[0].quit()
    assert ftp.login().nlst() == []


def test_an_address_and_the_server_have_a_limited_number_of_connections(ftp: Running, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Server, "max_cons_per_ip", 2)
    held = [ftp.connect() for _ in range(2)]
    assert refusal(ftp.connect) == "421 Too many connections from the same IP address."
    monkeypatch.setattr(Server, "max_cons", 2)
    assert refusal(ftp.connect) == "421 Too many connections. Service temporarily unavailable."
    assert held[0].sendcmd("NOOP").startswith("200")


def test_endless_lines_are_not_collected(ftp: Running):
    client = ftp.login()
    client.sock.sendall(b"x" * 100_000 + b"\r\n")  # type: ignore[union-attr]
    assert refusal(client.getresp) == "500 Command too long."


def test_forty_loggers_deliver_at_once(ftp: Running, plant_a: Plant, plant_b: Plant):
    """Five at a time with each of eight keys; every file arrives, once, with its own plant."""
    made = [keys.create_key(plant, f"L{n}", MONA) for plant in (plant_a, plant_b) for n in range(4)]
    together = threading.Barrier(40)

    def deliver(number: int) -> None:
        key, secret = made[number % 8]
        client = ftp.login(login=key.login, secret=secret)
        together.wait(30)
        for part in range(3):
            assert store(client, f"min25070{part + 1}.js", DAY + b"%d" % number) == RECEIVED
        client.quit()

    with ThreadPoolExecutor(40) as pool:
        list(pool.map(deliver, range(40)))
    rows = [(row.plant_id, row.name, gzip.decompress(row.body or b"")) for row in Upload.objects.all()]
    assert sorted(rows, key=str) == sorted(
        (
            (made[number % 8][0].plant_id, f"min25070{part + 1}.js", DAY + b"%d" % number)
            for number in range(40)
            for part in range(3)
        ),
        key=str,
    )


def test_a_server_that_ends_lets_a_transfer_finish(ftp: Running):
    busy, idle = ftp.login(), ftp.login()
    busy.voidcmd("TYPE I")
    with busy.transfercmd("STOR min_day.js") as data:
        data.sendall(DAY)
        ftp.wait_until(lambda: ftp.arrived() == len(DAY))
        ftp.server.end()
        assert refusal(idle.getresp) == "421 The server ends. Come again soon."
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", ftp.port))
    assert busy.voidresp() == RECEIVED
    assert refusal(busy.getresp) == "421 The server ends. Come again soon."
    ftp.wait_until(lambda: ftp.has_ended)
    assert Upload.objects.count() == 1


def test_somebody_else_may_log_in_on_the_same_connection(ftp: Running, plant_b: Plant):
    other, secret = keys.create_key(plant_b, "Logger", MONA)
    client = ftp.login()
    store(client, "a.js", DAY)
    client.login(other.login, secret)
    assert client.nlst() == []
    client.storbinary("STOR b.js", BytesIO(DAY))
    assert set(Upload.objects.values_list("plant__label", "name")) == {("Plant A", "a.js"), (plant_b.label, "b.js")}


def test_the_client_is_told_which_commands_there_are(ftp: Running):
    client = ftp.login()
    features = answer(client, "FEAT")
    assert "AUTH TLS" not in features
    assert "MFMT" not in features
    assert " SIZE" in features
