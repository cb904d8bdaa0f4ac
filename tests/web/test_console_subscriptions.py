"""The manager's pages of subscriptions: the list, one of them, and every act with its effect on a living token."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.access import Role
from apps.accounts.models import AuditEntry
from apps.packages import offers, subscriptions, usage
from apps.packages.catalog import Approval, Package
from apps.packages.models import ClientSecret, Subscription
from tests.cast import Cast, make_user
from tests.clients_cast import ROBOT, Key, membership, new_key, portal_key, user_key
from tests.gate import calling
from tests.packages.noting import note
from tests.web.api_pages import cookie, logged_in, text
from tests.web.conftest import PHONE

LIST = "/p/sunny/console/subscriptions"
ACTS = ("approve", "reject", "package", "limits", "suspend", "resume", "revoke-all")


@pytest.fixture
def key(cast: Cast) -> Key:
    """The client of Alice's User API."""
    return user_key(cast.alice, cast.sunny)


@pytest.fixture
def awaiting(cast: Cast) -> Key:
    """Bob's User API, which a manager has to approve."""
    by = membership(cast.mona, cast.sunny)
    offers.edit_settings(cast.sunny, Package("basic"), by, ROBOT, approval=Approval.MANAGER)
    member = membership(cast.bob, cast.sunny)
    return new_key(subscriptions.activate_user_api(member, Package("basic"), ROBOT))


def page_of(key: Key, act: str = "") -> str:
    return f"{LIST}/{key.subscription.pk}" + (f"/{act}" if act else "")


def do(manager: Client, key: Key, act: str, **data: str) -> Any:
    response = manager.post(page_of(key, act), data, follow=True)
    key.subscription.refresh_from_db()
    return response


def last_act() -> tuple[str, str, str, str | None]:
    entry = AuditEntry.objects.latest("id")
    return entry.actor, entry.action, entry.reason, entry.address


# --- Who comes in -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ["", *ACTS])
def test_only_managers_of_the_portal_reach_a_subscription(client: Client, cast: Cast, key: Key, act: str):
    made = AuditEntry.objects.count()
    assert client.get(page_of(key, act)).headers["Location"].startswith("/account/login/")
    for user, status in ((cast.alice, 403), (cast.mo, 403), (cast.charlie, 403), (cast.oskar, 404)):
        browser = logged_in(user)
        assert browser.get(page_of(key, act)).status_code == status
        if act:
            assert browser.post(page_of(key, act), {"reason": "x", "confirmation": "revoke all"}).status_code == status
    foreign = page_of(key, act).replace("/p/sunny/", "/p/other/")
    unknown = f"/p/other/console/subscriptions/{uuid.uuid4()}" + (f"/{act}" if act else "")
    assert [logged_in(cast.oskar).get(path).status_code for path in (foreign, unknown)] == [404, 404]
    assert AuditEntry.objects.count() == made


def test_an_act_that_does_not_exist_is_none(cast: Cast, key: Key):
    assert logged_in(cast.mona).get(page_of(key, "delete")).status_code == 404


@pytest.mark.parametrize("act", ["package", "revoke-all"])
def test_what_cannot_be_undone_wants_a_fresh_proof_of_identity(cast: Cast, key: Key, act: str):
    answer = logged_in(cast.mona, confirmed_ago=400).get(page_of(key, act))
    assert answer.headers["Location"].startswith("/account/reauthenticate/")
    assert logged_in(cast.mona, confirmed_ago=200).get(page_of(key, act)).status_code == 200


# --- The list -----------------------------------------------------------------------------------------------


def test_the_list_says_who_what_and_how_much(cast: Cast, key: Key, awaiting: Key):
    portal_key(cast.mona, cast.sunny, "advanced")
    note(key, timezone.now())
    usage.flush()
    said = text(logged_in(cast.mona).get(LIST))
    assert "Active 2 Awaiting approval 1 With anomalies 0" in said
    assert "Bob bob@sunny.example awaiting approval Basic 0 % 0 % 0 1" in said.replace("\xa0", " ")
    assert "Alice alice@sunny.example active Basic 0 % < 1 % 1 1" in said.replace("\xa0", " ")
    assert "Portal API Sunny Co-operative active Advanced" in said


