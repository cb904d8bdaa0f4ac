"""Puts our site in the place of Django admin's. A module of its own: it is read before any model may be."""

from django.contrib.admin.apps import AdminConfig


class ServerAdministrationConfig(AdminConfig):
    default_site = "apps.accounts.site.ServerAdministration"
