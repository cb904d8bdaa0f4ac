"""Who there is: portals (tenants), users, their roles, and the record of what they did."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .access import Role


class Portal(models.Model):
    """A tenant: the operator's name space for plants and people."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(_("slug"), max_length=63, unique=True, help_text=_("Part of every API address."))
    name = models.CharField(_("name"), max_length=200)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("portal")
        verbose_name_plural = _("portals")
        ordering: ClassVar = ["slug"]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Users are found by e-mail, whatever its case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A user with a hashed password, or with none (an invitation sets it)."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """An operator of the server with every right in the Django admin."""
        return self.create_user(email, password, **{**fields, "is_staff": True, "is_superuser": True})

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person. `is_staff` opens the Django admin; what they may see in a portal is their membership's role."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=200, blank=True)
    language = models.CharField(
        _("language"), max_length=10, blank=True, help_text=_("Of mails; empty until somebody chooses one.")
    )
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(_("staff"), default=False, help_text=_("May open the server administration."))
    date_joined = models.DateTimeField(_("joined"), default=timezone.now, editable=False)
    valid_after = models.DateTimeField(
        _("tokens valid after"), default=timezone.now, editable=False, help_text=_("Tokens made earlier are dead.")
    )

    objects = UserManager()
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar = []

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        ordering: ClassVar = ["email"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_is_lower_case"),
        ]

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        super().clean()
        self.email = self.email.strip().lower()


class Membership(models.Model):
    """A user's role in a portal."""

    class Roles(models.TextChoices):
        MANAGER = Role.MANAGER, _("manager")
        MONITORING = Role.MONITORING, _("monitoring")
        OWNER = Role.OWNER, _("owner")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    portal = models.ForeignKey(Portal, models.CASCADE, related_name="memberships", verbose_name=_("portal"))
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships", verbose_name=_("user"))
    role = models.CharField(_("role"), max_length=20, choices=Roles)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["portal", "user"], name="one_membership_per_portal_and_user"),
            models.CheckConstraint(
                condition=models.Q(role__in=[role.value for role in Role]), name="membership_role_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.portal} · {self.get_role_display()}"


class Invitation(models.Model):
    """A membership that waits for its user to choose a password. It ends with its use or with the membership.

    The token is in the mail only; here is its digest. Written by invitations.py alone.
    """

    membership = models.OneToOneField(
        Membership, models.CASCADE, related_name="invitation", verbose_name=_("membership")
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)
    sent_at = models.DateTimeField(_("sent"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires"))

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")

    def __str__(self) -> str:
        return str(self.membership)


class AuditEntry(models.Model):
    """One act, written in the transaction of the act by `audit.record`. Never holds a secret.

    The database itself refuses to change or delete a row; so `portal` is an id that outlives its portal.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(_("when"), default=timezone.now, db_index=True)
    portal = models.ForeignKey(
        Portal, models.DO_NOTHING, null=True, db_constraint=False, related_name="+", verbose_name=_("portal")
    )
    actor = models.CharField(_("who"), max_length=254, help_text=_("An e-mail address, or 'command line'."))
    address = models.GenericIPAddressField(_("from"), null=True)
    action = models.CharField(_("what"), max_length=60, db_index=True)
    subject = models.CharField(_("on"), max_length=300)
    before = models.JSONField(_("before"), null=True)
    after = models.JSONField(_("after"), null=True)
    reason = models.TextField(_("reason"), blank=True)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        ordering: ClassVar = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor}: {self.action} {self.subject}"
