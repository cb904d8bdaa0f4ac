"""Minute files: fields by configuration, slots, nights, counters, clocks that change."""

from pathlib import Path

import pytest

from apps.accounts.models import Portal
from tests.ingest.folders import (
    ONE_INVERTER,
    TWO_INVERTERS,
    day_values,
    device,
    import_solarlog,
    minute_file,
    plant_of,
    reasons,
    recorded,
    write,
)

NOON = "01.07.25 12:00:00"


def test_fields_of_two_inverters_reach_their_channels(sunny: Portal, tmp_path: Path) -> None:
    record = f"{NOON}|3000;1500;1600;9000;400;390|1500;1580;4500;380;41"
    done = import_solarlog(write(tmp_path, base_vars=TWO_INVERTERS, min250701=minute_file(record)), sunny)
    plant = plant_of(done)
    assert done["rejected"] == []
    expected = [
        (0, "ProdPac", 0, 3000),
        (0, "ProdEtotal", 0, 9000),
        (0, "ProdPdc", 0, 3100),
        (0, "ProdPdc", 1, 1500),
        (0, "ProdPdc", 2, 1600),
        (0, "ProdUdc", 1, 400),
        (0, "ProdUdc", 2, 390),
        (1, "ProdPac", 0, 1500),
        (1, "ProdPdc", 0, 1580),
        (1, "ProdPdc", 1, 1580),
        (1, "ProdEtotal", 0, 4500),
        (1, "ProdUdc", 0, 380),
        (1, "ProdUdc", 1, 380),
        (1, "Temp", 0, 41),
    ]
    for index, channel, part, value in expected:
        assert day_values(plant, "2025-07-01", channel, index, part) == {"12:00": value}, (channel, part)
    assert day_values(plant, "2025-07-01", "ProdUdc", 0) == {}, "two inputs have no common voltage"
    assert day_values(plant, "2025-07-01", "ProdPac", None) == {"12:00": 4500}
    assert day_values(plant, "2025-07-01", "ProdEtotal", None) == {"12:00": 13500}


def test_components_list_what_they_deliver(sunny: Portal, tmp_path: Path) -> None:
    plant = plant_of(import_solarlog(write(tmp_path, base_vars=TWO_INVERTERS), sunny))
    first, second = device(plant, 0), device(plant, 1)
    assert first.channels == ["ProdPac", "ProdEtotal", "ProdPdc"]
    assert second.channels == [
        "ProdPac",
        "ProdEtotal",
        "ProdPdc",
        "ProdUdc",
        "Temp",
    ]
    trackers = [
        (t.index, t.name, t.size, t.field_index, t.channels, [s.name for s in t.strings.all()])
        for t in first.trackers.all()
    ]
    delivered = ["ProdPdc", "ProdUdc"]
    assert trackers == [
        (1, "MPPT 1", 2050, 1, delivered, ["Orange"]),
        (2, "MPPT 2", 2050, 2, delivered, ["Grün"]),
    ]
    assert [(t.index, t.size) for t in second.trackers.all()] == [(1, 2100)]


def test_sensors_and_meters_by_their_function_and_option(sunny: Portal, tmp_path: Path) -> None:
    base_vars = """var AnzahlWR = 5
WRInfo[0]=new Array("Sensor","",0,1,"Box",0,null,null,0,null,19,1,0,1000,null)
WRInfo[1]=new Array("S0-IN","1",5000,1,"Feed",0,null,null,0,null,9,2,0,1000,0)
WRInfo[2]=new Array("S0-IN","2",5000,1,"Whole",0,null,null,0,null,9,2,0,1000,1)
WRInfo[3]=new Array("S0-IN","3",5000,1,"House",0,null,null,0,null,9,2,0,1000,2)
WRInfo[4]=new Array("Varta","4",4000,1,"Batterie",0,null,null,0,null,232,0,0,1000,null)
"""
    record = f"{NOON}|850;42;-3;2.5|1000;4000|990;3900|300;1500|77;1;2"
    done = import_solarlog(write(tmp_path, base_vars=base_vars, min250701=minute_file(record)), sunny)
    plant = plant_of(done)
    kinds = [(c.type, c.classes, c.channels) for c in (device(plant, index) for index in range(5))]
    assert kinds == [
        ("Sensor", ["sensors"], ["Irradiation", "TempModule", "TempAmbient", "WindVelocity"]),
        ("Meter", ["production", "meter"], ["ProdPac", "ProdEtotal"]),
        ("Meter", ["meter"], ["ProdPac", "ProdEtotal"]),
        ("Meter", ["consumption", "meter"], ["ConsPac", "ConsEtotal"]),
        ("Battery", ["battery"], []),
    ]
    assert day_values(plant, "2025-07-01", "TempAmbient", 0) == {"12:00": -3}
    assert day_values(plant, "2025-07-01", "WindVelocity", 0) == {"12:00": 2.5}
    assert day_values(plant, "2025-07-01", "ConsEtotal", 3) == {"12:00": 1500}
    assert day_values(plant, "2025-07-01", "ProdPac", None) == {"12:00": 1000}, "only option 0 is summed"
    reason = "blocks of a Battery are not documented and are skipped in this file"
    assert reasons(done) == [("min250701.js", 1, reason)]


