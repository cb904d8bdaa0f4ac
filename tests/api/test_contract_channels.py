"""Calls 13 to 15: day-channel objects of plants, components, MPP trackers and strings."""

import datetime as dt
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apps.accounts.models import User
from apps.measurements import grid, store
from apps.plants.models import Component, ModuleString, MppTracker, Plant
from tests.api.conftest import ApiCaller, measure
from tests.cast import Cast, make_epoch
from tests.conftest import NO_SHARED_DATA

Api = Callable[[User, str], ApiCaller]
DAY = "dateFrom=2025-06-21&dateTo=2025-06-21"


def component(plant: Plant, kind: str, epoch: str = "2025-01-01") -> Component:
    return Component.objects.get(epoch__plant=plant, epoch__active_from=epoch, type=kind)


def write(plant: Plant, day: str, values: np.ndarray, channel: str = "ProdPac", kind: str = "Inverter") -> None:
    """Slots of one day of one device."""
    on = dt.date.fromisoformat(day)
    slots = np.full(grid.slots(plant.zone, on), np.nan)
    slots[: values.size] = values
    device = component(plant, kind).cross_epoch_id
    store.write(plant, [store.DayReadings(device, on, {(channel, 0): slots})])


@pytest.fixture
def alice(user_api: Api, cast: Cast) -> ApiCaller:
    return user_api(cast.alice, "advanced")


def path(plant: Plant, query: str, of: str = "channels") -> str:
    return f"visualization/plant/{plant.pk}/{of}?{query}"


# --- The object ------------------------------------------------------------------------------------------------


def test_a_day_of_a_plant_is_one_object_with_a_value_every_5_minutes(
    alice: ApiCaller, plant_a: Plant, measured: Cast
) -> None:
    [found] = alice.json(path(plant_a, f"{DAY}&channelNames[]=ProdPac"))
    points = found.pop("dataPoints")
    assert re.fullmatch("[0-9a-f]{24}", found.pop("id"))
    assert found == {
        "deviceId": str(plant_a.datasource_id),
        "deviceType": "Datasource",
        "name": "ProdPac",
        "date": "2025-06-21",
        "unit": "W",
        "completeness": 1.0,
    }
    assert len(points) == 288
    assert list(points)[:2] == ["2025-06-21T00:00:00+02:00", "2025-06-21T00:05:00+02:00"]
    assert list(points)[-1] == "2025-06-21T23:55:00+02:00"
    assert set(points.values()) == {6000}


def test_an_object_has_the_fields_and_the_form_of_keys_of_the_original(
    alice: ApiCaller, plant_a: Plant, measured: Cast, examples: Path
) -> None:
    [original, _older] = json.loads((examples / "visualization-channels.plant-level.ProdPac.two-days.json").read_text())
    [found] = alice.json(path(plant_a, f"{DAY}&channelNames[]=ProdPac"))
    assert list(original) == ["id", "deviceId", "deviceType", "name", "dataPoints", "date", "unit"]
    assert found.keys() - original.keys() == {"completeness"}
    assert original.keys() <= found.keys()
    clock = [key[10:] for key in original["dataPoints"]]
    assert [key[10:] for key in found["dataPoints"]] == clock
    assert {type(value) for value in found["dataPoints"].values()} == {int}


@pytest.fixture
def examples(shared_data: Path) -> Path:
    folder = shared_data.parent / "api-examples"
    return folder if folder.is_dir() else pytest.skip(NO_SHARED_DATA)


def test_ids_are_stable_and_differ_by_device_channel_and_day(alice: ApiCaller, plant_a: Plant) -> None:
    for day in (20, 21):
        measure(plant_a, dt.date(2025, 6, day))
    query = "dateFrom=2025-06-20&dateTo=2025-06-21&channelNames[]=ProdPac&channelNames[]=ProdEtotal"
    devices = "&".join(f"componentIds[]={component(plant_a, kind).pk}" for kind in ("Inverter", "Meter"))
    first, again = (alice.json(path(plant_a, query)) for _ in range(2))
    below = alice.json(path(plant_a, f"{query}&channelNames[]=ConsPac&{devices}"))
    ids = [found["id"] for found in [*first, *below]]
    assert [found["id"] for found in first] == [found["id"] for found in again]
    assert len(set(ids)) == len(ids) == 4 + 6


