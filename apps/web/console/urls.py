"""Addresses of the manager's console."""

from django.urls import path

from . import views

urlpatterns = [
    path("console", views.console, name="console"),
    path("console/fleets", views.fleets, name="fleets"),
    path("console/users", views.users, name="users"),
]
