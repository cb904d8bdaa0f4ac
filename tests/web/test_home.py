"""The landing page and the error pages: public, from our own origin only, in both languages."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.db import OperationalError
from django.test import Client, RequestFactory
from django.views.defaults import permission_denied, server_error
from redis import RedisError

from tests.cast import Cast
from tests.live import ROOT
from tests.web.conftest import PHONE


class Page(HTMLParser):
    """What a browser would load, and what the Content-Security-Policy would stop."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.inline: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "style" or name.startswith("on"):
                self.inline.append(f"{tag} {name}")
            if name in ("src", "href") and tag in ("link", "script", "img"):
                self.loads.append(value or "")
        if tag == "style" or (tag == "script" and not any(name == "src" for name, _ in attrs)):
            self.inline.append(tag)


@pytest.fixture
def page(client: Client) -> str:
    response = client.get("/")
    assert response.status_code == 200
    return response.content.decode()


def test_everybody_may_read_it_without_a_query(client: Client, page: str):
    assert "<h1>" in page
    assert client.post("/").status_code == 405


def test_it_names_the_addresses_a_client_needs(page: str):
    for address in (
        "http://testserver/auth/realms/quotaapi/protocol/openid-connect/token",
        "http://testserver/auth/realms/quotaapi/.well-known/openid-configuration",
        "http://testserver/api/v1/openapi.json",
        "http://testserver/api/v1/{portal}",
        "/account/login/",
    ):
        assert address in page


def test_the_linked_documents_are_there(client: Client, db: None):
    for path in ("/auth/realms/quotaapi/.well-known/openid-configuration", "/api/v1/openapi.json"):
        assert client.get(path).status_code == 200


def test_nothing_is_inline_and_nothing_comes_from_elsewhere(page: str):
    found = Page(page)
    assert found.inline == []
    assert len(found.loads) >= 5
    assert all(address.startswith("/static/") for address in found.loads)


def test_every_file_it_loads_exists(page: str):
    for address in Page(page).loads:
        assert finders.find(address.removeprefix("/static/")), address


def test_every_file_the_stylesheet_loads_exists():
    css = (ROOT / "static" / "css" / "portal.css").read_text()
    for address in re.findall(r'url\("\.\./(.+?)"\)', css):
        assert finders.find(address), address
    assert "http" not in css


def test_the_policy_forbids_foreign_scripts(client: Client):
    policy = client.get("/").headers["Content-Security-Policy"]
    assert "script-src 'self';" in f"{policy};"
    assert "frame-ancestors 'none'" in policy


def test_a_german_browser_reads_german(client: Client):
    response = client.get("/", headers={"Accept-Language": "de-AT,de;q=0.9"})
    text = response.content.decode()
    assert '<html lang="de">' in text
    assert "Ein Programm anschließen" in text
    assert "Connect a program" not in text


def test_the_language_can_be_chosen(client: Client):
    client.post("/language", {"language": "de"}, headers={"Referer": "http://testserver/"})
    assert '<html lang="de">' in client.get("/").content.decode()
    assert client.get("/language").status_code == 302  # a GET changes nothing


def test_an_unknown_page_says_so_in_our_own_words(client: Client):
    response = client.get("/no-such-page", headers={"Accept-Language": "de"})
    assert response.status_code == 404
    assert "Diese Seite gibt es nicht" in response.content.decode()


def test_a_refusal_and_a_failure_have_their_pages():
    request = RequestFactory().get("/somewhere")
    refusal, failure = permission_denied(request, PermissionError()), server_error(request)
    assert (refusal.status_code, failure.status_code) == (403, 500)
    assert "You may not do this" in refusal.content.decode()
    assert "Something went wrong on this server" in failure.content.decode()


def test_an_expired_form_is_explained():
    client = Client(enforce_csrf_checks=True)
    response = client.post("/language", {"language": "de"})
    assert response.status_code == 403
    assert "This form has expired" in response.content.decode()


