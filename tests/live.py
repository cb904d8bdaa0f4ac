"""A running portal for tests: `manage.py serve` as a process of its own on its own database.

Used through the fixture `live`. Commands run against the same database, so a test prepares it as an operator would.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class LiveServer:
    """`url` has no slash at the end; `environment` reaches the server's database from any process."""

    url: str
    environment: dict[str, str]
    pid: int

    def manage(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a management command; its exit code is the caller's to judge."""
        return manage(*arguments, environment=self.environment, stdin=stdin)

    def command(self, *arguments: str, stdin: str = "") -> dict[str, Any]:
        """Run a command that must succeed; returns the JSON object it prints."""
        done = self.manage(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        printed: dict[str, Any] = json.loads(done.stdout)
        return printed


def manage(*arguments: str, environment: dict[str, str], stdin: str = "") -> subprocess.CompletedProcess[str]:
    """`manage.py ...` in a process of its own."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        input=stdin,
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )


def environment_for(database_url: str, **more: str) -> dict[str, str]:
    """The environment of a process on that database: a local trial with the secrets of the tests."""
    own = {"DEBUG": "1", "DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "portal.settings"}
    return {**os.environ, **own, **more}


@contextmanager
def running_server(folder: Path) -> Iterator[LiveServer]:
    """A migrated, empty portal on a free port; ended by its pid when the block is left."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = environment_for(f"sqlite:///{folder / 'live.sqlite3'}", BASE_URL=url)
    migrated = manage("migrate", "--verbosity", "0", environment=environment)
    assert migrated.returncode == 0, migrated.stderr
    log = folder / "serve.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--port", str(port), "--workers", "1"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until_ready(server, url, log)
            yield LiveServer(url, environment, server.pid)
        finally:
            end(server)


def wait_until(truth: Callable[[], object], what: str = "it never became true", seconds: float = 90) -> None:
    """Return as soon as it is true; fail, saying `what` is wrong, where that takes too long."""
    deadline = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def free_port() -> int:
    """A port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(server: subprocess.Popen[bytes], url: str, log: Path, seconds: float = 90) -> None:
    """Return when /healthz answers 200; fail with the server's own words otherwise."""
    deadline = time.monotonic() + seconds
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with urlopen(f"{url}/healthz", timeout=5):  # noqa: S310
                return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    raise RuntimeError(f"The live server is not ready:\n{log.read_text()[-4000:]}")


def end(server: subprocess.Popen[bytes], seconds: float = 5) -> None:
    """Stop the server by its pid, and by force if it does not listen."""
    server.terminate()
    try:
        server.wait(seconds)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
