"""Real workers on the broker of a trial and on Redis: nothing is lost, whoever dies."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from apps.background import workers
from apps.background.models import Routine, TaskFailure, TaskRun, Worker
from portal.celery import QUEUES, app
from tests.background import jobs
from tests.background.working import lines, send, wait_for, working
from tests.faults.stand import Service, listens
from tests.live import free_port


@pytest.fixture
def environment(process_environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The broker that needs no set-up, on a folder of this test."""
    return {**process_environment, "BROKER_FOLDER": str(tmp_path / "broker")}


@pytest.fixture
def on_redis(process_environment: dict[str, str], redis: str) -> dict[str, str]:
    with app.connection_for_write(url=redis) as connection:
        channel: Any = connection.default_channel
        client = channel.client
        found = client.keys("helioport:*")
        if found:
            client.delete(*found)
    return {**process_environment, "REDIS_URL": redis}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "worker.log"


@pytest.fixture
def done(tmp_path: Path) -> Path:
    """The file that tasks write into."""
    return tmp_path / "done"


def _does_its_work(environment: dict[str, str], log: Path, done: Path) -> None:
    send(jobs.note, environment, str(done))
    send(jobs.flaky, environment, str(done), 2)
    with working(environment, log):
        wait_for(lambda: lines(done).count("tried") == 3, log)
        wait_for(lambda: TaskRun.objects.filter(task="tests.flaky", outcome="done").exists(), log)
        wait_for(lambda: Routine.objects.exclude(sent_at=None).count() == len(app.conf.beat_schedule), log)
        assert [one.processes for one in workers.alive(timezone.now())] == [1]


def _waits(done: Path) -> list[float]:
    times = [float(line.split()[1]) for line in done.read_text().splitlines() if line.startswith("tried")]
    return [later - earlier for earlier, later in pairwise(times)]


def _assert_done(done: Path) -> None:
    assert lines(done).count("noted") == 1
    first, second = _waits(done)
    assert first >= 0.9
    assert second >= 1.9
    outcomes = TaskRun.objects.filter(task="tests.flaky").order_by("started_at")
    assert [run.outcome for run in outcomes] == ["again", "again", "done"]
    failure = TaskFailure.objects.get(task="tests.flaky")
    assert (failure.error, failure.count) == ("OSError: the server is busy", 2)
    assert "tests/background/jobs.py" in failure.trace
    assert not Worker.objects.exists(), "a worker that is stopped signs off"


def test_tasks_run_and_are_tried_again_after_longer_and_longer_waits(environment, log, done):
    _does_its_work(environment, log, done)
    _assert_done(done)


@pytest.mark.redis
def test_so_they_are_on_redis(on_redis, log, done):
    _does_its_work(on_redis, log, done)
    _assert_done(done)


def _killed_and_followed(environment: dict[str, str], log: Path, done: Path) -> None:
    send(jobs.slow, environment, str(done), 600)
    with working(environment, log) as first:
        wait_for(lambda: lines(done) == ["began"], log)
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    assert lines(done) == ["began"]
    time.sleep(2.5 if environment.get("REDIS_URL") else 0)  # the visibility time-out of worker_settings.py
    with working(environment, log):
        wait_for(lambda: "ended" in lines(done), log)
    assert lines(done) == ["began", "began", "ended"]


def test_what_a_killed_worker_was_at_is_done_by_the_next_one(environment, log, done):
    _killed_and_followed(environment, log, done)


@pytest.mark.redis
def test_so_it_is_on_redis(on_redis, log, done):
    _killed_and_followed(on_redis, log, done)


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Service]:
    """A server that a test may end; the last part of its command is its port."""
    port = free_port()
    command = ["redis-server", "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path), "--port", str(port)]
    made = Service("redis", command, dict(os.environ), tmp_path / "redis.log", lambda _: listens(port))
    made.start()
    made.wait_until_ready()
    yield made
    made.end()


@pytest.mark.redis
def test_a_worker_that_could_not_say_that_a_task_is_done_takes_the_next_one(process_environment, own_redis, log, done):
    environment = {**process_environment, "REDIS_URL": f"redis://127.0.0.1:{own_redis.command[-1]}/0"}
    with working(environment, log):
        wait_for(lambda: Worker.objects.exists(), log)
        send(jobs.slow, environment, str(done), 2)
        wait_for(lambda: lines(done) == ["began"], log)
        own_redis.end()
        wait_for(lambda: "Couldn't ack" in log.read_text(), log)
        own_redis.start()
        own_redis.wait_until_ready()
        send(jobs.note, environment, str(done))
        wait_for(lambda: "noted" in lines(done), log)


def test_a_task_whose_process_is_killed_is_done_by_another_process(environment, log, done):
    send(jobs.slow, environment, str(done), 600)
    with working(environment, log) as worker:
        wait_for(lambda: lines(done) == ["began"], log)
        children = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        wait_for(lambda: "ended" in lines(done), log)


def test_a_worker_survives_that_the_folder_of_its_broker_is_deleted(environment, log, done):
    with working(environment, log):
        wait_for(lambda: Worker.objects.exists() and Path(environment["BROKER_FOLDER"]).exists(), log)
        shutil.rmtree(environment["BROKER_FOLDER"])
        send(jobs.note, environment, str(done))
        wait_for(lambda: lines(done) == ["noted"], log)


def test_every_task_of_the_schedule_is_there_and_has_its_queue():
    app.loader.import_default_modules()
    assert set(app.conf.beat_schedule) <= set(app.tasks)
    queues = {name: app.amqp.router.route({}, name)["queue"].name for name in app.tasks if "celery." not in name}
    assert {name: queue for name, queue in queues.items() if not name.startswith("tests.")} == {
        "ingest.import_upload": "ingest",
        "ingest.sweep_uploads": "ingest",
        "ingest.forget_uploads": "ingest",
        "measurements.seal": "measurements",
        "events.detect": "measurements",
        "events.refresh_health": "measurements",
        "events.send_notices": "mail",
        "packages.warn_of_ends": "mail",
        "packages.clean_usage": "housekeeping",
        "packages.clear_tokens": "housekeeping",
        "accounts.clear_sessions": "housekeeping",
        "accounts.forget_invitations": "housekeeping",
        "background.trim": "housekeeping",
    }
    assert set(queues.values()) <= set(QUEUES)
    ours = [app.tasks[name] for name in queues]
    assert {(task.acks_late, task.reject_on_worker_lost, task.ignore_result) for task in ours} == {(True, True, True)}


def test_no_task_runs_in_tests_unless_a_test_calls_it(settings, done):
    assert app.conf.task_always_eager is False
    assert app.conf.broker_url == "memory://"
    jobs.note.delay(str(done))
    assert lines(done) == []
