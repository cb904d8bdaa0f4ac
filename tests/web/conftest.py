"""Pages in a real browser: who is logged in, on which screen, and what the browser complained about.

`visit` opens pages of pytest-django's live server in this process, so a test writes to the database directly and reads
its mail outbox. `assert_accessible` asks axe-core. Every visit fails at its end if anything was requested from another
origin, refused by the Content-Security-Policy or written to the console, save what the test took out of `problems`.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright
from pytest_django.live_server_helper import LiveServer

from apps.accounts.models import User
from tests.live import ROOT

DESKTOP, PHONE = (1366, 900), (360, 740)
AXE = ROOT / "tests" / "clients" / "node_modules" / "axe-core" / "axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Transitions that end are awaited: a button on its way out is too narrow for a moment.
AT_REST = """Promise.allSettled(document.getAnimations()
    .filter(moving => Number.isFinite(moving.effect.getComputedTiming().endTime)).map(moving => moving.finished))"""
# Swagger UI is not ours: its rows hold a button inside something else that can be clicked, its code blocks scroll
# without being in the order of the tab key, and it puts a <main> of its own into ours. All else on the page is held to
# every rule, what we styled in it included.
SWAGGERS_OWN = (
    "nested-interactive",
    "scrollable-region-focusable",
    "landmark-main-is-top-level",
    "landmark-no-duplicate-main",
    "landmark-unique",
)
WATCH_POLICY = """addEventListener("securitypolicyviolation", event =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`))"""


@dataclass(slots=True)
class Visit:
    """One person's browser. Addresses are paths."""

    origin: str
    context: BrowserContext
    page: Page
    problems: list[str] = field(default_factory=list)

    def to(self, path: str) -> Page:
        """Go there and wait until the page is quiet."""
        self.page.goto(self.origin + path, wait_until="networkidle")
        return self.page


@pytest.fixture(scope="session")
def chromium(browser: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        running = playwright.chromium.launch(executable_path=browser, args=arguments)
        yield running
        running.close()


@pytest.fixture
def visit(chromium: Browser, live_server: LiveServer) -> Iterator[Callable[..., Visit]]:
    """`visit(user, screen=PHONE, scheme="dark", locale="de-DE")`: a browser, logged in as `user` if one is given.

    `confirmed`: the user has typed the password just now.
    """
    visits: list[Visit] = []

    def open_(
        user: User | None = None,
        screen: tuple[int, int] = DESKTOP,
        scheme: Literal["light", "dark"] = "light",
        locale: str = "en-GB",
        confirmed: bool = False,
    ) -> Visit:
        context = chromium.new_context(
            viewport={"width": screen[0], "height": screen[1]}, color_scheme=scheme, locale=locale
        )
        context.add_init_script(WATCH_POLICY)
        if user is not None:
            context.add_cookies([session_cookie(user, live_server.url, confirmed=confirmed)])
        made = Visit(live_server.url, context, context.new_page())
        _watch(made)
        visits.append(made)
        return made

    yield open_
    for made in visits:
        made.context.close()
    assert [problem for made in visits for problem in made.problems] == []


def logged_in(user: User, *, confirmed: bool = False) -> Client:
    """A client with a session of the user; `confirmed`: as after typing the password just now."""
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    if confirmed:
        session = client.session
        session["account_authentication_methods"] = [{"method": "password", "at": timezone.now().timestamp()}]
        session["account_authentication_methods_user"] = str(user.pk)
        session.save()
    return client


def session_cookie(user: User, url: str, *, confirmed: bool) -> Any:
    """A logged-in session for the browser, without going through the log-in page."""
    client = logged_in(user, confirmed=confirmed)
    return {
        "name": settings.SESSION_COOKIE_NAME,
        "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
        "url": url,
    }


def _watch(made: Visit) -> None:
    def only_our_origin(route: Route) -> None:
        if route.request.url.startswith((made.origin, "data:", "blob:")):
            route.continue_()
        else:
            made.problems.append(f"asked for {route.request.url}")
            route.abort()

    made.context.route("**/*", only_our_origin)
    made.page.on("console", lambda message: made.problems.append(message.text) if message.type == "error" else None)
    made.page.on("pageerror", lambda error: made.problems.append(str(error)))


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    if not AXE.exists():
        pytest.skip("needs axe-core in tests/clients: install Node, then run `make test`")
    return AXE.read_text()


@pytest.fixture
def assert_accessible(axe: str) -> Callable[..., None]:
    """WCAG 2.2 AA as far as a program can tell; `but` names rules that somebody else's part of the page breaks."""

    def check(page: Page, but: Collection[str] = ()) -> None:
        page.evaluate(axe)
        page.evaluate(AT_REST)
        rules = {rule: {"enabled": False} for rule in but}
        found = page.evaluate("options => axe.run(options)", {"runOnly": WCAG, "rules": rules})
        assert [
            f"{rule['id']}: {node['target']} {node['failureSummary']}"
            for rule in found["violations"]
            for node in rule["nodes"]
        ] == []

    return check
