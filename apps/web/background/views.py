"""Is the work done? Who does it, what waits, what failed, what comes next. For the operators of the server."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from celery import Celery, current_app
from django.contrib import admin
from django.db.models import Count, Min, OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from apps.background import history, queues, routines, workers
from apps.background.models import Routine, TaskFailure, TaskRun
from apps.ingest.models import Upload

from .words import QUEUES, TASKS

MOST_RUNS, MOST_FAILURES = 20, 20
LATE = dt.timedelta(minutes=5)  # a file that waits longer waits too long


@dataclass(frozen=True, slots=True)
class Line:
    """A run, for the eye: `state` is an outcome or "killed"."""

    run: TaskRun
    does: str | Promise
    state: str


@dataclass(frozen=True, slots=True)
class Coming:
    """A routine with its last run (None: never) and its next time (None: at the next look of a worker)."""

    name: str
    does: str | Promise
    last: Line | None
    next_at: dt.datetime | None


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The whole picture; it is read again with the page."""
    now, app = timezone.now(), current_app
    context = {
        **admin.site.each_context(request),
        "title": _("Background work"),
        "now": now,
        "workers": workers.alive(now),
        "silent_minutes": workers.SILENT_AFTER.seconds // 60,
        "uploads": _uploads(now),
        "queues": _queues(app),
        "failures": TaskFailure.objects.order_by("-last_at")[:MOST_FAILURES],
        "failed_today": TaskRun.objects.filter(
            outcome=TaskRun.Outcome.FAILED, started_at__gt=now - dt.timedelta(days=1)
        ).count(),
        "runs": [_line(run, now) for run in TaskRun.objects.order_by("-started_at", "-pk")[:MOST_RUNS]],
        "routines": _routines(app, now),
    }
    return render(request, "background/page.html", context)


def _uploads(now: dt.datetime) -> dict[str, Any]:
    """Deliveries that wait or were set aside, of all portals."""
    waiting = Upload.objects.filter(state=Upload.State.RECEIVED).aggregate(
        number=Count("pk"), oldest=Min("received_at")
    )
    late = waiting["oldest"] is not None and waiting["oldest"] < now - LATE
    aside = Upload.objects.filter(state=Upload.State.QUARANTINED).count()
    return {"waiting": waiting["number"], "oldest": waiting["oldest"], "late": late, "aside": aside}


def _queues(app: Celery) -> list[tuple[str, str | Promise, int]] | None:
    """Name, what it is for, how many wait; None where the broker does not answer."""
    lengths = queues.waiting(app)
    return None if lengths is None else [(name, QUEUES[name], length) for name, length in lengths.items()]


def _routines(app: Celery, now: dt.datetime) -> list[Coming]:
    sent_at = dict(Routine.objects.values_list("name", "sent_at"))
    schedule = app.conf.beat_schedule
    newest = TaskRun.objects.filter(task=OuterRef("name")).order_by("-started_at", "-pk").values("pk")[:1]
    last = Routine.objects.filter(name__in=schedule).annotate(newest=Subquery(newest)).values("newest")
    runs = {run.task: _line(run, now) for run in TaskRun.objects.filter(pk__in=last)}
    found = []
    for name, entry in schedule.items():
        next_at = routines.next_time(entry["schedule"], sent_at.get(name), now)
        found.append(Coming(name, TASKS.get(name, ""), runs.get(name), next_at if next_at > now else None))
    return found


def _line(run: TaskRun, now: dt.datetime) -> Line:
    return Line(run, TASKS.get(run.task, ""), history.state_of(run, now))
