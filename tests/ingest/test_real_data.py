"""The real folders and answers, where they are at hand: figures that must agree with the devices' own."""

import datetime as dt
import json
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from apps.accounts.models import Portal
from apps.events.models import ComponentEvent
from apps.measurements import grid, performance, store
from apps.measurements.channels import BY_NAME
from apps.plants.models import MppTracker, Plant
from tests.ingest.folders import device, everything, import_solarlog, plant_of
from tests.ingest.test_enerest import import_enerest


@pytest.fixture
def archive(shared_data: Path) -> Path:
    return shared_data / "solarlog-allwang-dev" / "archive-2025"


@pytest.fixture
def logger(shared_data: Path) -> Path:
    return shared_data / "solarlog-allwang-dev" / "device-2026-08"


@pytest.fixture
def answers(shared_data: Path) -> list[Path]:
    return sorted((shared_data / "enerest-usn-dev").glob("*.json"))


def yearly(plant: Plant, source: store.Source, year: int) -> float:
    first, found = store.read_lifetime(plant, [source], [BY_NAME["ProdEtotal"]], year)
    return float(found[0].values[year - first.year])


def test_the_year_2025_agrees_with_the_devices_own_months(archive: Path, sunny: Portal) -> None:
    done = import_solarlog(archive, sunny)
    plant = plant_of(done)
    assert (done["files_read"], done["records"]) == (369, 54422)
    reason = "counter does not fit: it must not fall within a day"
    assert {entry["reason"] for entry in done["rejected"]} == {reason}
    assert len(done["rejected"]) == 5
    own = {0: 4_340_494, 1: 2_304_982}  # Wh: the sums of months.js of 2025, and years.js
    for index, expected in own.items():
        found = yearly(plant, store.Source(device(plant, index).cross_epoch_id), 2025)
        assert found == pytest.approx(expected, rel=0.0015), index
    whole = yearly(plant, store.Source(plant.datasource_id), 2025)
    assert whole == pytest.approx(sum(own.values()), rel=0.0015)
    assert yearly(plant, store.Source(plant.datasource_id), 2014) == pytest.approx(6_230_445, rel=0.0015)
    _check_nights(plant)
    _check_indicators(plant, sum(own.values()) / 1000)
    assert import_solarlog(archive, sunny)["values_stored"] == 0


def _check_nights(plant: Plant) -> None:
    """Every night of both inverters is 0, and nothing is null but gaps between records."""
    sources = [store.Source(device(plant, index).cross_epoch_id) for index in (0, 1)]
    year = dt.date(2025, 1, 1), dt.date(2025, 12, 31)
    days = list(store.read_days(plant, sources, [BY_NAME["ProdPac"]], *year))
    assert len(days) == 730
    assert [day.day for day in days if np.isnan(day.values[[0, -1]]).any()] == []
    counters = store.read_days(plant, sources, [BY_NAME["ProdEtotal"]], *year)
    known = [day.values[~np.isnan(day.values)] for day in counters]
    assert all((np.diff(values) >= 0).all() for values in known)


def _check_indicators(plant: Plant, own: float) -> None:
    """Those of 2025, from the device's own kWh: 6.2 kWp, a target of 900 kWh/kWp; it has no irradiance sensor."""
    plant.latitude, plant.longitude = 49.4, 11.9
    MppTracker.objects.filter(component__epoch__plant=plant).update(tilt=45, orientation=195)
    now = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
    year = dt.date(2025, 1, 1), dt.date(2025, 12, 31)
    [whole] = performance.of_plant(plant, list(performance.periods(*year, "year")), now)
    found = {kpi.name: kpi for kpi in whole.kpis}
    assert found["SpecificYield"].value == pytest.approx(own / 6.2, rel=0.0015)
    assert found["TargetFulfilment"].value == pytest.approx(100 * own / (900 * 6.2), rel=0.0015)
    assert (found["Availability"].value or 0) > 98
    months = performance.of_plant(plant, list(performance.periods(*year, "month")), now)
    bounds = [kpi for month in months for kpi in month.kpis if kpi.name == "PerformanceRatio"]
    assert {kpi.formula for kpi in bounds} == {"pr-clear-sky-bound"}
    assert all(10 < (kpi.value or 0) < 90 for kpi in bounds), [kpi.value for kpi in bounds]


def test_the_loggers_folder_brings_400_events_with_texts(logger: Path, sunny: Portal) -> None:
    done = import_solarlog(logger, sunny)
    plant = plant_of(done)
    assert done["rejected"] == []
    assert done["files_ignored"] == ["min_cur.js", "pm.js"]
    assert done["events_stored"] == 415, "400 in events.js, 15 in events_day.js"
    events = ComponentEvent.objects.filter(plant=plant)
    assert not events.filter(status_text="").exists()
    running = events.filter(ended_at=None).order_by("started_at").values_list("status_code", "severity")
    assert list(running) == [(255, "warning"), (255, "warning"), (7, "info"), (7, "info")]
    first = events.get(started_at="2026-08-13T04:49:00Z")
    assert (first.status_text, first.device_id) == ("Mpp", device(plant, 0).cross_epoch_id)
    assert (done["first_time"], done["last_time"]) == (
        "2026-07-29T14:20:00+02:00",
        "2026-08-14T08:40:00+02:00",
    )
    again = import_solarlog(logger, sunny)
    assert (again["values_stored"], again["events_stored"]) == (0, 0)


def test_both_folders_in_either_order_give_one_state(archive: Path, logger: Path, sunny: Portal) -> None:
    plants = []
    for label, folders in {"A": (archive, logger), "B": (logger, archive)}.items():
        plants.append([plant_of(import_solarlog(folder, sunny, label=label)) for folder in folders][-1])
    assert [[e.active_from for e in plant.epochs.all()] for plant in plants] == [[dt.date(2025, 1, 1)]] * 2
    assert [plant.last_transfer for plant in plants] == [dt.datetime(2026, 8, 14, 6, 40, tzinfo=dt.UTC)] * 2
    assert everything(plants[0]) == everything(plants[1])
    july = store.read_year(plants[0], [store.Source(plants[0].datasource_id)], [BY_NAME["ProdEtotal"]], 2026)
    assert july[0].values[6] == 532_224 + 263_424, "the archive's month, not the new logger's three days"


def test_enerest_answers_come_back_key_by_key(answers: list[Path], sunny: Portal) -> None:
    done = import_enerest(answers, sunny)
    plant, zone = plant_of(done), ZoneInfo("Europe/Oslo")
    assert done["rejected"] == []
    saved = {entry["date"]: entry for path in answers for entry in json.loads(path.read_text())}
    days = [dt.date.fromisoformat(day) for day in saved]
    source = store.Source(plant.datasource_id)
    found = store.read_days(plant, [source], [BY_NAME["ProdPac"]], min(days), max(days))
    answered = {
        day.day.isoformat(): {
            key: None if np.isnan(value) else int(value)
            for key, value in zip(grid.keys(zone, day.day), day.values, strict=True)
        }
        for day in found
    }
    assert answered.keys() == saved.keys()
    for day, points in answered.items():
        expected = saved[day]["dataPoints"]
        if day == "2024-10-27":  # the original knows the repeated hour once, the contract twice
            first_pass = {key for key in points if key[11:13] == "02" and key.endswith("+02:00")}
            assert len(first_pass) == 12
            assert all(points.pop(key) is None for key in first_pass)
        assert points == expected, day
    assert str(plant.datasource_id) == saved["2024-10-27"]["deviceId"]
    assert import_enerest(answers, sunny)["values_stored"] == 0
