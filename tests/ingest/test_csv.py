"""CSV files of any source: meters, interval energies and means land on the right slots; what is unfit is named."""

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from django.core.management import CommandError, call_command

from apps.accounts.models import AuditEntry
from apps.ingest.csv.importing import import_csv
from apps.ingest.csv.mapping import read_mapping
from apps.ingest.target import Refused, Target
from apps.measurements import performance, store
from apps.measurements.channels import BY_NAME
from apps.measurements.performance import Period
from apps.plants.models import Component, Epoch, Plant
from tests.cast import Cast

ZONE = "Europe/Berlin"
HOURLY = """
[time]
column = "time"
minutes = 60

[[component]]
name = "PV meter"
type = "Meter"
classes = ["production", "meter"]
[[component.series]]
column = "pv"
channel = "ProdEtotal"
unit = "kWh"
power = "ProdPac"
"""


@pytest.fixture
def run(tmp_path: Path, cast: Cast):
    """`run(mapping, lines)`: import these lines and return (plant, what the command would print)."""

    def import_(mapping: str, lines: str, label: str = "CSV", **more: Any) -> tuple[Plant, dict[str, Any]]:
        (tmp_path / "map.toml").write_text(mapping)
        (tmp_path / "data.csv").write_text(lines)
        target = Target("sunny", label, ZONE)
        done = import_csv(tmp_path / "data.csv", read_mapping(tmp_path / "map.toml"), target, **more)
        return done.plant, done.told

    return import_


def slots(plant: Plant, name: str, day: dt.date, device: str = "PV meter") -> list[float | None]:
    """The stored values of a component's channel, None where there is none."""
    row = Component.objects.filter(epoch__plant=plant, name=device).first()
    assert row is not None
    found = list(store.read_days(plant, [store.Source(row.cross_epoch_id)], [BY_NAME[name]], day, day))
    return [None if np.isnan(value) else float(value) for value in found[0].values] if found else []


def test_a_meter_becomes_energy_since_midnight_and_mean_power(run):
    plant, told = run(HOURLY, "time,pv\n2025-06-01T10:00:00+02:00,100.0\n2025-06-01T11:00:00+02:00,101.2\n")
    power, counter = slots(plant, "ProdPac", dt.date(2025, 6, 1)), slots(plant, "ProdEtotal", dt.date(2025, 6, 1))
    assert power[119:133] == [None, *[1200.0] * 12, None]
    assert counter[119:133] == [None, *[100.0 * step for step in range(1, 13)], None]
    assert told["series"] == [
        {"column": "pv", "component": "PV meter", "channel": "ProdEtotal", "days": 1, "sum": 1200.0}
    ]


def test_the_last_hour_belongs_to_the_day_it_ends(run):
    plant, _ = run(HOURLY, "time,pv\n2025-06-01T23:00:00+02:00,5\n2025-06-02T00:00:00+02:00,6\n")
    assert slots(plant, "ProdEtotal", dt.date(2025, 6, 1))[-1] == 1000.0
    assert slots(plant, "ProdEtotal", dt.date(2025, 6, 2)) == []


def test_a_gap_within_a_day_is_no_power_but_the_counter_knows_its_energy(run):
    lines = "time,pv\n2025-06-01T10:00:00+02:00,0\n2025-06-01T11:00:00+02:00,1\n2025-06-01T15:00:00+02:00,5\n"
    plant, _ = run(HOURLY, lines)
    power, counter = slots(plant, "ProdPac", dt.date(2025, 6, 1)), slots(plant, "ProdEtotal", dt.date(2025, 6, 1))
    assert power[132:180] == [None] * 48
    assert (counter[131], counter[150], counter[179]) == (1000.0, None, 5000.0)


