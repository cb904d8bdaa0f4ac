"""The clear sky: where the sun stands, what planes get of it, and that it is an upper bound."""

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from pvlib.location import Location

from apps.measurements.expected import Place, Plane, clear_sky
from apps.measurements.grid import Array

BERLIN, TOKYO, UTC = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Tokyo"), ZoneInfo("UTC")
MUNICH = Place(48.14, 11.62)
FLAT, ROOF = Plane(10_000, 0, 180), Plane(10_000, 35, 180)
JUNE, DECEMBER = dt.date(2025, 6, 21), dt.date(2025, 12, 21)


def sky(*planes: Plane, day: dt.date = JUNE, zone: ZoneInfo = BERLIN, place: Place = MUNICH) -> Array:
    return clear_sky(place, planes, zone, day)


def insolation(*planes: Plane, day: dt.date = JUNE) -> float:
    """Of a day, in kWh/m2."""
    return float(sky(*planes, day=day).sum()) / 12_000


@pytest.mark.parametrize(
    ("plane", "day", "expected"),
    [(FLAT, JUNE, 9.16), (ROOF, JUNE, 8.63), (FLAT, DECEMBER, 1.62), (ROOF, DECEMBER, 4.74)],
)
def test_a_cloudless_day_gives_so_many_kilowatt_hours_per_square_metre(plane: Plane, day: dt.date, expected: float):
    assert insolation(plane, day=day) == pytest.approx(expected, abs=0.02)


def test_the_sun_stands_highest_when_it_is_noon_at_the_place():
    noon = sky(FLAT).argmax()
    assert abs(noon * 5 - (13 * 60 + 15)) <= 10  # 13:15 in summer time: 11.62 degrees east, sundial 2 minutes late


def test_nights_are_dark():
    found = sky(ROOF)
    assert found[: 4 * 12].max() == 0  # until 04:00; the sun rises at 05:13
    assert found[22 * 12 :].max() == 0
    assert (found >= 0).all()


def test_morning_and_evening_are_the_same_on_a_plane_to_the_south():
    found = sky(ROOF)
    noon = 13.22 * 12  # slots
    mirrored = np.interp(2 * noon - np.arange(288), np.arange(288), found)
    assert np.abs(found - mirrored).max() < 15


@pytest.mark.parametrize(
    ("day", "slots"), [(dt.date(2025, 3, 30), 276), (dt.date(2025, 10, 26), 300), (dt.date(2025, 7, 1), 288)]
)
def test_days_have_their_own_number_of_slots(day: dt.date, slots: int):
    found = sky(FLAT, day=day)
    assert found.size == slots
    next_day = sky(FLAT, day=day + dt.timedelta(days=1))
    assert abs(found.argmax() - slots + 288 - next_day.argmax()) <= 2, "noon follows the clock change"


def test_a_day_of_any_zone_is_cut_from_the_days_of_utc():
    tokyo = sky(FLAT, day=JUNE, zone=TOKYO)  # begins at 15:00 UTC of the day before
    days = [sky(FLAT, day=JUNE - dt.timedelta(days=back), zone=UTC) for back in (1, 0)]
    assert tokyo.tolist() == np.concatenate(days)[180 : 180 + 288].tolist()


def test_new_year_and_leap_days_exist_in_every_year():
    for day in (dt.date(2025, 1, 1), dt.date(2025, 12, 31), dt.date(2024, 2, 29), dt.date(2025, 3, 1)):
        assert 1.5 < insolation(FLAT, day=day) < 4.5


def test_several_planes_weigh_by_their_sizes():
    east, west = Plane(7_500, 30, 90), Plane(2_500, 30, 270)
    assert sky(east, west) == pytest.approx(0.75 * sky(east) + 0.25 * sky(west))
    unsized = Plane(0, 30, 270)
    assert sky(east, unsized) == pytest.approx(0.5 * sky(east) + 0.5 * sky(west))


@pytest.mark.parametrize("unknown", [(), (Plane(5, None, 180),), (Plane(5, 30, None),)])
@pytest.mark.parametrize("day", [JUNE, DECEMBER, dt.date(2025, 3, 20)])
def test_modules_of_unknown_mounting_are_taken_to_follow_the_sun_which_no_mounting_beats(
    unknown: tuple[Plane, ...], day: dt.date
):
    most = sky(*unknown, day=day)
    for tilt in (0, 20, 45, 90):
        for azimuth in (90, 135, 180, 250):
            assert (sky(Plane(1, tilt, azimuth), day=day) <= most + 30).all(), "apart from some light off the ground"
            assert sky(Plane(1, tilt, azimuth), day=day).sum() < most.sum()


@pytest.mark.parametrize("altitude", [0, 1_000])
@pytest.mark.parametrize("month", range(1, 13))
def test_the_clearest_of_ordinary_skies_gives_less(month: int, altitude: int):
    day = dt.date(2025, month, 15)
    times = pd.date_range(f"{day} 00:02:30", periods=288, freq="5min", tz="UTC")
    ordinary = Location(48.14, 11.62, altitude=altitude).get_clearsky(times, linke_turbidity=2)
    assert ordinary["ghi"].sum() < 1.005 * sky(FLAT, day=day, zone=UTC).sum()


def test_south_of_the_equator_the_north_is_sunny():
    chile = Place(-32.92, -70.86)
    north, south = (sky(Plane(1, 30, azimuth), day=JUNE, zone=UTC, place=chile).sum() for azimuth in (0, 180))
    assert north > 2 * south
