"""Addresses of a plant."""

from django.urls import path

from . import about, components, events, kpis, views

urlpatterns = [
    path("plants/<uuid:plant_id>", views.plant, name="plant"),
    path("plants/<uuid:plant_id>/data", views.data, name="plant_data"),
    path("plants/<uuid:plant_id>/data.csv", views.csv, name="plant_csv"),
    path("plants/<uuid:plant_id>/components", components.components, name="plant_components"),
    path("plants/<uuid:plant_id>/events", events.events, name="plant_events"),
    path("plants/<uuid:plant_id>/kpis", kpis.kpis, name="plant_kpis"),
    path("plants/<uuid:plant_id>/about", about.about, name="plant_about"),
]
