"""Addresses of the documentation of the API."""

from django.urls import path

from . import views

urlpatterns = [
    path("docs", views.docs, name="docs"),
]
