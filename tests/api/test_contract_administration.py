"""Calls 1 to 7: plants, addresses, contacts and fleets, with every field of the contract."""

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from apps.accounts.models import User
from apps.plants.models import Address, Assignment, Component, Contact, Plant
from tests.api.conftest import ApiCaller, body_of
from tests.cast import Cast, make_fleet, make_plant

Api = Callable[[User, str], ApiCaller]

ADDRESS = {"id": str, "street": str, "houseNumber": str, "postalCode": str, "city": str, "country": str}
LIST_FORM: dict[str, Any] = {
    "id": str,
    "ffufId": int,
    "label": str,
    "plantSize": int,
    "createdAt": str,
    "functionalities": list,
    "firmware": str,
    "firmwareDate": str,
    "firmwareVersion": str,
    "deviceFullName": str,
    "vendor": str,
    "identifier": str,
    "lastDataTransfer": dict,
    "configStatus": int,
    "fleetCount": int,
    "latitude": float,
    "longitude": float,
    "address": dict,
    "plantCreator": int,
    "crcVersion": int,
    "componentsClasses": list,
    "componentsTypes": list,
}
DETAIL_FORM = {
    **LIST_FORM,
    "plantStatus": str,
    "installationDate": str,
    "plantCost": float,
    "electricityCost": float,
    "package": str,
    "timezone": str,
}


def types(found: dict[str, Any]) -> dict[str, type]:
    return {name: type(value) for name, value in found.items()}


def fill_in(plant: Plant) -> Plant:
    """A plant about which everything is known."""
    plant.vendor, plant.device_name, plant.identifier = "SDS", "Solar-Log Base 15", "0815"
    plant.firmware, plant.firmware_date = "6.1.0 Build 163", dt.date(2024, 4, 12)
    plant.last_transfer, plant.last_transfer_type = dt.datetime(2024, 9, 3, 9, 48, 50, tzinfo=dt.UTC), "HTTP"
    plant.installation_date, plant.created_at = dt.date(2020, 1, 1), dt.datetime(2022, 1, 1, 8, tzinfo=dt.UTC)
    plant.plant_cost, plant.electricity_cost = Decimal(20000), Decimal("0.31")
    plant.save()
    return plant


# --- 1: plants -----------------------------------------------------------------------------------------------


def test_the_list_form_has_every_field_with_its_type(user_api: Api, cast: Cast) -> None:
    fill_in(cast.plant_a)
    [plant] = user_api(cast.alice, "basic").json("administration/plants")
    assert types(plant) == LIST_FORM
    assert types(plant["address"]) == ADDRESS
    assert plant["address"] | {"id": ""} == {
        "id": "",
        "street": "Sonnenweg",
        "houseNumber": "1",
        "postalCode": "",
        "city": "Ulm",
        "country": "DE",
    }
    assert (plant["id"], plant["label"], plant["plantSize"]) == (str(cast.plant_a.pk), "Plant A", 10_000)
    assert plant["createdAt"] == "2022-01-01T08:00:00+00:00"
    assert (plant["firmware"], plant["firmwareDate"]) == ("6.1.0 Build 163", "12.04.2024")
    assert (plant["vendor"], plant["deviceFullName"], plant["identifier"]) == ("SDS", "Solar-Log Base 15", "0815")
    assert plant["lastDataTransfer"] == {"lastTransfer": "2024-09-03T11:48:50+02:00", "lastTransferType": "HTTP"}
    assert (plant["latitude"], plant["longitude"]) == (48.4, 10.0)
    assert plant["componentsClasses"] == ["production", "consumption", "meter", "sensors", "battery"]
    assert plant["componentsTypes"] == ["Inverter", "Meter", "Sensor", "Battery"]


def test_what_is_not_known_has_its_empty_value(portal_api: Api, cast: Cast) -> None:
    bare = Plant.objects.create(portal=cast.sunny, label="Bare", timezone="Europe/Berlin")
    found = portal_api(cast.mona, "basic").json(f"administration/plant/{bare.pk}")
    assert {name: found[name] for name in DETAIL_FORM if name not in ("id", "createdAt")} == {
        "ffufId": 0,
        "label": "Bare",
        "plantSize": 0,
        "functionalities": [],
        "firmware": "",
        "firmwareDate": "",
        "firmwareVersion": "",
        "deviceFullName": "",
        "vendor": "",
        "identifier": "",
        "lastDataTransfer": {"lastTransfer": None, "lastTransferType": ""},
        "configStatus": 0,
        "fleetCount": 0,
        "latitude": None,
        "longitude": None,
        "address": dict.fromkeys(ADDRESS, ""),
        "plantCreator": 0,
        "crcVersion": 0,
        "componentsClasses": [],
        "componentsTypes": [],
        "plantStatus": "activated",
        "installationDate": "",
        "plantCost": None,
        "electricityCost": None,
        "package": "",
        "timezone": "Europe/Berlin",
    }


