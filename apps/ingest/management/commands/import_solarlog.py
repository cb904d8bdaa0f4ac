"""`manage.py import_solarlog`: a folder of Solar-Log files into a plant, as one JSON object on stdout."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from apps.ingest.solarlog.folder import import_folder
from apps.ingest.target import Refused

from ._arguments import add_target, target_of


class Command(BaseCommand):
    """Thin: reads the arguments, prints the report."""

    help = "Import a folder of Solar-Log files (base_vars, min*, days*, months, years, events)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR", help="the folder with the .js files")
        add_target(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = import_folder(
                options["folder"],
                target_of(options),
                lambda files: tqdm(files, unit="file", disable=None),  # only on a terminal
            )
        except Refused as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(done.report.as_json(done.plant, created=done.created)))
