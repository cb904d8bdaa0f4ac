"""Addresses of the list of plants."""

from django.urls import path

from . import views

urlpatterns = [
    path("plants", views.plants, name="plants"),
]
