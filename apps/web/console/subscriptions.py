"""The manager's pages of API subscriptions: the list, one of them, and the acts on it."""

import datetime as dt
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from apps.packages import oversight, usage
from apps.packages.anomalies import SECRET_AGE
from apps.packages.catalog import Package
from apps.packages.errors import Refused
from apps.packages.models import Subscription
from apps.packages.offers import limits_under, settings_of
from apps.web.api_access.comparison import change, own_limits_hold
from apps.web.session import PortalRequest, actor, identity_confirmed, manager_only

from . import record
from .subscription_acts import ACTS, Act, ActForm, acts_for
from .subscription_list import ListForm, counts, headings, owner
from .usage_chart import chart

PAGE = 50


@require_safe
@manager_only
def subscriptions(request: PortalRequest) -> HttpResponse:
    """Every subscription of the portal, what needs attention first."""
    now = timezone.now()
    rows = oversight.survey(Subscription.objects.all(), request.portal, now)
    form = ListForm(request.GET)
    page = Paginator(form.ordered(rows), PAGE).get_page(request.GET.get("page"))
    asked = request.GET.copy()
    asked.pop("page", None)
    context = {
        "form": form,
        "page": page,
        "headings": headings(form, request.GET),
        "counts": counts(rows),
        "rest_of_query": asked.urlencode(),
        "old": now - SECRET_AGE,
    }
    return render(request, "console/subscriptions.html", context)


@require_safe
@manager_only
def subscription(request: PortalRequest, pk: UUID) -> HttpResponse:
    """Figures, clients, history, and what can be done."""
    now = timezone.now()
    overview = oversight.overview(_subscription(request, pk), now)
    one = overview.subscription
    context = {
        "overview": overview,
        "subscription": one,
        "owner": owner(one),
        "own_limits": own_limits_hold(one, now),
        "acts": acts_for(one),
        "clients": one.clients.all().programs().prefetch_related("secrets").order_by("-enabled", "name"),
        "history": record.shown(oversight.history(one), request.access),
        "chart": chart(usage.summary(one, oversight.DAYS, now), oversight.DAYS, now.astimezone(dt.UTC).date()),
        "now": now,
        "old": now - SECRET_AGE,
    }
    return render(request, "console/subscription.html", context)


@require_http_methods(["GET", "POST"])
@manager_only
def act(request: PortalRequest, pk: UUID, name: str) -> HttpResponseBase:
    """Say what an act will do, ask what it needs, do it."""
    found = next((one for one in ACTS if one.name == name), None)
    if found is None:
        raise Http404
    view = identity_confirmed(_act) if found.proven else _act
    return view(request, _subscription(request, pk), found)


def _act(request: PortalRequest, one: Subscription, what: Act) -> HttpResponseBase:
    if one.status not in what.states:
        messages.warning(request, _gone(what))
        return redirect("web:subscription", request.portal.slug, one.pk)
    form = what.form(request.POST if request.method == "POST" else None, subscription=one)
    if form.is_valid() and _done(request, one, what, form):
        messages.success(request, str(what.done))
        return redirect("web:subscription", request.portal.slug, one.pk)
    context = {"act": what, "form": form, "subscription": one, "owner": owner(one), "acts": acts_for(one)}
    return render(request, "console/subscription_act.html", {**context, **_more(what, one)})


def _done(request: PortalRequest, one: Subscription, what: Act, form: ActForm) -> bool:
    """Whether it was done; what the domain refuses is said at the field."""
    try:
        what.run(one, form.cleaned_data, actor(request))
    except Refused as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        return False
    return True


def _more(what: Act, one: Subscription) -> dict[str, object]:
    """What the page of an act shows beside its form."""
    if what.name == "package":
        others = [package for package in Package if package != one.package]
        return {"changes": [(package, change(one, package)) for package in others]}
    if what.name == "limits":
        offered = settings_of(one.portal, Package(one.package))
        return {"offered": offered, "limits": limits_under(offered, one, timezone.now())}
    if what.name == "revoke-all":
        clients = one.clients.all().programs().alive(timezone.now())
        return {"clients": clients}
    return {}


def _gone(what: Act) -> str:
    return _("“%(act)s” is not possible in the present state of this subscription.") % {"act": what.label}


def _subscription(request: PortalRequest, pk: UUID) -> Subscription:
    """One of this portal; a foreign one is as unknown as none."""
    rows = Subscription.objects.filter(portal=request.portal).select_related("portal", "membership__user")
    found = rows.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found
