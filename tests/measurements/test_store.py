"""What is written comes back as it was, and everything that follows from it follows."""

import datetime as dt
from itertools import pairwise
from uuid import UUID, uuid4

import numpy as np
import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.measurements import store
from apps.measurements.models import DaySeries, MonthSeries
from apps.plants.models import Plant
from tests.measurements.sites import (
    BATTERY,
    CHARGER,
    DAY,
    GRID_METER,
    INVERTER,
    JUNE,
    NAN,
    SENSOR,
    TOTAL_METER,
    channels,
    day,
    known,
    lifetime,
    make_site,
    month,
    report,
    report_month,
    stored,
    total,
    write,
    year,
)

pytestmark = pytest.mark.django_db
NEXT_DAY = dt.date(2025, 6, 16)


@pytest.fixture
def plant(db: None) -> Plant:
    return make_site(INVERTER, INVERTER)[0]


@pytest.fixture
def devices(plant: Plant) -> list[UUID]:
    found = plant.epochs.get().components.order_by("dataindex")
    return list(found.values_list("cross_epoch_id", flat=True))


@pytest.fixture
def inverter(devices: list[UUID]) -> UUID:
    return devices[0]


# --- Round trip --------------------------------------------------------------------------------------------


def test_values_come_back_as_they_were_written(plant: Plant, inverter: UUID):
    assert write(plant, inverter, ProdPac={0: 0, 100: 4321, 287: 7}, ProdUac={100: 230.4}) == 4
    assert known(plant, inverter, "ProdPac") == {0: 0, 100: 4321, 287: 7}
    assert known(plant, inverter, "ProdUac") == {100: 230.4}


def test_what_was_not_read_is_null_and_never_zero(plant: Plant, inverter: UUID):
    write(plant, inverter, ProdPac={100: 0})
    assert known(plant, inverter, "ProdPac") == {100: 0}
    assert month(plant, inverter, "ProdPac") == {15: 0}
    assert known(plant, inverter, "ProdEtotal") == {}
    assert month(plant, inverter, "ProdEtotal") == {}


def test_trackers_and_strings_are_series_of_their_own(plant: Plant, inverter: UUID):
    write(plant, inverter, ProdPdc={50: 300})
    write(plant, inverter, DAY, 1, ProdPdc={50: 100})
    write(plant, inverter, DAY, store.STRING_PART + 7, ProdPdc={50: 25})
    assert [known(plant, inverter, "ProdPdc", part=part) for part in (0, 1, 2, 263)] == [
        {50: 300},
        {50: 100},
        {},
        {50: 25},
    ]


def test_values_are_kept_with_the_decimals_of_their_channel(plant: Plant, inverter: UUID):
    write(plant, inverter, ProdPac={1: 99.6}, ProdIac={1: 4.567}, Temp={1: -0.4})
    assert known(plant, inverter, "ProdPac") == {1: 100}
    assert known(plant, inverter, "ProdIac") == {1: 4.57}
    assert known(plant, inverter, "Temp") == {1: 0}


@pytest.mark.parametrize(
    ("zone", "at", "last"),
    [
        ("Europe/Berlin", dt.date(2025, 3, 30), 275),
        ("Europe/Berlin", dt.date(2025, 10, 26), 299),
        ("America/Santiago", dt.date(2025, 9, 7), 275),
        ("America/Santiago", dt.date(2025, 4, 5), 299),
        ("Australia/Lord_Howe", dt.date(2025, 4, 6), 293),
    ],
)
def test_days_of_any_length_are_kept_and_summed(zone: str, at: dt.date, last: int):
    plant, [one, two] = make_site(INVERTER, INVERTER, timezone=zone)
    write(plant, one, at, ProdPac={30: 100, last: 5}, ProdEtotal={30: 8, last: 900})
    write(plant, two, at, ProdPac={30: 50}, ProdEtotal={last: 90})
    assert total(plant, "ProdPac", at) == {30: 150, last: 5}
    assert total(plant, "ProdEtotal", at) == {30: 8, last: 990}
    assert month(plant, plant.datasource_id, "ProdEtotal", at.replace(day=1)) == {at.day: 990}


def test_a_day_that_a_zone_skipped_holds_nothing():
    plant, [inverter] = make_site(INVERTER, timezone="Pacific/Apia")
    assert store.write(plant, [store.DayReadings(inverter, dt.date(2011, 12, 30), {("ProdPac", 0): np.empty(0)})]) == 0


# --- Writing again -----------------------------------------------------------------------------------------


