"""The server administration's view of people, and what the admin pages of all apps share.

Every act in the admin leaves an audit row: memberships and accounts go through changes.py and logins.py (see
admin_acts.py), the rest is recorded by AuditedAdmin. What would take history with it cannot be deleted here.
"""

from typing import TYPE_CHECKING, Any, ClassVar

import allauth.account.admin
import allauth.mfa.admin
import allauth.usersessions.admin  # noqa: F401  (registers allauth's own pages, which are taken away below)
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from . import audit, changes, logins
from .access import Role
from .admin_acts import Act, ActsMixin, ReasonForm, actor
from .models import AuditEntry, Invitation, Membership, Portal, User

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
admin.site.unregister([EmailAddress, Authenticator, UserSession, Group])


# --- What all pages share -----------------------------------------------------------------------------------


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


def keeps_history(row: models.Model, *, but: frozenset[str] = frozenset()) -> bool:
    """Whether rows of other apps hang on this one: deleting it would take them along or leave them without meaning.

    `but` names models (in lower case) that are no history.
    """
    own = row._meta.app_label
    for relation in row._meta.related_objects:
        model = relation.related_model
        if not isinstance(model, str) and model._meta.app_label != own and model._meta.label_lower not in but:
            rows = model._base_manager.filter(**{relation.field.name: row.pk})
            if rows.exists():
                return True
    return False


class OneByOneMixin:
    """No deletion of many rows at once: Django would first read everything that hangs on them."""

    def get_actions(self, request: HttpRequest) -> Any:
        actions = super().get_actions(request)  # type: ignore[misc]
        actions.pop("delete_selected", None)
        return actions


# --- Portals and people -------------------------------------------------------------------------------------


class MembershipInline(ReadOnlyMixin, TabularInline):
    """Who is in a portal, or where a user is; changed on the page of the membership itself."""

    model = Membership
    extra = 0
    fields = ("portal", "user", "role")
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("portal", "user")


@admin.register(Portal)
class PortalAdmin(OneByOneMixin, AuditedAdmin):
    """A portal can be deleted while nobody and nothing is in it."""

    list_display = ("slug", "name", "created_at")
    search_fields = ("slug", "name")
    readonly_fields = ("id", "created_at")
    fields = ("id", "slug", "name", "created_at")
    date_hierarchy = "created_at"
    inlines = (MembershipInline,)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        empty = obj is None or not (obj.memberships.exists() or keeps_history(obj))
        return empty and super().has_delete_permission(request, obj)


class NewUserForm(_NewUserForm):
    class Meta:
        model = User
        fields = ("email", "name")


class EditUserForm(_EditUserForm):
    class Meta:
        model = User
        fields = "__all__"


_RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")


