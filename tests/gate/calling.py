"""Calls of the real API over HTTP with a token, and what a program reads in the answers."""

from typing import Any

import orjson
from django.test import Client

from tests.api.conftest import body_of


def get(token: str, path: str, portal: str = "sunny", address: str = "127.0.0.1", **headers: str) -> Any:
    """GET below the base of a portal; keyword arguments are headers, with underscores for hyphens."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    everything = {"Authorization": f"Bearer {token}", **sent}
    return Client(raise_request_exception=False).get(
        f"/api/v1/{portal}/{path}", headers=everything, REMOTE_ADDR=address
    )


def status(token: str, path: str, **more: str) -> int:
    code: int = get(token, path, **more).status_code
    return code


def json(token: str, path: str) -> Any:
    """The body of a call that must succeed."""
    response = get(token, path)
    assert response.status_code == 200, body_of(response)
    return orjson.loads(body_of(response))


def problem(token: str, path: str) -> tuple[int, str]:
    """Status and code of a call that must fail."""
    response = get(token, path)
    return response.status_code, orjson.loads(body_of(response))["code"]
