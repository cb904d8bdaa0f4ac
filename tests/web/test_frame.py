"""What surrounds every page: rail or bar, change of portal, light and dark; nobody is in a portal not theirs."""

import re
from typing import Any

import pytest
from django.test import Client

from apps.accounts.access import Role
from apps.accounts.models import Membership
from tests.cast import Cast
from tests.web.conftest import PHONE


def test_a_member_is_led_to_the_plants_of_their_portal(client: Client, cast: Cast):
    client.force_login(cast.alice)
    assert client.get("/").headers["Location"] == "/p/sunny/plants"


def test_a_portal_one_is_no_member_of_is_as_unknown_as_none(client: Client, cast: Cast):
    client.force_login(cast.alice)
    foreign, unknown = client.get("/p/other/plants"), client.get("/p/nowhere/plants")
    assert (foreign.status_code, unknown.status_code) == (404, 404)
    assert without_tokens(foreign) == without_tokens(unknown)


def without_tokens(response: Any) -> str:
    """The page as everybody gets it: CSRF tokens and request ids differ from answer to answer."""
    text = re.sub(r"\b\w{64}\b", "", response.content.decode())
    return text.replace(response["X-Request-ID"], "")


def test_a_stranger_has_to_log_in_first_and_comes_back(client: Client, cast: Cast):
    assert client.get("/p/sunny/plants").headers["Location"] == "/account/login/?next=/p/sunny/plants"


def test_who_is_in_two_portals_returns_to_the_last_one(client: Client, cast: Cast):
    Membership.objects.create(portal=cast.other, user=cast.alice, role=Role.OWNER)
    client.force_login(cast.alice)
    client.get("/p/sunny/plants")
    assert client.get("/").headers["Location"] == "/p/sunny/plants"
    client.get("/p/other/plants")
    assert client.get("/").headers["Location"] == "/p/other/plants"


def test_who_is_in_no_portal_is_told_so(client: Client, cast: Cast):
    Membership.objects.filter(user=cast.charlie).delete()
    client.force_login(cast.charlie)
    assert "You are not in a portal yet" in client.get("/").content.decode()


def test_managers_have_more_entries_than_owners(client: Client, cast: Cast):
    client.force_login(cast.mona)
    assert "/p/sunny/console/users" in client.get("/p/sunny/plants").content.decode()
    client.force_login(cast.alice)
    assert "/p/sunny/console" not in client.get("/p/sunny/plants").content.decode()


def test_light_or_dark_is_kept(client: Client):
    client.post("/theme", {"theme": "dark"}, headers={"Referer": "http://testserver/"})
    assert '<html lang="en" data-theme="dark"' in client.get("/").content.decode()
    client.post("/theme", {"theme": ""})
    assert "data-theme" not in client.get("/").content.decode()


def test_no_theme_leads_to_another_site(client: Client):
    answer = client.post("/theme", {"theme": "dark"}, headers={"Referer": "http://evil.example/"})
    assert answer.headers["Location"] == "/"


@pytest.mark.browser
def test_the_frame_is_accessible_and_the_phone_has_its_bar_at_the_foot(cast: Cast, visit, assert_accessible):
    for screen in ((1366, 900), PHONE):
        page = visit(cast.mona, screen=screen).to("/p/sunny/plants")
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        bar = page.locator(".rail-entries").bounding_box()
        assert bar is not None
        assert (bar["y"] > 600) == (screen == PHONE)
