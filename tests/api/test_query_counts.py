"""How many SQL statements each call costs, as literals: authentication 1, quota 1, and the rest is data."""

import datetime as dt
from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.plants.models import Component
from tests.api.calls import CALLS, MORE_CALLS, Ids, ids_of
from tests.api.conftest import ApiCaller, body_of, measure
from tests.cast import Cast, make_plant

Api = Callable[[User, str], ApiCaller]

# Statements for data; the first is always the plant (or the fleet) as far as it is visible.
DATA = {
    "plants": 3,  # plants, their kinds of components, their numbers of fleets
    "plants_by_fleet": 3,
    "plant": 3,
    "plant_address": 1,
    "plant_contacts": 2,
    "fleets": 1,
    "fleet": 1,
    "fleet_plants": 4,
    "components": 5,  # components, trackers, strings of trackers, strings without
    "epoch_range": 2,
    "inverters": 5,
    "events": 3,  # and what the devices were called in their epochs
    "plant_summary": 3,
    "plant_channels": 2,
    "component_channels": 3,  # components with their epochs
    "tracker_channels": 5,  # trackers, strings and epochs
    "cross_epoch_channels": 3,
    "plant_month": 2,
    "component_month": 3,
    "plant_year": 2,
    "component_year": 3,
    "plant_lifetime": 2,
    "component_lifetime": 3,
    "kpis": 4,  # energies, how the plant was built, the days of its inverters and sensors
    "me": 0,
    "events of a component": 5,
    "channels of a string": 5,
}


@pytest.fixture
def everything(portal_api: Api, measured: Cast) -> ApiCaller:
    return portal_api(measured.mona, "advanced")


def statements(caller: ApiCaller, path: str, status: int = 200, **headers: str) -> list[str]:
    """The SQL of a call, its streamed part too."""
    with CaptureQueriesContext(connection) as captured:
        response = caller.get(path, **headers)
        body_of(response)
    assert response.status_code == status
    return [query["sql"] for query in captured.captured_queries]


def test_every_call_costs_one_statement_for_token_one_for_quota_and_these(
    everything: ApiCaller, measured: Cast
) -> None:
    ids = ids_of(measured.plant_a, measured.fleet_s)
    asked = {name: statements(everything, ids.fill(call)) for name, call in {**CALLS, **MORE_CALLS}.items()}
    assert {name: len(sql) - 2 for name, sql in asked.items()} == DATA
    for sql in asked.values():
        assert "oauth2_provider_accesstoken" in sql[0]
        assert "packages_quotacounter" in sql[1]


def test_a_user_costs_no_more_than_a_portal(user_api: Api, measured: Cast) -> None:
    caller, ids = user_api(measured.alice, "advanced"), ids_of(measured.plant_a, measured.fleet_s)
    for name, call in CALLS.items():
        if "fleet" not in name:
            assert len(statements(caller, ids.fill(call))) - 2 <= DATA[name], name


def test_a_refusal_costs_little(user_api: Api, measured: Cast) -> None:
    caller = user_api(measured.alice, "basic")
    path = ids_of(measured.plant_a, measured.fleet_s).fill(CALLS["kpis"])
    assert len(statements(caller, path, 403)) == 2
    assert len(statements(caller, "me?colour=red", 400)) == 2
    assert len(statements(caller, Ids().fill(CALLS["plant_channels"]), 404)) == 3
    assert len(statements(ApiCaller("x", "sunny", None), "me", 401)) == 1  # type: ignore[arg-type]


def test_304_costs_one_statement_more_to_give_the_day_back(everything: ApiCaller, measured: Cast) -> None:
    path = ids_of(measured.plant_a, measured.fleet_s).fill(CALLS["plant_channels"])
    etag = everything.get(path)["ETag"]
    sql = statements(everything, path, 304, If_None_Match=etag)
    assert len(sql) == 2 + 2 + 1
    assert "packages_quotacounter" in sql[-1]


def test_more_plants_devices_channels_and_days_cost_no_more_statements(everything: ApiCaller, measured: Cast) -> None:
    for number in range(5):
        make_plant(measured.sunny, f"More {number}")
    for day in (19, 20):
        measure(measured.plant_a, dt.date(2025, 6, day))
    plant, ids = measured.plant_a, ids_of(measured.plant_a, measured.fleet_s)
    assert len(statements(everything, "administration/plants")) - 2 == DATA["plants"]
    devices = "&".join(f"componentIds[]={device.pk}" for device in Component.objects.filter(epoch__plant=plant))
    names = "channelNames[]=ProdPac&channelNames[]=ConsPac&channelNames[]=BatSoc&channelNames[]=ProdPacNorm"
    path = f"visualization/plant/{plant.pk}/channels?dateFrom=2025-06-01&dateTo=2025-06-30&{names}&{devices}"
    assert len(statements(everything, path)) - 2 == DATA["component_channels"]
    assert len(statements(everything, f"{ids.fill(CALLS['plant_year'])}&{names}")) - 2 == DATA["plant_year"]


def test_a_long_range_costs_one_statement_a_month_for_its_etag_and_one_for_its_values(
    everything: ApiCaller, measured: Cast
) -> None:
    path = f"visualization/plant/{measured.plant_a.pk}/channels?dateFrom=2025-01-01&dateTo=2025-12-31"
    sql = statements(everything, f"{path}&channelNames[]=ProdPac")
    assert len(sql) - 3 == 2 * 12
