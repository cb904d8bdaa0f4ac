"""Starts listening to tasks and to log-ins."""

from importlib import import_module

from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    name = "apps.monitoring"

    def ready(self) -> None:
        import_module("apps.monitoring.work")
        import_module("apps.monitoring.logins")
