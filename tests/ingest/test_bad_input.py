"""Bad input of every kind: each good record is kept, each bad one is named by file and line."""

import codecs
import random
from pathlib import Path

import pytest

from apps.accounts.models import Portal
from apps.plants.models import Plant
from tests.ingest.folders import (
    ONE_INVERTER,
    TWO_INVERTERS,
    day_values,
    device,
    import_solarlog,
    minute_file,
    plant_of,
    reasons,
    write,
)

GOOD = "01.07.25 12:00:00|500;550;3000;400"
LATER = "01.07.25 12:05:00|510;560;3042;400"
BOTH = {"12:00": 500.0, "12:05": 510.0}


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_every_line_end_is_read(end: str, sunny: Portal, tmp_path: Path) -> None:
    minutes = f'm[mi++]="{LATER}"{end}{end}m[mi++]="{GOOD}"'.encode()
    base_vars = ONE_INVERTER.replace("\n", end).encode()
    done = import_solarlog(write(tmp_path, base_vars=base_vars, min250701=minutes), sunny)
    assert day_values(plant_of(done), "2025-07-01", "ProdPac") == BOTH
    assert done["rejected"] == []


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-8-sig", "utf-16"])
def test_every_encoding_gives_the_same_names(encoding: str, sunny: Portal, tmp_path: Path) -> None:
    folder = write(tmp_path, base_vars=TWO_INVERTERS.encode(encoding))
    done = import_solarlog(folder, sunny)
    assert device(plant_of(done)).strings.get(index=2).name == "Grün"
    assert plant_of(done).size == 6200
    assert done["rejected"] == []


def test_one_file_may_mix_encodings(sunny: Portal, tmp_path: Path) -> None:
    lines = TWO_INVERTERS.splitlines()
    mixed = b"\n".join(line.encode("cp1252" if number % 2 else "utf-8") for number, line in enumerate(lines))
    done = import_solarlog(write(tmp_path, base_vars=mixed), sunny)
    assert device(plant_of(done)).strings.get(index=2).name == "Grün"
    assert plant_of(done).currency == "EUR"


def test_bytes_of_no_encoding_are_reported_and_the_rest_is_read(sunny: Portal, tmp_path: Path) -> None:
    minutes = b'm[mi++]="' + LATER.encode() + b'" \x81\x8d\nm[mi++]="' + GOOD.encode() + b'"\n'
    done = import_solarlog(write(tmp_path, base_vars=ONE_INVERTER, min250701=minutes), sunny)
    assert day_values(plant_of(done), "2025-07-01", "ProdPac") == BOTH
    assert reasons(done) == [("min250701.js", 1, "bytes that are neither UTF-8 nor Windows-1252")]


def test_empty_files_are_nothing_to_complain_about(sunny: Portal, tmp_path: Path) -> None:
    files = dict.fromkeys(("min250702", "min_day", "days", "days_hist", "months", "years", "events"), b"")
    folder = write(tmp_path, base_vars=ONE_INVERTER, min250701=minute_file(GOOD), **files)
    done = import_solarlog(folder, sunny)
    assert (done["records"], done["rejected"]) == (1, [])


def test_a_cut_file_keeps_its_whole_records(sunny: Portal, tmp_path: Path) -> None:
    minutes = minute_file(LATER, GOOD) + 'm[mi++]="01.07.25 11:55:00|480;5'
    done = import_solarlog(write(tmp_path, base_vars=ONE_INVERTER, min250701=minutes), sunny)
    assert day_values(plant_of(done), "2025-07-01", "ProdPac") == BOTH
    assert done["rejected"] == [
        {
            "file": "min250701.js",
            "line": 3,
            "reason": "cut record",
            "value": 'm[mi++]="01.07.25 11:55:00|480;5',
        }
    ]


def test_a_file_without_its_start_keeps_its_whole_records(sunny: Portal, tmp_path: Path) -> None:
    minutes = '80;540;2958;401"\n' + minute_file(LATER, GOOD)
    done = import_solarlog(write(tmp_path, base_vars=ONE_INVERTER, min250701=minutes), sunny)
    assert day_values(plant_of(done), "2025-07-01", "ProdPac") == BOTH
    assert reasons(done) == [("min250701.js", 1, "not a record")]


