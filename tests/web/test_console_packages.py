"""The manager's pages of what the portal offers: limits and approval of each package, and the terms of use."""

import re
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import AuditEntry
from apps.packages import offers, subscriptions
from apps.packages.catalog import Package
from apps.packages.models import PackageSettings, Terms
from tests.cast import Cast
from tests.clients_cast import ROBOT, membership, user_key
from tests.gate import calling
from tests.web.api_pages import cookie, logged_in, text
from tests.web.conftest import PHONE

PAGE, TERMS = "/p/sunny/console/packages", "/p/sunny/console/packages/terms"
NEW = {"version": "2025-06", "text": "Be fair.\n\nBe <b>kind</b>.", "text_de": "Seien Sie fair."}


def settings(**changes: str) -> dict[str, str]:
    """The form of the package Basic."""
    values = {"per_minute": "60", "per_day": "5000", "max_clients": "5", "approval": "automatic", **changes}
    return {f"basic-{name}": value for name, value in values.items()}


def publish(cast: Cast, version: str = "2025-01") -> Terms:
    return offers.publish_terms(
        cast.sunny, membership(cast.mona, cast.sunny), ROBOT, version=version, text=f"Text of {version}."
    )


def acts() -> list[tuple[str, str]]:
    return list(AuditEntry.objects.order_by("id").values_list("actor", "action"))


# --- Who comes in -------------------------------------------------------------------------------------------

ROUTES = ("", "/basic", "/basic/reset", "/terms", "/terms/new", "/terms/1")


@pytest.mark.parametrize("route", ROUTES)
def test_only_managers_of_the_portal_come_in(client: Client, cast: Cast, route: str):
    for path, status in ((f"{PAGE}{route}", {403, 405}), (f"/p/other/console/packages{route}", {404})):
        assert client.get(path).headers["Location"].startswith("/account/login/")
        for user in (cast.alice, cast.mo, cast.charlie):
            browser = logged_in(user)
            assert {browser.get(path).status_code, browser.post(path, NEW).status_code} <= status
    assert {logged_in(cast.oskar).post(f"{PAGE}{route}", settings()).status_code} == {404}
    assert not AuditEntry.objects.exists()


def test_terms_of_another_portal_are_as_unknown_as_none(cast: Cast):
    manager = membership(cast.oskar, cast.other)
    foreign = offers.publish_terms(cast.other, manager, ROBOT, version="1", text="Foreign")
    assert logged_in(cast.mona).get(f"{TERMS}/{foreign.pk}").status_code == 404


# --- Packages -----------------------------------------------------------------------------------------------


def test_the_page_shows_settings_defaults_and_what_belongs_to_each(cast: Cast, django_assert_max_num_queries):
    user_key(cast.alice, cast.sunny)
    manager = logged_in(cast.mona)
    with django_assert_max_num_queries(20):
        page = manager.get(PAGE)
    said = text(page)
    assert "Basic 1 subscription" in said
    assert "Defaults: 60 calls per minute, 5,000 per day, 5 clients, approval automatic." in said
    assert "Fleets of the portal" in said
    assert 'value="50000"' in page.content.decode()


def test_new_limits_hold_from_the_next_call_on(cast: Cast):
    token = user_key(cast.alice, cast.sunny).token()
    done = logged_in(cast.mona).post(f"{PAGE}/basic", settings(per_minute="1", approval="manager"), follow=True)
    assert "The settings of Basic are saved." in text(done)
    row = PackageSettings.objects.get()
    assert (row.portal, row.per_minute, row.per_day, row.approval) == (cast.sunny, 1, 5000, "manager")
    assert acts()[-1] == ("mona@sunny.example", "package.settings_changed")
    assert [calling.status(token, "me") for _ in range(2)] == [200, 429]


def test_approval_by_a_manager_concerns_who_comes_after(cast: Cast):
    logged_in(cast.mona).post(f"{PAGE}/basic", settings(approval="manager"))
    member = membership(cast.bob, cast.sunny)
    assert subscriptions.activate_user_api(member, Package("basic"), ROBOT).status == "awaiting"


