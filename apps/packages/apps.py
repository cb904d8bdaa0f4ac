"""How the server administration names this part."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PackagesConfig(AppConfig):
    name = "apps.packages"
    verbose_name = _("API subscriptions")
