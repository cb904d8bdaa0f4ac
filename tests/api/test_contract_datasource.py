"""Calls 8 to 12: components, epochs, inverters, events, and the plant in short."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from apps.accounts.models import User
from apps.api import views
from apps.events.models import ComponentEvent
from apps.plants.models import Component, ModuleString, Plant
from tests.api.conftest import ApiCaller, measure
from tests.cast import Cast, make_epoch

Api = Callable[[User, str], ApiCaller]

COMPONENT: dict[str, Any] = {
    "id": str,
    "crossEpochId": str,
    "type": str,
    "classes": list,
    "name": str,
    "dataindex": int,
    "sortOrder": int,
    "vendor": str,
    "serial": str,
    "size": int,
    "epochActiveFrom": str,
    "visualizationChannels": list,
    "moduleField": type(None),
    "moduleStrings": list,
    "mpptrackers": list,
}
TRACKER: dict[str, Any] = {
    "id": str,
    "trackerindex": int,
    "name": str,
    "size": int,
    "moduleField": dict,
    "moduleStrings": list,
    "visualizationChannels": list,
}


def types(found: dict[str, Any]) -> dict[str, type]:
    return {name: type(value) for name, value in found.items()}


def device(plant: Plant, kind: str, epoch: str = "2025-01-01") -> Component:
    return Component.objects.get(epoch__plant=plant, epoch__active_from=epoch, type=kind)


@pytest.fixture
def two_epochs(cast: Cast) -> Plant:
    """Plant A, whose inverter was replaced on 1 July 2025 while the meter stayed."""
    plant = cast.plant_a
    make_epoch(plant, dt.date(2025, 7, 1))
    meter = device(plant, "Meter", "2025-07-01")
    meter.cross_epoch_id = device(plant, "Meter").cross_epoch_id
    meter.save()
    return plant


# --- 8: components ---------------------------------------------------------------------------------------------


def test_components_have_every_field(user_api: Api, cast: Cast) -> None:
    path = f"datasource/plant/{cast.plant_a.pk}/components/2025-06-21"
    inverter, meter, sensor, battery = user_api(cast.alice, "basic").json(path)
    assert types(inverter) == COMPONENT
    stored = device(cast.plant_a, "Inverter")
    assert (
        inverter.items()
        >= {
            "id": str(stored.pk),
            "crossEpochId": str(stored.cross_epoch_id),
            "type": "Inverter",
            "classes": ["production"],
            "name": "Inverter 1",
            "dataindex": 0,
            "sortOrder": 0,
            "vendor": "",
            "serial": "",
            "size": 10_000,
            "epochActiveFrom": "2025-01-01",
            "moduleField": None,
            "moduleStrings": [],
        }.items()
    )
    assert [found["type"] for found in (meter, sensor, battery)] == ["Meter", "Sensor", "Battery"]
    assert [found["mpptrackers"] for found in (meter, sensor, battery)] == [[], [], []]


def test_trackers_are_numbered_from_1_and_carry_their_module_field_and_strings(user_api: Api, cast: Cast) -> None:
    path = f"datasource/plant/{cast.plant_a.pk}/components/2025-06-21"
    first, second = user_api(cast.alice, "basic").json(path)[0]["mpptrackers"]
    assert types(first) == TRACKER
    assert [tracker["trackerindex"] for tracker in (first, second)] == [1, 2]
    assert (first["name"], first["size"]) == ("MPPT 1", 5_000)
    assert first["moduleField"] | {"id": ""} == {
        "id": "",
        "label": "1",
        "index": 1,
        "orientation": 180.0,
        "tilt": 30.0,
        "monitored": True,
    }
    assert first["visualizationChannels"] == ["ProdPdc", "ProdPdcNorm", "ProdUdc", "ProdIdc"]
    strings = ModuleString.objects.filter(tracker__component__epoch__plant=cast.plant_a, tracker__index=1)
    assert first["moduleStrings"] == [
        {
            "id": str(string.pk),
            "name": string.name,
            "stringindex": string.index,
            "size": 2_500,
            "visualizationChannels": ["ProdPdc", "ProdUdc", "ProdIdc"],
        }
        for string in strings.order_by("index")
    ]


def test_strings_without_a_tracker_belong_to_the_component(user_api: Api, cast: Cast) -> None:
    ModuleString.objects.filter(component__epoch__plant=cast.plant_a, index=4).update(tracker=None)
    path = f"datasource/plant/{cast.plant_a.pk}/components/2025-06-21"
    inverter = user_api(cast.alice, "basic").json(path)[0]
    assert [string["stringindex"] for string in inverter["moduleStrings"]] == [4]
    assert [len(tracker["moduleStrings"]) for tracker in inverter["mpptrackers"]] == [2, 1]


def test_every_channel_a_component_offers_can_be_asked_for(user_api: Api, measured: Cast) -> None:
    caller, plant = user_api(measured.alice, "advanced"), measured.plant_a.pk
    day = "dateFrom=2025-06-21&dateTo=2025-06-21"
    for component in caller.json(f"datasource/plant/{plant}/components/2025-06-21"):
        names = "&".join(f"channelNames[]={name}" for name in component["visualizationChannels"])
        path = f"visualization/plant/{plant}/channels?{day}&{names}&componentIds[]={component['id']}"
        got = {found["name"] for found in caller.json(path)}
        assert got
        assert got <= set(component["visualizationChannels"])


def test_a_component_has_a_new_id_in_each_epoch_and_keeps_its_cross_epoch_id(
    user_api: Api, cast: Cast, two_epochs: Plant
) -> None:
    caller, base = user_api(cast.alice, "basic"), f"datasource/plant/{two_epochs.pk}/components/"
    before, after = caller.json(base + "2025-06-30"), caller.json(base + "2025-07-01")
    kept = {found["crossEpochId"] for found in before} & {found["crossEpochId"] for found in after}
    assert kept == {str(device(two_epochs, "Meter").cross_epoch_id)}
    assert {found["id"] for found in before} & {found["id"] for found in after} == set()
    assert {found["epochActiveFrom"] for found in after} == {"2025-07-01"}


def test_before_the_first_epoch_there_is_no_component(user_api: Api, cast: Cast) -> None:
    assert user_api(cast.alice, "basic").json(f"datasource/plant/{cast.plant_a.pk}/components/2024-12-31") == []


@pytest.mark.parametrize("day", ["2025-02-31", "21.06.2025", "2025-6-1", "2025-W01-1", "20250621", "1969-12-31", "x"])
def test_an_impossible_day_of_components_is_named(day: str, user_api: Api, cast: Cast) -> None:
    caller = user_api(cast.alice, "basic")
    path = f"datasource/plant/{cast.plant_a.pk}/components/{day}"
    assert caller.problem(path) == (400, "invalid_parameter", ["date"])


# --- 9 and 10: epochs, inverters ---------------------------------------------------------------------------------


def test_the_epoch_of_a_day_ends_where_the_next_begins(user_api: Api, cast: Cast, two_epochs: Plant) -> None:
    caller, base = user_api(cast.alice, "basic"), f"datasource/plant/{two_epochs.pk}/epochrange"

    def span(day: str) -> tuple[str, str | None]:
        epoch = caller.json(f"{base}?date={day}")
        assert set(epoch) == {"id", "activeFrom", "activeTo"}
        return epoch["activeFrom"], epoch["activeTo"]

    assert span("2025-01-01") == ("2025-01-01", "2025-06-30")
    assert span("2025-06-30") == ("2025-01-01", "2025-06-30")
    assert span("2025-07-01") == ("2025-07-01", None)
    assert caller.json(base) == caller.json(f"{base}?date=today")
    assert caller.problem(f"{base}?date=2024-12-31") == (404, "not_found", [])
    assert caller.problem(f"{base}?date=2025-02-29") == (400, "invalid_parameter", ["date"])


def test_inverters_are_the_components_of_that_type(user_api: Api, cast: Cast, two_epochs: Plant) -> None:
    caller, base = user_api(cast.alice, "basic"), f"datasource/plant/{two_epochs.pk}"
    [old] = caller.json(f"{base}/inverters?date=2025-06-30")
    [new] = caller.json(f"{base}/inverters")
    assert old == caller.json(f"{base}/components/2025-06-30")[0]
    assert new == caller.json(f"{base}/components/today")[0]
    assert old["id"] != new["id"]


# --- 11: events ------------------------------------------------------------------------------------------------


def event(component: Component, begin: str, end: str | None, severity: str = "info", **more: Any) -> ComponentEvent:
    return ComponentEvent.objects.create(
        plant=component.epoch.plant,
        device_id=component.cross_epoch_id,
        started_at=dt.datetime.fromisoformat(begin),
        ended_at=dt.datetime.fromisoformat(end) if end else None,
        severity=severity,
        **{"status_code": 1, **more},
    )


def test_events_have_every_field_and_local_times(user_api: Api, cast: Cast) -> None:
    inverter = device(cast.plant_a, "Inverter")
    stored = event(
        inverter,
        "2025-06-21T10:00:00+00:00",
        None,
        "error",
        status_code=7,
        status_text="Fault",
        error_code=5,
        error_text="Isolation",
    )
    path = f"datasource/plant/{cast.plant_a.pk}/events?dateFrom=2025-06-21&dateTo=2025-06-21"
    assert user_api(cast.alice, "basic").json(path) == [
        {
            "id": str(stored.pk),
            "componentId": str(inverter.pk),
            "crossEpochId": str(inverter.cross_epoch_id),
            "from": "2025-06-21T12:00:00+02:00",
            "to": None,
            "status": {"code": 7, "text": "Fault"},
            "error": {"code": 5, "text": "Isolation"},
            "severity": "error",
        }
    ]


def test_events_that_touch_the_days_come_newest_first(user_api: Api, cast: Cast) -> None:
    inverter = device(cast.plant_a, "Inverter")
    for begin, end in (
        ("2025-06-20T10:00:00+00:00", "2025-06-20T22:00:00+00:00"),  # over at local midnight
        ("2025-06-20T11:00:00+00:00", "2025-06-20T22:00:01+00:00"),
        ("2025-06-20T22:00:00+00:00", "2025-06-20T22:00:00+00:00"),  # a moment at local midnight
        ("2025-06-21T08:00:00+00:00", "2025-06-21T09:00:00+00:00"),
        ("2025-06-21T21:59:59+00:00", "2025-06-25T09:00:00+00:00"),
        ("2025-06-21T22:00:00+00:00", None),  # the next local day
        ("2025-06-01T00:00:00+00:00", None),  # still running
    ):
        event(inverter, begin, end)
    path = f"datasource/plant/{cast.plant_a.pk}/events?dateFrom=2025-06-21&dateTo=2025-06-21"
    assert [found["from"] for found in user_api(cast.alice, "basic").json(path)] == [
        "2025-06-21T23:59:59+02:00",
        "2025-06-21T10:00:00+02:00",
        "2025-06-21T00:00:00+02:00",
        "2025-06-20T13:00:00+02:00",
        "2025-06-01T02:00:00+02:00",
    ]


def test_events_of_other_plants_are_not_told(user_api: Api, cast: Cast) -> None:
    own, foreign = device(cast.plant_a, "Inverter"), device(cast.plant_b, "Inverter")
    stored = event(own, "2025-06-21T10:00:00+00:00", None)
    event(foreign, "2025-06-21T10:00:00+00:00", None)
    path = f"datasource/plant/{cast.plant_a.pk}/events?dateFrom=2025-06-21&dateTo=2025-06-21"
    assert [found["id"] for found in user_api(cast.alice, "basic").json(path)] == [str(stored.pk)]


def test_events_are_those_of_the_last_30_days_where_no_days_are_given(
    user_api: Api, cast: Cast, at: Callable[[str], None]
) -> None:
    caller, inverter = user_api(cast.alice, "basic"), device(cast.plant_a, "Inverter")
    for begin in ("2025-05-21T12:00:00+02:00", "2025-05-22T12:00:00+02:00", "2025-06-21T12:00:00+02:00"):
        event(inverter, begin, begin)
    at("2025-06-21T12:00:00+00:00")
    path = f"datasource/plant/{cast.plant_a.pk}/events"
    assert [found["from"][:10] for found in caller.json(path)] == ["2025-06-21", "2025-05-22"]
    assert [found["from"][:10] for found in caller.json(f"{path}?dateTo=2025-06-20")] == ["2025-05-22", "2025-05-21"]


def test_events_can_be_narrowed_by_severity_and_component(user_api: Api, cast: Cast, two_epochs: Plant) -> None:
    caller = user_api(cast.alice, "basic")
    old, new = device(two_epochs, "Meter"), device(two_epochs, "Meter", "2025-07-01")
    event(old, "2025-06-30T21:59:59+00:00", None, "warning")
    event(new, "2025-06-30T22:00:00+00:00", None, "error")
    event(device(two_epochs, "Sensor"), "2025-06-29T22:00:00+00:00", None, "error")
    base = f"datasource/plant/{two_epochs.pk}/events?dateFrom=2025-06-01&dateTo=2025-07-31"

    def found(query: str) -> list[tuple[str, str]]:
        return [(event["componentId"], event["severity"]) for event in caller.json(base + query)]

    assert found("&severity=warning") == [(str(old.pk), "warning")]
    assert found(f"&componentIds[]={old.pk}") == [(str(old.pk), "warning")]
    assert found(f"&componentIds[]={new.pk}") == [(str(new.pk), "error")]
    assert found(f"&componentIds={old.pk}&componentIds={new.pk}&severity=error") == [(str(new.pk), "error")]
    assert caller.problem(f"{base}&severity=fatal") == (400, "invalid_parameter", ["severity"])
    foreign = device(cast.plant_b, "Meter").pk
    assert caller.problem(f"{base}&componentIds[]={old.pk}&componentIds[]={foreign}") == (404, "not_found", [])


def test_more_events_than_an_answer_holds_are_refused_rather_than_cut(
    user_api: Api, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "MOST_EVENTS", 2)
    caller, inverter = user_api(cast.alice, "basic"), device(cast.plant_a, "Inverter")
    base = f"datasource/plant/{cast.plant_a.pk}/events?dateTo=2025-06-30&dateFrom="
    for day in (1, 2, 3):
        event(inverter, f"2025-06-0{day}T12:00:00+00:00", f"2025-06-0{day}T13:00:00+00:00")
    assert caller.problem(base + "2025-06-01") == (400, "invalid_parameter", ["dateFrom"])
    assert len(caller.json(base + "2025-06-02")) == 2


# --- 12: the plant in short --------------------------------------------------------------------------------------


def test_the_plant_in_short(user_api: Api, cast: Cast) -> None:
    Plant.objects.filter(pk=cast.plant_a.pk).update(vendor="SDS", device_name="Solar-Log 50", health="WARNING")
    assert user_api(cast.alice, "advanced").json(f"visualization/plant/{cast.plant_a.pk}") == {
        "id": str(cast.plant_a.pk),
        "label": "Plant A",
        "vendor": "SDS",
        "fleets": [],
        "healthStatus": "WARNING",
        "deviceFullName": "Solar-Log 50",
        "targetPercentage": None,
        "migrationInProgress": False,
        "size": 10_000,
        "componentsClasses": ["production", "consumption", "meter", "sensors", "battery"],
    }


def test_fleets_are_told_to_the_portal_api_advanced_only(portal_api: Api, cast: Cast) -> None:
    path = f"visualization/plant/{cast.plant_o.pk}"
    assert portal_api(cast.oskar, "advanced").json(path)["fleets"] == [{"id": str(cast.fleet_o.pk)}]
    path = f"visualization/plant/{cast.plant_a.pk}"
    assert portal_api(cast.mona, "basic").json(path)["fleets"] == []


def test_the_target_is_this_years_yield_of_what_was_planned_until_yesterday(
    user_api: Api, cast: Cast, at: Callable[[str], None]
) -> None:
    Plant.objects.filter(pk=cast.plant_a.pk).update(yearly_target=365)  # 10 kWh a day from 10 kWp
    measure(cast.plant_a, dt.date(2025, 1, 5))  # 144 kWh
    caller = user_api(cast.alice, "basic")
    at("2025-01-11T00:00:00+01:00")
    assert caller.json(f"visualization/plant/{cast.plant_a.pk}")["targetPercentage"] == 144.0
    at("2025-01-01T12:00:00+01:00")
    assert caller.json(f"visualization/plant/{cast.plant_a.pk}")["targetPercentage"] is None
