"""What was bought, and the keys to it: packages, terms, subscriptions, API clients, their secrets, the quota used."""

import uuid
from datetime import datetime
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from oauth2_provider.models import AbstractApplication

from apps.accounts.models import Membership, Portal
from apps.plants.models import Plant

from .catalog import Api, Approval, Package

_PACKAGES = [(package.value, package.value.capitalize()) for package in Package]


def _client_id() -> str:
    return str(uuid.uuid4())


class PackageSettings(models.Model):
    """What a portal's manager decides about a package: limits, clients, approval. Which functions it has, never.

    No row means the defaults of the catalog.
    """

    id = models.BigAutoField(primary_key=True)
    portal = models.ForeignKey(Portal, models.CASCADE, related_name="package_settings", verbose_name=_("portal"))
    package = models.CharField(_("package"), max_length=20, choices=_PACKAGES)
    per_minute = models.PositiveIntegerField(_("calls per minute"))
    per_day = models.PositiveIntegerField(_("calls per day"))
    max_clients = models.PositiveIntegerField(_("clients at most"))
    approval = models.CharField(
        _("approval"),
        max_length=20,
        choices=[(Approval.AUTOMATIC.value, _("automatic")), (Approval.MANAGER.value, _("by a manager"))],
    )

    class Meta:
        verbose_name = _("package settings")
        verbose_name_plural = _("package settings")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["portal", "package"], name="one_settings_row_per_portal_and_package"),
            models.CheckConstraint(
                condition=Q(per_minute__gte=1, per_day__gte=1, max_clients__gte=1), name="package_limits_are_positive"
            ),
            models.CheckConstraint(
                condition=Q(approval__in=[approval.value for approval in Approval]), name="package_approval_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.portal} · {self.get_package_display()}"


class Terms(models.Model):
    """The terms of use an owner accepts when the API is switched on; the latest published ones hold."""

    id = models.BigAutoField(primary_key=True)
    portal = models.ForeignKey(Portal, models.CASCADE, related_name="terms", verbose_name=_("portal"))
    version = models.CharField(_("version"), max_length=40)
    text = models.TextField(_("text"))
    text_de = models.TextField(_("German text"), blank=True)
    published_at = models.DateTimeField(_("published"), default=timezone.now)

    class Meta:
        verbose_name = _("terms")
        verbose_name_plural = _("terms")
        ordering: ClassVar = ["-published_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["portal", "version"], name="one_text_per_version_of_the_terms"),
        ]

    def __str__(self) -> str:
        return f"{self.portal} · {self.version}"


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    """The one lock that orders everything that gives or takes rights."""

    def locked(self, pk: uuid.UUID) -> "Subscription":
        """The row as it is now, held until the transaction ends. Read the clock after this, not before."""
        rows = self.select_related("portal", "membership__user")
        return rows.select_for_update(of=("self",), no_key=True).get(pk=pk)


class Subscription(models.Model):
    """The User API of a member, or (without a member) the Portal API of a portal. One of each at most.

    Tokens made before `valid_after` are dead for good, whatever happens to the subscription later.
    """

    class Status(models.TextChoices):
        OFF = "off", _("off")
        ACTIVE = "active", _("active")
        SUSPENDED = "suspended", _("suspended")
        AWAITING = "awaiting", _("awaiting approval")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    portal = models.ForeignKey(Portal, models.CASCADE, related_name="subscriptions", verbose_name=_("portal"))
    membership = models.OneToOneField(
        Membership, models.CASCADE, null=True, blank=True, related_name="subscription", verbose_name=_("member")
    )
    package = models.CharField(_("package"), max_length=20, choices=_PACKAGES)
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.OFF)
    reason = models.TextField(
        _("reason"), blank=True, help_text=_("Why it is suspended or was rejected; its owner reads this.")
    )
    since = models.DateTimeField(_("active since"), null=True, blank=True)
    valid_after = models.DateTimeField(_("tokens valid after"), default=timezone.now)
    terms_version = models.CharField(_("accepted terms"), max_length=40, blank=True)
    terms_accepted_at = models.DateTimeField(_("accepted"), null=True, blank=True)
    override_per_minute = models.PositiveIntegerField(_("own limit per minute"), null=True, blank=True)
    override_per_day = models.PositiveIntegerField(_("own limit per day"), null=True, blank=True)
    override_until = models.DateTimeField(
        _("own limits until"), null=True, blank=True, help_text=_("Empty = until they are taken back.")
    )

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("API subscription")
        verbose_name_plural = _("API subscriptions")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["portal"], condition=Q(membership=None), name="one_portal_api_per_portal"),
            models.CheckConstraint(
                condition=Q(package__in=[package.value for package in Package]), name="subscription_package_is_known"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["off", "active", "suspended", "awaiting"]), name="subscription_status_is_known"
            ),
            models.CheckConstraint(
                condition=(Q(override_per_minute=None) | Q(override_per_minute__gte=1))
                & (Q(override_per_day=None) | Q(override_per_day__gte=1)),
                name="subscription_limits_are_positive",
            ),
        ]

    def __str__(self) -> str:
        owner = self.membership.user if self.membership else self.portal
        return f"{owner} · {self.get_package_display()}"

    @property
    def api(self) -> Api:
        """Whose plants it reads."""
        return Api.USER if self.membership_id else Api.PORTAL


