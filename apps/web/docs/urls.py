"""Addresses of the documentation of the API."""

from django.urls import path

from . import views

urlpatterns = [
    path("docs", views.start, name="docs"),
    path("docs/guide", views.guide, name="docs_guide"),
    path("docs/channels", views.channels, name="docs_channels"),
    path("docs/reference", views.reference, name="docs_reference"),
    path("docs/token", views.token, name="docs_token"),
]
