"""The console in a real browser: choosing across pages, accessible on every page, on a phone, in the dark."""

import pytest
from playwright.sync_api import Page, expect

from apps.accounts.models import AuditEntry
from apps.plants.models import Assignment, Plant
from tests.cast import Cast
from tests.web.conftest import PHONE
from tests.web.console_pages import member

pytestmark = pytest.mark.browser


def pages(cast: Cast) -> list[str]:
    return [
        "/p/sunny/console",
        "/p/sunny/console/users",
        "/p/sunny/console/users/invite",
        f"/p/sunny/console/users/{member(cast.alice).pk}",
        "/p/sunny/console/assignments",
        "/p/sunny/console/assignments/plants",
        "/p/sunny/console/assignments/users",
        "/p/sunny/console/fleets",
        f"/p/sunny/console/fleets/{cast.fleet_s.pk}",
        "/p/sunny/console/audit",
    ]


def record_something(cast: Cast) -> None:
    values = {"plants": {str(number): f"A plant with quite a long name {number}" for number in range(9)}}
    AuditEntry.objects.create(
        portal=cast.sunny, actor="mona@sunny.example", action="plants.assigned", subject="alice@sunny.example",
        after=values, reason="because", address="2001:db8:1234:5678:9abc:def0:1234:5678",
    )  # fmt: skip


def count(page: Page, kind: str) -> str:
    return page.locator(f"[data-picker={kind}] [data-count]").inner_text()


def test_plants_are_chosen_across_pages_and_searches_and_assigned(cast: Cast, visit):
    Plant.objects.bulk_create(Plant(portal=cast.sunny, label=f"Barn {n:02}", timezone="UTC") for n in range(45))
    page = visit(cast.mona).to("/p/sunny/console/assignments")
    page.get_by_label("Barn 03").check()
    page.get_by_role("link", name="Next").click()
    page.get_by_label("Barn 22").check()
    page.get_by_label("Search").first.fill("plant b")
    page.get_by_label("Plant B").check()
    assert count(page, "plants") == "Chosen: 3"
    page.get_by_label("Charlie").check()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("3 plants × 1 user")).to_be_visible()
    page.get_by_role("button", name="Assign").click()
    expect(page.get_by_role("status").first).to_contain_text("3 new assignments, 0 were there already.")
    labels = Assignment.objects.filter(membership__user=cast.charlie).values_list("plant__label", flat=True)
    assert set(labels) == {"Barn 03", "Barn 22", "Plant B"}


def test_all_that_match_are_one_box(cast: Cast, visit):
    Plant.objects.bulk_create(Plant(portal=cast.sunny, label=f"Barn {n:04}", timezone="UTC") for n in range(1200))
    page = visit(cast.mona).to("/p/sunny/console/assignments?plants-search=barn")
    page.get_by_label("All 1,200 that match").check()
    assert count(page, "plants") == "All that match are chosen: 1,200"
    assert page.get_by_label("Barn 0003").is_disabled()
    page.get_by_label("Charlie").check()
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Assign").click()
    expect(page.get_by_role("status").first).to_contain_text("1,200 new assignments")
    assert Assignment.objects.filter(membership__user=cast.charlie).count() == 1200


def test_removal_waits_for_the_typed_address(cast: Cast, visit):
    page = visit(cast.mona).to(f"/p/sunny/console/users/{member(cast.alice).pk}")
    button = page.get_by_role("button", name="Remove from the portal")
    assert button.is_disabled()
    page.locator("#id_removal_reason").fill("sold the house")
    page.get_by_label("E-mail address to confirm").fill("alice@sunny.example")
    button.click()
    expect(page.get_by_text("alice@sunny.example is no longer in this portal.")).to_be_visible()


def test_every_page_is_accessible(cast: Cast, visit, assert_accessible):
    record_something(cast)
    visitor = visit(cast.mona)
    for path in pages(cast):
        assert_accessible(visitor.to(path))


def test_every_page_fits_a_phone_in_the_dark(cast: Cast, visit, assert_accessible):
    record_something(cast)
    visitor = visit(cast.mona, screen=PHONE, scheme="dark")
    for path in pages(cast):
        page = visitor.to(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        active = page.locator(".tabs [aria-current]").bounding_box()
        assert active is not None
        assert 0 <= active["x"] < PHONE[0], path
        if path.endswith(("console", "assignments", "audit")):
            assert_accessible(page)


def test_the_console_speaks_german(cast: Cast, visit):
    record_something(cast)
    visitor = visit(cast.mona, locale="de-DE")
    for path, words in (
        ("", "Anlagen, um die sich jemand kümmern sollte"),
        ("/users", "Personen einladen"),
        ("/assignments", "Wählen Sie Anlagen und Personen"),
        ("/fleets", "Neue Flotte"),
        ("/audit", "Anlagen zugeordnet"),
    ):
        expect(visitor.to(f"/p/sunny/console{path}").locator("main")).to_contain_text(words)
