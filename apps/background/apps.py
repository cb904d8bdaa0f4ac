"""Starts listening to what becomes of tasks."""

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BackgroundConfig(AppConfig):
    name = "apps.background"
    verbose_name = _("Background work")

    def ready(self) -> None:
        import_module("apps.background.history")
