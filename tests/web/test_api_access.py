"""API access as its owner sees it: off, asked for, on, suspended, rejected; limits, use, another package, off again."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.access import Role
from apps.accounts.models import AuditEntry
from apps.packages import clients, offers, quota, subscriptions
from apps.packages.catalog import Approval, Package
from apps.packages.models import ApiClient, Subscription, UsageHour
from apps.web.api_access.activity import ceiling
from tests.cast import Cast, make_plant, make_user
from tests.clients_cast import ROBOT, membership, new_key, portal_key, user_key
from tests.web.api_pages import PORTAL, USER, create, logged_in, text

BASIC, ADVANCED = Package("basic"), Package("advanced")
GERMAN = {"Accept-Language": "de"}


def subscription_of(cast: Cast) -> Subscription:
    return Subscription.objects.get(membership__user=cast.alice)


def called(
    subscription: Subscription, client: ApiClient, function: str, calls: int, days_ago: int = 1, **more: Any
) -> None:
    hour = timezone.now().replace(minute=0, second=0, microsecond=0) - dt.timedelta(days=days_ago)
    numbers = {"points": 288 * calls, "bytes": 1000 * calls, "milliseconds": 2.5 * calls, "status": "2xx", **more}
    UsageHour.objects.create(
        subscription=subscription, client_id=client.pk, hour=hour, function=function, calls=calls, **numbers
    )


def approval_by_manager(cast: Cast, package: Package = ADVANCED) -> None:
    by = membership(cast.mona, cast.sunny)
    offers.edit_settings(cast.sunny, package, by, ROBOT, approval=Approval.MANAGER)


def publish_terms(cast: Cast, version: str = "2026-01") -> None:
    by = membership(cast.mona, cast.sunny)
    offers.publish_terms(cast.sunny, by, ROBOT, version=version, text="Be kind.", text_de="Seien Sie nett.")


# --- Off -------------------------------------------------------------------------------------------------------------


def test_who_has_none_reads_what_it_is_and_chooses_a_package(cast: Cast):
    page = logged_in(cast.alice, confirmed_ago=None).get("/p/sunny/api")
    assert "It reads exactly the plants that are assigned to you, and nobody else’s." in text(page)
    assert '"/p/sunny/api/user/activate/basic"' in page.content.decode()
    assert '"/p/sunny/api/user/activate/advanced"' in page.content.decode()


@pytest.mark.parametrize("who", ["alice", "mo", "mona"])
def test_every_member_switches_on_their_own(cast: Cast, who: str):
    user = getattr(cast, who)
    answer = logged_in(user).post(f"{USER}/activate/advanced")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{USER}/clients/new")
    found = Subscription.objects.get(membership__user=user)
    assert (found.status, found.package) == ("active", "advanced")
    entry = AuditEntry.objects.get(action="api.activated")
    assert (entry.actor, entry.address) == (user.email, "127.0.0.1")


def test_a_manager_switches_on_the_portals_beside_their_own(cast: Cast):
    browser = logged_in(cast.mona)
    assert browser.post(f"{PORTAL}/activate/basic").headers["Location"] == f"{PORTAL}/clients/new"
    assert Subscription.objects.get().membership is None
    assert "Let your own programs read your plants" in text(browser.get(USER))
    assert "Package Basic" in text(browser.get(PORTAL))


def test_after_activation_the_first_client_has_a_name_already(cast: Cast):
    browser = logged_in(cast.alice)
    page = browser.post(f"{USER}/activate/basic", follow=True)
    assert "Create your first client" in text(page)
    assert 'value="My program"' in page.content.decode()
    create(browser, name="My program")
    assert 'value="My program 2"' in browser.get(f"{USER}/clients/new").content.decode()


def test_an_unknown_package_is_no_page(cast: Cast):
    browser = logged_in(cast.alice)
    assert browser.get(f"{USER}/activate/gold").status_code == 404
    user_key(cast.alice, cast.sunny)
    assert browser.get(f"{USER}/package/gold").status_code == 404


def test_what_is_on_is_not_switched_on_again(cast: Cast):
    user_key(cast.alice, cast.sunny)
    assert logged_in(cast.alice).post(f"{USER}/activate/advanced").headers["Location"] == USER
    assert subscription_of(cast).package == "basic"


# --- Terms -----------------------------------------------------------------------------------------------------------


def test_terms_are_accepted_first(cast: Cast):
    publish_terms(cast)
    browser = logged_in(cast.alice)
    page = browser.get(f"{USER}/activate/basic")
    assert "Version 2026-01" in text(page)
    assert "Be kind." in text(page)
    refused = browser.post(f"{USER}/activate/basic", {"version": "2026-01"})
    assert "This field is required." in text(refused)
    assert not Subscription.objects.exists()
    browser.post(f"{USER}/activate/basic", {"version": "2026-01", "accept_terms": "on"})
    assert subscription_of(cast).terms_version == "2026-01"
    assert "Version 2026-01" in text(browser.get(USER))


def test_terms_that_changed_meanwhile_are_read_again(cast: Cast):
    publish_terms(cast)
    publish_terms(cast, "2026-02")
    browser = logged_in(cast.alice)
    page = browser.post(f"{USER}/activate/basic", {"version": "2026-01", "accept_terms": "on"})
    assert "The terms of use have changed since you opened this page." in text(page)
    assert 'value="2026-02"' in page.content.decode()
    assert "checked" not in page.content.decode()
    assert not Subscription.objects.exists()


def test_without_terms_there_is_no_box(cast: Cast):
    assert "accept_terms" not in logged_in(cast.alice).get(f"{USER}/activate/basic").content.decode()


# --- Awaiting, rejected, suspended -----------------------------------------------------------------------------------


def test_a_package_that_needs_approval_awaits_it(cast: Cast):
    approval_by_manager(cast)
    browser = logged_in(cast.alice)
    assert "A manager of the portal approves this package first." in text(browser.get(f"{USER}/activate/advanced"))
    browser.post(f"{USER}/activate/advanced")
    assert subscription_of(cast).status == "awaiting"
    page = text(browser.get(USER))
    assert "Your request awaits approval by a manager of the portal." in page
    assert "Withdraw the request" in page
    assert create(browser).status_code == 200
    browser.post(f"{USER}/deactivate", {"typed": "sunny"})
    assert subscription_of(cast).status == "off"


def test_who_was_rejected_reads_why_and_may_ask_again(cast: Cast):
    approval_by_manager(cast)
    browser = logged_in(cast.alice)
    browser.post(f"{USER}/activate/advanced")
    subscriptions.reject(subscription_of(cast), ROBOT, "Not before May")
    page = text(browser.get(USER))
    assert "Your request was rejected." in page
    assert "Not before May" in page
    browser.post(f"{USER}/activate/basic")
    assert "Not before May" not in text(browser.get(USER))


def test_who_is_suspended_reads_why_and_can_change_nothing(cast: Cast):
    key = user_key(cast.alice, cast.sunny)
    subscriptions.suspend(key.subscription, ROBOT, "The invoice is open")
    browser = logged_in(cast.alice)
    page = browser.get(USER)
    assert "The invoice is open" in text(page)
    assert "/deactivate" not in page.content.decode()
    for path in ("clients/new", "deactivate", "package/advanced", f"clients/{key.client.client_id}/rotate"):
        assert browser.post(f"{USER}/{path}", {"typed": "sunny"}).headers["Location"] == USER
    assert subscription_of(cast).status == "suspended"


# --- On --------------------------------------------------------------------------------------------------------------


def test_limits_and_what_is_used_of_them(cast: Cast):
    key = user_key(cast.alice, cast.sunny)
    quota.take(key.subscription.pk, offers.limits_now(key.subscription, timezone.now()), 7, timezone.now())
    page = text(logged_in(cast.alice).get(USER))
    assert "7 of 5,000" in page
    assert "These limits were given to you alone." not in page


def test_limits_of_ones_own_are_shown_with_their_end(cast: Cast):
    key = user_key(cast.alice, cast.sunny)
    until = timezone.now() + dt.timedelta(days=3)
    subscriptions.override_limits(key.subscription, ROBOT, "a trial", per_day=123_456, until=until)
    page = text(logged_in(cast.alice).get(USER))
    assert "0 of 123,456" in page
    assert "0 of 60" in page
    assert "These limits were given to you alone. They hold until" in page


def test_calls_are_drawn_by_status_and_by_function(cast: Cast):
    key = user_key(cast.alice, cast.sunny)
    called(key.subscription, key.client, "plant_channels", 1200)
    called(key.subscription, key.client, "plant_channels", 3, days_ago=0, status="4xx")
    called(key.subscription, key.client, "me", 40, days_ago=29)
    called(key.subscription, key.client, "me", 999, days_ago=30)
    browser = logged_in(cast.alice)
    page = browser.get(USER)
    said = text(page)
    assert "Calls 1,243 Values delivered 357,984" in said
    assert "Mean time 2.5 ms" in said
    assert "Answered (2xx) 1,240" in said
    assert "Refused (4xx) 3" in said
    assert page.content.decode().count('<g class="calls-day"') == 30
    assert '<rect class="calls-2xx" x="281.5" y="40.0" width="7" height="60.0"/>' in page.content.decode()
    by_function = text(browser.get(f"{USER}?by=function"))
    assert "5-minute totals of a plant 1,203" in by_function
    assert "Your package, its functions and what is left of the quota 40" in by_function


def test_only_five_functions_have_their_own_colour(cast: Cast):
    key = user_key(cast.alice, cast.sunny)
    for calls, function in enumerate(("me", "plant", "plants", "events", "plant_year", "plant_month", "inverters"), 1):
        called(key.subscription, key.client, function, calls)
    assert "all other calls 3" in text(logged_in(cast.alice).get(f"{USER}?by=function"))


@pytest.mark.parametrize(("most", "top"), [(0, 2), (1, 2), (3, 4), (10, 10), (11, 20), (79, 80), (2001, 4000)])
def test_the_scale_ends_at_a_round_number(most: int, top: int):
    assert ceiling(most) == top


def test_the_list_says_what_each_client_may_and_did(cast: Cast):
    key = user_key(cast.alice, cast.sunny, plant_ids=[cast.plant_a.pk], networks=["192.0.2.0/24"])
    ApiClient.objects.filter(pk=key.client.pk).update(last_used_at=timezone.now(), last_ip="192.0.2.9")
    clients.rotate(key.client, ROBOT, "1h")
    page = text(logged_in(cast.alice).get(USER))
    assert "Plants Plant A Networks 192.0.2.0/24 Last used just now from 192.0.2.9" in page
    assert f"…{key.secret[-4:]} ends" in page
    assert "1 of 5, one for each program" in page


def test_plants_that_are_gone_are_counted_not_named(cast: Cast):
    user_key(cast.alice, cast.sunny, plant_ids=[cast.plant_a.pk])
    cast.alice.memberships.get().assignments.all().delete()
    page = text(logged_in(cast.alice).get(USER))
    assert "Plant A" not in page
    assert "(1 plant you no longer see)" in page


# --- Another package -------------------------------------------------------------------------------------------------


def test_the_difference_is_told_with_what_was_used_lately(cast: Cast):
    key = user_key(cast.alice, cast.sunny, "advanced")
    called(key.subscription, key.client, "tracker_channels", 1204)
    called(key.subscription, key.client, "kpis", 5, days_ago=31)
    called(key.subscription, key.client, "plant_channels", 50)
    page = text(logged_in(cast.alice).get(f"{USER}/package/basic"))
    assert (
        "You called “5-minute values of MPP trackers and strings” 1,204 times in the last 30 days; "
        "Basic does not have it." in page
    )
    assert page.count("You called") == 1
    assert "Key performance indicators with their inputs not called in the last 30 days" in page
    assert "Sensor values: single devices" in page
    assert "Calls per minute 300 60 Calls per day 50,000 5,000" in page


def test_a_change_upwards_tells_what_is_gained(cast: Cast):
    user_key(cast.alice, cast.sunny)
    browser = logged_in(cast.alice)
    page = text(browser.get(f"{USER}/package/advanced"))
    assert "You gain 5-minute values of components" in page
    assert "You lose" not in page
    assert browser.post(f"{USER}/package/advanced").headers["Location"] == USER
    assert subscription_of(cast).package == "advanced"
    assert AuditEntry.objects.get(action="api.package_changed").actor == cast.alice.email


def test_what_a_manager_has_to_give_is_not_taken(cast: Cast):
    approval_by_manager(cast)
    user_key(cast.alice, cast.sunny)
    browser = logged_in(cast.alice)
    page = browser.get(f"{USER}/package/advanced")
    assert "A manager of the portal gives this package." in text(page)
    assert '<form method="post">' not in page.content.decode()
    browser.post(f"{USER}/package/advanced")
    assert subscription_of(cast).package == "basic"


# --- Off again -------------------------------------------------------------------------------------------------------


def test_switching_off_says_what_dies_and_wants_a_word_typed(cast: Cast):
    key = user_key(cast.alice, cast.sunny)
    new_key(key.subscription, "second")
    key.token()
    browser = logged_in(cast.alice)
    page = text(browser.get(f"{USER}/deactivate"))
    assert "2 clients 2 secrets 1 token in use" in page
    wrong = browser.post(f"{USER}/deactivate", {"typed": "sunni"})
    assert "This is not “sunny”. Nothing was changed." in text(wrong)
    assert 'value="sunni"' in wrong.content.decode()
    assert subscription_of(cast).status == "active"
    assert browser.post(f"{USER}/deactivate", {"typed": "sunny"}).headers["Location"] == USER
    assert subscription_of(cast).status == "off"
    page = text(browser.get(USER))
    assert "Its clients, secrets and tokens are dead." in page
    assert "a new start needs new clients" in page


def test_it_can_be_switched_on_again_with_new_clients(cast: Cast):
    key = user_key(cast.alice, cast.sunny)
    subscriptions.deactivate(key.subscription, ROBOT)
    browser = logged_in(cast.alice)
    browser.post(f"{USER}/activate/advanced")
    page = text(browser.get(USER))
    assert "No clients yet" in page
    assert "1 client that has ended" in page


# --- German, and how many statements ---------------------------------------------------------------------------------


def test_terms_are_read_in_german(cast: Cast):
    publish_terms(cast)
    page = text(logged_in(cast.alice).get(f"{USER}/activate/basic", headers=GERMAN))
    assert "Seien Sie nett." in page
    assert "Be kind." not in page


@pytest.mark.parametrize("path", ["", "/clients/new", "/package/advanced", "/deactivate", "/clients/{client}"])
def test_no_page_asks_the_database_more_when_there_is_more(cast: Cast, django_assert_max_num_queries, path: str):
    key = portal_key(cast.mona, cast.sunny)
    plants = [make_plant(cast.sunny, f"Plant {number}") for number in range(30)]
    for number in range(4):
        new_key(key.subscription, f"client {number}", plant_ids=[plant.pk for plant in plants])
    for function in ("me", "plants", "plant_channels"):
        for day in range(30):
            called(key.subscription, key.client, function, 5, days_ago=day)
    browser = logged_in(cast.mona)
    with django_assert_max_num_queries(16):
        assert browser.get(PORTAL + path.format(client=key.client.client_id)).status_code == 200


def test_the_off_page_asks_little(cast: Cast, django_assert_max_num_queries):
    make_user("new@sunny.example", cast.sunny, Role.OWNER)
    browser = logged_in(cast.alice)
    with django_assert_max_num_queries(12):
        browser.get("/p/sunny/api")


def test_it_speaks_german(cast: Cast):
    key = user_key(cast.alice, cast.sunny)
    called(key.subscription, key.client, "plant_channels", 1200)
    browser = logged_in(cast.alice)
    on = text(browser.get(USER, headers=GERMAN))
    assert "Aufrufe der letzten 30 Tage" in on
    assert "Beantwortet (2xx) 1.200" in on
    off = text(logged_in(cast.bob).get(USER, headers=GERMAN))
    assert "Sie liest genau die Anlagen, die Ihnen zugewiesen sind, und keine fremden." in off
    assert "Produktionswerte nur Summen der Anlage Summen der Anlage und einzelne Geräte" in off
