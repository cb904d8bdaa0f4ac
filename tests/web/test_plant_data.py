"""The data behind a plant's chart: who gets them, exact slots, gaps that stay gaps, and addresses that are wrong."""

import datetime as dt
import json
import re
import uuid

import numpy as np
import pytest
from django.test import Client

from apps.measurements import store
from apps.measurements.grid import Array
from apps.plants.models import Component, Plant
from tests.cast import Cast, make_epoch
from tests.web.plant_data import AUTUMN, GAP, MIDSUMMER, SPRING, address, device, drawing, fill, values

FACES = ("", "/data", "/data.csv")


def plain(body: bytes) -> str:
    """A page as everybody gets it: CSRF tokens and request ids differ from answer to answer."""
    return re.sub(r"\b\w{64}\b|[0-9a-f-]{36}", "", body.decode())


# --- Who sees it ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("face", FACES)
def test_its_owner_and_the_manager_see_it_and_nobody_else(client: Client, cast: Cast, face: str):
    path = address(cast.plant_a, face=face)
    for user, status in ((cast.alice, 200), (cast.mona, 200), (cast.mo, 404), (cast.bob, 404), (cast.charlie, 404)):
        client.force_login(user)
        assert client.get(path).status_code == status, user.email
    client.force_login(cast.oskar)
    assert client.get(path).status_code == 404
    client.logout()
    assert client.get(path).headers["Location"].startswith("/account/login/")


@pytest.mark.parametrize("face", FACES)
def test_a_foreign_plant_is_as_unknown_as_none(client: Client, cast: Cast, face: str):
    client.force_login(cast.bob)
    foreign = client.get(address(cast.plant_a, face=face))
    unknown = client.get(f"/p/sunny/plants/{uuid.uuid4()}{face}")
    elsewhere = client.get(f"/p/sunny/plants/{cast.plant_o.pk}{face}")
    assert (foreign.status_code, unknown.status_code, elsewhere.status_code) == (404, 404, 404)
    assert plain(foreign.content) == plain(unknown.content) == plain(elsewhere.content)