def test_a_gap_over_midnight_is_named_because_nobody_knows_the_day(run):
    plant, told = run(HOURLY, "time,pv\n2025-06-01T22:00:00+02:00,10\n2025-06-02T03:00:00+02:00,14\n")
    assert told["rejected"] == [
        {
            "file": "data.csv",
            "line": 3,
            "reason": "a gap over midnight: 4000 Wh belong to no known day",
            "field": "pv",
            "value": "2025-06-01 20:00:00+00:00",
        }
    ]
    assert store.data_range(plant) is None


def test_a_meter_that_falls_loses_one_step_and_says_so(run):
    lines = "time,pv\n2025-06-01T10:00Z,50\n2025-06-01T11:00Z,1\n2025-06-01T12:00Z,3\n"
    plant, told = run(HOURLY, lines)
    assert [(r["line"], r["value"]) for r in told["rejected"]] == [(3, "50000 -> 1000")]
    assert slots(plant, "ProdEtotal", dt.date(2025, 6, 1))[167] == 2000.0


def test_a_counter_of_the_day_begins_at_midnight(run):
    mapping = HOURLY.replace('unit = "kWh"', 'unit = "Wh"\nreading = "day"')
    plant, _ = run(mapping, "time,pv\n2025-06-01T09:00+02:00,300\n2025-06-01T10:00+02:00,500\n")
    counter = slots(plant, "ProdEtotal", dt.date(2025, 6, 1))
    assert (counter[107], counter[119]) == (300.0, 500.0)


def test_energies_of_intervals_and_times_at_their_end(run):
    mapping = HOURLY.replace('unit = "kWh"', 'unit = "kWh"\nreading = "energy"').replace(
        "minutes = 60", 'minutes = 15\nstamps = "end"'
    )
    plant, _ = run(mapping, "time,pv\n2025-06-01T10:15+02:00,0.25\n2025-06-01T10:30+02:00,0.5\n")
    assert slots(plant, "ProdPac", dt.date(2025, 6, 1))[119:127] == [None, *[1000.0] * 3, *[2000.0] * 3, None]


def test_rows_closer_than_five_minutes_are_averaged(run):
    mapping = """
[time]
column = "t"
minutes = 1
[[component]]
name = "PV meter"
type = "Sensor"
[[component.series]]
column = "g"
channel = "Irradiation"
"""
    minutes = "".join(f"2025-06-01T12:0{minute}:00Z,{100 * minute}\n" for minute in range(5))
    plant, _ = run(mapping, "t,g\n" + minutes)
    assert slots(plant, "Irradiation", dt.date(2025, 6, 1))[168] == 200.0


def test_wall_clock_times_on_both_days_when_clocks_change(run):
    mapping = HOURLY.replace('column = "time"', 'columns = ["Date", "Time"]\nformat = "%d.%m.%Y %H:%M"').replace(
        'unit = "kWh"', 'unit = "kWh"\nreading = "energy"'
    )
    autumn = ["01:00", "02:00", "02:00", "03:00"]
    lines = "Date,Time,pv\n" + "".join(f"26.10.2025,{time},{at}\n" for at, time in enumerate(autumn, 1))
    plant, _ = run(mapping, lines)
    power = slots(plant, "ProdPac", dt.date(2025, 10, 26))
    assert len(power) == 300
    assert [power[slot] for slot in (12, 24, 36, 48, 60)] == [1000.0, 2000.0, 3000.0, 4000.0, None]
    _, told = run(mapping, "Date,Time,pv\n30.03.2025,02:30,1\n")
    assert told["rejected"][0]["reason"] == "this time does not exist in Europe/Berlin: clocks went forward over it"


def test_german_files_with_sentinels_and_text_among_the_numbers(run):
    mapping = (
        HOURLY.replace('"time"', '"Zeit"').replace('unit = "kWh"', 'unit = "kWh"\nreading = "energy"')
        + '\n[csv]\ndelimiter = ";"\ndecimal = ","\nmissing = ["-999", "---"]\nskip = 1\n'
    )
    lines = "Anlage Süd\nZeit;pv\n2025-06-01T10:00Z;1.234,5\n2025-06-01T11:00Z;-999\nkaputt;1\n2025-06-01T13:00Z;viel\n"
    plant, told = run(mapping, lines)
    assert slots(plant, "ProdPac", dt.date(2025, 6, 1))[144] == 1_234_500.0
    assert [(r["line"], r["reason"], r["field"]) for r in told["rejected"]] == [
        (5, "not a time of the form ISO 8601", "Zeit"),
        (6, "not a number", "pv"),
    ]
    assert told["records"] == 4


