"""What loggers deliver is read at once, survives everything, and is packed later as if it had been imported."""

import datetime as dt
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch
from uuid import UUID

import numpy as np
import pytest
from django.db import connection

from apps.measurements import grid, rows, store
from apps.measurements.models import DaySeries, FreshReading, PlantLatest
from apps.plants.models import Plant
from tests.measurements.sites import (
    DAY,
    GRID_METER,
    INVERTER,
    JUNE,
    TOTAL_METER,
    Statements,
    channels,
    known,
    lifetime,
    make_site,
    month,
    report_month,
    stored,
    total,
    write,
    year,
)

pytestmark = pytest.mark.django_db
ONE_DAY = dt.timedelta(days=1)
NOW = dt.datetime(2025, 6, 15, 10, 0, tzinfo=dt.UTC)


@pytest.fixture
def site(db: None) -> tuple[Plant, list[UUID]]:
    return make_site(INVERTER, INVERTER)


def at(plant: Plant, slot: int, day: dt.date = DAY) -> dt.datetime:
    return grid.start(plant.zone, day) + slot * grid.SLOT


def point(plant: Plant, device: UUID, channel: str, slot: int, value: float, day: dt.date = DAY, part: int = 0) -> Any:
    return store.Point(device, part, channel, at(plant, slot, day), value)


def push(plant: Plant, device: UUID, day: dt.date = DAY, /, **series: dict[int, float]) -> None:
    """Deliver {slot: value} of some channels at once."""
    store.write_fresh(
        plant,
        [
            point(plant, device, channel, slot, value, day)
            for channel, values in series.items()
            for slot, value in values.items()
        ],
    )


def fresh_rows(plant: Plant) -> int:
    return FreshReading.objects.filter(plant=plant).count()


# --- Read at once ------------------------------------------------------------------------------------------


def test_what_was_delivered_is_read_at_once_on_all_levels(site: tuple[Plant, list[UUID]]):
    plant, [one, two] = site
    push(plant, one, ProdPac={100: 3000}, ProdEtotal={100: 900})
    push(plant, two, ProdPac={100: 1000, 101: 50}, ProdEtotal={101: 400})
    whole = plant.datasource_id
    assert not DaySeries.objects.exists()
    assert known(plant, one, "ProdPac") == {100: 3000}
    assert total(plant, "ProdPac") == {100: 4000, 101: 50}
    assert total(plant, "ProdEtotal") == {100: 900, 101: 1300}
    assert (month(plant, one, "ProdEtotal"), month(plant, whole, "ProdEtotal")) == ({15: 900}, {15: 1300})
    assert (year(plant, whole, "ProdEtotal"), lifetime(plant, whole, "ProdEtotal")) == ({6: 1300}, {2025: 1300})
    [energy] = channels("ProdEtotal")
    assert store.read_totals(plant, store.Source(whole), [energy], DAY, DAY).over(energy, DAY, DAY) == (1300, 2)
    assert store.data_range(plant) == (DAY, DAY)
    powers = store.read_day_of_plants({plant: DAY}, channels("ProdPac")[0])
    assert np.flatnonzero(~np.isnan(powers[plant.pk])).tolist() == [100, 101]


def test_a_day_that_is_packed_and_fresh_reads_as_one(site: tuple[Plant, list[UUID]]):
    plant, [one, two] = site
    write(plant, one, ProdPac={100: 3000}, ProdEtotal={100: 900})
    write(plant, two, ProdPac={100: 1000}, ProdEtotal={100: 300})
    push(plant, one, ProdPac={101: 3100}, ProdEtotal={101: 1150})
    assert known(plant, one, "ProdPac") == {100: 3000, 101: 3100}
    assert total(plant, "ProdPac") == {100: 4000, 101: 3100}
    assert month(plant, plant.datasource_id, "ProdEtotal") == {15: 1450}
    powers = store.read_day_of_plants({plant: DAY}, channels("ProdPac")[0])
    assert powers[plant.pk][[100, 101]].tolist() == [4000, 3100]


