"""The components of a plant: a tree of the day, the configurations, what changed, and the header above every page."""

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import expect

from apps.events.models import ComponentEvent
from apps.plants.models import Component, Epoch, Plant
from tests.cast import Cast, make_epoch
from tests.web.conftest import PHONE
from tests.web.plant_pages import assert_only_for_who_sees_the_plant, get, text

JUNE = dt.date(2025, 6, 1)


@pytest.fixture
def rebuilt(cast: Cast) -> Plant:
    """In June the inverter gets a new serial number, the meter goes, the sensor is replaced, a wallbox comes."""
    plant, before = cast.plant_a, cast.plant_a.epochs.get()
    Component.objects.filter(epoch=before).update(serial="OLD-1", vendor="Maker")
    after = Epoch.objects.create(plant=plant, active_from=JUNE)
    inverter, _, sensor, battery = before.components.order_by("sort_order")
    for component, changes in (
        (inverter, {"serial": "NEW-1", "cross_epoch_id": inverter.cross_epoch_id}),
        (sensor, {"serial": "NEW-2"}),
        (battery, {"cross_epoch_id": battery.cross_epoch_id}),
        (battery, {"type": Component.Type.EV_CHARGER, "name": "Wallbox", "serial": "", "dataindex": 9}),
    ):
        kept = ("type", "name", "classes", "size", "dataindex", "sort_order", "channels", "vendor", "serial")
        Component.objects.create(epoch=after, **{name: getattr(component, name) for name in kept} | changes)
    return plant


def test_only_who_sees_the_plant_sees_its_components(client: Client, cast: Cast):
    assert_only_for_who_sees_the_plant(client, cast, "components")


# --- The tree --------------------------------------------------------------------------------------------------


def test_the_tree_goes_from_inverter_over_tracker_to_string(client: Client, cast: Cast):
    page = text(client, cast.alice, cast.plant_a, "components")
    places = [page.index(words) for words in ("Inverter 1", "MPPT 1", "String 1", "String 2", "MPPT 2", "String 3")]
    assert places == sorted(places)
    assert page.count("<strong>String ") == 4
    assert "Orientation</span> 180°" in page
    assert "Tilt</span> 30°" in page


def test_groups_stand_in_order_with_the_sum_of_their_sizes(client: Client, cast: Cast):
    Component.objects.create(
        epoch=cast.plant_a.epochs.get(), type="Inverter", name="Inverter 2", size=2_500, dataindex=7, classes=[]
    )
    groups = get(client, cast.alice, cast.plant_a, "components").context["groups"]
    assert [(group.label, len(group.components), group.size) for group in groups] == [
        ("Inverters", 2, 12_500),
        ("Meters", 1, 0),
        ("Batteries", 1, 0),
        ("Sensors", 1, 0),
    ]


def test_channels_have_plain_words_their_name_and_unit(client: Client, cast: Cast):
    Component.objects.filter(name="Battery").update(channels=["BatSoc", "FromTheFuture"])
    page = text(client, cast.alice, cast.plant_a, "components")
    assert 'Battery, state of charge <code>BatSoc</code> <span class="unit">%</span>' in page
    assert "<li>FromTheFuture <code>FromTheFuture</code></li>" in page
    assert '<code>Irradiation</code> <span class="unit">W/m²</span>' in page


def test_a_component_leads_to_its_own_chart(client: Client, cast: Cast):
    device = cast.plant_a.epochs.get().components.get(type="Inverter").cross_epoch_id
    page = text(client, cast.alice, cast.plant_a, "components")
    assert f'href="/p/sunny/plants/{cast.plant_a.pk}?devices={device}"' in page
    earlier = text(client, cast.alice, cast.plant_a, "components?date=2025-03-04")
    assert f"?devices={device}&amp;period=day&amp;date=2025-03-04" in earlier


def test_a_string_on_the_inverter_itself_is_shown(client: Client, cast: Cast):
    inverter = cast.plant_a.epochs.get().components.get(type="Inverter")
    inverter.strings.create(index=9, name="Loose string", channels=[])
    assert "<strong>Loose string</strong>" in text(client, cast.alice, cast.plant_a, "components")


# --- Configurations --------------------------------------------------------------------------------------------


def test_the_date_chooses_the_configuration(client: Client, cast: Cast, rebuilt: Plant):
    def names(query: str) -> list[str]:
        shown = get(client, cast.alice, rebuilt, f"components{query}").context["shown"]
        return [f"{component.name} {component.serial}".strip() for component in shown.components]

    before = ["Inverter 1 OLD-1", "Consumption OLD-1", "Sensor OLD-1", "Battery OLD-1"]
    after = ["Inverter 1 NEW-1", "Sensor NEW-2", "Battery OLD-1", "Wallbox"]
    assert names("?date=2025-05-31") == before
    assert names("?date=2025-06-01") == after
    assert names("") == after


def test_every_configuration_is_a_link_with_its_first_and_last_day(client: Client, cast: Cast, rebuilt: Plant):
    page = text(client, cast.alice, rebuilt, "components?date=2025-02-01")
    assert '<a href="?date=2025-01-01" aria-current="true">' in page
    assert '<a href="?date=2025-06-01">' in page
    assert '<time datetime="2025-05-31">31 May 2025</time>' in page


def test_it_says_what_a_configuration_changed(client: Client, cast: Cast, rebuilt: Plant):
    changes = get(client, cast.alice, rebuilt, "components").context["shown"].changes
    assert [component.name for component in changes.added] == ["Wallbox"]
    assert [component.name for component in changes.removed] == ["Consumption"]
    assert [(pair.before.serial, pair.after.serial) for pair in changes.replaced] == [("OLD-1", "NEW-2")]
    assert [(pair.after.name, pair.fields) for pair in changes.changed] == [("Inverter 1", ["serial"])]
    assert "<s>OLD-1</s> → <strong>NEW-1</strong>" in text(client, cast.alice, rebuilt, "components")