def test_records_belong_to_the_slot_they_fall_into_and_the_later_one_wins(sunny: Portal, tmp_path: Path) -> None:
    minutes = minute_file(
        "01.07.25 12:09:00|900;950;3200;400",
        "01.07.25 12:06:00|600;650;3100;400",
        "01.07.25 12:01:00|500;550;3000;400",
    )
    done = import_solarlog(write(tmp_path, base_vars=ONE_INVERTER, min250701=minutes), sunny)
    assert day_values(plant_of(done), "2025-07-01", "ProdPac") == {"12:00": 500, "12:05": 900}
    assert done["records"] == 3


def test_a_files_record_order_does_not_matter(sunny: Portal, tmp_path: Path) -> None:
    minutes = minute_file("01.07.25 12:06:00|600;650;3100;400", "01.07.25 12:09:00|900;950;3200;400")
    done = import_solarlog(write(tmp_path, base_vars=ONE_INVERTER, min250701=minutes), sunny)
    assert day_values(plant_of(done), "2025-07-01", "ProdPac") == {"12:05": 900}


def test_a_record_of_another_date_is_kept_on_its_own_day(sunny: Portal, tmp_path: Path) -> None:
    minutes = minute_file("30.06.25 12:00:00|500;550;3000;400")
    done = import_solarlog(write(tmp_path, base_vars=ONE_INVERTER, min250701=minutes), sunny)
    assert day_values(plant_of(done), "2025-06-30", "ProdPac") == {"12:00": 500}
    assert done["rejected"] == []


# --- Nights ----------------------------------------------------------------------------------------

DAY = (
    "01.07.25 21:00:00|0;0;20000;0",
    "01.07.25 13:00:00|3000;3100;9000;400",
    "01.07.25 12:00:00|2000;2100;6000;400",
    "01.07.25 05:30:00|0;3;0;290",
)


def test_night_production_is_zero_and_gaps_are_null(sunny: Portal, tmp_path: Path) -> None:
    done = import_solarlog(write(tmp_path, base_vars=ONE_INVERTER, min250701=minute_file(*DAY)), sunny)
    plant = plant_of(done)
    times = ("00:00", "05:25", "05:30", "05:35", "12:30", "13:00", "20:55", "21:00", "21:05", "23:55")
    power = day_values(plant, "2025-07-01", "ProdPac")
    counter = day_values(plant, "2025-07-01", "ProdEtotal")
    assert recorded(power, *times) == [0, 0, 0, None, None, 3000, None, 0, 0, 0]
    assert recorded(counter, *times) == [0, 0, 0, None, None, 9000, None, 20000, 20000, 20000]
    tracker = day_values(plant, "2025-07-01", "ProdPdc", 0, 1)
    assert recorded(tracker, *times) == [0, 0, 3, None, None, 3100, None, 0, 0, 0]
    assert sorted(day_values(plant, "2025-07-01", "ProdUdc")) == ["05:30", "12:00", "13:00", "21:00"]


