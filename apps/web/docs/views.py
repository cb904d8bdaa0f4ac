"""Pages of the documentation of the API."""

from django.http import HttpResponse
from django.shortcuts import render

from apps.web.session import PortalRequest


def docs(request: PortalRequest) -> HttpResponse:
    return render(request, "layouts/portal.html")
