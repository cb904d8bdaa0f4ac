"""Every request has one line in the log, with the id its client was told, and nothing a log should not hold."""

import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus

import pytest
from django.db import OperationalError
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.test import Client, RequestFactory

from apps.accounts.audit import Actor
from apps.accounts.models import User
from apps.ingest import keys
from apps.packages import clients
from apps.plants.models import Plant
from apps.web.monitoring.requests import RequestMiddleware
from tests.api.conftest import *  # noqa: F403  (its fixtures)
from tests.cast import PASSWORD, Cast
from tests.monitoring.lines import Log, listening

TOKEN = "/auth/realms/quotaapi/protocol/openid-connect/token"
GIVEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def log(settings: Any) -> Iterator[Log]:
    settings.ACCESS_LOG = True
    with listening() as found:
        yield found


def access(log: Log) -> dict[str, Any]:
    """The one line of the one request."""
    [line] = log.lines("helioport.access")
    return line


# --- What stands in it -----------------------------------------------------------------------------------------------


def test_the_line_of_a_call(log: Log, user_api: Any, alice: User, measured: Cast):
    call = user_api(alice, "advanced")
    answer = call.get("administration/plants?search=secret-words")
    line = access(log)
    assert line.pop("time").endswith("Z")
    assert 0 < line.pop("ms") < 10_000
    assert line == {
        "level": "info",
        "logger": "helioport.access",
        "event": "request",
        "face": "api",
        "method": "GET",
        "route": "/api/v1/<slug:portal>/administration/plants",
        "status": 200,
        "bytes": len(answer.content),
        "request_id": answer["X-Request-ID"],
        "portal": "sunny",
        "client": call.subscription.clients.get().pk,
        "user": str(alice.pk),
    }


def test_the_line_of_a_page_names_portal_and_user_but_no_plant(log: Log, client: Client, cast: Cast):
    client.force_login(cast.alice)
    assert client.get(f"/p/sunny/plants/{cast.plant_a.pk}?day=2025-06-21").status_code == 200
    line = access(log)
    assert (line["face"], line["portal"], line["user"]) == ("web", "sunny", str(cast.alice.pk))
    assert line["route"] == "/p/<slug:portal>/plants/<uuid:plant_id>"
    assert str(cast.plant_a.pk) not in log.text
    assert "2025-06-21" not in log.text


def test_the_line_of_a_delivery_names_the_logger(log: Log, client: Client, plant_a: Plant):
    key, secret = keys.create_key(plant_a, "Logger", Actor("test"))
    address = "/ingest/v1/sunny/files/min250621.js"
    client.post(address, b"x", content_type="text/plain", headers={"Authorization": f"Bearer {secret}"})
    line = access(log)
    assert (line["face"], line["portal"], line["logger_key"], line["status"]) == ("ingest", "sunny", key.login, 202)


def test_an_address_that_leads_nowhere_is_not_repeated(log: Log, client: Client, db: None):
    client.get("/invitation-of-somebody/with-a-key")
    line = access(log)
    assert (line["route"], line["status"], line["level"]) == ("unknown", 404, "warning")
    assert "with-a-key" not in log.text


def test_the_key_of_an_invitation_is_in_no_line(log: Log, client: Client, db: None):
    client.get("/account/invitation/a-key-nobody-may-read")
    assert access(log)["request_id"]
    assert "a-key-nobody-may-read" not in log.text


# --- What happens meanwhile ------------------------------------------------------------------------------------------