@admin.register(User)
class UserAdmin(ActsMixin, OneByOneMixin, AuditedAdmin, _UserAdmin):
    """Who is in a portal cannot be deleted, only disabled: their API and its history would go with them."""

    form = EditUserForm
    add_form = NewUserForm
    ordering = ("email",)
    list_display = ("email", "name", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser", "memberships__portal", "memberships__role")
    search_fields = ("email", "name", "id")
    readonly_fields = ("id", "is_active", "last_login", "date_joined", "valid_after")
    date_hierarchy = "date_joined"
    fieldsets = (
        (None, {"fields": ("id", "email", "name", "language", "password", "is_active")}),
        (_("Server administration"), {"fields": _RIGHTS, "classes": ("collapse",)}),
        (_("Dates"), {"fields": ("last_login", "date_joined", "valid_after")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name", "usable_password", "password1", "password2")}),)
    inlines = (MembershipInline,)
    acts = (
        Act(
            "disable",
            _("Disable"),
            _("They cannot log in to any portal; browser sessions and API tokens end at once. Nothing is deleted."),
            lambda user, data, by: changes.set_active(user, False, by, data["reason"]),
            fits=lambda user: user.is_active,
        ),
        Act(
            "enable",
            _("Enable"),
            _("They can log in again with their password. Tokens from before stay dead; secrets work again."),
            lambda user, data, by: changes.set_active(user, True, by, data["reason"]),
            fits=lambda user: not user.is_active,
        ),
        Act(
            "end_sessions",
            _("Log out everywhere"),
            _("All browser sessions end at once. Their APIs go on."),
            lambda user, data, by: logins.end_sessions(user, by, data["reason"]),
        ),
        Act(
            "remove_second_factors",
            _("Remove second factors"),
            _(
                "All second factors, passkeys and recovery codes are deleted and all browser sessions end: for "
                "somebody who has lost theirs. The password alone opens the account until a new one is set up. Be "
                "sure who asks."
            ),
            lambda user, data, by: logins.remove_second_factors(user, by, data["reason"]),
            superusers_only=True,
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        superuser = getattr(request.user, "is_superuser", False)
        return (*super().get_readonly_fields(request, obj), *(() if superuser else _RIGHTS))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes the password of somebody above them."""
        above = obj is not None and obj.is_superuser and not getattr(request.user, "is_superuser", False)
        return not above and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        member = obj is not None and obj.memberships.exists()
        return not member and super().has_delete_permission(request, obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Ways in, read-only on their own pages, go with the account they open."""
        listed, counts, _lacking, protected = super().get_deleted_objects(objs, request)
        return listed, counts, set(), protected


@admin.register(Group)
class GroupAdmin(AuditedAdmin, DjangoGroupAdmin):
    """Rights of staff, recorded like everything else."""


class RoleForm(ReasonForm):
    role = forms.ChoiceField(label=_("Role"), choices=Membership.Roles.choices)
    field_order = ("role", "reason")


@admin.register(Membership)
class MembershipAdmin(ActsMixin, ModelAdmin):
    list_display = ("user", "portal", "role")
    ordering = ("user__email", "portal__slug")
    list_filter = ("role", "portal")
    list_select_related = ("user", "portal")
    search_fields = ("user__email", "user__name", "portal__slug")
    autocomplete_fields = ("user", "portal")
    acts = (
        Act(
            "change_role",
            _("Change role"),
            _("Another role in this portal, from now on. The last active manager of a portal stays manager."),
            lambda membership, data, by: changes.set_role(membership, Role(data["role"]), by, data["reason"]),
            form=RoleForm,
        ),
        Act(
            "remove",
            _("Remove from the portal"),
            _("The membership ends, and with it the plants assigned and the User API with its clients and statistics."),
            lambda membership, data, by: changes.remove_membership(membership, by, data["reason"]),
        ),
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # the acts ask why

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Membership, form: ModelForm, change: bool) -> None:
        obj.pk = changes.add_membership(obj.user, obj.portal, Role(obj.role), actor(request)).pk


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyMixin, ModelAdmin):
    """Who was asked in and has not come yet. Managers send and cancel invitations; the link is in the mail only."""

    list_display = ("membership", "sent_at", "expires_at")
    list_filter = ("membership__portal",)
    list_select_related = ("membership__user", "membership__portal")
    search_fields = ("membership__user__email",)
    date_hierarchy = "sent_at"
    fields = ("membership", "sent_at", "expires_at")


# --- Ways in ------------------------------------------------------------------------------------------------


@admin.register(EmailAddress)
class EmailAddressAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = ("email", "user", "primary", "verified")
    list_filter = ("primary", "verified")
    list_select_related = ("user",)
    search_fields = ("email", "user__email")
    fields = ("email", "user", "primary", "verified")


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnlyMixin, ModelAdmin):
    """That there is a second factor; what it consists of is shown to nobody."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    list_select_related = ("user",)
    search_fields = ("user__email",)
    date_hierarchy = "created_at"
    fields = ("user", "type", "created_at", "last_used_at")


@admin.register(UserSession)
class UserSessionAdmin(ActsMixin, ReadOnlyMixin, ModelAdmin):
    """Who is logged in, without the key that would make the viewer that person."""

    list_display = ("user", "created_at", "last_seen_at", "ip", "user_agent")
    list_select_related = ("user",)
    search_fields = ("user__email", "ip")
    date_hierarchy = "last_seen_at"
    fields = ("user", "created_at", "last_seen_at", "ip", "user_agent")
    acts = (
        Act(
            "end",
            _("Log out"),
            _("This browser session ends at once."),
            lambda session, data, by: logins.end_session(session, by, data["reason"]),
        ),
    )


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = ("at", "actor", "address", "action", "subject", "portal")
    list_filter = ("action", "portal")
    list_select_related = ("portal",)
    search_fields = ("actor", "action", "subject", "reason")
    date_hierarchy = "at"
    fields = ("at", "actor", "address", "action", "subject", "portal", "before", "after", "reason")
    show_full_result_count = False