def test_the_same_readings_again_change_nothing_not_even_bytes(plant: Plant, devices: list[UUID]):
    readings = [
        day(plant, devices[0], ProdPac={100: 500}, ProdEtotal={100: 41}, ProdUac={100: 230.1}),
        day(plant, devices[1], NEXT_DAY, ProdPac={100: 250}),
        store.DayReadings(devices[1], DAY, reported={("ProdEtotal", 0): 1234.5}),
    ]
    months = [store.MonthReadings(devices[0], JUNE, {("ProdEtotal", 0): 99_000})]
    assert store.write(plant, readings, months) == 6
    before = stored(plant)
    assert store.write(plant, readings, months) == 0
    assert stored(plant) == before


def test_only_what_is_new_or_different_is_counted(plant: Plant, inverter: UUID):
    assert write(plant, inverter, ProdPac={1: 10, 2: 20, 3: 30}) == 3
    assert write(plant, inverter, ProdPac={2: 20, 3: 31, 4: 40}) == 2


def test_a_null_does_not_erase_and_a_later_different_value_wins(plant: Plant, inverter: UUID):
    write(plant, inverter, ProdPac={1: 10, 2: 20})
    write(plant, inverter, ProdPac={1: NAN, 2: 25})
    assert known(plant, inverter, "ProdPac") == {1: 10, 2: 25}


def test_within_one_call_the_later_reading_of_a_slot_wins(plant: Plant, inverter: UUID):
    store.write(plant, [day(plant, inverter, ProdPac={1: 10}), day(plant, inverter, ProdPac={1: 11, 2: 5})])
    assert known(plant, inverter, "ProdPac") == {1: 11, 2: 5}


def test_a_corrected_slot_corrects_day_month_year_lifetime_and_plant(plant: Plant, devices: list[UUID]):
    one, two = devices
    write(plant, one, ProdPac={100: 1000}, ProdEtotal={100: 500, 200: 4000})
    write(plant, two, ProdPac={100: 3000}, ProdEtotal={200: 6000})
    write(plant, one, dt.date(2024, 2, 29), ProdEtotal={200: 700})
    write(plant, one, ProdPac={100: 2000}, ProdEtotal={200: 3000})

    assert known(plant, one, "ProdEtotal") == {100: 500, 200: 3000}
    assert month(plant, one, "ProdEtotal") == {15: 3000}
    assert year(plant, one, "ProdEtotal") == {6: 3000}
    assert lifetime(plant, one, "ProdEtotal") == {2024: 700, 2025: 3000}
    assert total(plant, "ProdPac") == {100: 5000}
    assert total(plant, "ProdEtotal") == {100: 500, 200: 9000}
    assert month(plant, plant.datasource_id, "ProdEtotal") == {15: 9000}
    assert year(plant, plant.datasource_id, "ProdEtotal") == {6: 9000}
    assert lifetime(plant, plant.datasource_id, "ProdEtotal") == {2024: 700, 2025: 9000}
    assert month(plant, plant.datasource_id, "ProdPac") == {15: 5000}


def test_a_day_is_the_last_value_of_its_counter_and_the_mean_of_everything_else(plant: Plant, inverter: UUID):
    write(plant, inverter, ProdEtotal={10: 5, 100: 900, 200: 880}, ProdPac={10: 100, 11: 200, 12: 600})
    assert month(plant, inverter, "ProdEtotal") == {15: 880}
    assert month(plant, inverter, "ProdPac") == {15: 300}


def test_late_days_find_their_place(plant: Plant, inverter: UUID):
    for at, energy in ((dt.date(2025, 6, 20), 300), (dt.date(2025, 6, 2), 100), (dt.date(2023, 12, 31), 50)):
        write(plant, inverter, at, ProdEtotal={200: energy})
    assert month(plant, inverter, "ProdEtotal") == {2: 100, 20: 300}
    assert lifetime(plant, inverter, "ProdEtotal") == {2023: 50, 2025: 400}
    assert store.data_range(plant) == (dt.date(2023, 12, 31), dt.date(2025, 6, 20))


# --- Order does not matter ---------------------------------------------------------------------------------

