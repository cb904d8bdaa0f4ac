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
    port, log = free_port(), tmp_path / "log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--port", str(port), "--workers", "2"],
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