@pytest.mark.parametrize(
    ("channel", "kind", "unit", "value", "written"),
    [
        ("ProdPac", "Inverter", "W", 6000.4, "6000"),
        ("ProdUac", "Inverter", "V", 230.46, "230.5"),
        ("ProdUac", "Inverter", "V", 230.0, "230.0"),
        ("ProdIac", "Inverter", "A", 8.701, "8.7"),
        ("Temp", "Inverter", "degC", 41.0, "41"),
        ("BatSoc", "Battery", "%", 55.5, "55.5"),
        ("Irradiation", "Sensor", "W/m2", 800.0, "800"),
        ("WindVelocity", "Sensor", "m/s", 3.3, "3.3"),
        ("TempAmbient", "Sensor", "degC", -7.0, "-7"),
        ("ConsPac", "Meter", "W", 1200.0, "1200"),
    ],
)
def test_values_are_integers_or_have_the_decimals_of_their_channel(
    channel: str, kind: str, unit: str, value: float, written: str, alice: ApiCaller, plant_a: Plant
) -> None:
    write(plant_a, "2025-06-21", np.array([value]), channel, kind)
    asked = path(plant_a, f"{DAY}&channelNames[]={channel}&componentIds[]={component(plant_a, kind).pk}")
    body = alice.get(asked).content.decode()
    assert f'"2025-06-21T00:00:00+02:00":{written},' in body
    assert f'"unit":"{unit}"' in body


def test_gaps_are_null_and_night_is_0(alice: ApiCaller, plant_a: Plant) -> None:
    values = np.zeros(288)
    values[100:200] = 5000
    values[150:160] = np.nan
    write(plant_a, "2025-06-21", values)
    [found] = alice.json(path(plant_a, f"{DAY}&channelNames[]=ProdPac"))
    points = list(found["dataPoints"].values())
    assert points[0] == points[99] == points[200] == 0
    assert points[149:161] == [5000, *[None] * 10, 5000]
    assert found["completeness"] == 0.9653  # 278 of 288


def test_today_has_every_key_and_null_for_what_is_still_to_come(
    alice: ApiCaller, plant_a: Plant, at: Callable[[str], None]
) -> None:
    write(plant_a, "2025-06-21", np.arange(144.0))
    at("2025-06-21T11:56:00+02:00")
    [found] = alice.json(path(plant_a, "dateFrom=today&dateTo=today&channelNames[]=ProdPac"))
    points = list(found["dataPoints"].items())
    assert (found["date"], len(points)) == ("2025-06-21", 288)
    assert points[143] == ("2025-06-21T11:55:00+02:00", 143)
    assert points[144] == ("2025-06-21T12:00:00+02:00", None)
    assert points[-1] == ("2025-06-21T23:55:00+02:00", None)
    assert found["completeness"] == 1.0


def test_completeness_counts_the_slots_that_have_begun(
    alice: ApiCaller, plant_a: Plant, at: Callable[[str], None]
) -> None:
    write(plant_a, "2025-06-21", np.arange(72.0))
    asked = path(plant_a, "dateFrom=today&dateTo=today&channelNames[]=ProdPac")
    at("2025-06-21T11:59:59+02:00")
    assert alice.json(asked)[0]["completeness"] == 0.5
    at("2025-06-21T23:59:59+02:00")
    assert alice.json(asked)[0]["completeness"] == 0.25


# --- The order -------------------------------------------------------------------------------------------------


