"""How the server administration names this part."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PlantsConfig(AppConfig):
    name = "apps.plants"
    verbose_name = _("Plants")
