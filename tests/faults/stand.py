"""A whole portal as processes that can be killed with SIGKILL and started again: each in a process group of its own."""

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from tests.live import ROOT, environment_for, free_port

PATIENCE = 90.0  # seconds; a loaded machine starts slowly


@dataclass
class Service:
    """One program, started as often as it is killed. `is_ready` says whether it does its work."""

    name: str
    command: Sequence[str]
    environment: dict[str, str]
    log: Path
    is_ready: Callable[["Service"], bool]
    user: str | None = None
    process: "subprocess.Popen[bytes] | None" = None
    kills: int = 0

    def start(self) -> None:
        with self.log.open("a") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.user,
                group=self.user,
                extra_groups=[] if self.user else None,
            )

    def revive(self) -> None:
        """Start it if it is not there: what was killed may leave behind what the next one has to wait for."""
        if self.process is None or self.process.poll() is not None:
            self.start()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self.is_ready(self):
            assert time.monotonic() < deadline, f"{self.name} is not ready:\n{self.log.read_text()[-4000:]}"
            time.sleep(0.05)
            self.revive()

    def children(self) -> list[int]:
        """The processes it has started."""
        assert self.process is not None
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            threads = Path(f"/proc/{self.process.pid}/task").iterdir()
            return [int(child) for thread in threads for child in (thread / "children").read_text().split()]
        return []

    def kill(self, chance: random.Random) -> None:
        """SIGKILL for all of it and a new start, or for one of its processes, which it has to get over itself."""
        assert self.process is not None
        self.kills += 1
        children = self.children()
        if children and chance.random() < 0.3:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(children), signal.SIGKILL)
        else:
            self.end(signal.SIGKILL)
            self.start()

    def end(self, number: int = signal.SIGTERM) -> None:
        """Signal its group and wait until it is gone."""
        if self.process is None:
            return
        for one in (number, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, one)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)


@dataclass
class Stand:
    """Web, worker, FTP server and somebody who seals, on SQLite and a folder or on own PostgreSQL and Redis servers."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    stores: list[Service] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    web_port: int = field(default_factory=free_port)
    ftp_port: int = field(default_factory=free_port)
    _database: Path | None = None

    def on_sqlite(self) -> None:
        """The set-up of a trial: one file, and a folder for messages."""
        self._set_environment(f"sqlite:///{self.folder / 'faults.sqlite3'}", BROKER_FOLDER=str(self.folder / "broker"))

    def on_servers(self, postgres: Path) -> None:
        """An own PostgreSQL, with fsync as it comes, and an own Redis that keeps nothing on disk."""
        database, redis = free_port(), free_port()
        owner = "postgres" if os.getuid() == 0 else None  # PostgreSQL refuses root
        # Not in pytest's folder: every run of pytest closes that to other users.
        self._database = Path(tempfile.mkdtemp(prefix="helioport-faults-"))
        data = self._database
        if owner:
            shutil.chown(data, owner, owner)
        who: dict[str, Any] = {"user": owner, "group": owner, "extra_groups": [] if owner else None}
        made = [
            str(postgres / "initdb"),
            "-D",
            str(data),
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ]
        subprocess.run([*made, "--no-sync"], check=True, capture_output=True, cwd="/", **who)
        options = {"port": database, "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        own = [str(postgres / "postgres"), "-D", str(data), *arguments]
        self._add(self.stores, "postgres", own, lambda _: answers(postgres, database), owner)
        no_files = ["--save", "", "--appendonly", "no", "--dir", str(self.folder)]
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(redis), *no_files]
        self._add(self.stores, "redis", command, lambda _: listens(redis))
        self._set_environment(
            f"postgres://postgres@127.0.0.1:{database}/postgres", REDIS_URL=f"redis://127.0.0.1:{redis}/0"
        )

    def _set_environment(self, database_url: str, **more: str) -> None:
        self.environment = environment_for(database_url, BASE_URL=f"http://127.0.0.1:{self.web_port}", **more)

    def open(self) -> dict[str, Any]:
        """Start everything; the logger keys."""
        for store in self.stores:
            store.start()
        for store in self.stores:
            store.wait_until_ready()
        keys = self.ask("prepare")
        python = sys.executable
        web = [python, "manage.py", "serve", "--port", str(self.web_port), "--workers", "1"]
        self._add(self.services, "web", web, lambda _: is_healthy(self.web_port))
        worker = [python, "manage.py", "work", "--processes", "1"]
        self._add(self.services, "worker", worker, lambda service: bool(service.children()))
        ftpd = [python, "manage.py", "ftpd", "--port", str(self.ftp_port)]
        self._add(self.services, "ftpd", ftpd, lambda _: listens(self.ftp_port))
        sealer = [python, "-m", "tests.faults.inside", "seal"]
        self._add(self.services, "sealer", sealer, lambda service: "ready" in service.log.read_text())
        for service in self.services:
            service.start()
        self.wait_until_ready()
        return keys

    def _add(
        self,
        to: list[Service],
        name: str,
        command: Sequence[str],
        is_ready: Callable[[Service], bool],
        user: str | None = None,
    ) -> None:
        environment = self.environment or dict(os.environ)
        to.append(Service(name, command, environment, self.folder / f"{name}.log", is_ready, user))

    def wait_until_ready(self) -> None:
        for service in (*self.stores, *self.services):
            service.revive()
            service.wait_until_ready()

    def revive(self) -> None:
        for service in (*self.stores, *self.services):
            service.revive()

    def ask(self, what: str) -> dict[str, Any]:
        """What a program inside answers."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults.inside", what],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def told(self) -> str:
        """The last words of everybody, for a test that fails."""
        logs = {service.name: service.log.read_text()[-1500:] for service in (*self.stores, *self.services)}
        return "\n".join(f"--- {name}\n{words}" for name, words in logs.items())

    def close(self) -> None:
        for service in reversed((*self.stores, *self.services)):
            service.end()
        if self._database:
            shutil.rmtree(self._database, ignore_errors=True)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answers(postgres: Path, port: int) -> bool:
    """Whether the database takes connections."""
    return (
        subprocess.run(
            [postgres / "pg_isready", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-q"], check=False
        ).returncode
        == 0
    )


def is_healthy(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
            return True
    except (URLError, ConnectionError, TimeoutError):
        return False
