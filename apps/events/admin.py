"""The server administration's view of events: what loggers reported is shown, not edited."""

from django.contrib import admin

from apps.accounts.admin import ModelAdmin, ReadOnlyMixin

from .models import ComponentEvent


@admin.register(ComponentEvent)
class ComponentEventAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = ("started_at", "ended_at", "plant", "severity", "status_text", "error_text")
    list_filter = ("severity", "plant__portal")
    list_select_related = ("plant",)
    search_fields = ("plant__label", "status_text", "error_text", "device_id")
    date_hierarchy = "started_at"
    fields = (
        *("plant", "device_id", "started_at", "ended_at", "severity"),
        *("status_code", "status_text", "error_code", "error_text"),
    )
    show_full_result_count = False
