"""What became of tasks, written down by the process that ran them. Bounded: see `trim`."""

import datetime as dt
import traceback
from hashlib import sha256
from types import TracebackType
from typing import Any

from celery import signals
from django.conf import settings
from django.db.models import F
from django.utils import timezone

from .models import TaskFailure, TaskRun, Worker
from .task import HARD_LIMIT

KEPT_RUNS = 5_000
KEPT_FAILURES = 200
KEPT_FOR = dt.timedelta(days=90)
LONGEST_ERROR, LONGEST_TRACE = 500, 8_000  # characters
_OUTCOMES = {"SUCCESS": TaskRun.Outcome.DONE, "RETRY": TaskRun.Outcome.AGAIN, "FAILURE": TaskRun.Outcome.FAILED}


@signals.task_prerun.connect
def began(task_id: str, task: Any, **_more: Any) -> None:
    """Note that an attempt begins."""
    TaskRun.objects.create(task=task.name, message=task_id, started_at=timezone.now())


@signals.task_postrun.connect
def ended(task_id: str, task: Any, state: str, **_more: Any) -> None:
    """Note how it ended. An earlier attempt at the same message that still "runs" was killed, and stays so."""
    now = timezone.now()
    run = TaskRun.objects.filter(message=task_id, outcome=TaskRun.Outcome.RUNNING).order_by("-started_at").first()
    if run is not None:
        run.outcome = _OUTCOMES.get(state, TaskRun.Outcome.FAILED)
        run.seconds = (now - run.started_at).total_seconds()
        run.save(update_fields=["outcome", "seconds"])


@signals.task_failure.connect
def failed(sender: Any, exception: BaseException, traceback: Any = None, **_more: Any) -> None:
    """Count a failure for good."""
    note(sender.name, exception, traceback)


@signals.task_retry.connect
def tried_again(sender: Any, reason: Any = None, **_more: Any) -> None:
    """Count a failure that another attempt follows. `reason` is Celery's wish to try again, around the error.

    There is none where Celery ends a task because the broker is gone: that is no failure of the task.
    """
    error = getattr(reason, "exc", None) or reason
    if error is not None:
        note(sender.name, error, error.__traceback__)


def note(task: str, error: BaseException, trace: TracebackType | None) -> None:
    """Count one failure under the place where it happened."""
    frames = traceback.extract_tb(trace) if isinstance(trace, TracebackType) else traceback.StackSummary()
    now, said = timezone.now(), f"{type(error).__name__}: {error}"[:LONGEST_ERROR]
    places = "".join(f"{frame.filename}:{frame.name}\n" for frame in frames)
    digest = sha256(f"{type(error).__qualname__}\n{places}".encode()).hexdigest()[:16]
    row, made = TaskFailure.objects.get_or_create(
        task=task,
        digest=digest,
        defaults={"error": said, "trace": _readable(frames), "first_at": now, "last_at": now},
    )
    if not made:
        TaskFailure.objects.filter(pk=row.pk).update(count=F("count") + 1, error=said, last_at=now)


def _readable(frames: traceback.StackSummary) -> str:
    """The places without the values: those may be somebody's."""
    base = f"{settings.BASE_DIR}/"
    lines = [f"{frame.filename.removeprefix(base)}:{frame.lineno} {frame.name}\n    {frame.line}" for frame in frames]
    return "\n".join(lines)[-LONGEST_TRACE:]


def state_of(run: TaskRun, now: dt.datetime) -> str:
    """Its outcome; "killed" for one that can no longer be running."""
    lost = run.outcome == TaskRun.Outcome.RUNNING and run.started_at < now - dt.timedelta(seconds=HARD_LIMIT)
    return "killed" if lost else str(run.outcome)


def trim(now: dt.datetime) -> dict[str, int]:
    """Delete what is too much or too old; how many rows of each."""
    newest = TaskRun.objects.order_by("-pk").values_list("pk", flat=True)[KEPT_RUNS : KEPT_RUNS + 1].first()
    runs = TaskRun.objects.filter(pk__lte=newest).delete()[0] if newest else 0
    kept = TaskFailure.objects.order_by("-last_at").values_list("pk", flat=True)[:KEPT_FAILURES]
    old = TaskFailure.objects.filter(last_at__lt=now - KEPT_FOR).delete()[0]
    more = TaskFailure.objects.exclude(pk__in=list(kept)).delete()[0]
    gone = Worker.objects.filter(seen_at__lt=now - dt.timedelta(days=1)).delete()[0]
    return {"runs": runs, "failures": old + more, "workers": gone}
