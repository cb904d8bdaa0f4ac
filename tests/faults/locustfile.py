"""The Locust scenario: owners whose programs poll, and loggers that push. Run by test_load.py.

LOAD_CAST names the file that tells who there is; LOAD_REPORT the file that gets what was counted here.
"""

import datetime as dt
import json
import os
import random
import re
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

from locust import FastHttpUser, between, events, task

CAST = json.loads(Path(os.environ["LOAD_CAST"]).read_text())
TOKEN = "/auth/realms/quotaapi/protocol/openid-connect/token"
API = "/api/v1/polled"
_waiting_owners, _waiting_loggers = iter(CAST["owners"]), iter(CAST["loggers"])
_owners: dict[str, "Owner"] = {}
_times: dict[str, list[float]] = {}
_wrong: list[str] = []


class Owner(FastHttpUser):
    """A program of an owner: what is new today, most of the time; now and then the rest."""

    fixed_count = len(CAST["owners"])

    def wait_time(self) -> float:
        return random.uniform(1, 2) if self.who["is_tight"] else random.uniform(4, 12)

    def on_start(self) -> None:
        self.who = next(_waiting_owners)
        self.counts: Counter[str] = Counter()
        self.left: dict[str, tuple[int, int]] = {}  # of a window: calls, seconds
        self.etag = ""
        form = {"grant_type": "client_credentials", **{name: self.who[name] for name in ("client_id", "client_secret")}}
        with self.client.post(TOKEN, data=form, name="token") as answer:
            self.bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        _owners[self.who["client_id"]] = self

    @task(8)
    def day(self) -> None:
        today = dt.datetime.now(dt.UTC).date()
        path = f"{self._plant}/channels?dateFrom={today}&dateTo={today}&channelNames[]=ProdPac"
        answer = self._get(path, "day", {"If-None-Match": self.etag} if self.etag else {})
        self.etag = answer.headers.get("ETag", "") or self.etag

    @task(3)
    def plants(self) -> None:
        self._get(f"{API}/administration/plants", "plants")

    @task(2)
    def month(self) -> None:
        today = dt.datetime.now(dt.UTC).date()
        self._get(f"{self._plant}/year/{today.year}/month/{today.month}?channelNames[]=ProdEtotal", "month")

    @task(2)
    def components(self) -> None:
        today = dt.datetime.now(dt.UTC).date()
        self._get(f"{API}/datasource/plant/{self.who['plant']}/components/{today}", "components")

    @task(1)
    def kpis(self) -> None:
        today = dt.datetime.now(dt.UTC).date()
        first = today - dt.timedelta(days=1)
        self._get(f"{self._plant}/kpis?dateFrom={first}&dateTo={today}&resolution=day", "kpis")

    @property
    def _plant(self) -> str:
        return f"{API}/visualization/plant/{self.who['plant']}"

    def _get(self, path: str, name: str, headers: dict[str, str] | None = None) -> Any:
        with self.client.get(
            path, name=name, headers={**self.bearer, **(headers or {})}, catch_response=True
        ) as answer:
            self.counts[str(answer.status_code)] += 1
            self._check(answer)
            return answer

    def _check(self, answer: Any) -> None:
        """Right are 200, 304, and 429 of who has used up a window; and what is said to be left goes down by one."""
        status, told = answer.status_code, _windows(answer.headers.get("RateLimit", ""))
        used_up = status == 429 and any(left == 0 for left, _seconds in told.values())
        if status in (200, 304) or (used_up and self.who["is_tight"]):
            answer.success()
        else:
            answer.failure(f"{status}")
        for window, (left, seconds) in told.items():
            before = self.left.get(window)
            spent = status == 200 or (status == 304 and window == "minute")
            # A window whose end is farther away than before is a new one.
            if before and seconds <= before[1] and seconds > 0 and self.who["is_tight"] and left != before[0] - spent:
                _wrong.append(f"{status}: {window} {before} then {(left, seconds)}")
        self.left = told


def _windows(header: str) -> dict[str, tuple[int, int]]:
    found = re.findall(r'"(\w+)";r=(\d+);t=(\d+)', header)
    return {name: (int(left), int(seconds)) for name, left, seconds in found}


class Logger(FastHttpUser):
    """Delivers a reading every few seconds, each time for the next slot of a year gone by."""

    fixed_count = len(CAST["loggers"])
    wait_time = between(4, 10)
    FIRST = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)

    def on_start(self) -> None:
        self.who, self.numbers = next(_waiting_loggers), count()

    @task
    def push(self) -> None:
        at = (self.FIRST + next(self.numbers) * dt.timedelta(minutes=5)).isoformat()
        reading = {"component": self.who["component"], "time": at, "values": {"ProdPac": 4000, "ProdPdc": 4100}}
        headers = {"Authorization": f"Bearer {self.who['secret']}", "Content-Type": "application/json"}
        self.client.post("/ingest/v1/polled/readings", data=json.dumps(reading), headers=headers, name="push")


@events.request.add_listener
def _note(name: str, response_time: float, exception: Any, **_more: Any) -> None:
    _times.setdefault(name, []).append(response_time)
    if exception is not None:
        _wrong.append(f"{name}: {exception}")


@events.quitting.add_listener
def _report(**_more: Any) -> None:
    counts = {client: user.counts for client, user in _owners.items()}
    Path(os.environ["LOAD_REPORT"]).write_text(json.dumps({"counts": counts, "times": _times, "wrong": _wrong}))
