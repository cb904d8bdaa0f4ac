"""The reference: what it shows to whom, and the short token with which it tries calls."""

import json
import re
from typing import Any

import pytest
from django.test import Client
from oauth2_provider.models import AccessToken

from apps.accounts.changes import set_active
from apps.packages import subscriptions
from apps.packages.catalog import Package
from apps.packages.models import ApiClient
from tests.cast import Cast
from tests.clients_cast import ROBOT, access_of, call, membership, portal_key, user_key

BASIC = [
    "components",
    "epoch_range",
    "events",
    "inverters",
    "me",
    "plant",
    "plant_address",
    "plant_channels",
    "plant_contacts",
    "plant_lifetime",
    "plant_month",
    "plant_summary",
    "plant_year",
    "plants",
]
ADVANCED = [
    "component_channels",
    "component_lifetime",
    "component_month",
    "component_year",
    "cross_epoch_channels",
    "kpis",
    "tracker_channels",
]
FLEETS = ["fleet", "fleet_plants", "fleets", "plants_by_fleet"]


def page(client: Client, query: str = "") -> str:
    return client.get(f"/p/sunny/docs/reference{query}").content.decode()


def settings_of(html: str) -> dict[str, Any]:
    """What the page hands to its script."""
    [text] = re.findall(r'<script id="reference-settings" type="application/json">(.*?)</script>', html)
    found: dict[str, Any] = json.loads(text)
    return found


def activate(client: Client, cast: Cast, who: str, package: str) -> None:
    client.force_login(getattr(cast, who))
    subscriptions.activate_user_api(membership(getattr(cast, who), cast.sunny), Package(package), ROBOT)


# --- What is shown -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("package", "functions", "operations"), [("basic", BASIC, 14), ("advanced", BASIC + ADVANCED, 16)]
)
def test_a_reader_sees_the_calls_of_their_package(
    package: str, functions: list[str], operations: int, client: Client, cast: Cast
):
    activate(client, cast, "alice", package)
    settings = settings_of(page(client))
    assert sorted(settings["functions"]) == sorted(functions)
    assert settings["document"] == f"/api/v1/openapi.json?api=user&package={package}"
    assert len(client.get(settings["document"]).json()["paths"]) == operations


def test_a_manager_sees_the_portal_api_with_its_fleets(client: Client, cast: Cast):
    portal_key(cast.mona, cast.sunny, "advanced")
    client.force_login(cast.mona)
    settings = settings_of(page(client))
    assert sorted(settings["functions"]) == sorted(BASIC + ADVANCED + FLEETS)
    assert settings["document"] == "/api/v1/openapi.json?api=portal&package=advanced"
    assert len(client.get(settings["document"]).json()["paths"]) == 19


def test_a_manager_can_look_at_both_apis_and_an_owner_only_at_theirs(client: Client, cast: Cast):
    client.force_login(cast.mona)
    assert "api=user" in settings_of(page(client, "?api=user"))["document"]
    assert "api=portal" in settings_of(page(client, "?api=portal"))["document"]
    client.force_login(cast.alice)
    html = page(client, "?api=portal")
    assert "api=user" in settings_of(html)["document"]
    assert "?api=portal" not in html


def test_the_switch_adds_what_the_larger_package_holds_and_marks_what_is_not_theirs(client: Client, cast: Cast):
    activate(client, cast, "alice", "basic")
    html = page(client, "?more")
    assert settings_of(html)["document"] == "/api/v1/openapi.json?api=user&package=advanced"
    assert sorted(settings_of(html)["functions"]) == BASIC
    assert "Also what Advanced adds" in html
    assert 'data-adds="needs Advanced"' in html


def test_who_has_the_largest_package_has_no_switch(client: Client, cast: Cast):
    activate(client, cast, "alice", "advanced")
    assert "Also what" not in page(client)
    assert settings_of(page(client, "?more"))["document"] == "/api/v1/openapi.json?api=user&package=advanced"


def test_without_a_subscription_all_of_basic_is_shown_and_the_way_to_one(client: Client, cast: Cast):
    client.force_login(cast.alice)
    html = page(client)
    assert sorted(settings_of(html)["functions"]) == BASIC
    assert settings_of(html)["canTry"] is False
    assert "API access is not switched on yet." in html
    assert 'href="/p/sunny/api"' in html
    assert 'id="try"' not in html


