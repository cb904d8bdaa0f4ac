"""What the store answers: order, periods, derived channels, sums over spans; its statements and its memory."""

import datetime as dt
import tracemalloc
from collections import deque
from decimal import Decimal
from uuid import UUID

import numpy as np
import pytest

from apps.measurements import store
from apps.measurements.models import DaySeries
from apps.measurements.store import Source
from apps.plants.models import Plant
from tests.measurements.sites import (
    DAY,
    GRID_METER,
    INVERTER,
    JUNE,
    TOTAL_METER,
    Statements,
    as_dict,
    channels,
    day,
    known,
    lifetime,
    make_site,
    month,
    report_month,
    total,
    write,
    year,
)

pytestmark = pytest.mark.django_db
ONE_DAY = dt.timedelta(days=1)


@pytest.fixture
def site(db: None) -> tuple[Plant, list[UUID]]:
    return make_site(INVERTER, INVERTER)


# --- Days --------------------------------------------------------------------------------------------------


def test_days_come_newest_first_then_by_source_then_by_channel(site: tuple[Plant, list[UUID]]):
    plant, devices = site
    for device in devices:
        for at in (DAY - ONE_DAY, DAY):
            write(plant, device, at, ProdPac={1: 1}, ProdEtotal={1: 1})
    one, two = sorted((Source(device) for device in devices), key=str)
    found = store.read_days(plant, [two, one], channels("ProdEtotal", "ProdPac"), DAY - ONE_DAY, DAY)
    assert [(at, source, channel.name) for at, source, channel, _ in found] == [
        (at, source, name) for at in (DAY, DAY - ONE_DAY) for source in (two, one) for name in ("ProdEtotal", "ProdPac")
    ]


def test_a_source_answers_only_for_the_days_of_its_epoch(site: tuple[Plant, list[UUID]]):
    plant, [device, _] = site
    for number in (13, 14, 15, 16):
        write(plant, device, DAY.replace(day=number), ProdPac={1: number}, ProdEtotal={1: number})
    limited = Source(device, since=DAY.replace(day=14), until=DAY)
    days = store.read_days(plant, [limited], channels("ProdPac"), JUNE, DAY.replace(day=30))
    assert [at.day for at, *_ in days] == [15, 14]
    assert [as_dict(found.values) for found in store.read_month(plant, [limited], channels("ProdEtotal"), JUNE)] == [
        {13: 14, 14: 15}
    ]
    assert [as_dict(found.values) for found in store.read_year(plant, [limited], channels("ProdEtotal"), 2025)] == [
        {5: 29}
    ]


def test_a_month_reported_for_the_whole_month_does_not_speak_for_a_part_of_it(site: tuple[Plant, list[UUID]]):
    plant, [device, _] = site
    write(plant, device, ProdEtotal={1: 100})
    report_month(plant, device, ProdEtotal=5000)
    limited = Source(device, since=DAY)
    assert [as_dict(found.values) for found in store.read_year(plant, [limited], channels("ProdEtotal"), 2025)] == [
        {5: 100}
    ]


def test_a_range_can_be_iterated_twice_and_is_fetched_once(site: tuple[Plant, list[UUID]]):
    plant, [device, _] = site
    write(plant, device, ProdPac={1: 1})
    with Statements() as statements:
        found = store.read_days(plant, [Source(device)], channels("ProdPac"), DAY - 30 * ONE_DAY, DAY)
        found.digest()
        assert len(list(found)) == len(list(found)) == 1
    assert len(statements) == 1
    assert not found.is_long


def test_a_range_that_ends_before_it_begins_holds_nothing(site: tuple[Plant, list[UUID]]):
    plant, [device, _] = site
    found = store.read_days(plant, [Source(device)], channels("ProdPac"), DAY, DAY - ONE_DAY)
    assert (list(found), found.is_long) == ([], False)


# --- Months, years, lifetime -------------------------------------------------------------------------------