def test_what_was_delivered_for_the_whole_plant_shows_where_no_component_speaks(site: tuple[Plant, list[UUID]]):
    plant, [one, _] = site
    push(plant, plant.datasource_id, ProdPac={100: 7, 101: 8})
    push(plant, one, ProdPac={100: 3000})
    assert total(plant, "ProdPac") == {100: 3000, 101: 8}
    store.seal(plant)
    assert total(plant, "ProdPac") == {100: 3000, 101: 8}


def test_a_month_the_logger_counted_gives_way_when_more_was_delivered(site: tuple[Plant, list[UUID]]):
    plant, [one, two] = site
    report_month(plant, one, ProdEtotal=1000)
    report_month(plant, two, ProdEtotal=500)
    push(plant, one, ProdEtotal={200: 1200})
    before = year(plant, one, "ProdEtotal"), year(plant, plant.datasource_id, "ProdEtotal")
    assert before == ({6: 1200}, {6: 1700})
    store.seal(plant)
    assert (year(plant, one, "ProdEtotal"), year(plant, plant.datasource_id, "ProdEtotal")) == before


def test_other_plants_and_other_days_do_not_hear_of_it(site: tuple[Plant, list[UUID]]):
    plant, [one, _] = site
    other, [device] = make_site(INVERTER)
    push(plant, one, ProdPac={100: 3000})
    push(other, device, ProdPac={101: 5})
    assert total(plant, "ProdPac", DAY - ONE_DAY) == total(plant, "ProdPac", DAY + ONE_DAY) == {}
    assert (total(other, "ProdPac"), known(other, one, "ProdPac")) == ({101: 5}, {})
    powers = store.read_day_of_plants({plant: DAY, other: DAY + ONE_DAY}, channels("ProdPac")[0])
    assert list(powers) == [plant.pk]


@pytest.mark.parametrize("day", [dt.date(2025, 3, 30), dt.date(2025, 10, 26)])
def test_slots_of_days_on_which_clocks_change_are_told_apart(site: tuple[Plant, list[UUID]], day: dt.date):
    plant, [one, _] = site
    last = grid.slots(plant.zone, day) - 1
    push(plant, one, day, ProdPac={0: 1, 30: 2, 42: 3, last: 4})
    push(plant, one, day + ONE_DAY, ProdPac={0: 5})
    for _ in range(2):
        assert known(plant, one, "ProdPac", day) == {0: 1, 30: 2, 42: 3, last: 4}
        assert known(plant, one, "ProdPac", day + ONE_DAY) == {0: 5}
        store.seal(plant)


def test_the_digest_of_a_day_changes_with_its_values_and_not_when_they_are_packed(site: tuple[Plant, list[UUID]]):
    plant, [one, two] = site

    def digest(device: UUID) -> bytes:
        return store.read_days(plant, [store.Source(device)], channels("ProdPac"), DAY, DAY).digest()

    write(plant, one, ProdPac={100: 3000})
    sources = (one, two, plant.datasource_id)
    seen = [[digest(device) for device in sources]]
    push(plant, one, ProdPac={101: 3100})
    seen.append([digest(device) for device in sources])
    push(plant, one, ProdPac={101: 3100})  # the same again
    assert [digest(device) for device in sources] == seen[1]
    store.seal(plant)
    assert [digest(device) for device in sources] == seen[1]
    assert [before == after for before, after in zip(*seen, strict=True)] == [False, True, False]


# --- Which value counts ------------------------------------------------------------------------------------


