"""The server administration's view of subscriptions and clients.

Administrators approve, suspend, change packages and end what leaked; they never see a secret, its digest or a token.
Everything that changes goes through subscriptions.py and clients.py, after a page that says what will happen and asks
why. Usage and the log of readings have composite keys, which Django's admin cannot list: they are shown, summed up, on
the page of the subscription and of the client.
"""

import datetime as dt
from typing import Any

import oauth2_provider.admin  # noqa: F401  (registers the toolkit's own pages, which are taken away below)
from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminDateWidget
from django.db.models import Max, QuerySet, Sum
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from oauth2_provider.models import AccessToken, Grant, IDToken, RefreshToken

from apps.accounts.admin import ModelAdmin, ReadOnlyMixin, TabularInline
from apps.accounts.admin_acts import Act, ActsMixin, NoteForm, ReasonForm

from . import clients, subscriptions
from .catalog import Package
from .models import ApiClient, ClientSecret, PackageSettings, PlantAccess, QuotaCounter, Subscription, Terms
from .offers import MOST
from .usage import summary, total

admin.site.unregister([ApiClient, AccessToken, Grant, IDToken, RefreshToken])
Status = Subscription.Status
LATELY = 30  # days of use that pages sum up


# --- Subscriptions ------------------------------------------------------------------------------------------


class PackageForm(NoteForm):
    package = forms.ChoiceField(label=_("Package"), choices=[(one.value, one.value.capitalize()) for one in Package])
    field_order = ("package", "reason")


class LimitsForm(ReasonForm):
    per_minute = forms.IntegerField(label=_("Calls per minute"), required=False, min_value=1, max_value=MOST)
    per_day = forms.IntegerField(label=_("Calls per day"), required=False, min_value=1, max_value=MOST)
    until = forms.DateField(
        label=_("Last day"),
        required=False,
        widget=AdminDateWidget,
        help_text=_("The limits of the package return after this day (UTC). Empty = until taken back."),
    )
    field_order = ("per_minute", "per_day", "until", "reason")

    def clean_until(self) -> dt.datetime | None:
        last: dt.date | None = self.cleaned_data["until"]
        return dt.datetime.combine(last + dt.timedelta(days=1), dt.time(), dt.UTC) if last else None


def _in_state(*states: str) -> Any:
    return lambda subscription: subscription.status in states


_ACTS = (
    Act(
        "approve",
        _("Approve"),
        _("API access works from now on, and so do the clients that were made meanwhile."),
        lambda one, data, by: subscriptions.approve(one, by, data["reason"]),
        NoteForm,
        _in_state(Status.AWAITING),
    ),
    Act(
        "reject",
        _("Reject"),
        _(
            "API access stays off, and clients that were made meanwhile end for good. The owner reads the reason and "
            "may ask again."
        ),
        lambda one, data, by: subscriptions.reject(one, by, data["reason"]),
        fits=_in_state(Status.AWAITING),
    ),
    Act(
        "suspend",
        _("Suspend"),
        _(
            "Every call is refused at once and living tokens end. Clients and secrets are kept, so that everything "
            "works again after you resume it. The owner reads the reason."
        ),
        lambda one, data, by: subscriptions.suspend(one, by, data["reason"]),
        fits=_in_state(Status.ACTIVE),
    ),
    Act(
        "resume",
        _("Resume"),
        _("The kept secrets work again at once. Tokens from before the suspension stay dead."),
        lambda one, data, by: subscriptions.resume(one, by, data["reason"]),
        NoteForm,
        _in_state(Status.SUSPENDED),
    ),
    Act(
        "change_package",
        _("Change package"),
        _("The new functions and limits hold from the next call on, for living tokens too."),
        lambda one, data, by: subscriptions.change_package(
            one, Package(data["package"]), by, data["reason"], approved=True
        ),
        PackageForm,
        _in_state(Status.ACTIVE),
    ),
    Act(
        "change_limits",
        _("Change limits"),
        _(
            "Gives this subscription limits of its own, higher or lower than those of its package, from the next call "
            "on. What was used today stays counted."
        ),
        lambda one, data, by: subscriptions.override_limits(
            one,
            by,
            data["reason"],
            per_minute=data["per_minute"],
            per_day=data["per_day"],
            until=data["until"] if data["per_minute"] or data["per_day"] else None,
        ),
        LimitsForm,
    ),
    Act(
        "revoke_all",
        _("Revoke all"),
        _(
            "All clients, secrets and tokens end at once and for good: for credentials that got about. The "
            "subscription keeps its state and its package; the owner has to make new clients and set up every "
            "program anew."
        ),
        lambda one, data, by: subscriptions.revoke_all(one, by, data["reason"]),
        fits=_in_state(Status.ACTIVE, Status.AWAITING, Status.SUSPENDED),
    ),
    Act(
        "deactivate",
        _("Switch off"),
        _("Tokens, secrets and clients end at once and for good. The owner may switch it on again and begins anew."),
        lambda one, data, by: subscriptions.deactivate(one, by, data["reason"]),
        fits=_in_state(Status.ACTIVE, Status.AWAITING),
    ),
)


class ClientInline(ReadOnlyMixin, TabularInline):
    model = ApiClient
    extra = 0
    fields = ("name", "client_id", "enabled", "expires_at", "last_used_at")
    show_change_link = True


