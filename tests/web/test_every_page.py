"""Every address of the HTML face, walked from the URL conf: who may come, and what a browser finds on each page."""

import gzip
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver

from apps.accounts import invitations
from apps.accounts.access import Role
from apps.accounts.audit import Actor
from apps.accounts.models import User
from apps.ingest import keys
from apps.packages.catalog import Package
from apps.packages.clients import create_client
from apps.packages.models import Terms
from apps.packages.subscriptions import activate_portal_api, activate_user_api
from tests.cast import Cast
from tests.web.conftest import PHONE, SWAGGERS_OWN, logged_in
from tests.web.console_pages import delivery
from tests.web.every_page import ROWS, UNREACHED, Row, Who, World

MONA = Actor("mona@sunny.example")
LOG_IN = "/account/login/"
CONFIRM = "/account/reauthenticate/"
MOST_BYTES = 250_000
MOST_QUERIES = 20
FITS = "document.documentElement.scrollWidth <= innerWidth"
PICTURE = {"kind": "file", "name": "holiday.jpg", "state": "quarantined"}


@pytest.fixture
def world(cast: Cast) -> World:
    """Everybody has a User API and a client; the portal has terms and its API."""
    terms = Terms.objects.create(portal=cast.sunny, version="2025-1", text="Be fair.", text_de="Seien Sie fair.")
    found = {}
    for user in (cast.alice, cast.bob, cast.mo, cast.mona):
        membership = user.memberships.get(portal=cast.sunny)
        subscription = activate_user_api(membership, Package.ADVANCED, MONA, "2025-1")
        client, _secret = create_client(subscription, f"Program of {user.name}", MONA)
        found[user.pk] = client, subscription
    manager = cast.mona.memberships.get(portal=cast.sunny)
    activate_portal_api(cast.sunny, manager, Package.BASIC, MONA, "2025-1")
    invitations.invite("ines@sunny.example", cast.sunny, Role.OWNER, MONA)
    client, subscription = found[cast.alice.pk]
    key, _secret = keys.create_key(cast.plant_a, "Logger", MONA)
    upload = delivery(key, error="Nothing in it reads as a record.", **PICTURE)
    return World(cast, client, subscription, terms, key, upload, token="no-such-token")


def name_of(row: Row) -> str:
    return f"{row.name}{row.query}-{row.who.name}"


# --- Nothing is forgotten --------------------------------------------------------------------------------------------


def names(patterns: Any, prefix: str = "") -> Iterator[str]:
    """The names of all addresses outside the API and the Django admin."""
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if path.startswith(("admin", "api/", "auth/", "ingest/")):
            continue
        if hasattr(pattern, "url_patterns"):
            yield from names(pattern.url_patterns, path)
        else:
            yield str(pattern.name)


def test_every_address_of_the_pages_has_a_row():
    assert set(names(get_resolver().url_patterns)) == {row.name for row in ROWS} | UNREACHED


# --- Who may come ----------------------------------------------------------------------------------------------------


def allowed(row: Row, cast: Cast) -> list[User]:
    """Whose the address is, of those who are logged in."""
    return {
        Who.ANYBODY: [cast.alice, cast.bob, cast.mo, cast.mona, cast.oskar],
        Who.USERS: [cast.alice, cast.bob, cast.mo, cast.mona, cast.oskar],
        Who.MEMBERS: [cast.alice, cast.bob, cast.mo, cast.mona],
        Who.MANAGERS: [cast.mona],
        Who.PLANT: [cast.alice, cast.mona],
        Who.OWNER: [cast.alice],
    }[row.who]


def outcome(user: User | None, row: Row, path: str, *, confirmed: bool) -> str:
    """What a request gets: "in", "log in", "confirm" or "refused"."""
    client = logged_in(user, confirmed=confirmed) if user else Client()
    answer = client.post(path, row.data) if row.method == "POST" else client.get(path)
    assert answer.status_code < 500
    if answer.status_code in (403, 404):
        return "refused"
    target = answer.headers.get("Location", "")
    if target.startswith(LOG_IN):
        return "log in"
    return "confirm" if target.startswith(CONFIRM) else "in"


