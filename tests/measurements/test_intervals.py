"""What single intervals tell, by cases worked out by hand: power and irradiance, a value for each 5 minutes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.measurements.grid import Array
from apps.measurements.intervals import Evidence, evidence, mean_of

NO = float("nan")


def seen(
    *powers: list[float],
    sizes: tuple[float, ...] = (),
    light: list[float] | None = None,
    warmth: list[float] | None = None,
    clear: list[list[float]] | None = None,
) -> Evidence:
    """The evidence of inverters of 10 kWp (or of `sizes`); without sensors where nothing is said of them."""
    nothing = [NO] * len(powers[0])
    return evidence(
        np.array(powers),
        np.array(sizes or [10_000.0] * len(powers)),
        np.array(light or nothing),
        np.array(warmth or nothing),
        None if clear is None else np.array(clear),
    )


def ratio(found: Evidence) -> float:
    return 100 * found.energy / found.reference


def available(found: Evidence) -> tuple[float, float]:
    """Slots in which the whole plant produced, and those in which it could have."""
    return round(found.available_hours * 12, 6), round(found.possible_hours * 12, 6)


# --- Performance ratio -------------------------------------------------------------------------------------


def test_energy_is_related_to_what_the_irradiance_would_have_given():
    found = seen([4_000, 8_000], light=[500, 1_000])
    assert found.energy == pytest.approx(1_000)  # 12 kW for five minutes
    assert found.reference == pytest.approx(1_250)  # 10 kWp x 1.5 suns for five minutes
    assert found.hours == pytest.approx(2 / 12)
    assert ratio(found) == pytest.approx(80)


def test_intervals_without_irradiance_are_left_out_of_both_sums():
    found = seen([4_000, 9_999, 8_000], light=[500, NO, 1_000])
    assert (ratio(found), found.hours) == pytest.approx((80, 2 / 12))


def test_intervals_without_power_are_left_out_of_both_sums():
    found = seen([4_000, NO, 8_000], light=[500, 700, 1_000])
    assert (ratio(found), found.hours) == pytest.approx((80, 2 / 12))


def test_intervals_in_which_only_the_power_is_zero_stay():
    assert ratio(seen([4_000, 0], light=[500, 1_000])) == pytest.approx(100 * 4 / 15)


def test_each_of_two_inverters_counts_for_its_own_intervals_and_size():
    found = seen([4_800, 4_800], [NO, 2_400], sizes=(6_000, 3_000), light=[1_000, 1_000])
    assert (found.energy, found.reference) == pytest.approx((1_000, 1_250))
    assert found.hours == pytest.approx((2 * 2 / 3 + 1 / 3) / 12)


def test_irradiance_below_zero_is_the_sensors_noise():
    assert seen([0, 8_000], light=[-3, 1_000]).reference == pytest.approx(10_000 / 12)


def test_module_temperatures_count_where_all_three_are_known():
    found = seen([8_000, 4_000, 1_000], light=[1_000, 500, NO], warmth=[45, NO, 60])
    assert (found.warm_energy, found.warm_reference) == pytest.approx((8_000 / 12, 10_000 / 12))
    assert found.warmth == pytest.approx(20 * 10_000 / 12)


def test_a_clear_sky_is_compared_wherever_the_power_is_known():
    found = seen([5_000, NO, 0], clear=[[1_000, 1_000, 800]])
    assert (found.clear_energy, found.clear_reference) == pytest.approx((5_000 / 12, 18_000 / 12))
    assert found.clear_hours == pytest.approx(2 / 12)
    assert (found.energy, found.reference) == (0, 0)


_VALUE = st.one_of(st.just(NO), st.integers(0, 1_200).map(float))  # whole watts, as the store keeps them
_DAY = st.lists(st.tuples(_VALUE, _VALUE, _VALUE), min_size=1, max_size=12)


@given(st.lists(_DAY, min_size=1, max_size=8))
def test_a_period_is_the_mean_of_its_days_weighted_by_their_reference(days: list[list[tuple[float, ...]]]):
    each = [_of(np.array(day).T) for day in days]
    whole = _of(np.concatenate([np.array(day) for day in days]).T)
    assert Evidence(*np.sum(each, axis=0)) == pytest.approx(whole)
    reference = sum(day.reference for day in each)
    if reference:
        weighted = sum(ratio(day) * day.reference for day in each if day.reference) / reference
        unmatched = sum(100 * day.energy for day in each if not day.reference) / reference  # dark, and yet power
        assert ratio(whole) == pytest.approx(weighted + unmatched)


def _of(columns: Array) -> Evidence:
    first, second, light = columns
    return evidence(np.array([first, second]), np.array([6_000.0, 3_000.0]), light, np.full(light.shape, NO))


# --- Availability ------------------------------------------------------------------------------------------


def test_an_inverter_should_produce_from_fifty_watts_per_square_metre_on():
    assert available(seen([0, 0, 5, 0], light=[0, 49.9, 50, 700])) == (1, 2)


def test_without_a_sensor_another_inverter_shows_that_there_is_light_enough():
    assert available(seen([0, 0, 600, 5_000], [0, 400, 0, 4_000])) == (1.5, 2)
    assert available(seen([499], [0])) == (0, 0), "at dawn one may wake up before the other"
    assert available(seen([500], [0])) == (0.5, 1)


def test_one_inverter_alone_shows_nothing_without_a_sensor():
    assert available(seen([0, 5_000])) == (0, 0)
    assert available(seen([0, 5_000], light=[600, 600])) == (1, 2)


def test_where_the_sensor_is_silent_the_inverters_compare_themselves():
    assert available(seen([5_000, 0], [5_000, 5_000], light=[NO, NO])) == (1.5, 2)
    assert available(seen([5_000, 0], [5_000, 5_000], light=[NO, 10])) == (1, 1), "where it speaks it decides"


def test_inverters_count_by_their_size():
    assert available(seen([5_000, 5_000], [0, 2_000], sizes=(6_000, 3_000), light=[800, 800])) == (1.666667, 2)


def test_intervals_of_which_nothing_is_known_are_left_out_and_told():
    found = seen([NO, 5_000], [4_000, NO], light=[800, 800], sizes=(6_000, 3_000))
    assert available(found) == (1, 1)
    assert found.unknown_hours == pytest.approx(1 / 12)


def test_a_plant_without_known_sizes_has_an_availability_all_the_same():
    found = seen([5, 0], [5, 5], sizes=(0, 0), light=[800, 800])
    assert (available(found), found.reference) == ((1.5, 2), 0)


# --- Several sensors ---------------------------------------------------------------------------------------


def test_several_sensors_say_their_mean_as_far_as_they_speak():
    found = mean_of(np.array([[100, NO, NO], [200, 300, NO]]))
    assert found[:2].tolist() == [150, 300]
    assert np.isnan(found[2])
