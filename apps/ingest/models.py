"""Who may deliver data, and what was delivered: logger keys and uploads.

The table of uploads is the queue of the import: whoever delivered was told so after the row was committed, and a row
leaves the state "received" only when what it holds is stored or set aside. Messages to workers are hints.
"""

import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.plants.models import Plant


class LoggerKey(models.Model):
    """What a logger or script of one plant logs in with. The secret is shown once; stored is its digest."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plant = models.ForeignKey(Plant, models.CASCADE, related_name="logger_keys", verbose_name=_("plant"))
    name = models.CharField(_("name"), max_length=100)
    login = models.CharField(_("login"), max_length=20, unique=True, help_text=_("The user name for FTP."))
    digest = models.CharField(max_length=64, unique=True, editable=False)
    former_digest = models.CharField(max_length=64, blank=True, db_index=True, editable=False)
    former_until = models.DateTimeField(_("former secret until"), null=True, blank=True, editable=False)
    hint = models.CharField(_("ends in"), max_length=4, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, editable=False)

    class Meta:
        verbose_name = _("logger key")
        verbose_name_plural = _("logger keys")
        ordering: ClassVar = ["plant", "created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["plant", "name"], condition=Q(revoked_at=None), name="one_living_logger_key_per_plant_and_name"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} (…{self.hint})"


class Upload(models.Model):
    """One delivery. `body` (gzip) is kept while it waits, while it is in quarantine, and while later files need it."""

    class Kind(models.TextChoices):
        READINGS = "readings", _("readings")
        FILE = "file", _("logger file")

    class State(models.TextChoices):
        RECEIVED = "received", _("waiting")
        STORED = "stored", _("stored")
        QUARANTINED = "quarantined", _("in quarantine")
        DISCARDED = "discarded", _("thrown away")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plant = models.ForeignKey(Plant, models.CASCADE, related_name="uploads", verbose_name=_("plant"), db_index=False)
    key = models.ForeignKey(
        LoggerKey, models.SET_NULL, null=True, related_name="uploads", verbose_name=_("key"), db_index=False
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    name = models.CharField(_("file name"), max_length=100, blank=True)
    via = models.CharField(_("by"), max_length=10)
    received_at = models.DateTimeField(_("received"), default=timezone.now)
    size = models.PositiveIntegerField(_("bytes"))
    digest = models.CharField(_("SHA-256"), max_length=64)
    idempotency_key = models.CharField(_("idempotency key"), max_length=255, blank=True)
    state = models.CharField(_("state"), max_length=12, choices=State)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_try = models.DateTimeField(_("next attempt"), null=True)
    body = models.BinaryField(null=True)
    receipt = models.JSONField(_("receipt"), default=dict)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name = _("upload")
        verbose_name_plural = _("uploads")
        ordering: ClassVar = ["-received_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["plant", "key", "idempotency_key"],  # a key is one plant's: it is there for the cluster
                condition=~Q(idempotency_key=""),
                name="one_upload_per_plant_and_idempotency_key",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["received", "stored", "quarantined", "discarded"]), name="upload_state_is_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["plant", "-received_at"], name="uploads_of_plant_by_time"),
            models.Index(fields=["key", "-received_at"], name="uploads_of_key_by_time"),
            models.Index(fields=["plant", "name", "-received_at"], name="uploads_of_plant_by_name"),
            models.Index(fields=["-received_at", "-id"], name="uploads_by_time"),
            models.Index(fields=["state", "plant", "-received_at"], name="uploads_by_state"),
            models.Index(fields=["next_try"], condition=Q(state="received"), name="uploads_that_wait"),
        ]

    def __str__(self) -> str:
        return f"{self.received_at:%Y-%m-%d %H:%M} {self.name or self.kind}"

    def _do_update(self, base_qs: models.QuerySet["Upload"], *args: Any) -> bool:
        """`save` names the plant too, so that in a cluster it goes to the one worker that has the row."""
        return super()._do_update(base_qs.filter(plant=self.plant_id), *args)