def test_a_device_that_fades_out_below_one_per_cent_sleeps_afterwards(sunny: Portal, tmp_path: Path) -> None:
    records = ("01.07.25 21:00:00|19;40;20000;161", *DAY[1:])
    done = import_solarlog(write(tmp_path, base_vars=ONE_INVERTER, min250701=minute_file(*records)), sunny)
    power = day_values(plant_of(done), "2025-07-01", "ProdPac")
    assert recorded(power, "21:00", "21:05", "23:55") == [19, 0, 0]


def test_a_day_that_breaks_off_at_full_power_stays_null(sunny: Portal, tmp_path: Path) -> None:
    records = minute_file("01.07.25 13:00:00|3000;3100;9000;400", "01.07.25 12:55:00|2900;3000;8750;400")
    done = import_solarlog(write(tmp_path, base_vars=ONE_INVERTER, min250701=records), sunny)
    assert sorted(day_values(plant_of(done), "2025-07-01", "ProdPac")) == ["12:55", "13:00"]


def test_the_morning_of_an_unfinished_day_stays_open(sunny: Portal, tmp_path: Path) -> None:
    folder = write(tmp_path, base_vars=ONE_INVERTER, min_day=minute_file("01.07.25 05:30:00|0;3;0;290"))
    power = day_values(plant_of(import_solarlog(folder, sunny)), "2025-07-01", "ProdPac")
    assert recorded(power, "00:00", "05:30", "05:35", "23:55") == [0, 0, None, None]


def test_the_evening_of_the_day_a_living_folder_was_copied_is_not_known(sunny: Portal, tmp_path: Path) -> None:
    folder = write(tmp_path, base_vars=ONE_INVERTER, min_day=minute_file(*DAY))
    power = day_values(plant_of(import_solarlog(folder, sunny)), "2025-07-01", "ProdPac")
    assert recorded(power, "21:00", "21:05") == [0, None]
    write(tmp_path, days_hist='da[dx++]="01.07.25|20000;3000"\n')
    power = day_values(plant_of(import_solarlog(folder, sunny)), "2025-07-01", "ProdPac")
    assert recorded(power, "21:00", "21:05") == [0, 0], "days_hist.js lists only days that are over"


def test_today_in_two_files_is_one_day(sunny: Portal, tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        base_vars=ONE_INVERTER,
        min250701=minute_file("01.07.25 12:00:00|2000;2100;6000;400"),
        min_day=minute_file("01.07.25 12:05:00|2500;2600;6200;400", "01.07.25 12:00:00|2001;2100;6000;400"),
    )
    done = import_solarlog(folder, sunny)
    assert day_values(plant_of(done), "2025-07-01", "ProdPac") == {"12:00": 2001, "12:05": 2500}
    assert import_solarlog(folder, sunny)["values_stored"] == 0


# --- Counters --------------------------------------------------------------------------------------


def test_counters_that_fall_or_jump_lose_those_values_and_keep_the_power(sunny: Portal, tmp_path: Path) -> None:
    minutes = minute_file(
        "01.07.25 12:25:00|100;110;3040;400",
        "01.07.25 12:20:00|100;110;3030;400",
        "01.07.25 12:15:00|100;110;12;400",
        "01.07.25 12:10:00|100;110;3020;400",
        "01.07.25 12:05:00|100;110;65535;400",
        "01.07.25 12:00:00|100;110;3010;400",
        "01.07.25 00:00:00|0;0;41445;0",
    )
    done = import_solarlog(write(tmp_path, base_vars=ONE_INVERTER, min250701=minutes), sunny)
    plant = plant_of(done)
    kept = {"12:00": 3010, "12:10": 3020, "12:20": 3030, "12:25": 3040}
    assert day_values(plant, "2025-07-01", "ProdEtotal") == kept
    assert len(day_values(plant, "2025-07-01", "ProdPac")) == 7
    above = "counter above what the device can have produced since midnight"
    falling = "counter does not fit: it must not fall within a day"
    assert [(e["line"], e["reason"], e["value"]) for e in done["rejected"]] == [
        (7, above, 41445),
        (5, falling, 65535),
        (3, falling, 12),
    ]


