"""`manage.py import_csv`: a CSV file of any source into a plant, as one JSON object on stdout."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from apps.ingest.csv.importing import import_csv
from apps.ingest.csv.mapping import read_mapping
from apps.ingest.target import Refused

from ._arguments import add_target, target_of, watts


class Command(BaseCommand):
    """Thin: reads the arguments, prints the report."""

    help = "Import a CSV file by a mapping file (see docs/csv-import.md)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="the CSV file")
        parser.add_argument("--mapping", type=Path, required=True, metavar="TOML", help="which column is what")
        add_target(parser)
        parser.add_argument("--size", type=watts, default=0, metavar="WP", help="of a plant that is made")
        parser.add_argument("--dry-run", action="store_true", help="show what would happen, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = import_csv(
                options["file"],
                read_mapping(options["mapping"]),
                target_of(options),
                size=options["size"],
                dry_run=options["dry_run"],
                progress=lambda rows: tqdm(rows, unit="row", disable=None),  # only on a terminal
            )
        except Refused as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(done.told))
