"""Refusals that no other test needs: found by removing their lines (test_red_lines.py)."""

import datetime as dt
from typing import Any

import numpy as np
import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from apps.events.models import ComponentEvent
from apps.measurements import grid, store
from apps.packages import policy
from apps.packages.catalog import FUNCTIONS
from apps.plants.models import Component
from tests.api.calls import CALLS, ids_of
from tests.api.conftest import DAY
from tests.cast import Cast, in_browser, make_fleet
from tests.clients_cast import portal_key, user_key
from tests.gate import calling


@pytest.fixture
def token(cast: Cast) -> str:
    """Of Alice, who sees plant A, with every function."""
    return user_key(cast.alice, cast.sunny, "advanced").token()


def test_a_living_token_is_heard_as_bearer_only(token: str) -> None:
    assert calling.status(token, "me") == 200
    for header in (f"Basic {token}", f"Token {token}", token):
        assert calling.status(token, "me", Authorization=header) == 401


def test_who_is_in_the_browser_has_no_package_and_so_no_api_function(cast: Cast) -> None:
    manager = in_browser(cast.mona, cast.sunny)
    assert [row.name for row in FUNCTIONS if policy.decide(manager, row).allowed] == []


class SaysNothing(APIView):
    """A view of the framework whose author did not know ApiView."""

    def get(self, request: Request) -> Response:
        return Response("everything")


def test_a_view_of_the_framework_that_says_nothing_answers_nobody(token: str) -> None:
    request = APIRequestFactory().get("/", headers={"Authorization": f"Bearer {token}"})
    assert SaysNothing.as_view()(request).status_code == 403


# --- Pages -----------------------------------------------------------------------------------------------------------


def says_nothing(request: HttpRequest) -> HttpResponse:
    """A page whose author thought of no rule."""
    return HttpResponse("everything")


urlpatterns: list[Any] = [path("new-page", says_nothing), path("", include("portal.urls"))]


@pytest.mark.urls(__name__)
def test_a_page_that_says_nothing_is_closed_to_strangers(cast: Cast) -> None:
    browser = Client()
    assert browser.get("/new-page").status_code == 302
    browser.force_login(cast.alice)
    assert browser.get("/new-page").content == b"everything"


@pytest.mark.urls(__name__)
def test_a_form_without_its_csrf_token_is_refused_wherever_it_goes(cast: Cast) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(cast.alice)
    assert browser.get("/new-page").status_code == 200
    assert browser.post("/new-page").status_code == 403


# --- What belongs to another plant -----------------------------------------------------------------------------------


def test_events_are_those_of_the_plant_that_was_asked_about(token: str, cast: Cast) -> None:
    for plant in (cast.plant_a, cast.plant_b):
        ComponentEvent.objects.create(
            plant=plant,
            device_id=Component.objects.get(epoch__plant=plant, type="Inverter").cross_epoch_id,
            started_at=dt.datetime(2025, 6, 21, 12, tzinfo=dt.UTC),
            status_code=1,
            status_text=plant.label,
            severity="info",
        )
    found = calling.json(token, ids_of(cast.plant_a, cast.fleet_s).fill(CALLS["events"]))
    assert [event["status"]["text"] for event in found] == ["Plant A"]


def test_components_are_those_of_the_plant_that_was_asked_about(token: str, cast: Cast) -> None:
    found = calling.json(token, ids_of(cast.plant_a, cast.fleet_s).fill(CALLS["components"]))
    own = {str(pk) for pk in Component.objects.filter(epoch__plant=cast.plant_a).values_list("pk", flat=True)}
    assert {component["id"] for component in found} == own


def test_a_plant_names_its_own_fleets_only(cast: Cast) -> None:
    make_fleet(cast.sunny, "Without plant A", [cast.plant_b])
    token = portal_key(cast.mona, cast.sunny, "advanced").token()
    found = calling.json(token, f"visualization/plant/{cast.plant_a.pk}")
    assert found["fleets"] == [{"id": str(cast.fleet_s.pk)}]


@pytest.mark.parametrize("function", ["component_channels", "component_month"])
def test_values_stored_for_another_plant_are_never_read(function: str, token: str, cast: Cast) -> None:
    """Even where they name a device of the plant that was asked about."""
    device = Component.objects.get(epoch__plant=cast.plant_a, type="Inverter").cross_epoch_id
    rising = np.arange(1, grid.slots(cast.plant_b.zone, DAY) + 1) * 500.0
    series = {("ProdPac", 0): np.full(rising.size, 6000.0), ("ProdEtotal", 0): rising}
    store.write(cast.plant_b, [store.DayReadings(device, DAY, series)])
    found = calling.json(token, ids_of(cast.plant_a, cast.fleet_s).fill(CALLS[function]))
    assert [value for one in found for value in one["dataPoints"].values() if value] == []
