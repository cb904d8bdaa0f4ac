"""How every task runs. The options are set here once; a task says otherwise in its decorator."""

from typing import Any

import celery

from . import routines

SOFT_LIMIT, HARD_LIMIT = 300, 360  # seconds: the task is asked to end, then its process is ended
MOST_RETRIES = 5
FIRST_WAIT, LONGEST_WAIT = 10, 600  # seconds until the next attempt: doubled each time, and by chance up to that


class Task(celery.Task[Any, Any]):
    """Acknowledged when it is done, so a worker's death costs nothing; tried again after longer and longer waits.

    What the schedule sends is done by one at a time: a second one that is due while the first is at work does nothing.
    """

    acks_late = True
    reject_on_worker_lost = True
    ignore_result = True
    soft_time_limit = SOFT_LIMIT
    time_limit = HARD_LIMIT
    autoretry_for = (Exception,)
    max_retries = MOST_RETRIES
    retry_backoff = FIRST_WAIT
    retry_backoff_max = LONGEST_WAIT
    retry_jitter = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.name not in self.app.conf.beat_schedule:
            return super().__call__(*args, **kwargs)
        with routines.alone(self.name) as mine:
            return super().__call__(*args, **kwargs) if mine else None
