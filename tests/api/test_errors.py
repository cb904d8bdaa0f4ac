"""Every failure is one RFC 9457 problem with a stable code, in English or German, that gives nothing away."""

import ast
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.test import Client, override_settings
from django.utils import translation

from apps.accounts.models import User
from apps.api import errors
from apps.measurements import store
from apps.packages import catalog, problems
from apps.packages.catalog import Limits, Package
from tests.api.calls import CALLS, MALFORMED_IDS, MORE_CALLS, Ids, ids_of
from tests.api.conftest import ApiCaller, body_of
from tests.cast import Cast

Api = Callable[[User, str], ApiCaller]
MEMBERS = {"type", "title", "status", "detail", "instance", "code", "errors", "requestId"}
UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def problem(response: Any) -> dict[str, Any]:
    """The body of an error, whose members of the standard are checked."""
    body: dict[str, Any] = orjson.loads(body_of(response))
    assert response["Content-Type"] == "application/problem+json"
    assert body.keys() >= MEMBERS
    assert body["status"] == response.status_code
    assert body["type"] == f"urn:helioport:problem:{body['code']}"
    assert response["X-Request-ID"] == body["requestId"]
    assert re.fullmatch(UUID, body["requestId"])
    assert body["instance"] == f"urn:uuid:{body['requestId']}"
    return body


