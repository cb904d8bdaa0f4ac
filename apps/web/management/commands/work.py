"""`manage.py work`: a worker for background tasks. Any number may run; they share the work and agree on who sends what.

The process becomes celery itself (exec), so whoever started it signals the worker and nothing in between. SIGTERM lets
it finish what it is at; SIGQUIT stops it at once, and what it was at is done by the next worker.
"""

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ._arguments import at_least_one


class Command(BaseCommand):
    help = "Do background work: import uploads, detect events, send mails, clean up."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--processes", type=at_least_one, default=os.cpu_count() or 1)
        parser.add_argument("--queues", help="comma list; all of them where left out")

    def handle(self, *args: Any, **options: Any) -> None:
        command = celery(options["processes"], options["queues"])
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
        sys.stdout.flush()
        try:
            os.execv(command[0], command)  # noqa: S606  (our own interpreter, no shell)
        except OSError as error:
            raise CommandError(f"celery does not start: {error}") from error


def celery(processes: int, queues: str | None = None) -> list[str]:
    """The command line of the worker."""
    # Whoever tries the portal in a container is root there; in production the warning is right.
    quiet = ("-W", "ignore:You're running the worker with superuser") if settings.DEBUG else ()
    return [
        *(sys.executable, *quiet, "-m", "celery", "--app", "portal", "--workdir", str(settings.BASE_DIR), "--quiet"),
        *("worker", "--pool", "prefork", "--concurrency", str(processes), "--loglevel", "WARNING"),
        *("--hostname", f"{os.getpid()}@%h", "--without-gossip", "--without-mingle", "--without-heartbeat"),
        *(("--queues", queues) if queues else ()),
    ]
