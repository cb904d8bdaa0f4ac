"""manage.py serve: starts, answers, keeps its address to itself, and is gone at once when told to stop."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from apps.web.management.commands.serve import granian
from tests.live import ROOT, LiveServer, free_port, wait_until_ready


@pytest.fixture
def group(live: LiveServer, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A second server, of two workers, in a process group of its own."""
    with serving(live, tmp_path, "--workers", "2") as server:
        yield server


@contextlib.contextmanager
def serving(live: LiveServer, tmp_path: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """`manage.py serve` on the database of the live server, in a process group of its own."""
    port, log = free_port(), tmp_path / "log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--port", str(port), *options],
            cwd=ROOT,
            env=live.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until_ready(server, f"http://127.0.0.1:{port}", log)
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def anybody_left(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("stop", [os.kill, os.killpg], ids=["its process", "its group"])
def test_told_to_stop_everything_ends_within_two_seconds(group: subprocess.Popen[bytes], stop):
    began = time.monotonic()
    stop(group.pid, signal.SIGTERM)
    group.wait(2)
    while anybody_left(group.pid):
        assert time.monotonic() - began < 2, "workers are left behind"
        time.sleep(0.02)


def test_the_live_server_answers_and_commands_reach_its_database(live: LiveServer):
    assert httpx.get(f"{live.url}/healthz").json()["status"] == "ok"
    assert live.url in httpx.get(live.url).text
    made = live.command("create_portal", "served", "--name", "Served")
    assert made["slug"] == "served"


def test_an_address_in_use_is_refused_instead_of_shared(live: LiveServer):
    port = live.url.rsplit(":", 1)[1]
    second = live.manage("serve", "--port", port)
    assert second.returncode == 1
    assert f"127.0.0.1:{port}: Address already in use" in second.stderr


@pytest.mark.parametrize("arguments", [("--port", "0"), ("--port", "http"), ("--workers", "0")])
def test_impossible_options_are_named(live: LiveServer, arguments: tuple[str, str]):
    done = live.manage("serve", *arguments)
    assert done.returncode == 2
    assert f"argument {arguments[0]}: {arguments[1]} is no" in done.stderr


def test_one_blocking_thread_per_worker():
    command = " ".join(granian("127.0.0.1", 8000, 3))
    assert "--interface wsgi" in command
    assert "--workers 3 --blocking-threads 1 " in command


# --- With a worker -------------------------------------------------------------------------------------------------


def children(pid: int) -> list[int]:
    """The processes somebody has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def descendants(pid: int) -> list[int]:
    """All of them, and all they have started."""
    return [found for child in children(pid) for found in (child, *descendants(child))]


def running(pid: int) -> bool:
    """Whether it is there, and no zombie that waits for its parent."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def wait_until_all_are_there(server: subprocess.Popen[bytes]) -> list[int]:
    """Server and worker, each with a process of its own below it."""
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found = children(server.pid)
            if len(found) == 2 and all(children(child) for child in found):
                return descendants(server.pid)
        assert time.monotonic() < deadline, "server and worker do not start"
        time.sleep(0.1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_server_and_worker_start_together_and_leave_nothing_behind(live: LiveServer, tmp_path: Path, number: int):
    with serving(live, tmp_path, "--workers", "1", "--with-worker") as server:
        everybody = wait_until_all_are_there(server)
        assert len({os.getpgid(child) for child in (server.pid, *children(server.pid))}) == 3
        os.killpg(server.pid, number)
        assert server.wait(15) == 0
        assert [pid for pid in everybody if running(pid)] == []


@pytest.mark.parametrize("which", [0, 1], ids=["the server", "the worker"])
def test_where_one_of_them_dies_the_other_is_stopped_and_it_is_said(live: LiveServer, tmp_path: Path, which: int):
    with serving(live, tmp_path, "--workers", "1", "--with-worker") as server:
        everybody = wait_until_all_are_there(server)
        os.kill(children(server.pid)[which], signal.SIGKILL)
        assert server.wait(15) == 1
        assert [pid for pid in everybody if running(pid)] == []
    assert f"The {('server', 'worker')[which]} ended by itself" in (tmp_path / "log").read_text()
