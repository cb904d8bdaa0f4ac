"""Pages of a plant."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render

from apps.web.session import PortalRequest


def plant(request: PortalRequest, plant_id: UUID) -> HttpResponse:
    return render(request, "layouts/portal.html")
