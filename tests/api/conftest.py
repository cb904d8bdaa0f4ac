"""API clients for tests: a token of each kind, and answers checked against the OpenAPI document."""

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import jsonschema
import numpy as np
import orjson
import pytest
from django.http import HttpResponse
from django.test import Client

from apps.accounts.audit import Actor
from apps.accounts.models import Membership, User
from apps.api import oauth, openapi
from apps.measurements import grid, store
from apps.packages import clients, subscriptions
from apps.packages.catalog import Package
from apps.packages.models import Subscription
from apps.plants.models import Component, Plant
from tests.cast import Cast

ACTOR = Actor("test")


@dataclass(frozen=True, slots=True)
class ApiCaller:
    """A program with a live token. Every JSON answer it gets is checked against the OpenAPI document."""

    token: str
    portal: str
    subscription: Subscription

    def raw(self, path: str, **headers: str) -> Any:
        """GET a full path."""
        return Client(raise_request_exception=False).get(
            path, headers={"Authorization": f"Bearer {self.token}", **headers}
        )

    def get(self, path: str, **headers: str) -> Any:
        """GET a path below the base of the token's portal."""
        response = self.raw(f"/api/v1/{self.portal}/{path}", **headers)
        check_against_document(path.partition("?")[0], response)
        return response

    def json(self, path: str) -> Any:
        """The body of a call that must succeed."""
        response = self.get(path)
        assert response.status_code == 200, body_of(response)
        return orjson.loads(body_of(response))


def body_of(response: Any) -> bytes:
    """The whole body, streamed or not."""
    return b"".join(response.streaming_content) if response.streaming else response.content


def check_against_document(path: str, response: HttpResponse) -> None:
    """The answer has the shape that the OpenAPI document promises for its status."""
    operation = next(found for pattern, found in _operations() if pattern.fullmatch(path))
    assert str(response.status_code) in {*operation["responses"], "304"}, f"{response.status_code} is not documented"
    if response.status_code == 304 or response.streaming:
        return
    content = operation["responses"][str(response.status_code)]["content"]
    [(media_type, described)] = content.items()
    assert response["Content-Type"] == media_type
    schema = {**described["schema"], "components": openapi.schema()["components"]}
    jsonschema.validate(orjson.loads(response.content), schema, jsonschema.Draft202012Validator)


@cache
def _operations() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    prefix = "/api/v1/{portal}/"
    return [
        (re.compile(re.sub(r"\{\w+\}", "[^/]+", path.removeprefix(prefix))), item["get"])
        for path, item in openapi.schema()["paths"].items()
    ]


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
