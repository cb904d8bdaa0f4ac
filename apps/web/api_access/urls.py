"""Addresses of API access."""

from django.urls import path

from . import views

urlpatterns = [
    path("api", views.api_access, name="api_access"),
]
