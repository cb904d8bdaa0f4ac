"""The product's promise, row by row as it is written in the mission: fifteen functions, four packages, by HTTP.

Nothing here is imported from the catalog: this matrix is the second opinion on it.
"""

from collections.abc import Callable

import orjson
import pytest

from apps.plants.models import Component, ModuleString, MppTracker, Plant
from tests.api.conftest import ApiCaller, body_of
from tests.cast import Cast

USER_BASIC, USER_ADVANCED, PORTAL_BASIC, PORTAL_ADVANCED = (
    "user basic",
    "user advanced",
    "portal basic",
    "portal advanced",
)
EVERYBODY = (USER_BASIC, USER_ADVANCED, PORTAL_BASIC, PORTAL_ADVANCED)
ADVANCED = (USER_ADVANCED, PORTAL_ADVANCED)
PORTAL_ADVANCED_ONLY = (PORTAL_ADVANCED,)

DAY = "dateFrom=2025-06-21&dateTo=2025-06-21"


def _device(plant: Plant, kind: str) -> str:
    return str(Component.objects.get(epoch__plant=plant, type=kind).pk)


def _cross(plant: Plant, kind: str) -> str:
    return str(Component.objects.get(epoch__plant=plant, type=kind).cross_epoch_id)


def _tracker(plant: Plant) -> str:
    return str(MppTracker.objects.get(component__epoch__plant=plant, index=1).pk)


def _string(plant: Plant) -> str:
    return str(ModuleString.objects.get(component__epoch__plant=plant, index=1).pk)


Address = Callable[[Cast], str]


def _channels(channel: str, ids: Callable[[Plant], str] = lambda _plant: "") -> Address:
    def address(cast: Cast) -> str:
        plant = cast.plant_a
        return f"visualization/plant/{plant.pk}/channels?{DAY}&channelNames[]={channel}{ids(plant)}"

    return address


def _of(kind: str) -> Callable[[Plant], str]:
    return lambda plant: f"&componentIds[]={_device(plant, kind)}"


def _period(tail: str) -> Address:
    return lambda cast: f"visualization/plant/{cast.plant_a.pk}/{tail}?channelNames[]=ProdEtotal"


def _of_device(tail: str, channel: str, kind: str) -> Address:
    def address(cast: Cast) -> str:
        device = _cross(cast.plant_a, kind)
        return f"visualization/plant/{cast.plant_a.pk}/{tail}?channelNames[]={channel}&xComponentIds[]={device}"

    return address


def _plant(path: str) -> Address:
    return lambda cast: path.format(cast.plant_a.pk)


