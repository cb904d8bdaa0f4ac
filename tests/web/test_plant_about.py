"""What is written about a plant, who is assigned, and which programs read it."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.access import Role
from apps.packages import usage
from apps.plants.models import Assignment, Contact, Plant
from tests.cast import Cast, make_user
from tests.clients_cast import Key, portal_key, user_key
from tests.packages.noting import access
from tests.web.conftest import PHONE
from tests.web.plant_pages import assert_only_for_who_sees_the_plant, text

ADDRESS = "198.51.100.23"


def test_only_who_sees_the_plant_reads_about_it(client: Client, cast: Cast):
    assert_only_for_who_sees_the_plant(client, cast, "about")


# --- Master data -----------------------------------------------------------------------------------------------


@pytest.fixture
def known(cast: Cast) -> Plant:
    """Plant A with everything filled in."""
    plant = cast.plant_a
    plant.device_name, plant.vendor, plant.identifier, plant.firmware = "Logger 2000", "Maker", "SN-77", "6.2.0"
    plant.firmware_date, plant.installation_date = dt.date(2024, 2, 3), dt.date(2020, 5, 17)
    plant.electricity_cost, plant.feed_in_tariff = Decimal("0.33900"), Decimal("0.07863")
    plant.plant_cost, plant.yearly_target = Decimal("27400.00"), 940
    plant.last_transfer = dt.datetime(2025, 6, 15, 10, 5, tzinfo=dt.UTC)
    plant.save()
    return plant


def test_master_data_are_told(client: Client, cast: Cast, known: Plant):
    page = text(client, cast.alice, known, "about")
    for words in (
        "Sonnenweg 1, Ulm, DE",
        "Europe/Berlin",
        "17 May 2020",
        "Logger 2000",
        "SN-77",
        "6.2.0",
        "of 3 February 2024",
        "15 June 2025, 12:05 (+02:00)",
        f'<code id="plant-id">{known.pk}</code>',
        'href="/p/sunny/docs"',
    ):
        assert words in page


def test_what_is_not_known_is_said_in_words(client: Client, cast: Cast):
    page = text(client, cast.alice, cast.plant_a, "about")
    assert page.count("not known") == 4  # in operation since, model, serial number, firmware
    assert "Prices and tariffs" not in page


@pytest.mark.parametrize(("role", "told"), [(Role.OWNER, True), (Role.MONITORING, False)])
def test_prices_are_for_owners_and_managers(client: Client, cast: Cast, known: Plant, role: Role, told: bool):
    someone = make_user("someone@sunny.example", cast.sunny, role, [known])
    page = text(client, someone, known, "about")
    for words in ("0.339 EUR/kWh", "0.07863 EUR/kWh", "27,400 EUR"):
        assert (words in page) == told
        assert words in text(client, cast.mona, known, "about")


def test_contacts_have_links_for_mail_and_telephone(client: Client, cast: Cast, known: Plant):
    Contact.objects.filter(plant=known).update(
        email="ina@roof.example", phone_number="+49 (0)731 123-45", mobile_phone_number="0170/123", role="Installer"
    )
    page = text(client, cast.alice, known, "about")
    assert "<strong>Ina Stall</strong>, Roof &amp; Sun" in page
    assert 'href="mailto:ina@roof.example"' in page
    assert 'href="tel:+4973112345"' in page
    assert 'href="tel:0170123"' in page


def test_without_a_contact_it_says_who_can_add_one(client: Client, cast: Cast):
    cast.plant_a.contacts.all().delete()
    assert "Nobody is named as a contact." in text(client, cast.alice, cast.plant_a, "about")


# --- People ----------------------------------------------------------------------------------------------------


def test_it_names_who_is_assigned(client: Client, cast: Cast):
    page = text(client, cast.alice, cast.plant_a, "about")
    assert '<strong>Alice</strong> <a href="mailto:alice@sunny.example">alice@sunny.example</a>' in page
    assert "bob@sunny.example" not in page


def test_managers_are_led_to_the_console(client: Client, cast: Cast):
    link = '<a href="/p/sunny/console">Change in the console</a>'
    assert link in text(client, cast.mona, cast.plant_a, "about")
    assert link not in text(client, cast.alice, cast.plant_a, "about")


def test_a_plant_of_nobody_says_so(client: Client, cast: Cast):
    Assignment.objects.all().delete()
    assert "The plant is assigned to nobody." in text(client, cast.mona, cast.plant_a, "about")


# --- Who read it -----------------------------------------------------------------------------------------------


def note(key: Key, plant: Plant, at: dt.datetime) -> None:
    day = at.astimezone(plant.zone).date()
    usage.note(access(key), usage.Call("plant_channels", 200, 288, 1000, 2.5, at, ADDRESS, plant.pk, day))


def readings(page: str) -> str:
    return page[page.index('id="readings"') : page.index('id="programs"')]


def test_a_call_of_a_program_leaves_a_trace_without_its_address(client: Client, cast: Cast):
    now = timezone.now()
    noon = now.replace(hour=10, minute=30) - dt.timedelta(days=1)
    key = user_key(cast.alice, cast.sunny)
    for minutes in (0, 15, 30):
        note(key, cast.plant_a, noon + dt.timedelta(minutes=minutes))
    note(portal_key(cast.mona, cast.sunny), cast.plant_a, noon)
    usage.flush()
    log = readings(text(client, cast.alice, cast.plant_a, "about"))
    assert '<td data-label="Reader">alice@sunny.example</td> <td data-label="Client">default' in log
    assert '<td data-label="API">User API</td> <td data-label="Calls" class="num">3</td>' in log
    assert '<td data-label="Reader">Sunny Co-operative</td>' in log
    assert '<td data-label="API">Portal API</td> <td data-label="Calls" class="num">1</td>' in log
    berlin = noon.astimezone(cast.plant_a.zone)
    later = berlin + dt.timedelta(minutes=30)
    assert f">{berlin:%H:%M}</time> – <time" in log
    assert f">{later:%H:%M}</time>" in log
    assert ADDRESS not in log


def test_the_log_of_another_plant_is_not_told(client: Client, cast: Cast):
    note(user_key(cast.bob, cast.sunny), cast.plant_b, timezone.now())
    usage.flush()
    assert "No program has read it." in text(client, cast.alice, cast.plant_a, "about")


def test_the_log_reaches_30_days_back(client: Client, cast: Cast):
    key, now = user_key(cast.alice, cast.sunny), timezone.now()
    note(key, cast.plant_a, now - dt.timedelta(days=32))
    usage.flush()
    assert "No program has read it." in text(client, cast.alice, cast.plant_a, "about")
    note(key, cast.plant_a, now - dt.timedelta(days=28))
    usage.flush()
    assert "alice@sunny.example" in readings(text(client, cast.alice, cast.plant_a, "about"))


def test_a_long_log_has_pages_and_takes_no_more_queries(client: Client, cast: Cast, django_assert_max_num_queries: Any):
    key, now = user_key(cast.alice, cast.sunny), timezone.now()
    for days in range(25):
        note(key, cast.plant_a, now - dt.timedelta(days=days))
    usage.flush()
    client.force_login(cast.alice)
    with django_assert_max_num_queries(15):
        first = client.get(f"/p/sunny/plants/{cast.plant_a.pk}/about")
    assert len(first.context["page"]) == 20
    assert 'href="?page=2#readings"' in first.content.decode()
    assert text(client, cast.alice, cast.plant_a, "about?page=2").count('data-label="Reader"') == 5


# --- In the browser --------------------------------------------------------------------------------------------


@pytest.mark.browser
def test_the_id_is_copied_with_feedback(cast: Cast, known: Plant, visit, assert_accessible):
    seen = visit(cast.alice)
    seen.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = seen.to(f"/p/sunny/plants/{known.pk}/about")
    assert_accessible(page)
    page.get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == str(known.pk)


@pytest.mark.browser
def test_on_a_phone_in_the_dark_and_in_german(cast: Cast, known: Plant, visit, assert_accessible):
    note(user_key(cast.alice, cast.sunny), known, timezone.now())
    usage.flush()
    page = visit(cast.alice, screen=PHONE, scheme="dark", locale="de-DE").to(f"/p/sunny/plants/{known.pk}/about")
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.get_by_role("heading", name="Wer diese Anlage über eine API gelesen hat").is_visible()
    assert page.get_by_text("0,339 EUR/kWh").is_visible()
    tab = page.locator(".tabs [aria-current]").bounding_box()
    assert tab is not None
    assert 0 <= tab["x"] <= PHONE[0] - tab["width"]  # the open tab was scrolled into view


@pytest.mark.browser
def test_on_paper_there_is_the_plant_and_no_frame(cast: Cast, known: Plant, visit):
    page = visit(cast.alice).to(f"/p/sunny/plants/{known.pk}/components")
    page.emulate_media(media="print")
    assert page.get_by_role("heading", name="Plant A").is_visible()
    assert page.get_by_text("Battery, state of charge").is_visible()  # what is folded on the screen
    assert not page.locator(".rail").is_visible()
    assert not page.locator(".tabs").is_visible()
