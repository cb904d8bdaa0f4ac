"""What happened to components: states and errors with beginning, end, code, text and severity; who is told by mail."""

import uuid
from typing import ClassVar

from django.core.validators import MaxValueValidator
from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import Membership, User
from apps.plants.models import Plant, validate_zone


class ComponentEvent(models.Model):
    """A state of a device over a time; `ended_at` is None while it lasts. `device_id` is the cross-epoch id."""

    class Severity(models.TextChoices):
        INFO = "info", _("information")
        WARNING = "warning", _("warning")
        ERROR = "error", _("error")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plant = models.ForeignKey(Plant, models.CASCADE, related_name="events", verbose_name=_("plant"), db_index=False)
    device_id = models.UUIDField(_("device"))
    started_at = models.DateTimeField(_("from"))
    ended_at = models.DateTimeField(_("to"), null=True, blank=True)
    status_code = models.PositiveIntegerField(_("status"))
    status_text = models.CharField(_("status text"), max_length=200, blank=True)
    error_code = models.PositiveIntegerField(_("error"), default=0)
    error_text = models.CharField(_("error text"), max_length=200, blank=True)
    severity = models.CharField(_("severity"), max_length=10, choices=Severity)

    class Meta:
        verbose_name = _("component event")
        verbose_name_plural = _("component events")
        ordering: ClassVar = ["-started_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["plant", "device_id", "started_at", "status_code", "error_code"],
                name="one_event_per_device_start_and_codes",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["plant", "started_at"], name="events_of_plant_by_time"),
            models.Index(fields=["plant"], condition=models.Q(ended_at=None), name="events_of_plant_that_last"),
        ]

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M} {self.status_text or self.status_code}"


class PlantWatch(models.Model):
    """How far detection has come with a plant. Written by detection.py alone."""

    plant = models.OneToOneField(Plant, models.CASCADE, primary_key=True, related_name="+", verbose_name=_("plant"))
    judged_at = models.DateTimeField(_("judged"), null=True, db_index=True)
    from_day = models.DateField(_("to be judged again from"), null=True)

    class Meta:
        verbose_name = _("watched plant")
        verbose_name_plural = _("watched plants")

    def __str__(self) -> str:
        return str(self.plant)


# --- Mail ------------------------------------------------------------------------------------------------------------


class NoticePlan(models.Model):
    """When somebody gets mail about their plants. No row: never. Times of day are those of `timezone`."""

    class Pace(models.TextChoices):
        HOURLY = "hourly", _("As soon as something happens, at most one mail an hour")
        DAILY = "daily", _("One mail a day")

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="+", verbose_name=_("user"))
    timezone = models.CharField(_("time zone"), max_length=64, validators=[validate_zone])
    pace = models.CharField(_("how often"), max_length=10, choices=Pace, default=Pace.HOURLY)
    daily_hour = models.PositiveSmallIntegerField(
        _("hour of the daily mail"), default=7, validators=[MaxValueValidator(23)]
    )
    quiet_from = models.TimeField(_("no mail from"), null=True, blank=True)
    quiet_until = models.TimeField(_("until"), null=True, blank=True)
    mailed_at = models.DateTimeField(_("last mail"), null=True, editable=False)
    due_at = models.DateTimeField(_("next look"), default=now, editable=False, db_index=True)

    class Meta:
        verbose_name = _("mail plan")
        verbose_name_plural = _("mail plans")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(quiet_from=None, quiet_until=None)
                | models.Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="quiet_hours_have_both_ends",
            ),
        ]

    def __str__(self) -> str:
        return str(self.user)


class NoticeChoice(models.Model):
    """What somebody wants to be told of a plant, or of all plants of a portal that have no choice of their own."""

    class Level(models.TextChoices):
        NOTHING = "nothing", _("Nothing")
        ERRORS = "errors", _("Errors")
        WARNINGS = "warnings", _("Errors and warnings")
        EVERYTHING = "everything", _("Everything, also changes of state")

    id = models.BigAutoField(primary_key=True)
    membership = models.ForeignKey(
        Membership, models.CASCADE, related_name="+", verbose_name=_("member"), db_index=False
    )
    plant = models.ForeignKey(Plant, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("plant"))
    level = models.CharField(_("mails about"), max_length=20, choices=Level)
    since = models.DateTimeField(_("since"), default=now, editable=False)

    class Meta:
        verbose_name = _("choice of mails")
        verbose_name_plural = _("choices of mails")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["membership", "plant"], name="one_choice_per_member_and_plant"),
            models.UniqueConstraint(  # where plant is null the one above does not count
                fields=["membership"], condition=models.Q(plant=None), name="one_choice_per_member_for_all_plants"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.membership.user} · {self.plant or self.membership.portal} · {self.get_level_display()}"


class ToldEvent(models.Model):
    """A user was told that an event began, and perhaps that it ended."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    event = models.ForeignKey(ComponentEvent, models.CASCADE, related_name="+")
    ended = models.BooleanField()
    at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "event"], name="an_event_is_told_once_per_user"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.event}"