class ApiClientQuerySet(models.QuerySet["ApiClient"]):
    """Which clients may be given a token. What a token may do is judged again on every call: see apps/api/auth.py."""

    def alive(self, now: datetime) -> Self:
        """Enabled and unexpired."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), enabled=True)

    def programs(self) -> Self:
        """Those somebody made; not the one that stands for the documentation page."""
        return self.filter(documentation=False)

    def usable(self, now: datetime) -> Self:
        """Alive, of an active subscription whose user (if it has one) is active."""
        return self.alive(now).filter(
            Q(subscription__membership=None) | Q(subscription__membership__user__is_active=True),
            subscription__status=Subscription.Status.ACTIVE,
        )


class ApiClient(AbstractApplication):
    """A program that may call for a subscription. The toolkit's own secret column stays empty: see ClientSecret."""

    client_id = models.CharField(_("client id"), max_length=255, unique=True, default=_client_id, editable=False)
    client_secret = models.CharField(max_length=1, blank=True, default="", editable=False)
    client_type = models.CharField(
        max_length=32,
        choices=[(AbstractApplication.CLIENT_CONFIDENTIAL, _("confidential"))],
        default=AbstractApplication.CLIENT_CONFIDENTIAL,
        editable=False,
    )
    authorization_grant_type = models.CharField(
        max_length=44,
        choices=[(AbstractApplication.GRANT_CLIENT_CREDENTIALS, _("client credentials"))],
        default=AbstractApplication.GRANT_CLIENT_CREDENTIALS,
        editable=False,
    )
    subscription = models.ForeignKey(
        Subscription, models.CASCADE, related_name="clients", verbose_name=_("subscription")
    )
    enabled = models.BooleanField(_("enabled"), default=True)
    valid_after = models.DateTimeField(_("tokens valid after"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    plant_ids = models.JSONField(
        _("limited to plants"), null=True, blank=True, help_text=_("Ids of some of the owner's plants; empty = all.")
    )
    networks = models.JSONField(
        _("limited to networks"), default=list, blank=True, help_text=_("Such as 192.0.2.0/24; empty = all.")
    )
    documentation = models.BooleanField(
        _("documentation page"), default=False, editable=False, help_text=_("Made by the system; has no secret.")
    )
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False, help_text=_("To the minute."))
    last_ip = models.GenericIPAddressField(_("last address"), null=True, editable=False)
    warned_of = models.DateTimeField(
        _("end told"), null=True, editable=False, help_text=_("The end its owner was written to about.")
    )

    objects = ApiClientQuerySet.as_manager()

    class Meta:
        verbose_name = _("API client")
        verbose_name_plural = _("API clients")
        ordering: ClassVar = ["name", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subscription", "name"],
                condition=Q(enabled=True, documentation=False),
                name="one_enabled_client_per_name",
            ),
            models.UniqueConstraint(
                fields=["subscription"],
                condition=Q(enabled=True, documentation=True),
                name="one_documentation_client_per_subscription",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.client_id

    def is_usable(self, request: Any) -> bool:
        """Asked by the toolkit wherever it loads a client by itself."""
        return type(self).objects.usable(timezone.now()).filter(pk=self.pk).exists()


class ClientSecretQuerySet(models.QuerySet["ClientSecret"]):
    """Which secrets still open the door."""

    def live(self, now: datetime) -> Self:
        """Neither revoked nor expired."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)


class ClientSecret(models.Model):
    """One of at most two live secrets of a client, as a keyed hash: the secret is shown once and kept nowhere."""

    id = models.BigAutoField(primary_key=True)
    client = models.ForeignKey(ApiClient, models.CASCADE, related_name="secrets", verbose_name=_("client"))
    digest = models.CharField(_("HMAC-SHA-256"), max_length=64, unique=True)
    pepper_id = models.CharField(_("pepper"), max_length=8)
    hint = models.CharField(_("hint"), max_length=12, help_text=_("Its last characters."))
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    objects = ClientSecretQuerySet.as_manager()

    class Meta:
        verbose_name = _("client secret")
        verbose_name_plural = _("client secrets")
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"…{self.hint}"


class QuotaCounter(models.Model):
    """What a subscription has used of its two windows. Written by quota.py with one conditional upsert."""

    subscription = models.OneToOneField(Subscription, models.CASCADE, primary_key=True, related_name="+")
    minute = models.BigIntegerField(help_text=_("Minutes since 1970."))
    minute_used = models.PositiveIntegerField()
    day = models.BigIntegerField(help_text=_("UTC days since 1970."))
    day_used = models.PositiveIntegerField()

    class Meta:
        verbose_name = _("quota counter")
        verbose_name_plural = _("quota counters")

    def __str__(self) -> str:
        return f"{self.minute_used} · {self.day_used}"


class UsageHour(models.Model):
    """What a client did with a function in an hour of UTC. Written by usage_buffer.py, read by usage.py.

    No constraint ties the rows to what they name: a call may be written down after its subscription is gone.
    """

    pk = models.CompositePrimaryKey("subscription_id", "hour", "client_id", "function", "status")
    subscription = models.ForeignKey(
        Subscription, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    hour = models.DateTimeField()
    client_id = models.BigIntegerField()
    function = models.CharField(max_length=40)
    status = models.CharField(max_length=3, help_text=_("Class of HTTP status, such as 2xx."))
    calls = models.BigIntegerField()
    points = models.BigIntegerField()
    bytes = models.BigIntegerField()
    milliseconds = models.FloatField()

    class Meta:
        verbose_name = _("API usage of an hour")
        verbose_name_plural = _("API usage by hour")

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H} {self.function} {self.status}: {self.calls}"


class PlantAccess(models.Model):
    """That an API client read a plant's data on a day of the plant: the log its owner may read.

    Who it was is copied here, so the row can be read when client and subscription are gone.
    """

    pk = models.CompositePrimaryKey("plant_id", "day", "client_id")
    plant = models.ForeignKey(Plant, models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    day = models.DateField()
    client_id = models.BigIntegerField()
    client_name = models.CharField(max_length=255)
    api = models.CharField(max_length=10, choices=[(api.value, api.value) for api in Api])
    reader = models.CharField(max_length=254, help_text=_("Whose API: a user's e-mail address, or the portal's name."))
    calls = models.BigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    last_address = models.GenericIPAddressField(null=True)

    class Meta:
        verbose_name = _("access to a plant")
        verbose_name_plural = _("access to plants")

    def __str__(self) -> str:
        return f"{self.day} {self.client_name} ({self.reader}): {self.calls}"
