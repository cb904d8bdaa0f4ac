"""Registers the system checks of the API."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "apps.api"

    def ready(self) -> None:
        from . import checks  # noqa: F401  (needs the models of other apps)
