"""The FTP server of `manage.py ftpd` in a thread of the test, so that a test can look inside and take things away."""

import ftplib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from queue import SimpleQueue
from typing import Any

from django.db import connections

from apps.ingest.ftp.server import Options, Server
from apps.ingest.models import LoggerKey


@dataclass
class Running:
    """A server on `port`. `inside` has something done in its thread and waits for it."""

    server: Server
    key: LoggerKey
    secret: str
    port: int
    _wishes: SimpleQueue[tuple[Callable[[], Any], threading.Event]] = field(default_factory=SimpleQueue)
    _over: threading.Event = field(default_factory=threading.Event)
    _clients: list[ftplib.FTP] = field(default_factory=list)

    def inside(self, wish: Callable[[], Any]) -> None:
        done = threading.Event()
        self._wishes.put((wish, done))
        assert done.wait(10)

    def arrived(self) -> int:
        """How many bytes of files that are on their way have been read."""
        channels = [session.data_channel for session in self.server.sessions()]
        return sum(channel.tot_bytes_received for channel in channels if channel)

    def serve(self) -> None:
        try:
            while self.server.turn(0.02) and not self._over.is_set():
                while not self._wishes.empty():
                    wish, done = self._wishes.get()
                    wish()
                    done.set()
        finally:
            self.server.close_all()
            connections.close_all()

    def stop(self) -> None:
        for client in self._clients:
            client.close()
        self._over.set()

    @property
    def has_ended(self) -> bool:
        return not self.server.ioloop.socket_map

    def wait_until(self, holds: Callable[[], bool], seconds: float = 5) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def connect(self, client: ftplib.FTP | None = None) -> ftplib.FTP:
        """A client (Python's ftplib) that has not logged in."""
        client = client or ftplib.FTP(timeout=20)  # noqa: S321
        self._clients.append(client)
        client.connect("127.0.0.1", self.port)
        return client

    def login(self, *, secret: str | None = None, login: str | None = None) -> ftplib.FTP:
        """A client that is logged in with the logger's key."""
        client = self.connect()
        client.login(login or self.key.login, secret or self.secret)
        return client


@contextmanager
def running(key: LoggerKey, secret: str, **options: Any) -> Iterator[Running]:
    server = Server(Options(host="127.0.0.1", port=0, **options))
    found = Running(server, key, secret, server.address[1])
    thread = threading.Thread(target=found.serve)
    thread.start()
    try:
        yield found
    finally:
        found.stop()
        thread.join(10)
        assert not thread.is_alive()


def store(client: ftplib.FTP, name: str, body: bytes, command: str = "STOR") -> str:
    """Upload; returns the last answer."""
    return client.storbinary(f"{command} {name}", BytesIO(body))


def answer(client: ftplib.FTP, command: str) -> str:
    """The answer to a command, also a refusing one."""
    try:
        return client.sendcmd(command)
    except ftplib.Error as refusal:
        return str(refusal)


def refusal(act: Callable[[], Any]) -> str:
    """The words an act is refused with."""
    try:
        act()
    except ftplib.Error as refused:
        return str(refused)
    raise AssertionError("It was not refused.")
