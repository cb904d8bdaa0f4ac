"""Calls to copy, filled with the reader's own portal and plant."""

import json
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from apps.packages import tokens
from apps.packages.problems import KINDS

ANY_PLANT = "PLANT_ID"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where programs find what they need."""

    base: str
    token: str
    discovery: str
    revoke: str
    document: str


def addresses(slug: str) -> Addresses:
    """Absolute, for the portal of that name."""
    return Addresses(
        base=settings.BASE_URL + reverse("me", args=[slug]).removesuffix("/me"),
        token=settings.BASE_URL + reverse("token"),
        discovery=settings.BASE_URL + reverse("discovery"),
        revoke=settings.BASE_URL + reverse("revoke"),
        document=settings.BASE_URL + reverse("openapi"),
    )


def ask_token(slug: str) -> str:
    return f"""curl -s {addresses(slug).token} \\
  -d grant_type=client_credentials \\
  -d client_id="$CLIENT_ID" \\
  -d client_secret="$CLIENT_SECRET\""""


def keep_token(slug: str) -> str:
    """The same, with the token out of the answer in a variable of the shell; needs no other program."""
    return f"""TOKEN=$({ask_token(slug)} |
  sed -n 's/.*"access_token": *"\\([^"]*\\)".*/\\1/p')"""


def token_answer() -> str:
    answer = {
        "access_token": f"{tokens.PREFIX}…",
        "token_type": "Bearer",
        "expires_in": settings.TOKEN_SECONDS,
        "scope": tokens.SCOPE,
    }
    return json.dumps(answer, indent=2, ensure_ascii=False)


def call(slug: str, path: str, *options: str) -> str:
    """A GET below the portal's base, with the token of the first steps."""
    lines = [f"curl -sG {addresses(slug).base}/{path}", '-H "Authorization: Bearer $TOKEN"', *options]
    return " \\\n  ".join(lines)


def power_today(slug: str, plant: UUID | None) -> str:
    query = ("-d dateFrom=today", "-d dateTo=today", "-d channelNames=ProdPac")
    return call(slug, f"visualization/plant/{plant or ANY_PLANT}/channels", *query)


def conditional(slug: str, plant: UUID | None) -> str:
    path = f"visualization/plant/{plant or ANY_PLANT}/year/2026/month/6"
    known = ("-H 'If-None-Match: \"6f1c…\"'", "-o june.json", "-w '%{http_code}\\n'")
    return call(slug, path, "-d channelNames=ProdEtotal", *known)


def program(slug: str, plant: UUID | None) -> str:
    """A small program in Python that keeps its token and waits where the quota says so."""
    found = addresses(slug)
    return f"""import os
import time
import requests

TOKEN_URL = "{found.token}"
BASE = "{found.base}"
session = requests.Session()


def log_in():
    form = {{"grant_type": "client_credentials",
            "client_id": os.environ["CLIENT_ID"],
            "client_secret": os.environ["CLIENT_SECRET"]}}
    answer = session.post(TOKEN_URL, data=form)
    answer.raise_for_status()
    session.headers["Authorization"] = "Bearer " + answer.json()["access_token"]


def get(path, **query):
    answer = session.get(f"{{BASE}}/{{path}}", params=query)
    if answer.status_code == 401:  # no token yet, or it has expired
        log_in()
        answer = session.get(f"{{BASE}}/{{path}}", params=query)
    if answer.status_code == 429:  # the quota is used up for now
        time.sleep(int(answer.headers["Retry-After"]))
        return get(path, **query)
    answer.raise_for_status()
    return answer.json()


for day in get("visualization/plant/{plant or ANY_PLANT}/channels",
               dateFrom="yesterday", dateTo="today", channelNames=["ProdPac", "ProdEtotal"]):
    known = [value for value in day["dataPoints"].values() if value is not None]
    print(day["date"], day["name"], max(known, default=None), day["unit"])"""


def day_channel() -> str:
    """One series of an answer, shortened."""
    found = {
        "id": "8d1f0c2a9b7e4d3356a1f0e2",
        "deviceId": "5f0c9f1e-2a4b-4a2e-9d0e-6a7b8c9d0e1f",
        "deviceType": "Datasource",
        "name": "ProdPac",
        "dataPoints": {
            "2026-06-21T12:00:00+02:00": 7420,
            "2026-06-21T12:05:00+02:00": None,
            "2026-06-21T12:10:00+02:00": 7385,
        },
        "date": "2026-06-21",
        "unit": "W",
        "completeness": 0.9965,
    }
    return json.dumps(found, indent=2)


def problem(required: str) -> str:
    """What a refused call is told, in the form of all problems; `required` is the package that would do."""
    kind, request = KINDS["package_required"], "0b4d3c6e-8f1a-4c55-9a53-2f6e7d8c9b0a"
    body: dict[str, object] = {
        "type": f"urn:helioport:problem:{kind.code}",
        "title": str(kind.title),
        "status": kind.status.value,
        "detail": str(kind.detail),
        "instance": f"urn:uuid:{request}",
        "code": kind.code,
        "errors": [],
        "function": "component_channels",
        "requiredPackage": required,
        "requestId": request,
    }
    return json.dumps(body, indent=2, ensure_ascii=False)
