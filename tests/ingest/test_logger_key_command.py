"""`manage.py logger_key`: keys of loggers from the command line; a secret is printed once, and every act recorded."""

import io
import json
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from apps.accounts.models import AuditEntry
from apps.ingest import keys
from apps.ingest.models import LoggerKey
from apps.plants.models import Plant


def run(*arguments: object) -> dict[str, Any]:
    out = io.StringIO()
    call_command("logger_key", *map(str, arguments), stdout=out)
    printed: dict[str, Any] = json.loads(out.getvalue())
    return printed


def create(plant: Plant, name: str = "Logger") -> dict[str, Any]:
    return run("create", plant.pk, "--name", name)


def test_a_new_key_opens_with_the_secret_that_is_printed(plant_a: Plant):
    made = create(plant_a, "Solar-Log 1200")
    assert {name: made[name] for name in ("portal", "plant", "label", "name")} == {
        "portal": "sunny",
        "plant": str(plant_a.pk),
        "label": "Plant A",
        "name": "Solar-Log 1200",
    }
    found = keys.verify(made["secret"], made["login"])
    assert found is not None
    assert (str(found.pk), found.plant_id) == (made["key"], plant_a.pk)


def test_the_list_shows_hints_and_no_secrets(plant_a: Plant, plant_b: Plant):
    first, second = create(plant_a), create(plant_a, "Script")
    create(plant_b)
    run("revoke", second["login"])
    listed = run("list", plant_a.pk)
    assert [(key["name"], key["login"], key["hint"]) for key in listed["keys"]] == [
        ("Logger", first["login"], first["secret"][-4:]),
        ("Script", second["login"], second["secret"][-4:]),
    ]
    assert [key["revoked"] is None for key in listed["keys"]] == [True, False]
    assert first["secret"] not in json.dumps(listed)


@pytest.mark.parametrize(("overlap", "old_works"), [("now", False), ("24h", True)])
def test_rotating_prints_a_new_secret_and_the_old_one_lasts_as_long_as_asked(
    plant_a: Plant, overlap: str, old_works: bool
):
    made = create(plant_a)
    rotated = run("rotate", made["key"], "--overlap", overlap)
    assert (rotated["login"], rotated["overlap"]) == (made["login"], overlap)
    assert keys.verify(rotated["secret"], made["login"]) is not None
    assert (keys.verify(made["secret"], made["login"]) is not None) == old_works


def test_a_revoked_key_opens_nothing_and_cannot_be_used_again(plant_a: Plant):
    made = create(plant_a)
    assert run("revoke", made["login"], "--reason", "stolen")["revoked"] is True
    assert keys.verify(made["secret"]) is None
    for action in ("revoke", "rotate"):
        with pytest.raises(CommandError, match=r"KEY: The key .* was revoked before"):
            run(action, made["login"])


def test_acts_are_recorded_with_their_reason_and_without_secrets(plant_a: Plant):
    made = create(plant_a)
    run("rotate", made["login"])
    run("revoke", made["login"], "--reason", "stolen")
    acts = AuditEntry.objects.filter(action__startswith="logger_key").order_by("id")
    assert [(act.actor, act.action, act.reason) for act in acts] == [
        ("command line", "logger_key.created", ""),
        ("command line", "logger_key.rotated", ""),
        ("command line", "logger_key.revoked", "stolen"),
    ]
    assert made["secret"] not in str(list(acts.values()))


def test_what_is_missing_or_taken_is_refused(plant_a: Plant):
    create(plant_a)
    with pytest.raises(CommandError, match="PLANT: There is no plant"):
        run("create", uuid4(), "--name", "Logger")
    with pytest.raises(CommandError, match="KEY: There is no logger key “nobody”"):
        run("revoke", "nobody")
    with pytest.raises(CommandError, match="KEY: There is no logger key"):
        run("rotate", uuid4())
    with pytest.raises(CommandError):
        create(plant_a)
    assert LoggerKey.objects.count() == 1
