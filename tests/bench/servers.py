"""Databases and web servers of a benchmark, and the load on them."""

import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

import psycopg

from apps.web.management.commands.serve import granian
from tests.faults.stand import Service, listens
from tests.live import free_port

from .frame import Place

PRODUCT = "portal.wsgi:application"
BARE, COUNTING = "tests.bench.bare:application", "tests.bench.bare:counting"
CONNECTIONS = 4
_HTTPS = {"X-Forwarded-Proto": "https"}  # as nginx says it: the API refuses plain HTTP
_TOKEN = "/auth/realms/quotaapi/protocol/openid-connect/token"


# --- Databases -------------------------------------------------------------------------------------------


def make_database(place: Place, name: str, like: str | None = None) -> str:
    """The URL of a new database, empty or a copy of another one that nobody is connected to."""
    if place.engine == "sqlite":
        file = place.folder / f"{name}.sqlite3"
        if like:
            shutil.copyfile(like.removeprefix("sqlite:///"), file)
        return f"sqlite:///{file}"
    url = os.environ["DATABASE_URL"]
    template = f" TEMPLATE {like.rpartition('/')[2]}" if like else ""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}{template}".encode())
    return f"{url.rpartition('/')[0]}/{name}"


# --- Servers ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Server:
    """A running web server; calls to it carry `headers`."""

    url: str
    service: Service
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> "Answer":
        """What it answers."""
        request = urllib.request.Request(self.url + path, headers={**self.headers, **headers})  # noqa: S310
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
            return Answer(response.status, response.headers, response.read())

    def cpu(self) -> float:
        """Seconds of processor time that its workers have used; 0 where the system does not tell."""
        files = [Path(f"/proc/{worker}/stat") for worker in self.service.children()]
        fields = [file.read_text().rpartition(")")[2].split() for file in files]
        return sum(int(found[11]) + int(found[12]) for found in fields) / os.sysconf("SC_CLK_TCK")

    def log_in(self, client_id: str, secret: str) -> None:
        """From now on its calls carry a token of this client."""
        given = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        request = urllib.request.Request(self.url + _TOKEN, urlencode(given).encode(), self.headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
            self.headers["Authorization"] = f"Bearer {json.load(response)['access_token']}"


@dataclass(frozen=True)
class Answer:
    """What a server said."""

    status: int
    headers: Message
    body: bytes


def serve(place: Place, application: str, database_url: str) -> Server:
    """An application on granian as `manage.py serve` starts it, until the place is cleaned up."""
    port = free_port()
    command = granian("127.0.0.1", port, os.cpu_count() or 1)
    command[command.index(PRODUCT)] = application
    environment = {**os.environ, "DATABASE_URL": database_url}
    log = place.folder / f"{application.partition(':')[0]}-{port}.log"
    service = Service(application, command, environment, log, lambda _: listens(port))
    service.start()
    place.cleanup.callback(service.end)
    service.wait_until_ready()
    return Server(f"http://127.0.0.1:{port}", service, dict(_HTTPS))


# --- Load ------------------------------------------------------------------------------------------------


@dataclass
class Calls:
    """Calls to one server that wrk makes one after the other; every run goes on where the last one ended."""

    server: Server
    file: Path
    connections: int = CONNECTIONS
    made: int = 0
    bytes: int = 0
    cpu: float = 0.0

    def rate(self, seconds: int) -> float:
        """Answers a second. Raises RuntimeError where a call fails."""
        threads = ["-t1", f"-c{self.connections}", f"-d{seconds}s", "--timeout", "20s"]
        script = ["-s", str(Path(__file__).with_name("calls.lua")), self.server.url, "--", str(self.file)]
        before = self.server.cpu()
        done = subprocess.run(["wrk", *threads, *script, str(self.made)], capture_output=True, text=True, check=True)
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        if told["failed"]:
            raise RuntimeError(f"{told} from {self.server.url}:\n{self.server.service.log.read_text()[-4000:]}")
        self.made += told["answers"]
        self.bytes += told["bytes"]
        self.cpu += self.server.cpu() - before
        return float(told["answers"] / told["seconds"])

    def warm_up(self) -> None:
        """Until it answers at its speed: workers come up one after the other, and learn their statements."""
        while not self.rate(2):
            pass


def calls_to(
    place: Place,
    server: Server,
    paths: Iterable[str | Sequence[str]],
    headers: Mapping[str, str] = MappingProxyType({}),
    connections: int = CONNECTIONS,
) -> Calls:
    """Calls of these paths, each of which may bring header lines of its own."""
    shared = [f"{name}: {value}" for name, value in {**server.headers, **headers}.items()]
    lines = [[path] if isinstance(path, str) else list(path) for path in paths]
    file = place.folder / f"calls-{len(list(place.folder.glob('calls-*')))}.tsv"
    file.write_text("".join("\t".join([*line, *shared]) + "\n" for line in lines))
    return Calls(server, file, connections)