def test_importing_twice_changes_nothing(run):
    lines = "time,pv\n2025-06-01T10:00Z,1\n2025-06-01T11:00Z,2\n"
    plant, first = run(HOURLY, lines)
    again, second = run(HOURLY, lines)
    assert (first["values_stored"], second["values_stored"]) == (24, 0)
    assert (again.pk, second["created"], len(second["components"])) == (plant.pk, False, 1)


def test_a_dry_run_tells_everything_and_changes_nothing(run):
    lines = "time,pv\n2025-06-01T10:00Z,1\n2025-06-01T11:00Z,2\n"
    before = AuditEntry.objects.count()
    _, told = run(HOURLY, lines, dry_run=True)
    assert (told["values_stored"], told["created"], told["dry_run"], len(told["components"])) == (24, True, True, 1)
    assert not Plant.objects.filter(label="CSV").exists()
    assert AuditEntry.objects.count() == before


def test_a_new_device_begins_a_new_epoch_and_keeps_the_old_ones(run):
    run(HOURLY, "time,pv\n2025-06-01T10:00Z,1\n2025-06-01T11:00Z,2\n")
    other = HOURLY.replace("PV meter", "Second meter")
    plant, _ = run(other, "time,pv\n2025-07-01T10:00Z,1\n2025-07-01T11:00Z,2\n")
    epochs = Epoch.objects.filter(plant=plant).order_by("active_from")
    assert [(str(e.active_from), [c.name for c in e.components.order_by("dataindex")]) for e in epochs] == [
        ("2025-06-01", ["PV meter"]),
        ("2025-07-01", ["PV meter", "Second meter"]),
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('channel = "ProdEtotal"', 'channel = "Nonsense"'), "[[component]] 1 series 1 channel: 'Nonsense' is not a"),
        (('unit = "kWh"', 'unit = "m3"'), "[[component]] 1 series 1 unit: 'm3' cannot become Wh; known: Wh kWh, MWh."),
        (('type = "Meter"', 'type = "Toaster"'), "[[component]] 1 type: 'Toaster' is none of Inverter, Meter,"),
        (("minutes = 60", "minutes = 0"), "[time] minutes: the interval is a whole number from 1 to 1440."),
        (("minutes = 60", 'zone = "Berlin"'), "[time] zone: 'Berlin' is not an IANA time zone"),
        (("minutes = 60", "hours = 1"), "[time] knows no 'hours'; it may hold column, columns, format, zone,"),
        (('unit = "kWh"', 'reading = "mean"'), "series 1 reading: ProdEtotal is read as energy, meter or day, not as"),
        (('power = "ProdPac"', 'power = "ProdUdc"'), "series 1 power: a channel in W beside an energy."),
        (("[time]", "[time"), "map.toml is no TOML:"),
    ],
)
def test_a_mistake_in_the_mapping_is_named_with_its_place(run, change: tuple[str, str], message: str):
    with pytest.raises(Refused) as refused:
        run(HOURLY.replace(*change), "time,pv\n")
    assert message in str(refused.value)


def test_a_column_that_is_not_there_is_named_with_those_that_are(run):
    with pytest.raises(Refused, match=r"data.csv has no column 'pv'; its columns are time, solar\."):
        run(HOURLY, "time,solar\n")
    assert not Plant.objects.filter(label="CSV").exists()