KINDS = (INVERTER, INVERTER, TOTAL_METER, CHARGER, BATTERY, GRID_METER)
PIECES: tuple[tuple[int | None, dt.date, dict[str, dict[int, float]]], ...] = (
    (0, DAY, {"ProdPac": {99: 900, 100: 1000, 101: 1100}, "ProdEtotal": {99: 75, 100: 160, 101: 250}}),
    (0, DAY, {"ProdPac": {102: 800}, "ProdEtotal": {102: 320}, "ProdUac": {99: 230.5}}),
    (1, DAY, {"ProdPac": {100: 200}, "ProdEtotal": {100: 17}}),
    (0, NEXT_DAY, {"ProdPac": {5: 1}, "ProdEtotal": {5: 2}}),
    (2, DAY, {"ConsPac": {100: 400, 101: 2000}, "ConsEtotal": {100: 33, 101: 200}}),
    (3, DAY, {"ConsPac": {100: 350, 102: 90}, "ConsEtotal": {100: 30, 102: 40}}),
    (4, DAY, {"BatPacCharge": {100: 300}, "BatPacDischarge": {100: 0}}),
    (5, DAY, {"GridPacIn": {101: 900}, "GridPacOut": {101: 0}, "GridEtotalIn": {101: 80}, "GridEtotalOut": {101: 5}}),
    (None, DAY, {"ProdPac": {98: 700, 99: 950}, "ConsPac": {99: 111}}),  # delivered for the plant as a whole
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(len(PIECES))), cuts=st.sets(st.integers(1, len(PIECES) - 1)))
def test_whatever_the_order_and_the_portions_the_rows_end_up_equal(db: None, order: list[int], cuts: set[int]):
    plant, devices = make_site(*KINDS)
    readings = [
        day(plant, plant.datasource_id if index is None else devices[index], at, **series)
        for index, at, series in (PIECES[number] for number in order)
    ]
    edges = [0, *sorted(cuts), len(readings)]
    for begin, end in pairwise(edges):
        store.write(plant, readings[begin:end])
    assert [(total(plant, name), month(plant, plant.datasource_id, name)) for name in EXPECTED] == list(
        EXPECTED.values()
    )
    assert len(stored(plant)) == 16  # 7 devices with the plant's own on one day, 2 on the next, 7 months
    names = {str(device): str(number) for number, device in enumerate([*devices, plant.datasource_id])}
    rows = sorted((names[device], at, data) for device, at, data in stored(plant))
    assert REMEMBERED.setdefault("rows", rows) == rows


REMEMBERED: dict[str, list[tuple[str, str, bytes]]] = {}
EXPECTED = {
    "ProdPac": ({98: 700, 99: 900, 100: 1200, 101: 1100, 102: 800}, {15: 940, 16: 1}),
    "ProdEtotal": ({99: 75, 100: 177, 101: 267, 102: 337}, {15: 337, 16: 2}),
    "ConsPac": ({99: 111, 100: 400, 101: 2000}, {15: 837}),
    "ConsEtotal": ({100: 33, 101: 200}, {15: 200}),
    "ProdEtotalFeed": ({101: 5}, {15: 5}),
    "ProdEtotalSelf": ({101: 262}, {15: 262}),
    "ConsEtotalUncov": ({101: 80}, {15: 80}),
    "ConsEtotalCov": ({101: 120}, {15: 120}),
}


# --- Totals that devices reported themselves ---------------------------------------------------------------


def test_a_reported_day_speaks_where_there_are_no_slots(plant: Plant, devices: list[UUID]):
    report(plant, devices[0], ProdEtotal=5000)
    report(plant, devices[1], ProdEtotal=7000)
    assert month(plant, devices[0], "ProdEtotal") == {15: 5000}
    assert month(plant, plant.datasource_id, "ProdEtotal") == {15: 12_000}
    assert total(plant, "ProdEtotal") == {}


@pytest.mark.parametrize("slots_first", [True, False])
def test_slots_outrank_a_reported_day_whichever_comes_first(plant: Plant, inverter: UUID, slots_first: bool):
    if slots_first:
        write(plant, inverter, ProdEtotal={200: 4990})
    report(plant, inverter, ProdEtotal=5000)
    if not slots_first:
        write(plant, inverter, ProdEtotal={200: 4990})
    assert month(plant, inverter, "ProdEtotal") == {15: 4990}
    assert month(plant, plant.datasource_id, "ProdEtotal") == {15: 4990}
    assert report(plant, inverter, ProdEtotal=5000) == 0


def test_the_plant_adds_slots_of_one_inverter_and_a_report_of_the_other(plant: Plant, devices: list[UUID]):
    report(plant, devices[1], ProdEtotal=7000)
    write(plant, devices[0], ProdEtotal={200: 5000})
    assert total(plant, "ProdEtotal") == {200: 5000}
    assert month(plant, plant.datasource_id, "ProdEtotal") == {15: 12_000}
    write(plant, devices[1], ProdEtotal={200: 6900})
    assert month(plant, plant.datasource_id, "ProdEtotal") == {15: 11_900}