def test_newest_day_first_then_device_then_channel_and_days_without_data_are_left_out(
    alice: ApiCaller, plant_a: Plant
) -> None:
    for day in (18, 20, 21):
        measure(plant_a, dt.date(2025, 6, day))
    ids = sorted(str(component(plant_a, kind).pk) for kind in ("Inverter", "Meter", "Battery"))
    channels = ["ProdPac", "BatSoc", "ConsPac", "ConsEtotal", "BatPacCharge", "ProdEtotal"]
    query = "&".join([*(f"componentIds[]={pk}" for pk in ids), *(f"channelNames[]={name}" for name in channels)])
    found = alice.json(path(plant_a, f"dateFrom=2025-06-15&dateTo=2025-06-30&{query}"))
    order = [(entry["date"], entry["deviceId"], entry["name"]) for entry in found]
    assert [date for date, _, _ in order] == ["2025-06-21"] * 6 + ["2025-06-20"] * 6 + ["2025-06-18"] * 6
    for day in range(3):
        within = [(device, name) for _, device, name in order[day * 6 : day * 6 + 6]]
        assert within == sorted(within)
        assert len(set(within)) == 6


def test_nothing_at_all_is_an_empty_list(alice: ApiCaller, plant_a: Plant) -> None:
    assert alice.json(path(plant_a, f"{DAY}&channelNames[]=ProdPac")) == []
    unknown_to_it = f"&componentIds[]={component(plant_a, 'Meter').pk}"
    assert alice.json(path(plant_a, f"{DAY}&channelNames[]=ProdPac{unknown_to_it}")) == []


# --- Days ------------------------------------------------------------------------------------------------------


def test_the_spring_day_of_berlin_has_276_keys(alice: ApiCaller, plant_a: Plant) -> None:
    write(plant_a, "2025-03-30", np.arange(276.0))
    [found] = alice.json(path(plant_a, "dateFrom=2025-03-30&dateTo=2025-03-30&channelNames[]=ProdPac"))
    keys = list(found["dataPoints"])
    assert len(keys) == 276
    assert keys[23:25] == ["2025-03-30T01:55:00+01:00", "2025-03-30T03:00:00+02:00"]
    assert list(found["dataPoints"].values()) == list(range(276))


def test_the_autumn_day_of_berlin_has_300_keys(alice: ApiCaller, plant_a: Plant) -> None:
    write(plant_a, "2025-10-26", np.arange(300.0))
    [found] = alice.json(path(plant_a, "dateFrom=2025-10-26&dateTo=2025-10-26&channelNames[]=ProdPac"))
    keys = list(found["dataPoints"])
    assert len(set(keys)) == len(keys) == 300
    assert keys[23:37] == [
        "2025-10-26T01:55:00+02:00",
        *(f"2025-10-26T02:{minute:02}:00+02:00" for minute in range(0, 60, 5)),
        "2025-10-26T02:00:00+01:00",
    ]
    assert keys == sorted(keys, key=dt.datetime.fromisoformat)


def test_clock_change_days_are_those_of_the_original_without_its_lost_and_doubled_hour(
    alice: ApiCaller, plant_a: Plant, examples: Path
) -> None:
    for day, name in (("2025-03-30", "dst-spring"), ("2024-10-27", "dst-autumn")):
        measure(plant_a, dt.date.fromisoformat(day))
        [found] = alice.json(path(plant_a, f"dateFrom={day}&dateTo={day}&channelNames[]=ProdPac"))
        [original] = json.loads((examples / f"{name}.ProdPac.json").read_text())
        ours, theirs = list(found["dataPoints"]), list(original["dataPoints"])
        assert len(theirs) == 288
        assert [key for key in ours if "T02:" not in key] == [key for key in theirs if "T02:" not in key]


def test_days_are_those_of_the_plants_own_zone(portal_api: Api, cast: Cast) -> None:
    Plant.objects.filter(pk=cast.plant_a.pk).update(timezone="Asia/Kathmandu")
    plant = Plant.objects.get(pk=cast.plant_a.pk)
    measure(plant)
    [found] = portal_api(cast.mona, "basic").json(path(plant, f"{DAY}&channelNames[]=ProdPac"))
    assert next(iter(found["dataPoints"])) == "2025-06-21T00:00:00+05:45"


