"""`manage.py import_enerest`: saved answers of the original API into a plant, as one JSON object on stdout."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from apps.ingest.enerest import import_files
from apps.ingest.target import Refused

from ._arguments import add_target, target_of, watts


class Command(BaseCommand):
    """Thin: reads the arguments, prints the report."""

    help = "Import saved answers of the original API's channels call (JSON lists of day-channel objects)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
        add_target(parser)
        parser.add_argument("--size", type=watts, required=True, metavar="WP")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = import_files(
                options["files"],
                target_of(options),
                options["size"],
                lambda answers: tqdm(answers, unit="file", disable=None),  # only on a terminal
            )
        except Refused as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(done.report.as_json(done.plant, created=done.created)))
