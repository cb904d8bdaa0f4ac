"""The documentation's pages: what they say is drawn from catalog, channels, problems, quota and settings."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from apps.measurements.channels import CHANNELS
from apps.packages import offers, subscriptions
from apps.packages.catalog import FUNCTIONS, Package
from apps.packages.problems import KINDS
from tests.cast import Cast
from tests.clients_cast import ROBOT, membership, user_key

PAGES = ["docs", "docs/guide", "docs/channels", "docs/reference"]


def read(client: Client, page: str, **headers: str) -> str:
    """The text of a page of the portal Sunny, tags taken out."""
    response = client.get(f"/p/sunny/{page}", headers=headers or None)
    assert response.status_code == 200
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


@pytest.fixture
def alice(client: Client, cast: Cast) -> Client:
    client.force_login(cast.alice)
    return client


# --- Who may read --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_every_member_reads_the_documentation_and_nobody_else(page: str, client: Client, cast: Cast):
    assert client.get(f"/p/sunny/{page}").status_code == 302
    for member in (cast.alice, cast.charlie, cast.mo, cast.mona):
        client.force_login(member)
        assert client.get(f"/p/sunny/{page}").status_code == 200
    client.force_login(cast.oskar)
    assert client.get(f"/p/sunny/{page}").status_code == 404


@pytest.mark.parametrize("page", PAGES)
def test_pages_only_answer_to_reading(page: str, alice: Client):
    assert alice.post(f"/p/sunny/{page}").status_code == 405


@pytest.mark.parametrize(
    ("page", "most"), [("docs", 7), ("docs/guide", 9), ("docs/channels", 5), ("docs/reference", 7)]
)
def test_pages_need_few_statements(page: str, most: int, alice: Client, django_assert_max_num_queries: Any):
    alice.get("/p/sunny/docs")
    with django_assert_max_num_queries(most):
        assert alice.get(f"/p/sunny/{page}").status_code == 200


# --- The first call ------------------------------------------------------------------------------------------------


def test_the_first_call_is_filled_with_the_readers_own_portal_and_plant(alice: Client, cast: Cast):
    text = read(alice, "docs")
    assert f"http://testserver/api/v1/sunny/visualization/plant/{cast.plant_a.pk}/channels" in text
    assert str(cast.plant_b.pk) not in text
    assert "http://testserver/auth/realms/quotaapi/protocol/openid-connect/token" in text


def test_who_has_no_plant_is_told_so(client: Client, cast: Cast):
    client.force_login(cast.charlie)
    text = read(client, "docs")
    assert "No plant is assigned to you yet." in text
    assert "/visualization/plant/PLANT_ID/channels" in text


def test_the_first_step_knows_whether_it_is_done(alice: Client, cast: Cast):
    assert "API access is not switched on yet." in read(alice, "docs")
    subscriptions.activate_user_api(membership(cast.alice, cast.sunny), Package("advanced"), ROBOT)
    assert "The User API is active, package Advanced." in read(alice, "docs")


def test_a_manager_reads_of_the_portal_api_unless_only_their_own_is_active(client: Client, cast: Cast):
    client.force_login(cast.mona)
    user_key(cast.mona, cast.sunny)
    assert "The User API is active, package Basic." in read(client, "docs")
    by = membership(cast.mona, cast.sunny)
    subscriptions.activate_portal_api(cast.sunny, by, Package("advanced"), ROBOT)
    assert "The Portal API is active, package Advanced." in read(client, "docs")


# --- Guide ---------------------------------------------------------------------------------------------------------


def test_the_guide_names_every_problem_and_every_function(alice: Client):
    text = read(alice, "docs/guide")
    assert len(KINDS) >= 13
    assert [kind.code for kind in KINDS.values() if f"{kind.status.value} {kind.code} {kind.title}" not in text] == []
    assert len(FUNCTIONS) == 25
    assert [row.name for row in FUNCTIONS if f"{row.name} {row.summary}" not in text] == []


def test_the_guide_names_the_limits_of_the_portal(alice: Client, cast: Cast):
    assert "Basic 60 5,000 5 Advanced 300 50,000 5" in read(alice, "docs/guide")
    by = membership(cast.mona, cast.sunny)
    offers.edit_settings(cast.sunny, Package("basic"), by, ROBOT, per_minute=12, per_day=3456, max_clients=2)
    text = read(alice, "docs/guide")
    assert "Basic 12 3,456 2 Advanced 300 50,000 5" in text
    assert 'RateLimit-Policy: "minute";q=12;w=60, "day";q=3456;w=86400' in text


def test_the_guide_names_costs_and_bounds(alice: Client):
    text = read(alice, "docs/guide")
    assert "plant_channels 5-minute totals of a plant 1 per started 31 days Basic Advanced" in text
    assert "kpis Key performance indicators with their inputs 1 per started 366 days Advanced" in text
    assert "fleets Fleets of the portal 1 Portal API Advanced" in text
    for bound in ("200 values of a repeated", "4,000 series", "1,100 periods", "10,000 events", "1,000 plants a page"):
        assert bound in text


def test_the_guide_takes_the_life_of_a_token_from_the_settings(alice: Client, settings: Any):
    assert "A token lives for 3,600 seconds" in read(alice, "docs/guide")
    settings.TOKEN_SECONDS = 900
    text = read(alice, "docs/guide")
    assert "A token lives for 900 seconds" in text
    assert '"expires_in": 900' in text


def test_the_guide_shows_the_hour_that_occurs_twice(alice: Client):
    text = read(alice, "docs/guide")
    assert "2025-10-26T02:55:00+02:00 2025-10-26T02:00:00+01:00" in text
    assert "23 hours and 276 values" in text
    assert "25 hours and 300" in text


def test_every_chapter_has_its_place_in_the_contents(alice: Client):
    html = alice.get("/p/sunny/docs/guide").content.decode()
    chapters = re.findall(r'<section class="chapter" id="([a-z]+)"', html)
    assert chapters == [
        "authentication",
        "resolution",
        "time",
        "gaps",
        "channels",
        "quota",
        "errors",
        "conditional",
        "bulk",
        "compatibility",
    ]
    assert re.findall(r'<li><a href="#([a-z]+)"', html) == chapters
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert [one for one in set(ids) if ids.count(one) > 1] == []


def test_the_example_of_a_refusal_is_a_real_problem(alice: Client):
    text = read(alice, "docs/guide")
    assert '"code": "package_required"' in text
    assert '"requiredPackage": "advanced"' in text


# --- Channels ------------------------------------------------------------------------------------------------------


def test_every_channel_has_its_row(alice: Client):
    html = alice.get("/p/sunny/docs/channels").content.decode()
    assert re.findall(r'<tr id="(\w+)"', html) == [channel.name for channel in CHANNELS]


@pytest.mark.parametrize(
    "row",
    [
        "ProdPac Production, power Production W 0 mean Basic Advanced inverter Advanced",
        "ProdUdc DC voltage Production V 1 mean – no such values inverter, MPP tracker, string Advanced",
        "ConsEtotal Consumption, energy Consumption Wh 0 sum Basic Advanced meter Advanced",
        "GridPacIn Drawn from the grid, power Meters W 0 mean Advanced meter Advanced",
        "BatSoc Battery, state of charge Battery % 1 mean Basic Advanced battery Advanced",
        "Irradiation Irradiance Sensors W/m² 0 mean – no such values sensor Advanced",
        "Autarky Autarky Key figures % 1 mean Advanced – no such values",
        "ProdEtotalFinancialYield Financial yield of the production Key figures currency of the plant 2 sum Advanced",
    ],
)
def test_a_row_tells_unit_aggregation_and_packages(row: str, alice: Client):
    assert row in read(alice, "docs/channels")


# --- German --------------------------------------------------------------------------------------------------------


def test_the_documentation_speaks_german(alice: Client):
    german = {"Accept-Language": "de"}
    assert "Der erste Aufruf in drei Schritten" in read(alice, "docs", **german)
    assert "Ein Token gilt 3.600 Sekunden" in read(alice, "docs/guide", **german)
    assert "kpis Kennzahlen mit ihren Eingangswerten 1 je angefangene 366 Tage" in read(alice, "docs/guide", **german)
    assert "package_required Nicht in Ihrem Paket enthalten" in read(alice, "docs/guide", **german)
    assert "BatSoc Ladezustand der Batterie Batterie % 1 Mittel" in read(alice, "docs/channels", **german)
    assert "Der API-Zugang ist noch nicht eingeschaltet." in read(alice, "docs/reference", **german)
