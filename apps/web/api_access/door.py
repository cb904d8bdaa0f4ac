"""Whose API a page is about, found once from its address: a member's own, or the portal's, which is for managers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from apps.accounts.access import Role
from apps.accounts.models import Membership, Portal
from apps.packages import subscriptions
from apps.packages.catalog import Api, Package
from apps.packages.errors import UnknownPackage
from apps.packages.models import Subscription
from apps.web.session import Page, PortalRequest

Status = Subscription.Status
OPEN = (Status.ACTIVE, Status.AWAITING)  # clients can be made


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has the API of a page, or could have it. `acting` is the member in front of the screen."""

    api: Api
    portal: Portal
    acting: Membership
    subscription: Subscription | None

    @property
    def member(self) -> Membership | None:
        """Whose API it is; None where it belongs to the portal."""
        return self.acting if self.api is Api.USER else None

    @property
    def is_on(self) -> bool:
        """Whether it is more than switched off: active, awaiting approval or suspended."""
        return self.subscription is not None and self.subscription.status != Status.OFF

    def url(self, name: str = "api_overview", *arguments: object) -> str:
        """The address of another page about the same API."""
        return reverse(f"web:{name}", args=[self.portal.slug, self.api, *arguments])


class ApiConverter:
    """The part of an address that says whose API is meant."""

    regex = "|".join(Api)

    def to_python(self, text: str) -> Api:
        return Api(text)

    def to_url(self, api: Api) -> str:
        return Api(api).value


def of_api(view: Page) -> Page:
    """Hands the view a Holder for the `api` of its address; 403 on the portal's to everybody but its managers."""

    @wraps(view)
    def found(request: PortalRequest, api: Api, **kwargs: Any) -> HttpResponseBase:
        if api is Api.PORTAL and request.access.role is not Role.MANAGER:
            raise PermissionDenied
        member = request.membership if api is Api.USER else None
        subscription = subscriptions.find(request.portal, member)
        return view(request, Holder(api, request.portal, request.membership, subscription), **kwargs)

    return found


def in_state(*states: Status) -> Callable[[Page], Page]:
    """Hands the view the subscription, too; from any other state back to the overview, which says how things are."""

    def wrap(view: Page) -> Page:
        @wraps(view)
        def found(request: PortalRequest, holder: Holder, **kwargs: Any) -> HttpResponseBase:
            if holder.subscription is None or holder.subscription.status not in states:
                return redirect(holder.url())
            return view(request, holder, holder.subscription, **kwargs)

        return found

    return wrap


def package_named(name: str) -> Package:
    """The package of an address; 404 where the catalog has none of that name."""
    try:
        return subscriptions.find_package(name)
    except UnknownPackage:
        raise Http404 from None
