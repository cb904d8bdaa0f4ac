"""Sunrise and sunset against published times, to the minute."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from apps.plants.sun import daylight


def noon(zone: str, day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(12), ZoneInfo(zone))


@pytest.mark.parametrize(
    ("place", "zone", "day", "rise", "fall"),
    [
        ((52.52, 13.405), "Europe/Berlin", dt.date(2026, 6, 21), "04:43", "21:33"),
        ((52.52, 13.405), "Europe/Berlin", dt.date(2026, 12, 21), "08:15", "15:53"),
        ((-33.45, -70.67), "America/Santiago", dt.date(2026, 11, 22), "06:28", "20:29"),
    ],
)
def test_the_sun_rises_and_sets_as_published(place: tuple[float, float], zone: str, day: dt.date, rise: str, fall: str):
    light = daylight(*place, noon(zone, day))
    assert light is not None
    assert [f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" for moment in light] == [
        f"{day} {rise}",
        f"{day} {fall}",
    ]


def test_beyond_the_polar_circle_it_may_not_rise_or_not_set():
    assert daylight(78.2, 15.6, noon("Arctic/Longyearbyen", dt.date(2026, 6, 21))) is None
    assert daylight(78.2, 15.6, noon("Arctic/Longyearbyen", dt.date(2026, 12, 21))) is None


def test_near_the_date_line_it_is_the_sun_of_the_local_day():
    for longitude, zone in ((179.9, "Pacific/Auckland"), (-176.2, "Pacific/Chatham"), (-157.9, "Pacific/Honolulu")):
        light = daylight(0, longitude, noon(zone, dt.date(2026, 3, 20)))
        assert light is not None
        assert {moment.astimezone(ZoneInfo(zone)).date() for moment in light} == {dt.date(2026, 3, 20)}, zone
