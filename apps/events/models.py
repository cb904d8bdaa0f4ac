"""What happened to components: states and errors with beginning, end, code, text and severity."""

import uuid
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.plants.models import Plant


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
        indexes: ClassVar = [models.Index(fields=["plant", "started_at"], name="events_of_plant_by_time")]

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M} {self.status_text or self.status_code}"