def test_the_command_prints_one_object_and_names_what_is_wrong(tmp_path: Path, cast: Cast, capsys):
    (tmp_path / "map.toml").write_text(HOURLY)
    (tmp_path / "data.csv").write_text("time,pv\n2025-06-01T10:00Z,1\n2025-06-01T11:00Z,2\n")
    arguments = ["--portal", "sunny", "--label", "By command", "--timezone", ZONE, "--size", "5000"]
    call_command("import_csv", str(tmp_path / "data.csv"), "--mapping", str(tmp_path / "map.toml"), *arguments)
    assert json.loads(capsys.readouterr().out)["values_stored"] == 24
    assert Plant.objects.get(label="By command").size == 5000
    with pytest.raises(CommandError, match=r"none\.toml cannot be read: No such file or directory\."):
        call_command("import_csv", "data.csv", "--mapping", str(tmp_path / "none.toml"), *arguments)


# --- A measured household ----------------------------------------------------------------------------------------

PREFIX = "DE_KN_residential4_"
HOUSEHOLD = f"""
[time]
column = "utc_timestamp"
minutes = 60

[[component]]
name = "PV"
type = "Meter"
classes = ["production", "meter"]
[[component.series]]
column = "{PREFIX}pv"
channel = "ProdEtotal"
unit = "kWh"
power = "ProdPac"

[[component]]
name = "Grid"
type = "Meter"
classes = ["meter"]
[[component.series]]
column = "{PREFIX}grid_import"
channel = "GridEtotalIn"
unit = "kWh"
power = "GridPacIn"
[[component.series]]
column = "{PREFIX}grid_export"
channel = "GridEtotalOut"
unit = "kWh"
power = "GridPacOut"
"""


def test_self_consumption_and_autarky_of_a_household_agree_with_a_plain_computation(
    tmp_path: Path, cast: Cast, shared_data: Path
):
    file = shared_data / "opsd-household-residential4-dev" / "household_residential4_60min.csv"
    (tmp_path / "map.toml").write_text(HOUSEHOLD)
    done = import_csv(file, read_mapping(tmp_path / "map.toml"), Target("sunny", "Household", ZONE), size=10_000)
    plain = by_hand(file)
    assert len(plain) > 300
    days = [Period(str(day), day, day) for day in plain]
    found = performance.of_plant(done.plant, days, dt.datetime(2017, 6, 1, tzinfo=dt.UTC))
    for day, performed in zip(plain.values(), found, strict=True):
        values = {kpi.name: kpi.value for kpi in performed.kpis}
        assert values["SelfConsumptionRate"] == (pytest.approx(100 * day.used / day.pv, abs=0.1) if day.pv else None)
        assert values["Autarky"] == pytest.approx(100 * day.used / day.consumed, abs=0.1)


@dataclass(frozen=True, slots=True)
class PlainDay:
    """Energies of a day in kWh."""

    pv: float
    used: float
    consumed: float


def by_hand(file: Path) -> dict[dt.date, PlainDay]:
    """The days of 2016 of which all three meters were read every hour, computed with pandas alone."""
    meters = ["pv", "grid_import", "grid_export"]
    read = pd.read_csv(file, usecols=["utc_timestamp", *(PREFIX + name for name in meters)])
    read.index = pd.to_datetime(read["utc_timestamp"], utc=True)
    steps = read[[PREFIX + name for name in meters]].diff().shift(-1)
    steps.columns = pd.Index(meters)
    local = steps.tz_convert(ZONE)
    whole = local.dropna().groupby(local.dropna().index.date).agg(["sum", "count", "min"])
    hours = local.groupby(local.index.date).size()
    return {
        day: PlainDay(pv=pv, used=pv - fed, consumed=drawn + pv - fed)
        for day, pv, drawn, fed, count, least in zip(
            whole.index,
            whole["pv", "sum"],
            whole["grid_import", "sum"],
            whole["grid_export", "sum"],
            whole["pv", "count"],
            whole.xs("min", axis=1, level=1).min(axis=1),
            strict=True,
        )
        if day.year == 2016 and count == hours[day] and least >= 0
    }
