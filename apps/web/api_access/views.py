"""Pages of API access."""

from django.http import HttpResponse
from django.shortcuts import render

from apps.web.session import PortalRequest


def api_access(request: PortalRequest) -> HttpResponse:
    return render(request, "layouts/portal.html")
