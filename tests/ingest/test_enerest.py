"""Saved answers of the original API: values at plant level, absolute times, bad objects and values named."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management.base import CommandError

from apps.accounts.models import Portal
from apps.plants.models import Component, Plant
from tests.ingest.folders import ONE_INVERTER, day_values, import_solarlog, minute_file, plant_of, run, write

SOURCE = "3ac9e85e-5974-11ef-adf8-6f20e3f3b709"
NOON = "2024-10-01T12:00:00+02:00"


def entry(points: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A day-channel object as the original answers it."""
    return {
        "id": "6722bbf06155b6c5b457cf91",
        "deviceId": SOURCE,
        "deviceType": "Datasource",
        "name": "ProdPac",
        "dataPoints": points,
        "date": "2024-10-01",
        "unit": "W",
    } | changes


def import_enerest(files: list[Path] | Path, portal: Portal, *more: str, label: str = "Campus") -> dict[str, Any]:
    paths = files if isinstance(files, list) else [files]
    target = ["--portal", portal.slug, "--label", label, "--timezone", "Europe/Oslo", "--size", "21600"]
    return run("import_enerest", *paths, *target, *more)


def saved(tmp_path: Path, *entries: Any, name: str = "answer.json") -> Path:
    path = tmp_path / name
    path.write_text(json.dumps(entries, indent=1), encoding="utf-8")
    return path


def test_a_new_plant_answers_with_the_device_id_of_the_file(sunny: Portal, tmp_path: Path) -> None:
    done = import_enerest(saved(tmp_path, entry({NOON: 5000, "2024-10-01T12:05:00+02:00": None})), sunny)
    plant = plant_of(done)
    assert (plant.datasource_id, plant.size, plant.label) == (UUID(SOURCE), 21600, "Campus")
    assert day_values(plant, "2024-10-01", "ProdPac", None) == {"12:00": 5000}
    assert (done["records"], done["values_stored"], done["rejected"]) == (1, 1, [])
    assert (done["first_time"], done["last_time"]) == (NOON, NOON)
    assert plant.last_transfer_type == "IMPORT"


def test_importing_twice_stores_nothing_new(sunny: Portal, tmp_path: Path) -> None:
    file = saved(tmp_path, entry({NOON: 5000}))
    first, again = import_enerest(file, sunny), import_enerest(file, sunny)
    assert (again["plant_id"], again["created"], again["values_stored"]) == (first["plant_id"], False, 0)


def test_two_labels_are_two_plants_however_often_they_are_imported(sunny: Portal, tmp_path: Path) -> None:
    file = saved(tmp_path, entry({NOON: 5000}))
    done = [import_enerest(file, sunny, label=label) for label in ("A", "B", "A", "B")]
    assert [entry["created"] for entry in done] == [True, True, False, False]
    assert [entry["values_stored"] for entry in done] == [1, 1, 0, 0]


def test_null_keys_of_the_skipped_hour_are_passed_over(sunny: Portal, tmp_path: Path) -> None:
    points = {
        "2024-03-31T01:55:00+01:00": 1,
        "2024-03-31T02:00:00+01:00": None,
        "2024-03-31T03:00:00+02:00": 3,
    }
    done = import_enerest(saved(tmp_path, entry(points, date="2024-03-31")), sunny)
    values = day_values(plant_of(done), "2024-03-31", "ProdPac", None)
    assert values == {"01:55:00+01:00": 1, "03:00:00+02:00": 3}
    assert done["rejected"] == []


def test_a_key_written_twice_keeps_its_value(sunny: Portal, tmp_path: Path) -> None:
    path = saved(tmp_path, entry({NOON: 5000}))
    path.write_text(path.read_text().replace(f'"{NOON}": 5000', f'"{NOON}": 5000, "{NOON}": null'))
    done = import_enerest(path, sunny)
    assert day_values(plant_of(done), "2024-10-01", "ProdPac", None) == {"12:00": 5000}


def test_objects_that_cannot_be_kept_are_named(sunny: Portal, tmp_path: Path) -> None:
    strange = "00000000-0000-4000-8000-000000000001"
    done = import_enerest(
        saved(
            tmp_path,
            entry({NOON: 5000}),
            entry({NOON: 1}, name="ProdMagic"),
            entry({NOON: 1}, name="ProdPacNorm", unit="W/Wp"),
            entry({NOON: 1}, name="ProdUac", unit="V"),
            entry({NOON: 1}, unit="kW"),
            entry({NOON: 1}, deviceType="Component", deviceId=strange),
            entry({NOON: 1}, deviceType="Satellite"),
            entry({NOON: 1}, deviceId=strange),
            entry({NOON: 1}, deviceId="17"),
            entry({NOON: 1}) | {"dataPoints": [1, 2]},
            "not an object",
        ),
        sunny,
    )
    assert day_values(plant_of(done), "2024-10-01", "ProdPac", None) == {"12:00": 5000}
    assert [rejected["reason"] for rejected in done["rejected"]] == [
        "not a day-channel object",
        "unknown channel 'ProdMagic'",
        "ProdPacNorm is computed, not stored",
        "ProdUac does not exist at plant level",
        "unit 'kW', ProdPac is in W",
        "component without a configuration: the plant has no such device",
        "unknown deviceType 'Satellite'",
        f"another data source than {SOURCE}: each plant has one",
        "deviceId is not a UUID",
        "no dataPoints",
    ]


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("2024-10-01T12:05:00+02:00", "7", "not a number"),
        ("2024-10-01T12:05:00+02:00", True, "not a number"),
        ("2024-10-01T12:05:00+02:00", [7], "not a number"),
        ("2024-10-01T12:05:00+02:00", float("nan"), "number out of range"),
        ("2024-10-01T12:05:00+02:00", 1e12, "number out of range"),
        ("2024-10-01T12:05:00+02:00", 10**400, "number out of range"),
        ("2024-10-01T12:05:00", 7, "time without an offset"),
        ("2024-10-32T12:05:00+02:00", 7, "not an ISO time"),
        ("noon", 7, "not an ISO time"),
        ("2999-10-01T12:05:00+02:00", 7, "impossible time: before there were loggers, or in the future"),
        ("0001-01-01T00:00:00+02:00", 7, "impossible time: before there were loggers, or in the future"),
    ],
)
def test_values_that_cannot_be_kept_are_named_with_their_line(
    key: str, value: object, reason: str, sunny: Portal, tmp_path: Path
) -> None:
    done = import_enerest(saved(tmp_path, entry({NOON: 5000, key: value})), sunny)
    assert day_values(plant_of(done), "2024-10-01", "ProdPac", None) == {"12:00": 5000}
    assert [(r["line"], r["field"], r["reason"]) for r in done["rejected"]] == [(9, f"ProdPac {key}", reason)]