def test_energies_are_summed_and_powers_averaged_over_the_slots_that_have_a_value(site: tuple[Plant, list[UUID]]):
    plant, [device, _] = site
    write(plant, device, dt.date(2024, 12, 31), ProdPac={1: 100}, ProdEtotal={1: 10})
    write(plant, device, dt.date(2025, 6, 1), ProdPac={1: 100, 2: 300, 3: 800}, ProdEtotal={3: 20})
    write(plant, device, dt.date(2025, 6, 2), ProdPac={1: 600}, ProdEtotal={3: 30})
    write(plant, device, dt.date(2025, 7, 1), ProdPac={1: 50}, ProdEtotal={3: 40})
    assert month(plant, device, "ProdPac") == {1: 400, 2: 600}
    assert year(plant, device, "ProdPac") == {6: 450, 7: 50}  # (100 + 300 + 800 + 600) / 4
    assert lifetime(plant, device, "ProdPac") == {2024: 100, 2025: 370}  # (1800 + 50) / 5
    assert month(plant, device, "ProdEtotal") == {1: 20, 2: 30}
    assert year(plant, device, "ProdEtotal") == {6: 50, 7: 40}
    assert lifetime(plant, device, "ProdEtotal") == {2024: 10, 2025: 90}


def test_periods_say_how_many_slots_stand_behind_each_value(site: tuple[Plant, list[UUID]]):
    plant, [device, _] = site
    write(plant, device, dt.date(2025, 6, 1), ProdPac={1: 100, 2: 300})
    write(plant, device, dt.date(2025, 6, 2), ProdPac={1: 600})
    [june] = store.read_month(plant, [Source(device)], channels("ProdPac"), JUNE)
    assert june.counts.tolist() == [2, 1] + 28 * [0]
    [found] = store.read_year(plant, [Source(device)], channels("ProdPac"), 2025)
    assert found.counts.tolist() == [0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0]


def test_lifetime_begins_with_the_first_year_of_the_sources_asked_for(site: tuple[Plant, list[UUID]]):
    plant, [one, two] = site
    write(plant, one, dt.date(2019, 7, 1), ProdEtotal={1: 1})
    write(plant, two, dt.date(2023, 7, 1), ProdEtotal={1: 2})
    first, [found] = store.read_lifetime(plant, [Source(two)], channels("ProdEtotal"), 2025)
    assert (first, as_dict(found.values), found.values.size) == (dt.date(2023, 7, 1), {0: 2}, 3)


def test_series_without_any_value_are_left_out_of_periods(site: tuple[Plant, list[UUID]]):
    plant, devices = site
    write(plant, devices[0], ProdPac={1: 1})
    sources = [Source(device) for device in devices]
    found = store.read_month(plant, sources, channels("ProdPac", "ProdEtotal"), JUNE)
    assert [(entry.source.device, entry.channel.name) for entry in found] == [(devices[0], "ProdPac")]


# --- Derived channels --------------------------------------------------------------------------------------


@pytest.fixture
def house(db: None) -> Plant:
    """Two days of June: 10 kWh produced and 6 fed in on each; 8 kWh, then 4 kWh consumed, of which 4 covered."""
    plant, [inverter, consumption, meter] = make_site(INVERTER, TOTAL_METER, GRID_METER, size=8000)
    plant.feed_in_tariff, plant.electricity_cost = Decimal("0.08"), Decimal("0.30")
    plant.save()
    for number, consumed in ((15, 8000), (16, 4000)):
        at = DAY.replace(day=number)
        write(plant, inverter, at, ProdPac={100: 4000, 101: 2000}, ProdEtotal={200: 10_000})
        write(plant, consumption, at, ConsPac={100: 1000, 101: 2500}, ConsEtotal={200: consumed})
        write(
            plant,
            meter,
            at,
            GridPacIn={100: 0, 101: 500},
            GridPacOut={100: 3000, 101: 0},
            GridEtotalIn={200: consumed - 4000},
            GridEtotalOut={200: 6000},
        )
    return plant


