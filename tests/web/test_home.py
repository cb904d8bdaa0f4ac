"""The landing page and the error pages: public, from our own origin only, in both languages."""

import re
from html.parser import HTMLParser

import pytest
from django.contrib.staticfiles import finders
from django.test import Client, RequestFactory
from django.views.defaults import permission_denied, server_error

from tests.live import ROOT


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
