"""Fills an empty database from a dump of deploy/backup.py and compares the number of rows of every table.

    DATABASE_URL=... .venv/bin/python -m deploy.restore helioport-20260621T011500Z.dump

All or nothing: one transaction. Exit code 0: every row is there; 1: says why not.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import psycopg

from deploy.backup import TABLES, Failed, count, digest, run


def main(file: Path) -> None:
    url = os.environ.get("DATABASE_URL") or ""
    about = _description(file)
    with psycopg.connect(url, autocommit=True) as connection:
        if connection.execute(TABLES).fetchone():
            raise Failed("The database is not empty. Make a new one; nothing here overwrites what is there.")
        run(url, "pg_restore", "--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges", str(file))
        connection.execute("ANALYZE")
        found = count(connection)
    if found != about["rows"]:
        names = sorted(name for name in {*found, *about["rows"]} if found.get(name) != about["rows"].get(name))
        raise Failed(f"Not as many rows as were dumped: {', '.join(names)}.")
    sys.stdout.write(json.dumps({"dump": file.name, "taken": about["taken"], "rows": sum(found.values())}) + "\n")


def _description(file: Path) -> dict[str, Any]:
    """What the dump should hold. Raises Failed where it is not the file that was written."""
    try:
        about: dict[str, Any] = json.loads(Path(f"{file}.json").read_text())
        if digest(file) != about["sha256"]:
            raise Failed(f"{file} is not what was written: its SHA-256 differs.")
    except OSError as error:
        raise Failed(f"Dump or description cannot be read: {error}") from error
    return about


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        main(Path(sys.argv[1]))
    except (Failed, psycopg.Error) as failure:
        sys.exit(f"{failure}")
