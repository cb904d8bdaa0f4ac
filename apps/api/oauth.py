"""Tokens: the token endpoint, revocation (RFC 7009) and the discovery document, for programs only.

Built on django-oauth-toolkit with one grant, client credentials; its other grants, introspection, registration and
consent pages are not mounted. What the toolkit does too slowly, too generously or in the logs is overridden here,
and each override has its test. See docs/decisions/0003-oauth.md.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any, cast
from urllib.parse import unquote_plus

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe
from oauth2_provider.models import AccessToken
from oauth2_provider.oauth2_backends import OAuthLibCore
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.views.mixins import OAuthLibMixin
from oauthlib.common import Request  # type: ignore[import-untyped]
from oauthlib.oauth2 import (  # type: ignore[import-untyped]
    BackendApplicationServer,
    ClientCredentialsGrant,
    InvalidClientError,
    InvalidRequestError,
    UnsupportedGrantTypeError,
)

from apps.accounts import addresses
from apps.packages import clients, networks, tokens
from apps.packages.errors import NotActive
from apps.packages.models import ApiClient

REALM = "auth/realms/quotaapi"
LARGEST_BODY = 16 * 1024

# --- Making a token -------------------------------------------------------------------------------


def issue_token(client: ApiClient) -> str:
    """A new access token for a client as `clients.verify` just gave it; InvalidClientError if it became unusable."""
    try:
        return tokens.issue(client, timedelta(seconds=settings.TOKEN_SECONDS))
    except NotActive:
        raise unusable() from None


def unusable() -> InvalidClientError:
    """The one answer for an unknown id, a wrong or dead secret, a wrong network and access that is not active."""
    return InvalidClientError("Unknown client, wrong or ended secret, or API access that is not active.")


# --- Who asks -------------------------------------------------------------------------------------


def credentials_of(request: Request) -> tuple[str, str]:
    """Client id and secret from the header or the body. InvalidRequestError where both ways are used at once."""
    in_body = (request.client_id or "", request.client_secret or "")
    header = _basic(request.headers)
    if header is None:
        return in_body
    if in_body[1] or in_body[0] not in ("", header[0]):
        raise InvalidRequestError("Authenticate in the Authorization header or in the body, not in both.")
    return header


def _basic(headers: Mapping[str, Any]) -> tuple[str, str] | None:
    """HTTP Basic as RFC 6749 2.3.1 wants it, both parts form-encoded; what cannot be decoded matches no client."""
    scheme, _space, encoded = headers.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote_plus(client_id), unquote_plus(secret)


class Validator(OAuth2Validator):
    """Replaces the toolkit's answers to: is this our client, and may it have a token?"""

    def client_authentication_required(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        return True

    def authenticate_client(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        client = clients.verify(*credentials_of(request))
        if client is None or not networks.allows(client.networks, addresses.address_of(request.headers)):
            raise unusable()
        request.client = client
        return True

    def authenticate_client_id(self, *args: Any, **kwargs: Any) -> bool:
        return False

    def revoke_token(self, token: str, token_type_hint: str, request: Request, *args: Any, **kwargs: Any) -> None:
        checksum = sha256(token.encode()).hexdigest()
        AccessToken.objects.filter(token_checksum=checksum, application=request.client).delete()


class Grant(ClientCredentialsGrant):  # type: ignore[misc]
    """The library's own ends by writing the token into the debug log."""

    def create_token_response(self, request: Request, token_handler: object) -> tuple[dict[str, str], str, int]:
        if request.grant_type not in (None, "client_credentials"):
            raise UnsupportedGrantTypeError("The only grant type is client_credentials.")
        self.validate_token_request(request)
        token = {
            "access_token": issue_token(cast(ApiClient, request.client)),
            "token_type": "Bearer",
            "expires_in": settings.TOKEN_SECONDS,
            "scope": tokens.SCOPE,
        }
        return {}, json.dumps(token), 200


class Server(BackendApplicationServer):  # type: ignore[misc]
    """The library's server for client credentials alone, with our grant."""

    def __init__(self, validator: Validator, **_settings: Any) -> None:
        super().__init__(validator)
        self.grant_types["client_credentials"] = Grant(validator)


class Core(OAuthLibCore):
    """Hands the library what we know and nothing else."""

    # Everything else is ignored, empty or not: clients of OpenID libraries send username, password, code,
    # redirect_uri and scope=openid along.
    KNOWN = ("grant_type", "client_id", "client_secret", "token")

    def extract_body(self, request: HttpRequest) -> list[tuple[str, str]]:
        return [(name, request.POST[name]) for name in self.KNOWN if request.POST.get(name)]


# --- Addresses ------------------------------------------------------------------------------------


@method_decorator([csrf_exempt, login_not_required, require_POST], name="dispatch")
class Endpoint(OAuthLibMixin, View):
    """What the two endpoints have in common: a small form in the body, never anything in the address."""

    server_class: Any = Server
    oauthlib_backend_class: Any = Core

    @method_decorator(sensitive_post_parameters())
    def post(self, request: HttpRequest) -> HttpResponse:
        response = _refusal(request) or self.answer(request)
        response["Content-Type"] = "application/json"
        response["Cache-Control"], response["Pragma"] = "no-store", "no-cache"
        if response.status_code == 401:
            response["WWW-Authenticate"] = 'Basic realm="Helioport", charset="UTF-8"'
        return response

    def answer(self, request: HttpRequest) -> HttpResponse:
        raise NotImplementedError


class Token(Endpoint):
    """`POST …/token`. Not the toolkit's view: that reads the token back for a signal, and knows device codes."""

    def answer(self, request: HttpRequest) -> HttpResponse:
        _url, _headers, body, status = self.create_token_response(request)
        return HttpResponse(body, status=status)


class Revocation(Endpoint):
    """`POST …/revoke`: 200 for any token, the caller's own or not (RFC 7009 2.2)."""

    def answer(self, request: HttpRequest) -> HttpResponse:
        _url, _headers, body, status = self.create_revocation_response(request)
        return HttpResponse(body, status=status)


def _refusal(request: HttpRequest) -> HttpResponse | None:
    """Why the form will not even be read, or None."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > LARGEST_BODY:
        return _error("The body is larger than 16 KB.", status=413)
    if request.META.get("QUERY_STRING"):
        return _error(
            "Send the parameters in the body, not in the address; a secret that was in an address has leaked."
        )
    if request.content_type != "application/x-www-form-urlencoded":
        return _error("Send the parameters as application/x-www-form-urlencoded.")
    try:
        repeated = [name for name in Core.KNOWN if len(request.POST.getlist(name)) > 1]
    except (SuspiciousOperation, BadRequest):
        return _error("The form cannot be read.")
    return _error(f"There more than once: {', '.join(repeated)}.") if repeated else None


def _error(description: str, status: int = 400) -> HttpResponse:
    return JsonResponse({"error": "invalid_request", "error_description": description}, status=status)


@login_not_required
@require_safe
@cache_control(public=True, max_age=3600)
def discovery(_request: HttpRequest) -> HttpResponse:
    """Where everything is (OpenID Connect Discovery, RFC 8414). No keys and no ID tokens: nothing here is signed."""
    issuer = f"{settings.BASE_URL}/{REALM}"
    endpoint, methods = f"{issuer}/protocol/openid-connect", ["client_secret_post", "client_secret_basic"]
    document = {
        "issuer": issuer,
        "token_endpoint": f"{endpoint}/token",
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint": f"{endpoint}/revoke",
        "revocation_endpoint_auth_methods_supported": methods,
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": ["none"],
        "subject_types_supported": ["public"],
        "scopes_supported": [tokens.SCOPE],
    }
    return JsonResponse(document)


urlpatterns = [
    path(f"{REALM}/protocol/openid-connect/token", Token.as_view(), name="token"),
    path(f"{REALM}/protocol/openid-connect/revoke", Revocation.as_view(), name="revoke"),
    path(f"{REALM}/.well-known/openid-configuration", discovery, name="discovery"),
]
