"""Many plants to many people: chosen, previewed, confirmed, and read from both sides."""

import re
from typing import Any

import pytest
from django.test import Client

from apps.accounts.access import Role
from apps.accounts.models import AuditEntry
from apps.plants import changes
from apps.plants.models import Assignment, Plant
from tests.cast import Cast, make_fleet, make_plant, make_user
from tests.web.console_pages import manager, picked

PAGE, CHANGE = "/p/sunny/console/assignments", "/p/sunny/console/assignments/change"


def figures(answer: Any) -> list[str]:
    return re.findall(r"<dd>(\d+)</dd>", answer.content.decode())


def test_the_preview_counts_and_changes_nothing(client: Client, cast: Cast):
    given = {**picked([cast.plant_a, cast.plant_b], [cast.alice, cast.bob, cast.charlie]), "act": "assign"}
    answer = manager(client, cast).post(CHANGE, given)
    text = answer.content.decode()
    assert (answer.status_code, figures(answer)) == (200, ["4", "2"])
    assert "<strong>2 plants</strong> × <strong>3 users</strong>" in text
    assert "alice@sunny.example, bob@sunny.example, charlie@sunny.example" in text
    assert Assignment.objects.count() == 2
    assert not AuditEntry.objects.exists()


def test_what_the_preview_sends_on_is_done(client: Client, cast: Cast):
    given = {**picked([cast.plant_a, cast.plant_b], [cast.alice, cast.charlie]), "act": "assign", "reason": "2027"}
    manager(client, cast)
    answer = client.post(CHANGE, {**sent_on(client.post(CHANGE, given)), "confirmed": "1"}, follow=True)
    assert answer.redirect_chain == [(PAGE, 302)]
    assert "3 new assignments, 1 were there already." in answer.content.decode()
    assert set(Assignment.objects.values_list("membership__user__name", "plant__label")) == {
        ("Alice", "Plant A"), ("Alice", "Plant B"), ("Bob", "Plant B"), ("Charlie", "Plant A"), ("Charlie", "Plant B"),
    }  # fmt: skip
    rows = AuditEntry.objects.order_by("subject").values_list("actor", "action", "subject", "reason")
    assert list(rows) == [
        ("mona@sunny.example", "plants.assigned", "alice@sunny.example", "2027"),
        ("mona@sunny.example", "plants.assigned", "charlie@sunny.example", "2027"),
    ]


def sent_on(answer: Any) -> dict[str, list[str]]:
    """The hidden fields of the preview."""
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', answer.content.decode()):
        if name != "csrfmiddlewaretoken":
            fields.setdefault(name, []).append(value)
    return fields


def test_plants_are_taken_away(client: Client, cast: Cast):
    given = {**picked([cast.plant_a, cast.plant_b], [cast.alice, cast.bob]), "act": "unassign", "confirmed": "1"}
    answer = manager(client, cast).post(CHANGE, given, follow=True)
    assert "2 assignments ended, 2 were not there." in answer.content.decode()
    assert not Assignment.objects.exists()


def test_all_that_match_the_search_are_chosen_and_no_others(client: Client, cast: Cast):
    for number in range(30):
        make_plant(cast.sunny, f"Barn {number}")
    given = {"plants-all": "on", "plants-search": "barn", "plants-more": "", "act": "assign"}
    people = {"members-all": "on", "members-role": "owner", "members-more": ""}
    manager(client, cast)
    preview = client.post(CHANGE, {**given, **people})
    assert figures(preview) == ["90", "0"]
    client.post(CHANGE, {**sent_on(preview), "confirmed": "1"})
    assert Assignment.objects.filter(plant__label__startswith="Barn").count() == 90
    assert Assignment.objects.count() == 92


def test_all_of_a_fleet_are_chosen(client: Client, cast: Cast):
    fleet = make_fleet(cast.sunny, "North", [cast.plant_b])
    given = {"plants-all": "on", "plants-fleet": str(fleet.pk), "plants-more": "", "act": "assign"}
    assert figures(
        manager(client, cast).post(CHANGE, {**given, "members-ids": picked(members=[cast.alice])["members-ids"]})
    ) == ["1", "0"]


def test_a_search_at_fault_chooses_nothing(client: Client, cast: Cast):
    given = {"plants-all": "on", "plants-fleet": str(cast.fleet_o.pk), "plants-more": "", "act": "assign"}
    answer = manager(client, cast).post(CHANGE, {**given, "members-all": "on", "confirmed": "1"})
    assert answer.status_code == 422
    assert Assignment.objects.count() == 2