Numbers = dict[int, float]


def derived(plant: Plant, name: str, size: int = 0) -> tuple[Numbers, Numbers, Numbers]:
    """A channel of the plant by slot, by day of June, and by month, counted from 0."""
    source, asked = [Source(plant.datasource_id, size=size)], channels(name)
    [slots] = store.read_days(plant, source, asked, DAY, DAY)
    [june] = store.read_month(plant, source, asked, JUNE)
    [months] = store.read_year(plant, source, asked, 2025)
    return as_dict(slots.values), as_dict(june.values), as_dict(months.values)


def test_normalised_power_is_power_by_size(house: Plant):
    slots, days, months = derived(house, "ProdPacNorm", size=8000)
    assert slots == {100: 0.5, 101: 0.25}
    assert days == {14: 0.375, 15: 0.375}
    assert months == {5: 0.375}


def test_normalised_power_has_the_decimals_of_its_channel(house: Plant):
    assert derived(house, "ProdPacNorm", size=9000)[0] == {100: 0.444, 101: 0.222}


def test_autarky_is_the_covered_share_of_power_in_a_slot_and_of_energy_in_a_period(house: Plant):
    slots, days, months = derived(house, "Autarky")
    assert slots == {100: 100, 101: 80}
    assert days == {14: 50, 15: 100}
    assert months == {5: pytest.approx(66.6667, abs=1e-4)}  # 8 of 12 kWh


def test_self_consumption_is_the_share_of_production_that_stays(house: Plant):
    slots, days, months = derived(house, "SelfConsumption")
    assert slots == {100: 25, 101: 100}
    assert days == {14: 40, 15: 40}
    assert months == {5: 40}


def test_financial_yields_are_energies_at_their_prices(house: Plant):
    assert derived(house, "ProdEtotalFeedFinancialYield") == ({200: 0.48}, {14: 0.48, 15: 0.48}, {5: 0.96})
    slots, days, months = derived(house, "ConsEtotalCovFinancialYield")
    assert slots == {200: 1.2}
    assert days == {14: pytest.approx(1.2), 15: pytest.approx(1.2)}
    assert months == {5: pytest.approx(2.4)}
    slots, days, months = derived(house, "ProdEtotalFinancialYield")
    assert slots == {200: 1.68}
    assert months == {5: pytest.approx(3.36)}


def test_shares_of_nothing_are_null(house: Plant):
    inverter = house.epochs.get().components.get(dataindex=0).cross_epoch_id
    at = DAY.replace(day=20)
    write(house, inverter, at, ProdPac={1: 0}, ProdEtotal={1: 0})
    found = store.read_days(house, [Source(house.datasource_id)], channels("SelfConsumption", "Autarky"), at, at)
    assert list(found) == []


def test_days_on_which_only_production_is_known_do_not_dilute_self_consumption(house: Plant):
    inverter = house.epochs.get().components.get(dataindex=0).cross_epoch_id
    write(house, inverter, DAY.replace(day=20), ProdEtotal={200: 90_000})
    report_month(house, inverter, ProdEtotal=500_000)
    assert derived(house, "SelfConsumption")[2] == {5: 40}
    assert year(house, house.datasource_id, "ProdEtotal") == {6: 500_000}


@pytest.mark.parametrize(
    ("name", "unknown"),
    [
        ("ProdEtotalFinancialYield", "feed_in_tariff"),
        ("ProdEtotalFinancialYield", "electricity_cost"),
        ("ProdEtotalFeedFinancialYield", "feed_in_tariff"),
        ("ConsEtotalCovFinancialYield", "electricity_cost"),
    ],
)
def test_without_a_price_there_is_no_financial_yield(house: Plant, name: str, unknown: str):
    setattr(house, unknown, None)
    source = [Source(house.datasource_id)]
    assert list(store.read_days(house, source, channels(name), DAY, DAY)) == []
    assert store.read_month(house, source, channels(name), JUNE) == []
    assert store.read_year(house, source, channels(name), 2025) == []
    assert store.read_lifetime(house, source, channels(name), 2025)[1] == []


