"""The newest values of a plant: what lists show, equal to a search through all rows whatever came in which order."""

import datetime as dt
import json
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.measurements import store
from apps.measurements.models import DaySeries, PlantLatest
from apps.plants.models import Component, Plant
from tests.measurements.sites import (
    DAY,
    INVERTER,
    JUNE,
    TOTAL_METER,
    Statements,
    make_site,
    report,
    report_month,
    write,
)

ONE_DAY = dt.timedelta(days=1)
MAY = dt.date(2025, 5, 1)


@pytest.fixture
def site(db: None) -> tuple[Plant, UUID, UUID]:
    plant, [inverter, meter] = make_site(INVERTER, TOTAL_METER)
    return plant, inverter, meter


def latest(plant: Plant) -> dict[str, Any]:
    """The row that is kept, with times in the plant's zone."""
    row: dict[str, Any] = dict(PlantLatest.objects.filter(plant=plant).values().get())
    for name in ("data_at", "power_at"):
        row[name] = row[name] and f"{row[name].astimezone(plant.zone):%Y-%m-%d %H:%M%z}"
    del row["plant_id"]
    return row


def test_a_write_leaves_the_newest_slot_the_day_and_the_month(site: tuple[Plant, UUID, UUID]):
    plant, inverter, meter = site
    write(plant, inverter, DAY, ProdPac={100: 3000, 101: 3200}, ProdEtotal={100: 900, 101: 1150})
    write(plant, meter, DAY, ConsPac={103: 400})
    assert latest(plant) == {
        "data_at": "2025-06-15 08:35+0200",
        "power_at": "2025-06-15 08:25+0200",
        "power": 3200,
        "day": DAY,
        "day_energy": 1150,
        "month": JUNE,
        "month_energy": 1150,
    }


def test_late_data_of_an_older_day_change_the_month_only(site: tuple[Plant, UUID, UUID]):
    plant, inverter, _ = site
    write(plant, inverter, DAY, ProdPac={100: 3000}, ProdEtotal={100: 900})
    before = latest(plant)
    write(plant, inverter, DAY - ONE_DAY, ProdPac={200: 10}, ProdEtotal={200: 5000})
    assert latest(plant) == before | {"month_energy": 5900}
    write(plant, inverter, DAY - 30 * ONE_DAY, ProdPac={200: 10}, ProdEtotal={200: 7000})
    assert latest(plant) == before | {"month_energy": 5900}


def test_an_old_day_costs_no_write_of_the_newest_values(site: tuple[Plant, UUID, UUID]):
    plant, inverter, _ = site
    write(plant, inverter, DAY, ProdPac={100: 3000}, ProdEtotal={100: 900})
    with Statements() as statements:
        write(plant, inverter, DAY - 30 * ONE_DAY, ProdPac={200: 10})
    assert not any("INSERT" in query["sql"] and "latest" in query["sql"] for query in statements.captured_queries)


def test_a_corrected_value_is_the_newest_one(site: tuple[Plant, UUID, UUID]):
    plant, inverter, _ = site
    write(plant, inverter, DAY, ProdPac={100: 3000}, ProdEtotal={100: 900})
    write(plant, inverter, DAY, ProdPac={100: 2500}, ProdEtotal={100: 800})
    found = latest(plant)
    assert (found["power"], found["day_energy"], found["month_energy"]) == (2500, 800, 800)


def test_a_night_of_the_inverter_leaves_its_last_power_where_it_was(site: tuple[Plant, UUID, UUID]):
    plant, inverter, meter = site
    write(plant, inverter, DAY, ProdPac={200: 30}, ProdEtotal={200: 9000})
    write(plant, meter, DAY + ONE_DAY, ConsPac={3: 200})
    found = latest(plant)
    assert (found["data_at"], found["power_at"]) == ("2025-06-16 00:15+0200", "2025-06-15 16:40+0200")
    assert (found["day"], found["day_energy"]) == (DAY, 9000)


def test_totals_that_the_logger_counted_are_known_too(site: tuple[Plant, UUID, UUID]):
    plant, inverter, _ = site
    report(plant, inverter, DAY, ProdEtotal=12_000)
    report_month(plant, inverter, JUNE, ProdEtotal=300_000)
    assert latest(plant) == {
        "data_at": None,
        "power_at": None,
        "power": None,
        "day": DAY,
        "day_energy": 12_000,
        "month": JUNE,
        "month_energy": 300_000,
    }