def test_a_counter_that_stays_zero_is_rejected_and_the_days_total_speaks(sunny: Portal, tmp_path: Path) -> None:
    minutes = minute_file(
        "01.07.25 12:10:00|2000;2100;0;400",
        "01.07.25 12:05:00|2000;2100;0;400",
        "01.07.25 05:30:00|0;0;0;290",
    )
    folder = write(tmp_path, base_vars=ONE_INVERTER, min250701=minutes, days_hist='da[dx++]="01.07.25|19000;2000"\n')
    done = import_solarlog(folder, sunny)
    assert day_values(plant_of(done), "2025-07-01", "ProdEtotal") == {}
    assert {entry["reason"] for entry in done["rejected"]} == {"counter stays 0 while there is power"}
    assert [entry["line"] for entry in done["rejected"]] == [3, 2, 1]


# --- Clocks that change ----------------------------------------------------------------------------


def test_times_that_spring_skips_are_rejected(sunny: Portal, tmp_path: Path) -> None:
    minutes = minute_file("30.03.25 03:00:00|1;1;3;1", "30.03.25 02:30:00|1;1;2;1", "30.03.25 01:55:00|1;1;1;1")
    done = import_solarlog(write(tmp_path, base_vars=ONE_INVERTER, min250330=minutes), sunny)
    reason = "2025-03-30 02:30 does not exist in Europe/Berlin"
    assert reasons(done) == [("min250330.js", 2, reason)]
    counter = day_values(plant_of(done), "2025-03-30", "ProdUdc")
    assert counter == {"01:55:00+01:00": 1, "03:00:00+02:00": 1}


def test_the_hour_that_autumn_repeats_is_told_apart_by_the_order_of_records(sunny: Portal, tmp_path: Path) -> None:
    minutes = minute_file(
        "26.10.25 03:00:00|6;1;6;1",
        "26.10.25 02:30:00|5;1;5;1",
        "26.10.25 02:00:00|4;1;4;1",
        "26.10.25 02:30:00|3;1;3;1",
        "26.10.25 02:00:00|2;1;2;1",
        "26.10.25 01:55:00|1;1;1;1",
    )
    done = import_solarlog(write(tmp_path, base_vars=ONE_INVERTER, min251026=minutes), sunny)
    counter = day_values(plant_of(done), "2025-10-26", "ProdEtotal")
    wanted = {
        "01:55:00+02:00": 1,
        "02:00:00+02:00": 2,
        "02:30:00+02:00": 3,
        "02:00:00+01:00": 4,
        "02:30:00+01:00": 5,
        "03:00:00+01:00": 6,
    }
    assert {time: counter[time] for time in wanted} == wanted


def test_a_repeated_hour_recorded_once_is_the_first_pass(sunny: Portal, tmp_path: Path) -> None:
    minutes = minute_file("26.10.25 02:30:00|3;1;3;1", "26.10.25 02:00:00|2;1;2;1")
    done = import_solarlog(write(tmp_path, base_vars=ONE_INVERTER, min251026=minutes), sunny)
    voltages = day_values(plant_of(done), "2025-10-26", "ProdUdc")
    assert sorted(voltages) == ["02:00:00+02:00", "02:30:00+02:00"]


@pytest.mark.parametrize(("fields", "inputs"), [("4", 1), ("6", 2), ("8", 3)])
def test_without_a_description_the_number_of_fields_decides(
    fields: str, inputs: int, sunny: Portal, tmp_path: Path
) -> None:
    block = ";".join(["100"] * int(fields))
    folder = write(tmp_path, min250701=minute_file(f"{NOON}|{block}"))
    plant = plant_of(import_solarlog(folder, sunny))
    assert device(plant).trackers.count() == inputs
    assert day_values(plant, "2025-07-01", "ProdPac") == {"12:00": 100}


def test_a_description_that_comes_later_names_the_guessed_device(sunny: Portal, tmp_path: Path) -> None:
    folder = write(tmp_path, min250701=minute_file(f"{NOON}|500;550;3000;400"))
    before = device(plant_of(import_solarlog(folder, sunny)))
    done = import_solarlog(write(folder, base_vars=ONE_INVERTER), sunny)
    after = device(plant_of(done))
    assert (after.name, after.serial, after.cross_epoch_id) == ("Roof", "2100000001", before.cross_epoch_id)
    assert done["values_stored"] == 0
