"""Who is in the browser: the portal an address names, resolved once, and what every page may ask about it.

Addresses of pages start with /p/{portal}/. The middleware takes the portal out of them, so that no view looks one up,
and puts `portal`, `membership` and `access` on the request. A portal somebody is no member of is as unknown as none.
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode, urlsplit

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from apps.accounts.access import Access, Role, Via
from apps.accounts.addresses import address_of
from apps.accounts.audit import Actor
from apps.accounts.models import Membership, Portal, User

LAST_PORTAL = "portal"  # key in the session: the slug of the portal somebody was in last
Page = Callable[..., HttpResponseBase]


class PortalRequest(HttpRequest):
    """A request of a member to a page of a portal."""

    user: User
    portal: Portal
    membership: Membership
    access: Access
    htmx: HtmxDetails


class PortalMiddleware:
    """Puts the portal of an address on the request; 404 where the user is no member of it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: Any, view: object, args: object, kwargs: dict[str, Any]) -> None:
        """Runs after the login check, so a stranger never gets here."""
        slug = kwargs.pop("portal", None)
        if slug is None:
            return
        membership = next((one for one in memberships(request) if one.portal.slug == slug), None)
        if membership is None:
            raise Http404
        request.portal, request.membership, request.access = membership.portal, membership, access_of(membership)
        if request.session.get(LAST_PORTAL) != slug:
            request.session[LAST_PORTAL] = slug


def memberships(request: Any) -> list[Membership]:
    """All memberships of the user, in the order of the portals' names. One statement a request."""
    if not hasattr(request, "_memberships"):
        rows = Membership.objects.filter(user_id=request.user.pk).select_related("portal", "user")
        request._memberships = list(rows.order_by("portal__name", "portal__slug"))
    found: list[Membership] = request._memberships
    return found


def access_of(membership: Membership) -> Access:
    """What a session carries: the role in the portal, and no package, for packages are for programs."""
    portal = membership.portal
    return Access(portal.pk, portal.slug, Via.BROWSER, membership.user_id, Role(membership.role))


def home_of(request: Any) -> Membership | None:
    """Where somebody was last, or else their first portal; None for who is in no portal."""
    found = memberships(request)
    last = request.session.get(LAST_PORTAL)
    return next((one for one in found if one.portal.slug == last), found[0] if found else None)


def actor(request: HttpRequest) -> Actor:
    """Who acts, for the audit record."""
    user = request.user
    return Actor(user.email if isinstance(user, User) else "anonymous", address_of(request.META))


def manager_only(view: Page) -> Page:
    """403 for everybody but the managers of the portal."""

    @wraps(view)
    def guarded(request: PortalRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.access.role is not Role.MANAGER:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


# --- Who acts on secrets proves once more who they are ---------------------------------------------------------


def identity_confirmed(view: Page) -> Page:
    """Lets through who proved their identity in the last five minutes; others do it first and then come back.

    Logging in counts, so does confirming by password, passkey or code. A form sent too late is not kept, for it may
    hold secrets: its sender comes back to the page the form is on.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return view(request, *args, **kwargs) if identity_is_fresh(request) else _to_confirmation(request)

    return guarded


def identity_is_fresh(request: HttpRequest) -> bool:
    """Whether the user of this session proved their identity less than ACCOUNT_REAUTHENTICATION_TIMEOUT seconds ago."""
    proofs = get_authentication_records(request, request.user) if request.user.is_authenticated else []
    return any(time.time() - proof["at"] < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT for proof in proofs)


def _to_confirmation(request: Any) -> HttpResponse:
    ways = get_adapter().get_reauthentication_methods(request.user)
    if not ways:
        raise PermissionDenied
    address = f"{ways[0]['url']}?{urlencode({'next': _way_back(request)})}"
    return HttpResponseClientRedirect(address) if request.htmx else HttpResponseRedirect(address)


def _way_back(request: Any) -> str:
    """The page somebody is on: the address itself, or where the form or the part of a page was asked from."""
    if request.method in ("GET", "HEAD") and not request.htmx:
        return str(request.get_full_path())
    page = request.htmx.current_url if request.htmx else request.headers.get("Referer")
    if not url_has_allowed_host_and_scheme(page, {request.get_host()}, request.is_secure()):
        return reverse("web:home")
    parts = urlsplit(page)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