def test_slots_of_the_day_clocks_change_are_told_apart(db: None):
    plant, [inverter] = make_site(INVERTER)
    write(plant, inverter, dt.date(2025, 10, 26), ProdPac={24 + 6: 1})
    assert latest(plant)["power_at"] == "2025-10-26 02:30+0200"
    write(plant, inverter, dt.date(2025, 10, 26), ProdPac={36 + 6: 2})
    assert latest(plant)["power_at"] == "2025-10-26 02:30+0100"


def test_what_was_newest_and_is_gone_is_searched_for(site: tuple[Plant, UUID, UUID]):
    """A device that turns out to be no producer takes its power out of the plant's totals with the next write."""
    plant, inverter, _ = site
    write(plant, inverter, DAY - ONE_DAY, ProdPac={100: 10}, ProdEtotal={100: 500})
    write(plant, inverter, DAY, ProdPac={100: 3000}, ProdEtotal={100: 900})
    Component.objects.filter(cross_epoch_id=inverter).update(classes=["consumption"])
    write(plant, inverter, DAY, ProdPac={101: 3000})
    found = latest(plant)
    assert (found["power_at"], found["power"]) == ("2025-06-14 08:20+0200", 10)
    assert (found["day"], found["day_energy"]) == (DAY - ONE_DAY, 500)


def test_the_command_finds_what_was_there_before(site: tuple[Plant, UUID, UUID]):
    plant, inverter, _ = site
    write(plant, inverter, DAY, ProdPac={100: 3000}, ProdEtotal={100: 900})
    before = latest(plant)
    PlantLatest.objects.all().delete()
    printed = StringIO()
    call_command("find_latest", stdout=printed)
    assert json.loads(printed.getvalue()) == {"plants": 1}
    assert latest(plant) == before


def test_the_first_write_after_an_update_finds_what_was_there_before(site: tuple[Plant, UUID, UUID]):
    plant, inverter, _ = site
    write(plant, inverter, DAY, ProdPac={100: 3000}, ProdEtotal={100: 900})
    PlantLatest.objects.all().delete()
    write(plant, inverter, DAY - 40 * ONE_DAY, ProdPac={1: 1})
    assert (latest(plant)["power"], latest(plant)["day"]) == (3000, DAY)


def test_deleted_rows_are_forgotten_when_asked(site: tuple[Plant, UUID, UUID]):
    plant, inverter, _ = site
    write(plant, inverter, DAY - ONE_DAY, ProdPac={7: 10}, ProdEtotal={7: 500})
    write(plant, inverter, DAY, ProdPac={100: 3000}, ProdEtotal={100: 900})
    DaySeries.objects.filter(plant=plant, day=DAY).delete()
    store.find_latest(plant)
    assert (latest(plant)["power"], latest(plant)["day"]) == (10, DAY - ONE_DAY)


# --- Any order ---------------------------------------------------------------------------------------------

_slots = st.dictionaries(st.integers(0, 275), st.integers(0, 9000), max_size=3)
_days = st.sampled_from([dt.date(2025, 3, 29), dt.date(2025, 3, 30), dt.date(2025, 3, 31), dt.date(2025, 4, 1), DAY])
_reading = st.tuples(
    st.integers(0, 2),  # inverter, meter, or the plant as a whole
    _days,
    st.fixed_dictionaries({}, optional={"ProdPac": _slots, "ProdEtotal": _slots, "ConsPac": _slots}),
)
_report = st.tuples(st.integers(0, 2), st.sampled_from([MAY, JUNE]), st.integers(1, 10_000))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(_reading, _report), max_size=8), st.sampled_from(["Europe/Berlin", "America/Santiago"]))
def test_any_order_of_writes_leaves_what_a_search_through_all_rows_finds(db: None, steps: list[Any], zone: str):
    plant, [inverter, meter] = make_site(INVERTER, TOTAL_METER, timezone=zone)
    devices = (inverter, meter, plant.datasource_id)
    for which, date, what in steps:
        if isinstance(what, dict):
            write(plant, devices[which], date, **what)
        else:
            report_month(plant, devices[which], date, ProdEtotal=what)
        kept = PlantLatest.objects.filter(plant=plant).values().first()
        if kept:
            store.find_latest(plant)
            assert kept == PlantLatest.objects.filter(plant=plant).values().get()
