"""The API of a member or of the portal as a whole: what it is, how it stands, on, another package, off."""

import datetime as dt
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from apps.packages import quota, subscriptions
from apps.packages.catalog import Api, Package
from apps.packages.errors import Refused
from apps.packages.models import Subscription, Terms
from apps.packages.offers import current_terms, settings_of
from apps.web.session import PortalRequest, actor, identity_confirmed

from . import comparison
from .activity import activity
from .door import OPEN, Holder, Status, in_state, of_api, package_named
from .forms import ActivationForm, ConfirmForm, DomainForm
from .listing import listing

form_page = require_http_methods(["GET", "POST"])


# --- How it stands -----------------------------------------------------------------------------------------------


@require_safe
@of_api
def overview(request: PortalRequest, holder: Holder) -> HttpResponse:
    """Off: what it is and what it would give. On: limits, use, clients."""
    if holder.subscription is None or not holder.is_on:
        table = comparison.compare(holder.portal, holder.api)
        return render(request, "api_access/off.html", {"holder": holder, "comparison": table})
    return _on(request, holder, holder.subscription)


def _on(request: PortalRequest, holder: Holder, subscription: Subscription) -> HttpResponse:
    now = timezone.now()
    spent = quota.standing(subscription, now)
    by = "function" if request.GET.get("by") == "function" else "status"
    context = {
        "holder": holder,
        "subscription": subscription,
        "others": [package for package in Package if package != subscription.package],
        "windows": [Window.of(spent, window) for window in quota.WINDOWS],
        "own_limits": comparison.own_limits_hold(subscription, now),
        "activity": activity(subscription, by, now),
        "listing": listing(subscription, now),
    }
    return render(request, "api_access/on.html", context)


@dataclass(frozen=True, slots=True)
class Window:
    """A window of the quota as a bar."""

    name: str
    used: int
    limit: int
    resets_at: dt.datetime

    @property
    def shown(self) -> int:
        """As long as the bar can be: after a change to a smaller package more may be used than the limit."""
        return min(self.used, self.limit)

    @property
    def is_high(self) -> bool:
        """Nearly used up."""
        return self.used >= 0.8 * self.limit

    @classmethod
    def of(cls, spent: quota.Spent, window: quota.Window) -> "Window":
        resets_at = spent.now.replace(microsecond=0) + dt.timedelta(seconds=window.resets_in(spent.now))
        return cls(window.name, spent.used(window), spent.limit(window), resets_at)


# --- On ----------------------------------------------------------------------------------------------------------


@form_page
@of_api
@identity_confirmed
def activate(request: PortalRequest, holder: Holder, package: str) -> HttpResponse:
    """Switch it on: the package from the address, the terms to accept. Leads on to the first client."""
    chosen = package_named(package)
    if holder.is_on:
        return redirect(holder.url())
    terms = current_terms(holder.portal)
    posted = request.POST if request.method == "POST" else None
    if posted is not None and terms is not None and posted.get("version") != terms.version:
        messages.warning(request, _("The terms of use have changed since you opened this page. Read them again."))
        posted = None
    form = ActivationForm(terms, posted)
    if form.is_valid():
        try:
            _switch_on(request, holder, chosen, form.accepted)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            return redirect(holder.url("api_client_new"))
    offer = settings_of(holder.portal, chosen)
    context = {
        "holder": holder,
        "form": form,
        "package": chosen,
        "offer": offer,
        "waits": comparison.waits_for_manager(holder.api, offer),
        "terms": terms,
        "terms_text": terms_text(terms) if terms else "",
    }
    return render(request, "api_access/activate.html", context)


def _switch_on(request: PortalRequest, holder: Holder, package: Package, accepted: str) -> Subscription:
    if holder.api is Api.USER:
        return subscriptions.activate_user_api(holder.acting, package, actor(request), accepted)
    return subscriptions.activate_portal_api(holder.portal, holder.acting, package, actor(request), accepted)


def terms_text(terms: Terms) -> str:
    """The terms in the reader's language, where the portal published them in it."""
    return terms.text_de if terms.text_de and (get_language() or "").startswith("de") else terms.text


# --- Another package ---------------------------------------------------------------------------------------------


@form_page
@of_api
@in_state(Status.ACTIVE)
@identity_confirmed
def change_package(request: PortalRequest, holder: Holder, subscription: Subscription, package: str) -> HttpResponse:
    """The honest difference, then the change, which holds for living tokens too."""
    wanted = package_named(package)
    form = DomainForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            subscriptions.change_package(subscription, wanted, actor(request))
        except Refused as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("The package is now %(name)s.") % {"name": comparison.name_of(wanted)})
            return redirect(holder.url())
    context = {
        "holder": holder,
        "subscription": subscription,
        "package": wanted,
        "change": comparison.change(subscription, wanted),
        "own_limits": comparison.own_limits_hold(subscription, timezone.now()),
        "form": form,
    }
    return render(request, "api_access/change_package.html", context)


# --- Off ---------------------------------------------------------------------------------------------------------


@form_page
@of_api
@in_state(*OPEN)
@identity_confirmed
def deactivate(request: PortalRequest, holder: Holder, subscription: Subscription) -> HttpResponse:
    """Off for good, after the portal's short name was typed."""
    form = ConfirmForm(holder.portal.slug, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            subscriptions.deactivate(subscription, actor(request))
        except Refused as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("It is switched off. Its clients, secrets and tokens are dead."))
            return redirect(holder.url())
    stake = subscriptions.at_stake(subscription, timezone.now())
    context = {"holder": holder, "subscription": subscription, "stake": stake, "form": form}
    return render(request, "api_access/deactivate.html", context)