@pytest.mark.parametrize("face", FACES)
def test_a_component_of_another_plant_is_as_unknown_as_none(client: Client, cast: Cast, face: str):
    client.force_login(cast.mona)
    own, foreign = device(cast.plant_a, "Inverter"), device(cast.plant_b, "Inverter")
    assert client.get(address(cast.plant_a, f"?devices={own}", face)).status_code == 200
    answers = [
        client.get(address(cast.plant_a, f"?devices={asked}", face))
        for asked in (foreign, uuid.uuid4(), f"{own},{foreign}", f"{own}.t9", "inverter", f"{foreign}.t1")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({plain(answer.content) for answer in answers}) == 1


@pytest.mark.parametrize("face", FACES)
def test_nothing_can_be_posted(client: Client, cast: Cast, face: str):
    client.force_login(cast.alice)
    assert client.post(address(cast.plant_a, face=face)).status_code == 405


# --- Exact slots ---------------------------------------------------------------------------------------------


def test_both_days_on_which_clocks_change_are_exact(client: Client, cast: Cast):
    fill(cast.plant_a, [SPRING, AUTUMN])
    client.force_login(cast.alice)
    spring = drawing(client, cast.plant_a, "?date=2025-03-30")
    assert len(spring["x"]) == len(values(spring, "ProdPac")) == 276
    assert spring["local"][23:25] == ["2025-03-30T01:55:00+01:00", "2025-03-30T03:00:00+02:00"]
    autumn = drawing(client, cast.plant_a, "?date=2025-10-26")
    assert len(autumn["x"]) == len(values(autumn, "ProdPac")) == 300
    assert autumn["local"][24] == "2025-10-26T02:00:00+02:00"
    assert autumn["local"][36] == "2025-10-26T02:00:00+01:00"
    assert {later - earlier for earlier, later in zip(autumn["x"], autumn["x"][1:], strict=False)} == {300}
    assert (values(spring, "ProdPac")[275], values(autumn, "ProdPac")[299]) == (2750, 2990)


def test_a_gap_is_null_never_0_and_is_said_in_words(client: Client, cast: Cast):
    fill(cast.plant_a, gap=GAP)
    client.force_login(cast.alice)
    drawn = drawing(client, cast.plant_a, "?date=2025-06-21")
    power = values(drawn, "ProdPac")
    assert power[120:122] == [1200, None]
    assert power[135:137] == [None, 1360]
    assert drawn["gaps"] == [{"first": 121, "end": 136, "text": "no data 10:05–11:20"}]
    assert drawn["series"][0]["completeness"] == 0.9479  # 273 of 288


def test_the_night_is_no_gap_for_what_the_sun_drives(client: Client, cast: Cast):
    fill(cast.plant_a, gap=range(36))  # until 03:00, before sunrise
    client.force_login(cast.alice)
    assert drawing(client, cast.plant_a, "?date=2025-06-21&channels=ProdPac")["gaps"] == []
    with_consumption = drawing(client, cast.plant_a, "?date=2025-06-21&channels=ProdPac,ConsPac")
    assert with_consumption["gaps"] == [{"first": 0, "end": 36, "text": "no data 00:00–03:00"}]


def test_the_night_begins_at_sunset_and_ends_at_sunrise(client: Client, cast: Cast):
    fill(cast.plant_a)
    client.force_login(cast.alice)
    [[_midnight, sunrise], [sunset, _]] = drawing(client, cast.plant_a, "?date=2025-06-21")["nights"]
    zone = cast.plant_a.zone
    assert f"{dt.datetime.fromtimestamp(sunrise, zone):%H:%M}" == "05:18"
    assert f"{dt.datetime.fromtimestamp(sunset, zone):%H:%M}" == "21:25"
    Plant.objects.filter(pk=cast.plant_a.pk).update(latitude=None)
    assert drawing(client, cast.plant_a, "?date=2025-06-21")["nights"] == []


def test_longer_periods_hold_days_months_and_years(client: Client, cast: Cast):
    fill(cast.plant_a, [MIDSUMMER, dt.date(2025, 6, 22), dt.date(2025, 7, 1)])
    client.force_login(cast.alice)
    month = values(drawing(client, cast.plant_a, "?period=month&date=2025-06-21"), "ProdEtotal")
    assert (len(month), month[20:23]) == (30, [288, 288, None])
    year = values(drawing(client, cast.plant_a, "?period=year&date=2025-06-21"), "ProdEtotal")
    assert (len(year), year[4:8]) == (12, [None, 576, 288, None])
    total = drawing(client, cast.plant_a, "?period=total&date=2025-06-21")
    assert (total["points"][0], values(total, "ProdEtotal")[0]) == ("2025", 864)


def test_a_power_over_a_month_is_its_energy_and_back(client: Client, cast: Cast):
    fill(cast.plant_a)
    client.force_login(cast.alice)
    month = drawing(client, cast.plant_a, "?period=month&date=2025-06-21&channels=ConsPac,ProdEtotal")
    assert sorted(one["channel"] for one in month["series"]) == ["ConsEtotal", "ProdEtotal"]
    day = drawing(client, cast.plant_a, "?date=2025-06-21&channels=ProdEtotal")
    assert [one["channel"] for one in day["series"]] == ["ProdPac"]


# --- Components ----------------------------------------------------------------------------------------------


def test_components_are_told_apart_and_show_what_they_have(client: Client, cast: Cast):
    fill(cast.plant_a)
    client.force_login(cast.alice)
    inverter, sensor = device(cast.plant_a, "Inverter"), device(cast.plant_a, "Sensor")
    store.write(
        cast.plant_a,
        [store.DayReadings(inverter, MIDSUMMER, {("ProdUdc", 2): values_of(401.5), ("ProdIdc", 259): values_of(7.25)})],
    )
    query = f"?date=2025-06-21&devices={inverter}.t2,{inverter}.s3,{sensor}&channels=ProdUdc,ProdIdc,TempAmbient"
    drawn = drawing(client, cast.plant_a, query)
    assert [(one["label"], one["unit"], one["values"][0]) for one in drawn["series"]] == [
        ("Inverter 1 · MPPT 2: DC voltage", "V", 401.5),
        ("Inverter 1 · MPPT 2: DC current", "A", None),
        ("Inverter 1 · String 3: DC voltage", "V", None),
        ("Inverter 1 · String 3: DC current", "A", 7.25),
        ("Sensor: Ambient temperature", "degC", -150),
    ]


def values_of(value: float) -> Array:
    return np.full(288, value)


def test_a_component_counts_in_its_epochs_only(client: Client, cast: Cast):
    old = device(cast.plant_a, "Inverter")
    fill(cast.plant_a)
    make_epoch(cast.plant_a, dt.date(2025, 6, 22))  # another inverter from then on
    store.write(cast.plant_a, [store.DayReadings(old, dt.date(2025, 6, 22), {("ProdPac", 0): values_of(9.0)})])
    client.force_login(cast.alice)
    before = drawing(client, cast.plant_a, f"?date=2025-06-21&devices={old}")
    after = drawing(client, cast.plant_a, f"?date=2025-06-22&devices={old}")
    assert values(before, "ProdPac")[1] == 10
    assert set(values(after, "ProdPac")) == {None}
    assert "Inverter 1 was not built in at this time." in after["parts"]["chart_notices"]
    assert str(old) in before["parts"]["chart_controls"]


def test_a_plant_without_battery_is_not_shown_with_one(client: Client, cast: Cast):
    Component.objects.filter(epoch__plant=cast.plant_a, type="Battery").delete()
    fill_without_battery(cast.plant_a)
    client.force_login(cast.alice)
    drawn = drawing(client, cast.plant_a, "?date=2025-06-21")
    assert [one["channel"] for one in drawn["series"]] == ["ProdPac", "ConsPac", "Irradiation"]
    assert "BatSoc" not in drawn["parts"]["chart_controls"]


def fill_without_battery(plant: Plant) -> None:
    inverter = device(plant, "Inverter")
    store.write(plant, [store.DayReadings(inverter, MIDSUMMER, {("ProdPac", 0): values_of(100.0)})])


# --- Comparing -----------------------------------------------------------------------------------------------


def test_days_are_compared_by_the_clock(client: Client, cast: Cast):
    fill(cast.plant_a, [SPRING, dt.date(2025, 3, 29), AUTUMN])
    client.force_login(cast.alice)
    spring = drawing(client, cast.plant_a, "?date=2025-03-30&compare=2025-03-29&channels=ProdPac")
    [power] = spring["series"]
    assert (power["values"][24], power["compared"][24]) == (240, 360)  # 03:00 is slot 24 here, and slot 36 there
    assert spring["compared"] == "Saturday, 29 March 2025"
    autumn = drawing(client, cast.plant_a, "?date=2025-10-26&compare=2025-03-29&channels=ProdPac")
    [power] = autumn["series"]
    assert power["compared"][24:26] == [240, 250]
    assert power["compared"][36:48] == [None] * 12  # the second 02:00 has no partner
    assert power["compared"][48] == 360


def test_months_are_compared_by_the_number_of_the_day(client: Client, cast: Cast):
    fill(cast.plant_a, [MIDSUMMER, dt.date(2025, 7, 31), dt.date(2025, 7, 21)])
    client.force_login(cast.alice)
    july = drawing(client, cast.plant_a, "?period=month&date=2025-07-01&compare=2025-06-01")
    [production, _consumption] = july["series"]
    assert (production["compared"][20], production["compared"][30]) == (288, None)
    assert july["links"]["previous"] == "?period=month&date=2025-06-01&compare=2025-05-01"


# --- Addresses -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("?date=2025-02-30", "date"),
        ("?date=yesterday", "date"),
        ("?date=0001-01-01", "date"),
        ("?date=2025-٠٦-21", "date"),
        ("?period=week", "period"),
        ("?compare=2025-13", "compare"),
        ("?channels=ProdPac,Warp", "channels"),
        ("?channels=" + ",".join(f"c{number}" for number in range(61)), "channels"),
    ],
)
def test_what_cannot_be_used_is_named(client: Client, cast: Cast, query: str, name: str):
    client.force_login(cast.alice)
    refused = client.get(address(cast.plant_a, query, "/data"))
    assert (refused.status_code, list(json.loads(refused.content)["errors"])) == (400, [name])
    assert client.get(address(cast.plant_a, query, "/data.csv")).status_code == 400
    page = client.get(address(cast.plant_a, query))
    assert page.status_code == 200
    assert f"<code>{name}</code> was left out" in page.content.decode()


