"""Many plants and many people at once: what was there stays, what is missing is added, and the record says which."""

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from apps.accounts.audit import Actor
from apps.accounts.models import AuditEntry, Membership, User
from apps.plants import changes
from apps.plants.changes import NotAMember, Pairs, TooMany, UnknownPlants, assign_many, pairs, unassign_many
from apps.plants.models import Assignment, Plant
from tests.cast import Cast, make_plant

SHELL = Actor("command line")


def plants(*rows: Plant) -> QuerySet[Plant]:
    return Plant.objects.filter(pk__in=[row.pk for row in rows])


def members(*users: User) -> QuerySet[Membership]:
    return Membership.objects.filter(user__in=users)


def assigned() -> set[tuple[str, str]]:
    return set(Assignment.objects.values_list("membership__user__name", "plant__label"))


def test_what_is_missing_is_added_and_the_rest_stays(cast: Cast):
    found = assign_many(cast.sunny, plants(cast.plant_a, cast.plant_b), members(cast.alice, cast.charlie), SHELL)
    assert found == Pairs(plants=2, people=2, assigned=1)
    assert found.unassigned == 3
    assert assigned() == {
        ("Alice", "Plant A"), ("Alice", "Plant B"), ("Bob", "Plant B"), ("Charlie", "Plant A"), ("Charlie", "Plant B"),
    }  # fmt: skip


def test_the_record_says_of_each_person_what_is_new_to_them(cast: Cast):
    assign_many(
        cast.sunny, plants(cast.plant_a, cast.plant_b), members(cast.alice, cast.charlie), SHELL, "new contract"
    )
    rows = AuditEntry.objects.order_by("subject")
    assert [(row.action, row.subject, row.after, row.reason) for row in rows] == [
        ("plants.assigned", "alice@sunny.example", {"plants": {str(cast.plant_b.pk): "Plant B"}}, "new contract"),
        (
            "plants.assigned",
            "charlie@sunny.example",
            {"plants": {str(cast.plant_a.pk): "Plant A", str(cast.plant_b.pk): "Plant B"}},
            "new contract",
        ),
    ]
    assert {row.portal for row in rows} == {cast.sunny}


def test_what_is_taken_away_is_recorded_of_those_who_had_it(cast: Cast):
    found = unassign_many(cast.sunny, plants(cast.plant_a), members(cast.alice, cast.charlie), SHELL)
    assert found == Pairs(plants=1, people=2, assigned=1)
    assert assigned() == {("Bob", "Plant B")}
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject) == ("plants.unassigned", "alice@sunny.example")
    assert entry.before == {"plants": {str(cast.plant_a.pk): "Plant A"}}


def test_twice_changes_nothing_and_leaves_no_second_record(cast: Cast):
    for _ in range(2):
        assign_many(cast.sunny, plants(cast.plant_a), members(cast.charlie), SHELL)
    assert AuditEntry.objects.count() == 1


@pytest.mark.parametrize("change", [assign_many, unassign_many])
def test_plants_and_people_of_another_portal_are_refused(cast: Cast, change):
    with pytest.raises(UnknownPlants):
        change(cast.sunny, plants(cast.plant_a, cast.plant_o), members(cast.alice), SHELL)
    with pytest.raises(NotAMember):
        change(cast.sunny, plants(cast.plant_a), members(cast.alice, cast.oskar), SHELL)
    assert assigned() == {("Alice", "Plant A"), ("Bob", "Plant B")}
    assert not AuditEntry.objects.exists()


def test_an_act_has_a_limit_that_is_told_before(cast: Cast, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(changes, "MOST_PAIRS", 3)
    with pytest.raises(TooMany, match="At most 3 assignments"):
        pairs(plants(cast.plant_a, cast.plant_b), members(cast.alice, cast.bob))
    with pytest.raises(TooMany):
        assign_many(cast.sunny, plants(cast.plant_a, cast.plant_b), members(cast.alice, cast.bob), SHELL)
    assert len(assigned()) == 2


def test_the_number_of_statements_does_not_grow_with_plants_and_people(cast: Cast):
    def statements(users: list[User]) -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assign_many(cast.sunny, Plant.objects.filter(portal=cast.sunny), members(*users), SHELL)
        return len(captured)

    few = statements([cast.charlie])
    for number in range(20):
        make_plant(cast.sunny, f"Plant {number}")
    assert statements([cast.alice, cast.bob, cast.charlie, cast.mo]) == few <= 12