def test_a_reported_month_speaks_where_days_are_missing(plant: Plant, devices: list[UUID]):
    report_month(plant, devices[0], ProdEtotal=90_000)
    report_month(plant, devices[1], ProdEtotal=60_000)
    assert month(plant, devices[0], "ProdEtotal") == {}
    assert year(plant, devices[0], "ProdEtotal") == {6: 90_000}
    assert year(plant, plant.datasource_id, "ProdEtotal") == {6: 150_000}
    assert lifetime(plant, plant.datasource_id, "ProdEtotal") == {2025: 150_000}


def test_a_reported_month_never_makes_a_month_smaller(plant: Plant, inverter: UUID):
    write(plant, inverter, ProdEtotal={200: 4000})
    report_month(plant, inverter, ProdEtotal=3000)
    assert year(plant, inverter, "ProdEtotal") == {6: 4000}
    assert year(plant, plant.datasource_id, "ProdEtotal") == {6: 4000}


def test_the_plant_adds_days_of_one_inverter_and_a_reported_month_of_the_other(plant: Plant, devices: list[UUID]):
    report_month(plant, devices[1], ProdEtotal=60_000)
    for number in range(1, 31):
        write(plant, devices[0], JUNE.replace(day=number), ProdEtotal={200: 1000})
    assert year(plant, plant.datasource_id, "ProdEtotal") == {6: 90_000}


def test_a_reported_month_is_forgotten_once_all_its_days_are_known(plant: Plant, inverter: UUID):
    assert report_month(plant, inverter, ProdEtotal=31_000) == 1
    for number in range(1, 31):
        write(plant, inverter, JUNE.replace(day=number), ProdEtotal={200: 1000})
    assert year(plant, inverter, "ProdEtotal") == {6: 30_000}
    assert year(plant, plant.datasource_id, "ProdEtotal") == {6: 30_000}
    assert report_month(plant, inverter, ProdEtotal=31_000) == 0
    assert year(plant, plant.datasource_id, "ProdEtotal") == {6: 30_000}


def test_a_month_with_days_and_a_larger_report_follows_later_corrections(plant: Plant, inverter: UUID):
    report_month(plant, inverter, ProdEtotal=50_000)
    write(plant, inverter, ProdEtotal={200: 4000})
    assert year(plant, plant.datasource_id, "ProdEtotal") == {6: 50_000}
    report_month(plant, inverter, ProdEtotal=52_000)
    assert year(plant, plant.datasource_id, "ProdEtotal") == {6: 52_000}
    write(plant, inverter, NEXT_DAY, ProdEtotal={200: 60_000})
    assert year(plant, plant.datasource_id, "ProdEtotal") == {6: 64_000}


def test_totals_reported_for_the_plant_speak_where_components_say_nothing(plant: Plant, inverter: UUID):
    assert report(plant, plant.datasource_id, ProdEtotal=8000) == 1
    assert report_month(plant, plant.datasource_id, ProdEtotal=200_000) == 1
    assert month(plant, plant.datasource_id, "ProdEtotal") == {15: 8000}
    assert year(plant, plant.datasource_id, "ProdEtotal") == {6: 200_000}
    report(plant, inverter, ProdEtotal=7500)
    assert month(plant, plant.datasource_id, "ProdEtotal") == {15: 7500}
    assert report(plant, plant.datasource_id, ProdEtotal=8000) == 0
    assert report_month(plant, plant.datasource_id, ProdEtotal=200_000) == 0
    report_month(plant, inverter, ProdEtotal=190_000)
    assert year(plant, plant.datasource_id, "ProdEtotal") == {6: 190_000}


# --- What is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [276, 287, 289, 0])
def test_a_series_that_does_not_fit_its_day_is_refused_and_nothing_is_written(plant: Plant, inverter: UUID, size: int):
    good = day(plant, inverter, NEXT_DAY, ProdPac={1: 1})
    bad = store.DayReadings(inverter, DAY, {("ProdPac", 0): np.zeros(size)})
    with pytest.raises(ValueError, match=f"ProdPac of 2025-06-15 has {size} values, the day has 288 slots"):
        store.write(plant, [good, bad])
    assert stored(plant) == []


@pytest.mark.parametrize("name", ["ProdPacNorm", "Autarky", "Nonsense"])
def test_a_channel_that_is_not_stored_is_refused(plant: Plant, inverter: UUID, name: str):
    with pytest.raises(ValueError, match=f"{name} is not a channel that is stored"):
        write(plant, inverter, **{name: {1: 1}})