def test_the_value_that_came_last_counts_whatever_road_it_took(site: tuple[Plant, list[UUID]]):
    plant, [one, _] = site
    push(plant, one, ProdPac={100: 1, 101: 1, 102: 1})
    push(plant, one, ProdPac={101: 2, 102: 2})
    assert known(plant, one, "ProdPac") == {100: 1, 101: 2, 102: 2}
    assert write(plant, one, ProdPac={102: 3}) == 1
    assert (known(plant, one, "ProdPac"), fresh_rows(plant)) == ({100: 1, 101: 2, 102: 3}, 0)
    push(plant, one, ProdPac={102: 4})
    assert known(plant, one, "ProdPac") == {100: 1, 101: 2, 102: 4}
    store.seal(plant)
    assert known(plant, one, "ProdPac") == {100: 1, 101: 2, 102: 4}


def test_an_import_of_what_is_fresh_brings_nothing_new(site: tuple[Plant, list[UUID]]):
    plant, [one, _] = site
    push(plant, one, ProdPac={100: 1, 101: 2})
    assert write(plant, one, ProdPac={100: 1, 101: 2}) == 0
    assert known(plant, one, "ProdPac") == {100: 1, 101: 2}


def test_of_several_values_in_one_slot_the_one_measured_last_counts(site: tuple[Plant, list[UUID]]):
    plant, [one, _] = site
    begin = at(plant, 100)
    moments = [(begin + dt.timedelta(seconds=299), 3), (begin, 1), (begin + dt.timedelta(seconds=150), 2)]
    store.write_fresh(plant, [store.Point(one, 0, "ProdPac", moment, value) for moment, value in moments])
    assert known(plant, one, "ProdPac") == {100: 3}


def test_a_logger_that_sends_every_second_does_not_swell_its_slot(site: tuple[Plant, list[UUID]]):
    plant, [one, two] = site
    for second in range(300):
        push(plant, one, ProdPac={100: second}, ProdUac={100: 230.4})
    push(plant, two, ProdPac={100: 7})
    row = FreshReading.objects.get(plant=plant)
    assert len(bytes(row.data)) < 17 * 40
    assert known(plant, one, "ProdPac") == {100: 299}
    assert (known(plant, one, "ProdUac"), total(plant, "ProdPac")) == ({100: 230.4}, {100: 306})


@pytest.mark.parametrize(
    ("channel", "part", "value", "message"),
    [
        ("Nonsense", 0, 1, "Nonsense is not a channel that is stored"),
        ("Autarky", 0, 1, "Autarky is not a channel that is stored"),
        ("ProdPdc", 65_535, 1, "no part 65535"),
        ("ProdPac", 0, float("nan"), "is no number"),
        ("ProdPac", 0, float("inf"), "infinite"),
    ],
)
def test_what_cannot_be_stored_is_refused_with_the_whole_delivery(
    site: tuple[Plant, list[UUID]], channel: str, part: int, value: float, message: str
):
    plant, [one, _] = site
    good = point(plant, one, "ProdPac", 99, 1)
    with pytest.raises(ValueError, match=message):
        store.write_fresh(plant, [good, point(plant, one, channel, 100, value, part=part)])
    assert fresh_rows(plant) == 0


# --- Packing it --------------------------------------------------------------------------------------------


def test_a_plant_is_packed_when_it_is_quiet_or_has_much_and_only_looked_at_otherwise(site: tuple[Plant, list[UUID]]):
    quiet, [one, _] = site
    busy, [two] = make_site(INVERTER)
    full, [three] = make_site(INVERTER)
    with patch("django.utils.timezone.now", return_value=NOW - dt.timedelta(minutes=30)):
        push(quiet, one, ProdPac={1: 1, 2: 2})
        push(full, three, ProdPac={1: 1})
    with patch("django.utils.timezone.now", return_value=NOW - dt.timedelta(minutes=29)):
        push(busy, two, ProdPac={slot: slot for slot in range(35)})
        push(full, three, ProdPac={slot: slot for slot in range(1, 37)})
    assert store.seal(now=NOW) == 2 + 36
    assert [fresh_rows(plant) for plant in (quiet, busy, full)] == [0, 35, 0]
    assert list(PlantLatest.objects.filter(plant__in=[quiet, busy, full]).order_by("power").values_list("power")) == [
        (2.0,),
        (34.0,),
        (36.0,),
    ]
    assert store.seal(now=NOW) == 0