@admin.register(Subscription)
class SubscriptionAdmin(ActsMixin, ReadOnlyMixin, ModelAdmin):
    """Its owner activates it, or the command activate_api; here are the acts on it."""

    list_display = ("owner", "portal", "api", "package", "status", "since")
    list_filter = ("status", "package", "portal")
    list_select_related = ("portal", "membership__user")
    search_fields = ("membership__user__email", "membership__user__name", "portal__slug", "id")
    date_hierarchy = "since"
    fields = (
        *("id", "owner", "portal", "api", "package", "status", "reason", "since", "valid_after", "used_lately"),
        *("terms_version", "terms_accepted_at", "override_per_minute", "override_per_day", "override_until"),
    )
    inlines = (ClientInline,)
    acts = _ACTS

    @admin.display(description=_("belongs to"))
    def owner(self, subscription: Subscription) -> str:
        return str(subscription.membership.user if subscription.membership else subscription.portal)

    @admin.display(description=_("used in the last 30 days"))
    def used_lately(self, subscription: Subscription) -> SafeString | str:
        """Calls by class of status."""
        rows = summary(subscription, LATELY)
        states = sorted({row.status for row in rows})
        lines = ((status, total(row for row in rows if row.status == status).calls) for status in states)
        return format_html_join("", "<div>{}: {}</div>", lines) or self.get_empty_value_display()


@admin.register(PackageSettings)
class PackageSettingsAdmin(ReadOnlyMixin, ModelAdmin):
    """Managers change these on the pages of their portal; operators by the command package_settings."""

    list_display = ("portal", "package", "per_minute", "per_day", "max_clients", "approval")
    list_filter = ("package", "portal")
    list_select_related = ("portal",)
    search_fields = ("portal__slug", "portal__name")
    fields = ("portal", "package", "per_minute", "per_day", "max_clients", "approval")


@admin.register(Terms)
class TermsAdmin(ReadOnlyMixin, ModelAdmin):
    """A published version stays as it is: people have accepted it."""

    list_display = ("portal", "version", "published_at")
    list_filter = ("portal",)
    list_select_related = ("portal",)
    search_fields = ("version", "portal__slug")
    date_hierarchy = "published_at"
    fields = ("portal", "version", "published_at", "text", "text_de")


# --- Clients and secrets ------------------------------------------------------------------------------------


class SecretInline(ReadOnlyMixin, TabularInline):
    model = ClientSecret
    extra = 0
    fields = ("hint", "created_at", "expires_at", "revoked_at")


@admin.register(ApiClient)
class ApiClientAdmin(ActsMixin, ReadOnlyMixin, ModelAdmin):
    list_display = ("name", "client_id", "subscription", "enabled", "expires_at", "last_used_at")
    list_filter = ("enabled", "documentation", "subscription__portal")
    list_select_related = ("subscription__portal", "subscription__membership__user")
    search_fields = ("name", "client_id", "subscription__membership__user__email")
    date_hierarchy = "created"
    fields = (
        *("name", "client_id", "subscription", "enabled", "documentation", "valid_after", "expires_at"),
        *("plant_ids", "networks", "created", "last_used_at", "last_ip", "read_lately"),
    )
    inlines = (SecretInline,)
    acts = (
        Act(
            "revoke_as_leaked",
            _("Credentials leaked"),
            _("All secrets and tokens of the client end at once. The client stays, and its owner makes a new secret."),
            lambda client, data, by: clients.revoke_as_leaked(client, by, data["reason"]),
        ),
        Act(
            "end_client",
            _("End client"),
            _("The client, its secrets and its tokens end at once and for good."),
            lambda client, data, by: clients.end_client(client, by, data["reason"]),
            fits=lambda client: client.enabled,
        ),
    )

    @admin.display(description=_("plants read in the last 30 days"))
    def read_lately(self, client: ApiClient) -> SafeString | str:
        since = timezone.now().date() - dt.timedelta(days=LATELY)
        found = PlantAccess.objects.filter(client_id=client.pk, day__gte=since).values("plant__label")
        rows: Any = found.annotate(calls=Sum("calls"), last=Max("last_at")).order_by("-last")[:LATELY]
        lines = ((row["plant__label"], row["calls"], f"{row['last']:%Y-%m-%d %H:%M} UTC") for row in rows)
        return format_html_join("", "<div>{}: {} ({})</div>", lines) or self.get_empty_value_display()


@admin.register(ClientSecret)
class ClientSecretAdmin(ActsMixin, ReadOnlyMixin, ModelAdmin):
    list_display = ("hint", "client", "created_at", "expires_at", "revoked_at")
    list_select_related = ("client",)
    search_fields = ("client__name", "client__client_id", "hint")
    date_hierarchy = "created_at"
    fields = ("hint", "client", "created_at", "expires_at", "revoked_at")
    acts = (
        Act(
            "revoke",
            _("Revoke"),
            _("The secret opens nothing from now on. Tokens made with it go on until they expire."),
            lambda secret, data, by: clients.revoke_secret(secret, by, data["reason"]),
            fits=lambda secret: secret.revoked_at is None,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("digest", "pepper_id")


@admin.register(QuotaCounter)
class QuotaCounterAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = ("subscription", "minute_used", "day_used")
    list_filter = ("subscription__portal",)
    list_select_related = ("subscription__portal", "subscription__membership__user")
    search_fields = ("subscription__membership__user__email", "subscription__portal__slug")
    fields = ("subscription", "minute", "minute_used", "day", "day_used")
