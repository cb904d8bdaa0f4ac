"""API clients for tests: a token of each kind, and answers checked against the OpenAPI document."""

import datetime as dt
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import jsonschema_rs  # much faster than jsonschema, to import and to use; comes with schemathesis
import numpy as np
import orjson
import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.audit import Actor
from apps.accounts.models import Membership, User
from apps.api import oauth, openapi
from apps.measurements import grid, store
from apps.packages import catalog, clients, subscriptions
from apps.packages.catalog import Limits, Package
from apps.packages.models import Subscription
from apps.plants.models import Component, Plant
from tests.cast import Cast
from tests.live import ROOT, LiveServer

ACTOR = Actor("test")


@dataclass(frozen=True, slots=True)
class ApiCaller:
    """A program with a live token. Every answer to `get` is checked against the OpenAPI document."""

    token: str
    portal: str
    subscription: Subscription

    def raw(self, path: str, method: str = "GET", **headers: str) -> Any:
        """A request to a full path; underscores in the names of headers become hyphens."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return _client().generic(method, path, headers={"Authorization": f"Bearer {self.token}", **sent})

    def get(self, path: str, method: str = "GET", **headers: str) -> Any:
        """GET (or HEAD) a path below the base of the token's portal."""
        response = self.raw(f"/api/v1/{self.portal}/{path}", method, **headers)
        if method == "GET":
            check_against_document(path.partition("?")[0], response)
        return response

    def json(self, path: str) -> Any:
        """The body of a call that must succeed."""
        response = self.get(path)
        assert response.status_code == 200, body_of(response)
        return orjson.loads(body_of(response))

    def problem(self, path: str, **headers: str) -> tuple[int, str, list[str]]:
        """Status, code and the named parameters of a call that must fail."""
        response = self.get(path, **headers)
        body = orjson.loads(body_of(response))
        return response.status_code, body["code"], [error["parameter"] for error in body["errors"]]


@cache
def _client() -> Client:
    """One for all calls: each new one sets up the middleware anew."""
    return Client(raise_request_exception=False)


def body_of(response: Any) -> bytes:
    """The whole body, streamed or not; it can be asked for again."""
    if not response.streaming:
        body: bytes = response.content
        return body
    whole = b"".join(response.streaming_content)
    response.streaming_content = [whole]
    return whole


def check_against_document(path: str, response: Any) -> None:
    """The answer has the shape that the OpenAPI document promises for its status."""
    if response.status_code == 304:
        return
    pattern = next(pattern for pattern in _operations() if pattern.fullmatch(path))
    media_type, validator = _documented(pattern, response.status_code)
    assert response["Content-Type"] == media_type
    validator.validate(orjson.loads(body_of(response)))


@cache
def _operations() -> dict[re.Pattern[str], dict[str, Any]]:
    prefix = "/api/v1/{portal}/"
    return {
        re.compile(re.sub(r"\{\w+\}", "[^/]+", path.removeprefix(prefix))): item["get"]
        for path, item in openapi.schema()["paths"].items()
    }


@cache
def _documented(pattern: re.Pattern[str], status: int) -> tuple[str, Any]:
    [(media_type, described)] = _operations()[pattern]["responses"][str(status)]["content"].items()
    schema = {**described["schema"], "components": openapi.schema()["components"]}
    return media_type, jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


def caller(subscription: Subscription) -> ApiCaller:
    """A new client of a subscription, with a token."""
    client, _secret = clients.create_client(subscription, "test", ACTOR)
    return ApiCaller(oauth.issue_token(client), subscription.portal.slug, subscription)


@pytest.fixture
def user_api() -> Callable[[User, str], ApiCaller]:
    """A caller for a user's API with a package."""

    def make(user: User, package: str) -> ApiCaller:
        membership = Membership.objects.get(user=user)
        return caller(subscriptions.activate_user_api(membership, Package(package), ACTOR))

    return make


@pytest.fixture
def portal_api() -> Callable[[User, str], ApiCaller]:
    """A caller for the API of the portal that a manager manages."""

    def make(manager: User, package: str) -> ApiCaller:
        membership = Membership.objects.get(user=manager)
        return caller(subscriptions.activate_portal_api(membership.portal, membership, Package(package), ACTOR))

    return make


@pytest.fixture
def plenty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quotas that no test uses up."""
    for package in Package:
        monkeypatch.setitem(catalog.DEFAULT_LIMITS, package, Limits(1_000_000, 1_000_000))


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Stops the clock at an ISO time."""

    def stop(moment: str) -> None:
        now = dt.datetime.fromisoformat(moment)
        monkeypatch.setattr(timezone, "now", lambda: now)

    return stop


@pytest.fixture(scope="session")
def live_data(live: LiveServer) -> dict[str, Any]:
    """What tests/api/live_data.py put into the live server's database."""
    command = [sys.executable, "-m", "tests.api.live_data"]
    done = subprocess.run(command, cwd=ROOT, env=live.environment, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    made: dict[str, Any] = json.loads(done.stdout)
    return made


DAY = dt.date(2025, 6, 21)


def measure(plant: Plant, day: dt.date = DAY) -> None:
    """One day of plain numbers for every kind of device of a plant of the cast."""
    slots = grid.slots(plant.zone, day)

    def constant(value: float) -> np.ndarray:
        return np.full(slots, value)

    def counter(power: float) -> np.ndarray:
        return np.arange(1, slots + 1) * power / 12

    devices = {row.type: row.cross_epoch_id for row in Component.objects.filter(epoch__plant=plant)}
    series: dict[str, dict[tuple[str, int], np.ndarray]] = {
        "Inverter": {
            ("ProdPac", 0): constant(6000),
            ("ProdEtotal", 0): counter(6000),
            ("ProdPdc", 0): constant(6200),
            ("ProdUac", 0): constant(230.5),
            ("ProdPdc", 1): constant(3100),
            ("ProdPdc", 2): constant(3100),
            ("ProdUdc", 1): constant(401.5),
            ("ProdIdc", store.STRING_PART + 1): constant(3.86),
        },
        "Meter": {("ConsPac", 0): constant(1200), ("ConsEtotal", 0): counter(1200)},
        "Battery": {("BatPacCharge", 0): constant(600), ("BatSoc", 0): constant(55.5)},
        "Sensor": {("Irradiation", 0): constant(800), ("TempModule", 0): constant(41)},
    }
    store.write(plant, [store.DayReadings(devices[kind], day, values) for kind, values in series.items()])


@pytest.fixture
def measured(cast: Cast) -> Cast:
    """The cast, with one measured day on plants A, B and O."""
    for plant in (cast.plant_a, cast.plant_b, cast.plant_o):
        measure(plant)
    return cast