def test_a_suspended_reader_is_told_why(client: Client, cast: Cast):
    client.force_login(cast.alice)
    key = user_key(cast.alice, cast.sunny, "advanced")
    subscriptions.suspend(key.subscription, ROBOT, "Too many calls at night")
    html = page(client)
    assert "API access is suspended" in html
    assert "Too many calls at night" in html
    assert settings_of(html)["canTry"] is False


def test_fields_are_filled_with_the_readers_own_plant(client: Client, cast: Cast):
    activate(client, cast, "bob", "basic")
    values = settings_of(page(client))["values"]
    assert values["plantId"] == str(cast.plant_b.pk)
    assert values["dateFrom"] == "today"


# --- The token -----------------------------------------------------------------------------------------------------


def ask(client: Client, api: str = "user", portal: str = "sunny") -> Any:
    return client.post(f"/p/{portal}/docs/token", {"api": api})


def test_the_token_speaks_for_the_reader_and_is_kept_nowhere(client: Client, cast: Cast):
    activate(client, cast, "alice", "basic")
    response = ask(client)
    assert (response.status_code, response["Cache-Control"]) == (200, "no-store")
    assert response.json()["seconds"] == 300
    access = access_of(response.json()["token"])
    assert (access.user, access.package, access.portal_slug) == (cast.alice.pk, "basic", "sunny")
    assert response.json()["token"] not in str(dict(client.session))


def test_a_manager_gets_one_for_the_portal_api_and_nobody_else_does(client: Client, cast: Cast):
    portal_key(cast.mona, cast.sunny)
    client.force_login(cast.mona)
    assert access_of(ask(client, "portal").json()["token"]).sees_whole_portal
    for member in (cast.alice, cast.mo):
        client.force_login(member)
        assert ask(client, "portal").status_code == 403
    assert AccessToken.objects.count() == 1


def test_a_stranger_and_another_portals_manager_get_none(client: Client, cast: Cast):
    portal_key(cast.mona, cast.sunny)
    assert ask(client).status_code == 302
    client.force_login(cast.oskar)
    assert ask(client, "portal").status_code == 404
    assert not AccessToken.objects.exists()


def test_nobody_gets_one_with_what_somebody_else_switched_on(client: Client, cast: Cast):
    user_key(cast.alice, cast.sunny)
    for member in (cast.bob, cast.mona):
        client.force_login(member)
        assert ask(client).status_code == 409
    assert not AccessToken.objects.exists()


def test_a_token_is_asked_for_by_post_with_the_forms_own_key_only(cast: Cast):
    browser = Client(enforce_csrf_checks=True)
    activate(browser, cast, "alice", "basic")
    assert browser.get("/p/sunny/docs/token").status_code == 405
    assert ask(browser).status_code == 403
    assert not AccessToken.objects.exists()


@pytest.mark.parametrize("api", ["", "nonsense"])
def test_an_unknown_api_has_no_token(api: str, client: Client, cast: Cast):
    activate(client, cast, "alice", "basic")
    assert ask(client, api).status_code == 403


def test_switched_off_suspended_and_awaiting_are_told_why_there_is_none(client: Client, cast: Cast):
    client.force_login(cast.alice)
    assert ask(client).json() == {"message": "API access is not switched on yet. Calls can be tried once it is."}
    key = user_key(cast.alice, cast.sunny)
    subscriptions.suspend(key.subscription, ROBOT, "unpaid")
    response = ask(client)
    assert (response.status_code, response["Cache-Control"]) == (409, "no-store")
    assert response.json() == {"message": "API access is suspended, so calls cannot be tried."}
    assert not ApiClient.objects.filter(documentation=True).exists()


def test_a_disabled_user_gets_none_and_the_one_from_before_is_dead(client: Client, cast: Cast):
    activate(client, cast, "alice", "basic")
    token = ask(client).json()["token"]
    set_active(cast.alice, False, ROBOT)
    assert ask(client).status_code == 302
    assert call(token).status_code == 401


def test_asking_for_a_token_needs_few_statements(client: Client, cast: Cast, django_assert_max_num_queries: Any):
    activate(client, cast, "alice", "basic")
    ask(client)
    with django_assert_max_num_queries(16):
        ask(client)
