"""Calls 19 and 20: indicators with their reasons, and what a client may know about itself."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.plants.models import Component, Plant
from tests.api.conftest import ApiCaller
from tests.cast import Cast
from tests.clients_cast import user_key

Api = Callable[[User, str], ApiCaller]
DAY = "dateFrom=2025-06-21&dateTo=2025-06-21"


@pytest.fixture
def alice(user_api: Api, cast: Cast) -> ApiCaller:
    return user_api(cast.alice, "advanced")


def kpis(caller: ApiCaller, plant: Plant, query: str = DAY) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = caller.json(f"visualization/plant/{plant.pk}/kpis?{query}")
    return found


# --- 19 --------------------------------------------------------------------------------------------------------


def test_each_indicator_names_formula_and_inputs_or_the_reason_why_it_is_null(alice: ApiCaller, measured: Cast) -> None:
    plant = measured.plant_a
    Plant.objects.filter(pk=plant.pk).update(yearly_target=365, feed_in_tariff="0.08", electricity_cost="0.3")
    by_name = {kpi["name"]: kpi for kpi in kpis(alice, plant)}
    assert {name: (kpi["value"], kpi["unit"], kpi["inputs"]) for name, kpi in by_name.items()} == {
        "PerformanceRatio": (
            75.0,  # 6 kW of 10 kWp under 800 W/m2
            "%",
            {
                "energy": 144_000,
                "referenceEnergy": 192_000,
                "temperatureCorrected": 80.12821,  # 10 kWp give 6.4 % less at 41 degC
                "moduleTemperature": 41,
                "temperatureCoefficient": -0.4,
            },
        ),
        "SpecificYield": (14.4, "kWh/kWp", {"ProdEtotal": 144_000, "size": 10_000}),
        "SelfConsumptionRate": (30.0, "%", {"ProdEtotalSelf": 43_200, "ProdEtotal": 144_000}),
        "Autarky": (100.0, "%", {"ConsEtotalCov": 28_800, "ConsEtotal": 28_800}),
        "Availability": (100.0, "%", {"availableHours": 24, "possibleHours": 24}),
        "CapacityFactor": (60.0, "%", {"ProdEtotal": 144_000, "size": 10_000, "hours": 24}),
        "TargetFulfilment": (1440.0, "%", {"ProdEtotal": 144_000, "target": 10_000}),
        "Co2Avoided": (None, "kg", {}),
        "FinancialYield": (
            16.704,
            "EUR",
            {"ProdEtotalFeed": 100_800, "ConsEtotalCov": 28_800, "feedInTariff": 0.08, "electricityCost": 0.3},
        ),
    }
    assert all((kpi["value"] is None) == bool(kpi["reason"]) for kpi in by_name.values())
    assert {(kpi["date"], kpi["completeness"]) for kpi in by_name.values()} == {("2025-06-21", 1.0)}
    assert all(kpi["formula"] for kpi in by_name.values())
    assert set(by_name["SpecificYield"]) == {
        "name",
        "date",
        "value",
        "unit",
        "formula",
        "inputs",
        "completeness",
        "reason",
    }


def test_without_a_sensor_the_performance_ratio_is_a_bound_and_its_formula_says_so(
    alice: ApiCaller, measured: Cast
) -> None:
    Component.objects.filter(epoch__plant=measured.plant_a, type="Sensor").delete()
    ratio = kpis(alice, measured.plant_a)[0]
    assert (ratio["name"], ratio["formula"], ratio["reason"]) == ("PerformanceRatio", "pr-clear-sky-bound", None)
    assert set(ratio["inputs"]) == {"energy", "clearSkyEnergy"}


def test_what_is_missing_is_the_reason(alice: ApiCaller, measured: Cast) -> None:
    reasons = {kpi["name"]: kpi["reason"] for kpi in kpis(alice, measured.plant_a)}
    assert reasons["TargetFulfilment"] == "the yield target of the plant is not known"
    assert reasons["FinancialYield"] == "the feed-in tariff of the plant is not known"
    assert reasons["SpecificYield"] is None
    empty = {
        kpi["name"]: kpi["reason"] for kpi in kpis(alice, measured.plant_a, "dateFrom=2025-06-01&dateTo=2025-06-01")
    }
    assert empty["SpecificYield"] == "no values of ProdEtotal in this period"


@pytest.mark.parametrize(
    ("resolution", "dates"),
    [
        ("", ["2025-05-31", "2025-06-01"]),
        ("&resolution=day", ["2025-05-31", "2025-06-01"]),
        ("&resolution=month", ["2025-05", "2025-06"]),
        ("&resolution=year", ["2025"]),
        ("&resolution=total", ["total"]),
    ],
)
def test_periods_are_days_months_years_or_all_of_it(
    resolution: str, dates: list[str], alice: ApiCaller, measured: Cast
) -> None:
    found = kpis(alice, measured.plant_a, f"dateFrom=2025-05-31&dateTo=2025-06-01{resolution}")
    assert [kpi["date"] for kpi in found] == [date for date in dates for _ in range(9)]


def test_indicators_need_possible_days_and_resolutions(alice: ApiCaller, measured: Cast) -> None:
    path = f"visualization/plant/{measured.plant_a.pk}/kpis?"
    bad = (400, "invalid_parameter")
    assert alice.problem(f"{path}{DAY}&resolution=week") == (*bad, ["resolution"])
    assert alice.problem(f"{path}dateFrom=2025-06-21&dateTo=2025-06-20") == (*bad, ["dateTo"])
    assert alice.problem(f"{path}dateFrom=2020-01-01&dateTo=2025-06-20") == (*bad, ["dateTo"])
    assert alice.problem(path) == (*bad, ["dateFrom", "dateTo"])
    assert len(kpis(alice, measured.plant_a, "dateFrom=1970-01-01&dateTo=2200-12-31&resolution=total")) == 9


# --- 20 --------------------------------------------------------------------------------------------------------

BASIC = [
    "plants",
    "plant",
    "plant_address",
    "plant_contacts",
    "components",
    "epoch_range",
    "inverters",
    "events",
    "plant_summary",
    "plant_channels",
    "plant_month",
    "plant_year",
    "plant_lifetime",
    "me",
]
ADVANCED = [
    "component_channels",
    "tracker_channels",
    "cross_epoch_channels",
    "component_month",
    "component_year",
    "component_lifetime",
    "kpis",
]
FLEETS = ["plants_by_fleet", "fleets", "fleet", "fleet_plants"]
DAYS_PER_COST = {
    "plant_channels": 31,
    "component_channels": 31,
    "tracker_channels": 31,
    "cross_epoch_channels": 31,
    "kpis": 366,
}


@pytest.mark.parametrize(
    ("package", "limits", "user", "portal"),
    [
        ("basic", (60, 5_000), BASIC, BASIC),
        ("advanced", (300, 50_000), [*BASIC, *ADVANCED], [*BASIC, *ADVANCED, *FLEETS]),
    ],
)
def test_a_client_can_ask_what_it_is_and_may(
    package: str,
    limits: tuple[int, int],
    user: list[str],
    portal: list[str],
    user_api: Api,
    portal_api: Api,
    cast: Cast,
    at: Callable[[str], None],
) -> None:
    at("2025-06-21T12:34:56+00:00")
    for api, caller, functions in (
        ("user", user_api(cast.alice, package), user),
        ("portal", portal_api(cast.mona, package), portal),
    ):
        me = caller.json("me")
        assert sorted(me.pop("functions")) == sorted(functions)
        assert {row["name"]: (row["cost"], row["daysPerCost"]) for row in me.pop("costs")} == {
            name: (1, DAYS_PER_COST.get(name)) for name in functions
        }
        assert me == {
            "portal": "sunny",
            "api": api,
            "package": package,
            "quota": [
                {
                    "window": "minute",
                    "limit": limits[0],
                    "used": 1,
                    "remaining": limits[0] - 1,
                    "reset": "2025-06-21T12:35:00+00:00",
                },
                {
                    "window": "day",
                    "limit": limits[1],
                    "used": 1,
                    "remaining": limits[1] - 1,
                    "reset": "2025-06-22T00:00:00+00:00",
                },
            ],
            "client": {
                "name": "test",
                "expires": None,
                "tokenExpires": "2025-06-21T13:34:56+00:00",
                "plants": None,
                "networks": [],
            },
        }
        assert [window["used"] for window in caller.json("me")["quota"]] == [2, 2]


def test_a_client_can_ask_what_limits_it(cast: Cast) -> None:
    key = user_key(
        cast.alice,
        cast.sunny,
        plant_ids=[cast.plant_a.pk],
        networks=["127.0.0.0/8"],
        expires_at=dt.datetime(2100, 1, 1, tzinfo=dt.UTC),
    )
    client = ApiCaller(key.token(), "sunny", key.subscription).json("me")["client"]
    assert client.pop("tokenExpires") > timezone.now().isoformat()
    assert client == {
        "name": "default",
        "expires": "2100-01-01T00:00:00+00:00",
        "plants": [str(cast.plant_a.pk)],
        "networks": ["127.0.0.0/8"],
    }