@pytest.fixture
def alice(user_api: Api, cast: Cast) -> ApiCaller:
    return user_api(cast.alice, "basic")


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault inside the portal."""

    def fail(*_args: object) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(store, "read_year", fail)


# --- Each kind ---------------------------------------------------------------------------------------------------


def test_400_names_each_parameter(alice: ApiCaller, cast: Cast) -> None:
    path = f"visualization/plant/{cast.plant_a.pk}/channels?channelNames[]=Sun&colour=red&dateFrom=x&dateTo=today"
    body = problem(alice.get(path))
    assert body.keys() == MEMBERS
    assert (body["code"], body["title"]) == ("invalid_parameter", "Invalid parameter")
    assert {error["parameter"]: error["message"] for error in body["errors"]} == {
        "channelNames": "“Sun” is not a channel.",
        "colour": "This parameter is not known here.",
        "dateFrom": "“x” is not a date of the form YYYY-MM-DD.",
    }


@pytest.mark.django_db
def test_401_says_how_to_authenticate() -> None:
    response = Client().get("/api/v1/sunny/me")
    assert problem(response) | {"instance": "", "requestId": ""} == {
        "type": "urn:helioport:problem:invalid_token",
        "title": "No valid access token",
        "status": 401,
        "detail": "Send a valid token as “Authorization: Bearer …”; get a new one from the token endpoint.",
        "instance": "",
        "code": "invalid_token",
        "errors": [],
        "requestId": "",
    }
    assert response["WWW-Authenticate"] == 'Bearer realm="Helioport", error="invalid_token"'


def test_403_names_the_function_and_the_package(alice: ApiCaller, cast: Cast) -> None:
    path = f"visualization/plant/{cast.plant_a.pk}/kpis?dateFrom=today&dateTo=today"
    body = problem(alice.get(path))
    assert body.keys() == MEMBERS | {"function", "requiredPackage"}
    assert (body["code"], body["function"], body["requiredPackage"]) == ("package_required", "kpis", "advanced")


def test_404_does_not_repeat_the_address(alice: ApiCaller) -> None:
    response = alice.get(Ids().fill(CALLS["plant"]))
    body = problem(response)
    assert body["code"] == "not_found"
    assert body.keys() == MEMBERS
    assert Ids().plant not in body_of(response).decode()


def test_405_names_the_methods(alice: ApiCaller) -> None:
    response = alice.get("me", "POST")
    assert problem(response)["code"] == "method_not_allowed"
    assert response["Allow"] == "GET, HEAD, OPTIONS"


def test_a_large_body_is_not_even_read(alice: ApiCaller) -> None:
    client = Client(headers={"Authorization": f"Bearer {alice.token}"})
    response = client.post("/api/v1/sunny/me", b"x" * 5_000_000, content_type="application/json")
    assert problem(response)["code"] == "method_not_allowed"
    client = Client(headers={"Authorization": f"Bearer {alice.token}"})
    response = client.generic("GET", "/api/v1/sunny/me", b"x" * 5_000_000, content_type="multipart/form-data")
    assert response.status_code == 200


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "application/problem+json", "image/*"])
def test_406_where_json_is_not_accepted(accept: str, alice: ApiCaller) -> None:
    response = alice.get("me", Accept=accept)
    assert (problem(response)["code"], response.status_code) == ("not_acceptable", 406)
    assert "RateLimit" in response


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/*", "text/html,*/*;q=0.8"])
def test_json_is_accepted_in_many_words(accept: str, alice: ApiCaller) -> None:
    assert alice.get("me", Accept=accept).status_code == 200


def test_429_names_the_windows_and_when_to_go_on(
    alice: ApiCaller, monkeypatch: pytest.MonkeyPatch, at: Callable[[str], None]
) -> None:
    monkeypatch.setitem(catalog.DEFAULT_LIMITS, Package("basic"), Limits(3, 5))
    at("2025-06-21T12:00:30+00:00")
    assert [alice.get("me").status_code for _ in range(4)] == [200, 200, 200, 429]
    response = alice.get("me")
    body = problem(response)
    assert body.keys() == MEMBERS | {"violatedPolicies"}
    assert (body["code"], body["violatedPolicies"]) == ("quota_exceeded", ["minute"])
    assert response["Retry-After"] == "30"
    assert response["RateLimit-Policy"] == '"minute";q=3;w=60, "day";q=5;w=86400'
    assert response["RateLimit"] == '"minute";r=0;t=30, "day";r=2;t=43170'
    at("2025-06-21T12:01:00+00:00")
    assert [alice.get("me").status_code for _ in range(3)] == [200, 200, 429]
    response = alice.get("me")
    assert problem(response)["violatedPolicies"] == ["day"]
    assert response["Retry-After"] == str(12 * 3600 - 60)


@pytest.mark.usefixtures("failing")
def test_500_gives_nothing_away_and_costs_nothing(
    alice: ApiCaller, cast: Cast, caplog: pytest.LogCaptureFixture
) -> None:
    before = alice.json("me")["quota"]
    with caplog.at_level(logging.ERROR):
        response = alice.get(f"visualization/plant/{cast.plant_a.pk}/year/2025?channelNames[]=ProdPac")
    body = problem(response)
    assert (response.status_code, body["code"]) == (500, "internal_error")
    assert body.keys() == MEMBERS
    assert "hunter2" not in body_of(response).decode()
    assert "RuntimeError" not in body_of(response).decode()
    assert f"request {body['requestId']} failed" in caplog.text
    after = alice.json("me")["quota"]
    assert [now["used"] - then["used"] for now, then in zip(after, before, strict=True)] == [1, 1]  # the call of me


# --- Outside the views -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/api/",
        "/api/v1/",
        "/api/v2/sunny/me",
        "/api/v1/sunny/me/",
        "/api/v1/sunny/nothing",
        "/api/v1/sün ny/me",
        "/api/v1/sunny/%ff%fe/%zz",
        "/api/v1/%2e%2e/%00",
        "/api/v1/sunny/administration/plant/a%2Fb",
        "/auth/realms/x",
    ],
)
def test_an_unknown_address_is_a_problem_too(path: str) -> None:
    response = Client(raise_request_exception=False).get(path)
    assert (response.status_code, problem(response)["code"]) == (404, "not_found")


def test_a_broken_id_in_the_address_is_an_unknown_one(alice: ApiCaller) -> None:
    for text in ("%ff%fe", "%00", "%F0%9F%8C%9E", "..", "%2e%2e", "'", "{plantId}", "0" * 5000):
        response = alice.raw(f"/api/v1/sunny/administration/plant/{text}")
        assert (response.status_code, problem(response)["code"]) == (404, "not_found"), text


def test_a_host_that_is_not_served_is_a_problem(alice: ApiCaller) -> None:
    for path in ("/api/v1/sunny/me", "/api/v1/openapi.json", "/api/nothing"):
        response = alice.raw(path, Host="evil.example")
        assert (response.status_code, problem(response)["code"]) == (400, "bad_request")
        assert "evil.example" not in body_of(response).decode()


def test_more_parameters_than_anybody_needs_are_a_problem(alice: ApiCaller) -> None:
    response = alice.raw("/api/v1/sunny/me?" + "&".join(f"a{number}=1" for number in range(1001)))
    assert (response.status_code, problem(response)["code"]) == (400, "bad_request")


@override_settings(SECURE_SSL_REDIRECT=True)
def test_plain_http_is_refused_rather_than_redirected() -> None:
    """A redirect would let a client send its secret in clear first, each time again."""
    response = Client().get("/api/v1/sunny/me")
    assert (response.status_code, problem(response)["code"]) == (403, "https_required")


# --- Foreign and unknown -----------------------------------------------------------------------------------------

WITH_IDS = {name: call for name, call in {**CALLS, **MORE_CALLS}.items() if "{" in call}


def answer(response: Any) -> tuple[int, bytes, dict[str, str]]:
    """All that can tell two answers apart, less the request's id and the counted calls."""
    number = response["X-Request-ID"]
    headers = {key: value for key, value in response.headers.items() if key not in ("X-Request-ID", "RateLimit")}
    return response.status_code, body_of(response).replace(number.encode(), b"-"), headers


