"""Every attempt at a background task has one line, and names the request that asked for it."""

from pathlib import Path
from typing import Any

import pytest
from django.test import RequestFactory

from apps.background.models import TaskRun
from apps.monitoring import logs
from apps.web.monitoring.requests import known
from tests.background import jobs
from tests.background.working import send, wait_for, working
from tests.monitoring.lines import Line, read

SECRETS = {"SECRET_KEY": "k" * 60, "SECRET_PEPPER": "p", "ALLOWED_HOSTS": "portal.example"}


@pytest.fixture
def environment(process_environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Of production, which writes JSON."""
    own = {"DEBUG": "0", "BASE_URL": "https://portal.example", "BROKER_FOLDER": str(tmp_path / "broker"), **SECRETS}
    return {**process_environment, **own}


def lines_of(log: Path, task: str) -> list[Line]:
    return [line for line in read(log.read_text()) if line.get("task") == task]


def test_a_worker_tells_of_every_attempt(environment: dict[str, str], tmp_path: Path):
    log, done = tmp_path / "worker.log", str(tmp_path / "done")
    request: Any = RequestFactory().get("/")
    request.id = "5f0c6f1e-9d5e-4b8e-8a65-1f1f3d0f0001"
    before = logs.about.set(lambda: known(request))
    send(jobs.flaky, environment, done, 1)
    logs.about.reset(before)
    send(jobs.note, environment, done)
    with working(environment, log):
        wait_for(lambda: TaskRun.objects.filter(task="tests.flaky", outcome="done").exists(), log)
        wait_for(lambda: lines_of(log, "tests.note"), log)
    tried = [line for line in lines_of(log, "tests.flaky") if line["logger"] == "helioport.tasks"]
    assert [(line["outcome"], line["level"]) for line in tried] == [("again", "warning"), ("done", "info")]
    assert {line["request_id"] for line in tried} == {request.id}
    assert {line["task_id"] for line in tried} == {str(TaskRun.objects.filter(task="tests.flaky").first().message)}  # type: ignore[union-attr]
    assert all(line["ms"] > 0 for line in tried)
    [noted] = lines_of(log, "tests.note")
    assert (noted["outcome"], "request_id" in noted) == ("done", False)
    assert done not in log.read_text(), "what a task was given is nobody's business"
