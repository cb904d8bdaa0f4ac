"""What every call has in common: addresses, methods, parameters in all their forms, and the clients' own headers."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from apps.accounts.models import User
from apps.packages import catalog
from apps.plants.models import Component, Plant
from tests.api.calls import CALLS, Ids, ids_of
from tests.api.conftest import DAY, ApiCaller, body_of, measure
from tests.cast import Cast

Api = Callable[[User, str], ApiCaller]
BAD = (400, "invalid_parameter")


@pytest.fixture
def everything(portal_api: Api, measured: Cast) -> ApiCaller:
    """Somebody who may call every function."""
    return portal_api(measured.mona, "advanced")


@pytest.fixture
def ids(measured: Cast) -> Ids:
    return ids_of(measured.plant_a, measured.fleet_s)


# --- Addresses and methods ---------------------------------------------------------------------------------------


def test_there_is_a_call_for_every_function_of_the_catalog() -> None:
    assert {function.name for function in catalog.FUNCTIONS} == set(CALLS)


def test_every_call_answers_below_the_portal_and_without_version_alike(everything: ApiCaller, ids: Ids) -> None:
    for name, call in CALLS.items():
        path = ids.fill(call)
        versioned, plain = everything.get(path), everything.raw(f"/api/{path}")
        assert (versioned.status_code, plain.status_code) == (200, 200), name
        if name != "me":
            assert body_of(plain) == body_of(versioned), name


def test_head_has_the_headers_of_get_and_no_body(everything: ApiCaller, ids: Ids) -> None:
    def headers(response: Any) -> dict[str, str]:
        ignored = ("X-Request-ID", "RateLimit", "ETag" if name == "me" else "")
        return {key: value for key, value in response.headers.items() if key not in ignored}

    for name, call in CALLS.items():
        got, head = everything.get(ids.fill(call)), everything.get(ids.fill(call), "HEAD")
        assert (head.status_code, body_of(head)) == (200, b""), name
        assert headers(head) == headers(got), name


def test_head_of_an_error_has_no_body_either(everything: ApiCaller) -> None:
    head = everything.get(Ids().fill(CALLS["plant"]), "HEAD")
    assert (head.status_code, head.content) == (404, b"")
    assert head["Content-Type"] == "application/problem+json"


def test_options_names_the_methods_whatever_the_address_names(everything: ApiCaller, ids: Ids) -> None:
    for name, call in CALLS.items():
        for path in (ids.fill(call), Ids().fill(call).partition("?")[0]):
            response = everything.get(path, "OPTIONS")
            assert (response.status_code, response.content) == (204, b""), name
            assert response["Allow"] == "GET, HEAD, OPTIONS"
            assert "RateLimit" in response
            assert "Content-Type" not in response


@pytest.mark.usefixtures("plenty")
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"])
def test_other_methods_are_refused_with_the_list_of_those_that_are_not(
    method: str, everything: ApiCaller, ids: Ids
) -> None:
    for name, call in CALLS.items():
        response = everything.get(ids.fill(call), method)
        assert (response.status_code, response["Allow"]) == (405, "GET, HEAD, OPTIONS"), name
        assert orjson.loads(response.content)["code"] == "method_not_allowed"


def test_the_document_reads_only_too(everything: ApiCaller) -> None:
    got, head = everything.raw("/api/v1/openapi.json"), everything.raw("/api/v1/openapi.json", "HEAD")
    assert (got.status_code, head.status_code, head.content) == (200, 200, b"")
    assert everything.raw("/api/v1/openapi.json", If_None_Match=got["ETag"]).status_code == 304
    assert everything.raw("/api/v1/openapi.json", "OPTIONS").status_code == 204
    posted = everything.raw("/api/v1/openapi.json", "POST")
    assert (posted.status_code, posted["Allow"]) == (405, "GET, HEAD, OPTIONS")


def test_another_portals_name_is_unknown_to_a_token(everything: ApiCaller, ids: Ids) -> None:
    for portal in ("other", "nowhere", "SUNNY"):
        for name, call in CALLS.items():
            response = everything.raw(f"/api/v1/{portal}/{ids.fill(call)}")
            assert response.status_code == 404, (portal, name)


def test_headers_of_the_published_client_do_no_harm(everything: ApiCaller, ids: Ids) -> None:
    for name, call in CALLS.items():
        response = everything.get(
            ids.fill(call),
            Accept="*/*",
            Accept_Language="en-US,en;q=0.7,de-DE;q=0.3",
            Content_Type="application/x-www-form-urlencoded; charset=UTF-8",
            X_Requested_With="XMLHttpRequest",
            Priority="u=0",
        )
        assert response.status_code == 200, name


# --- Arrays ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "channelNames[]=ProdPac&channelNames[]=ConsPac&dateFrom=2025-06-21&dateTo=2025-06-21",
        "channelNames%5B%5D=ProdPac&channelNames%5B%5D=ConsPac&dateFrom=2025-06-21&dateTo=2025-06-21",
        "channelNames%5b%5d=ConsPac&channelNames%5b%5d=ProdPac&dateFrom=2025-06-21&dateTo=2025-06-21",
        "channelNames=ProdPac&channelNames=ConsPac&dateFrom=2025-06-21&dateTo=2025-06-21",
        "channelNames=ProdPac&channelNames[]=ConsPac&dateFrom=2025-06-21&dateTo=2025-06-21",
        "dateTo=2025-06-21&channelNames[]=ConsPac&dateFrom=2025-06-21&channelNames[]=ProdPac",
        "channelNames[]=ConsPac&channelNames[]=ProdPac&channelNames[]=ConsPac&dateTo=2025-06-21&dateFrom=2025-06-21",
    ],
)
def test_arrays_may_be_written_in_all_their_forms_and_any_order(
    query: str, everything: ApiCaller, plant_a: Plant
) -> None:
    found = everything.json(f"visualization/plant/{plant_a.pk}/channels?{query}")
    assert [entry["name"] for entry in found] == ["ConsPac", "ProdPac"]


@pytest.mark.parametrize("form", ["componentIds[]", "componentIds%5B%5D", "componentIds"])
def test_ids_may_be_written_in_all_forms_too(form: str, everything: ApiCaller, plant_a: Plant) -> None:
    devices = Component.objects.filter(epoch__plant=plant_a, type__in=["Inverter", "Meter"])
    query = "&".join(f"{form}={str(device.pk).upper()}" for device in devices)
    day = "dateFrom=2025-06-21&dateTo=2025-06-21&channelNames=ProdPac&channelNames=ConsPac"
    found = everything.json(f"visualization/plant/{plant_a.pk}/channels?{day}&{query}")
    assert {entry["deviceId"] for entry in found} == {str(device.pk) for device in devices}


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("", ["channelNames", "dateFrom", "dateTo"]),
        ("dateFrom=2025-06-21&dateTo=2025-06-21", ["channelNames"]),
        ("dateFrom=2025-06-21&dateTo=2025-06-21&channelNames[]=", ["channelNames"]),
        ("dateFrom=2025-06-21&dateTo=2025-06-21&channelNames[]=prodpac", ["channelNames"]),
        ("dateFrom=2025-06-21&dateTo=2025-06-21&channelNames[]=ProdPac,ConsPac", ["channelNames"]),
        ("dateFrom=2025-06-21&dateTo=2025-06-21&channelNames[]=ProdPac&channelNames[]=Nonsense", ["channelNames"]),
        ("dateFrom=2025-06-21&dateTo=2025-06-21&channelNames[0]=ProdPac", ["channelNames", "channelNames[0]"]),
        ("dateFrom=2025-06-21&dateTo=2025-06-21&channelNames[]=ProdPac&plantId=7", ["plantId"]),
        ("dateFrom=2025-06-21&dateTo=2025-06-21&channelNames[]=ProdPac&datefrom=x", ["datefrom"]),
        ("dateFrom=2025-06-21&dateTo=2025-06-21&channelNames[]=ProdPac&componentIds[]=7", ["componentIds"]),
        ("dateFrom=2025-06-21&dateTo=2025-06-21&channelNames[]=ProdPac&componentIds[]=", ["componentIds"]),
        (
            "dateFrom=2025-06-21&dateTo=2025-06-21&channelNames[]=ProdPac"
            "&componentIds[]=12345678-1234-1234-1234-1234_5678_9a",
            ["componentIds"],
        ),
        ("dateFrom=2025-06-21&dateTo=2025-06-21&dateTo=2025-06-22&channelNames[]=ProdPac", ["dateTo"]),
        ("dateFrom=%ff&dateTo=2025-06-21&channelNames[]=%ED%A0%80", ["channelNames", "dateFrom"]),
    ],
)
def test_every_parameter_that_cannot_be_used_is_named(
    query: str, parameters: list[str], everything: ApiCaller, plant_a: Plant
) -> None:
    status, code, named = everything.problem(f"visualization/plant/{plant_a.pk}/channels?{query}")
    assert (status, code, sorted(named)) == (*BAD, parameters)


def test_no_more_ids_than_200_can_be_given(everything: ApiCaller, ids: Ids) -> None:
    many = "&".join(f"componentIds[]=00000000-0000-4000-8000-{number:012}" for number in range(201))
    assert everything.problem(f"{ids.fill(CALLS['plant_channels'])}&{many}") == (*BAD, ["componentIds"])


def test_an_unknown_parameter_is_refused_by_every_call(everything: ApiCaller, ids: Ids) -> None:
    for name, call in CALLS.items():
        path = ids.fill(call)
        odd = f"{path}{'&' if '?' in path else '?'}colour=red"
        assert everything.problem(odd) == (*BAD, ["colour"]), name


# --- Days --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date_from", "date_to", "named"),
    [
        ("2025-02-31", "2025-06-21", "dateFrom"),
        ("2025-06-21", "2025-06-31", "dateTo"),
        ("2025-02-29", "2025-06-21", "dateFrom"),
        ("21.06.2025", "2025-06-21", "dateFrom"),
        ("2025-6-1", "2025-06-21", "dateFrom"),
        ("20250621", "2025-06-21", "dateFrom"),
        ("2025-W25-6", "2025-06-21", "dateFrom"),
        ("2025-06-21T00:00:00", "2025-06-21", "dateFrom"),
        ("1969-12-31", "2025-06-21", "dateFrom"),
        ("2025-06-21", "2201-01-01", "dateTo"),
        ("Today", "today", "dateFrom"),
        ("", "today", "dateFrom"),
        ("2025-06-21", "2025-06-20", "dateTo"),
        ("today", "yesterday", "dateTo"),
    ],
)
def test_impossible_days_are_named(
    date_from: str, date_to: str, named: str, everything: ApiCaller, plant_a: Plant
) -> None:
    query = f"dateFrom={date_from}&dateTo={date_to}"
    for call in (f"channels?channelNames[]=ProdPac&{query}", f"kpis?{query}"):
        assert everything.problem(f"visualization/plant/{plant_a.pk}/{call}") == (*BAD, [named])
    assert everything.problem(f"datasource/plant/{plant_a.pk}/events?{query}") == (*BAD, [named])


def test_both_ends_of_a_range_belong_to_it(everything: ApiCaller, plant_a: Plant) -> None:
    for day in (19, 20, 22, 23):
        measure(plant_a, DAY.replace(day=day))
    query = "dateFrom=2025-06-20&dateTo=2025-06-22&channelNames[]=ProdPac"
    found = everything.json(f"visualization/plant/{plant_a.pk}/channels?{query}")
    assert [entry["date"] for entry in found] == ["2025-06-22", "2025-06-21", "2025-06-20"]


@pytest.mark.parametrize("day", ["1970-01-01", "2200-12-31", "2024-02-29"])
def test_possible_days_without_data_are_answered(day: str, everything: ApiCaller, plant_a: Plant) -> None:
    query = f"dateFrom={day}&dateTo={day}&channelNames[]=ProdPac"
    assert everything.json(f"visualization/plant/{plant_a.pk}/channels?{query}") == []
