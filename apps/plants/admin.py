"""The server administration's view of plants: a plant, its epochs, what was built in, who may see it.

Assignments go through changes.py. What belongs to a portal or a plant stays there for good. While anything was
measured, recorded or read at a plant, neither the plant nor what was built into it can be deleted: the values would go
with it or lose their device.
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import ForeignKey, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from apps.accounts.admin import (
    AuditedAdmin,
    ModelAdmin,
    ModelForm,
    OneByOneMixin,
    ReadOnlyMixin,
    StackedInline,
    TabularInline,
    keeps_history,
)
from apps.accounts.admin_acts import Act, ActsMixin, ReasonForm, actor
from apps.accounts.audit import Actor
from apps.accounts.models import Membership, User

from . import changes
from .models import (
    Address,
    Assignment,
    Component,
    Contact,
    Epoch,
    Fleet,
    ModuleString,
    MppTracker,
    Plant,
)


class WithHistoryMixin:
    """Rows of a plant with history stay; `obj` is the row itself or, of an inline, the row whose page it is on."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        plant = _plant_of(obj)
        kept = plant is not None and keeps_history(plant)
        return not kept and bool(super().has_delete_permission(request, obj))  # type: ignore[misc]


def _plant_of(row: Any) -> Plant | None:
    """The plant a row of these pages is a part of."""
    if row is None or isinstance(row, Plant):
        return row
    if isinstance(row, Epoch):
        return row.plant
    return _plant_of(row.epoch if isinstance(row, Component) else row.component)


@admin.register(Address)
class AddressAdmin(AuditedAdmin):
    list_display = ("__str__", "plant", "contact")
    list_select_related = ("plant", "contact")
    search_fields = ("street", "postal_code", "city")


class ContactInline(StackedInline):
    model = Contact
    extra = 0
    autocomplete_fields = ("address",)


class EpochInline(WithHistoryMixin, TabularInline):
    model = Epoch
    extra = 0
    show_change_link = True


class AssignmentInline(ReadOnlyMixin, TabularInline):
    model = Assignment
    extra = 0
    fields = ("membership", "created_at")
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("plant", "membership__user", "membership__portal")


class AssignForm(ReasonForm):
    email = forms.EmailField(
        label=_lazy("E-mail address of the member"), widget=forms.EmailInput({"class": "vTextField"})
    )
    field_order = ("email", "reason")

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).strip().lower()
        if not Membership.objects.filter(user__email=email).exists():
            raise forms.ValidationError(_("Nobody with this address is in a portal."))
        return email


def _assign(plant: Plant, data: dict[str, Any], by: Actor) -> None:
    changes.assign(plant, User.objects.get(email=data["email"]), by, data["reason"])


def _unassign(plant: Plant, data: dict[str, Any], by: Actor) -> None:
    changes.unassign(plant, User.objects.get(email=data["email"]), by, data["reason"])


@admin.register(Plant)
class PlantAdmin(ActsMixin, WithHistoryMixin, OneByOneMixin, AuditedAdmin):
    list_display = ("label", "portal", "size", "timezone", "status", "health", "last_transfer")
    list_filter = ("portal", "status", "health", "timezone")
    list_select_related = ("portal",)
    search_fields = ("label", "identifier", "address__city", "id")
    autocomplete_fields = ("portal", "address")
    fixed = ("portal",)
    readonly_fields = ("id", "datasource_id", "created_at", "last_transfer", "last_transfer_type")
    date_hierarchy = "created_at"
    inlines = (EpochInline, ContactInline, AssignmentInline)
    acts = (
        Act(
            "assign",
            _lazy("Assign to a member"),
            _lazy("The member sees the plants in the portal, and their User API reads them, from now on."),
            _assign,
            form=AssignForm,
        ),
        Act(
            "unassign",
            _lazy("Take from a member"),
            _lazy("For the member and their User API the plants are as unknown as none, from now on."),
            _unassign,
            form=AssignForm,
        ),
    )


