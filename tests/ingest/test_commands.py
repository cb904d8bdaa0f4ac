"""The commands' edges: what they refuse, where they print, and what a crash leaves behind."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management.base import CommandError
from django.db import connection

from apps.accounts.models import Portal
from apps.plants.models import Plant
from tests.ingest.folders import (
    ONE_INVERTER,
    day_values,
    import_solarlog,
    minute_file,
    plant_of,
    run,
    write,
)
from tests.live import ROOT, manage

FOUR_DAYS = {f"min25070{day}": minute_file(f"0{day}.07.25 12:00:00|500;550;3000;400") for day in range(1, 5)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "logger", base_vars=ONE_INVERTER, **FOUR_DAYS)


def test_an_unknown_portal_is_refused(folder: Path, db: None) -> None:
    with pytest.raises(CommandError, match="There is no portal 'nowhere'"):
        import_solarlog(folder, Portal(slug="nowhere"))


def test_an_unknown_zone_is_refused(folder: Path, sunny: Portal) -> None:
    with pytest.raises(CommandError, match="'Europe/Nowhere' is not an IANA time zone"):
        import_solarlog(folder, sunny, zone="Europe/Nowhere")


def test_a_missing_folder_and_one_without_files_are_refused(tmp_path: Path, sunny: Portal) -> None:
    with pytest.raises(CommandError, match="is not a folder"):
        import_solarlog(tmp_path / "missing", sunny)
    with pytest.raises(CommandError, match="holds no Solar-Log files"):
        import_solarlog(tmp_path, sunny)


def test_a_malformed_or_unknown_plant_is_refused(folder: Path, sunny: Portal) -> None:
    with pytest.raises(CommandError, match="invalid UUID value: 'x'"):
        import_solarlog(folder, sunny, "--plant", "x")
    with pytest.raises(CommandError, match="Portal 'sunny' has no plant"):
        import_solarlog(folder, sunny, "--plant", str(uuid4()))


def test_a_plant_of_another_portal_is_refused(folder: Path, sunny: Portal, plant_o: Plant) -> None:
    with pytest.raises(CommandError, match="Portal 'sunny' has no plant"):
        import_solarlog(folder, sunny, "--plant", str(plant_o.id))


def test_the_logger_of_another_portals_plant_is_refused(folder: Path, sunny: Portal, other: Portal) -> None:
    import_solarlog(folder, other)
    before = Plant.objects.count()
    with pytest.raises(CommandError, match="The logger 4711 belongs to a plant of another portal"):
        import_solarlog(folder, sunny)
    assert Plant.objects.count() == before


def test_another_zone_than_the_plants_is_refused(folder: Path, sunny: Portal) -> None:
    import_solarlog(folder, sunny)
    with pytest.raises(CommandError, match="is in the zone Europe/Berlin, not Europe/Oslo"):
        import_solarlog(folder, sunny, zone="Europe/Oslo")


def test_an_empty_label_is_refused(folder: Path, sunny: Portal) -> None:
    with pytest.raises(CommandError, match="The label must have 1 to 200 characters"):
        import_solarlog(folder, sunny, label=" ")


def test_an_equal_label_extends_the_plant_and_another_one_does_not(folder: Path, sunny: Portal) -> None:
    first = import_solarlog(folder, sunny)
    again = import_solarlog(folder, sunny)
    other_label = import_solarlog(folder, sunny, label="Barn")
    assert (first["created"], first["values_stored"] > 0) == (True, True)
    assert (again["created"], again["values_stored"], again["plant_id"]) == (False, 0, first["plant_id"])
    assert other_label["plant_id"] != first["plant_id"]


def test_an_equal_label_with_another_logger_is_another_plant(folder: Path, tmp_path: Path, sunny: Portal) -> None:
    neighbour = ONE_INVERTER.replace("4711", "4712")
    first = import_solarlog(folder, sunny)
    second = import_solarlog(write(tmp_path / "neighbour", base_vars=neighbour, **FOUR_DAYS), sunny)
    assert first["plant_id"] != second["plant_id"]


def test_a_named_plant_is_extended_whatever_its_label(folder: Path, sunny: Portal, plant_a: Plant) -> None:
    done = import_solarlog(folder, sunny, "--plant", str(plant_a.id), zone=plant_a.timezone)
    assert (done["plant_id"], done["label"], done["created"]) == (str(plant_a.id), "Plant A", False)


def test_the_command_prints_one_json_object_and_fails_with_a_message(
    folder: Path, sunny: Portal, process_environment: dict[str, str]
) -> None:
    Portal.objects.get_or_create(slug="sunny", defaults={"name": "Sunny"})
    arguments = ("--portal", "sunny", "--label", "Roof", "--timezone", "Europe/Berlin")
    good = manage("import_solarlog", str(folder), *arguments, environment=process_environment)
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.startswith('{"plant_id": "')
    bad = manage("import_solarlog", "missing", *arguments, environment=process_environment)
    assert bad.returncode != 0
    assert (bad.stdout, bad.stderr.strip()) == ("", "CommandError: missing is not a folder.")


# --- Crashes: in the third file, when its day is written and its month is not ------------------------------


def is_month_write(sql: str) -> bool:
    return sql.startswith(("INSERT", "UPDATE")) and "monthseries" in sql


def days_present(plant: Plant) -> list[bool]:
    return [bool(day_values(plant, f"2025-07-0{day}", "ProdPac")) for day in range(1, 5)]


def test_an_error_while_writing_loses_no_earlier_file_and_leaves_no_half_file(folder: Path, sunny: Portal) -> None:
    months = []

    def fail_at_the_third(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if is_month_write(sql):
            months.append(sql)
            if len(months) == 3:
                raise OSError("disk full")
        return execute(sql, *rest)

    with connection.execute_wrapper(fail_at_the_third), pytest.raises(OSError, match="disk full"):
        import_solarlog(folder, sunny)
    plant = Plant.objects.get(label="Roof")
    assert days_present(plant) == [True, True, False, False]
    assert import_solarlog(folder, sunny)["plant_id"] == str(plant.id)
    assert days_present(plant) == [True, True, True, True]


KILLED_AT_THE_THIRD = """
import os, signal, sys
import django; django.setup()
from django.core.management import execute_from_command_line
from django.db import connection
from tests.ingest.test_commands import is_month_write
months = []
def kill(execute, sql, *rest):
    months.extend([sql] if is_month_write(sql) else [])
    if len(months) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return execute(sql, *rest)
