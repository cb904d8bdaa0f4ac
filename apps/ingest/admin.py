"""The server administration's view of logger keys and of what was delivered with them.

Nothing is edited here: keys are revoked by the act that records it; digests and bodies are never fetched.
"""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _

from apps.accounts.admin import ModelAdmin, ReadOnlyMixin
from apps.accounts.admin_acts import Act, ActsMixin

from . import keys
from .models import LoggerKey, Upload


@admin.register(LoggerKey)
class LoggerKeyAdmin(ActsMixin, ReadOnlyMixin, ModelAdmin):
    """Made in the portal's console or by the command logger_key, which show the secret once."""

    list_display = ("name", "plant", "login", "hint", "created_at", "last_used_at", "revoked_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter), "plant__portal")
    list_select_related = ("plant",)
    search_fields = ("name", "login", "plant__label")
    date_hierarchy = "created_at"
    fields = ("name", "plant", "login", "hint", "former_until", "created_at", "last_used_at", "revoked_at")
    acts: ClassVar[tuple[Act, ...]] = (
        Act(
            "revoke",
            _("Revoke"),
            _("Nothing is accepted with this key from now on. What it delivered stays."),
            lambda key, data, by: keys.revoke_key(key, by, data["reason"]),
            fits=lambda key: key.revoked_at is None,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("digest", "former_digest")


@admin.register(Upload)
class UploadAdmin(ReadOnlyMixin, ModelAdmin):
    """Managers look after the quarantine on the pages of their portal."""

    list_display = ("received_at", "plant", "kind", "name", "via", "shown_size", "state", "attempts")
    list_filter = ("state", "kind", "via", "plant__portal")
    list_select_related = ("plant",)
    search_fields = ("name", "plant__label", "digest")
    date_hierarchy = "received_at"
    show_full_result_count = False
    fields = (
        *("plant", "key", "kind", "name", "via", "received_at", "shown_size", "digest", "idempotency_key"),
        *("state", "attempts", "next_try", "error", "receipt"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("body")

    @admin.display(description=_("size"), ordering="size")
    def shown_size(self, upload: Upload) -> str:
        return filesizeformat(upload.size)
