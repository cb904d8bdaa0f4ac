"""Every address of the HTML face, walked from the URL conf: who may come, and what a browser finds on each page."""

import gzip
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
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
from tests.web.conftest import SWAGGERS_OWN, logged_in
from tests.web.console_pages import delivery
from tests.web.every_page import ROWS, UNREACHED, Row, Who, World

MONA = Actor("mona@sunny.example")
LOG_IN = "/account/login/"
CONFIRM = "/account/reauthenticate/"
MOST_BYTES = 250_000
MOST_QUERIES = 20
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


@pytest.mark.parametrize("row", [row for row in ROWS if row.who is not Who.ANYBODY], ids=name_of)
def test_an_address_lets_in_whom_it_is_for_and_nobody_else(row: Row, world: World):
    cast, path = world.cast, row.path(world)
    insiders = allowed(row, cast)
    for user in (cast.bob, cast.mo, cast.oskar, cast.alice, cast.mona):
        if user not in insiders:
            assert outcome(user, row, path, confirmed=True) == "refused", user
    assert outcome(None, row, path, confirmed=False) == "log in"
    for user in insiders:
        assert outcome(user, row, path, confirmed=False) == ("confirm" if row.confirmed else "in"), user


@pytest.mark.parametrize("row", [row for row in ROWS if row.who is Who.ANYBODY], ids=name_of)
def test_what_is_for_anybody_asks_nobody_to_log_in(row: Row, world: World):
    if row.name not in ("account_logout", "mfa_authenticate", "mfa_login_webauthn"):  # these need somebody halfway in
        assert outcome(None, row, row.path(world), confirmed=False) == "in"


@pytest.mark.parametrize("row", [row for row in ROWS if row.who not in (Who.ANYBODY, Who.USERS)], ids=name_of)
def test_a_disabled_user_is_out_of_every_page(row: Row, world: World):
    client = logged_in(world.cast.mona)
    User.objects.filter(pk=world.cast.mona.pk).update(is_active=False)
    answer = client.generic(row.method, row.path(world))
    assert answer.headers.get("Location", "").startswith(LOG_IN)


# --- What a browser finds --------------------------------------------------------------------------------------------

PAGES = [row for row in ROWS if row.page]


def visitor(row: Row, cast: Cast) -> User | None:
    """Who looks at a page: its owner, else a manager; strangers at public pages."""
    return {Who.ANYBODY: None, Who.OWNER: cast.alice}.get(row.who, cast.mona)


@pytest.mark.parametrize("row", PAGES, ids=name_of)
def test_a_page_asks_the_database_at_most_twenty_times(
    row: Row, world: World, django_assert_max_num_queries: Callable[..., Any]
):
    user = visitor(row, world.cast)
    client = logged_in(user, confirmed=True) if user else Client()
    path = row.path(world)
    client.get(path)  # templates and caches are warm as in a running server
    with django_assert_max_num_queries(MOST_QUERIES):
        answer = client.get(path, headers={"Accept": "text/html"})
    assert answer.status_code in (200, 302)


@pytest.mark.browser
@pytest.mark.parametrize("row", PAGES, ids=name_of)
def test_a_page_is_accessible_light_and_asks_nobody_else(
    row: Row, world: World, visit: Callable[..., Any], assert_accessible: Callable[..., None]
):
    visited = visit(visitor(row, world.cast), confirmed=True)
    loaded: dict[str, int] = {}
    visited.page.on("response", lambda answer: loaded.update({answer.url: compressed(answer)}))
    page = visited.to(row.path(world))
    assert_accessible(page, but=SWAGGERS_OWN if row.name == "docs_reference" else ())
    assert page.title() not in ("", "Helioport") or row.name == "home"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if row.name != "docs_reference":  # the whole of Swagger UI
        assert sum(loaded.values()) <= MOST_BYTES, loaded


def compressed(answer: Any) -> int:
    """What a response weighs on the wire of a server that compresses; what is compressed already stays as it is."""
    if answer.status >= 300:
        return 0
    body = answer.body()
    packed = re.search(r"woff2|png|jpeg|zip", answer.headers.get("content-type", ""))
    return len(body) if packed else len(gzip.compress(body, 6))


@pytest.mark.browser
@pytest.mark.parametrize("row", PAGES, ids=name_of)
def test_a_page_fits_a_phone_in_the_dark_in_german(
    row: Row, world: World, visit: Callable[..., Any], assert_accessible: Callable[..., None]
):
    page = visit(visitor(row, world.cast), screen=(360, 740), scheme="dark", locale="de-DE", confirmed=True).to(
        row.path(world)
    )
    assert page.evaluate("document.documentElement.lang") == "de"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert_accessible(page, but=SWAGGERS_OWN if row.name == "docs_reference" else ())