def test_foreign_text_around_records_is_reported_and_never_executed(sunny: Portal, tmp_path: Path) -> None:
    trap = tmp_path / "executed"
    hostile = f"__import__('pathlib').Path({str(trap)!r}).touch()"
    minutes = (
        f'<html><body>404 Not Found</body></html>\n<p>m[mi++]="{LATER}"</p> m[mi++]="{GOOD}"; {hostile}\n{hostile}\n'
    )
    base_vars = ONE_INVERTER + f"{hostile}\nvar HPTitel={hostile}\nvar Firmware=`{hostile}`\n"
    done = import_solarlog(write(tmp_path / "logger", base_vars=base_vars, min250701=minutes), sunny)
    assert day_values(plant_of(done), "2025-07-01", "ProdPac") == BOTH
    assert reasons(done) == [
        ("base_vars.js", 5, "not a statement"),
        ("min250701.js", 1, "not a record"),
        ("min250701.js", 3, "not a record"),
    ]
    assert not trap.exists()


@pytest.mark.parametrize(
    ("time", "reason"),
    [
        ("31.02.25 12:00:00", "impossible date"),
        ("00.07.25 12:00:00", "impossible date"),
        ("01.13.25 12:00:00", "impossible date"),
        ("01.07.25 25:00:00", "impossible time"),
        ("01.07.25", "not a time"),
        ("yesterday 12:00", "not a date"),
        ("01.01.99 00:00:00", "impossible date: it lies in the future"),
        ("01.01.00 00:00:00", "impossible date: the logger's clock was not set"),
    ],
)
def test_impossible_times_are_rejected(time: str, reason: str, sunny: Portal, tmp_path: Path) -> None:
    minutes = minute_file(LATER, f"{time}|1;1;1;1", GOOD)
    done = import_solarlog(write(tmp_path, base_vars=ONE_INVERTER, min250701=minutes), sunny)
    assert day_values(plant_of(done), "2025-07-01", "ProdPac") == BOTH
    assert reasons(done) == [("min250701.js", 2, reason)]
    assert device(plant_of(done)).epoch.active_from.isoformat() == "2025-07-01"


def test_an_impossible_date_in_a_file_name_costs_no_record(sunny: Portal, tmp_path: Path) -> None:
    done = import_solarlog(write(tmp_path, base_vars=ONE_INVERTER, min251345=minute_file(GOOD)), sunny)
    assert day_values(plant_of(done), "2025-07-01", "ProdPac") == {"12:00": 500}
    assert reasons(done) == [("min251345.js", 0, "impossible date in the file name; its records are read")]


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ("480;540;2958", "3 fields, the configuration says 4"),
        ("480;540;2958;401;33", "5 fields, the configuration says 4"),
        ("", "1 fields, the configuration says 4"),
        ("480;abc;2958;401", "a field is not a number"),
        ("480;;2958;401", "a field is not a number"),
        ("480\x1e;540;2958;401", "a field is not a number"),
        ("nan;1e5;2958;401", "a field is not a number"),
        ("480;540;9999999999;401", "a field is not a number"),
        ("-480;540;2958;401", "negative ProdPac"),
    ],
)
def test_a_block_that_does_not_fit_is_rejected(block: str, reason: str, sunny: Portal, tmp_path: Path) -> None:
    minutes = minute_file(LATER, GOOD, f"01.07.25 11:55:00|{block}")
    done = import_solarlog(write(tmp_path, base_vars=ONE_INVERTER, min250701=minutes), sunny)
    assert day_values(plant_of(done), "2025-07-01", "ProdPac") == BOTH
    assert [(e["line"], e["field"], e["reason"]) for e in done["rejected"]] == [(3, "device 0", reason)]


def test_the_other_devices_of_a_bad_line_keep_their_blocks(sunny: Portal, tmp_path: Path) -> None:
    minutes = minute_file(
        "01.07.25 12:10:00|3000;1500;1600;9000;400;390",
        "01.07.25 12:05:00|3000;1500;1600;8900;400;390|1500;1580;4500;380;41|1;2;3",
        "01.07.25 12:00:00|3000;1500;1600;8800|1500;1580;4400;380;41",
    )
    done = import_solarlog(write(tmp_path, base_vars=TWO_INVERTERS, min250701=minutes), sunny)
    plant = plant_of(done)
    assert sorted(day_values(plant, "2025-07-01", "ProdPac", 0)) == ["12:05", "12:10"]
    assert sorted(day_values(plant, "2025-07-01", "ProdPac", 1)) == ["12:00", "12:05"]
    assert [(e["line"], e["field"], e["reason"]) for e in done["rejected"]] == [
        (3, "device 0", "4 fields, the configuration says 6"),
        (2, "device 2", "device is not in the configuration"),
        (1, "device 1", "the record has no block for this device"),
    ]


