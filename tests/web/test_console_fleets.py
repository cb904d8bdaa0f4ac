"""Fleets: listed with their size, made, renamed, filled, deleted after typing the name."""

import re

import pytest
from django.test import Client

from apps.accounts.models import AuditEntry
from apps.plants.models import Fleet
from tests.cast import Cast, make_fleet, make_plant
from tests.web.console_pages import manager, picked, recorded

LIST, NEW = "/p/sunny/console/fleets", "/p/sunny/console/fleets/new"
MONA = "mona@sunny.example"


def page_of(fleet: Fleet, act: str = "") -> str:
    return f"{LIST}/{fleet.pk}{act}"


def test_fleets_are_listed_with_plants_and_total_size(client: Client, cast: Cast):
    make_fleet(cast.sunny, "Empty one", [])
    text = manager(client, cast).get(LIST).content.decode()
    found = re.findall(r'<th scope="row"><a[^>]*>(.*?)</a>.*?<td class="num"[^>]*>(\d+)</td>', text, re.DOTALL)
    assert found == [("Empty one", "0"), ("Sunny fleet", "2")]
    assert '<span class="number">20.0</span> <span class="unit">kWp</span>' in text
    assert f"/p/sunny/plants?fleet={cast.fleet_s.pk}" in text
    assert "Other fleet" not in text


def test_a_portal_without_fleets_says_what_they_are_for(client: Client, cast: Cast):
    cast.fleet_s.delete()
    assert "There are no fleets yet" in manager(client, cast).get(LIST).content.decode()


def test_the_list_asks_the_same_number_of_statements_for_many(
    client: Client, cast: Cast, django_assert_max_num_queries
):
    for number in range(60):
        make_fleet(cast.sunny, f"Fleet {number}", [cast.plant_a, cast.plant_b])
    manager(client, cast)
    with django_assert_max_num_queries(12):
        client.get(LIST)


def test_a_fleet_is_created(client: Client, cast: Cast):
    given = {"label": "South", "description": "On barns", **picked([cast.plant_a, cast.plant_b])}
    assert manager(client, cast).post(NEW, given).headers["Location"] == LIST
    fleet = Fleet.objects.get(label="South")
    assert (fleet.description, set(fleet.plants.all())) == ("On barns", {cast.plant_a, cast.plant_b})
    assert recorded() == [(MONA, "fleet.created", "South")]


def test_a_fleet_is_renamed_and_filled_anew(client: Client, cast: Cast):
    given = {"label": "South", "description": "", **picked([cast.plant_b])}
    assert manager(client, cast).post(page_of(cast.fleet_s), given).headers["Location"] == page_of(cast.fleet_s)
    fleet = Fleet.objects.get(pk=cast.fleet_s.pk)
    assert (fleet.label, list(fleet.plants.all())) == ("South", [cast.plant_b])
    assert recorded() == [(MONA, "fleet.changed", "South")]


def test_no_box_checked_empties_a_fleet(client: Client, cast: Cast):
    manager(client, cast).post(page_of(cast.fleet_s), {"label": "Sunny fleet", **picked()})
    assert not cast.fleet_s.plants.exists()


def test_plants_on_other_pages_of_the_list_stay_in_the_fleet(client: Client, cast: Cast):
    plants = [make_plant(cast.sunny, f"Barn {number:02}") for number in range(25)]
    cast.fleet_s.plants.set([*plants, cast.plant_a])
    text = manager(client, cast).get(page_of(cast.fleet_s)).content.decode()
    checked = re.findall(r'name="plants-ids" value="([^"]*)" checked', text)
    elsewhere = re.findall(r'name="plants-more" value="([^"]*)"', text)[0].split(",")
    assert (len(checked), len(elsewhere)) == (20, 6)
    assert set(checked + elsewhere) == {str(plant.pk) for plant in (*plants, cast.plant_a)}


@pytest.mark.parametrize("new", [True, False])
def test_a_foreign_plant_and_a_taken_name_are_refused_and_nothing_typed_is_lost(client: Client, cast: Cast, new: bool):
    make_fleet(cast.sunny, "North", [])
    path = NEW if new else page_of(cast.fleet_s)
    foreign = {"label": "South", "plants-ids": str(cast.plant_o.pk), "plants-more": ""}
    answer = manager(client, cast).post(path, foreign)
    assert answer.status_code == 422
    assert "Something you chose is not in this portal" in answer.content.decode()
    answer = client.post(path, {"label": "North", "description": "my words", **picked([cast.plant_a])})
    assert answer.status_code == 422
    assert "already exists" in answer.content.decode()
    assert "my words" in answer.content.decode()
    assert recorded() == []


def test_a_fleet_is_deleted_after_its_name_was_typed(client: Client, cast: Cast):
    answer = manager(client, cast).post(page_of(cast.fleet_s, "/delete"), {"confirmation": "sunny"})
    assert answer.status_code == 422
    assert "Type Sunny fleet to confirm." in answer.content.decode()
    answer = client.post(page_of(cast.fleet_s, "/delete"), {"confirmation": "Sunny fleet"})
    assert answer.headers["Location"] == LIST
    assert not Fleet.objects.filter(pk=cast.fleet_s.pk).exists()
    assert AuditEntry.objects.get().action == "fleet.deleted"
