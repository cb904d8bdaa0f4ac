"""Addresses of API access: `api` is the member's own, `api/user` and `api/portal` say whose is meant."""

from django.urls import path, register_converter

from apps.packages.catalog import Api

from . import clients, views
from .door import ApiConverter

register_converter(ApiConverter, "api")
_CLIENT = "api/<api:api>/clients/<uuid:client_id>"

urlpatterns = [
    path("api", views.overview, {"api": Api.USER}, name="api_access"),
    path("api/<api:api>", views.overview, name="api_overview"),
    path("api/<api:api>/activate/<slug:package>", views.activate, name="api_activate"),
    path("api/<api:api>/package/<slug:package>", views.change_package, name="api_package"),
    path("api/<api:api>/deactivate", views.deactivate, name="api_deactivate"),
    path("api/<api:api>/clients/new", clients.new, name="api_client_new"),
    path("api/<api:api>/clients/plants", clients.plants, name="api_client_plants"),
    path(_CLIENT, clients.client, name="api_client"),
    path(f"{_CLIENT}/rotate", clients.rotate, name="api_client_rotate"),
    path(f"{_CLIENT}/revoke", clients.revoke, name="api_client_revoke"),
    path(f"{_CLIENT}/leaked", clients.leaked, name="api_client_leaked"),
    path(f"{_CLIENT}/secrets/<int:secret_id>/revoke", clients.revoke_secret, name="api_secret_revoke"),
]
