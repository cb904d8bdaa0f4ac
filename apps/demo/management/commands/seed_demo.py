"""`manage.py seed_demo`: the demo portal with three simulated plants, for trying Helioport out."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from apps.demo.filling import Progress
from apps.demo.greeting import greeting
from apps.demo.seeding import FOURTEEN_MONTHS, seed


class Command(BaseCommand):
    """Makes what is missing and prints addresses, logins and credentials; a second start changes nothing."""

    help = "Make or complete the portal “demo” with three simulated plants, and print how to get in."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=_days, help=f"length of a new demo's past ({FOURTEEN_MONTHS} if not given)")

    def handle(self, *args: Any, **options: Any) -> str:
        if not settings.DEBUG:
            raise CommandError("seed_demo keeps passwords and secrets in a file, so it runs only where DEBUG=1.")
        return greeting(seed(timezone.now(), options["days"], _track)) + "\n"


def _days(text: str) -> int:
    days = int(text)
    if days < 1:
        raise ValueError(text)
    return days


@contextmanager
def _track(label: str, days: int) -> Iterator[Progress]:
    """Progress on stderr: a bar on a terminal, plain lines elsewhere."""
    with tqdm(total=days, desc=label, unit="day", disable=not sys.stderr.isatty()) as bar:
        done = 0

        def report(count: int) -> None:
            nonlocal done
            done += count
            bar.update(count)
            if bar.disable:
                print(f"{label}: {done} of {days} days", file=sys.stderr, flush=True)

        yield report