def test_robots_find_the_landing_page_only(client: Client):
    response = client.get("/robots.txt")
    assert response.headers["Content-Type"] == "text/plain"
    assert response.content.decode().splitlines() == ["User-agent: *", "Allow: /$", "Disallow: /"]


def test_the_old_name_of_the_icon_leads_to_the_new(client: Client):
    assert client.get("/favicon.ico").headers["Location"] == "/static/favicon.svg"


# --- Error pages ----------------------------------------------------------------------------------------------


def logged(record: Any) -> tuple[str, str, int] | None:
    """Id, pattern of the address and status in the line of a request."""
    told = record.msg if record.name == "helioport.access" else {}
    return (told["request_id"], told["route"], told["status"]) if told else None


def test_pages_of_refusals_name_the_request_as_the_log_does(
    client: Client, cast: Cast, caplog: pytest.LogCaptureFixture
):
    client.force_login(cast.alice)
    for path, status, route in (("/nowhere", 404, "unknown"), ("/p/sunny/console", 403, "/p/<slug:portal>/console")):
        response = client.get(path)
        number = response["X-Request-ID"]
        assert response.status_code == status
        assert f"<code>{number}</code>" in response.content.decode()
        assert (number, route, status) in [logged(record) for record in caplog.records]


def test_every_page_has_a_request_id_of_its_own(client: Client):
    assert client.get("/")["X-Request-ID"] != client.get("/")["X-Request-ID"]


def test_a_failure_needs_neither_database_nor_session_to_say_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """No fixture of a database here: pytest-django refuses every statement."""

    def fail(*args: Any) -> None:
        raise RuntimeError("password of the database")

    monkeypatch.setattr("apps.web.views._landing", fail)
    client = Client(raise_request_exception=False)
    response = client.get("/", headers={"Accept-Language": "de"})
    text = response.content.decode()
    assert response.status_code == 500
    assert f"<code>{response['X-Request-ID']}</code>" in text
    assert "Auf diesem Server ist etwas schiefgegangen" in text
    assert "password of the database" not in text
    assert (response["X-Request-ID"], "/", 500) in [logged(record) for record in caplog.records]
    assert Page(text).inline == []


@pytest.mark.parametrize("error", [OperationalError("db.internal"), RedisError("redis.internal")])
def test_what_passes_is_a_page_503_that_says_when_to_come_again(monkeypatch: pytest.MonkeyPatch, error: Exception):
    def fail(*args: Any) -> None:
        raise error

    monkeypatch.setattr("apps.web.views._landing", fail)
    response = Client(raise_request_exception=False).get("/")
    text = response.content.decode()
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert "Not available at the moment" in text
    assert response["X-Request-ID"] in text
    assert ".internal" not in text


def test_an_unknown_page_offers_a_search_over_ones_own_plants(client: Client, cast: Cast):
    assert "Search your plants" not in client.get("/nowhere").content.decode()
    client.force_login(cast.alice)
    text = client.get("/nowhere").content.decode()
    assert 'action="/p/sunny/plants"' in text
    assert 'name="search"' in text
    client.force_login(cast.oskar)
    assert 'action="/p/other/plants"' in client.get("/p/sunny/plants").content.decode()


@pytest.mark.browser
def test_error_pages_are_accessible_and_lead_on(cast: Cast, visit: Any, assert_accessible: Any):
    for user, path, scheme in ((cast.alice, "/nowhere", "dark"), (cast.alice, "/p/sunny/console", "light")):
        visited = visit(user, screen=PHONE, scheme=scheme)
        page = visited.to(path)
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        visited.problems.clear()  # the browser notes the status of the page itself
    page = visited.to("/nowhere")
    page.get_by_role("searchbox", name="Search your plants").fill("plant a")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**/p/sunny/plants?search=plant+a")
    visited.problems.clear()