@pytest.mark.parametrize(("name", "value"), [("ProdPac", 5.0), ("ProdEtotal", NAN), ("ProdEtotal", float("inf"))])
def test_only_finite_totals_of_counters_can_be_reported(plant: Plant, inverter: UUID, name: str, value: float):
    with pytest.raises(ValueError, match="cannot be a reported total"):
        report(plant, inverter, **{name: value})
    with pytest.raises(ValueError, match="cannot be a reported total"):
        report_month(plant, inverter, **{name: value})


def test_an_infinite_value_is_refused_and_nothing_is_written(plant: Plant, inverter: UUID):
    good = day(plant, inverter, NEXT_DAY, ProdPac={1: 1})
    with pytest.raises(ValueError, match="infinite"):
        store.write(plant, [good, day(plant, inverter, ProdPac={1: float("inf")})])
    assert stored(plant) == []


def test_parts_of_the_plant_itself_and_months_from_their_middle_are_refused(plant: Plant):
    with pytest.raises(ValueError, match="no part 1"):
        write(plant, plant.datasource_id, DAY, 1, ProdPac={1: 1})
    with pytest.raises(ValueError, match="2025-06-15 is not the first day"):
        report_month(plant, plant.datasource_id, DAY, ProdEtotal=1)


def test_a_write_that_fails_half_way_leaves_nothing(plant: Plant, inverter: UUID, monkeypatch: pytest.MonkeyPatch):
    write(plant, inverter, ProdEtotal={1: 1})
    before = stored(plant)

    def crash(*_: object) -> None:
        raise RuntimeError("the power is out")

    monkeypatch.setattr("apps.measurements.rows.save_months", crash)
    with pytest.raises(RuntimeError):
        write(plant, inverter, ProdEtotal={1: 2, 2: 3})
    assert stored(plant) == before


def test_a_transaction_of_the_caller_that_fails_leaves_nothing(plant: Plant, inverter: UUID):
    def import_a_file() -> None:
        with transaction.atomic():
            write(plant, inverter, ProdEtotal={1: 2})
            raise RuntimeError("line 2 was not read")

    with pytest.raises(RuntimeError):
        import_a_file()
    assert stored(plant) == []


# --- Plants do not mix -------------------------------------------------------------------------------------


def test_the_same_device_id_at_another_plant_is_another_device(plant: Plant, inverter: UUID):
    elsewhere, _ = make_site(INVERTER)
    write(plant, inverter, ProdEtotal={1: 100})
    write(elsewhere, inverter, ProdEtotal={1: 7, 2: 8})
    assert known(plant, inverter, "ProdEtotal") == {1: 100}
    assert known(elsewhere, inverter, "ProdEtotal") == {1: 7, 2: 8}
    assert lifetime(plant, inverter, "ProdEtotal") == {2025: 100}
    assert month(elsewhere, inverter, "ProdEtotal") == {15: 8}
    assert total(elsewhere, "ProdEtotal") == {}  # the plant itself has no such component


def test_two_plants_with_the_same_data_source_do_not_mix(plant: Plant, inverter: UUID):
    elsewhere, [other] = make_site(INVERTER)
    elsewhere.datasource_id = plant.datasource_id
    elsewhere.save()
    write(plant, inverter, ProdEtotal={1: 100})
    write(elsewhere, other, ProdEtotal={1: 7})
    assert (total(plant, "ProdEtotal"), total(elsewhere, "ProdEtotal")) == ({1: 100}, {1: 7})


def test_when_a_plant_goes_its_measurements_go(plant: Plant, inverter: UUID):
    write(plant, inverter, ProdEtotal={1: 100})
    plant.delete()
    assert not DaySeries.objects.exists()
    assert not MonthSeries.objects.exists()


def test_a_device_that_nobody_built_in_keeps_its_values_but_adds_nothing(plant: Plant):
    stranger = uuid4()
    write(plant, stranger, ProdEtotal={1: 100})
    assert known(plant, stranger, "ProdEtotal") == {1: 100}
    assert total(plant, "ProdEtotal") == {}


def test_a_plant_without_measurements_answers_nothing(plant: Plant, inverter: UUID):
    assert store.data_range(plant) is None
    assert known(plant, inverter, "ProdPac") == {}
    assert store.read_lifetime(plant, [store.Source(inverter)], channels("ProdPac"), 2025) == (dt.date(2025, 1, 1), [])
    assert store.write(plant) == 0


def test_sensors_are_not_summed():
    plant, [sensor] = make_site(SENSOR)
    write(plant, sensor, Irradiation={100: 800}, Insolation={100: 2000})
    assert month(plant, sensor, "Insolation") == {15: 2000}
    assert month(plant, sensor, "Irradiation") == {15: 800}
    assert total(plant, "Irradiation") == {}