@admin.register(Contact)
class ContactAdmin(AuditedAdmin):
    list_display = ("__str__", "plant", "company", "email", "role")
    list_select_related = ("plant",)
    list_filter = ("plant__portal",)
    search_fields = ("last_name", "first_name", "company", "email", "plant__label")
    autocomplete_fields = ("plant", "address")
    fixed = ("plant",)


@admin.register(Assignment)
class AssignmentAdmin(ModelAdmin):
    """Assignments are made and ended, never changed."""

    list_display = ("plant", "membership", "created_at")
    list_filter = ("plant__portal",)
    list_select_related = ("plant", "membership__user", "membership__portal")
    search_fields = ("plant__label", "membership__user__email")
    autocomplete_fields = ("plant", "membership")

    def has_change_permission(self, request: HttpRequest, obj: Assignment | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Assignment, form: ModelForm, change: bool) -> None:
        changes.assign(obj.plant, obj.membership.user, actor(request))
        obj.pk = Assignment.objects.get(plant=obj.plant, membership=obj.membership).pk

    def delete_model(self, request: HttpRequest, obj: Assignment) -> None:
        changes.unassign(obj.plant, obj.membership.user, actor(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Assignment]) -> None:
        for assignment in queryset:
            self.delete_model(request, assignment)


class FleetForm(ModelForm):
    """Says in words what the database would refuse."""

    class Meta:
        model = Fleet
        fields = ("portal", "label", "description", "plants")

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        portal = cleaned.get("portal") or getattr(self.instance, "portal", None)
        foreign = [plant.label for plant in cleaned.get("plants") or () if plant.portal != portal]
        if foreign:
            self.add_error("plants", _("These plants belong to another portal: %s.") % ", ".join(foreign))
        return cleaned


@admin.register(Fleet)
class FleetAdmin(AuditedAdmin):
    form = FleetForm
    list_display = ("label", "portal", "created_at")
    list_filter = ("portal",)
    list_select_related = ("portal",)
    search_fields = ("label", "description")
    autocomplete_fields = ("portal", "plants")
    fixed = ("portal",)


class ComponentInline(WithHistoryMixin, TabularInline):
    model = Component
    extra = 0
    fields = ("dataindex", "type", "name", "classes", "vendor", "serial", "size", "sort_order")
    show_change_link = True


@admin.register(Epoch)
class EpochAdmin(WithHistoryMixin, OneByOneMixin, AuditedAdmin):
    list_display = ("plant", "active_from")
    list_filter = ("plant__portal",)
    list_select_related = ("plant",)
    search_fields = ("plant__label", "active_from")
    autocomplete_fields = ("plant",)
    fixed = ("plant",)
    inlines = (ComponentInline,)


class TrackerInline(WithHistoryMixin, TabularInline):
    model = MppTracker
    extra = 0
    fields = ("index", "name", "size", "field_index", "orientation", "tilt", "monitored", "channels")


class StringInline(WithHistoryMixin, TabularInline):
    model = ModuleString
    extra = 0
    fields = ("index", "name", "tracker", "size", "channels")

    def formfield_for_foreignkey(self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "tracker" and request.resolver_match:
            component = request.resolver_match.kwargs.get("object_id")
            kwargs["queryset"] = MppTracker.objects.filter(component=component)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(Component)
class ComponentAdmin(WithHistoryMixin, OneByOneMixin, AuditedAdmin):
    list_display = ("name", "type", "epoch", "dataindex", "size", "vendor", "serial")
    list_filter = ("type", "epoch__plant__portal")
    list_select_related = ("epoch__plant",)
    search_fields = ("name", "vendor", "serial", "epoch__plant__label", "cross_epoch_id")
    autocomplete_fields = ("epoch",)
    fixed = ("epoch",)
    inlines = (TrackerInline, StringInline)
