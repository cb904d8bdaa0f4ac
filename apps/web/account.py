"""The user's own account: name, password, second factors, sessions."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path


def account(request: HttpRequest) -> HttpResponse:
    return render(request, "layouts/portal.html")


urlpatterns = [path("account", account, name="account")]
