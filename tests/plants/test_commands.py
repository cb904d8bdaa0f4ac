"""assign, unassign and create_fleet: one JSON object on stdout, or a message that names the option."""

import io
import json
import uuid
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.plants.models import Assignment, Fleet
from tests.cast import Cast


def run(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def test_assign_and_unassign_say_what_they_did(cast: Cast):
    plant = {"plant": str(cast.plant_a.pk), "label": "Plant A", "email": "charlie@sunny.example"}
    arguments = (str(cast.plant_a.pk), "Charlie@sunny.example")
    assert run("assign", *arguments) == {**plant, "assigned": True, "changed": True}
    assert run("assign", *arguments) == {**plant, "assigned": True, "changed": False}
    assert run("unassign", *arguments) == {**plant, "assigned": False, "changed": True}
    assert run("unassign", *arguments) == {**plant, "assigned": False, "changed": False}


@pytest.mark.parametrize("command", ["assign", "unassign"])
def test_bad_input_is_named_and_changes_nothing(cast: Cast, command: str):
    before = Assignment.objects.count()
    for plant, email, message in (
        ("plant-a", "alice@sunny.example", "PLANT: invalid UUID"),
        (str(uuid.uuid4()), "alice@sunny.example", "PLANT: There is no plant"),
        (str(cast.plant_a.pk), "nobody@sunny.example", "EMAIL: There is no user"),
        (str(cast.plant_a.pk), "oskar@other.example", "EMAIL: .*no member of the portal sunny"),
    ):
        with pytest.raises(CommandError, match=message):
            run(command, plant, email)
    assert Assignment.objects.count() == before


def test_create_fleet_says_what_it_made(cast: Cast):
    ids = sorted([str(cast.plant_a.pk), str(cast.plant_b.pk)])
    answer = run("create_fleet", "South", "--portal", "sunny", "--plants", *ids)
    fleet = Fleet.objects.get(label="South")
    assert answer == {"fleet": str(fleet.pk), "name": "South", "portal": "sunny", "plants": ids}


def test_create_fleet_names_the_option_at_fault_and_changes_nothing(cast: Cast):
    own, foreign = str(cast.plant_a.pk), str(cast.plant_o.pk)
    for arguments, message in (
        (("South", "--portal", "rainy", "--plants", own), "--portal: "),
        (("South", "--portal", "sunny", "--plants", own, foreign), f"--plants: .*{foreign}"),
        (("South", "--portal", "sunny", "--plants", "plant-a"), "--plants: invalid UUID"),
        (("South", "--portal", "sunny"), "--plants"),
        (("Sunny fleet", "--portal", "sunny", "--plants", own), ": .*already exists"),
    ):
        with pytest.raises(CommandError, match=message):
            run("create_fleet", *arguments)
    assert Fleet.objects.count() == 2