def test_every_line_of_a_call_that_fails_has_the_id_its_client_was_told(
    log: Log, user_api: Any, alice: User, monkeypatch: pytest.MonkeyPatch
):
    def fault(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("a fault of ours")

    call = user_api(alice, "advanced")
    monkeypatch.setattr("apps.packages.policy.decide", fault)
    answer = call.raw("/api/v1/sunny/administration/plants")
    told = answer.json()["requestId"]
    assert answer.status_code == 500
    assert told == answer["X-Request-ID"]
    failure, line, again = log.lines()  # Django says once more that it was 500
    assert (failure["request_id"], line["request_id"], again["request_id"]) == (told, told, told)
    assert (failure["portal"], failure["client"]) == ("sunny", line["client"])
    assert failure["exception"].endswith("RuntimeError: a fault of ours")
    assert (line["status"], line["level"]) == (500, "error")


def test_a_page_that_fails_shows_the_id_that_is_in_the_log(log: Log, cast: Cast, monkeypatch: pytest.MonkeyPatch):
    def fault(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("django.contrib.sessions.middleware.SessionMiddleware.process_request", fault)
    answer = Client(raise_request_exception=False).get("/p/sunny/plants")
    failure, line = log.lines()
    assert f"<code>{line['request_id']}</code>" in answer.content.decode()
    assert failure["request_id"] == line["request_id"] == answer["X-Request-ID"]
    assert "RuntimeError: a fault of ours" in failure["exception"]


def test_a_page_without_its_database_shows_the_id_too(log: Log, monkeypatch: pytest.MonkeyPatch):
    def away(*_arguments: object, **_options: object) -> None:
        raise OperationalError("no route to the database")

    monkeypatch.setattr("apps.web.views._landing", away)
    answer = Client(raise_request_exception=False).get("/")
    assert answer.status_code == 503
    assert f"<code>{access(log)['request_id']}</code>" in answer.content.decode()


# --- The id of a proxy -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proxies", "given", "taken"),
    [
        (["127.0.0.0/8"], GIVEN, True),
        (["127.0.0.0/8"], str(uuid.UUID(GIVEN)), True),
        (["127.0.0.0/8"], "an id\nand more", False),
        (["127.0.0.0/8"], GIVEN * 2, False),
        (["192.0.2.0/24"], GIVEN, False),
        ([], GIVEN, False),
    ],
)
def test_only_a_well_formed_id_of_a_proxy_of_ours_is_taken_over(
    log: Log, db: None, settings: Any, proxies: list[str], given: str, taken: bool
):
    settings.TRUSTED_PROXIES = proxies
    answer = Client(REMOTE_ADDR="127.0.0.1").get("/robots.txt", HTTP_X_REQUEST_ID=given)
    assert (answer["X-Request-ID"] == str(uuid.UUID(GIVEN))) is taken
    assert access(log)["request_id"] == answer["X-Request-ID"]


# --- Streams ---------------------------------------------------------------------------------------------------------


def streamed(pieces: Any) -> Any:
    """What the middleware makes of a streamed answer."""

    def view(_request: object) -> HttpResponseBase:
        return StreamingHttpResponse(pieces)

    return RequestMiddleware(view)(RequestFactory().get("/"))


def test_a_streamed_answer_is_told_when_it_is_over(log: Log, db: None):
    answer = streamed(iter([b"abc", b"", b"de"]))
    assert log.lines() == []
    assert b"".join(answer) == b"abcde"
    line = access(log)
    assert (line["bytes"], line["status"], line["request_id"]) == (5, 200, answer["X-Request-ID"])
    answer.close()
    access(log)


@pytest.mark.parametrize("taken", [0, 1], ids=["before the first piece", "on the way"])
def test_it_is_told_where_the_client_leaves(log: Log, db: None, taken: int):
    answer = streamed(iter([b"abc", b"de"]))
    pieces = iter(answer)
    for _ in range(taken):
        next(pieces)
    assert log.lines() == []
    answer.close()
    assert access(log)["bytes"] == 3 * taken


def test_a_stream_that_breaks_is_an_error_though_its_status_was_sent(log: Log):
    def broken() -> Iterator[bytes]:
        yield b"abc"
        raise RuntimeError("a fault of ours")

    with pytest.raises(RuntimeError):
        b"".join(streamed(broken()))
    line = access(log)
    assert (line["status"], line["cut"], line["level"], line["bytes"]) == (200, True, "error", 3)


# --- How much is written ---------------------------------------------------------------------------------------------


def test_without_the_access_log_only_refusals_and_failures_are_told(log: Log, db: None, settings: Any):
    settings.ACCESS_LOG = False
    client = Client()
    assert client.get("/robots.txt").status_code == 200
    assert log.lines() == []
    assert client.get("/nowhere").status_code == 404
    assert access(log)["status"] == 404


def test_a_line_touches_no_database(log: Log, client: Client):
    """No fixture of a database here: pytest-django refuses every statement."""

    def view(request: Any) -> HttpResponseBase:
        return HttpResponse(b"ok")

    RequestMiddleware(view)(RequestFactory().get("/"))
    assert access(log)["status"] == 200


# --- Secrets ---------------------------------------------------------------------------------------------------------


def test_neither_token_nor_secret_nor_password_nor_address_is_in_the_log(
    log: Log, user_api: Any, alice: User, monkeypatch: pytest.MonkeyPatch
):
    call = user_api(alice, "advanced")
    client, secret = clients.create_client(call.subscription, "program", Actor("test"))
    form = f"grant_type=client_credentials&client_id={client.client_id}&client_secret={secret}"
    answers: list[Any] = [
        Client().post(TOKEN, form, content_type="application/x-www-form-urlencoded"),
        Client().post(TOKEN, form + "x", content_type="application/x-www-form-urlencoded"),
        call.raw("/api/v1/sunny/me"),
        call.raw(f"/api/v1/sunny/me?access_token={call.token}"),
        Client().post("/account/login/", {"login": alice.email, "password": PASSWORD}),
        Client().post("/account/login/", {"login": alice.email, "password": "wrong-" + PASSWORD}),
    ]
    assert [answer.status_code for answer in answers] == [200, 401, 200, 401, 302, 200]
    assert len(log.lines("helioport.access")) == 6
    hidden = [secret, call.token, answers[0].json()["access_token"], PASSWORD, quote_plus(PASSWORD), alice.email]
    assert [word for word in hidden if word in log.text] == []
