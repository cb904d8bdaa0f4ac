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

    def send(self, number: int) -> None:
        """Signal its first process only, and wait until that is gone, as whoever looks after a server does."""
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(PATIENCE)

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

    def on_sqlite(self, data: Path | None = None) -> None:
        """The set-up of a trial: one file, and a folder for messages; both in `data`, if that is given."""
        data = data or self.folder
        self._set_environment(f"sqlite:///{data / 'faults.sqlite3'}", BROKER_FOLDER=str(data / "broker"))

    def on_servers(self, postgres: Path, data: Path | None = None, *, redis_keeps: bool = False) -> None:
        """An own PostgreSQL, with fsync as it comes, and an own Redis that keeps nothing on disk, or all of it.

        `data` is the empty folder of the database, where it is not to be made and removed here.
        """
        database, redis = free_port(), free_port()
        owner = "postgres" if os.getuid() == 0 else None  # PostgreSQL refuses root
        if data is None:
            # Not in pytest's folder: every run of pytest closes that to other users.
            data = self._database = Path(tempfile.mkdtemp(prefix="helioport-faults-"))
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
        files = ["--save", "", "--appendonly", "yes" if redis_keeps else "no", "--dir", str(self.folder)]
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(redis), *files]
        self._add(self.stores, "redis", command, lambda _: listens(redis))
        self._set_environment(
            f"postgres://postgres@127.0.0.1:{database}/postgres", REDIS_URL=f"redis://127.0.0.1:{redis}/0"
        )

    def _set_environment(self, database_url: str, **more: str) -> None:
        self.environment = environment_for(database_url, BASE_URL=f"http://127.0.0.1:{self.web_port}", **more)

    def open(self, *, web: int = 1, seals: bool = True) -> dict[str, Any]:
        """Start everything, with so many processes of the web server; the logger keys."""
        for store in self.stores:
            store.start()
        for store in self.stores:
            store.wait_until_ready()
        keys = self.ask("inside", "prepare")
        manage = [sys.executable, "manage.py"]
        server = [*manage, "serve", "--port", str(self.web_port), "--workers", str(web)]
        self._add(self.services, "web", server, lambda _: is_healthy(self.web_port))
        self.add_worker("worker")
        ftpd = [*manage, "ftpd", "--port", str(self.ftp_port)]
        self._add(self.services, "ftpd", ftpd, lambda _: listens(self.ftp_port))
        if seals:
            sealer = [sys.executable, "-m", "tests.faults.inside", "seal"]
            self._add(self.services, "sealer", sealer, lambda service: "ready" in service.log.read_text())
        for service in self.services:
            service.start()
        self.wait_until_ready()
        return keys

    def add_worker(self, name: str) -> Service:
        """One more that does background work, not started yet."""
        command = [sys.executable, "manage.py", "work", "--processes", "1"]
        self._add(self.services, name, command, lambda service: bool(service.children()))
        return self.services[-1]

    def __getitem__(self, name: str) -> Service:
        """The program of that name."""
        return next(service for service in (*self.stores, *self.services) if service.name == name)

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

    def ask(self, program: str, *words: str) -> dict[str, Any]:
        """What a program inside answers."""
        done = subprocess.run(
            [sys.executable, "-m", f"tests.faults.{program}", *words],
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


def programs_of_postgres() -> Path:
    """The newest PostgreSQL of this machine."""
    places = (Path("/usr/lib/postgresql"), Path("/usr/local"), Path("/opt/homebrew"))
    found = [program.parent for place in places if place.is_dir() for program in place.glob("**/bin/initdb")]
    return max(found, key=lambda folder: [int(n) if n.isdecimal() else 0 for n in folder.parts], default=Path())


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
