"""The server administration's view of logger keys and of what was delivered with them.

Keys are made and revoked by the acts that record it, and a secret is shown once, in the answer to the form; digests
and bodies are never fetched.
"""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import cache_control
from django.views.decorators.debug import sensitive_variables

from apps.accounts.admin import ModelAdmin, ReadOnlyMixin
from apps.accounts.admin_acts import Act, ActsMixin, actor
from apps.accounts.changes import ChangeRefused
from apps.plants.models import Plant

from . import keys
from .models import LoggerKey, Upload


class NewKeyForm(forms.Form):
    """Whose key, and what it is called."""

    plant = forms.ModelChoiceField(
        Plant.objects.all(),
        label=_("plant"),
        widget=AutocompleteSelect(LoggerKey._meta.get_field("plant"), admin.site),
    )
    name = forms.CharField(label=_("name"), max_length=100)


@admin.register(LoggerKey)
class LoggerKeyAdmin(ActsMixin, ReadOnlyMixin, ModelAdmin):
    """Keys of loggers; managers make them in the console of their portal."""

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

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("ingest.add_loggerkey"))

    @method_decorator(cache_control(no_store=True))
    @method_decorator(sensitive_variables("secret", "context"))
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form, and in the answer to it the secret."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NewKeyForm(request.POST if request.method == "POST" else None)
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": _("New logger key")}
        if form.is_valid():
            try:
                key, secret = keys.create_key(form.cleaned_data["plant"], form.cleaned_data["name"], actor(request))
            except ChangeRefused as refusal:
                form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
            else:
                return TemplateResponse(request, "admin/new_key.html", {**context, "key": key, "secret": secret})
        return TemplateResponse(
            request, "admin/new_key.html", {**context, "form": form, "media": self.media + form.media}
        )


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
