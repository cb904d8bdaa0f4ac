"""What exists: plants, who may see them, how they are built, and since when.

A component row describes a device in one epoch (one configuration of the plant). What was measured belongs to
the device itself, so series are stored under `Component.cross_epoch_id`, which stays the same when a new
configuration begins.
"""

import uuid
import zoneinfo
from functools import cache
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import Membership, Portal

from .querysets import FleetQuerySet, PlantQuerySet


@cache
def zone_names() -> frozenset[str]:
    """Every IANA zone this machine knows."""
    return frozenset(zoneinfo.available_timezones())


def validate_zone(name: str) -> None:
    """Refuse a name that is no IANA time zone."""
    if name not in zone_names():
        raise ValidationError(_("“%(name)s” is not an IANA time zone such as Europe/Berlin."), params={"name": name})


def _uuid_key() -> "models.UUIDField[Any, Any]":
    return models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)


class Address(models.Model):
    """A postal address; what is not known stays empty."""

    id = _uuid_key()
    street = models.CharField(_("street"), max_length=200, blank=True)
    house_number = models.CharField(_("house number"), max_length=20, blank=True)
    postal_code = models.CharField(_("postal code"), max_length=20, blank=True)
    city = models.CharField(_("city"), max_length=200, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True, help_text=_("ISO 3166-1 alpha-2, e.g. DE."))

    class Meta:
        verbose_name = _("address")
        verbose_name_plural = _("addresses")

    def __str__(self) -> str:
        street = f"{self.street} {self.house_number}".strip()
        city = f"{self.postal_code} {self.city}".strip()
        return ", ".join(part for part in (street, city, self.country) if part) or str(_("(empty)"))


