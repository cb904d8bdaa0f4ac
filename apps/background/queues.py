"""How many messages wait in each queue, whatever the broker is."""

from typing import Any

from celery import Celery
from kombu.exceptions import KombuError, OperationalError


def waiting(app: Celery) -> dict[str, int] | None:
    """By name of the queue, in the order of the settings; None where the broker cannot be asked."""
    try:
        with app.connection_for_read(connect_timeout=2) as connection:
            channel: Any = connection.default_channel  # virtual, whatever the broker
            return {queue.name: channel._size(queue.name) for queue in app.conf.task_queues}
    except (KombuError, OperationalError, OSError):
        return None
