"""Pages of the documentation of the API, and the short token with which its reference tries calls."""

import datetime as dt
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST, require_safe

from apps.measurements import grid
from apps.packages import catalog, clients, tokens
from apps.packages.catalog import Api, Package
from apps.packages.errors import NotActive, NotManager
from apps.packages.problems import KINDS
from apps.plants.models import Plant
from apps.web.session import PortalRequest, actor

from . import examples, tables
from .reader import Reader, apis_of, chosen, reader_of

CHAPTERS = (
    ("authentication", _("Authentication")),
    ("resolution", _("Resolution")),
    ("time", _("Time zones and clock changes")),
    ("gaps", _("Gaps")),
    ("channels", _("Units and channels")),
    ("quota", _("Quota")),
    ("errors", _("Errors")),
    ("conditional", _("Conditional requests")),
    ("bulk", _("Large answers")),
    ("compatibility", _("Versions and Enerest")),
)


@require_safe
def start(request: PortalRequest) -> HttpResponse:
    """Contents, and the first call in three steps."""
    slug, plant = request.portal.slug, _first_plant(request)
    context = {
        **_reading(chosen(request)),
        "plant": plant,
        "plant_label": plant.label if plant else "",
        "addresses": examples.addresses(slug),
        "keep_token": examples.keep_token(slug),
        "list_plants": examples.call(slug, "administration/plants"),
        "power_today": examples.power_today(slug, plant.pk if plant else None),
        "chapters": CHAPTERS,
        "channel_count": len(tables.channel_rows()),
        "function_count": len(catalog.FUNCTIONS),
    }
    return render(request, "docs/start.html", context)


def _first_plant(request: PortalRequest) -> Plant | None:
    return Plant.objects.visible_to(request.access).order_by("label", "pk").first()


def _reading(reader: Reader) -> dict[str, Any]:
    """What templates say of the reader."""
    return {
        "reader": reader,
        "api_title": tables.api_title(reader.api),
        "package": tables.title(reader.package),
        "larger": tables.title(reader.larger) if reader.larger else None,
    }


# --- Guide and channels --------------------------------------------------------------------------------------------


@require_safe
def guide(request: PortalRequest) -> HttpResponse:
    """The written guide. What has a table somewhere is drawn from it."""
    plant = _first_plant(request)
    context = {
        "chapters": CHAPTERS,
        "templates": [(slug, title, f"docs/guide/{slug}.html") for slug, title in CHAPTERS],
        "addresses": examples.addresses(request.portal.slug),
        **_numbers(),
        **_samples(request, plant.pk if plant else None),
        "problems": KINDS.values(),
        "offers": tables.offers_of(request.portal),
        "functions": tables.function_rows(),
        **tables.slots_of_days(),
    }
    return render(request, "docs/guide.html", context)


def _numbers() -> dict[str, str | int]:
    """Limits that sentences of the guide name."""
    return {
        "token_seconds": tables.number(settings.TOKEN_SECONDS),
        "live_secrets": clients.MAX_LIVE_SECRETS,
        "overlaps": ", ".join(clients.OVERLAPS),
        "slot_minutes": grid.SLOT // dt.timedelta(minutes=1),
        "most_ids": tables.number(catalog.MOST_IDS),
        "most_series": tables.number(catalog.MOST_SERIES_DAYS),
        "most_events": tables.number(catalog.MOST_EVENTS),
        "most_plants": tables.number(catalog.MOST_PLANTS_A_PAGE),
        "most_periods": tables.number(catalog.MOST_KPI_PERIODS),
        "days_per_cost": catalog.MONTH_OF_DAYS,
        "kpi_days_per_cost": catalog.YEAR_OF_DAYS,
    }


def _samples(request: PortalRequest, plant: UUID | None) -> dict[str, str]:
    """Code blocks of the guide."""
    slug = request.portal.slug
    return {
        "ask_token": examples.ask_token(slug),
        "token_answer": examples.token_answer(),
        "program": examples.program(slug, plant),
        "conditional": examples.conditional(slug, plant),
        "day_channel": examples.day_channel(),
        "problem": examples.problem(list(Package)[-1]),
        "repeated_hour": tables.repeated_hour(),
        "quota_headers": tables.quota_headers(request.portal, timezone.now()),
    }


@require_safe
def channels(request: PortalRequest) -> HttpResponse:
    """Every channel with unit, levels, aggregation and packages."""
    return render(request, "docs/channels.html", {"rows": tables.channel_rows()})


# --- Reference -----------------------------------------------------------------------------------------------------


@require_safe
def reference(request: PortalRequest) -> HttpResponse:
    """Swagger UI with what the reader's package holds, or (`?more`) also what the larger one would add."""
    reader = chosen(request)
    more = "more" in request.GET and reader.larger is not None
    shown = reader.larger if more and reader.larger else reader.package
    document = f"{reverse('openapi')}?{urlencode({'api': reader.api.value, 'package': shown.value})}"
    context = {
        **_reading(reader),
        "more": more,
        "apis": [(api.value, tables.api_title(api)) for api in apis_of(request)],
        "document": document,
        "minutes": tokens.DOCUMENTATION_LIFE // dt.timedelta(minutes=1),
        "settings": {
            "document": document,
            "functions": [function.name for function in reader.functions],
            "canTry": reader.active,
            "portal": request.portal.slug,
            "values": _values(request),
        },
    }
    return render(request, "docs/reference.html", context)


def _values(request: PortalRequest) -> dict[str, str]:
    """What the fields of a call are filled with at first."""
    plant = _first_plant(request)
    if plant is None:
        return {}
    day = grid.today(plant.zone, timezone.now())
    dates = {"day": "today", "date": "today", "dateFrom": "today", "dateTo": "today"}
    return {"plantId": str(plant.pk), **dates, "year": f"{day:%Y}", "month": f"{day:%m}", "channelNames[]": "ProdPac"}


@require_POST
@cache_control(no_store=True)
def token(request: PortalRequest) -> JsonResponse:
    """A token of a few minutes for the reader's own API; 409 with the reason where that is not active."""
    api = request.POST.get("api")
    if api not in apis_of(request):
        raise PermissionDenied
    reader = reader_of(request, Api(api))
    refused = reader.why_not
    if reader.subscription is not None and refused is None:
        try:
            key, _ends = tokens.issue_for_documentation(reader.subscription, request.membership, actor(request))
        except (NotActive, NotManager) as error:
            refused = str(error)
        else:
            return JsonResponse({"token": key, "seconds": tokens.DOCUMENTATION_LIFE.total_seconds()})
    return JsonResponse({"message": str(refused)}, status=409)
