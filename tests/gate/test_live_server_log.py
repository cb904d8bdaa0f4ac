"""The most talkative server there is writes no secret down: not in its output, not in its database file."""

import json
import subprocess
import sys
from pathlib import Path

import httpx

from apps.web.management.commands.serve import granian
from tests.gate.story import Send, Story, leaks
from tests.live import ROOT, end, environment_for, free_port, manage, wait_until_ready


def over_http(browser: httpx.Client) -> Send:
    def send(method: str, path: str, headers: dict[str, str], body: str) -> tuple[int, str, str]:
        response = browser.request(method, path, headers=headers, content=body.encode())
        return response.status_code, str(response.headers), response.text

    return send


def test_the_most_talkative_server_writes_no_secret_down(tmp_path: Path) -> None:
    port, database, log = free_port(), tmp_path / "live.sqlite3", tmp_path / "serve.log"
    own = {"SECRET_KEY": "a key nobody may read anywhere", "SECRET_PEPPER": "a pepper nobody may read"}
    url = f"http://127.0.0.1:{port}"
    loud = {"DJANGO_SETTINGS_MODULE": "tests.gate.loud_settings", "BASE_URL": url}
    environment = environment_for(f"sqlite:///{database}", **own, **loud)
    assert manage("migrate", "--verbosity", "0", environment=environment).returncode == 0
    known, said = told_by_a_process(environment)
    command = [*granian("127.0.0.1", port, 1), "--log-level", "debug"]
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            wait_until_ready(server, url, log)
            with httpx.Client(base_url=url, timeout=60) as browser:
                told = Story(over_http(browser), known)
                told.tell()
        finally:
            end(server)
    files = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    where = {**told.in_answers(), **files, "output of the process": said.encode()}
    assert leaks(where, {**told.secrets(), **own}, known["id"]) == []
    assert b"packages_clientsecret" in files["serve.log"]
    assert b"Bad Request" in files["serve.log"]
    assert known["id"].encode() in files["live.sqlite3"]
    assert {answer.status for answer in told.answers} >= {200, 302, 400, 401, 403, 404, 405, 406, 413}


def told_by_a_process(environment: dict[str, str]) -> tuple[dict[str, str], str]:
    """What story.prepare made in another process, and what that process wrote besides."""
    command = [sys.executable, "-m", "tests.gate.story"]
    done = subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    known: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return known, done.stderr
