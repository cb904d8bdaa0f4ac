"""Totals the devices counted themselves, and their events."""

import datetime as dt
from pathlib import Path

import numpy as np

from apps.accounts.models import Portal
from apps.events.models import ComponentEvent
from apps.measurements import store
from apps.measurements.channels import BY_NAME
from apps.plants.models import Plant
from tests.ingest.folders import (
    ONE_INVERTER,
    TWO_INVERTERS,
    device,
    import_solarlog,
    minute_file,
    plant_of,
    reasons,
    write,
)

ENERGY = [BY_NAME["ProdEtotal"]]


def energy_of_month(plant: Plant, month: dt.date) -> dict[int, float]:
    """Day of the month -> Wh of the plant."""
    found = store.read_month(plant, [store.Source(plant.datasource_id)], ENERGY, month)
    return {n + 1: v for values in found for n, v in enumerate(values.values.tolist()) if not np.isnan(v)}


def energy_of_year(plant: Plant, year: int) -> dict[int, float]:
    """Month -> Wh of the plant."""
    found = store.read_year(plant, [store.Source(plant.datasource_id)], ENERGY, year)
    return {n + 1: v for values in found for n, v in enumerate(values.values.tolist()) if not np.isnan(v)}


def test_daily_totals_speak_where_minutes_are_missing(sunny: Portal, tmp_path: Path) -> None:
    block = "3000;1500;1600;9000;400;390|1500;1580;4500;380;41"
    folder = write(
        tmp_path,
        base_vars=TWO_INVERTERS,
        min250702=minute_file(f"02.07.25 12:00:00|{block}"),
        days='da[dx++]="03.07.25|300;100|200;90"\n',
        days_hist='da[dx++]="02.07.25|22000;3000|11000;1500"\nda[dx++]="01.07.25|20000;3000|10000;1500"\n',
    )
    done = import_solarlog(folder, sunny)
    plant = plant_of(done)
    assert energy_of_month(plant, dt.date(2025, 7, 1)) == {1: 30000, 2: 13500, 3: 500}
    assert done["rejected"] == []
    assert import_solarlog(folder, sunny)["values_stored"] == 0


def test_totals_of_all_devices_stand_at_plant_level(sunny: Portal, tmp_path: Path) -> None:
    folder = write(tmp_path, base_vars=ONE_INVERTER, daysall='dal[dxl++]="01.07.25|31000"\n')
    plant = plant_of(import_solarlog(folder, sunny))
    assert energy_of_month(plant, dt.date(2025, 7, 1)) == {1: 31000}
    assert import_solarlog(folder, sunny)["values_stored"] == 0


def test_monthly_totals_speak_where_days_are_missing_whatever_day_they_name(sunny: Portal, tmp_path: Path) -> None:
    months = 'mo[mx++]="11.08.25|232337|120512"\nmo[mx++]="31.07.25|52153|27373"\nmo[mx++]="01.06.25|7|3"\n'
    plant = plant_of(import_solarlog(write(tmp_path, base_vars=TWO_INVERTERS, months=months), sunny))
    assert energy_of_year(plant, 2025) == {6: 10, 7: 79526, 8: 352849}


def test_a_new_loggers_first_month_does_not_overrule_the_archive(sunny: Portal, tmp_path: Path) -> None:
    archive = write(tmp_path / "archive", base_vars=ONE_INVERTER, months='mo[mx++]="01.07.25|600000"\n')
    logger = write(
        tmp_path / "logger",
        base_vars=ONE_INVERTER,
        days_hist='da[dx++]="31.07.25|20000;3000"\nda[dx++]="30.07.25|10000;3000"\n',
        months='mo[mx++]="31.07.25|30000"\n',
    )
    for label, folders in {"A": (archive, logger), "B": (logger, archive)}.items():
        plant = [plant_of(import_solarlog(folder, sunny, label=label)) for folder in folders][-1]
        assert energy_of_year(plant, 2025) == {7: 600000}, label


def test_a_year_without_months_or_days_is_reported(sunny: Portal, tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        base_vars=ONE_INVERTER,
        months='mo[mx++]="31.07.25|30000"\n',
        years='ye[yx++]="31.07.25|30000"\nye[yx++]="31.12.19|4516307"\n',
    )
    assert import_solarlog(folder, sunny)["rejected"] == [
        {
            "file": "years.js",
            "line": 2,
            "reason": "year total not kept: neither months nor days of this year are known",
            "field": "2019",
            "value": {"0": 4516307.0},
        }
    ]


def test_bad_totals_are_reported_column_by_column(sunny: Portal, tmp_path: Path) -> None:
    days_hist = (
        'da[dx++]="03.07.25|abc;1|10000;1"\n'
        'da[dx++]="02.07.25|1;1|2;1|3;1"\n'
        'da[dx++]="31.06.25|1;1|2;1"\n'
        'da[dx++]="01.07.25"\n'
    )
    done = import_solarlog(write(tmp_path, base_vars=TWO_INVERTERS, days_hist=days_hist), sunny)
    assert energy_of_month(plant_of(done), dt.date(2025, 7, 1)) == {2: 3, 3: 10000}
    assert reasons(done) == [
        ("days_hist.js", 1, "not a number of Wh"),
        ("days_hist.js", 3, "impossible date"),
        ("days_hist.js", 4, "no values"),
        ("days_hist.js", 2, "device is not in the configuration"),
    ]