def test_the_first_configuration_changed_nothing(client: Client, cast: Cast):
    assert "This is the first configuration of the plant." in text(client, cast.alice, cast.plant_a, "components")


def test_before_the_first_configuration_nothing_was_built_in(client: Client, cast: Cast):
    page = text(client, cast.alice, cast.plant_a, "components?date=2024-12-31")
    assert "Nothing was built in on 31 December 2024" in page


def test_a_plant_without_configurations_says_where_they_come_from(client: Client, cast: Cast):
    cast.plant_a.epochs.all().delete()
    assert "The data logger sends its configuration" in text(client, cast.alice, cast.plant_a, "components")


@pytest.mark.parametrize("typed", ["2025-13-01", "yesterday", "0001-01-01", "9999-12-31"])
def test_a_day_that_is_none_is_refused_at_the_field_and_kept(client: Client, cast: Cast, typed: str):
    page = text(client, cast.alice, cast.plant_a, f"components?date={typed}")
    assert f'value="{typed}"' in page
    assert "is-invalid" in page
    assert 'class="field-error"' in page


# --- The header ------------------------------------------------------------------------------------------------


def test_the_header_says_how_the_plant_is(client: Client, cast: Cast):
    plant = cast.plant_a
    plant.last_transfer = timezone.now() - dt.timedelta(minutes=5)
    plant.installation_date, plant.health = dt.date(2024, 5, 17), "WARNING"
    plant.save()
    page = text(client, cast.alice, plant, "components")
    assert '<span class="state state-warning">Warning</span>' in page
    assert '<span class="number">10.0</span> <span class="unit">kWp</span>' in page
    assert "Sonnenweg 1, Ulm, DE" in page
    assert (
        'href="https://www.openstreetmap.org/?mlat=48.4&amp;mlon=10.0#map=17/48.4/10.0" rel="noopener noreferrer"'
        in page
    )
    assert '5 minutes ago</time> <span class="muted">(Europe/Berlin)' in page
    assert 'In operation since <time datetime="2024-05-17">17 May 2024</time>' in page


@pytest.mark.parametrize(
    ("hours", "status", "said"), [(23, "activated", False), (25, "activated", True), (25, "deactivated", False)]
)
def test_the_header_says_that_a_plant_is_silent(client: Client, cast: Cast, hours: int, status: str, said: bool):
    plant = cast.plant_a
    plant.last_transfer, plant.status = timezone.now() - dt.timedelta(hours=hours), status
    plant.save()
    assert ("No data for 24 hours" in text(client, cast.alice, plant, "components")) == said


def test_a_plant_of_which_little_is_known_shows_no_zeros(client: Client, cast: Cast):
    plant = cast.plant_a
    plant.size, plant.address, plant.latitude, plant.status = 0, None, None, "deactivated"
    plant.save()
    page = text(client, cast.alice, plant, "components")
    assert "Size not known" in page
    assert "No data received yet" in page
    assert "Deactivated" in page
    assert "openstreetmap" not in page


def test_the_header_counts_open_warnings_and_errors_and_leads_there(client: Client, cast: Cast):
    for severity, ended in (("error", None), ("warning", None), ("info", None), ("error", timezone.now())):
        ComponentEvent.objects.create(
            plant=cast.plant_a,
            device_id=cast.plant_a.datasource_id,
            started_at=timezone.now() - dt.timedelta(hours=len(severity)),
            ended_at=ended,
            status_code=1 if ended else 2,
            severity=severity,
        )
    page = text(client, cast.alice, cast.plant_a, "components")
    assert f'<a href="/p/sunny/plants/{cast.plant_a.pk}/events?open=on">2 open events</a>' in page


def test_many_configurations_and_components_take_no_more_queries(
    client: Client, cast: Cast, django_assert_max_num_queries
):
    for month in range(2, 12):
        make_epoch(cast.plant_a, dt.date(2025, month, 1))
    client.force_login(cast.alice)
    with django_assert_max_num_queries(15):
        client.get(f"/p/sunny/plants/{cast.plant_a.pk}/components")


# --- In the browser --------------------------------------------------------------------------------------------


@pytest.mark.browser
def test_the_tree_is_accessible_and_opens_by_keyboard(cast: Cast, rebuilt: Plant, visit, assert_accessible):
    page = visit(cast.alice).to(f"/p/sunny/plants/{rebuilt.pk}/components?date=2025-02-01")
    assert_accessible(page)
    battery = page.locator("summary", has_text="Battery")
    battery.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Battery, state of charge")).to_be_visible()


@pytest.mark.browser
def test_on_a_phone_in_the_dark_nothing_is_cut_off(cast: Cast, rebuilt: Plant, visit, assert_accessible):
    page = visit(cast.alice, screen=PHONE, scheme="dark").to(f"/p/sunny/plants/{rebuilt.pk}/components")
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.get_by_role("link", name="About").is_visible()


@pytest.mark.browser
def test_in_german(cast: Cast, rebuilt: Plant, visit):
    page = visit(cast.alice, locale="de-DE").to(f"/p/sunny/plants/{rebuilt.pk}/components?date=2025-02-01")
    assert page.get_by_role("heading", name="Wechselrichter 1").is_visible()
    assert page.get_by_text("1. Januar 2025").is_visible()
    assert page.get_by_text("Ausrichtung").first.is_visible()