@pytest.mark.parametrize(
    ("zone", "now", "today"),
    [
        ("Europe/Berlin", "2025-06-21T21:59:59+00:00", "2025-06-21"),
        ("Europe/Berlin", "2025-06-21T22:00:00+00:00", "2025-06-22"),
        ("Pacific/Auckland", "2025-06-21T12:00:00+00:00", "2025-06-22"),
        ("America/Los_Angeles", "2025-06-22T06:59:59+00:00", "2025-06-21"),
    ],
)
def test_today_and_yesterday_are_the_plants(
    zone: str, now: str, today: str, alice: ApiCaller, cast: Cast, at: Callable[[str], None]
) -> None:
    Plant.objects.filter(pk=cast.plant_a.pk).update(timezone=zone)
    plant = Plant.objects.get(pk=cast.plant_a.pk)
    for day in range(19, 25):
        measure(plant, dt.date(2025, 6, day))
    at(now)
    yesterday = (dt.date.fromisoformat(today) - dt.timedelta(days=1)).isoformat()
    found = alice.json(path(plant, "dateFrom=yesterday&dateTo=today&channelNames[]=ProdPac"))
    assert [entry["date"] for entry in found] == [today, yesterday]


# --- Devices ---------------------------------------------------------------------------------------------------


def test_components_trackers_and_strings_are_told_by_their_type(
    alice: ApiCaller, plant_a: Plant, measured: Cast
) -> None:
    inverter = component(plant_a, "Inverter")
    tracker = MppTracker.objects.get(component=inverter, index=1)
    string = ModuleString.objects.get(component=inverter, index=1)
    query = (
        f"{DAY}&channelNames[]=ProdPdc&channelNames[]=ProdIdc&channelNames[]=ProdUdc&channelNames[]=ProdPdcNorm"
        f"&componentIds[]={inverter.pk}&mppTrackerIds[]={tracker.pk}&mppTrackerIds[]={string.pk}"
    )
    found = alice.json(path(plant_a, query))
    last = {
        (entry["deviceType"], entry["deviceId"], entry["name"]): list(entry["dataPoints"].values())[-1]
        for entry in found
    }
    assert last == {
        ("Component", str(inverter.pk), "ProdPdc"): 6200,
        ("Component", str(inverter.pk), "ProdPdcNorm"): 0.62,
        ("MppTracker", str(tracker.pk), "ProdPdc"): 3100,
        ("MppTracker", str(tracker.pk), "ProdPdcNorm"): 0.62,
        ("MppTracker", str(tracker.pk), "ProdUdc"): 401.5,
        ("ModuleString", str(string.pk), "ProdIdc"): 3.86,
    }
    assert [entry["deviceId"] for entry in found] == sorted(entry["deviceId"] for entry in found)


@pytest.fixture
def replaced(plant_a: Plant) -> Plant:
    """Plant A with a second epoch from 21 June: the meter stayed, the inverter is another one."""
    make_epoch(plant_a, dt.date(2025, 6, 21))
    meter = component(plant_a, "Meter", "2025-06-21")
    meter.cross_epoch_id = component(plant_a, "Meter").cross_epoch_id
    meter.save()
    for day in (20, 21):
        write(plant_a, f"2025-06-{day}", np.full(288, float(day)), "ConsPac", "Meter")
    return plant_a


def dates(found: list[dict[str, Any]]) -> list[str]:
    return [entry["date"] for entry in found]


def test_a_component_id_speaks_for_its_epoch_only(alice: ApiCaller, replaced: Plant) -> None:
    span = "dateFrom=2025-06-19&dateTo=2025-06-22&channelNames[]=ConsPac"
    old, new = component(replaced, "Meter"), component(replaced, "Meter", "2025-06-21")
    assert dates(alice.json(path(replaced, f"{span}&componentIds[]={old.pk}"))) == ["2025-06-20"]
    assert dates(alice.json(path(replaced, f"{span}&componentIds[]={new.pk}"))) == ["2025-06-21"]
    both = alice.json(path(replaced, f"{span}&componentIds[]={old.pk}&componentIds[]={new.pk}"))
    assert [(entry["date"], entry["deviceId"]) for entry in both] == [
        ("2025-06-21", str(new.pk)),
        ("2025-06-20", str(old.pk)),
    ]


