"""What is counted, in every process. Labels are of few values, known beforehand: never a plant, a client, an address.

Gauges, which are found out when somebody asks, are in apps/web/monitoring/gauges.py; docs/monitoring.md explains all.
"""

from collections.abc import Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase

from . import slots as slots  # before anything is counted

OWN = CollectorRegistry()  # of this process alone; slots.Sums tells of all
SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
TASK_SECONDS = (0.01, 0.1, 0.5, 1, 5, 15, 60, 300)

_REQUESTS = Histogram(
    "helioport_request_duration_seconds",
    "Requests until their answer is ready, a streamed one until its end.",
    ["face", "status"],
    buckets=SECONDS,
    registry=OWN,
)
_QUOTA = Counter(
    "helioport_quota_refusals_total", "Calls refused because a window was full.", ["window", "api"], registry=OWN
)
_CREDENTIALS = Counter(
    "helioport_refused_credentials_total", "Log-ins, tokens and keys that were refused.", ["kind"], registry=OWN
)
_DELIVERIES = Counter(
    "helioport_deliveries_total", "Deliveries of loggers, by what became of them.", ["outcome"], registry=OWN
)
_VALUES = Counter("helioport_values_stored_total", "Values that deliveries brought.", registry=OWN)
_TASKS = Histogram(
    "helioport_task_duration_seconds",
    "Attempts at background tasks.",
    ["task", "outcome"],
    buckets=TASK_SECONDS,
    registry=OWN,
)

_known: dict[tuple[str, ...], Any] = {}


def _child(metric: MetricWrapperBase, *labels: str) -> Any:
    """prometheus_client's own look-up takes five times as long."""
    key = (metric._name, *labels)
    child = _known.get(key)
    if child is None:
        child = _known[key] = metric.labels(*labels) if labels else metric
    return child


def request(face: str, status: int, seconds: float) -> None:
    """A request was answered."""
    _child(_REQUESTS, face, f"{status // 100}xx").observe(seconds)


def refused_by_quota(api: str, windows: Iterable[str]) -> None:
    """A call found no room in these windows."""
    for window in windows:
        _child(_QUOTA, window, api).inc()


def refused_credentials(kind: str) -> None:
    """Somebody showed no right password, token, client secret or logger key."""
    _child(_CREDENTIALS, kind).inc()


def delivery(outcome: str, values: int = 0) -> None:
    """A delivery was received, stored, put off or quarantined, and so many values with it."""
    _child(_DELIVERIES, outcome).inc()
    if values:
        _child(_VALUES).inc(values)


def task(name: str, outcome: str, seconds: float) -> None:
    """An attempt at a task ended."""
    _child(_TASKS, name, outcome).observe(seconds)
