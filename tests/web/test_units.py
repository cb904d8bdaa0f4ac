"""Numbers as people read them: the unit chosen by magnitude, three figures, the reader's separators, no false zero."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone, translation

from apps.web.templatetags import portal
from apps.web.units import quantity


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "W", "0 W"),
        (7, "W", "7 W"),
        (999.4, "W", "999 W"),
        (999.7, "W", "1.00 kW"),
        (3420, "W", "3.42 kW"),
        (34_260, "Wh", "34.3 kWh"),
        (-1500, "W", "-1.50 kW"),
        (-0.3, "W", "0 W"),
        (342_600_000, "Wh", "343 MWh"),
        (12_345_000_000_000, "Wh", "12,345 GWh"),
        (0.4567, "kWh/kWp", "0.46 kWh/kWp"),
        (98.76, "%", "98.8 %"),
        (23.4, "degC", "23.4 °C"),
        (640, "W/m2", "640 W/m²"),
    ],
)
def test_a_quantity_takes_the_unit_of_its_magnitude_and_three_figures(value: float, unit: str, text: str):
    assert str(quantity(value, unit)) == text


@pytest.mark.parametrize("nothing", [None, float("nan")])
def test_what_is_not_known_is_no_number(nothing: float | None):
    assert quantity(nothing, "W") is None
    assert "no data" in portal.quantity_tag(nothing, "W")
    assert "since 8 May" in portal.quantity_tag(nothing, "W", "since 8 May")


def test_germans_read_their_own_separators():
    with translation.override("de"):
        assert str(quantity(3420, "W")) == "3,42 kW"
        assert str(quantity(12_345_000_000_000, "Wh")) == "12.345 GWh"


def test_a_moment_says_how_long_ago_and_exactly_when_in_the_plants_zone():
    at = timezone.now() - dt.timedelta(hours=2, minutes=5)
    local = at.astimezone(ZoneInfo("Europe/Berlin"))
    text = portal.moment(at, "Europe/Berlin")
    assert f'datetime="{local.isoformat()}"' in text
    assert "2\xa0hours ago" in text
    assert f"{local:%H:%M} ({local:%z}"[:-2] in text


def test_the_hour_that_comes_twice_is_told_by_its_offset():
    berlin = ZoneInfo("Europe/Berlin")
    first, second = (dt.datetime(2025, 10, 26, 2, 30, tzinfo=berlin, fold=fold) for fold in (0, 1))
    assert portal.exact(first) == "26 October 2025, 02:30 (+02:00)"
    assert portal.exact(second) == "26 October 2025, 02:30 (+01:00)"
    with translation.override("de"):
        assert portal.exact(first) == "26. Oktober 2025, 02:30 (+02:00)"


def test_what_lies_ahead_and_what_is_just_now():
    assert ">just now<" in portal.moment(timezone.now())
    assert ">in 3\xa0days<" in portal.moment(timezone.now() + dt.timedelta(days=3, minutes=1))
    assert portal.moment(None) == ""