def test_packing_again_changes_nothing(site: tuple[Plant, list[UUID]]):
    plant, [one, _] = site
    push(plant, one, ProdPac={100: 1})
    assert [store.seal(plant), store.seal(plant)] == [1, 0]
    before = stored(plant)
    push(plant, one, ProdPac={100: 1})
    assert store.seal(plant) == 1
    assert stored(plant) == before


def test_late_readings_of_a_packed_day_are_merged_with_the_next_packing(site: tuple[Plant, list[UUID]]):
    plant, [one, _] = site
    write(plant, one, DAY - 20 * ONE_DAY, ProdEtotal={200: 500})
    push(plant, one, DAY - 20 * ONE_DAY, ProdEtotal={201: 600})
    assert month(plant, one, "ProdEtotal", dt.date(2025, 5, 1)) == {26: 600}
    store.seal(plant)
    assert month(plant, one, "ProdEtotal", dt.date(2025, 5, 1)) == {26: 600}
    assert fresh_rows(plant) == 0


def test_a_backlog_is_packed_piece_by_piece(site: tuple[Plant, list[UUID]], monkeypatch: pytest.MonkeyPatch):
    plant, [one, _] = site
    monkeypatch.setattr("apps.measurements.writing._SLOTS_AT_ONCE", 10)
    monkeypatch.setattr("apps.measurements.rows._AT_ONCE", 7)
    write(plant, one, ProdPac={100: 1})
    push(plant, one, ProdPac={slot: slot for slot in range(25)})
    with Statements() as statements:
        assert store.seal(plant) == 25
    assert len(statements) == 3 * 9
    assert known(plant, one, "ProdPac") == {slot: slot for slot in range(25)} | {100: 1}


def test_a_plant_that_cannot_be_packed_does_not_stop_the_others(
    site: tuple[Plant, list[UUID]], caplog: pytest.LogCaptureFixture
):
    broken, [one, _] = site
    others = [make_site(INVERTER) for _ in range(2)]
    push(broken, one, ProdPac={1: 1})
    FreshReading.objects.filter(plant=broken).update(data=b"nonsense")
    for plant, [device] in others:
        push(plant, device, ProdPac={1: 1})
    with caplog.at_level(logging.ERROR):
        assert store.seal(now=dt.datetime.now(dt.UTC) + ONE_DAY) == 2
    assert f"Fresh readings of plant {broken.pk} cannot be packed" in caplog.text
    assert (fresh_rows(broken), *(fresh_rows(plant) for plant, _ in others)) == (1, 0, 0)


class Crash(Exception):
    pass


