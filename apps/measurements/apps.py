"""How the server administration names this part."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MeasurementsConfig(AppConfig):
    name = "apps.measurements"
    verbose_name = _("Measured values")
