"""Addresses of a plant."""

from django.urls import path

from . import views

urlpatterns = [
    path("plants/<uuid:plant_id>", views.plant, name="plant"),
]
