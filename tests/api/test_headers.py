"""Headers of every answer: quota, caching, ETags that cost no day quota, compression."""

import datetime as dt
import gzip
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from oauth2_provider.models import AccessToken

from apps.accounts.models import User
from apps.measurements import grid, store
from apps.plants.models import Assignment, Component, Plant
from tests.api.calls import CALLS, Ids, ids_of
from tests.api.conftest import ApiCaller, body_of, measure
from tests.cast import Cast

Api = Callable[[User, str], ApiCaller]
POLICY = '"minute";q=300;w=60, "day";q=50000;w=86400'
VARY = "Authorization, Accept-Language, Accept-Encoding"


@pytest.fixture
def everything(portal_api: Api, measured: Cast) -> ApiCaller:
    return portal_api(measured.mona, "advanced")


@pytest.fixture
def ids(measured: Cast) -> Ids:
    return ids_of(measured.plant_a, measured.fleet_s)


def used(caller: ApiCaller) -> tuple[int, int]:
    """What is used of both windows before this question."""
    minute, day = caller.json("me")["quota"]
    return minute["used"] - 1, day["used"] - 1


# --- On every answer ---------------------------------------------------------------------------------------------


def test_every_good_answer_carries_them_all(everything: ApiCaller, ids: Ids) -> None:
    for name, call in CALLS.items():
        response = everything.get(ids.fill(call))
        assert response["RateLimit-Policy"] == POLICY, name
        assert response["RateLimit"].startswith('"minute";r='), name
        assert response["Cache-Control"] == "private", name
        assert response["Vary"] == VARY, name
        assert response["ETag"].strip('"').isalnum(), name
        assert response["X-Content-Type-Options"] == "nosniff", name
        assert "Set-Cookie" not in response, name


@pytest.mark.parametrize(
    ("path", "method", "headers", "status"),
    [
        ("administration/plants?colour=red", "GET", {}, 400),
        ("administration/plant/5f0c6f1e-9d5e-4b8e-8a65-1f1f3d0f0001", "GET", {}, 404),
        ("me", "POST", {}, 405),
        ("me", "OPTIONS", {}, 204),
        ("me", "GET", {"Accept": "text/html"}, 406),
        ("administration/plants", "GET", {"If_None_Match": "*"}, 304),
    ],
)
def test_every_other_answer_of_a_known_client_carries_them_too(
    path: str, method: str, headers: dict[str, str], status: int, everything: ApiCaller
) -> None:
    response = everything.raw(f"/api/v1/sunny/{path}", method, **headers)
    assert response.status_code == status
    assert response["RateLimit-Policy"] == POLICY
    assert response["RateLimit"].startswith('"minute";r=299;t=')
    assert (response["Cache-Control"], response["Vary"]) == ("private", VARY)
    assert "X-Request-ID" in response


def test_answers_to_nobody_may_not_be_shared_either(measured: Cast) -> None:
    nobody = ApiCaller("", "sunny", None)  # type: ignore[arg-type]
    for path in ("/api/v1/sunny/me", "/api/v1/openapi.json", "/api/v1/nothing"):
        response = nobody.raw(path)
        assert (response["Cache-Control"], response["Vary"]) == ("private", VARY)


def test_what_is_left_counts_down(everything: ApiCaller, at: Callable[[str], None]) -> None:
    at("2025-06-21T12:00:48+00:00")
    left = [everything.get("administration/plants")["RateLimit"] for _ in range(3)]
    assert left == [f'"minute";r={299 - n};t=12, "day";r={49_999 - n};t=43152' for n in range(3)]


# --- 304 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', 'W/"x",W/{}', "*"])
def test_what_the_client_has_already_is_not_sent_again(form: str, everything: ApiCaller, ids: Ids) -> None:
    for name, call in CALLS.items():
        if name == "me":
            continue  # it tells how much is used, so it is never the same twice
        etag = everything.get(ids.fill(call))["ETag"]
        known = everything.get(ids.fill(call), If_None_Match=form.format(etag))
        assert (known.status_code, body_of(known), known["ETag"]) == (304, b"", etag), name
        assert "Content-Type" not in known
        assert everything.get(ids.fill(call), If_None_Match='"other"').status_code == 200


def test_304_costs_the_minute_only(everything: ApiCaller, ids: Ids) -> None:
    path = ids.fill(CALLS["plant_channels"])
    etag = everything.get(path)["ETag"]
    before = used(everything)
    assert [everything.get(path, If_None_Match=etag).status_code for _ in range(3)] == [304] * 3
    after = used(everything)
    assert (after[0] - before[0], after[1] - before[1]) == (3 + 1, 1)  # and the first question after `before`


def test_an_error_costs_both_windows(everything: ApiCaller) -> None:
    before = used(everything)
    assert everything.get(Ids().fill(CALLS["plant"])).status_code == 404
    after = used(everything)
    assert (after[0] - before[0], after[1] - before[1]) == (2, 2)