@pytest.mark.parametrize(
    ("plants", "people", "said"),
    [((), ("alice",), "Choose at least one plant."), (("plant_a",), (), "Choose at least one person.")],
)
def test_nothing_chosen_is_said_and_the_rest_stays(client: Client, cast: Cast, plants, people, said: str):
    given = picked([getattr(cast, name) for name in plants], [getattr(cast, name) for name in people])
    answer = manager(client, cast).post(CHANGE, {**given, "act": "unassign", "reason": "kept words"})
    assert answer.status_code == 422
    text = answer.content.decode()
    assert said in text
    assert "kept words" in text
    assert len(re.findall(r'-ids" value="[^"]*" checked', text)) == 1
    assert re.search(r'value="unassign"[^>]*checked', text)


@pytest.mark.parametrize("kind", ["plants", "members"])
def test_foreign_unknown_and_broken_ids_are_refused_alike(client: Client, cast: Cast, kind: str):
    foreign = cast.plant_o.pk if kind == "plants" else cast.oskar.memberships.get().pk
    for id_ in (str(foreign), "00000000-0000-0000-0000-000000000007", "nonsense"):
        given = {**picked([cast.plant_a], [cast.charlie]), f"{kind}-more": id_, "act": "assign", "confirmed": "1"}
        assert manager(client, cast).post(CHANGE, given).status_code == 422
    assert Assignment.objects.count() == 2


def test_too_many_at_once_are_refused_before_anything_is_done(client: Client, cast: Cast, monkeypatch):
    monkeypatch.setattr(changes, "MOST_PAIRS", 3)
    given = {**picked([cast.plant_a, cast.plant_b], [cast.alice, cast.bob]), "act": "assign", "confirmed": "1"}
    answer = manager(client, cast).post(CHANGE, given)
    assert "At most 3 assignments can be changed at once." in answer.content.decode()
    assert Assignment.objects.count() == 2


# --- Lists to choose from ----------------------------------------------------------------------------------------


def test_a_list_is_paged_on_the_server_and_keeps_its_search(client: Client, cast: Cast, django_assert_max_num_queries):
    Plant.objects.bulk_create(Plant(portal=cast.sunny, label=f"Barn {n:04}", timezone="UTC") for n in range(300))
    manager(client, cast)
    with django_assert_max_num_queries(12):
        text = client.get("/p/sunny/console/pick/plants?plants-search=barn&plants-page=2").content.decode()
    assert re.findall(r"Barn \d{4}", text) == [f"Barn {n:04}" for n in range(20, 40)]
    assert "All 300 that match" in text
    assert "plants-page=3&amp;plants-search=barn" in text
    assert '<input type="hidden" name="plants-search" value="barn">' in text


def test_a_list_of_people_knows_names_addresses_and_roles(client: Client, cast: Cast):
    text = (
        manager(client, cast).get("/p/sunny/console/pick/users?members-role=owner&members-search=LI").content.decode()
    )
    assert re.findall(r"\w+@\w+\.example", text) == ["alice@sunny.example", "charlie@sunny.example"]


def test_an_address_brings_a_choice_along(client: Client, cast: Cast):
    text = manager(client, cast).get(f"{PAGE}?plants-ids={cast.plant_b.pk}").content.decode()
    assert re.findall(r'name="plants-ids" value="([^"]*)" checked', text) == [str(cast.plant_b.pk)]


# --- Who sees what -------------------------------------------------------------------------------------------------


def test_both_sides_are_listed_with_a_few_names_and_the_number(
    client: Client, cast: Cast, django_assert_max_num_queries
):
    for number in range(8):
        make_user(f"owner{number}@sunny.example", cast.sunny, Role.OWNER, [cast.plant_a, cast.plant_b])
    manager(client, cast)
    with django_assert_max_num_queries(12):
        by_plant = client.get(f"{PAGE}/plants?plants-search=Plant A").content.decode()
    with django_assert_max_num_queries(12):
        by_user = client.get(f"{PAGE}/users").content.decode()
    assert re.findall(r">(\w+)@sunny", by_plant) == ["alice", "owner0", "owner1", "owner2", "owner3"]
    assert "(9 in all)" in by_plant
    assert by_user.count(">Plant B</a>") == 9
    assert "Plant O" not in by_plant + by_user
