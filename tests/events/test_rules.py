"""Each rule on made-up days: what it finds, and what it must not mistake for a fault."""

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from apps.events import rules
from apps.events.codes import Kind
from apps.events.rules import PATIENCE, Daylight
from apps.events.spans import BAD, GOOD, Span, Verdict, troubles
from apps.measurements.grid import Array

SLOTS = 288
BERLIN = ZoneInfo("Europe/Berlin")
ALWAYS = np.ones(SLOTS, dtype=np.bool_)
NEVER = np.full(SLOTS, np.nan)


def at(hour: float) -> int:
    return round(hour * 12)


def bell(peak: float = 0.8) -> Array:
    """A clear day from 6 to 18 o'clock, in W/Wp."""
    hours = np.arange(SLOTS) / 12
    return np.where((hours > 6) & (hours < 18), peak * np.sin(np.pi * (hours - 6) / 12), 0.0)


def changed(values: Array, begin: float, end: float, value: float) -> Array:
    copy = values.copy()
    copy[at(begin) : at(end)] = value
    return copy


def found(kind: Kind, judged: Verdict, *, lasting: bool = False) -> list[Span]:
    return troubles(judged, PATIENCE[kind], lasting=lasting)


# --- Inverters -------------------------------------------------------------------------------------------------------


def silent(own: Array, *peers: Array, irradiance: Array | None = None) -> list[Span]:
    return found(Kind.INVERTER_SILENT, rules.inverter_silent(own, 1, rules.expected(peers, irradiance, ALWAYS)))


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_an_inverter_without_power_or_data_is_silent_while_its_peers_produce(value: float):
    assert silent(changed(bell(), 10, 12, value), bell(), bell(0.7)) == [Span(at(10), at(12))]


def test_it_is_not_silent_for_less_than_half_an_hour_or_where_nobody_produces():
    assert silent(changed(bell(), 10, 10.4, 0), bell()) == []
    assert silent(np.zeros(SLOTS), np.zeros(SLOTS)) == []
    assert silent(np.zeros(SLOTS), NEVER) == []


def test_a_cloudy_day_and_an_early_roof_blame_nobody():
    assert silent(np.zeros(SLOTS), bell(0.07)) == []
    late = np.roll(bell(), at(1.5)) + 0.03 * (bell() > 0)
    assert silent(late, bell()) == []


def test_without_peers_the_sensor_tells_but_not_at_night():
    assert silent(changed(bell(), 10, 12, 0), irradiance=bell(1000)) == [Span(at(10), at(12))]
    daylight = bell() > 0
    stuck = rules.expected([], np.full(SLOTS, 800.0), daylight)
    assert np.flatnonzero(rules.inverter_silent(np.zeros(SLOTS), 1, stuck) == BAD).tolist() == list(range(73, 216))


def test_a_silent_inverter_stays_silent_over_night_until_it_produces():
    assert silent_from_before(np.zeros(SLOTS)) == [Span(None, None)]
    woken = bell()
    assert silent_from_before(woken) == [Span(None, int(np.flatnonzero(woken >= 0.02)[0]))]


def silent_from_before(own: Array) -> list[Span]:
    judged = rules.inverter_silent(own, 1, rules.expected([bell()], None, ALWAYS))
    return found(Kind.INVERTER_SILENT, judged, lasting=True)


# --- Strings ---------------------------------------------------------------------------------------------------------


def test_a_string_without_current_is_low_once_its_siblings_have_delivered_enough():
    [span] = found(Kind.STRING_LOW, rules.string_low(bell() * 0, [bell(), bell()]))
    assert span == Span(at(13), None)
    [weak] = found(Kind.STRING_LOW, rules.string_low(bell() * 0, [bell(0.2)]))
    assert weak == Span(int(np.flatnonzero(np.cumsum(bell(0.2)) / 12 >= 1.0)[0]), None)


@pytest.mark.parametrize("share", [0.76, 0.9, 1.2])
def test_a_string_that_is_a_little_lower_or_higher_is_all_right(share: float):
    assert found(Kind.STRING_LOW, rules.string_low(bell() * share, [bell()])) == []


def test_a_day_under_snow_says_nothing_about_strings():
    assert not rules.string_low(bell(0.08) * 0, [bell(0.08)]).any()


def test_a_morning_in_the_shade_does_not_make_a_string_low():
    assert found(Kind.STRING_LOW, rules.string_low(changed(bell(), 6, 8.5, 0), [bell()])) == []


def test_slots_in_which_a_string_or_its_siblings_are_unknown_count_for_neither():
    assert found(Kind.STRING_LOW, rules.string_low(changed(bell(), 9, 14, np.nan), [bell()])) == []


# --- Counters --------------------------------------------------------------------------------------------------------


def counter(power: Array) -> Array:
    return np.floor(np.cumsum(power) / 12)


def test_a_counter_that_does_not_move_while_there_is_power_stands_still():
    power = bell(8000)
    counted = counter(power)
    counted[at(10) : at(13)] = counted[at(10)]
    assert found(Kind.COUNTER_STUCK, rules.counter_stuck(power, counted, 10_000)) == [Span(at(11), at(13))]


def test_a_counter_that_stays_zero_all_day_stands_still():
    [span] = found(Kind.COUNTER_STUCK, rules.counter_stuck(bell(8000), np.zeros(SLOTS), 10_000))
    assert span.end is None