def test_what_cannot_be_is_said_at_its_field_and_kept(cast: Cast):
    page = logged_in(cast.mona).post(f"{PAGE}/basic", settings(per_minute="0", per_day="many", approval="maybe"))
    form = page.context["offers"][0].form
    assert set(form.errors) == {"per_minute", "per_day", "approval"}
    assert (form["per_day"].value(), page.context["offers"][1].form.is_bound) == ("many", False)
    assert not PackageSettings.objects.exists()


def test_defaults_come_back(cast: Cast):
    manager = logged_in(cast.mona)
    manager.post(f"{PAGE}/basic", settings(per_minute="1"))
    assert "Reset to defaults" in text(manager.get(PAGE))
    done = manager.post(f"{PAGE}/basic/reset", follow=True)
    assert "Basic has its defaults again." in text(done)
    assert PackageSettings.objects.get().per_minute == 60
    assert "Reset to defaults" not in text(done)


def test_there_is_no_third_package_and_no_way_by_get(cast: Cast):
    manager = logged_in(cast.mona)
    assert manager.post(f"{PAGE}/gold", settings()).status_code == 404
    assert [manager.get(f"{PAGE}/basic{end}").status_code for end in ("", "/reset")] == [405, 405]


# --- Terms --------------------------------------------------------------------------------------------------


def test_without_terms_the_page_says_what_that_means(cast: Cast):
    assert "Whoever switches on an API has nothing to accept." in text(logged_in(cast.mona).get(TERMS))


def test_terms_are_looked_at_before_they_are_published(cast: Cast):
    manager = logged_in(cast.mona)
    preview = manager.post(f"{TERMS}/new", NEW)
    assert "<p>Be fair.</p>" in preview.content.decode()
    assert "&lt;b&gt;kind&lt;/b&gt;" in preview.content.decode()
    assert not Terms.objects.exists()
    further = manager.post(f"{TERMS}/new", {**NEW, "edit": "1"})
    assert further.context["form"]["text"].value() == NEW["text"]
    done = manager.post(f"{TERMS}/new", {**NEW, "publish": "1"}, follow=True)
    assert "The terms are published. They hold for activations from now on." in text(done)
    assert (Terms.objects.get().text_de, acts()[-1][1]) == ("Seien Sie fair.", "terms.published")


def test_who_is_active_stays_so_and_versions_tell_how_many_accepted_them(cast: Cast):
    publish(cast)
    member = membership(cast.alice, cast.sunny)
    subscriptions.activate_user_api(member, Package("basic"), ROBOT, "2025-01")
    logged_in(cast.mona).post(f"{TERMS}/new", {**NEW, "publish": "1"})
    said = text(logged_in(cast.mona).get(TERMS))
    assert "Terms of use, version 2025-06" in said
    assert re.search(r"2025-06 \d.* 0 subscriptions 2025-01 \d.* 1 subscription$", said)
    old = Terms.objects.get(version="2025-01")
    assert "Text of 2025-01." in text(logged_in(cast.mona).get(f"{TERMS}/{old.pk}"))


def test_a_version_is_published_once_and_what_was_typed_is_kept(cast: Cast):
    publish(cast, "2025-06")
    page = logged_in(cast.mona).post(f"{TERMS}/new", {**NEW, "publish": "1"})
    form: Any = page.context["form"]
    assert form.errors == {"version": ["The version “2025-06” has been published before."]}
    assert form["text"].value() == NEW["text"]
    empty = logged_in(cast.mona).post(f"{TERMS}/new", {"version": "", "text": " "})
    assert set(empty.context["form"].errors) == {"version", "text"}


# --- In the browser -----------------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.parametrize(("screen", "scheme"), [((1366, 900), "light"), (PHONE, "dark")])
def test_the_pages_are_accessible_and_fit(cast: Cast, visit, assert_accessible, screen, scheme):
    terms = publish(cast)
    made = visit(None, screen=screen, scheme=scheme)
    made.context.add_cookies([cookie(cast.mona, made.origin)])
    for path in (PAGE, TERMS, f"{TERMS}/{terms.pk}", f"{TERMS}/new"):
        page = made.to(path)
        for details in page.locator("details > summary").all():
            if details.is_visible():
                details.click()
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