def test_a_price_of_zero_is_a_price(house: Plant):
    house.feed_in_tariff = Decimal(0)
    assert derived(house, "ProdEtotalFeedFinancialYield") == ({200: 0}, {14: 0, 15: 0}, {5: 0})


def test_without_a_size_there_is_no_normalised_power(house: Plant):
    source = [Source(house.datasource_id, size=0)]
    assert list(store.read_days(house, source, channels("ProdPacNorm"), DAY, DAY)) == []
    assert store.read_month(house, source, channels("ProdPacNorm"), JUNE) == []


# --- Sums over spans ---------------------------------------------------------------------------------------


def test_totals_can_be_asked_over_any_span(site: tuple[Plant, list[UUID]]):
    plant, [device, _] = site
    for at, value in ((dt.date(2025, 5, 31), 10), (dt.date(2025, 6, 1), 20), (dt.date(2025, 6, 30), 40)):
        write(plant, device, at, ProdEtotal={1: value, 2: value}, ProdPac={1: value, 2: 2 * value, 3: 3 * value})
    energy, power = channels("ProdEtotal", "ProdPac")
    found = store.read_totals(plant, Source(device), [energy, power], dt.date(2025, 5, 15), dt.date(2025, 6, 30))
    assert found.over(energy, dt.date(2025, 5, 31), dt.date(2025, 6, 1)) == (30, 4)
    assert found.over(energy, dt.date(2025, 6, 1), dt.date(2025, 6, 30)) == (60, 4)
    assert found.over(energy, dt.date(2025, 6, 2), dt.date(2025, 6, 29)) is None
    assert found.over(power, dt.date(2025, 5, 31), dt.date(2025, 6, 1)) == (30, 6)
    assert found.over(power, dt.date(2025, 6, 1), dt.date(2025, 6, 30)) == (60, 6)


def test_a_reported_month_speaks_for_the_whole_month_only(site: tuple[Plant, list[UUID]]):
    plant, [device, _] = site
    write(plant, device, ProdEtotal={1: 100})
    report_month(plant, device, ProdEtotal=5000)
    [energy] = channels("ProdEtotal")
    found = store.read_totals(plant, Source(device), [energy], JUNE, dt.date(2025, 6, 30))
    assert found.over(energy, JUNE, dt.date(2025, 6, 30)) == (5000, 1)
    assert found.over(energy, JUNE, dt.date(2025, 6, 29)) == (100, 1)


# --- Whether something changed -----------------------------------------------------------------------------


def test_the_digest_changes_when_a_value_in_the_range_does_and_not_otherwise(site: tuple[Plant, list[UUID]]):
    plant, [one, two] = site
    write(plant, one, ProdPac={1: 100})

    def digest() -> bytes:
        return store.read_days(plant, [Source(one)], channels("ProdPac"), DAY - ONE_DAY, DAY).digest()

    before = digest()
    write(plant, one, ProdPac={1: 100})
    write(plant, two, ProdPac={1: 5})
    write(plant, one, DAY + ONE_DAY, ProdPac={1: 5})
    assert digest() == before
    write(plant, one, ProdPac={1: 101})
    changed = digest()
    assert changed != before
    write(plant, one, DAY - ONE_DAY, ProdPac={1: 1})
    assert digest() not in (before, changed)
    write(plant, one, ProdPac={1: 100})
    DaySeries.objects.filter(day=DAY - ONE_DAY).delete()
    assert digest() == before


