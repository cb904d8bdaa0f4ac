"""API clients for tests: subscriptions with credentials and tokens, and the calls that a program makes with them."""

import base64
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlencode

from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.views import View
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.test import APIRequestFactory

from apps.accounts.access import Access
from apps.accounts.audit import Actor
from apps.accounts.models import Membership, Portal, User
from apps.api import auth, errors
from apps.packages import clients, subscriptions
from apps.packages.catalog import Package
from apps.packages.models import ApiClient, Subscription

ROBOT = Actor("robot@test.example", "192.0.2.7")
TOKEN_URL = "/auth/realms/quotaapi/protocol/openid-connect/token"
REVOKE_URL = "/auth/realms/quotaapi/protocol/openid-connect/revoke"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Key:
    """A client of an active subscription, with the secret only its owner knows."""

    subscription: Subscription
    client: ApiClient
    secret: str

    @property
    def form(self) -> dict[str, str]:
        """The form a program sends to the token endpoint."""
        return {
            "grant_type": "client_credentials",
            "client_id": self.client.client_id,
            "client_secret": self.secret,
        }

    def token(self) -> str:
        """A token from the token endpoint."""
        token: str = ask_token(self.form).json()["access_token"]
        return token


def membership(user: User, portal: Portal) -> Membership:
    return Membership.objects.get(user=user, portal=portal)


def user_key(user: User, portal: Portal, package: str = "basic", **limits: Any) -> Key:
    """The User API of `user`, switched on, with a client named default."""
    subscription = subscriptions.activate_user_api(membership(user, portal), Package(package), ROBOT)
    return new_key(subscription, **limits)


def portal_key(manager: User, portal: Portal, package: str = "basic", **limits: Any) -> Key:
    """The Portal API of `portal`, switched on, with a client named default."""
    by = membership(manager, portal)
    return new_key(subscriptions.activate_portal_api(portal, by, Package(package), ROBOT), **limits)


def new_key(subscription: Subscription, name: str = "default", **limits: Any) -> Key:
    client, secret = clients.create_client(subscription, name, ROBOT, **limits)
    return Key(subscription, client, secret)


def ask_token(form: dict[str, str], url: str = TOKEN_URL, **headers: Any) -> Any:
    """POST a form; keyword arguments are headers in Django's spelling, such as HTTP_AUTHORIZATION."""
    return Client().post(url, urlencode(form), content_type=FORM, **headers)


def basic(client_id: str, secret: str) -> str:
    """The value of an Authorization header, both parts encoded as RFC 6749 2.3.1 asks."""
    return "Basic " + base64.b64encode(f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()).decode()


class WhoAmI(View):
    """The smallest view behind the authentication."""

    seen: Access

    def get(self, request: HttpRequest) -> HttpResponse:
        try:
            WhoAmI.seen = auth.authenticate(request)
        except AuthenticationFailed as refused:
            return errors.of_exception(request, refused)
        return HttpResponse(WhoAmI.seen.package)


def call(token: str, address: str = "127.0.0.1", path: str = "/") -> Any:
    """A call of the API with this token, answered by WhoAmI."""
    headers: dict[str, Any] = {"HTTP_AUTHORIZATION": f"Bearer {token}"} if token else {}
    return WhoAmI.as_view()(APIRequestFactory().get(path, REMOTE_ADDR=address, **headers))


def access_of(token: str) -> Access:
    """Who the token speaks for; the call must pass."""
    assert call(token).status_code == 200
    return WhoAmI.seen
