"""The documentation in a real browser: a call is tried, code is copied, channels are found; phone, dark, German."""

import gzip
from collections.abc import Callable
from typing import Any

import pytest
from oauth2_provider.models import AccessToken
from playwright.sync_api import Locator, Page, expect

from apps.packages import subscriptions
from tests.api.conftest import measure
from tests.cast import Cast
from tests.clients_cast import ROBOT, user_key
from tests.web.conftest import DESKTOP, PHONE, SWAGGERS_OWN

pytestmark = pytest.mark.browser

REFERENCE = "/p/sunny/docs/reference"
CHANNELS = "#operations-visualization-plant_channels"


def open_call(page: Page, operation: str) -> Locator:
    block = page.locator(operation)
    block.locator(".opblock-summary-control").click()
    return block


def execute(block: Locator) -> Locator:
    """Press Try it out and Execute; what came back."""
    block.get_by_role("button", name="Try it out").click()
    block.get_by_role("button", name="Execute").click()
    found = block.locator(".live-responses-table")
    found.wait_for()
    return found


def test_a_call_is_tried_with_a_token_that_stays_in_memory(cast: Cast, visit: Callable[..., Any]):
    user_key(cast.alice, cast.sunny)
    measure(cast.plant_a)
    page = visit(cast.alice).to(REFERENCE)
    block = open_call(page, CHANNELS)
    block.get_by_role("button", name="Try it out").click()
    for name in ("dateFrom", "dateTo"):
        block.locator(f'tr[data-param-name="{name}"] input').fill("2025-06-21")
    with page.expect_response("**/docs/token") as asked:
        block.get_by_role("button", name="Execute").click()
    answer = block.locator(".live-responses-table")
    expect(answer.locator(".response-col_status").nth(1)).to_contain_text("200")
    expect(answer).to_contain_text('"2025-06-21T12:00:00+02:00": 6000')
    expect(page.locator("#try-quota")).to_have_text("Left: 59 this minute, 4,999 today.")
    token = asked.value.json()["token"]
    assert token not in page.content()
    assert "Bearer $TOKEN" in block.locator(".curl").inner_text()
    assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]


def test_calls_share_a_token_and_one_that_was_revoked_is_not_used_again(cast: Cast, visit: Callable[..., Any]):
    key = user_key(cast.alice, cast.sunny)
    opened = visit(cast.alice)
    page = opened.to(REFERENCE)
    block = open_call(page, "#operations-me-me")
    expect(execute(block)).to_contain_text('"name": "Documentation page"')
    block.get_by_role("button", name="Execute").click()
    expect(block.locator(".live-responses-table")).to_contain_text('"used": 2')
    assert AccessToken.objects.count() == 1
    subscriptions.suspend(key.subscription, ROBOT, "unpaid")
    block.get_by_role("button", name="Execute").click()
    expect(block.locator(".live-responses-table")).to_contain_text("invalid_token")
    block.get_by_role("button", name="Execute").click()
    expect(page.locator("#try-problem")).to_have_text("API access is suspended, so calls cannot be tried.")
    assert [problem for problem in opened.problems if "401" not in problem and "409" not in problem] == []
    opened.problems.clear()  # the browser reports both refusals


def test_what_the_larger_package_adds_is_marked_and_cannot_be_tried(cast: Cast, visit: Callable[..., Any]):
    user_key(cast.alice, cast.sunny)
    page = visit(cast.alice).to(f"{REFERENCE}?more")
    expect(page.locator(".call")).to_have_count(16)
    assert page.locator(".call-added .opblock-summary-description").all_inner_texts() == [
        "5-minute values of devices across configurations (needs Advanced)",
        "Key performance indicators with their inputs (needs Advanced)",
    ]
    block = open_call(page, "#operations-visualization-kpis")
    expect(block.locator(".parameters")).not_to_have_count(0)
    expect(block.get_by_role("button", name="Try it out")).not_to_be_visible()
    channels = open_call(page, CHANNELS)
    expect(channels.locator('tr[data-param-name="componentIds[]"]')).to_contain_text("(needs Advanced)")