def test_more_than_40_series_are_refused(client: Client, cast: Cast):
    inverter = Component.objects.get(epoch__plant=cast.plant_a, type="Inverter")
    strings = list(inverter.strings.all())
    for index in range(5, 20):
        strings[0].pk, strings[0].index = None, index
        strings[0].save(force_insert=True)
    client.force_login(cast.alice)
    keys = ",".join(f"{inverter.cross_epoch_id}.s{index}" for index in range(1, 20))
    query = f"?devices={keys}&channels=ProdPdc,ProdUdc,ProdIdc"
    refused = client.get(address(cast.plant_a, query, "/data"))
    assert json.loads(refused.content)["errors"] == {
        "devices": "At most 40 series can be shown; choose fewer.",
    }
    assert "At most 40 series" in client.get(address(cast.plant_a, query)).content.decode()


def test_steps_lead_to_neighbours_and_not_into_the_future(client: Client, cast: Cast):
    fill(cast.plant_a, [MIDSUMMER, dt.date(2025, 6, 30)])
    client.force_login(cast.alice)
    links = drawing(client, cast.plant_a, "?date=2025-06-30&channels=ProdPac")["links"]
    assert links["previous"] == "?period=day&date=2025-06-29&channels=ProdPac"
    assert links["next"] == "?period=day&date=2025-07-01&channels=ProdPac"
    assert links["up"] == "?period=month&date=2025-06-30&channels=ProdPac"
    assert links["down"] is None
    month = drawing(client, cast.plant_a, "?period=month&date=2025-06")["links"]
    assert month["points"][20] == "?period=day&date=2025-06-21"
    first = drawing(client, cast.plant_a, "?date=2025-06-21")["links"]
    assert first["previous"] is None  # nothing is older
    today = drawing(client, cast.plant_a, "")["links"]
    assert (today["next"], today["today"]) == (None, None)