def test_a_cross_epoch_id_speaks_for_the_device_through_all_epochs_and_is_echoed(
    alice: ApiCaller, replaced: Plant
) -> None:
    device = str(component(replaced, "Meter").cross_epoch_id)
    query = f"dateFrom=2025-06-19&dateTo=2025-06-22&channelNames[]=ConsPac&xComponentIds[]={device}"
    found = alice.json(path(replaced, query, "cross-epoch/channels"))
    assert [(entry["date"], entry["deviceId"], entry["deviceType"]) for entry in found] == [
        ("2025-06-21", device, "Component"),
        ("2025-06-20", device, "Component"),
    ]
    assert [set(entry["dataPoints"].values()) for entry in found] == [{21}, {20}]


def test_a_component_id_is_no_cross_epoch_id_and_the_other_way_round(
    alice: ApiCaller, plant_a: Plant, measured: Cast
) -> None:
    meter = component(plant_a, "Meter")
    crossed = path(plant_a, f"{DAY}&channelNames[]=ConsPac&xComponentIds[]={meter.pk}", "cross-epoch/channels")
    plain = path(plant_a, f"{DAY}&channelNames[]=ConsPac&componentIds[]={meter.cross_epoch_id}")
    assert alice.problem(crossed) == alice.problem(plain) == (404, "not_found", [])


def test_indicators_of_the_plant_are_channels_too(alice: ApiCaller, plant_a: Plant, measured: Cast) -> None:
    Plant.objects.filter(pk=plant_a.pk).update(feed_in_tariff="0.08", electricity_cost="0.30", currency="CHF")
    names = "ProdPacNorm ProdPdcNorm Autarky SelfConsumption ProdEtotalFeedFinancialYield ConsEtotalCovFinancialYield"
    query = "&".join(f"channelNames[]={name}" for name in names.split())
    found = alice.json(path(plant_a, f"{DAY}&{query}"))
    last = {entry["name"]: (list(entry["dataPoints"].values())[-1], entry["unit"]) for entry in found}
    # 6000 W produced, 600 W into the battery, 1200 W consumed, 4200 W fed in
    assert last == {
        "ProdPacNorm": (0.6, "W/Wp"),
        "ProdPdcNorm": (0.62, "W/Wp"),
        "Autarky": (100.0, "%"),
        "SelfConsumption": (30.0, "%"),
        "ProdEtotalFeedFinancialYield": (8.06, "CHF"),  # 100.8 kWh at 0.08
        "ConsEtotalCovFinancialYield": (8.64, "CHF"),  # 28.8 kWh at 0.30
    }


def test_a_channel_without_plant_total_wants_devices(alice: ApiCaller, plant_a: Plant) -> None:
    assert alice.problem(path(plant_a, f"{DAY}&channelNames[]=ProdUac&channelNames[]=ProdPac")) == (
        400,
        "invalid_parameter",
        ["channelNames"],
    )


def test_more_series_than_a_call_may_hold_are_refused(alice: ApiCaller, plant_a: Plant) -> None:
    too_long = "dateFrom=2012-01-01&dateTo=2025-12-31&channelNames[]=ProdPac"
    too_broad = "dateFrom=2020-01-01&dateTo=2025-12-31&channelNames[]=ProdPac&channelNames[]=ProdEtotal"
    assert alice.problem(path(plant_a, too_long)) == (400, "invalid_parameter", ["dateTo"])
    assert alice.problem(path(plant_a, too_broad)) == (400, "invalid_parameter", ["dateTo"])
    assert alice.json(path(plant_a, "dateFrom=2020-01-01&dateTo=2025-12-31&channelNames[]=ProdPac")) == []