def test_the_user_api_lists_the_assigned_plants_and_the_portal_api_all(
    user_api: Api, portal_api: Api, cast: Cast
) -> None:
    def labels(caller: ApiCaller) -> list[str]:
        return [plant["label"] for plant in caller.json("administration/plants")]

    assert labels(user_api(cast.alice, "basic")) == ["Plant A"]
    assert labels(user_api(cast.charlie, "basic")) == []
    assert labels(user_api(cast.mona, "advanced")) == []  # a manager sees the whole portal in the browser only
    assert labels(portal_api(cast.mona, "basic")) == ["Plant A", "Plant B"]
    assert labels(portal_api(cast.oskar, "basic")) == ["Plant O"]


@pytest.fixture
def many(portal_api: Api, cast: Cast) -> ApiCaller:
    """A portal with plants that differ in everything a filter looks at."""
    swiss = make_plant(cast.sunny, "Zermatt", size=30_000)
    Plant.objects.filter(pk=swiss.pk).update(identifier="SN-4711", status="deactivated")
    Address.objects.filter(plant=swiss).update(city="Zermatt", country="CH")
    Component.objects.filter(epoch__plant=swiss, type="Battery").delete()
    make_fleet(cast.sunny, "Alps", [swiss])
    return portal_api(cast.mona, "advanced")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Plant A", "Plant B", "Zermatt"]),
        ("search=plant", ["Plant A", "Plant B"]),
        ("search=ULM", ["Plant A", "Plant B"]),
        ("search=4711", ["Zermatt"]),
        ("search=%25", []),
        ("search=", ["Plant A", "Plant B", "Zermatt"]),
        ("status=activated", ["Plant A", "Plant B"]),
        ("status=deactivated", ["Zermatt"]),
        ("health=OK", ["Plant A", "Plant B", "Zermatt"]),
        ("health=ERROR", []),
        ("sizeMin=10001", ["Zermatt"]),
        ("sizeMin=10000", ["Plant A", "Plant B", "Zermatt"]),
        ("sizeMax=10000", ["Plant A", "Plant B"]),
        ("sizeMin=10001&sizeMax=29999", []),
        ("country=CH", ["Zermatt"]),
        ("country=de", ["Plant A", "Plant B"]),
        ("componentsClass=battery", ["Plant A", "Plant B"]),
        ("componentsClass=production", ["Plant A", "Plant B", "Zermatt"]),
        ("componentsClass=hidden", []),
        ("search=plant&sizeMin=1&country=DE&status=activated&componentsClass=meter", ["Plant A", "Plant B"]),
    ],
)
def test_lists_are_narrowed_by(query: str, expected: list[str], many: ApiCaller) -> None:
    assert [plant["label"] for plant in many.json(f"administration/plants?{query}")] == expected


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("status=broken", "status"),
        ("health=FINE", "health"),
        ("sizeMin=-1", "sizeMin"),
        ("sizeMax=1e3", "sizeMax"),
        ("sizeMax=", "sizeMax"),
        ("componentsClass=roof", "componentsClass"),
        ("fleet=7", "fleet"),
        ("page=0", "page"),
        ("pageSize=1001", "pageSize"),
        ("page=1&page=2", "page"),
        ("search=a%00b", "search"),
        (f"search={'x' * 201}", "search"),
        ("colour=red", "colour"),
    ],
)
def test_a_filter_that_cannot_be_used_is_named(query: str, parameter: str, many: ApiCaller) -> None:
    assert many.problem(f"administration/plants?{query}") == (400, "invalid_parameter", [parameter])


def test_plants_of_a_fleet_can_be_listed_and_an_unknown_fleet_has_none(many: ApiCaller, cast: Cast) -> None:
    def labels(fleet: object) -> list[str]:
        return [plant["label"] for plant in many.json(f"administration/plants?fleet={fleet}")]

    assert labels(cast.fleet_s.pk) == ["Plant A", "Plant B"]
    assert labels(cast.fleet_o.pk) == []
    assert labels("0b8e0a0c-0000-4000-8000-000000000000") == []


def test_pages_link_to_each_other(many: ApiCaller) -> None:
    base = "http://testserver/api/v1/sunny/administration/plants?sizeMin=5"
    response = many.get("administration/plants?page=2&sizeMin=5&pageSize=1")
    assert [plant["label"] for plant in json.loads(body_of(response))] == ["Plant B"]
    assert response["Link"] == (
        f'<{base}&page=1&pageSize=1>; rel="first", <{base}&page=1&pageSize=1>; rel="prev", '
        f'<{base}&page=3&pageSize=1>; rel="next", <{base}&page=3&pageSize=1>; rel="last"'
    )
    assert response["X-Total-Count"] == "3"


