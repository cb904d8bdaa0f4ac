"""The server administration's view of measurements: that they are there, since when, and how much room they take.

Values are shown to whoever may see the plant, in the portal; here is nothing to edit, for every row is computed.
"""

from django.contrib import admin
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.admin import ModelAdmin, ReadOnlyMixin

from . import store
from .models import PlantLatest


@admin.register(PlantLatest)
class PlantLatestAdmin(ReadOnlyMixin, ModelAdmin):
    """The packed rows behind it have composite keys, which Django's admin cannot list: they are summed up here."""

    list_display = ("plant", "portal", "data_at", "day", "day_energy")
    list_filter = ("plant__portal",)
    list_select_related = ("plant__portal",)
    search_fields = ("plant__label", "plant__identifier", "plant__id")
    date_hierarchy = "data_at"
    fields = ("plant", "data_at", "power_at", "power", "day", "day_energy", "month", "month_energy", "stored")

    @admin.display(description=gettext_lazy("portal"), ordering="plant__portal")
    def portal(self, latest: PlantLatest) -> str:
        return str(latest.plant.portal)

    @admin.display(description=gettext_lazy("stored"))
    def stored(self, latest: PlantLatest) -> str:
        found = store.stored(latest.plant)
        if not found.rows:
            return _("no data")
        room = {"rows": found.rows, "first": found.first, "last": found.last, "size": filesizeformat(found.bytes)}
        return _("%(rows)d packed days of devices, %(first)s to %(last)s, %(size)s") % room
