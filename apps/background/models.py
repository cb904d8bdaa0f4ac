"""What is remembered of background work: its runs, its failures, what comes again and again, and who does it."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class TaskFailure(models.Model):
    """A way in which a task failed, told apart by the place and not by the words; counted."""

    task = models.CharField(_("task"), max_length=100)
    digest = models.CharField(max_length=16)
    error = models.CharField(_("error"), max_length=500)
    trace = models.TextField(_("trace"))
    count = models.PositiveIntegerField(_("how often"), default=1)
    first_at = models.DateTimeField(_("first"))
    last_at = models.DateTimeField(_("last"), db_index=True)

    class Meta:
        verbose_name = _("failure of a task")
        verbose_name_plural = _("failures of tasks")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["task", "digest"], name="one_row_per_task_and_failure"),
        ]

    def __str__(self) -> str:
        return f"{self.task}: {self.error}"


class TaskRun(models.Model):
    """One attempt at a task. One that was killed stays "running"; see `history.state_of`."""

    class Outcome(models.TextChoices):
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        AGAIN = "again", _("failed, tried again")
        FAILED = "failed", _("failed")

    task = models.CharField(_("task"), max_length=100)
    message = models.UUIDField(_("message"))
    started_at = models.DateTimeField(_("started"), db_index=True)
    seconds = models.FloatField(_("seconds"), null=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome, default=Outcome.RUNNING)

    class Meta:
        verbose_name = _("run of a task")
        verbose_name_plural = _("runs of tasks")
        indexes: ClassVar = [
            models.Index(fields=["task", "-started_at"], name="runs_of_task_by_time"),
            models.Index(fields=["message"], condition=models.Q(outcome="running"), name="runs_going_on"),
        ]

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M} {self.task}"


class Routine(models.Model):
    """A task that comes again and again: when it was sent last, and until when somebody is at it."""

    name = models.CharField(_("task"), max_length=100, primary_key=True)
    sent_at = models.DateTimeField(_("sent"), null=True)
    busy_until = models.DateTimeField(_("in work until"), null=True)

    class Meta:
        verbose_name = _("routine")
        verbose_name_plural = _("routines")

    def __str__(self) -> str:
        return self.name


class Worker(models.Model):
    """A worker that reports every half minute; its row ends when it is stopped."""

    name = models.CharField(_("worker"), max_length=200, primary_key=True)
    processes = models.PositiveSmallIntegerField(_("processes"))
    started_at = models.DateTimeField(_("started"))
    seen_at = models.DateTimeField(_("last report"))

    class Meta:
        verbose_name = _("worker")
        verbose_name_plural = _("workers")

    def __str__(self) -> str:
        return self.name
