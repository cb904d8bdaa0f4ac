"""The events of a plant: a drawing, a list with filters, and times in the plant's own zone."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.test import Client

from apps.events.models import ComponentEvent
from apps.plants.models import Component, Plant
from apps.web.plant.lanes import lanes_of
from tests.cast import Cast, make_epoch, make_plant
from tests.web.conftest import PHONE
from tests.web.plant_pages import assert_only_for_who_sees_the_plant, get, text

JUNE = "events?until=2025-06-30"  # with it the 30 days of June 2025


def utc(day: int, hour: int = 12, month: int = 6) -> dt.datetime:
    return dt.datetime(2025, month, day, hour, tzinfo=dt.UTC)


def event(plant: Plant, component: str, begin: dt.datetime, end: dt.datetime | None, **other: Any) -> ComponentEvent:
    device = Component.objects.get(epoch__plant=plant, name=component).cross_epoch_id
    given = {"status_code": 3, "status_text": "MPP", "severity": "info"} | other
    return ComponentEvent.objects.create(plant=plant, device_id=device, started_at=begin, ended_at=end, **given)


FAULT = {"error_code": 3501, "error_text": "Insulation resistance too low", "severity": "error"}


@pytest.fixture
def troubled(cast: Cast) -> Plant:
    """June: a state, an error of the inverter, a warning of the battery that lasts; in May one more state."""
    plant = cast.plant_a
    event(plant, "Inverter 1", utc(5, 4), utc(5, 18))
    event(plant, "Inverter 1", utc(10, 22), utc(11, 1), **FAULT)
    event(plant, "Battery", utc(20), None, status_text="Calibration", severity="warning")
    event(plant, "Sensor", utc(1, month=5), utc(2, month=5), status_text="Cleaning")
    return plant


def listed(client: Client, cast: Cast, plant: Plant, query: str) -> list[str]:
    """What the list shows, newest first."""
    rows = get(client, cast.alice, plant, f"{JUNE}&{query}").context["rows"]
    return [f"{name}: {one.error_text or one.status_text}" for one, name, _day in rows]


STATE, ERROR, OPEN = "Inverter 1: MPP", "Inverter 1: Insulation resistance too low", "Battery: Calibration"


def test_only_who_sees_the_plant_sees_its_events(client: Client, cast: Cast):
    assert_only_for_who_sees_the_plant(client, cast, "events")


# --- Filters ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [OPEN, ERROR, STATE]),
        ("kind=error", [ERROR]),
        ("kind=status", [OPEN, STATE]),
        ("open=on", [OPEN]),
        ("open=on&kind=error", []),
        ("days=90", [OPEN, ERROR, STATE, "Sensor: Cleaning"]),
    ],
)
def test_the_list_is_filtered(client: Client, cast: Cast, troubled: Plant, query: str, found: list[str]):
    assert listed(client, cast, troubled, query) == found


def test_one_component_can_be_chosen_and_stays_chosen(client: Client, cast: Cast, troubled: Plant):
    battery = Component.objects.get(epoch__plant=troubled, name="Battery").cross_epoch_id
    assert listed(client, cast, troubled, f"component={battery}") == [OPEN]
    page = text(client, cast.alice, troubled, f"{JUNE}&component={battery}")
    assert f'<option value="{battery}" selected>Battery</option>' in page
    assert f'href="?days=90&amp;component={battery}&amp;until=2025-06-30"' in page


def test_what_lasts_is_listed_in_every_later_period(client: Client, cast: Cast, troubled: Plant):
    assert "Calibration" in text(client, cast.alice, troubled, "events?until=2026-03-01")
    assert "Calibration" not in text(client, cast.alice, troubled, "events?until=2025-06-19")


@pytest.mark.parametrize(
    ("query", "label"),
    [
        ("days=31", "Period"),
        ("component=00000000-0000-4000-8000-000000000000", "Component"),
        ("component=x", "Component"),
        ("kind=x", "Kind"),
        ("until=2025-02-30", "Up to"),
        ("until=1492-01-01", "Up to"),
    ],
)
def test_a_filter_that_cannot_be_understood_is_named_and_left_out(
    client: Client, cast: Cast, troubled: Plant, query: str, label: str
):
    page = text(client, cast.alice, troubled, f"events?{query}")
    assert f'role="alert">{label}:' in page


def test_a_component_of_another_plant_is_as_unknown_as_none(client: Client, cast: Cast, troubled: Plant):
    foreign = Component.objects.get(epoch__plant=cast.plant_b, name="Battery").cross_epoch_id
    page = get(client, cast.alice, troubled, f"events?component={foreign}")
    assert "component" in page.context["form"].errors


# --- The list --------------------------------------------------------------------------------------------------


def test_a_row_says_what_where_when_and_how_long(client: Client, cast: Cast, troubled: Plant):
    page = text(client, cast.alice, troubled, f"{JUNE}&kind=error")
    assert "<strong>Insulation resistance too low</strong>" in page
    assert "error 3501 · state 3, MPP" in page
    assert '<time datetime="2025-06-11T00:00:00+02:00">11 June 2025, 00:00 (+02:00)</time>' in page
    assert '<time datetime="2025-06-11T03:00:00+02:00">11 June 2025, 03:00 (+02:00)</time>' in page
    assert '<td data-label="Duration">3 hours</td>' in page
    assert "1 event" in page


def test_a_row_leads_to_the_chart_of_its_day_at_the_plant(client: Client, cast: Cast, troubled: Plant):
    page = text(client, cast.alice, troubled, f"{JUNE}&kind=error")
    assert f'href="/p/sunny/plants/{troubled.pk}?period=day&amp;date=2025-06-11"' in page  # in UTC it is the 10th


def test_an_open_event_is_marked(client: Client, cast: Cast, troubled: Plant):
    assert text(client, cast.alice, troubled, JUNE).count(">open</strong>") == 1


def test_days_are_those_of_the_plant(client: Client, cast: Cast):
    far = make_plant(cast.sunny, "Far", timezone="America/Santiago")
    event(far, "Battery", utc(1, 2, 7), utc(1, 3, 7))  # 22:00 to 23:00 of 30 June at the plant
    page = text(client, cast.mona, far, JUNE)
    assert "30 June 2025, 22:00 (-04:00)" in page
    assert "Times in America/Santiago" in page


def test_long_lists_have_pages_that_keep_the_filter(client: Client, cast: Cast, troubled: Plant):
    for minute in range(60):
        event(troubled, "Sensor", utc(15) + dt.timedelta(minutes=minute), utc(16))
    first = get(client, cast.alice, troubled, f"{JUNE}&kind=status").context
    assert (len(first["rows"]), first["older_page"]) == (50, "?days=30&kind=status&until=2025-06-30&page=2")
    second = get(client, cast.alice, troubled, f"{JUNE}&kind=status&page=2").context
    assert (len(second["rows"]), second["older_page"]) == (12, "")


def test_arrows_lead_through_time(client: Client, cast: Cast, troubled: Plant):
    context = get(client, cast.alice, troubled, JUNE).context
    assert (context["earlier"], context["later"]) == ("?days=30&until=2025-05-31", "?days=30&until=2025-07-30")
    assert get(client, cast.alice, troubled, "events").context["later"] == ""


def test_a_device_and_its_successor_of_the_same_name_are_told_apart(client: Client, cast: Cast, troubled: Plant):
    make_epoch(troubled, dt.date(2025, 6, 15))
    for number, battery in enumerate(Component.objects.filter(name="Battery", epoch__plant=troubled)):
        battery.serial = f"B{number}"
        battery.save()
    assert listed(client, cast, troubled, "open=on") == ["Battery (B0): Calibration"]


def test_a_device_that_no_configuration_knows_is_named_unknown(client: Client, cast: Cast, troubled: Plant):
    ComponentEvent.objects.create(
        plant=troubled, device_id=troubled.pk, started_at=utc(3), ended_at=utc(4), status_code=1, severity="info"
    )
    page = text(client, cast.alice, troubled, JUNE)
    assert "<span>Unknown component</span>" in page
    assert "State without a text" in page


def test_nothing_to_show_says_what_to_do(client: Client, cast: Cast, troubled: Plant):
    assert "Nothing was reported in these days" in text(client, cast.alice, troubled, "events?until=2024-06-30")
    filtered = text(client, cast.alice, troubled, f"{JUNE}&open=on&kind=error")
    assert 'No event fits the filter</h3> <p><a href="?days=30&amp;until=2025-06-30">Show all</a>' in filtered


def test_many_events_take_no_more_queries(client: Client, cast: Cast, troubled: Plant, django_assert_max_num_queries):
    for minute in range(120):
        event(troubled, "Sensor", utc(15) + dt.timedelta(minutes=minute), utc(16))
    client.force_login(cast.alice)
    with django_assert_max_num_queries(15):
        client.get(f"/p/sunny/plants/{troubled.pk}/{JUNE}")


# --- The drawing -----------------------------------------------------------------------------------------------


def test_lanes_stand_in_the_order_of_the_components_with_their_counts(client: Client, cast: Cast, troubled: Plant):
    lanes = get(client, cast.alice, troubled, JUNE).context["lanes"]
    assert [(name, lane.counts) for name, _address, lane in lanes] == [
        ("Inverter 1", {"info": 1, "warning": 0, "error": 1}),
        ("Battery", {"info": 0, "warning": 1, "error": 0}),
    ]
    assert 'aria-label="Inverter 1: 1 error, 0 warnings, 1 state"' in text(client, cast.alice, troubled, JUNE)


DEVICE = uuid.UUID(int=1)
BEGIN, END = utc(1, 0), utc(1, 0) + dt.timedelta(hours=360)  # an hour is a column


def drawn(*marks: tuple[float, float | None, str], now: float = 300) -> list[tuple[str, str]]:
    """Paths of one device; hours since BEGIN."""

    def at(hours: float) -> dt.datetime:
        return BEGIN + dt.timedelta(hours=hours)

    rows = [(DEVICE, at(first), None if last is None else at(last), kind) for first, last, kind in marks]
    return lanes_of(rows, BEGIN, END, at(now))[DEVICE].paths()


def test_an_error_fills_the_lane_and_a_state_is_thin():
    assert drawn((10, 19.5, "error"), (30, 39.5, "info"), (50, 59.5, "warning")) == [
        ("info", "M30 7h10v4h-10z"),
        ("warning", "M50 4h10v10h-10z"),
        ("error", "M10 0h10v18h-10z"),
    ]


def test_the_worst_of_what_happens_at_once_is_drawn():
    assert drawn((10, 39.5, "info"), (20, 29.5, "error")) == [
        ("info", "M10 7h10v4h-10zM30 7h10v4h-10z"),
        ("error", "M20 0h10v18h-10z"),
    ]


def test_what_lasts_reaches_to_now_and_what_began_before_starts_at_the_edge():
    assert drawn((-50, None, "error"), now=99.5) == [("error", "M0 0h100v18h-100z")]


def test_a_moment_can_still_be_seen_even_at_the_right_edge():
    assert drawn((359.9, 359.95, "error")) == [("error", "M357 0h3v18h-3z")]


# --- In the browser --------------------------------------------------------------------------------------------


@pytest.mark.browser
def test_choosing_a_kind_narrows_the_list_and_the_address_says_so(
    cast: Cast, troubled: Plant, visit, assert_accessible
):
    page = visit(cast.alice).to(f"/p/sunny/plants/{troubled.pk}/{JUNE}")
    assert_accessible(page)
    page.get_by_label("Kind").select_option("error")
    page.wait_for_url("**kind=error**")
    assert page.locator("tbody tr").count() == 1
    page.go_back()
    assert page.locator("tbody tr").count() == 3


@pytest.mark.browser
def test_on_a_phone_in_the_dark_and_in_german(cast: Cast, troubled: Plant, visit, assert_accessible):
    page = visit(cast.alice, screen=PHONE, scheme="dark", locale="de-DE").to(f"/p/sunny/plants/{troubled.pk}/{JUNE}")
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.get_by_role("heading", name="3 Ereignisse").is_visible()
    assert page.get_by_text("11. Juni 2025, 00:00 (+02:00)").is_visible()