@pytest.mark.usefixtures("plenty")
@pytest.mark.parametrize("name", WITH_IDS)
def test_a_foreign_id_is_as_unknown_as_a_random_one(name: str, user_api: Api, portal_api: Api, measured: Cast) -> None:
    own, foreign = ids_of(measured.plant_a, measured.fleet_s), ids_of(measured.plant_b, measured.fleet_s)
    other = ids_of(measured.plant_o, measured.fleet_o)
    for caller, theirs in (
        (user_api(measured.alice, "advanced"), [foreign, other, own.with_children_of(foreign)]),
        (portal_api(measured.mona, "advanced"), [other, own.with_children_of(other), own.with_children_of(foreign)]),
    ):
        unknown = answer(caller.get(Ids().fill(WITH_IDS[name])))
        for ids in theirs:
            path = ids.fill(WITH_IDS[name])
            if path != own.fill(WITH_IDS[name]):
                assert answer(caller.get(path)) == unknown
        if name != "plants_by_fleet":
            assert answer(caller.get(MALFORMED_IDS.fill(CALLS["plant"]))) == answer(
                caller.get(Ids().fill(CALLS["plant"]))
            )


# --- Two languages -----------------------------------------------------------------------------------------------


def in_german(caller: ApiCaller, path: str) -> dict[str, Any]:
    return problem(caller.get(path, Accept_Language="de-DE,de;q=0.9,en;q=0.5"))


def test_texts_follow_accept_language_and_codes_do_not(alice: ApiCaller, cast: Cast) -> None:
    path = f"visualization/plant/{cast.plant_a.pk}/channels?channelNames[]=Sun&dateFrom=x&dateTo=today"
    body = in_german(alice, path)
    assert (body["code"], body["title"]) == ("invalid_parameter", "Ungültiger Parameter")
    assert {error["parameter"]: error["message"] for error in body["errors"]} == {
        "channelNames": "„Sun“ ist kein Kanal.",
        "dateFrom": "„x“ ist kein Datum der Form JJJJ-MM-TT.",
    }
    assert in_german(alice, Ids().fill(CALLS["plant"]))["title"] == "Nicht gefunden"
    assert in_german(alice, "administration/fleets")["title"] == "Nicht in Ihrem Paket enthalten"


def test_english_is_spoken_where_the_language_is_not(alice: ApiCaller) -> None:
    for language in ("fr", "", "*", "xx;q=abc"):
        response = alice.get(Ids().fill(CALLS["plant"]), Accept_Language=language)
        assert problem(response)["title"] == "Not found"


def test_cookies_change_nothing(alice: ApiCaller) -> None:
    response = alice.get(Ids().fill(CALLS["plant"]), Cookie="django_language=de")
    assert problem(response)["title"] == "Not found"


def test_every_text_of_the_api_has_its_german() -> None:
    files = [*Path(errors.__file__).parent.glob("*.py"), Path(problems.__file__)]
    sources = [ast.parse(file.read_text()) for file in files]
    calls = [node for tree in sources for node in ast.walk(tree) if isinstance(node, ast.Call)]
    texts = {
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "_" and isinstance(call.args[0], ast.Constant)
    }
    with translation.override("de"):
        missing = [text for text in texts if translation.gettext(str(text)) == text]
    assert len(texts) > 30
    assert missing == []