# --- Events ------------------------------------------------------------------------------------------

EVENTS = """e[ev++]="01.07.25 06:00:00;01.07.25 06:10:00;0;3;0"
e[ev++]="01.07.25 06:10:00;01.07.25 06:20:00;0;2;0"
e[ev++]="01.07.25 06:20:00;01.07.25 06:30:00;0;1;1"
e[ev++]="01.07.25 06:30:00;01.07.25 06:40:00;1;2;0"
e[ev++]="01.07.25 06:40:00;01.07.25 06:50:00;1;255;0"
e[ev++]="01.07.25 06:50:00;;1;3;1"
"""


def stored_events(plant: Plant) -> list[tuple[object, ...]]:
    rows = ComponentEvent.objects.filter(plant=plant).order_by("started_at")
    names = {device(plant, index).cross_epoch_id: index for index in (0, 1)}
    return [(names[e.device_id], e.status_code, e.status_text, e.error_code, e.error_text, e.severity) for e in rows]


def test_events_carry_their_texts_and_severity(sunny: Portal, tmp_path: Path) -> None:
    done = import_solarlog(write(tmp_path, base_vars=TWO_INVERTERS, events=EVENTS), sunny)
    assert (done["events_stored"], done["rejected"]) == (6, [])
    assert stored_events(plant_of(done)) == [
        (0, 3, "Mpp", 0, "", "info"),
        (0, 2, "Fehler", 0, "", "error"),
        (0, 1, "Stop", 1, "NUW-UAC", "error"),
        (1, 2, "Stoer.", 0, "", "error"),
        (1, 255, "Offline", 0, "", "warning"),
        (1, 3, "Mpp", 1, "Relais (1)", "error"),
    ]
    first = ComponentEvent.objects.earliest("started_at")
    assert first.started_at == dt.datetime(2025, 7, 1, 4, 0, tzinfo=dt.UTC)
    assert first.ended_at == dt.datetime(2025, 7, 1, 4, 10, tzinfo=dt.UTC)


def test_events_are_stored_once_and_a_running_one_gets_its_end(sunny: Portal, tmp_path: Path) -> None:
    running = 'e[ev++]="01.07.25 06:50:00;;1;3;0"\n'
    ended = 'e[ev++]="01.07.25 06:50:00;01.07.25 20:00:00;1;3;0"\n'
    folder = write(tmp_path, base_vars=TWO_INVERTERS, events_day=running)
    assert import_solarlog(folder, sunny)["events_stored"] == 1
    assert import_solarlog(folder, sunny)["events_stored"] == 0
    assert ComponentEvent.objects.get().ended_at is None
    assert import_solarlog(write(folder, events=ended), sunny)["events_stored"] == 1
    assert ComponentEvent.objects.get().ended_at == dt.datetime(2025, 7, 1, 18, tzinfo=dt.UTC)
    assert import_solarlog(folder, sunny)["events_stored"] == 0, "an older file does not reopen it"


def test_bad_events_are_reported(sunny: Portal, tmp_path: Path) -> None:
    events = (
        'e[ev++]="01.07.25 06:00:00;01.07.25 06:10:00;0;3;0"\n'
        'e[ev++]="31.02.25 06:00:00;01.07.25 06:10:00;0;3;0"\n'
        'e[ev++]="01.07.25 06:00:00;01.07.25 05:10:00;0;1;0"\n'
        'e[ev++]="01.07.25 06:00:00;01.07.25 06:10:00;7;3;0"\n'
        'e[ev++]="01.07.25 06:00:00;01.07.25 06:10:00;0;x;0"\n'
        'e[ev++]="01.07.25 06:00:00;0;3;0"\n'
    )
    done = import_solarlog(write(tmp_path, base_vars=TWO_INVERTERS, events=events), sunny)
    assert done["events_stored"] == 1
    assert sorted(reasons(done)) == [
        ("events.js", 2, "impossible date"),
        ("events.js", 3, "the event ends before it begins"),
        ("events.js", 4, "device 7 is not in the configuration"),
        ("events.js", 5, "device, status or error is not a number"),
        ("events.js", 6, "4 fields, an event has 5"),
    ]


def test_events_of_the_repeated_hour_follow_the_order_of_the_file(sunny: Portal, tmp_path: Path) -> None:
    events = (
        'e[ev++]="26.10.25 02:10:00;26.10.25 02:50:00;0;3;0"\n'
        'e[ev++]="26.10.25 02:50:00;26.10.25 02:20:00;0;1;0"\n'
        'e[ev++]="26.10.25 02:20:00;26.10.25 04:00:00;0;3;0"\n'
    )
    done = import_solarlog(write(tmp_path, base_vars=TWO_INVERTERS, events=events), sunny)
    times = ComponentEvent.objects.order_by("started_at").values_list("started_at", "ended_at")
    assert [f"{start:%H:%M}-{end:%H:%M}" for start, end in times if end] == [
        "00:10-00:50",
        "00:50-01:20",
        "01:20-03:00",
    ]
    assert done["rejected"] == []
