"""Assignments and fleets are changed with a record, or not at all."""

import uuid

import pytest

from apps.accounts.audit import Actor
from apps.accounts.changes import ChangeRefused
from apps.accounts.models import AuditEntry
from apps.plants import changes
from apps.plants.changes import NotAMember, UnknownPlants
from apps.plants.models import Assignment, Fleet
from tests.cast import Cast

SHELL = Actor("command line")


def recorded() -> list[str]:
    return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))


def test_an_assignment_is_recorded_once(cast: Cast):
    assert changes.assign(cast.plant_a, cast.charlie, SHELL)
    assert not changes.assign(cast.plant_a, cast.charlie, SHELL)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject, entry.portal) == ("plant.assigned", "charlie@sunny.example", cast.sunny)
    assert entry.after == {"plant": str(cast.plant_a.pk), "label": "Plant A"}


def test_an_assignment_ends_once(cast: Cast):
    assert changes.unassign(cast.plant_a, cast.alice, SHELL, "sold")
    assert not changes.unassign(cast.plant_a, cast.alice, SHELL)
    assert recorded() == ["plant.unassigned"]
    assert AuditEntry.objects.get().reason == "sold"
    assert not Assignment.objects.filter(plant=cast.plant_a).exists()


def test_only_members_of_the_plants_portal_can_have_it(cast: Cast):
    for change in (changes.assign, changes.unassign):
        with pytest.raises(NotAMember, match=r"oskar@other\.example is no member of the portal sunny"):
            change(cast.plant_a, cast.oskar, SHELL)
    assert recorded() == []


def test_a_fleet_holds_the_plants_it_was_given(cast: Cast):
    fleet = changes.create_fleet(cast.sunny, "South", [cast.plant_a.pk, cast.plant_a.pk], SHELL)
    assert set(fleet.plants.all()) == {cast.plant_a}
    assert AuditEntry.objects.get().after == {"plants": [str(cast.plant_a.pk)]}


def test_a_fleet_with_foreign_or_unknown_plants_names_them_and_is_not_made(cast: Cast):
    unknown = uuid.uuid4()
    with pytest.raises(UnknownPlants) as refusal:
        changes.create_fleet(cast.sunny, "South", [cast.plant_a.pk, cast.plant_o.pk, unknown], SHELL)
    assert str(cast.plant_o.pk) in str(refusal.value)
    assert str(unknown) in str(refusal.value)
    assert str(cast.plant_a.pk) not in str(refusal.value)
    assert Fleet.objects.count() == 2
    assert recorded() == []


def test_a_name_can_be_used_once_in_a_portal(cast: Cast):
    with pytest.raises(ChangeRefused):
        changes.create_fleet(cast.sunny, "Sunny fleet", [], SHELL)
    changes.create_fleet(cast.other, "Sunny fleet", [], SHELL)
