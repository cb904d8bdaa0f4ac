"""Pages of the manager's console."""

from django.http import HttpResponse
from django.shortcuts import render

from apps.web.session import PortalRequest


def console(request: PortalRequest) -> HttpResponse:
    return render(request, "layouts/portal.html")


def fleets(request: PortalRequest) -> HttpResponse:
    return render(request, "layouts/portal.html")


def users(request: PortalRequest) -> HttpResponse:
    return render(request, "layouts/portal.html")