def test_broken_json_is_named_by_its_position_and_whole_objects_are_kept(sunny: Portal, tmp_path: Path) -> None:
    later = "2024-10-02T12:00:00+02:00"
    path = saved(tmp_path, entry({NOON: 5000}), entry({"x": 1}), entry({later: 6000}, date="2024-10-02"))
    path.write_text(path.read_text().replace('"x": 1', '"x": ]'))
    place = path.read_text().index("]")
    done = import_enerest(path, sunny)
    plant = plant_of(done)
    assert day_values(plant, "2024-10-01", "ProdPac", None) == {"12:00": 5000}
    assert day_values(plant, "2024-10-02", "ProdPac", None) == {"12:00": 6000}
    reason = f"broken JSON at character {place}: Expecting value"
    assert [(r["line"], r["reason"]) for r in done["rejected"]] == [(19, reason)]


def test_a_cut_answer_keeps_the_objects_before_the_cut(sunny: Portal, tmp_path: Path) -> None:
    path = saved(tmp_path, entry({NOON: 5000}), entry({"2024-10-02T12:00:00+02:00": 6000}))
    path.write_text(path.read_text()[:-60])
    done = import_enerest(path, sunny)
    assert (done["records"], done["values_stored"], len(done["rejected"])) == (1, 1, 1)


@pytest.mark.parametrize("text", ["", "  \n", "null", "<html></html>", "[" * 5000, "[" + "1" * 5000 + "]", '{"a": 1}'])
def test_a_file_without_objects_stores_nothing_and_says_so(text: str, sunny: Portal, tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_text(text)
    done = import_enerest(path, sunny)
    assert (done["records"], done["values_stored"]) == (0, 0)
    assert done["rejected"]


def test_an_answer_without_data_is_a_good_answer(sunny: Portal, tmp_path: Path) -> None:
    done = import_enerest(saved(tmp_path), sunny)
    assert (done["records"], done["rejected"]) == (0, [])


def test_values_of_a_known_component_are_kept(sunny: Portal, tmp_path: Path) -> None:
    folder = write(
        tmp_path / "logger",
        base_vars=ONE_INVERTER,
        min240930=minute_file("30.09.24 12:00:00|500;550;3000;400"),
    )
    plant = plant_of(import_solarlog(folder, sunny, label="Campus", zone="Europe/Oslo"))
    inverter = Component.objects.get(epoch__plant=plant)
    component = entry({NOON: 700}, deviceType="Component", deviceId=str(inverter.cross_epoch_id))
    done = import_enerest(saved(tmp_path, component), sunny)
    assert done["plant_id"] == str(plant.id)
    assert day_values(plant, "2024-10-01", "ProdPac") == {"12:00": 700}


def test_the_data_source_of_another_portals_plant_is_refused(sunny: Portal, other: Portal, tmp_path: Path) -> None:
    file = saved(tmp_path, entry({NOON: 5000}))
    import_enerest(file, other)
    with pytest.raises(CommandError, match="belongs to a plant of another portal"):
        import_enerest(file, sunny)
    assert not Plant.objects.filter(portal=sunny, label="Campus").exists()


def test_a_plant_of_another_portal_and_a_missing_file_are_refused(
    sunny: Portal, plant_o: Plant, tmp_path: Path
) -> None:
    file = saved(tmp_path, entry({NOON: 5000}))
    with pytest.raises(CommandError, match="Portal 'sunny' has no plant"):
        import_enerest(file, sunny, "--plant", str(plant_o.id))
    with pytest.raises(CommandError, match="cannot be read"):
        import_enerest(tmp_path / "missing.json", sunny)


def test_an_equal_label_with_another_data_source_is_another_plant(sunny: Portal, tmp_path: Path) -> None:
    first = import_enerest(saved(tmp_path, entry({NOON: 1})), sunny)
    neighbour = entry({NOON: 2}, deviceId="00000000-0000-4000-8000-000000000001")
    second = import_enerest(saved(tmp_path, neighbour, name="other.json"), sunny)
    assert first["plant_id"] != second["plant_id"]


def test_an_empty_plant_of_that_label_becomes_the_files_plant(sunny: Portal, tmp_path: Path) -> None:
    prepared = Plant.objects.create(portal=sunny, label="Campus", timezone="Europe/Oslo")
    file = saved(tmp_path, entry({NOON: 1}))
    first, again = import_enerest(file, sunny), import_enerest(file, sunny)
    assert first["plant_id"] == again["plant_id"] == str(prepared.id)
    prepared.refresh_from_db()
    assert (prepared.datasource_id, prepared.size) == (UUID(SOURCE), 21600)
