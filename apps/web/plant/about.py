"""What is written about a plant, who may see it, and which programs read it."""

import datetime as dt
from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.accounts.access import Role
from apps.measurements import grid
from apps.packages import usage
from apps.plants.models import Assignment, Plant
from apps.web.session import PortalRequest

from .door import plant_of

LOGGED = dt.timedelta(days=30)
A_PAGE = 20
_SEE_MONEY = (Role.MANAGER, Role.OWNER)


@require_safe
def about(request: PortalRequest, plant_id: UUID) -> HttpResponse:
    """Master data, contacts, people, and the log of API readings of the last 30 days."""
    plant = plant_of(request, plant_id)
    today = grid.today(plant.zone, timezone.now())
    readings = usage.access_log(plant, today - LOGGED + dt.timedelta(days=1))
    context = {
        "plant": plant,
        "shows_money": request.access.role in _SEE_MONEY and _has_money(plant),
        "contacts": plant.contacts.select_related("address"),
        "people": _people(plant),
        "page": Paginator(readings, A_PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "plant/about.html", context)


def _has_money(plant: Plant) -> bool:
    return any(value is not None for value in (plant.plant_cost, plant.electricity_cost, plant.feed_in_tariff))


def _people(plant: Plant) -> Any:
    """The assignments of a plant with their users, by name."""
    rows = Assignment.objects.filter(plant=plant).select_related("membership__user")
    return rows.order_by("membership__user__name", "membership__user__email")
