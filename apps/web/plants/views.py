"""Pages of the list of plants."""

from django.http import HttpResponse
from django.shortcuts import render

from apps.web.session import PortalRequest


def plants(request: PortalRequest) -> HttpResponse:
    return render(request, "layouts/portal.html")
