"""The server administration's view of people, and what the admin pages of all apps share.

Every act in the admin leaves an audit row: memberships go through changes.py, the rest is recorded by AuditedAdmin.
"""

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from . import audit, changes
from .access import Role
from .audit import Actor
from .models import AuditEntry, Membership, Portal, User

if TYPE_CHECKING:  # generic for the type checker only
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
    StackedInline = admin.StackedInline[Any, Any]
    ModelForm = forms.ModelForm[Any]
    _UserAdmin = DjangoUserAdmin[Any]
    _NewUserForm = AdminUserCreationForm
    _EditUserForm = UserChangeForm[User]
else:
    ModelAdmin, TabularInline, StackedInline = admin.ModelAdmin, admin.TabularInline, admin.StackedInline
    ModelForm = forms.ModelForm
    _UserAdmin, _NewUserForm, _EditUserForm = DjangoUserAdmin, AdminUserCreationForm, UserChangeForm

admin.site.site_header = "Helioport"
admin.site.site_title = "Helioport"
admin.site.index_title = _("Server administration")


def actor(request: HttpRequest) -> Actor:
    """Who acts in the admin, and from where."""
    return Actor(request.user.get_username(), request.META.get("REMOTE_ADDR"))


def portal_of(row: models.Model) -> Portal | None:
    """The portal a row belongs to, directly or through what it is part of."""
    if isinstance(row, Portal):
        return row
    for step in ("portal", "plant", "epoch", "component", "membership", "subscription", "client"):
        above = getattr(row, step, None)
        if isinstance(above, models.Model):
            return portal_of(above)
    return None


class ReadOnlyMixin:
    """Pages and inlines that only show what `fields` names."""

    fields: ClassVar[Any]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return tuple(self.fields or ())

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AuditedAdmin(ModelAdmin):
    """Writes an audit row for every addition, change and deletion; says which fields changed, never their values."""

    fixed: ClassVar[tuple[str, ...]] = ()  # fields that can be chosen once, when the row is added

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*super().get_readonly_fields(request, obj), *(self.fixed if obj else ()))

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        return [inline for inline in self.inlines if obj or not issubclass(inline, ReadOnlyMixin)]

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._record(request, "added", obj, message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._record(request, "changed", obj, message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        for row in queryset:
            self._record(request, "deleted", row, None)
        return super().log_deletions(request, queryset)

    def _record(self, request: HttpRequest, act: str, row: models.Model, message: Any) -> None:
        audit.record(
            actor(request),
            f"{row._meta.model_name}.{act}",
            row,
            portal=portal_of(row),
            after={"id": str(row.pk), **({"admin": message} if message else {})},
        )


class MembershipInline(ReadOnlyMixin, TabularInline):
    """Who is in a portal, or where a user is; changed on the page of the membership itself."""

    model = Membership
    extra = 0
    fields = ("portal", "user", "role")
    show_change_link = True


@admin.register(Portal)
class PortalAdmin(AuditedAdmin):
    list_display = ("slug", "name", "created_at")
    search_fields = ("slug", "name")
    readonly_fields = ("id", "created_at")
    fields = ("id", "slug", "name", "created_at")
    inlines = (MembershipInline,)


class NewUserForm(_NewUserForm):
    class Meta:
        model = User
        fields = ("email", "name")


class EditUserForm(_EditUserForm):
    class Meta:
        model = User
        fields = "__all__"


@admin.register(User)
class UserAdmin(AuditedAdmin, _UserAdmin):
    form = EditUserForm
    add_form = NewUserForm
    ordering = ("email",)
    list_display = ("email", "name", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser", "memberships__portal", "memberships__role")
    search_fields = ("email", "name")
    readonly_fields = ("id", "last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("id", "email", "name", "password", "is_active")}),
        (
            _("Server administration"),
            {"fields": ("is_staff", "is_superuser", "groups", "user_permissions"), "classes": ("collapse",)},
        ),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name", "usable_password", "password1", "password2")}),)
    inlines = (MembershipInline,)

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm, change: bool) -> None:
        if change and "is_active" in form.changed_data:
            changes.set_active(obj, obj.is_active, actor(request))
        super().save_model(request, obj, form, change)


@admin.register(Membership)
class MembershipAdmin(ModelAdmin):
    list_display = ("user", "portal", "role")
    list_filter = ("role", "portal")
    list_select_related = ("user", "portal")
    search_fields = ("user__email", "user__name", "portal__slug")
    autocomplete_fields = ("user", "portal")

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        return ("user", "portal") if obj else ()

    def save_model(self, request: HttpRequest, obj: Membership, form: ModelForm, change: bool) -> None:
        role = Role(obj.role)
        if change:
            changes.set_role(obj, role, actor(request))
        else:
            obj.pk = changes.add_membership(obj.user, obj.portal, role, actor(request)).pk

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        changes.remove_membership(obj, actor(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        for membership in queryset:
            changes.remove_membership(membership, actor(request))


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = ("at", "actor", "address", "action", "subject", "portal")
    list_filter = ("action", "portal")
    list_select_related = ("portal",)
    search_fields = ("actor", "action", "subject")
    date_hierarchy = "at"