def test_a_known_etag_opens_nothing(user_api: Api, everything: ApiCaller, measured: Cast, ids: Ids) -> None:
    bob, alice = user_api(measured.bob, "advanced"), user_api(measured.alice, "advanced")
    path = ids.fill(CALLS["plant_channels"])
    etag = everything.get(path)["ETag"]
    for known in (etag, "*"):
        assert bob.get(path, If_None_Match=known).status_code == 404
        assert bob.raw(f"/api/v1/other/{path}", If_None_Match=known).status_code == 404
        assert alice.get(path, If_None_Match=known).status_code == 304
    Assignment.objects.filter(plant=measured.plant_a).delete()
    assert alice.get(path, If_None_Match=etag).status_code == 404
    AccessToken.objects.all().delete()
    assert alice.get(path, If_None_Match=etag).status_code == 401


def test_a_package_is_asked_for_before_an_etag(user_api: Api, everything: ApiCaller, measured: Cast, ids: Ids) -> None:
    path = ids.fill(CALLS["component_channels"])
    etag = everything.get(path)["ETag"]
    assert user_api(measured.alice, "basic").get(path, If_None_Match=etag).status_code == 403


# --- When an ETag changes ------------------------------------------------------------------------------------------

TWO_DAYS = "visualization/plant/{}/channels?dateFrom=2025-06-21&dateTo=2025-06-22&channelNames[]=ProdPac"


def correct(plant: Plant, day: str, slot: int, value: float, kind: str = "Inverter", channel: str = "ProdPac") -> None:
    """One value of one device."""
    on = dt.date.fromisoformat(day)
    values = np.full(grid.slots(plant.zone, on), np.nan)
    values[slot] = value
    device = Component.objects.get(epoch__plant=plant, type=kind).cross_epoch_id
    store.write(plant, [store.DayReadings(device, on, {(channel, 0): values})])


@pytest.mark.parametrize(
    "call",
    ["plant_channels", "component_channels", "cross_epoch_channels", "plant_month", "component_year", "plant_lifetime"],
)
def test_an_etag_changes_when_a_value_in_the_range_does(call: str, everything: ApiCaller, measured: Cast) -> None:
    plant, path = measured.plant_a, ids_of(measured.plant_a, measured.fleet_s).fill(CALLS[call])
    before = everything.get(path)["ETag"]
    correct(plant, "2025-06-21", 0, 6000)  # the value it has
    correct(measured.plant_b, "2025-06-21", 0, 1)
    assert everything.get(path)["ETag"] == before
    correct(plant, "2025-06-21", 100, 5999)
    correct(plant, "2025-06-21", 287, 150_000, channel="ProdEtotal")
    assert everything.get(path)["ETag"] != before


def test_values_outside_the_range_change_nothing(everything: ApiCaller, measured: Cast) -> None:
    plant, path = measured.plant_a, TWO_DAYS.format(measured.plant_a.pk)
    before = everything.get(path)["ETag"]
    for day in ("2025-06-20", "2025-06-23", "2024-06-21"):
        measure(plant, dt.date.fromisoformat(day))
    assert everything.get(path, If_None_Match=before).status_code == 304
    measure(plant, dt.date(2025, 6, 22))
    assert everything.get(path, If_None_Match=before).status_code == 200


def test_what_a_value_is_computed_or_named_with_changes_the_etag(everything: ApiCaller, measured: Cast) -> None:
    plant = Plant.objects.filter(pk=measured.plant_a.pk)
    path = TWO_DAYS.format(measured.plant_a.pk) + "&channelNames[]=ProdPacNorm"
    seen = [everything.get(path)["ETag"]]
    for change in ({"size": 20_000}, {"timezone": "Europe/London"}, {"currency": "CHF"}):
        plant.update(**change)
        seen.append(everything.get(path)["ETag"])
    assert len(set(seen)) == 4


def test_an_etag_of_today_follows_completeness(
    everything: ApiCaller, measured: Cast, at: Callable[[str], None]
) -> None:
    path = f"visualization/plant/{measured.plant_a.pk}/channels?dateFrom=yesterday&dateTo=today&channelNames[]=ProdPac"
    correct(measured.plant_a, "2025-06-23", 0, 1)

    def tag(moment: str) -> Any:
        at(moment)
        return everything.get(path)["ETag"]

    assert tag("2025-06-23T12:01:00+02:00") == tag("2025-06-23T12:04:00+02:00")
    assert tag("2025-06-23T12:01:00+02:00") != tag("2025-06-23T12:06:00+02:00")


def test_different_questions_have_different_etags(everything: ApiCaller, ids: Ids) -> None:
    paths = {ids.fill(CALLS[name]) for name in ("plant_channels", "component_channels", "cross_epoch_channels")}
    paths |= {ids.fill(CALLS["plant_channels"]).replace("ProdPac", name) for name in ("ProdEtotal", "ConsPac")}
    assert len({everything.get(path)["ETag"] for path in paths}) == len(paths) == 5


# --- Compression ---------------------------------------------------------------------------------------------------


def test_answers_are_compressed_for_those_who_can_read_it(everything: ApiCaller, ids: Ids) -> None:
    path = ids.fill(CALLS["plant_channels"])
    plain, packed = everything.get(path), everything.raw(f"/api/v1/sunny/{path}", Accept_Encoding="gzip, br")
    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert len(packed.content) < len(plain.content) / 5
    assert (packed["ETag"], packed["Vary"]) == (f"W/{plain['ETag']}", VARY)
    known = everything.get(path, Accept_Encoding="gzip", If_None_Match=packed["ETag"])
    assert (known.status_code, known.content) == (304, b"")
