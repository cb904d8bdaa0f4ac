"""Clients that go on while parts of the portal are away, and judge every answer: right, or a clean refusal?"""

import datetime as dt
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

TOKEN = "/auth/realms/quotaapi/protocol/openid-connect/token"
PASSWORD = "a quiet afternoon in the sun"
TIGHT_MINUTE, TIGHT_DAY = 6, 20  # limits of owners who are to exceed them
PAUSE = 0.1  # seconds between two calls of a client


@dataclass
class Seen:
    """The answers one client got; `unclean` are those nobody can act on."""

    answers: Counter[str] = field(default_factory=Counter)
    unclean: list[str] = field(default_factory=list)
    longest: float = 0.0  # seconds

    def note(self, answer: httpx.Response, seconds: float) -> None:
        self.answers[told(answer)] += 1
        self.longest = max(self.longest, seconds)
        if answer.status_code >= 500 and not is_clean(answer):
            self.unclean.append(f"{answer.request.url.path}: {answer.status_code} {answer.headers} {answer.text[:300]}")


def told(answer: httpx.Response) -> str:
    """The status, with the code of the problem where there is one."""
    is_problem = answer.headers.get("content-type", "").startswith("application/problem+json")
    return f"{answer.status_code} {answer.json()['code']}" if is_problem else str(answer.status_code)


def is_clean(answer: httpx.Response) -> bool:
    """Whether a failure says when to come again: as problem details, or as a page of ours with the request's id."""
    if answer.status_code not in (503, 507) or not answer.headers.get("retry-after", "").isdecimal():
        return False
    if answer.headers["content-type"].startswith("text/html"):
        return "Not available at the moment" in answer.text and answer.headers["x-request-id"] in answer.text
    return told(answer) in CLEAN


CLEAN = {"503 unavailable", "503 quota_unavailable", "507 storage_full"}


class Poller(threading.Thread):
    """Calls one address after the other for ever, over one connection."""

    def __init__(self, name: str, url: str, calls: list[Callable[[httpx.Client], httpx.Response]]) -> None:
        super().__init__(name=name, daemon=True)
        self.seen, self.failure = Seen(), ""
        self._client = httpx.Client(base_url=url, timeout=60)
        self._calls = calls
        self._stopped = threading.Event()

    def run(self) -> None:
        try:
            with self._client:
                for call in itertools.cycle(self._calls):
                    if self._stopped.wait(PAUSE):
                        return
                    began = time.monotonic()
                    self.seen.note(call(self._client), time.monotonic() - began)
        except BaseException as failure:  # noqa: BLE001  (told by the test, which runs in another thread)
            self.failure = repr(failure)

    def stop(self) -> Seen:
        """End it; what it saw."""
        self._stopped.set()
        self.join(90)
        assert not self.failure, f"{self.name}: {self.failure}"
        return self.seen


def token_of(client: httpx.Client, owner: dict[str, Any]) -> httpx.Response:
    form = {"grant_type": "client_credentials", **{name: owner[name] for name in ("client_id", "client_secret")}}
    return client.post(TOKEN, data=form)


def pollers(url: str, owner: dict[str, Any]) -> dict[str, Poller]:
    """An owner's program, the owner's browser, and what asks for tokens."""
    with httpx.Client(base_url=url) as client:
        token = token_of(client, owner).json()["access_token"]
    today = dt.datetime.now(dt.UTC).date()
    bearer, cookie = {"Authorization": f"Bearer {token}"}, {"Cookie": owner["cookie"]}
    plant = f"/api/v1/polled/visualization/plant/{owner['plant']}"
    day = f"{plant}/channels?dateFrom={today}&dateTo={today}&channelNames[]=ProdPac"

    def get(path: str, headers: dict[str, str]) -> Callable[[httpx.Client], httpx.Response]:
        return lambda client: client.get(path, headers=headers)

    api = [get(path, bearer) for path in (day, "/api/v1/polled/administration/plants", day)]
    pages = [get(path, cookie) for path in ("/p/polled/plants", f"/p/polled/plants/{owner['plant']}", "/account")]
    made = {"api": api, "pages": pages, "token": [lambda client: token_of(client, owner)]}
    return {name: Poller(name, url, calls) for name, calls in made.items()}


def log_in(url: str, owner: dict[str, Any]) -> httpx.Response:
    """The answer to the form of the log-in page, sent with the right password."""
    with httpx.Client(base_url=url, timeout=60) as browser:
        page = browser.get("/account/login/")
        crumb = page.text.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
        form = {"login": owner["email"], "password": PASSWORD, "csrfmiddlewaretoken": crumb}
        return browser.post("/account/login/", data=form, headers={"Referer": f"{url}/account/login/"})


def push(url: str, logger: dict[str, str], minutes_ago: int = 0) -> httpx.Response:
    """Deliver a reading of this moment."""
    at = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=minutes_ago)
    reading = {"component": logger["component"], "time": at.isoformat(), "values": {"ProdPac": 4200}}
    headers = {"Authorization": f"Bearer {logger['secret']}", "Content-Type": "application/json"}
    return httpx.post(f"{url}/ingest/v1/polled/readings", content=json.dumps(reading), headers=headers, timeout=60)
