"""Addresses of the HTML face."""

from django.contrib.auth.decorators import login_not_required
from django.urls import path
from django.views.i18n import set_language

from . import views

app_name = "web"
urlpatterns = [
    path("", views.home, name="home"),
    path("language", login_not_required(set_language), name="language"),
    path("healthz", views.healthz, name="healthz"),
    path("robots.txt", views.robots, name="robots"),
    path("favicon.ico", views.favicon, name="favicon"),
]
