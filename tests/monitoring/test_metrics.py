"""/metrics: for the operators only, whole whichever process answers, and there whatever is away."""

import datetime as dt
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from apps.accounts.audit import Actor
from apps.accounts.models import User
from apps.background.models import TaskRun, Worker
from apps.ingest import keys, uploads
from apps.ingest.models import Upload
from apps.measurements import store
from apps.monitoring import counters
from apps.packages import quota
from apps.packages.catalog import Limits
from apps.plants.models import Component, Plant
from apps.web.monitoring import gauges, views
from tests.api.conftest import *  # noqa: F403  (its fixtures)
from tests.cast import PASSWORD, Cast
from tests.live import ROOT, end, environment_for, free_port, manage
from tests.monitoring.lines import read

OPERATOR = {"Authorization": "Bearer the-operators-token"}
NOW = dt.datetime(2025, 6, 21, 12, tzinfo=dt.UTC)
AT_ONCE = 8  # calls
Told = dict[tuple[str, ...], float]


def told(text: str) -> Told:
    """By name and values of the labels, which Prometheus reads out of this text."""
    families = text_string_to_metric_families(text)
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


@pytest.fixture(autouse=True)
def _nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier test was told is asked again."""
    monkeypatch.setattr(gauges, "KEPT_SECONDS", 0)


# --- For whom --------------------------------------------------------------------------------------------------------


def test_without_the_setting_nobody_reads_it(client: Client, cast: Cast, settings: Any):
    settings.METRICS_TOKEN = ""
    client.force_login(cast.mona)
    for headers in ({}, {"Authorization": "Bearer "}, OPERATOR):
        assert client.get("/metrics", headers=headers).status_code == 404


@pytest.mark.parametrize(
    "given", [None, "", "Bearer", "Bearer wrong", "Basic the-operators-token", "the-operators-token"]
)
def test_only_the_token_opens_it(client: Client, cast: Cast, settings: Any, given: str | None):
    settings.METRICS_TOKEN = "the-operators-token"
    User.objects.update(is_staff=True, is_superuser=True)
    client.force_login(cast.mona)
    answer = client.get("/metrics", headers={} if given is None else {"Authorization": given})
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer["WWW-Authenticate"] == 'Bearer realm="metrics"'


def test_the_token_opens_it_and_nothing_is_kept_on_the_way(client: Client, db: None, settings: Any):
    settings.METRICS_TOKEN = "the-operators-token"
    answer = client.get("/metrics", headers=OPERATOR)
    assert (answer.status_code, answer["Content-Type"].split(";")[0]) == (200, "text/plain")
    assert "no-store" in answer["Cache-Control"]
    assert client.post("/metrics", headers=OPERATOR).status_code == 405


# --- What is counted -------------------------------------------------------------------------------------------------


@contextmanager
def growth() -> Iterator[Told]:
    """What this process counts meanwhile."""
    before = told_here()
    grown: Told = {}
    yield grown
    grown |= {key: value - before.get(key, 0) for key, value in told_here().items() if value != before.get(key, 0)}


def told_here() -> Told:
    return {
        (one.name, *one.labels.values()): one.value
        for family in counters.OWN.collect()
        for one in family.samples
        if not one.name.endswith(("_bucket", "_sum", "_created"))
    }


REQUESTS, REFUSED = "helioport_request_duration_seconds_count", "helioport_refused_credentials_total"


def test_requests_are_counted_by_face_and_class_of_status(client: Client, cast: Cast):
    with growth() as grown:
        for path in ("/robots.txt", "/nowhere", "/api/v1/sunny/me", "/ingest/v1/sunny/readings", "/metrics"):
            client.get(path)
    assert {key: value for key, value in grown.items() if key[0] == REQUESTS} == {
        (REQUESTS, "web", "2xx"): 1,
        (REQUESTS, "web", "4xx"): 2,
        (REQUESTS, "api", "4xx"): 1,
        (REQUESTS, "ingest", "4xx"): 1,
    }


def test_what_was_refused_is_counted_by_kind(client: Client, cast: Cast):
    with growth() as grown:
        client.post("/account/login/", {"login": cast.alice.email, "password": "no"})
        client.get("/api/v1/sunny/me", headers={"Authorization": "Bearer no"})
        form = "grant_type=client_credentials&client_id=nobody&client_secret=no"
        token = "/auth/realms/quotaapi/protocol/openid-connect/token"
        client.post(token, form, content_type="application/x-www-form-urlencoded")
        client.post("/ingest/v1/sunny/readings", {}, headers={"Authorization": "Bearer no"})
    assert {key[1]: value for key, value in grown.items() if key[0] == REFUSED} == {
        "password": 1,
        "token": 1,
        "client_secret": 1,
        "logger_key": 1,
    }


def test_log_ins_that_succeed_are_no_refusals(client: Client, cast: Cast):
    with growth() as grown:
        client.post("/account/login/", {"login": cast.alice.email, "password": PASSWORD})
    assert [key for key in grown if key[0] == REFUSED] == []


def test_calls_that_found_no_room_are_counted_by_window_and_api(
    portal_api: Any, cast: Cast, monkeypatch: pytest.MonkeyPatch, at: Any
):
    at("2025-06-21T12:00:00Z")
    call = portal_api(cast.mona, "basic")
    monkeypatch.setattr(quota, "limits_of", lambda _access: Limits(2, 3))
    with growth() as grown:
        statuses = [call.raw("/api/v1/sunny/administration/plants").status_code for _ in range(3)]
        at("2025-06-21T12:01:00Z")
        statuses += [call.raw("/api/v1/sunny/administration/plants").status_code for _ in range(3)]
    assert statuses == [200, 200, 429, 200, 429, 429]
    refusals = {key[1:]: value for key, value in grown.items() if key[0] == "helioport_quota_refusals_total"}
    assert refusals == {("minute", "portal"): 1, ("day", "portal"): 2}


@pytest.mark.django_db(transaction=True)
def test_deliveries_are_counted_by_outcome_with_their_values(client: Client, plant_a: Plant):
    _key, secret = keys.create_key(plant_a, "Logger", Actor("test"))
    inverter = str(Component.objects.get(epoch__plant=plant_a, type="Inverter").cross_epoch_id)
    reading = {"component": inverter, "time": "2025-06-21T12:00:00+02:00", "values": {"ProdPac": 5000, "ProdUac": 230}}
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": "once"}
    with growth() as grown:
        for _ in range(2):
            client.post("/ingest/v1/sunny/readings", {"readings": [reading]}, "application/json", headers=headers)
        client.post("/ingest/v1/sunny/files/min250621.js", b"x", "text/plain", headers=headers)
        [waiting] = Upload.objects.filter(state="received")
        uploads.process(waiting.pk)
    waiting.refresh_from_db()
    assert waiting.state == "quarantined"
    assert {key[1:]: value for key, value in grown.items() if "deliver" in key[0] or "values" in key[0]} == {
        ("stored",): 1,
        ("received",): 1,
        ("quarantined",): 1,
        (): 2,
    }


# --- What is found out -----------------------------------------------------------------------------------------------


def gauges_at(now: dt.datetime) -> Told:
    return {
        (one.name.removeprefix("helioport_"), *one.labels.values()): one.value
        for family in gauges._all(now)
        for one in family.samples
    }


def test_a_new_portal_has_nothing_that_waits(db: None):
    found = gauges_at(NOW)
    assert {key: found[key] for key in found if key[0] != "queue_length"} == {
        ("database_up",): 1,
        ("deliveries_waiting",): 0,
        ("deliveries_quarantined",): 0,
        ("ingest_lag_seconds",): 0,
        ("fresh_slots",): 0,
        ("fresh_quiet_seconds",): 0,
        ("workers",): 0,
        ("worker_processes",): 0,
        ("plants", "ok"): 0,
        ("plants", "warning"): 0,
        ("plants", "error"): 0,
        ("plants", "offline"): 0,
        ("plants_silent",): 0,
    }


def test_what_waits_and_how_long(cast: Cast, monkeypatch: pytest.MonkeyPatch):
    plant = cast.plant_a
    upload = {"plant": plant, "kind": "file", "via": "FTP", "size": 1, "digest": "-"}
    for minutes, state in ((3, "received"), (7, "received"), (90, "quarantined"), (200, "stored"), (300, "discarded")):
        Upload.objects.create(state=state, received_at=NOW - dt.timedelta(minutes=minutes), **upload)
    inverter = Component.objects.get(epoch__plant=plant, type="Inverter").cross_epoch_id
    for other, minutes in ((cast.plant_b, 10), (plant, 50)):
        with monkeypatch.context() as patch:
            patch.setattr(timezone, "now", lambda at=NOW - dt.timedelta(minutes=minutes): at)
            points = [store.Point(inverter, 0, "ProdPac", NOW - dt.timedelta(minutes=60 + five), 1) for five in (0, 5)]
            store.write_fresh(other, points)
    found = gauges_at(NOW)
    assert (found["deliveries_waiting",], found["ingest_lag_seconds",]) == (2, 420)
    assert found["deliveries_quarantined",] == 1
    assert (found["fresh_slots",], found["fresh_quiet_seconds",]) == (4, 3000)


def test_who_works_and_when_a_routine_worked_last(db: None):
    for name, seconds in (("a", 10), ("b", 60), ("lost", 600)):
        Worker.objects.create(name=name, processes=3, started_at=NOW, seen_at=NOW - dt.timedelta(seconds=seconds))
    for minutes, outcome in ((30, "done"), (20, "done"), (10, "failed")):
        run = {"task": "events.detect", "message": "5f0c6f1e-9d5e-4b8e-8a65-1f1f3d0f0001", "outcome": outcome}
        TaskRun.objects.create(started_at=NOW - dt.timedelta(minutes=minutes), **run)
    found = gauges_at(NOW)
    assert (found["workers",], found["worker_processes",]) == (2, 6)
    name = "routine_last_success_timestamp_seconds"
    assert {key[1]: value for key, value in found.items() if key[0] == name} == {
        "events.detect": dt.datetime(2025, 6, 21, 11, 40, tzinfo=dt.UTC).timestamp()
    }


def test_plants_by_health(cast: Cast):
    Plant.objects.update(last_transfer=NOW, health=Plant.Health.OK, status=Plant.Status.ACTIVATED)
    Plant.objects.filter(pk=cast.plant_a.pk).update(last_transfer=NOW - dt.timedelta(days=2), health="ERROR")
    found = gauges_at(NOW)
    assert (found["plants", "ok"], found["plants", "error"], found["plants_silent",]) == (2, 1, 1)


def test_what_takes_too_long_is_left_out_and_the_rest_is_told(db: None, monkeypatch: pytest.MonkeyPatch):
    def slow() -> None:
        if connection.vendor == "postgresql":  # which ends it by itself
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(20)")
        raise OperationalError("interrupted")

    monkeypatch.setattr(gauges, "MOST_SECONDS", 0.05)
    monkeypatch.setattr(store, "fresh_backlog", slow)
    began = time.monotonic()
    found = gauges_at(NOW)
    assert time.monotonic() - began < 10
    assert ("fresh_slots",) not in found
    assert (found["database_up",], found["workers",]) == (1, 0)


def test_all_gauges_take_few_statements(db: None, django_assert_max_num_queries: Any):
    with django_assert_max_num_queries(21):  # one, and five in transactions of their own
        gauges_at(NOW)


def test_whoever_asks_all_the_time_is_told_the_same_for_some_seconds(db: None, monkeypatch: pytest.MonkeyPatch):
    asked = []
    monkeypatch.setattr(gauges, "KEPT_SECONDS", 60)
    monkeypatch.setattr(gauges, "_all", lambda now: iter(asked.append(now) or []))  # type: ignore[func-returns-value]
    one = gauges.Gauges()
    one.collect(), one.collect()
    assert len(asked) == 1
    monkeypatch.setattr(gauges, "KEPT_SECONDS", 0)
    one.collect()
    assert len(asked) == 2


# --- Real servers ----------------------------------------------------------------------------------------------------


@contextmanager
def serving(folder: Path, **environment: str) -> Iterator[tuple[str, Path]]:
    """A server of two workers on an empty database without tables; its address and its log."""
    port, log = free_port(), folder / "serve.log"
    own = {"BASE_URL": f"http://127.0.0.1:{port}", "METRICS_TOKEN": "the-operators-token", "ACCESS_LOG": "1"}
    own |= {"METRICS_FOLDER": str(folder / "metrics"), "BROKER_FOLDER": str(folder / "broker")}
    process_environment = environment_for(database(folder), **own, **environment)
    command = [sys.executable, "manage.py", "serve", "--port", str(port), "--workers", "2"]
    with log.open("w") as output:
        server = subprocess.Popen(
            command, cwd=ROOT, env=process_environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        wait_until_it_answers(own["BASE_URL"], log)
        yield own["BASE_URL"], log
    finally:
        end(server)


def database(folder: Path) -> str:
    return f"sqlite:///{folder / 'own.sqlite3'}"


def wait_until_it_answers(url: str, log: Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{url}/robots.txt", timeout=5)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text()[-4000:])


def scrape(url: str) -> Told:
    answer = httpx.get(f"{url}/metrics", headers=OPERATOR, timeout=20)
    assert answer.status_code == 200, answer.text
    return told(answer.text)


def processes_that_counted(folder: Path) -> int:
    """By their files."""
    return sum(b"request_duration" in file.read_bytes() for file in folder.glob("histogram_*.db"))


def test_one_scrape_tells_of_all_workers_and_every_line_names_its_request(tmp_path: Path):
    with serving(tmp_path, DEBUG="0", SECRET_KEY="k" * 60, SECRET_PEPPER="p", ALLOWED_HOSTS="127.0.0.1") as (url, log):
        assert manage("migrate", "--verbosity", "0", environment=environment_for(database(tmp_path))).returncode == 0
        secure, sent = {"X-Forwarded-Proto": "https"}, 0
        deadline = time.monotonic() + 60
        with ThreadPoolExecutor(AT_ONCE) as callers:  # so many that both workers get some
            while processes_that_counted(tmp_path / "metrics") < 2:
                assert time.monotonic() < deadline, "one worker gets all calls"
                list(callers.map(lambda _: httpx.get(f"{url}/healthz", headers=secure), range(AT_ONCE)))
                sent += AT_ONCE
        answer = httpx.get(f"{url}/metrics", headers={**secure, **OPERATOR})
        again = httpx.get(f"{url}/metrics", headers={**secure, **OPERATOR})
    found = told(answer.text)
    assert (found[REQUESTS, "web", "2xx"], told(again.text)[REQUESTS, "web", "2xx"]) == (sent, sent + 1)
    lines = read(log.read_text())
    assert [line["route"] for line in lines if line["request_id"] == answer.headers["X-Request-ID"]] == ["/metrics"]
    assert sum(line["route"] == "/healthz" for line in lines) == sent
    assert "the-operators-token" not in log.read_text()


def test_a_scrape_says_that_redis_is_away(tmp_path: Path):
    with serving(tmp_path, REDIS_URL="redis://127.0.0.1:1/0") as (url, _log):
        found = scrape(url)
    assert found["helioport_redis_up",] == 0
    assert found["helioport_database_up",] == 1
    assert [key for key in found if key[0] == "helioport_queue_length"] == []


def test_a_scrape_says_that_the_database_is_away(tmp_path: Path):
    with serving(tmp_path, DATABASE_URL="postgres://nobody@127.0.0.1:1/none") as (url, _log):
        found = scrape(url)
    assert found["helioport_database_up",] == 0
    assert found["helioport_queue_length", "ingest"] == 0
    assert [key for key in found if key[0] == "helioport_plants"] == []


@pytest.mark.redis
def test_a_scrape_tells_the_queues_of_redis(client: Client, db: None, settings: Any, redis: str):
    settings.REDIS_URL, settings.METRICS_TOKEN = redis, "the-operators-token"
    assert told(client.get("/metrics", headers=OPERATOR).content.decode())["helioport_redis_up",] == 1


# --- What the documents promise --------------------------------------------------------------------------------------


def test_every_metric_is_documented_and_nothing_else(db: None):
    documented = set(re.findall(r"^\| `(helioport_\w+)`", (ROOT / "docs" / "monitoring.md").read_text(), re.MULTILINE))
    counted = {family.name for family in counters.OWN.collect()}
    found = {family.name for family in views.EVERYTHING.collect()} | counted
    names = {name if name not in counted or "seconds" in name else f"{name}_total" for name in found}
    assert documented == names | {"helioport_redis_up"}