connection.execute_wrappers.append(kill)
execute_from_command_line(["manage.py", *sys.argv[1:]])
"""


def test_a_killed_import_loses_no_earlier_file_and_leaves_no_half_file(
    folder: Path, process_environment: dict[str, str]
) -> None:
    sunny = Portal.objects.create(slug="sunny", name="Sunny")
    arguments = ("import_solarlog", str(folder), "--portal", "sunny", "--label", "Roof")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_AT_THE_THIRD, *arguments, "--timezone", "Europe/Berlin"],
        cwd=ROOT,
        env=process_environment | {"DJANGO_SETTINGS_MODULE": "portal.settings"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    plant = Plant.objects.get(label="Roof")
    assert days_present(plant) == [True, True, False, False]
    assert plant_of(import_solarlog(folder, sunny)) == plant
    assert days_present(plant) == [True, True, True, True]


def test_the_enerest_command_refuses_a_size_that_is_none(tmp_path: Path, sunny: Portal) -> None:
    file = tmp_path / "answer.json"
    file.write_text("[]")
    for size in ("0", "-5", "many", "6.2"):
        with pytest.raises(CommandError, match=f"'{size}' is not a size in Wp"):
            run(
                "import_enerest", file, "--portal", "sunny", "--label", "R", "--timezone", "UTC",
                f"--size={size}",
            )  # fmt: skip
