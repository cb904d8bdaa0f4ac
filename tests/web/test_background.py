"""The operators' page about background work: who does it, what waits, what failed, what comes next; for staff only."""

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.test import Client
from django.utils import timezone
from kombu.exceptions import OperationalError

from apps.accounts.models import User
from apps.background import history, queues, workers
from apps.background.models import Routine, TaskRun
from apps.ingest.models import Upload
from apps.plants.models import Plant
from apps.web.background.words import QUEUES, TASKS
from portal.celery import app
from tests.cast import PASSWORD, Cast

from .conftest import PHONE, logged_in

PAGE = "/admin/background/"
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def operator(db: None) -> User:
    return User.objects.create_superuser("operator@example.org", PASSWORD)


@pytest.fixture
def page(operator: User) -> Callable[[], str]:
    client = logged_in(operator)
    return lambda: client.get(PAGE).content.decode()


def at_work(ago: dt.timedelta = MINUTE) -> None:
    now = timezone.now()
    workers.report("1@house", 2, now - dt.timedelta(hours=3), now - ago)


def upload(plant: Plant, ago: dt.timedelta, state: str = "received") -> None:
    at = timezone.now() - ago
    Upload.objects.create(
        plant=plant, kind="file", name="min_day.js", via="HTTP", size=1, digest="0", state=state, received_at=at
    )


def ran(task: str, outcome: str, ago: dt.timedelta = MINUTE, seconds: float | None = 1.5) -> None:
    at = timezone.now() - ago
    TaskRun.objects.create(task=task, message=uuid4(), started_at=at, seconds=seconds, outcome=outcome)


# --- For whom it is --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["mona", "alice", "oskar"])
def test_members_of_portals_are_refused_whatever_their_role(cast: Cast, who: str):
    assert logged_in(getattr(cast, who)).get(PAGE, follow=True).status_code == 403


def test_strangers_are_led_to_the_log_in(client: Client, db: None):
    assert client.get(PAGE, follow=True).redirect_chain[-1][0].startswith("/account/login/?next=")


def test_where_the_administration_asks_for_a_second_factor_so_does_the_page(operator: User, settings: Any):
    settings.ADMIN_REQUIRES_MFA = True
    client = logged_in(operator)
    assert client.get(PAGE, follow=True).redirect_chain[-1][0] == "/account/2fa/"
    TOTP.activate(operator, "JBSWY3DPEHPK3PXP")
    assert client.get(PAGE).status_code == 200


def test_it_is_only_read(operator: User):
    assert logged_in(operator).post(PAGE).status_code == 405


def test_the_start_page_of_the_administration_leads_there(operator: User):
    assert f'<a href="{PAGE}">Background work</a>' in logged_in(operator).get("/admin/").content.decode()


# --- What it says ----------------------------------------------------------------------------------------------


def test_no_worker_is_said_in_red_with_what_to_do(page: Callable[[], str]):
    at_work(ago=4 * MINUTE)
    text = page()
    assert "No worker has reported for 3 minutes: uploads wait." in text
    assert "Start a worker on the server: <code>manage.py work</code>" in text
    assert "when a worker runs" in text


def test_workers_that_report_are_named(page: Callable[[], str]):
    at_work()
    text = page()
    assert "1 worker is at work." in text
    assert "1@house" in text
    assert "3\xa0hours ago" in text
    assert "No worker has reported" not in text


def test_uploads_that_wait_for_too_long_are_said_although_workers_report(page: Callable[[], str], plant_a: Plant):
    at_work()
    upload(plant_a, 2 * MINUTE)
    assert "uploads wait for too long" not in page()
    upload(plant_a, 12 * MINUTE)
    upload(plant_a, 12 * MINUTE, state="quarantined")
    text = page()
    assert "Workers report, but uploads wait for too long." in text
    assert "<dt>Uploads waiting</dt><dd>2</dd>" in text
    assert "12\xa0minutes ago</time>" in text
    assert "<dt>In quarantine</dt><dd>1</dd>" in text