def owners(response: Any) -> list[str]:
    rows = [row.subscription for row in response.context["page"]]
    return [row.membership.user.name if row.membership else "Portal" for row in rows]


def test_it_is_filtered_searched_and_sorted(cast: Cast, key: Key, awaiting: Key):
    portal_key(cast.mona, cast.sunny, "advanced")
    ClientSecret.objects.filter(client=key.client).update(created_at=timezone.now() - dt.timedelta(days=400))
    manager = logged_in(cast.mona)
    for query, found in (
        ("", ["Bob", "Alice", "Portal"]),  # what awaits, what is unusual, the rest
        ("?state=awaiting", ["Bob"]),
        ("?package=advanced", ["Portal"]),
        ("?anomaly=any", ["Alice"]),
        ("?anomaly=old_secret", ["Alice"]),
        ("?anomaly=burst", []),
        ("?q=ALICE@", ["Alice"]),
        ("?q=co-operative", ["Portal"]),
        ("?sort=owner", ["Alice", "Bob", "Portal"]),
        ("?sort=-owner", ["Portal", "Bob", "Alice"]),
        ("?sort=-used", ["Bob", "Alice", "Portal"]),
        ("?sort=nonsense&state=nonsense&page=99", ["Bob", "Alice", "Portal"]),
    ):
        assert owners(manager.get(LIST + query)) == found, query


def test_an_empty_portal_and_an_empty_answer_say_what_to_do(cast: Cast):
    manager = logged_in(cast.mona)
    assert "Nobody has switched on an API yet" in text(manager.get(LIST))
    user_key(cast.alice, cast.sunny)
    assert "No subscription matches" in text(manager.get(f"{LIST}?q=nobody"))


def statements(manager: Client, path: str) -> int:
    """Without those of a session's first page."""
    manager.get(path)
    with CaptureQueriesContext(connection) as queries:
        assert manager.get(path).status_code == 200
    return len(queries)


def test_the_number_of_queries_does_not_depend_on_the_number_of_rows(cast: Cast, key: Key):
    user_key(cast.bob, cast.sunny)
    portal_key(cast.mona, cast.sunny)
    manager = logged_in(cast.mona)
    few = statements(manager, LIST)
    for number in range(57):
        user_key(make_user(f"m{number}@sunny.example", cast.sunny, Role.OWNER), cast.sunny)
    page = manager.get(LIST)
    assert (len(page.context["page"]), "1 to 50 of 60" in text(page)) == (50, True)
    assert len(manager.get(f"{LIST}?page=2").context["page"]) == 10
    assert (statements(manager, LIST), few < 20) == (few, True)


def test_one_subscription_takes_less_than_20_queries_whatever_its_clients(cast: Cast, key: Key):
    for number in range(4):
        new_key(key.subscription, f"client {number}")
    assert statements(logged_in(cast.mona), page_of(key)) < 20


# --- One subscription ---------------------------------------------------------------------------------------


def test_the_page_shows_use_clients_and_history_and_never_a_secret(cast: Cast, key: Key):
    for status in (200, 200, 304, 403, 500):
        note(key, timezone.now(), status=status)
    usage.flush()
    subscriptions.override_limits(key.subscription, ROBOT, "Trial", per_day=9_000)
    response = logged_in(cast.mona).get(page_of(key))
    said = text(response)
    assert "60 calls per minute, 9,000 per day Limits of its own until they are taken back" in said
    assert "Calls in 30 days 5" in said
    today = timezone.now()
    assert f"{today:%-d %B %Y} 3 1 1" in said
    assert f"…{key.secret[-4:]}" in said
    assert "API switched on" in said
    assert "Trial" in said
    assert key.secret not in response.content.decode()
    assert ClientSecret.objects.get().digest not in response.content.decode()


