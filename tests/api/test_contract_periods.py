"""Calls 16 to 18: period-channel objects of a month, a year and the lifetime."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from apps.accounts.models import User
from apps.measurements import grid, store
from apps.plants.models import Component, Plant
from tests.api.conftest import ApiCaller
from tests.cast import Cast, make_epoch

Api = Callable[[User, str], ApiCaller]


def device(plant: Plant, kind: str, epoch: str = "2025-01-01") -> Component:
    return Component.objects.get(epoch__plant=plant, epoch__active_from=epoch, type=kind)


def produce(plant: Plant, day: str, power: float, slots: int | None = None) -> None:
    """A day on which the inverter gave a constant power, for some slots only where a number is given."""
    on = dt.date.fromisoformat(day)
    whole = grid.slots(plant.zone, on)
    values = np.where(np.arange(whole) < (slots or whole), power, np.nan)
    series = {("ProdPac", 0): values, ("ProdEtotal", 0): np.cumsum(values) / 12}
    store.write(plant, [store.DayReadings(device(plant, "Inverter").cross_epoch_id, on, series)])


@pytest.fixture
def alice(user_api: Api, cast: Cast) -> ApiCaller:
    return user_api(cast.alice, "advanced")


def by_name(found: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """The known points of each channel."""
    return {
        entry["name"]: [(key, value) for key, value in entry["dataPoints"].items() if value is not None]
        for entry in found
    }


BOTH = "channelNames[]=ProdPac&channelNames[]=ProdEtotal"


def test_a_month_has_a_value_for_each_of_its_days(alice: ApiCaller, plant_a: Plant, at: Callable[[str], None]) -> None:
    at("2025-07-10T12:00:00+02:00")
    produce(plant_a, "2025-06-01", 1200)
    produce(plant_a, "2025-06-21", 2400, slots=144)
    found = alice.json(f"visualization/plant/{plant_a.pk}/year/2025/month/06?{BOTH}")
    power, energy = sorted(found, key=lambda entry: str(entry["unit"]))
    points = power.pop("dataPoints")
    assert re.fullmatch("[0-9a-f]{24}", power.pop("id"))
    assert power == {
        "deviceId": str(plant_a.datasource_id),
        "deviceType": "Datasource",
        "name": "ProdPac",
        "date": "2025-06",
        "unit": "W",
        "completeness": 0.05,  # 432 of 8640
    }
    assert list(points) == [f"2025-06-{day:02}" for day in range(1, 31)]
    assert {key: value for key, value in points.items() if value is not None} == {
        "2025-06-01": 1200,
        "2025-06-21": 2400,
    }
    assert (energy["name"], energy["unit"], energy["dataPoints"]["2025-06-21"]) == ("ProdEtotal", "Wh", 28_800)
    assert {type(value) for value in points.values()} == {int, type(None)}


def test_a_year_sums_energy_and_averages_power_over_slots_with_a_value(alice: ApiCaller, plant_a: Plant) -> None:
    produce(plant_a, "2025-06-01", 1200)
    produce(plant_a, "2025-06-02", 2400, slots=144)
    produce(plant_a, "2025-12-31", 600)
    found = alice.json(f"visualization/plant/{plant_a.pk}/year/2025?{BOTH}")
    assert [list(entry["dataPoints"]) for entry in found] == [[f"2025-{month:02}" for month in range(1, 13)]] * 2
    assert by_name(found) == {
        "ProdEtotal": [("2025-06", 57_600), ("2025-12", 14_400)],
        "ProdPac": [("2025-06", 1600), ("2025-12", 600)],
    }
    assert {entry["date"] for entry in found} == {"2025"}


def test_the_lifetime_has_every_year_from_the_first_with_data_to_this_one(
    alice: ApiCaller, plant_a: Plant, at: Callable[[str], None]
) -> None:
    produce(plant_a, "2021-12-31", 1200)
    produce(plant_a, "2023-01-01", 2400)
    at("2025-06-21T12:00:00+02:00")
    found = alice.json(f"visualization/plant/{plant_a.pk}/lifetime?{BOTH}")
    assert [list(entry["dataPoints"]) for entry in found] == [["2021", "2022", "2023", "2024", "2025"]] * 2
    assert by_name(found) == {
        "ProdEtotal": [("2021", 28_800), ("2023", 57_600)],
        "ProdPac": [("2021", 1200), ("2023", 2400)],
    }
    assert {entry["date"] for entry in found} == {"lifetime"}


def test_the_current_period_holds_what_has_come_so_far(
    alice: ApiCaller, plant_a: Plant, at: Callable[[str], None]
) -> None:
    produce(plant_a, "2025-06-01", 1200)
    produce(plant_a, "2025-06-02", 1200, slots=144)
    at("2025-06-02T11:59:00+02:00")
    base = f"visualization/plant/{plant_a.pk}"
    [month] = alice.json(f"{base}/year/2025/month/6?channelNames[]=ProdEtotal")
    [year] = alice.json(f"{base}/year/2025?channelNames[]=ProdEtotal")
    [life] = alice.json(f"{base}/lifetime?channelNames[]=ProdEtotal")
    assert by_name([month]) == {"ProdEtotal": [("2025-06-01", 28_800), ("2025-06-02", 14_400)]}
    assert by_name([year, life]) == {"ProdEtotal": [("2025", 43_200)]}
    assert by_name([year]) == {"ProdEtotal": [("2025-06", 43_200)]}
    assert len(month["dataPoints"]) == 30
    assert month["completeness"] == 1.0
    assert year["completeness"] == 0.0098  # 432 of 43,908 slots since New Year: 152.5 days, one of 23 hours


def test_a_period_without_data_is_an_empty_list_and_so_is_the_future(
    alice: ApiCaller, plant_a: Plant, at: Callable[[str], None]
) -> None:
    at("2025-06-21T12:00:00+02:00")
    base = f"visualization/plant/{plant_a.pk}"
    for period in ("year/2024/month/2", "year/2030", "year/2030/month/1", "lifetime"):
        assert alice.json(f"{base}/{period}?{BOTH}") == []


@pytest.mark.parametrize(("month", "days"), [("2", 28), ("02", 28), ("8", 31), ("08", 31), ("12", 31)])
def test_months_are_written_with_or_without_a_zero(month: str, days: int, alice: ApiCaller, plant_a: Plant) -> None:
    produce(plant_a, f"2025-{int(month):02}-28", 1200)
    [found] = alice.json(f"visualization/plant/{plant_a.pk}/year/2025/month/{month}?channelNames=ProdPac")
    assert len(found["dataPoints"]) == days
    assert found["dataPoints"][f"2025-{int(month):02}-28"] == 1200
    assert found["date"] == f"2025-{int(month):02}"


@pytest.mark.parametrize(
    ("period", "parameter"),
    [
        ("year/2025/month/0", "month"),
        ("year/2025/month/13", "month"),
        ("year/2025/month/June", "month"),
        ("year/2025/month/-1", "month"),
        ("year/1969/month/1", "year"),
        ("year/25", "year"),
        ("year/2201", "year"),
        ("year/now", "year"),
    ],
)
def test_an_impossible_period_is_named(period: str, parameter: str, alice: ApiCaller, plant_a: Plant) -> None:
    asked = f"visualization/plant/{plant_a.pk}/{period}?channelNames[]=ProdPac"
    assert alice.problem(asked) == (400, "invalid_parameter", [parameter])


@pytest.mark.parametrize("period", ["year/2025/month/6", "year/2025", "lifetime"])
def test_devices_are_asked_for_by_their_cross_epoch_id(period: str, alice: ApiCaller, measured: Cast) -> None:
    plant = measured.plant_a
    inverter, meter = (str(device(plant, kind).cross_epoch_id) for kind in ("Inverter", "Meter"))
    query = f"channelNames[]=ProdEtotal&channelNames[]=ConsEtotal&xComponentIds[]={meter}&xComponentIds[]={inverter}"
    found = alice.json(f"visualization/plant/{plant.pk}/{period}?{query}")
    values = {
        entry["deviceId"]: (entry["deviceType"], entry["name"], sum(filter(None, entry["dataPoints"].values())))
        for entry in found
    }
    assert values == {
        inverter: ("Component", "ProdEtotal", 144_000),
        meter: ("Component", "ConsEtotal", 28_800),
    }
    assert [entry["deviceId"] for entry in found] == sorted([inverter, meter])
    wrong = f"visualization/plant/{plant.pk}/{period}?channelNames[]=ProdPac&xComponentIds[]="
    assert alice.problem(wrong + str(device(plant, "Meter").pk)) == (404, "not_found", [])
    assert alice.problem(wrong + str(device(measured.plant_b, "Meter").cross_epoch_id)) == (404, "not_found", [])


def test_a_device_goes_on_through_epochs(alice: ApiCaller, measured: Cast) -> None:
    plant = measured.plant_a
    make_epoch(plant, dt.date(2025, 6, 22))
    meter = device(plant, "Meter", "2025-06-22")
    meter.cross_epoch_id = device(plant, "Meter").cross_epoch_id
    meter.save()
    [found] = alice.json(
        f"visualization/plant/{plant.pk}/year/2025?channelNames[]=ConsPac&xComponentIds[]={meter.cross_epoch_id}"
    )
    assert by_name([found]) == {"ConsPac": [("2025-06", 1200)]}


def test_indicators_follow_from_energies_of_the_period(alice: ApiCaller, measured: Cast) -> None:
    Plant.objects.filter(pk=measured.plant_a.pk).update(feed_in_tariff="0.08")
    names = "channelNames[]=SelfConsumption&channelNames[]=ProdEtotalFeedFinancialYield&channelNames[]=ProdPacNorm"
    found = alice.json(f"visualization/plant/{measured.plant_a.pk}/year/2025?{names}")
    assert [(entry["name"], entry["unit"], entry["dataPoints"]["2025-06"]) for entry in found] == [
        ("ProdEtotalFeedFinancialYield", "EUR", 8.06),
        ("ProdPacNorm", "W/Wp", 0.6),
        ("SelfConsumption", "%", 30.0),
    ]


def test_ids_of_periods_differ_and_stay(alice: ApiCaller, measured: Cast) -> None:
    base = f"visualization/plant/{measured.plant_a.pk}"
    periods = ("year/2025/month/6", "year/2025", "lifetime")
    first, again = (
        [alice.json(f"{base}/{period}?channelNames[]=ProdPac")[0]["id"] for period in periods] for _ in range(2)
    )
    assert first == again
    assert len(set(first)) == 3
