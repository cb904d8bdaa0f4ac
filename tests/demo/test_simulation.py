"""The simulated plants obey physics and the calendar."""

import datetime as dt
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from apps.demo.blueprint import Effect, Span
from apps.demo.generation import Readings
from apps.demo.period import Array, Period
from apps.demo.plants import DC_CHANNELS, FIELD, HOUSEHOLD, INVERTER_CHANNELS, PLANTS, ROOF, DemoPlant
from apps.demo.simulation import simulate, sum_of
from apps.measurements.channels import BY_NAME, Aggregate

FIRST, DAYS = dt.date(2025, 9, 20), 426
JUNE = dt.date(2026, 6, 1)


def span_of(demo: DemoPlant) -> Span:
    return Span(ZoneInfo(demo.timezone), FIRST, DAYS)


@cache
def month_of(demo: DemoPlant, month: dt.date) -> tuple[Period, dict[str, Readings]]:
    return simulate(demo.model, span_of(demo), month)


def each_day(demo: DemoPlant, month: dt.date) -> dict[dt.date, slice]:
    period, _ = month_of(demo, month)
    return dict(period.slices())


def total(demo: DemoPlant, channel: str, month: dt.date = JUNE) -> Array:
    period, devices = month_of(demo, month)
    return sum_of(devices, channel, period)


@pytest.mark.parametrize("demo", [HOUSEHOLD, ROOF], ids=lambda demo: demo.identifier)
def test_energy_balances_to_the_watt_in_every_slot(demo: DemoPlant):
    _, devices = month_of(demo, JUNE)
    consumed = devices["consumption"]["ConsPac", 0]
    sources = total(demo, "ProdPac") + total(demo, "GridPacIn") + total(demo, "BatPacDischarge")
    uses = consumed + total(demo, "GridPacOut") + total(demo, "BatPacCharge")
    np.testing.assert_array_equal(sources, uses)


def test_the_house_meter_contains_charger_and_heat_pump_and_is_the_sum_of_its_phases():
    _, devices = month_of(HOUSEHOLD, JUNE)
    meter = devices["consumption"]
    parts = devices["charger"]["ConsPac", 0] + devices["heat-pump"]["ConsPac", 0]
    assert (meter["ConsPac", 0] >= parts).all()
    phases = sum(meter[f"ConsPacPhase{phase}", 0] for phase in ("One", "Two", "Three"))
    np.testing.assert_array_equal(phases, meter["ConsPac", 0])


@pytest.mark.parametrize("demo", PLANTS, ids=lambda demo: demo.identifier)
def test_nothing_is_produced_at_night_and_much_at_noon(demo: DemoPlant):
    period, devices = month_of(demo, JUNE)
    night, noon = (period.hours < 3) | (period.hours > 23), abs(period.hours - 13) < 1
    for readings in devices.values():
        for (name, _), values in readings.items():
            if name in ("ProdPac", "ProdPdc", "ProdUdc", "ProdIdc", "Irradiation"):
                assert not np.nan_to_num(values[night]).any()
    assert total(demo, "ProdPac")[noon].mean() > 0.2 * demo.size


@pytest.mark.parametrize("demo", PLANTS, ids=lambda demo: demo.identifier)
def test_counters_begin_at_midnight_and_never_fall(demo: DemoPlant):
    _, devices = month_of(demo, JUNE)
    for where in each_day(demo, JUNE).values():
        for readings in devices.values():
            for (name, _), values in readings.items():
                if BY_NAME[name].aggregate is Aggregate.COUNTER:
                    known = values[where][~np.isnan(values[where])]
                    assert (np.diff(known) >= 0).all()
                    assert np.isnan(values[where][0]) or values[where][0] < demo.size / 10


@pytest.mark.parametrize(
    ("demo", "day", "slots"),
    [
        (HOUSEHOLD, dt.date(2026, 3, 29), 276),
        (HOUSEHOLD, dt.date(2025, 10, 26), 300),
        (FIELD, dt.date(2026, 9, 6), 276),
        (FIELD, dt.date(2026, 4, 4), 300),
        (FIELD, dt.date(2026, 6, 6), 288),
    ],
)
def test_a_day_has_as_many_slots_as_five_minutes_pass(demo: DemoPlant, day: dt.date, slots: int):
    where = each_day(demo, day.replace(day=1))[day]
    assert where.stop - where.start == slots


def test_the_battery_stays_within_its_limits_and_gives_back_less_than_it_took():
    _, devices = month_of(HOUSEHOLD, JUNE)
    charge = devices["battery"]["BatSoc", 0]
    assert charge.min() >= 5.9
    assert charge.max() <= 98.1
    taken, given = (devices["battery"][name, 0].sum() for name in ("BatPacCharge", "BatPacDischarge"))
    assert 0.8 * taken < given < 0.97 * taken