def test_only_acts_that_fit_the_state_are_offered(cast: Cast, key: Key, awaiting: Key):
    manager = logged_in(cast.mona)
    offered = {one.name for one in manager.get(page_of(awaiting)).context["acts"]}
    assert offered == {"approve", "reject", "limits", "revoke-all"}
    assert {one.name for one in manager.get(page_of(key)).context["acts"]} == {
        "package",
        "limits",
        "suspend",
        "revoke-all",
    }
    late = do(manager, key, "approve")
    assert "“Approve” is not possible in the present state of this subscription." in text(late)


def test_german_managers_read_german(cast: Cast, key: Key):
    manager, german = logged_in(cast.mona), {"Accept-Language": "de"}
    assert "Mit Auffälligkeiten" in text(manager.get(LIST, headers=german))
    assert "Alles widerrufen" in text(manager.get(page_of(key), headers=german))
    said = text(manager.get(page_of(key, "revoke-all"), headers=german))
    assert "Geben Sie zur Bestätigung „alles widerrufen“ ein." in said
    words = {"reason": "Im Forum", "confirmation": "alles widerrufen"}
    manager.post(page_of(key, "revoke-all"), words, headers=german)
    assert last_act()[1] == "api.all_revoked"


# --- Acts ---------------------------------------------------------------------------------------------------


def test_approving_lets_clients_begin(cast: Cast, awaiting: Key):
    done = do(logged_in(cast.mona), awaiting, "approve", reason="Known to us")
    assert "API access is approved." in text(done)
    assert awaiting.subscription.status == "active"
    assert last_act() == ("mona@sunny.example", "api.approved", "Known to us", "127.0.0.1")
    assert calling.status(awaiting.token(), "me") == 200


def test_rejecting_wants_a_reason_which_is_kept_for_the_owner(cast: Cast, awaiting: Key):
    manager = logged_in(cast.mona)
    silent = do(manager, awaiting, "reject", reason="  ")
    assert "This field is required." in text(silent)
    assert awaiting.subscription.status == "awaiting"
    do(manager, awaiting, "reject", reason="No contract")
    assert (awaiting.subscription.status, awaiting.subscription.reason) == ("off", "No contract")
    assert last_act()[1:3] == ("api.rejected", "No contract")
    assert not ClientSecret.objects.filter(revoked_at=None).exists()


def test_suspending_kills_the_living_token_and_resuming_revives_the_secret(cast: Cast, key: Key):
    manager, token = logged_in(cast.mona), key.token()
    assert calling.status(token, "me") == 200
    do(manager, key, "suspend", reason="Unpaid")
    assert (key.subscription.status, key.subscription.reason) == ("suspended", "Unpaid")
    assert calling.status(token, "me") == 401
    assert last_act()[1:3] == ("api.suspended", "Unpaid")
    assert "Unpaid" in text(manager.get(page_of(key)))
    do(manager, key, "resume")
    assert (key.subscription.status, last_act()[1]) == ("active", "api.resumed")
    assert (calling.status(token, "me"), calling.status(key.token(), "me")) == (401, 200)


def test_another_package_is_shown_with_what_is_lost_and_holds_at_once(cast: Cast):
    key = user_key(cast.alice, cast.sunny, "advanced")
    note(key, timezone.now(), function="kpis")
    usage.flush()
    manager, token = logged_in(cast.mona), key.token()
    asked = text(manager.get(page_of(key, "package")))
    assert "Used in the last 30 days, and lost: Key performance indicators with their inputs: 1 call" in asked
    assert "Calls per day 50,000 → 5,000" in asked
    plants = f"visualization/plant/{cast.plant_a.pk}/kpis"
    do(manager, key, "package", package="basic", reason="Wished")
    assert (key.subscription.package, last_act()[1:3]) == ("basic", ("api.package_changed", "Wished"))
    assert calling.problem(token, plants) == (403, "package_required")
    same = do(manager, key, "package", package="basic")
    assert "Select a valid choice. basic is not one of the available choices." in text(same)


