"""The server administration's view of subscriptions and clients.

Administrators suspend, resume, switch off and change packages; they never see a secret, its digest or a token.
Everything that changes goes through subscriptions.py and clients.py.
"""

from collections.abc import Callable
from typing import Any

import oauth2_provider.admin  # noqa: F401  (registers the toolkit's own pages, which are taken away below)
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from oauth2_provider.models import AccessToken, Grant, IDToken, RefreshToken

from apps.accounts.admin import ModelAdmin, ModelForm, ReadOnlyMixin, TabularInline, actor

from . import clients, subscriptions
from .catalog import Package
from .errors import Refused
from .models import ApiClient, ClientSecret, PackageSettings, QuotaCounter, Subscription, Terms

admin.site.unregister([ApiClient, AccessToken, Grant, IDToken, RefreshToken])


class ReasonForm(ActionForm):
    """An action with the words its owner will read."""

    reason = forms.CharField(label=gettext_lazy("Reason"), required=False, max_length=300)


class ClientInline(ReadOnlyMixin, TabularInline):
    model = ApiClient
    extra = 0
    fields = ("name", "client_id", "enabled", "expires_at")
    show_change_link = True


@admin.register(Subscription)
class SubscriptionAdmin(ModelAdmin):
    list_display = ("owner", "portal", "api", "package", "status", "since")
    list_filter = ("status", "package", "portal")
    list_select_related = ("portal", "membership__user")
    search_fields = ("membership__user__email", "portal__slug", "id")
    fields = (
        *("id", "owner", "portal", "api", "package", "status", "reason", "since", "valid_after"),
        *("terms_version", "terms_accepted_at", "override_per_minute", "override_per_day", "override_until"),
    )
    inlines = (ClientInline,)
    action_form = ReasonForm
    actions = ("approve", "reject", "suspend", "resume", "deactivate")

    @admin.display(description=gettext_lazy("belongs to"))
    def owner(self, subscription: Subscription) -> str:
        return str(subscription.membership.user if subscription.membership else subscription.portal)

    def get_readonly_fields(self, request: HttpRequest, obj: Subscription | None = None) -> tuple[str, ...]:
        active = obj is not None and obj.status == Subscription.Status.ACTIVE
        return tuple(name for name in self.fields if not (active and name == "package"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # its owner activates it, or the command activate_api

    def has_delete_permission(self, request: HttpRequest, obj: Subscription | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Subscription, form: ModelForm, change: bool) -> None:
        if "package" in form.changed_data:
            subscriptions.change_package(obj, Package(obj.package), actor(request), approved=True)

    @admin.action(description=gettext_lazy("Approve what awaits it"))
    def approve(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        reason = request.POST.get("reason", "").strip()
        self._each(request, queryset, lambda one: subscriptions.approve(one, actor(request), reason))

    @admin.action(description=gettext_lazy("Reject what awaits approval (needs a reason)"))
    def reject(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        reason = self._reason(request)
        if reason:
            self._each(request, queryset, lambda one: subscriptions.reject(one, actor(request), reason))

    @admin.action(description=gettext_lazy("Suspend: tokens end, secrets are kept (needs a reason)"))
    def suspend(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        reason = self._reason(request)
        if reason:
            self._each(request, queryset, lambda one: subscriptions.suspend(one, actor(request), reason))

    @admin.action(description=gettext_lazy("Resume a suspended one"))
    def resume(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        reason = request.POST.get("reason", "").strip()
        self._each(request, queryset, lambda one: subscriptions.resume(one, actor(request), reason))

    @admin.action(description=gettext_lazy("Switch off: tokens, secrets and clients end for good"))
    def deactivate(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        reason = request.POST.get("reason", "").strip()
        self._each(request, queryset, lambda one: subscriptions.deactivate(one, actor(request), reason))

    def _reason(self, request: HttpRequest) -> str:
        """The reason given; empty, with a complaint, where there is none."""
        reason = request.POST.get("reason", "").strip()
        if not reason:
            self.message_user(request, _("Say why: the owner reads the reason."), messages.ERROR)
        return reason

    def _each(
        self, request: HttpRequest, queryset: QuerySet[Subscription], act: Callable[[Subscription], object]
    ) -> None:
        for one in queryset.select_related("portal", "membership__user"):
            try:
                act(one)
            except Refused as refusal:
                self.message_user(request, f"{one}: {refusal}", messages.ERROR)
            else:
                self.message_user(request, f"{one}: {_('done.')}", messages.SUCCESS)


@admin.register(PackageSettings)
class PackageSettingsAdmin(ReadOnlyMixin, ModelAdmin):
    """Managers change these on the pages of their portal; operators by the command package_settings."""

    list_display = ("portal", "package", "per_minute", "per_day", "max_clients", "approval")
    list_filter = ("portal",)
    list_select_related = ("portal",)
    fields = ("portal", "package", "per_minute", "per_day", "max_clients", "approval")


@admin.register(Terms)
class TermsAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = ("portal", "version", "published_at")
    list_filter = ("portal",)
    list_select_related = ("portal",)
    fields = ("portal", "version", "published_at", "text", "text_de")


class SecretInline(ReadOnlyMixin, TabularInline):
    model = ClientSecret
    extra = 0
    fields = ("hint", "created_at", "expires_at", "revoked_at")


@admin.register(ApiClient)
class ApiClientAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = ("name", "client_id", "subscription", "enabled", "expires_at")
    list_filter = ("enabled", "subscription__portal")
    list_select_related = ("subscription__portal", "subscription__membership__user")
    search_fields = ("name", "client_id", "subscription__membership__user__email")
    fields = (
        "name",
        "client_id",
        "subscription",
        "enabled",
        "valid_after",
        "expires_at",
        "plant_ids",
        "networks",
        "created",
    )
    inlines = (SecretInline,)
    actions = ("revoke_as_leaked",)

    @admin.action(description=gettext_lazy("Credentials leaked: end all secrets and tokens now"))
    def revoke_as_leaked(self, request: HttpRequest, queryset: QuerySet[ApiClient]) -> None:
        for client in queryset:
            clients.revoke_as_leaked(client, actor(request), _("Revoked in the server administration."))
            self.message_user(request, f"{client}: {_('done.')}", messages.SUCCESS)


@admin.register(ClientSecret)
class ClientSecretAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = ("hint", "client", "created_at", "expires_at", "revoked_at")
    list_select_related = ("client",)
    search_fields = ("client__name", "client__client_id")
    fields = ("hint", "client", "created_at", "expires_at", "revoked_at")


@admin.register(QuotaCounter)
class QuotaCounterAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = ("subscription", "minute_used", "day_used")
    list_select_related = ("subscription__portal", "subscription__membership__user")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("subscription", "minute", "minute_used", "day", "day_used")