@pytest.mark.parametrize("step", [1, 100, 1000])
def test_coarse_steps_little_power_and_night_are_no_standstill(step: int):
    power = bell(8000)
    assert found(Kind.COUNTER_STUCK, rules.counter_stuck(power, counter(power) // step * step, 10_000)) == []
    assert found(Kind.COUNTER_STUCK, rules.counter_stuck(power * 0, np.zeros(SLOTS), 10_000)) == []
    assert found(Kind.COUNTER_STUCK, rules.counter_stuck(power, NEVER, 10_000)) == []


def test_a_counter_falls_until_it_is_back_where_it_was():
    counted = counter(bell(8000))
    reset = counted.copy()
    reset[at(12) :] -= counted[at(12)]
    assert found(Kind.COUNTER_FELL, rules.counter_fell(reset)) == [Span(at(12), 210)]
    dip = counted.copy()
    dip[at(12) : at(12.5)] = 0
    assert found(Kind.COUNTER_FELL, rules.counter_fell(dip)) == [Span(at(12), at(12.5))]


def test_yesterdays_counter_after_midnight_and_jitter_are_no_fall():
    counted = counter(bell(8000))
    counted[:12] = 41_445
    counted[at(14)] -= 40
    assert found(Kind.COUNTER_FELL, rules.counter_fell(counted)) == []


# --- Sensors ---------------------------------------------------------------------------------------------------------


def test_an_irradiance_that_never_changes_by_day_is_stuck():
    daylight = bell() > 0
    values = changed(np.round(bell(1000)), 10, 13, 777)
    [span] = found(Kind.VALUE_STUCK, rules.value_stuck("Irradiation", values, daylight))
    assert span == Span(at(12), at(13))
    assert found(Kind.VALUE_STUCK, rules.value_stuck("Irradiation", np.round(bell(1000)), daylight)) == []


@pytest.mark.parametrize(
    ("channel", "values"),
    [
        ("WindVelocity", np.zeros(SLOTS)),  # calm
        ("TempAmbient", np.repeat([3.0, 4.0, 3.0], 96)),  # a foggy day in whole degrees
        ("Irradiation", NEVER),
    ],
)
def test_steady_weather_is_no_fault(channel: str, values: Array):
    assert found(Kind.VALUE_STUCK, rules.value_stuck(channel, values, ALWAYS)) == []


@pytest.mark.parametrize(
    ("channel", "value"), [("Irradiation", 6553.0), ("TempModule", -100.0), ("WindVelocity", -1.0)]
)
def test_a_fault_value_lies_beyond_what_is_physical(channel: str, value: float):
    values = changed(np.full(SLOTS, 5.0), 10, 12, value)
    judged = rules.value_implausible(channel, values)
    assert found(Kind.VALUE_IMPLAUSIBLE, judged) == [Span(at(10), at(12))]
    assert found(Kind.VALUE_IMPLAUSIBLE, rules.value_implausible(channel, changed(values, 10, 12, 7.0))) == []


# --- Silence ---------------------------------------------------------------------------------------------------------


def test_a_plant_is_silent_after_two_hours_of_daylight_without_data_and_only_up_to_now():
    daylight = bell() > 0
    present = daylight.copy()
    present[at(10) : at(13)] = False
    assert found(Kind.PLANT_SILENT, rules.plant_silent(present, daylight, SLOTS)) == [Span(at(10), at(13))]
    present[at(13) :] = False
    assert found(Kind.PLANT_SILENT, rules.plant_silent(present, daylight, at(11.5))) == []
    assert found(Kind.PLANT_SILENT, rules.plant_silent(present, daylight, at(12.5))) == [Span(at(10), None)]


def test_a_logger_that_sleeps_at_night_is_not_silent():
    daylight = bell() > 0
    assert found(Kind.PLANT_SILENT, rules.plant_silent(daylight, daylight, SLOTS)) == []


def test_a_component_is_silent_while_the_others_deliver():
    present = ALWAYS.copy()
    present[at(9) : at(12)] = False
    assert found(Kind.COMPONENT_SILENT, rules.component_silent(present, ALWAYS, ALWAYS)) == [Span(at(9), at(12))]
    assert found(Kind.COMPONENT_SILENT, rules.component_silent(present, present, ALWAYS)) == []


@pytest.mark.parametrize(
    ("place", "day", "first", "last"),
    [
        ((48.4, 10.0), dt.date(2026, 6, 21), "06:50", "19:55"),
        ((48.4, 10.0), dt.date(2026, 12, 21), "09:40", "14:55"),
        ((78.2, 15.6), dt.date(2026, 12, 21), None, None),  # Svalbard: the sun does not rise
        (None, dt.date(2026, 12, 21), "10:00", "14:55"),
    ],
)
def test_data_are_expected_while_the_sun_stands_high(
    place: tuple[float, float] | None, day: dt.date, first: str | None, last: str | None
):
    begin = dt.datetime.combine(day, dt.time(), BERLIN)
    lit = np.flatnonzero(Daylight(BERLIN, place).core(begin, SLOTS))
    edges = [f"{begin + int(slot) * dt.timedelta(minutes=5):%H:%M}" for slot in (lit[:1], lit[-1:]) for slot in slot]
    assert edges == [edge for edge in (first, last) if edge]


def test_a_verdict_is_bad_good_or_nothing():
    judged = rules.plant_silent(np.array([True, False, False]), np.array([True, True, False]), 3)
    assert judged.tolist() == [GOOD, BAD, 0]