class Plant(models.Model):
    """A photovoltaic plant of one portal. `size` in Wp; money in `currency`; a null means not known."""

    class Status(models.TextChoices):
        ACTIVATED = "activated", _("activated")
        DEACTIVATED = "deactivated", _("deactivated")

    class Health(models.TextChoices):
        OK = "OK", _("OK")
        WARNING = "WARNING", _("warning")
        ERROR = "ERROR", _("error")
        OFFLINE = "OFFLINE", _("offline")

    id = _uuid_key()
    portal = models.ForeignKey(Portal, models.CASCADE, related_name="plants", verbose_name=_("portal"))
    label = models.CharField(_("label"), max_length=200)
    size = models.PositiveIntegerField(_("size"), default=0, help_text=_("Installed module power in Wp."))
    timezone = models.CharField(_("time zone"), max_length=64, validators=[validate_zone])
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.ACTIVATED)
    health = models.CharField(_("health"), max_length=10, choices=Health, default=Health.OK)
    datasource_id = models.UUIDField(
        _("data source"), default=uuid.uuid4, editable=False, help_text=_("The device that carries the plant's totals.")
    )
    address = models.OneToOneField(
        Address, models.SET_NULL, null=True, blank=True, related_name="plant", verbose_name=_("address")
    )
    latitude = models.FloatField(
        _("latitude"), null=True, blank=True, validators=[MinValueValidator(-90), MaxValueValidator(90)]
    )
    longitude = models.FloatField(
        _("longitude"), null=True, blank=True, validators=[MinValueValidator(-180), MaxValueValidator(180)]
    )
    installation_date = models.DateField(_("in operation since"), null=True, blank=True)
    plant_cost = models.DecimalField(_("cost of the plant"), max_digits=12, decimal_places=2, null=True, blank=True)
    electricity_cost = models.DecimalField(
        _("price of electricity per kWh"), max_digits=8, decimal_places=5, null=True, blank=True
    )
    feed_in_tariff = models.DecimalField(
        _("feed-in tariff per kWh"), max_digits=8, decimal_places=5, null=True, blank=True
    )
    currency = models.CharField(_("currency"), max_length=3, default="EUR", help_text=_("ISO 4217, e.g. EUR."))
    yearly_target = models.FloatField(_("yearly target in kWh/kWp"), null=True, blank=True)
    monthly_shares = models.JSONField(
        _("monthly shares of the target"), null=True, blank=True, help_text=_("Twelve percentages, January first.")
    )
    emission_factor = models.FloatField(
        _("CO₂ avoided in kg per kWh"),
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(2)],
        help_text=_("What the electricity that the plant replaces would have emitted."),
    )
    temperature_coefficient = models.FloatField(
        _("temperature coefficient of the modules in %/K"),
        null=True,
        blank=True,
        validators=[MinValueValidator(-1), MaxValueValidator(0)],
        help_text=_("Of their power, from the data sheet; −0.4 where it is not known."),
    )
    vendor = models.CharField(_("logger vendor"), max_length=100, blank=True)
    device_name = models.CharField(_("logger model"), max_length=200, blank=True)
    identifier = models.CharField(_("logger serial number"), max_length=100, blank=True)
    firmware = models.CharField(_("firmware"), max_length=100, blank=True)
    firmware_date = models.DateField(_("firmware date"), null=True, blank=True)
    last_transfer = models.DateTimeField(_("last data"), null=True, blank=True)
    last_transfer_type = models.CharField(_("last data by"), max_length=10, blank=True)
    created_at = models.DateTimeField(_("created"), default=now, editable=False)
    members: "models.ManyToManyField[Membership, Assignment]" = models.ManyToManyField(
        Membership, through="Assignment", related_name="plants", verbose_name=_("people")
    )

    objects = PlantQuerySet.as_manager()

    class Meta:
        verbose_name = _("plant")
        verbose_name_plural = _("plants")
        ordering: ClassVar = ["label", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(status__in=["activated", "deactivated"]), name="plant_status_is_known"
            ),
        ]
        indexes: ClassVar = [  # of long lists: by name, and what is summed up over all of it
            models.Index("portal", Lower("label"), "label", "id", name="plants_by_label"),
            models.Index(
                fields=["portal", "status", "health", "timezone", "size", "id", "address"], name="plants_by_state"
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The plant's time zone."""
        return zoneinfo.ZoneInfo(self.timezone)


class Contact(models.Model):
    """A person to ask about a plant."""

    id = _uuid_key()
    plant = models.ForeignKey(Plant, models.CASCADE, related_name="contacts", verbose_name=_("plant"))
    last_name = models.CharField(_("last name"), max_length=100, blank=True)
    first_name = models.CharField(_("first name"), max_length=100, blank=True)
    company = models.CharField(_("company"), max_length=200, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    phone_number = models.CharField(_("phone"), max_length=50, blank=True)
    mobile_phone_number = models.CharField(_("mobile phone"), max_length=50, blank=True)
    address = models.OneToOneField(
        Address, models.SET_NULL, null=True, blank=True, related_name="contact", verbose_name=_("address")
    )
    comment = models.TextField(_("comment"), blank=True)
    role = models.CharField(_("role"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        ordering: ClassVar = ["last_name", "first_name", "id"]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.company or self.email


class Assignment(models.Model):
    """A member of the portal may see this plant. The database refuses a member of another portal."""

    id = models.BigAutoField(primary_key=True)
    membership = models.ForeignKey(
        Membership, models.CASCADE, related_name="assignments", verbose_name=_("member"), db_index=False
    )
    plant = models.ForeignKey(Plant, models.CASCADE, related_name="assignments", verbose_name=_("plant"))
    created_at = models.DateTimeField(_("since"), default=now, editable=False)

    class Meta:
        verbose_name = _("assignment")
        verbose_name_plural = _("assignments")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["membership", "plant"], name="one_assignment_per_member_and_plant"),
        ]

    def __str__(self) -> str:
        return f"{self.membership.user} · {self.plant}"

    def clean(self) -> None:
        if self.membership_id and self.plant_id and self.membership.portal_id != self.plant.portal_id:
            raise ValidationError({"plant": _("This plant belongs to another portal than the member.")})


class Fleet(models.Model):
    """A named group of plants of one portal. The database refuses plants of another portal."""

    id = _uuid_key()
    portal = models.ForeignKey(Portal, models.CASCADE, related_name="fleets", verbose_name=_("portal"))
    label = models.CharField(_("label"), max_length=200)
    description = models.TextField(_("description"), blank=True)
    plants = models.ManyToManyField(Plant, related_name="fleets", blank=True, verbose_name=_("plants"))
    created_at = models.DateTimeField(_("created"), default=now, editable=False)

    objects = FleetQuerySet.as_manager()

    class Meta:
        verbose_name = _("fleet")
        verbose_name_plural = _("fleets")
        ordering: ClassVar = ["label", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["portal", "label"], name="one_fleet_per_portal_and_label"),
        ]

    def __str__(self) -> str:
        return self.label


class Epoch(models.Model):
    """A configuration of the plant, in force from its first day until the next epoch begins.

    Only the beginning is stored: overlapping epochs and holes between them cannot be written down.
    """

    id = _uuid_key()
    plant = models.ForeignKey(Plant, models.CASCADE, related_name="epochs", verbose_name=_("plant"))
    active_from = models.DateField(_("first day"))

    class Meta:
        verbose_name = _("epoch")
        verbose_name_plural = _("epochs")
        ordering: ClassVar = ["plant", "active_from"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plant", "active_from"], name="one_epoch_holds_at_any_time"),
        ]

    def __str__(self) -> str:
        return f"{self.plant} · {self.active_from}"


class Component(models.Model):
    """A device as it is built in during one epoch."""

    class Type(models.TextChoices):
        INVERTER = "Inverter", _("inverter")
        METER = "Meter", _("meter")
        BATTERY = "Battery", _("battery")
        SENSOR = "Sensor", _("sensor")
        EV_CHARGER = "EVCharger", _("EV charger")
        HEAT_PUMP = "HeatPump", _("heat pump")
        LOGGER = "SolarLogIntern", _("logger")
        POWER_MANAGEMENT = "SolarLogPowerManagement", _("power management")
        DATA_SOURCE = "DataSource", _("data source")

    id = _uuid_key()
    epoch = models.ForeignKey(Epoch, models.CASCADE, related_name="components", verbose_name=_("epoch"))
    cross_epoch_id = models.UUIDField(
        _("cross-epoch id"), default=uuid.uuid4, db_index=True, help_text=_("Stable while it is the same device.")
    )
    type = models.CharField(_("type"), max_length=30, choices=Type)
    classes = models.JSONField(
        _("classes"), default=list, help_text=_("Of production, consumption, battery, meter, sensors, hidden, intern.")
    )
    name = models.CharField(_("name"), max_length=200)
    vendor = models.CharField(_("vendor"), max_length=100, blank=True)
    serial = models.CharField(_("serial number"), max_length=100, blank=True)
    size = models.PositiveIntegerField(_("size"), default=0, help_text=_("Connected module power in Wp."))
    dataindex = models.PositiveIntegerField(_("data index"), help_text=_("Its place in the logger's files, from 0."))
    sort_order = models.PositiveIntegerField(_("sort order"), default=0)
    channels = models.JSONField(_("channels"), default=list, help_text=_("Names of the channels it delivers."))

    class Meta:
        verbose_name = _("component")
        verbose_name_plural = _("components")
        ordering: ClassVar = ["epoch", "sort_order", "dataindex", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["epoch", "cross_epoch_id"], name="one_component_per_epoch_and_device"),
            models.UniqueConstraint(fields=["epoch", "dataindex"], name="one_component_per_epoch_and_data_index"),
        ]

    def __str__(self) -> str:
        return self.name


class MppTracker(models.Model):
    """A maximum power point tracker of an inverter; `index` counts from 1."""

    id = _uuid_key()
    component = models.ForeignKey(Component, models.CASCADE, related_name="trackers", verbose_name=_("component"))
    index = models.PositiveSmallIntegerField(_("index"), validators=[MinValueValidator(1), MaxValueValidator(255)])
    name = models.CharField(_("name"), max_length=100, blank=True)
    size = models.PositiveIntegerField(_("size"), default=0, help_text=_("Connected module power in Wp."))
    field_index = models.PositiveSmallIntegerField(_("module field"), null=True, blank=True)
    orientation = models.FloatField(_("orientation"), null=True, blank=True, help_text=_("Degrees, south is 180."))
    tilt = models.FloatField(_("tilt"), null=True, blank=True, help_text=_("Degrees from the horizontal."))
    monitored = models.BooleanField(_("monitored"), default=True)
    channels = models.JSONField(_("channels"), default=list)

    class Meta:
        verbose_name = _("MPP tracker")
        verbose_name_plural = _("MPP trackers")
        ordering: ClassVar = ["component", "index"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["component", "index"], name="one_tracker_per_component_and_index"),
            models.CheckConstraint(
                condition=models.Q(index__gte=1, index__lte=255), name="tracker_index_from_1_to_255"
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"MPPT {self.index}"


class ModuleString(models.Model):
    """A string of modules on an MPP tracker (or, untracked, on the inverter); `index` counts within the component."""

    id = _uuid_key()
    component = models.ForeignKey(Component, models.CASCADE, related_name="strings", verbose_name=_("component"))
    tracker = models.ForeignKey(
        MppTracker, models.CASCADE, related_name="strings", null=True, blank=True, verbose_name=_("MPP tracker")
    )
    index = models.PositiveSmallIntegerField(_("index"), validators=[MinValueValidator(1), MaxValueValidator(9999)])
    name = models.CharField(_("name"), max_length=100, blank=True)
    size = models.PositiveIntegerField(_("size"), default=0, help_text=_("Module power in Wp."))
    channels = models.JSONField(_("channels"), default=list)

    class Meta:
        verbose_name = _("module string")
        verbose_name_plural = _("module strings")
        ordering: ClassVar = ["component", "index"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["component", "index"], name="one_string_per_component_and_index"),
            models.CheckConstraint(
                condition=models.Q(index__gte=1, index__lte=9999), name="string_index_from_1_to_9999"
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"String {self.index}"
