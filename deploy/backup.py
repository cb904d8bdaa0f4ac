"""Dumps the portal's database into a folder, proves that the dump is whole, and forgets old ones.

    DATABASE_URL=... BACKUP_FOLDER=... [BACKUP_DAYS=14] .venv/bin/python -m deploy.backup

Everything the portal keeps is in its database, deliveries of loggers that wait for their import too. Not in it, to be
kept elsewhere: the environment file. Without its SECRET_PEPPER no secret of the dump will ever fit again.

A file helioport-*.dump is whole: it gets that name at the end. Beside it lies a .json with its SHA-256 and the number
of rows of every table in the very same snapshot, for deploy/restore.py. Exit code 0: done; 1: no dump; 2: no room.
"""

import datetime as dt
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

KEPT_ANYWAY = 3  # of the newest, however old they are
TABLES = """
    SELECT schemaname, tablename FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2
"""


class Failed(Exception):
    """Says why; `code` is the exit code."""

    def __init__(self, reason: str, code: int = 1) -> None:
        super().__init__(reason)
        self.code = code


def main() -> None:
    url, folder = _setting("DATABASE_URL"), Path(_setting("BACKUP_FOLDER"))
    days = int(os.environ.get("BACKUP_DAYS") or 14)
    if not folder.is_dir():
        raise Failed(f"There is no folder {folder}.")
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed("Another backup is running.") from None
        for left in folder.glob("*.part"):
            left.unlink()
        made = dump(url, folder, dt.datetime.now(dt.UTC))
        gone = forget(folder, dt.datetime.now(dt.UTC) - dt.timedelta(days=days))
    _say({**made, "forgotten": gone})


def dump(url: str, folder: Path, now: dt.datetime) -> dict[str, Any]:
    """Write dump and description; returns what it says. Raises Failed, and leaves nothing with a final name."""
    name = f"helioport-{now:%Y%m%dT%H%M%SZ}.dump"
    part = folder / f"{name}.part"
    try:
        with psycopg.connect(url) as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            _check_room(connection, folder)
            snapshot = _one(connection, "SELECT pg_export_snapshot()")
            rows = count(connection)
            run(url, "pg_dump", "--format=custom", "--compress=1", "--no-owner", f"--snapshot={snapshot}", f"-f{part}")
        run(None, "pg_restore", "--list", str(part))
        about = {"dump": name, "taken": now.isoformat(), "bytes": part.stat().st_size, "sha256": digest(part)}
        description = folder / f"{name}.json.part"
        description.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n")
        for file in (description, part):  # the dump last: where it is, its description is
            _keep(file)
    except (psycopg.Error, OSError) as error:
        part.unlink(missing_ok=True)
        raise Failed(f"No dump: {error}") from error
    return {**about, "rows": sum(rows.values())}


def count(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """The number of rows of every table."""
    tables = connection.execute(TABLES).fetchall()
    query = sql.SQL("SELECT count(*) FROM {}")
    return {".".join(table): int(_one(connection, query.format(sql.Identifier(*table)))) for table in tables}


def run(url: str | None, *command: str) -> None:
    """Run a program of PostgreSQL on the database, the password out of everybody's sight. Raises Failed."""
    environment = dict(os.environ)
    if url is not None:
        parts = conninfo_to_dict(url)
        environment["PGPASSWORD"] = str(parts.pop("password", None) or "")
        command = (*command, f"--dbname={make_conninfo('', **parts)}")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise Failed(f"{command[0]} failed: {done.stderr.strip()}")


def digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def forget(folder: Path, before: dt.datetime) -> list[str]:
    """Delete dumps older than that; the newest stay in any case. Returns their names."""
    dumps = sorted(folder.glob("helioport-*.dump"), reverse=True)[KEPT_ANYWAY:]
    old = [file for file in dumps if file.stat().st_mtime < before.timestamp()]
    for file in old:
        file.unlink()
        Path(f"{file}.json").unlink(missing_ok=True)
    return [file.name for file in old]


def _check_room(connection: psycopg.Connection[Any], folder: Path) -> None:
    """A dump is hardly larger than the last one, and never than the database."""
    last = max(folder.glob("helioport-*.dump"), default=None)
    size = last.stat().st_size * 5 // 4 if last else _one(connection, "SELECT pg_database_size(current_database())")
    free = shutil.disk_usage(folder).free
    if free < size:
        raise Failed(f"{folder} has {free} bytes left; the dump may need {size}.", code=2)


def _keep(part: Path) -> None:
    """Give it its final name, safely on the disk."""
    _sync(part)
    part.replace(part.with_suffix(""))
    _sync(part.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def _one(connection: psycopg.Connection[Any], query: Any) -> Any:
    row = connection.execute(query).fetchone()
    assert row is not None  # noqa: S101  (a count always has a row)
    return row[0]


def _setting(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise Failed(f"Set {name}.")
    return value


def _say(about: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(about) + "\n")


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        sys.stderr.write(f"{failure}\n")
        sys.exit(failure.code)