def test_queues_show_how_many_messages_wait(page: Callable[[], str]):
    with app.connection_for_write() as connection:
        channel: Any = connection.default_channel
        channel._new_queue("mail")
        for _ in range(3):
            channel._put("mail", {"body": ""})
        text = page()
        channel._purge("mail")
    assert '<th scope="row">mail</th><td>Mails</td><td class="bg-num">3</td>' in text


def test_a_broker_that_does_not_answer_is_said(page: Callable[[], str], monkeypatch: pytest.MonkeyPatch):
    def lost(*_arguments: Any, **_options: Any) -> None:
        raise OperationalError("no route to redis.internal")

    monkeypatch.setattr(app, "connection_for_read", lost)
    assert queues.waiting(app) is None
    text = page()
    assert "The broker does not answer." in text
    assert "redis.internal" not in text


def test_failures_show_error_place_and_how_often(page: Callable[[], str]):
    error = ValueError("<b>bad</b> line")
    history.note("ingest.import_upload", error, None)
    history.note("ingest.import_upload", error, None)
    ran("ingest.import_upload", "failed")
    text = page()
    assert "ValueError: &lt;b&gt;bad&lt;/b&gt; line" in text
    assert '<td class="bg-num">2</td>' in text
    assert 'Failed in the last 24 hours</dt><dd class="bg-bad-ink">1</dd>' in text


def test_the_schedule_shows_last_run_outcome_and_next_time(page: Callable[[], str]):
    at_work()
    Routine.objects.create(name="background.trim", sent_at=timezone.now() - 20 * MINUTE)
    ran("background.trim", "done", 20 * MINUTE, 0.25)
    ran("background.trim", "failed", 80 * MINUTE)
    text = page()
    row = text.partition('<th scope="row">background.trim</th>')[2].partition("</tr>")[0]
    assert "Keeps the record on this page short" in row
    assert "20\xa0minutes ago" in row
    assert "done" in row
    assert "failed" not in row
    assert "0.25" in row
    assert "in 39\xa0minutes" in row or "in 40\xa0minutes" in row


@pytest.mark.parametrize(("ago", "state"), [(MINUTE, "running"), (7 * MINUTE, "killed")])
def test_a_run_that_was_killed_is_told_from_one_that_goes_on(page: Callable[[], str], ago: dt.timedelta, state: str):
    ran("ingest.import_upload", "running", ago, None)
    assert f">{state}</span>" in page()


def test_it_costs_the_same_however_much_there_is(operator: User, plant_a: Plant, django_assert_max_num_queries: Any):
    client = logged_in(operator)
    for name in app.conf.beat_schedule:
        Routine.objects.create(name=name, sent_at=timezone.now())
        for _ in range(3):
            ran(name, "done")
            upload(plant_a, MINUTE)
    with django_assert_max_num_queries(16):
        client.get(PAGE)


def test_every_task_has_its_words():
    app.loader.import_default_modules()
    ours = {name for name in app.tasks if not name.startswith(("celery.", "tests."))}
    assert ours == set(TASKS)
    assert [queue.name for queue in app.conf.task_queues] == list(QUEUES)


def test_it_speaks_german(operator: User):
    text = logged_in(operator).get(PAGE, headers={"Accept-Language": "de"}).content.decode()
    assert "Seit 3 Minuten hat sich kein Worker gemeldet: Uploads warten." in text


@pytest.mark.browser
@pytest.mark.parametrize("look", [{}, {"screen": PHONE, "scheme": "dark", "locale": "de-DE"}], ids=["desktop", "phone"])
def test_it_is_accessible_and_fits(visit: Any, operator: User, plant_a: Plant, assert_accessible: Any, look: Any):
    at_work()
    upload(plant_a, 12 * MINUTE)
    history.note("ingest.import_upload", ValueError("bad line " + "x" * 200), None)
    for task, outcome in (("background.trim", "done"), ("ingest.sweep_uploads", "failed")):
        Routine.objects.create(name=task, sent_at=timezone.now())
        ran(task, outcome)
    opened = visit(operator, **look).to(PAGE)
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert_accessible(opened)