def test_the_first_page_has_no_page_before_and_the_last_none_after(many: ApiCaller) -> None:
    def relations(query: str) -> list[str]:
        link = many.get(f"administration/plants?{query}")["Link"]
        return [part.split('rel="')[1].rstrip('"') for part in link.split(", ")]

    assert relations("pageSize=2") == ["first", "next", "last"]
    assert relations("pageSize=2&page=2") == ["first", "prev", "last"]
    assert relations("page=1") == ["first", "last"]
    assert many.json("administration/plants?page=9") == []
    assert "Link" not in many.get("administration/plants")


# --- 2 to 4: one plant -----------------------------------------------------------------------------------------


def test_the_detail_form_has_the_fields_of_the_list_form_and_its_own(user_api: Api, cast: Cast) -> None:
    fill_in(cast.plant_a)
    caller = user_api(cast.alice, "basic")
    plant = caller.json(f"administration/plant/{cast.plant_a.pk}")
    assert types(plant) == DETAIL_FORM
    assert plant.items() >= caller.json("administration/plants")[0].items()
    assert {name: plant[name] for name in DETAIL_FORM if name not in LIST_FORM} == {
        "plantStatus": "activated",
        "installationDate": "2020-01-01T00:00:00+00:00",
        "plantCost": 20000.0,
        "electricityCost": 0.31,
        "package": "",
        "timezone": "Europe/Berlin",
    }


def test_the_address_of_a_plant(user_api: Api, cast: Cast) -> None:
    caller = user_api(cast.alice, "basic")
    address = caller.json(f"administration/plants/{cast.plant_a.pk}/address")
    assert address == {
        "id": str(cast.plant_a.address_id),
        "street": "Sonnenweg",
        "houseNumber": "1",
        "postalCode": "",
        "city": "Ulm",
        "country": "DE",
    }
    Plant.objects.filter(pk=cast.plant_a.pk).update(address=None)
    assert caller.json(f"administration/plants/{cast.plant_a.pk}/address") == dict.fromkeys(ADDRESS, "")


def test_the_contacts_of_a_plant(user_api: Api, cast: Cast) -> None:
    home = Address.objects.create(city="Ulm")
    Contact.objects.create(
        plant=cast.plant_a,
        last_name="Zorn",
        first_name="Jo",
        email="jo@example.org",
        phone_number="1",
        mobile_phone_number="2",
        role="installer",
        comment="Rings twice",
        address=home,
    )
    stall, zorn = user_api(cast.alice, "basic").json(f"administration/plants/{cast.plant_a.pk}/contacts")
    assert stall | {"id": ""} == {
        "id": "",
        "lastName": "Stall",
        "firstName": "Ina",
        "company": "Roof & Sun",
        "email": "",
        "phoneNumber": "",
        "mobilePhoneNumber": "",
        "address": dict.fromkeys(ADDRESS, ""),
        "comment": "",
        "role": None,
    }
    assert zorn["address"] == dict.fromkeys(ADDRESS, "") | {"id": str(home.pk), "city": "Ulm"}
    assert (zorn["email"], zorn["phoneNumber"], zorn["mobilePhoneNumber"]) == ("jo@example.org", "1", "2")
    assert (zorn["role"], zorn["comment"]) == ("installer", "Rings twice")


# --- 5 to 7: fleets --------------------------------------------------------------------------------------------


def test_fleets_of_the_portal_with_number_and_size_of_their_plants(portal_api: Api, cast: Cast) -> None:
    make_fleet(cast.sunny, "Empty fleet", [])
    caller = portal_api(cast.mona, "advanced")
    empty, sunny = caller.json("administration/fleets")
    assert empty.items() >= {"label": "Empty fleet", "plantCount": 0, "size": 0}.items()
    assert types(sunny) == {
        "id": str,
        "label": str,
        "description": str,
        "plantCount": int,
        "size": int,
        "createdAt": str,
    }
    assert sunny.items() >= {"label": "Sunny fleet", "description": "", "plantCount": 2, "size": 20_000}.items()
    assert caller.json(f"administration/fleet/{cast.fleet_s.pk}") == sunny


def test_the_plants_of_a_fleet_are_in_list_form(portal_api: Api, cast: Cast) -> None:
    caller = portal_api(cast.mona, "advanced")
    plants = caller.json(f"administration/fleet/{cast.fleet_s.pk}/plants")
    assert plants == caller.json("administration/plants")
    assert [(plant["label"], plant["fleetCount"]) for plant in plants] == [("Plant A", 1), ("Plant B", 1)]


def test_the_user_api_counts_no_fleets(user_api: Api, cast: Cast) -> None:
    Assignment.objects.get_or_create(membership=cast.alice.memberships.get(), plant=cast.plant_b)
    plants = user_api(cast.alice, "advanced").json("administration/plants")
    assert [(plant["label"], plant["fleetCount"]) for plant in plants] == [("Plant A", 0), ("Plant B", 0)]