def test_a_day_without_data_leads_to_the_last_that_has_some(client: Client, cast: Cast):
    client.force_login(cast.alice)
    assert "This plant has no data yet" in client.get(address(cast.plant_a)).content.decode()
    fill(cast.plant_a)
    page = client.get(address(cast.plant_a, "?date=2025-06-25")).content.decode()
    assert "The last data of this plant are of Saturday, 21 June 2025." in page
    assert 'href="?period=day&amp;date=2025-06-21" data-load>Go to the last data' in page


def test_an_answer_that_did_not_change_is_not_sent_again(client: Client, cast: Cast):
    fill(cast.plant_a)
    client.force_login(cast.alice)
    path = address(cast.plant_a, "?date=2025-06-21", "/data")
    first = client.get(path)
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert client.get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    fill(cast.plant_a, gap=range(5))
    store.write(
        cast.plant_a, [store.DayReadings(device(cast.plant_a, "Inverter"), MIDSUMMER, {("ProdPac", 0): values_of(1.0)})]
    )
    assert client.get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


# --- Cost ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    ["?date=2025-06-21&compare=2025-06-20&table=1", "?period=month&date=2025-06&compare=2024-06", "?period=total"],
)
def test_a_page_takes_fewer_than_20_statements(client: Client, cast: Cast, query: str, django_assert_max_num_queries):
    fill(cast.plant_a)
    client.force_login(cast.alice)
    with django_assert_max_num_queries(19):
        assert client.get(address(cast.plant_a, query)).status_code == 200
    for index in range(2, 5):
        make_epoch(cast.plant_a, dt.date(2025, index, 1))
    with django_assert_max_num_queries(19):
        client.get(address(cast.plant_a, query))
