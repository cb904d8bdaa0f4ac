"""Background work: the queues, and what comes again and again. `manage.py work` starts a worker.

How a task runs is said in apps/background/task.py, which broker carries the messages in settings.py.
"""

import os
from datetime import timedelta
from typing import Any

from celery import Celery
from celery.schedules import crontab, schedule
from kombu import Exchange, Queue
from kombu.transport import TRANSPORT_ALIASES

QUEUES = ("ingest", "measurements", "mail", "housekeeping")
ROUTES = {  # the first that fits; what is named nowhere is housekeeping
    "events.send_notices": "mail",
    "packages.warn_of_ends": "mail",
    "ingest.*": "ingest",
    "events.*": "measurements",
    "measurements.*": "measurements",
}

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
TRANSPORT_ALIASES["folder"] = "apps.background.broker:Transport"
for _scheme in ("redis", "rediss"):
    TRANSPORT_ALIASES[_scheme] = "apps.background.redis_broker:Transport"


def _every(**span: int) -> dict[str, Any]:
    """A task that comes again after a while; one that nobody took by then is not done twice."""
    pause = timedelta(**span)
    return {"schedule": schedule(pause), "options": {"expires": pause.total_seconds()}}


def _daily(hour: int, minute: int) -> dict[str, Any]:
    """A task of the night, at this time of UTC."""
    return {"schedule": crontab(minute, hour), "options": {"expires": 12 * 3600}}


SCHEDULE = {
    "ingest.sweep_uploads": _every(minutes=1),
    "measurements.seal": _every(minutes=1),  # lists of plants follow what is fresh with it
    "events.detect": _every(minutes=1),
    "events.refresh_health": _every(minutes=5),
    "events.send_notices": _every(minutes=5),
    "background.trim": _every(hours=1),
    "packages.warn_of_ends": _every(hours=6),
    "packages.clean_usage": _daily(2, 10),
    "packages.clear_tokens": _daily(2, 20),
    "ingest.forget_uploads": _daily(2, 15),
    "accounts.clear_sessions": _daily(2, 30),
    "accounts.forget_invitations": _daily(2, 40),
}

app = Celery("helioport", task_cls="apps.background.task:Task")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_queues=[Queue(name, Exchange(name), routing_key=name) for name in QUEUES],
    task_routes={name: {"queue": queue} for name, queue in ROUTES.items()},
    task_default_queue="housekeeping",
    task_default_exchange="housekeeping",
    task_default_routing_key="housekeeping",
    task_create_missing_queues=False,
    task_publish_retry=False,  # a message is a hint: whoever sends one does not wait for a broker that is down
    beat_schedule={name: {"task": name, **entry} for name, entry in SCHEDULE.items()},
    timezone="UTC",
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=1000,
    worker_enable_remote_control=False,
    worker_hijack_root_logger=False,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,  # however long it is away; whoever gives up would have to be started again
)
app.steps["worker"].add("apps.background.workers:Pulse")
app.autodiscover_tasks()
