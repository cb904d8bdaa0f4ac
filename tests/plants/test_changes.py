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


def test_a_fleet_is_changed_and_the_record_names_only_what_changed(cast: Cast):
    both = [cast.plant_a.pk, cast.plant_b.pk]
    assert changes.change_fleet(cast.fleet_s, "South", "", both, SHELL)
    assert not changes.change_fleet(cast.fleet_s, "South", "", both, SHELL)
    assert changes.change_fleet(cast.fleet_s, "South", "On barns", [cast.plant_a.pk], SHELL)
    first, second = AuditEntry.objects.order_by("id")
    assert (first.action, first.before, first.after) == ("fleet.changed", {"label": "Sunny fleet"}, {"label": "South"})
    assert second.before == {"description": "", "plants": sorted(str(pk) for pk in both)}
    assert second.after == {"description": "On barns", "plants": [str(cast.plant_a.pk)]}
    fleet = Fleet.objects.get(pk=cast.fleet_s.pk)
    assert (fleet.label, set(fleet.plants.all())) == ("South", {cast.plant_a})


def test_a_fleet_takes_no_foreign_plant_and_no_name_of_another(cast: Cast):
    changes.create_fleet(cast.sunny, "North", [], SHELL)
    with pytest.raises(UnknownPlants):
        changes.change_fleet(cast.fleet_s, "South", "", [cast.plant_o.pk], SHELL)
    with pytest.raises(ChangeRefused):
        changes.change_fleet(cast.fleet_s, "North", "", [], SHELL)
    assert set(Fleet.objects.get(label="Sunny fleet").plants.all()) == {cast.plant_a, cast.plant_b}
    assert recorded() == ["fleet.created"]


def test_a_deleted_fleet_leaves_its_plants_and_a_record(cast: Cast):
    changes.delete_fleet(cast.fleet_s, SHELL, "merged")
    assert not Fleet.objects.filter(label="Sunny fleet").exists()
    assert {cast.plant_a.label, cast.plant_b.label} == {"Plant A", "Plant B"}
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject, entry.reason) == ("fleet.deleted", "Sunny fleet", "merged")
    assert entry.before == {
        "description": "",
        "plants": sorted([str(cast.plant_a.pk), str(cast.plant_b.pk)]),
    }
