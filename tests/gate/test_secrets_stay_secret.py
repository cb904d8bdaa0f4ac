"""No secret is found anywhere but in the one answer that shows it, however much is logged.

A whole story (story.py) is told with known secrets; then every place that keeps or passes on text is searched for each
secret, plain, url-encoded and in base64, alone and with its client id. What a live server writes down is searched in
test_live_server_log.py.
"""

import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus

import pytest
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.cache import caches
from django.db import connection
from django.test import Client

from apps.packages import clients
from tests.api.conftest import body_of
from tests.gate import story
from tests.gate.story import TOKEN, Story, as_bytes, leaks

LOGGERS = ("", "django", "django.db.backends", "django.request", "oauthlib", "oauth2_provider", "requests_oauthlib")


def in_process(browser: Client) -> story.Send:
    def send(method: str, path: str, headers: dict[str, str], body: str) -> tuple[int, str, str]:
        kind = headers.pop("Content-Type", "application/octet-stream")
        response: Any = browser.generic(method, path, body, content_type=kind, headers=headers)
        text = body_of(response).decode(errors="replace")
        return response.status_code, f"{response.headers}\n{response.cookies}", text

    return send


# --- In this process -------------------------------------------------------------------------------------------------


@pytest.fixture
def loud(caplog: pytest.LogCaptureFixture, settings: Any) -> Iterator[pytest.LogCaptureFixture]:
    """Everything is logged, SQL with its parameters too; failures are mailed to the operators."""
    settings.ADMINS = [("Root", "root@helioport.example")]
    for name in LOGGERS:
        caplog.set_level(logging.DEBUG, logger=name)
    connection.force_debug_cursor = True
    yield caplog
    connection.force_debug_cursor = False


def in_database() -> dict[str, bytes]:
    """Every column of every table, and what is inside the sessions."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            found[f"table {table}"] = b"\n".join(as_bytes(value) for row in cursor.fetchall() for value in row)
    sessions = [str(row.get_decoded()).encode() for row in Session.objects.all()]
    return {**found, "sessions": b"\n".join(sessions)}


def elsewhere() -> dict[str, bytes]:
    """Mails and the cache."""
    mails = [f"{message.message()}\n{message.body}" for message in mail.outbox]
    cached = getattr(caches["default"], "_cache", {})
    return {"mails": "\n".join(mails).encode(), "cache": b"\n".join(as_bytes(value) for value in cached.values())}


def fail_everywhere(told: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """Faults of ours while secrets are in our hands: the operators get a mail about each."""
    stranger = Story(in_process(Client(raise_request_exception=False)), told.known)

    def fault(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("a fault of ours")

    with monkeypatch.context() as patch:
        patch.setattr(clients, "verify", fault)
        told.post(TOKEN, told.form(told.known["third"]))
        told.post(TOKEN, "grant_type=client_credentials", Authorization=f"Basic {told.pair(told.known['third'])}")
    with monkeypatch.context() as patch:
        patch.setattr("apps.api.auth.access_of", fault)
        told.say("GET", "/api/v1/sunny/me", Authorization=f"Bearer {told.tokens['by body']}")
    with monkeypatch.context() as patch:
        patch.setattr("allauth.account.adapter.authenticate", fault)
        stranger.post("/account/login/", f"login=root%40helioport.example&password={quote_plus(story.PASSWORD)}")
    assert [answer.status for answer in (*told.answers[-3:], stranger.answers[-1])] == [500] * 4


def test_no_secret_is_found_after_the_whole_story(
    db: None, loud: pytest.LogCaptureFixture, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = story.prepare()
    told = Story(in_process(Client(raise_request_exception=False)), known)
    told.tell()
    fail_everywhere(told, monkeypatch)
    secrets = {**told.secrets(), "key": settings.SECRET_KEY, "pepper": settings.SECRET_PEPPERS[0]}
    where = {**told.in_answers(), **in_database(), **elsewhere(), "logs": loud.text.encode()}
    assert leaks(where, secrets, known["id"]) == []
    # The search looked where it should, and finds what is there:
    assert b"packages_clientsecret" in where["logs"]
    assert b"a fault of ours" in where["logs"]
    assert len(mail.outbox) == 4
    assert known["id"].encode() in where["table packages_apiclient"]
    assert b"_auth_user_id" in where["sessions"]
    assert {answer.status for answer in told.answers} >= {200, 302, 400, 401, 403, 404, 405, 406, 413, 500}
    assert sum("packages" in answer.request for answer in told.answers) >= 8


def test_the_search_finds_every_form_of_a_secret() -> None:
    places = {
        "plain": b"x a b&c/d x",
        "form": b"x=a+b%26c%2Fd",
        "address": b"/a%20b%26c/d",
        "basic": b"Basic aWQ6YSBiJmMvZA==",
        "alone": b"YSBiJmMvZA",
        "elsewhere": b"a b",
    }
    assert leaks(places, {"it": "a b&c/d"}, "id") == [("it", name) for name in places if name != "elsewhere"]