TABLE: list[tuple[str, Address, tuple[str, ...]]] = [
    ("all historical data", _channels("ProdPac"), EVERYBODY),
    ("resolution day", _period("year/2025/month/06"), EVERYBODY),
    ("resolution month", _period("year/2025"), EVERYBODY),
    ("resolution total", _period("lifetime"), EVERYBODY),
    ("general information: plants", lambda _cast: "administration/plants", EVERYBODY),
    ("general information: plant", _plant("administration/plant/{}"), EVERYBODY),
    ("general information: address", _plant("administration/plants/{}/address"), EVERYBODY),
    ("general information: contacts", _plant("administration/plants/{}/contacts"), EVERYBODY),
    ("general information: summary", _plant("visualization/plant/{}"), EVERYBODY),
    ("components", _plant("datasource/plant/{}/components/2025-06-21"), EVERYBODY),
    ("components: epoch", _plant("datasource/plant/{}/epochrange?date=2025-06-21"), EVERYBODY),
    ("components: inverters", _plant("datasource/plant/{}/inverters?date=2025-06-21"), EVERYBODY),
    ("production of the plant", _channels("ProdEtotal"), EVERYBODY),
    ("production of an inverter in a month", _of_device("year/2025/month/06", "ProdEtotal", "Inverter"), ADVANCED),
    ("consumption of the plant", _channels("ConsPac"), EVERYBODY),
    ("consumption of a meter", _channels("ConsPac", _of("Meter")), ADVANCED),
    ("battery of the plant", _channels("BatSoc"), EVERYBODY),
    ("battery of a battery", _channels("BatSoc", _of("Battery")), ADVANCED),
    ("inverter values", _channels("ProdPac", _of("Inverter")), ADVANCED),
    ("inverter values asked without an inverter", _channels("ProdUac"), ()),
    ("inverter values of a month", _of_device("year/2025/month/6", "ProdPac", "Inverter"), ADVANCED),
    ("inverter values of a year", _of_device("year/2025", "ProdPac", "Inverter"), ADVANCED),
    ("inverter values of a life", _of_device("lifetime", "ProdPac", "Inverter"), ADVANCED),
    ("MPP tracker values", _channels("ProdUdc", lambda plant: f"&mppTrackerIds[]={_tracker(plant)}"), ADVANCED),
    ("string values", _channels("ProdIdc", lambda plant: f"&mppTrackerIds[]={_string(plant)}"), ADVANCED),
    ("meter values", _channels("ConsEtotal", _of("Meter")), ADVANCED),
    ("meter values of the plant", _channels("GridPacIn"), ADVANCED),
    ("KPIs", _plant(f"visualization/plant/{{}}/kpis?{DAY}"), ADVANCED),
    ("KPI channels", _channels("ProdPacNorm"), ADVANCED),
    ("sensor values", _channels("Irradiation", _of("Sensor")), ADVANCED),
    ("fleets", lambda _cast: "administration/fleets", PORTAL_ADVANCED_ONLY),
    ("fleet", lambda cast: f"administration/fleet/{cast.fleet_s.pk}", PORTAL_ADVANCED_ONLY),
    ("plants of a fleet", lambda cast: f"administration/fleet/{cast.fleet_s.pk}/plants", PORTAL_ADVANCED_ONLY),
    ("plants filtered by fleet", lambda cast: f"administration/plants?fleet={cast.fleet_s.pk}", PORTAL_ADVANCED_ONLY),
    ("component events", _plant("datasource/plant/{}/events"), EVERYBODY),
    ("me", lambda _cast: "me", EVERYBODY),
    (
        "cross-epoch values",
        lambda cast: (
            f"visualization/plant/{cast.plant_a.pk}/cross-epoch/channels?{DAY}&channelNames[]=ProdPac"
            f"&xComponentIds[]={_cross(cast.plant_a, 'Inverter')}"
        ),
        ADVANCED,
    ),
]


@pytest.fixture
def callers(
    measured: Cast, user_api: Callable[..., ApiCaller], portal_api: Callable[..., ApiCaller]
) -> Callable[[str], ApiCaller]:
    def make(who: str) -> ApiCaller:
        api, package = who.split()
        return user_api(measured.alice, package) if api == "user" else portal_api(measured.mona, package)

    return make


@pytest.mark.parametrize("who", EVERYBODY)
def test_every_package_has_exactly_its_rows_of_the_feature_table(
    who: str, callers: Callable[[str], ApiCaller], measured: Cast
) -> None:
    caller = callers(who)
    got = {row: caller.get(address(measured)).status_code for row, address, _ in TABLE}
    refused = 400 if who in ADVANCED else 403  # inverter values without an inverter: Advanced must name one
    expected = {row: 200 if who in holders else refused if not holders else 403 for row, _, holders in TABLE}
    assert got == expected


@pytest.mark.parametrize(
    ("who", "path", "package"),
    [
        (USER_BASIC, "visualization/plant/{}/kpis?dateFrom=2025-06-21&dateTo=2025-06-21", "advanced"),
        (PORTAL_BASIC, "administration/fleets", "advanced"),
        (USER_ADVANCED, "administration/fleets", None),
    ],
)
def test_a_refusal_names_the_package_that_would_do(
    who: str, path: str, package: str | None, callers: Callable[[str], ApiCaller], measured: Cast
) -> None:
    response = callers(who).get(path.format(measured.plant_a.pk))
    body = orjson.loads(body_of(response))
    assert response.status_code == 403
    assert (body["code"], body["requiredPackage"]) == ("package_required", package)


def test_values_of_every_device_reach_an_advanced_client(callers: Callable[[str], ApiCaller], measured: Cast) -> None:
    caller = callers(USER_ADVANCED)
    rows = [
        ("inverter values", 6000),
        ("MPP tracker values", 401.5),
        ("string values", 3.86),
        ("meter values", 1200 * 24),
        ("sensor values", 800),
        ("battery of a battery", 55.5),
        ("KPI channels", 0.6),
    ]
    addresses = {row: address for row, address, _ in TABLE}
    last = {row: list(caller.json(addresses[row](measured))[0]["dataPoints"].values())[-1] for row, _ in rows}
    assert last == dict(rows)
