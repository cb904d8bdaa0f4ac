"""One line and one count for every attempt at a background task; its lines name the request that asked for it."""

import logging
import time
from typing import Any

from celery import signals

from . import counters, logs

_OUTCOMES = {"SUCCESS": "done", "RETRY": "again"}
log = logging.getLogger("helioport.tasks")
_began: dict[str, float] = {}


@signals.before_task_publish.connect
def sent(headers: dict[str, Any], **_more: Any) -> None:
    """Give a task the id of the request it comes from."""
    request_id = logs.about.get()().get("request_id")
    if request_id is not None:
        headers["request_id"] = request_id


@signals.task_prerun.connect
def began(task_id: str, task: Any, **_more: Any) -> None:
    """From here on every line names the task."""
    _began[task_id] = time.perf_counter()
    fields = {"task": task.name, "task_id": task_id}
    request_id = getattr(task.request, "request_id", None)
    if request_id is not None:
        fields["request_id"] = request_id
    logs.about.set(lambda: fields)


@signals.task_postrun.connect
def ended(task_id: str, task: Any, state: str, **_more: Any) -> None:
    """The line, and the count."""
    seconds = time.perf_counter() - _began.pop(task_id, time.perf_counter())
    outcome = _OUTCOMES.get(state, "failed")
    level = logging.INFO if outcome == "done" else logging.WARNING
    logs.write(log, level, "task", outcome=outcome, ms=round(seconds * 1000, 1))
    counters.task(task.name, outcome, seconds)
    logs.about.set(dict)