def test_a_cut_description_is_reported_and_the_missing_device_is_guessed(sunny: Portal, tmp_path: Path) -> None:
    cut = TWO_INVERTERS[: TWO_INVERTERS.index('"WR21TL06"') + 4]
    minutes = minute_file("01.07.25 12:00:00|3000;1500;1600;9000;400;390|1500;1580;4500;380")
    done = import_solarlog(write(tmp_path, base_vars=cut, min250701=minutes), sunny)
    plant = plant_of(done)
    assert [device(plant, 0).name, device(plant, 1).name] == ["SB 4200 TL", "Inverter 2"]
    assert day_values(plant, "2025-07-01", "ProdPac", None) == {"12:00": 4500}
    assert ("base_vars.js", 0, "no description of device 1") in reasons(done)


def test_a_cut_description_does_not_change_a_plant_that_is_known(sunny: Portal, tmp_path: Path) -> None:
    record = "01.07.25 12:00:00|3000;1500;1600;9000;400;390|1500;1580;4500;380;41"
    folder = write(tmp_path, base_vars=TWO_INVERTERS, min250701=minute_file(record))
    import_solarlog(folder, sunny)
    write(folder, base_vars=TWO_INVERTERS[:400], min250702=minute_file(record.replace("01.07", "02.07")))
    plant = plant_of(import_solarlog(folder, sunny))
    assert plant.epochs.count() == 1
    assert day_values(plant, "2025-07-02", "ProdPac", 1) == {"12:00": 1500}


def test_unknown_files_are_listed_and_left_alone(sunny: Portal, tmp_path: Path) -> None:
    folder = write(tmp_path, base_vars=ONE_INVERTER, min_cur="var Pac=583\n", pm=b"", visual="alert(1)")
    (folder / "sub.js").mkdir()
    assert import_solarlog(folder, sunny)["files_ignored"] == ["min_cur.js", "pm.js", "visual.js"]


def test_names_with_control_characters_are_cleaned(sunny: Portal, tmp_path: Path) -> None:
    base_vars = ONE_INVERTER.replace('"Roof"', '"Ro\x00of\x07 "').encode()
    done = import_solarlog(write(tmp_path, base_vars=base_vars), sunny)
    assert device(plant_of(done)).name == "Roof"


def test_a_byte_order_mark_is_no_part_of_the_first_record(sunny: Portal, tmp_path: Path) -> None:
    minutes = codecs.BOM_UTF8 + minute_file(GOOD).encode()
    done = import_solarlog(write(tmp_path, base_vars=ONE_INVERTER, min250701=minutes), sunny)
    assert (done["records"], done["rejected"]) == (1, [])


def test_a_folder_of_garbage_makes_no_values(sunny: Portal, tmp_path: Path) -> None:
    noise = bytes(range(256)) * 20
    names = ("base_vars", "min250701", "min_day", "days", "days_hist", "daysall", "months", "years", "events")
    done = import_solarlog(write(tmp_path, **dict.fromkeys(names, noise)), sunny)
    assert (done["records"], done["values_stored"], done["components"]) == (0, 0, [])
    assert Plant.objects.get(id=done["plant_id"]).epochs.count() == 0


def damaged(data: bytes, chance: random.Random) -> bytes:
    """The bytes with some changed, inserted, lost or cut off."""
    found = bytearray(data)
    for _ in range(chance.randint(1, 20)):
        place = chance.randrange(len(found) + 1)
        kind = chance.choice(("change", "insert", "lose", "lose", "cut"))
        found[place : place + (kind == "change")] = bytes(chance.choices(b'0123456789|;."()= \x1e\xff', k=3))
        if kind == "lose":
            del found[place : place + 40]
        if kind == "cut" and chance.random() < 0.3:
            del found[place:]
    return bytes(found)


@pytest.mark.parametrize("seed", range(12))
def test_no_damage_stops_an_import_or_makes_a_second_one_differ(seed: int, sunny: Portal, tmp_path: Path) -> None:
    chance = random.Random(seed)
    block = "3000;1500;1600;9000;400;390|1500;1580;4500;380;41"
    whole = {
        "base_vars": TWO_INVERTERS,
        "min250701": minute_file(*(f"01.07.25 {hour}:00:00|{block}" for hour in range(20, 5, -1))),
        "days_hist": "".join(f'da[dx++]="{day:02}.07.25|{day}000;3000|{day}00;1500"\n' for day in range(9, 0, -1)),
        "months": 'mo[mx++]="31.07.25|30000|15000"\n' * 3,
        "events": 'e[ev++]="01.07.25 06:00:00;01.07.25 06:10:00;0;3;0"\n' * 3,
    }
    folder = write(tmp_path, **{name: damaged(text.encode(), chance) for name, text in whole.items()})
    import_solarlog(folder, sunny)
    again = import_solarlog(folder, sunny)
    assert (again["created"], again["values_stored"], again["events_stored"]) == (False, 0, 0)
