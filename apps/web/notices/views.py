"""Mail notices: what a member wants to be told of their plants, when, and the end of it by one click."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, IntegerField, QuerySet, Value, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.addresses import address_of
from apps.accounts.audit import Actor
from apps.events import choices
from apps.events.choices import Level, Wishes
from apps.plants.models import Plant
from apps.web.session import PortalRequest, actor

from .forms import PlanForm, PlantsForm

PER_PAGE = 20
_PLAN = ("pace", "daily_hour", "quiet_from", "quiet_until", "timezone")


@require_safe
def notices(request: PortalRequest) -> HttpResponse:
    """Both forms: for all plants, and below for those that differ."""
    wishes = choices.wishes_of(request.membership)
    return _page(request, wishes, _plan_form(request, wishes), None)


@require_POST
def plan(request: PortalRequest) -> HttpResponse:
    """What about all plants, and when."""
    form = PlanForm(request.POST)
    if not form.is_valid():
        return _page(request, choices.wishes_of(request.membership), form, None, HTTPStatus.UNPROCESSABLE_ENTITY)
    who, given = actor(request), form.cleaned_data
    choices.plan(request.user, who, **{name: given[name] for name in _PLAN})
    choices.choose(request.membership, None, Level(given["level"]), who)
    messages.success(request, _("Your mails are set."))
    return redirect("web:notices", request.portal.slug)


@require_POST
def choose(request: PortalRequest) -> HttpResponse:
    """What about the plants that were shown. Ids that are not visible are as unknown as random ones."""
    wishes = choices.wishes_of(request.membership)
    ids = [found for key in request.POST if (found := _uuid(key))]
    plants = list(Plant.objects.visible_to(request.access).filter(pk__in=ids[:PER_PAGE]))
    if len(plants) < len(ids):
        raise Http404
    form = PlantsForm(plants, _levels(wishes), request.POST)
    if not form.is_valid():
        return _page(request, wishes, _plan_form(request, wishes), form, HTTPStatus.UNPROCESSABLE_ENTITY)
    who = actor(request)
    if choices.plan_of(request.user) is None:
        choices.plan(request.user, who, timezone=_zone(request))
    changed = sum(choices.choose(request.membership, plant, level, who) for plant, level in form.chosen())
    if changed:
        messages.success(request, _("Your choices are saved."))
    search = request.POST.get("search", "")
    address = redirect("web:notices", request.portal.slug)
    address["Location"] += "?" + urlencode({"search": search}) if search else ""
    return address


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _page(
    request: PortalRequest,
    wishes: Wishes,
    plan_form: PlanForm,
    plants_form: PlantsForm | None,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    search = request.GET.get("search", "").strip()
    page = _plants(request, wishes, search)
    row = choices.plan_of(request.user)
    context: dict[str, Any] = {
        "form": plan_form,
        "plants": plants_form or PlantsForm(page, _levels(wishes)),
        "page": page,
        "search": search,
        "mailed_at": row and row.mailed_at,
        "has_plants": bool(page.paginator.count or search),
    }
    return render(request, "notices/notices.html", context, status=status)


def _plants(request: PortalRequest, wishes: Wishes, search: str) -> Page[Plant]:
    """Those with a choice of their own first."""
    rows: QuerySet[Plant] = Plant.objects.visible_to(request.access)
    if search:
        rows = rows.filter(label__icontains=search)
    first = Case(When(pk__in=list(wishes.single), then=Value(0)), default=Value(1), output_field=IntegerField())
    return Paginator(rows.order_by(first, "label", "pk"), PER_PAGE).get_page(request.GET.get("page"))


def _levels(wishes: Wishes) -> dict[UUID, str]:
    return {plant_id: choice.level for plant_id, choice in wishes.single.items()}


def _plan_form(request: PortalRequest, wishes: Wishes) -> PlanForm:
    row = choices.plan_of(request.user)
    level = {"level": wishes.all_plants.level} if wishes.all_plants else {}
    when = {name: getattr(row, name) for name in _PLAN} if row else {"timezone": _zone(request)}
    return PlanForm(initial=level | when)


def _zone(request: PortalRequest) -> str:
    """Where somebody most likely is: where most of their plants are."""
    zones = Plant.objects.visible_to(request.access).order_by().values("timezone").annotate(plants=Count("pk"))
    most = zones.order_by("-plants", "timezone").values_list("timezone", flat=True).first()
    return most or "UTC"


# --- The link of the mails -------------------------------------------------------------------------------------------


@login_not_required
@never_cache
@csrf_exempt  # RFC 8058: the mail program posts; what it may do is in the token alone
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """End all mails about plants. Opening the link asks; programs that look into mails open links."""
    user = choices.user_of(token)
    if user is None:
        raise Http404
    if request.method == "POST":
        choices.stop(user, Actor(user.email, address_of(request.META)))
    return render(request, "notices/stop.html", {"stopped": request.method == "POST", "token": token})