def test_without_a_subscription_nothing_can_be_tried(cast: Cast, visit: Callable[..., Any]):
    page = visit(cast.alice).to(REFERENCE)
    expect(page.locator(".call")).to_have_count(14)
    block = open_call(page, "#operations-me-me")
    expect(block.locator(".responses-wrapper")).to_be_visible()
    expect(block.get_by_role("button", name="Try it out")).to_have_count(0)


def test_code_is_copied(cast: Cast, visit: Callable[..., Any]):
    opened = visit(cast.alice)
    opened.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = opened.to("/p/sunny/docs")
    page.get_by_role("button", name="Copy").nth(1).click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == (
        'curl -sG http://testserver/api/v1/sunny/administration/plants \\\n  -H "Authorization: Bearer $TOKEN"'
    )


def test_channels_are_found_by_name_unit_and_category(cast: Cast, visit: Callable[..., Any]):
    page = visit(cast.alice).to("/p/sunny/docs/channels")
    field, rows = page.get_by_label("Find a channel"), page.locator(".channel-table tbody tr:visible")
    field.fill("soc %")
    expect(rows.locator("code")).to_have_text(["BatSoc"])
    expect(page.locator("#filter-count")).to_have_text("1")
    field.fill("moonlight")
    expect(page.get_by_text("No channel fits.")).to_be_visible()
    field.fill("")
    expect(rows).to_have_count(51)


def test_the_contents_mark_the_chapter_that_is_read(cast: Cast, visit: Callable[..., Any]):
    page = visit(cast.alice).to("/p/sunny/docs/guide#errors")
    expect(page.locator(".guide-contents [aria-current]")).to_have_text("Errors")


@pytest.mark.parametrize("address", ["docs", "docs/guide", "docs/channels"])
def test_pages_are_accessible_and_fit_a_phone(
    address: str, cast: Cast, visit: Callable[..., Any], assert_accessible: Callable[[Page], None]
):
    for screen, scheme in ((DESKTOP, "dark"), (PHONE, "light")):
        page = visit(cast.alice, screen=screen, scheme=scheme).to(f"/p/sunny/{address}")
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(("screen", "scheme"), [(DESKTOP, "dark"), (PHONE, "light")])
def test_the_reference_is_accessible_and_fits_a_phone(
    screen: tuple[int, int], scheme: str, cast: Cast, visit: Callable[..., Any], assert_accessible: Callable[..., None]
):
    user_key(cast.alice, cast.sunny)
    page = visit(cast.alice, screen=screen, scheme=scheme).to(f"{REFERENCE}?more")
    assert_accessible(page, but=SWAGGERS_OWN)
    execute(open_call(page, "#operations-me-me"))
    assert_accessible(page, but=SWAGGERS_OWN)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_guide_weighs_little(cast: Cast, visit: Callable[..., Any]):
    opened, answers = visit(cast.alice), []
    opened.page.on("response", lambda answer: answers.append(answer))
    opened.to("/p/sunny/docs/guide")
    assert 20_000 < sum(len(gzip.compress(answer.body())) for answer in answers) < 250_000


def test_the_reference_speaks_german_around_swagger_ui(cast: Cast, visit: Callable[..., Any]):
    user_key(cast.alice, cast.sunny)
    page = visit(cast.alice, locale="de-DE").to(f"{REFERENCE}?more")
    expect(page.get_by_role("heading", level=1)).to_have_text("API-Referenz")
    assert "(braucht Advanced)" in page.locator(".call-added").first.inner_text()
    execute(open_call(page, "#operations-me-me"))
    expect(page.locator("#try-quota")).to_have_text("Übrig: 59 in dieser Minute, 4.999 heute.")
