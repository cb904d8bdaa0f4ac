"""The server administration's view of events: what loggers reported is shown, not edited; and of who gets mails."""

from django.contrib import admin

from apps.accounts.admin import ModelAdmin, ReadOnlyMixin

from .models import ComponentEvent, NoticeChoice, NoticePlan


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


@admin.register(NoticePlan)
class NoticePlanAdmin(ReadOnlyMixin, ModelAdmin):
    """What people chose for themselves, to answer why a mail came or did not."""

    list_display = ("user", "pace", "timezone", "quiet_from", "quiet_until", "mailed_at", "due_at")
    list_filter = ("pace",)
    list_select_related = ("user",)
    search_fields = ("user__email",)
    fields = ("user", "timezone", "pace", "daily_hour", "quiet_from", "quiet_until", "mailed_at", "due_at")


@admin.register(NoticeChoice)
class NoticeChoiceAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = ("membership", "plant", "level", "since")
    list_filter = ("level", "membership__portal")
    list_select_related = ("membership__user", "membership__portal", "plant")
    search_fields = ("membership__user__email", "plant__label")
    fields = ("membership", "plant", "level", "since")
