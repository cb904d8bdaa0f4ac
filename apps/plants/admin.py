"""The server administration's view of plants: a plant, its epochs, what was built in, who may see it.

Assignments go through changes.py. What belongs to a portal or a plant stays there for good.
"""

from typing import Any

from django.contrib import admin
from django.db.models import ForeignKey, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from apps.accounts.admin import AuditedAdmin, ModelAdmin, ModelForm, ReadOnlyMixin, StackedInline, TabularInline, actor

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


@admin.register(Address)
class AddressAdmin(AuditedAdmin):
    list_display = ("__str__", "plant", "contact")
    list_select_related = ("plant", "contact")
    search_fields = ("street", "postal_code", "city")


class ContactInline(StackedInline):
    model = Contact
    extra = 0
    autocomplete_fields = ("address",)


class EpochInline(TabularInline):
    model = Epoch
    extra = 0
    show_change_link = True


class AssignmentInline(ReadOnlyMixin, TabularInline):
    model = Assignment
    extra = 0
    fields = ("membership", "created_at")
    show_change_link = True


@admin.register(Plant)
class PlantAdmin(AuditedAdmin):
    list_display = ("label", "portal", "size", "timezone", "status", "health", "last_transfer")
    list_filter = ("portal", "status", "health", "timezone")
    list_select_related = ("portal",)
    search_fields = ("label", "identifier", "address__city", "id")
    autocomplete_fields = ("portal", "address")
    fixed = ("portal",)
    readonly_fields = ("id", "datasource_id", "created_at", "last_transfer", "last_transfer_type")
    inlines = (EpochInline, ContactInline, AssignmentInline)


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


class ComponentInline(TabularInline):
    model = Component
    extra = 0
    fields = ("dataindex", "type", "name", "classes", "vendor", "serial", "size", "sort_order")
    show_change_link = True


@admin.register(Epoch)
class EpochAdmin(AuditedAdmin):
    list_display = ("plant", "active_from")
    list_filter = ("plant__portal",)
    list_select_related = ("plant",)
    search_fields = ("plant__label", "active_from")
    autocomplete_fields = ("plant",)
    fixed = ("plant",)
    inlines = (ComponentInline,)


class TrackerInline(TabularInline):
    model = MppTracker
    extra = 0
    fields = ("index", "name", "size", "field_index", "orientation", "tilt", "monitored", "channels")


class StringInline(TabularInline):
    model = ModuleString
    extra = 0
    fields = ("index", "name", "tracker", "size", "channels")

    def formfield_for_foreignkey(self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "tracker" and request.resolver_match:
            component = request.resolver_match.kwargs.get("object_id")
            kwargs["queryset"] = MppTracker.objects.filter(component=component)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(Component)
class ComponentAdmin(AuditedAdmin):
    list_display = ("name", "type", "epoch", "dataindex", "size", "vendor", "serial")
    list_filter = ("type", "epoch__plant__portal")
    list_select_related = ("epoch__plant",)
    search_fields = ("name", "vendor", "serial", "epoch__plant__label", "cross_epoch_id")
    autocomplete_fields = ("epoch",)
    fixed = ("epoch",)
    inlines = (TrackerInline, StringInline)