@contextmanager
def crash_after(statements: int) -> Iterator[None]:
    """Let the process die, in a manner of speaking, after so many statements."""
    left = statements

    def run(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal left
        if left <= 0 and not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            raise Crash
        left -= not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK"))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(run):
        yield


def test_packing_that_is_interrupted_leaves_every_value_in_its_place(site: tuple[Plant, list[UUID]]):
    plant, [one, two] = site
    write(plant, one, ProdEtotal={99: 50})
    push(plant, one, ProdPac={100: 3000}, ProdEtotal={100: 900})
    push(plant, two, ProdPac={100: 1000}, ProdEtotal={100: 300})
    before = stored(plant)
    for statements in range(20):
        try:
            with crash_after(statements):
                store.seal(plant)
            break
        except Crash:
            assert (stored(plant), fresh_rows(plant)) == (before, 1)
            assert total(plant, "ProdEtotal") == {99: 50, 100: 1200}
    assert statements == 10
    assert (fresh_rows(plant), total(plant, "ProdEtotal")) == (0, {99: 50, 100: 1200})


# --- The newest values -------------------------------------------------------------------------------------


def test_lists_of_plants_know_what_is_fresh_when_it_was_followed(site: tuple[Plant, list[UUID]]):
    plant, [one, two] = site
    write(plant, one, DAY - ONE_DAY, ProdEtotal={200: 500})
    push(plant, one, ProdPac={100: 3000}, ProdEtotal={100: 900})
    push(plant, two, ProdPac={100: 1000}, ProdEtotal={100: 300})
    store.follow_fresh(plant)
    values = PlantLatest.objects.values().get(plant=plant)
    assert (values["power"], values["day"], values["day_energy"]) == (4000, DAY, 1200)
    assert (values["month"], values["month_energy"]) == (JUNE, 1700)
    assert values["data_at"] == at(plant, 100)
    for again in (lambda: store.seal(plant), lambda: store.follow_fresh(plant), lambda: store.find_latest(plant)):
        again()
        assert PlantLatest.objects.values().get(plant=plant) == values


def test_a_search_for_the_newest_values_finds_fresh_ones(site: tuple[Plant, list[UUID]]):
    plant, [one, _] = site
    push(plant, one, ProdPac={100: 3000})
    store.find_latest(plant)
    assert PlantLatest.objects.get(plant=plant).power == 3000


# --- What it costs -----------------------------------------------------------------------------------------


def test_a_delivery_takes_one_statement_that_reads_nothing(site: tuple[Plant, list[UUID]]):
    plant, devices = site
    points = [point(plant, device, "ProdPac", slot, 1) for device in devices for slot in range(20)]
    for _ in range(2):
        with Statements() as statements:
            store.write_fresh(plant, points)
        assert [query["sql"].split()[0] for query in statements.captured_queries] == ["INSERT"]
    with Statements() as statements:
        store.write_fresh(plant, [])
    assert not statements.captured_queries


def test_reads_take_one_statement_of_a_device_and_at_most_four_of_a_plant_with_fresh_readings():
    plant, [one, two, meter] = make_site(INVERTER, TOTAL_METER, GRID_METER)
    push(plant, one, ProdPac={100: 1})
    push(plant, two, ConsPac={100: 1})
    push(plant, meter, GridPacIn={100: 1})
    asked = channels("ProdPac", "Autarky")

    def costs(sources: Sequence[UUID]) -> list[int]:
        found, counts = [store.Source(device) for device in sources], []
        for read in (
            lambda: list(store.read_days(plant, found, asked, DAY - 30 * ONE_DAY, DAY)),
            lambda: store.read_month(plant, found, asked, JUNE),
            lambda: store.read_totals(plant, found[0], asked[:1], JUNE, DAY),
            lambda: store.read_lifetime(plant, found, asked, 2025),
        ):
            with Statements() as statements:
                read()
            counts.append(len(statements))
        return counts

    assert costs([one, two]) == [1, 4, 4, 4]
    assert costs([plant.datasource_id]) == [3, 4, 4, 4]
    plants = {plant: DAY} | {make_site(INVERTER)[0]: DAY for _ in range(3)}
    with Statements() as statements:
        store.read_day_of_plants(plants, asked[0])
    assert len(statements) == 4
    store.seal(plant)
    assert (costs([one]), costs([plant.datasource_id])) == ([1, 1, 1, 1], [1, 1, 1, 1])
    with Statements() as statements:
        store.read_day_of_plants(plants, asked[0])
    assert len(statements) == 2


def test_rows_of_a_slot_hold_any_bytes_on_every_database(site: tuple[Plant, list[UUID]]):
    plant, _ = site
    everything = {(UUID(int=int.from_bytes(bytes(range(at, at + 16)))), 0): {(1, 0): at} for at in range(0, 256, 16)}
    for _ in range(2):
        rows.append_fresh(plant, {at(plant, 1): everything}, NOW)
    [data] = FreshReading.objects.filter(plant=plant).values_list("data", flat=True)
    assert [reading.device for reading in rows.unpack_fresh(bytes(data))] == [device for device, _ in everything] * 2