@contextmanager
def taken_back() -> Iterator[None]:
    """Whatever a request changes, the next one finds the world as it was."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def wrong(row: Row, world: World) -> Iterator[str]:
    """What an address does that it should not."""
    cast, path = world.cast, row.path(world)
    insiders = allowed(row, cast)
    expected: list[tuple[User | None, bool, str]] = [(None, False, "log in")]
    for user in (cast.bob, cast.mo, cast.oskar, cast.alice, cast.mona):
        within = "confirm" if row.confirmed else "in"
        expected.append((user, False, within) if user in insiders else (user, True, "refused"))
    for who, confirmed, right in expected:
        with taken_back():
            found = outcome(who, row, path, confirmed=confirmed)
        if found != right:
            yield f"{name_of(row)}: {who} is {found}, not {right}"


@pytest.mark.parametrize("who", [who for who in Who if who is not Who.ANYBODY], ids=lambda who: who.name)
def test_an_address_lets_in_whom_it_is_for_and_nobody_else(who: Who, world: World):
    assert [line for row in ROWS if row.who is who for line in wrong(row, world)] == []


def test_what_is_for_anybody_asks_nobody_to_log_in(world: World):
    halfway_in = ("account_logout", "mfa_authenticate", "mfa_login_webauthn")  # these need somebody who has begun to
    rows = [row for row in ROWS if row.who is Who.ANYBODY and row.name not in halfway_in]
    assert {row.name: outcome(None, row, row.path(world), confirmed=False) for row in rows} == dict.fromkeys(
        (row.name for row in rows), "in"
    )


def test_a_disabled_user_is_out_of_every_page(world: World):
    client = logged_in(world.cast.mona)
    User.objects.filter(pk=world.cast.mona.pk).update(is_active=False)
    rows = [row for row in ROWS if row.who is not Who.ANYBODY]
    targets = {name_of(row): client.generic(row.method, row.path(world)).headers.get("Location", "") for row in rows}
    assert {name: target for name, target in targets.items() if not target.startswith(LOG_IN)} == {}


# --- What a browser finds --------------------------------------------------------------------------------------------

PAGES = {who: [row for row in ROWS if row.page and row.who is who] for who in Who}


def visitor(who: Who, cast: Cast) -> User | None:
    """Who looks at a page: its owner, else a manager; strangers at public pages."""
    return {Who.ANYBODY: None, Who.OWNER: cast.alice}.get(who, cast.mona)


@pytest.mark.parametrize("who", Who, ids=lambda who: who.name)
def test_a_page_asks_the_database_at_most_twenty_times(who: Who, world: World):
    user = visitor(who, world.cast)
    client = logged_in(user, confirmed=True) if user else Client()
    asked = {}
    for row in PAGES[who]:
        path = row.path(world)
        client.get(path)  # templates and caches are warm as in a running server
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code in (200, 302), path
        asked[name_of(row)] = len(queries)
    assert {name: count for name, count in asked.items() if count > MOST_QUERIES} == {}


@pytest.mark.browser
@pytest.mark.parametrize("who", Who, ids=lambda who: who.name)
def test_pages_are_accessible_light_and_ask_nobody_else(
    who: Who, world: World, visit: Callable[..., Any], assert_accessible: Callable[..., None]
):
    visited = visit(visitor(who, world.cast), confirmed=True)
    loaded: dict[str, int] = {}
    visited.page.on("response", lambda answer: loaded.update({answer.url: compressed(answer)}))
    for row in PAGES[who]:
        visited.context.clear_cookies(name="view")
        page = visited.to(row.path(world))
        assert_accessible(page, but=SWAGGERS_OWN if row.name == "docs_reference" else ())
        assert page.title() not in ("", "Helioport") or row.name == "home"
        assert page.evaluate(FITS), name_of(row)
        asked_for = page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
        weight = sum(loaded.get(address, 0) for address in {page.url, *asked_for})
        if row.name != "docs_reference":  # the whole of Swagger UI
            assert weight <= MOST_BYTES, (name_of(row), weight)


def compressed(answer: Any) -> int:
    """What a response weighs on the wire of a server that compresses; what is compressed already stays as it is."""
    if answer.status >= 300:
        return 0
    body = answer.body()
    packed = re.search(r"woff2|png|jpeg|zip", answer.headers.get("content-type", ""))
    return len(body) if packed else len(gzip.compress(body, 6))


@pytest.mark.browser
@pytest.mark.parametrize("who", Who, ids=lambda who: who.name)
def test_pages_fit_a_phone_in_the_dark_in_german(
    who: Who, world: World, visit: Callable[..., Any], assert_accessible: Callable[..., None]
):
    visited = visit(visitor(who, world.cast), screen=PHONE, scheme="dark", locale="de-DE", confirmed=True)
    for row in PAGES[who]:
        page = visited.to(row.path(world))
        assert page.evaluate("document.documentElement.lang") == "de"
        assert page.evaluate(FITS), name_of(row)
        assert_accessible(page, but=SWAGGERS_OWN if row.name == "docs_reference" else ())
