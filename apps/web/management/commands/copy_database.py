"""`manage.py copy_database`: a whole installation goes from SQLite to the PostgreSQL that DATABASE_URL names.

All or nothing: whatever goes wrong, the new database stays empty and the old one as it was, so it is simply run again.
"""

from pathlib import Path
from time import monotonic
from typing import Any

import environ
import psycopg
from django.core.management.base import CommandError, CommandParser
from django.db import Error
from tqdm import tqdm

from apps.accounts.changes import ChangeRefused
from apps.accounts.commands import OperatorCommand

from . import _copying
from ._copying import Row, Rows


class Command(OperatorCommand):
    help = "Copy everything from a SQLite database into the new, migrated and empty PostgreSQL of DATABASE_URL."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--from", dest="source", required=True, metavar="URL", help="the former DATABASE_URL: sqlite:///path"
        )

    def act(self, **options: Any) -> dict[str, Any]:
        file, begun = _file(options["source"]), monotonic()
        try:
            tables, left = _copying.copy(file, _shown)
        except (_copying.Unfit, Error, psycopg.Error) as reason:
            raise CommandError(f"{str(reason).strip()}\nNothing was copied.") from reason
        seconds = round(monotonic() - begun, 1)
        return {"rows": sum(tables.values()), "seconds": seconds, "tables": tables, "not_copied": left}


def _file(url: str) -> Path:
    """The file of a `sqlite:///path`, read as the settings read it. Raises ChangeRefused."""
    if not url.startswith("sqlite:///"):
        raise ChangeRefused("from", "Only sqlite:///path can be copied; PostgreSQL has pg_dump and replication.")
    file = Path(environ.Env.db_url_config(url)["NAME"])
    if not file.is_file():
        raise ChangeRefused("from", f"There is no file {file}.")
    return file


def _shown(rows: Rows, what: str, total: int) -> "tqdm[Row]":
    return tqdm(rows, desc=what, total=total, unit="row", leave=False, disable=None)  # only on a terminal