def test_limits_of_its_own_hold_from_the_next_call_and_expire(cast: Cast, key: Key):
    manager, token = logged_in(cast.mona), key.token()
    today = timezone.now().date()
    until = today + dt.timedelta(days=6)
    do(manager, key, "limits", per_minute="1", per_day="", until=str(until), reason="Too fast")
    assert [calling.status(token, "me") for _ in range(2)] == [200, 429]
    midnight = dt.datetime.combine(until + dt.timedelta(days=1), dt.time(), dt.UTC)
    assert (key.subscription.override_per_minute, key.subscription.override_until) == (1, midnight)
    assert last_act()[1:3] == ("api.limits_changed", "Too fast")
    form = manager.get(page_of(key, "limits")).context["form"]
    assert (form["per_minute"].value(), form["until"].value()) == (1, until)
    Subscription.objects.update(override_until=timezone.now() - dt.timedelta(seconds=1))
    assert calling.status(token, "me") == 200
    assert manager.get(page_of(key, "limits")).context["form"]["per_minute"].value() is None


def test_limits_that_cannot_be_are_said_at_their_field_and_kept(cast: Cast, key: Key):
    manager = logged_in(cast.mona)
    form = do(manager, key, "limits", per_minute="0", per_day="x", until="2020-01-01", reason="").context["form"]
    assert set(form.errors) == {"per_minute", "per_day", "reason"}
    past = do(manager, key, "limits", per_minute="7", until="2020-01-01", reason="x").context["form"]
    assert past.errors == {"until": ["The end lies in the past."]}
    assert past["per_minute"].value() == "7"
    assert key.subscription.override_per_minute is None


def test_limits_are_taken_back_by_leaving_them_empty(cast: Cast, key: Key):
    subscriptions.override_limits(key.subscription, ROBOT, "Trial", per_day=9_000)
    do(logged_in(cast.mona), key, "limits", per_minute="", per_day="", until="", reason="Trial is over")
    assert (key.subscription.override_per_day, key.subscription.override_until) == (None, None)


def test_revoking_all_wants_a_reason_and_the_words_and_ends_everything(cast: Cast, key: Key):
    manager, token = logged_in(cast.mona), key.token()
    half = do(manager, key, "revoke-all", reason="Leaked", confirmation="revoke")
    assert "Type “revoke all” to confirm." in text(half)
    assert calling.status(token, "me") == 200
    do(manager, key, "revoke-all", reason="Leaked", confirmation="revoke all")
    assert calling.status(token, "me") == 401
    assert key.subscription.status == "active"
    assert not ClientSecret.objects.filter(revoked_at=None).exists()
    assert last_act()[1:3] == ("api.all_revoked", "Leaked")


def test_a_get_changes_nothing(cast: Cast, key: Key, awaiting: Key):
    before = AuditEntry.objects.count()
    for one in (key, awaiting):
        for act in ACTS:
            logged_in(cast.mona).get(page_of(one, act))
    assert AuditEntry.objects.count() == before


# --- In the browser -----------------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.parametrize(("screen", "scheme"), [((1366, 900), "light"), (PHONE, "dark")])
def test_list_page_and_act_are_accessible_and_fit(cast: Cast, key: Key, visit, assert_accessible, screen, scheme):
    for status in (200, 403, 500):
        note(key, timezone.now(), status=status)
    usage.flush()
    made = visit(None, screen=screen, scheme=scheme)
    made.context.add_cookies([cookie(cast.mona, made.origin)])
    for path in (LIST, page_of(key), page_of(key, "limits"), page_of(key, "revoke-all")):
        page = made.to(path)
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


@pytest.mark.browser
def test_the_button_waits_for_the_words(cast: Cast, key: Key, visit):
    made = visit(None)
    made.context.add_cookies([cookie(cast.mona, made.origin)])
    page = made.to(page_of(key, "revoke-all"))
    button = page.locator("#act")
    page.get_by_label("Reason").fill("Leaked")
    assert button.is_disabled()
    page.get_by_label("Confirmation").fill("revoke all")
    button.click()
    page.get_by_text("All clients, secrets and tokens have ended.").wait_for()