def test_an_inverter_clips_at_its_rated_power_and_converts_with_loss():
    _, devices = month_of(FIELD, dt.date(2026, 1, 1))
    power, direct = devices["inverter-1"]["ProdPac", 0], devices["inverter-1"]["ProdPdc", 0]
    assert power.max() == FIELD.model.inverters[0].rated
    assert (power <= direct).all()


@pytest.mark.parametrize("demo", PLANTS, ids=lambda demo: demo.identifier)
def test_trackers_and_strings_add_up_to_the_inverter(demo: DemoPlant):
    _, devices = month_of(demo, JUNE)
    inverter = demo.model.inverters[0]
    readings = devices[inverter.key]
    parts = [range(1, len(inverter.trackers) + 1)]
    if inverter.strings_measured:
        parts.append(range(-4, 0))
    for numbers in parts:
        power = np.sum([readings["ProdPdc", part] for part in numbers], axis=0)
        np.testing.assert_array_equal(power, readings["ProdPdc", 0])


@pytest.mark.parametrize("demo", PLANTS, ids=lambda demo: demo.identifier)
def test_every_device_delivers_exactly_the_channels_it_lists(demo: DemoPlant):
    _, devices = month_of(demo, JUNE)
    listed = {device.key: set(device.channels) for device in demo.devices if device.channels}
    listed |= {inverter.key: set(INVERTER_CHANNELS) for inverter in demo.model.inverters}
    assert {key: {name for name, part in readings if not part} for key, readings in devices.items()} == listed
    for inverter in demo.model.inverters:
        parts = {name for name, part in devices[inverter.key] if part}
        assert parts == set(DC_CHANNELS)


@pytest.mark.parametrize("demo", PLANTS, ids=lambda demo: demo.identifier)
def test_values_have_the_decimals_of_their_channel(demo: DemoPlant):
    _, devices = month_of(demo, JUNE)
    for readings in devices.values():
        for (name, _), values in readings.items():
            np.testing.assert_array_equal(values, np.round(values, BY_NAME[name].decimals))


def test_a_broken_string_carries_no_current_while_its_neighbours_do():
    fault = next(i for i in ROOF.model.incidents if i.effect is Effect.STRING_OPEN)
    begin, end = fault.window(span_of(ROOF))
    assert end is not None
    month = (begin + dt.timedelta(days=4)).date().replace(day=1)
    period, devices = month_of(ROOF, month)
    broken = period.during(begin, end)
    current = devices[fault.device]["ProdIdc", -fault.string]
    neighbour = devices[fault.device]["ProdIdc", -1]
    assert broken.sum() > 1000
    assert not current[broken].any()
    assert neighbour[broken].max() > 5


def test_the_gap_is_null_in_every_channel_and_counters_go_on_meanwhile():
    gap = next(i for i in ROOF.model.incidents if i.effect is Effect.SILENT)
    begin, end = gap.window(span_of(ROOF))
    assert end is not None
    assert dt.timedelta(hours=4) < end - begin < dt.timedelta(days=2)
    period, devices = month_of(ROOF, begin.date().replace(day=1))
    silent = period.during(begin, end)
    assert silent.sum() == (end - begin) / dt.timedelta(minutes=5)
    for key in ("inverter-1", "inverter-3-new", "grid", "sensor"):
        for values in devices[key].values():
            np.testing.assert_array_equal(np.isnan(values), silent)


def test_a_replaced_inverter_ends_when_its_successor_begins():
    day = span_of(ROOF).day(0.6)
    _, devices = month_of(ROOF, day.replace(day=1))
    where = each_day(ROOF, day.replace(day=1))
    for key, absent_from in (("inverter-3", day), ("inverter-3-new", None)):
        for each, place in where.items():
            absent = (each >= day) if absent_from else (each < day)
            assert np.isnan(devices[key]["ProdPac", 0][place]).all() == absent


def test_a_day_is_simulated_the_same_whatever_month_it_is_computed_with():
    _, june = month_of(ROOF, JUNE)
    may_31 = each_day(ROOF, dt.date(2026, 5, 1))[dt.date(2026, 5, 31)]
    ahead_of_june = each_day(ROOF, JUNE)[dt.date(2026, 5, 31)]
    _, may = month_of(ROOF, dt.date(2026, 5, 1))
    ours = june["inverter-1"]["ProdPac", 0][ahead_of_june]
    np.testing.assert_array_equal(may["inverter-1"]["ProdPac", 0][may_31], ours)


def test_incidents_of_one_device_do_not_overlap():
    for demo in PLANTS:
        for key in {incident.device for incident in demo.model.incidents}:
            windows = sorted(i.window(span_of(demo)) for i in demo.model.incidents if i.device == key)
            assert all(end and end <= begin for (_, end), (begin, _) in pairwise(windows))
