"""`manage.py serve`: the portal on granian, as measured best for it: WSGI, a worker per core, one thread in each.

The process becomes granian itself (exec), so whoever started it signals the server and nothing in between. Only with
`--with-worker` it stays, as the one that starts and stops server and worker together.
"""

import os
import socket
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ._arguments import at_least_one, port
from ._together import run_together
from .work import celery


class Command(BaseCommand):
    help = "Serve the portal with granian."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=port, default=8000)
        parser.add_argument("--workers", type=at_least_one, default=os.cpu_count() or 1)
        parser.add_argument("--with-worker", action="store_true", help="do background work too; both end together")

    def handle(self, *args: Any, **options: Any) -> None:
        command = granian(options["host"], options["port"], options["workers"])
        check_free(options["host"], options["port"])
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
        sys.stdout.flush()
        if options["with_worker"]:
            sys.exit(run_together({"server": command, "worker": celery(processes=1)}))
        try:
            os.execv(command[0], command)  # noqa: S606  (our own interpreter, no shell)
        except OSError as error:
            raise CommandError(f"granian does not start: {error}") from error


def check_free(host: str, port: int) -> None:
    """Refuse an address somebody listens on: granian would share it, and answer every other call."""
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise CommandError(f"Cannot serve on {host}:{port}: {error.strerror}. Choose another --port.") from error


def granian(host: str, port: int, workers: int) -> list[str]:
    """The command line of the server."""
    return [
        *(sys.executable, "-m", "granian", "portal.wsgi:application"),
        *("--interface", "wsgi", "--http", "1", "--no-ws"),
        *("--host", host, "--port", str(port)),
        *("--workers", str(workers), "--blocking-threads", "1", "--runtime-threads", "1"),
        *("--backlog", "1024", "--respawn-failed-workers"),
        *("--workers-kill-timeout", "1", "--log-level", "warning"),
        *("--working-dir", str(settings.BASE_DIR)),
    ]