def test_the_digest_of_a_financial_yield_changes_with_the_price_and_of_a_norm_with_the_size(house: Plant):
    def digest(name: str, size: int = 0) -> bytes:
        return store.read_days(house, [Source(house.datasource_id, size=size)], channels(name), DAY, DAY).digest()

    before = digest("ProdEtotalFeedFinancialYield"), digest("ProdEtotalFeed")
    house.feed_in_tariff = Decimal("0.09")
    assert digest("ProdEtotalFeedFinancialYield") != before[0]
    assert digest("ProdEtotalFeed") == before[1]
    assert digest("ProdPacNorm", 100) != digest("ProdPacNorm", 200)


# --- What it costs -----------------------------------------------------------------------------------------


def test_a_write_takes_nine_statements_and_one_that_changes_nothing_four(site: tuple[Plant, list[UUID]]):
    plant, devices = site
    write(plant, devices[0], ProdPac={0: 1}, ProdEtotal={0: 1})  # the first one also looks for what was there before
    with Statements() as statements:
        write(plant, devices[0], ProdPac={1: 1}, ProdEtotal={1: 1})
    assert len(statements) == 9
    with Statements() as statements:
        write(plant, devices[0], ProdPac={1: 1}, ProdEtotal={1: 1})
    assert len(statements) == 4
    with Statements() as statements:
        store.write(
            plant, [day(plant, device, DAY + n * ONE_DAY, ProdPac={1: 2}) for device in devices for n in range(30)]
        )
    assert len(statements) == 9
    with Statements() as statements:
        report_month(plant, devices[0], ProdEtotal=9000)
    assert len(statements) == 6


def test_every_read_takes_one_statement(house: Plant):
    devices = house.epochs.get().components.values_list("cross_epoch_id", flat=True)
    sources = [Source(device) for device in [house.datasource_id, *devices]]
    asked = channels("ProdPac", "ConsEtotal", "Autarky", "ProdEtotalFinancialYield")
    with Statements() as statements:
        list(store.read_days(house, sources, asked, DAY - 30 * ONE_DAY, DAY))
    assert len(statements) == 1
    with Statements() as statements:
        store.read_month(house, sources, asked, JUNE)
    assert len(statements) == 1
    with Statements() as statements:
        store.read_year(house, sources, asked, 2025)
    assert len(statements) == 1
    with Statements() as statements:
        store.read_lifetime(house, sources, asked, 2025)
    assert len(statements) == 1
    with Statements() as statements:
        found = store.read_totals(house, sources[0], channels("ProdEtotal"), dt.date(2020, 1, 1), DAY)
        found.over(channels("ProdEtotal")[0], dt.date(2020, 1, 1), DAY)
    assert len(statements) == 1


def test_twenty_months_stream_by_windows_of_a_month_with_flat_memory(site: tuple[Plant, list[UUID]]):
    plant, [device, _] = site
    last = DAY + 608 * ONE_DAY
    dice = np.random.default_rng(1)
    store.write(plant, [day(plant, device, DAY, ProdPac=np.round(dice.uniform(0, 9000, 288)))])
    data = bytes(DaySeries.objects.get(plant=plant, device_id=device).data)
    DaySeries.objects.bulk_create(
        DaySeries(plant=plant, device_id=device, day=DAY + n * ONE_DAY, data=data) for n in range(1, 609)
    )
    found = store.read_days(plant, [Source(device)], channels("ProdPac"), DAY, last)
    assert found.is_long
    next(iter(found))  # whatever is imported or cached at the first time

    tracemalloc.start()
    with Statements() as statements:
        seen = deque((at for at, *_ in found), maxlen=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seen[0] == DAY
    assert len(statements) == 20
    assert peak < 400_000  # the values alone are 1.4 MB


def test_the_data_range_spans_all_devices(site: tuple[Plant, list[UUID]]):
    plant, [one, two] = site
    write(plant, one, DAY, Temp={1: 20})
    write(plant, two, DAY - ONE_DAY, Temp={1: 20})
    assert store.data_range(plant) == (DAY - ONE_DAY, DAY)
    assert (known(plant, one, "Temp"), total(plant, "Temp")) == ({1: 20}, {})
