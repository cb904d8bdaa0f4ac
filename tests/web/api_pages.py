"""The pages of API access for tests: who is logged in with a fresh proof of identity, and what a page shows."""

import html
import re
import time
from typing import Any

from django.conf import settings
from django.test import Client

from apps.accounts.models import User

USER, PORTAL = "/p/sunny/api/user", "/p/sunny/api/portal"
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def logged_in(user: User, confirmed_ago: float | None = 0) -> Client:
    """Logged in; identity proven so many seconds ago, or never."""
    client = Client()
    client.force_login(user, backend=BACKEND)
    if confirmed_ago is not None:
        session = client.session
        session["account_authentication_methods"] = [{"method": "password", "at": time.time() - confirmed_ago}]
        session["account_authentication_methods_user"] = str(user.pk)
        session.save()
    return client


def cookie(user: User, url: str) -> Any:
    """The same for a browser."""
    value = logged_in(user).cookies[settings.SESSION_COOKIE_NAME].value
    return {"name": settings.SESSION_COOKIE_NAME, "value": value, "url": url}


def text(response: Any) -> str:
    """What a page says, without markup; every run of white space is one space."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def hidden(response: Any, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', response.content.decode())
    assert found, name
    return html.unescape(found[1])


def shown_secret(response: Any) -> str:
    found = re.search(r'id="shown-secret"[^>]*>(hp_\w+)<', response.content.decode())
    assert found
    return found[1]


def create(browser: Client, base: str = USER, **fields: Any) -> Any:
    """The form for a new client, opened, filled in and sent."""
    opened = hidden(browser.get(f"{base}/clients/new"), "opened")
    return browser.post(f"{base}/clients/new", {"name": "Robot", "scope": "all", "opened": opened, **fields})


def rotate(browser: Client, client_id: str, overlap: str = "24h", base: str = USER) -> Any:
    url = f"{base}/clients/{client_id}/rotate"
    return browser.post(url, {"overlap": overlap, "replaces": hidden(browser.get(url), "replaces")})
