"""How every row of a SQLite database gets into an empty PostgreSQL. `manage.py copy_database` runs it.

The source is read as of one moment, and must not change before the end. The target is filled by COPY, each table after
those its foreign keys point to, in one transaction and not table by table: a database that is half full looks like a
portal, and beginning again takes minutes. Nothing is switched off: triggers, foreign keys and constraints judge every
row. Before anything counts, all rows are read back and compared.
"""

import json
import re
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from hashlib import blake2b
from ipaddress import ip_address
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import psycopg
from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import DEFAULT_DB_ALIAS, connection, connections, models, transaction
from django.db.migrations.executor import MigrationExecutor
from psycopg import sql

Row = tuple[Any, ...]
Rows = Iterable[Row]
Progress = Callable[[Rows, str, int], Rows]  # hands rows on; is told whose they are, and how many
Model = type[models.Model]

_SOURCE = "source"
_FETCHED = 50  # rows at once: one may hold a whole file that a logger sent
_IN_ONE_COPY = 10_000
_FILLED_BY_MIGRATE: tuple[Model, ...] = (Permission, ContentType)


class Unfit(Exception):
    """These databases, or one row, cannot be copied; the message says why."""


def copy(file: Path, progress: Progress) -> tuple[dict[str, int], list[str]]:
    """Copy everything; returns how many rows of which table, and the tables of no model, which stay behind.

    Raises Unfit, or an Error of django.db or psycopg; then nothing was copied.
    """
    if connection.vendor != "postgresql":
        raise Unfit("DATABASE_URL names no PostgreSQL.")
    with _snapshot(file) as check_unchanged:
        _check_migrations(_SOURCE, "The database to be copied")
        _check_migrations(DEFAULT_DB_ALIAS, "The database of DATABASE_URL")
        with transaction.atomic():
            rows = _fill(progress, check_unchanged)
            left = {*connections[_SOURCE].introspection.table_names()} - rows.keys()
            _execute(sql.SQL("ANALYZE"))
            check_unchanged()
    return rows, sorted(left)


def _fill(progress: Progress, check_unchanged: Callable[[], None]) -> dict[str, int]:
    order = _in_order()
    _occupy([table.model for table in order])
    copied = {}
    for table in order:
        copied[table] = table.copy(progress)
        check_unchanged()
    connection.check_constraints()
    _continue_sequences(order)
    for table in order:
        table.compare(copied[table], progress)
    return {table.name: tally.rows for table, tally in copied.items()}


# --- The source ----------------------------------------------------------------------------------------------


@contextmanager
def _snapshot(file: Path) -> Iterator[Callable[[], None]]:
    """Let _SOURCE be this file as it is now, read-only; what is yielded raises Unfit once somebody wrote to it."""
    config = {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{file.resolve().as_uri()}?mode=ro"}
    connections.configure_settings({**connections.databases, _SOURCE: config})
    connections.databases[_SOURCE] = config
    watch = connections[_SOURCE].copy()  # inside the snapshot, later writes cannot be seen
    try:
        before = _data_version(watch)

        def check_unchanged() -> None:
            if _data_version(watch) != before:
                raise Unfit(f"{file} was written to meanwhile: stop web, workers and FTP server first.")

        with transaction.atomic(using=_SOURCE):
            connections[_SOURCE].introspection.table_names()  # the snapshot is of the moment of the first read
            yield check_unchanged
    finally:
        watch.close()
        connections[_SOURCE].close()


def _data_version(watch: Any) -> Any:
    """A number that SQLite changes for this connection when another one has written."""
    with watch.cursor() as cursor:
        return cursor.execute("PRAGMA data_version").fetchone()


# --- May it be done? -----------------------------------------------------------------------------------------


def _check_migrations(alias: str, what: str) -> None:
    """Both databases must have the tables of this release: then they have the same."""
    executor = MigrationExecutor(connections[alias])
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise Unfit(f"{what} lacks migrations: run manage.py migrate with it first.")
    unknown = executor.loader.applied_migrations.keys() - executor.loader.disk_migrations.keys()
    if unknown:
        names = ", ".join(sorted(".".join(key) for key in unknown))
        raise Unfit(f"{what} is of another release, with migrations unknown here: {names}.")


def _occupy(tables: Sequence[Model]) -> None:
    """Keep all others from writing to the target, and refuse it where somebody has. What migrate made gives way.

    Ids of permissions and content types depend on the order of upgrades, and groups and records name them: so those of
    the source are taken over.
    """
    names = sql.SQL(", ").join(sql.Identifier(table._meta.db_table) for table in tables)
    _execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(names))
    full = [t._meta.db_table for t in tables if t not in _FILLED_BY_MIGRATE and t._base_manager.exists()]
    if full:
        raise Unfit(f"The database of DATABASE_URL is not empty: there are rows in {', '.join(sorted(full))}.")
    for model in _FILLED_BY_MIGRATE:
        model._base_manager.all().delete()


# --- The order -----------------------------------------------------------------------------------------------


def _in_order() -> "list[_Table]":
    """Every table, after those it points to. Where two point to each other, one comes first and is settled later."""
    found = [m for m in apps.get_models(include_auto_created=True) if m._meta.managed and not m._meta.proxy]
    points_to = {model: _targets(model) & {*found} for model in found}
    tables: list[_Table] = []
    missing: set[Model] = set()
    for model in _sorted({model: targets - {model} for model, targets in points_to.items()}):
        missing = (missing | points_to[model]) - {table.model for table in tables}
        tables.append(_Table(model, settled=not missing))
        missing -= {model}
    return tables


def _targets(model: Model) -> set[Model]:
    related = (field.related_model for field in model._meta.local_concrete_fields)
    return {other for other in related if isinstance(other, type)}


def _sorted(points_to: dict[Model, set[Model]]) -> list[Model]:
    while True:
        try:
            return list(TopologicalSorter(points_to).static_order())
        except CycleError as cycle:
            target, model = cycle.args[1][:2]
            points_to[model].remove(target)


# --- One table -----------------------------------------------------------------------------------------------


@dataclass
class _Tally:
    """How many rows were read, and a sum over their values that no order changes."""

    rows: int = 0
    digest: int = 0

    def add(self, values: Iterable[Any]) -> None:
        made = blake2b(digest_size=16)
        for value in values:
            made.update(value if isinstance(value, bytes) else f"{value!r};".encode())
        self.rows += 1
        self.digest += int.from_bytes(made.digest())


@dataclass(frozen=True)
class _Table:
    """`settled`: whatever its rows point to is there before them, so that its foreign keys can be judged at once."""

    model: Model
    settled: bool

    @property
    def name(self) -> str:
        return self.model._meta.db_table

    @property
    def _fields(self) -> "list[models.Field[Any, Any]]":
        return list(self.model._meta.local_concrete_fields)

    def copy(self, progress: Progress) -> _Tally:
        """Bring the rows from source to target; tells what the source has. Raises Unfit."""
        tally = _Tally()
        with closing(self._read(_SOURCE, tally, progress, self.name)) as rows:
            for first in rows:
                self._copy_in(chain([first], islice(rows, _IN_ONE_COPY - 1)))
                if self.settled:
                    connection.check_constraints()  # or PostgreSQL would remember every row until the end
        return tally

    def compare(self, expected: _Tally, progress: Progress) -> None:
        """Read what the target has. Raises Unfit where it is something else."""
        tally = _Tally()
        deque(self._read(DEFAULT_DB_ALIAS, tally, progress, f"compare {self.name}"), maxlen=0)
        if tally != expected:
            raise Unfit(f"{self.name}: of {expected.rows} rows {tally.rows} came back, or some with other values.")

    def _read(self, alias: str, tally: _Tally, progress: Progress, what: str) -> Generator[Row]:
        """The rows, as the models' fields have them, counted as they pass."""
        found = self.model._base_manager.using(alias).order_by()
        rows = found.values_list(*(field.attname for field in self._fields)).iterator(_FETCHED)
        forms = [(index, form) for index, field in enumerate(self._fields) if (form := _form(field))]
        for row in progress(rows, what, found.count()):
            tally.add(_alike(row, forms))
            yield row

    def _copy_in(self, rows: Iterable[Row]) -> None:
        written = [field.get_db_prep_save for field in self._fields]
        database = connections[DEFAULT_DB_ALIAS]  # looked up once, not for every value
        key = itemgetter(*(self._fields.index(field) for field in self.model._meta.pk_fields))
        keys = []
        try:
            with database.cursor() as cursor, cursor.copy(self._statement()) as target:
                for row in rows:
                    keys.append(key(row))
                    target.write_row([write(value, database) for write, value in zip(written, row, strict=True)])
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise Unfit(f"{self.name}, row {_named(keys[_line(error)])}: {error}") from error

    def _statement(self) -> sql.Composed:
        columns = sql.SQL(", ").join(sql.Identifier(field.column) for field in self._fields)
        return sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(self.name), columns)


def _named(key: Any) -> str:
    return ", ".join(str(part) for part in key) if isinstance(key, tuple) else str(key)


def _form(field: "models.Field[Any, Any]") -> Callable[[Any], Any] | None:
    """What makes values equal that both databases write differently: the order of keys, short forms of addresses."""
    if isinstance(field, models.JSONField):
        return lambda value: json.dumps(value, sort_keys=True)
    return ip_address if isinstance(field, models.GenericIPAddressField) else None


def _alike(row: Row, forms: list[tuple[int, Callable[[Any], Any]]]) -> list[Any]:
    values = list(row)
    for index, form in forms:
        if values[index] is not None:
            values[index] = form(values[index])
    return values


def _line(error: psycopg.Error) -> int:
    """Which row of a COPY is at fault: the one PostgreSQL names, or the last one, where it was not even sent."""
    found = re.search(r"^COPY .*, line (\d+)", error.diag.context or "", re.MULTILINE)
    return int(found[1]) - 1 if found else -1


def _continue_sequences(tables: "Iterable[_Table]") -> None:
    """Go on behind the last id ever given, not behind the highest that is left: usage names clients that are gone."""
    columns = {table.name: table.model._meta.pk.column for table in tables}
    with connections[_SOURCE].cursor() as cursor:
        given = cursor.execute("SELECT name, seq FROM sqlite_sequence WHERE seq > 0").fetchall()
    for table, last in given:
        if table in columns:
            statement = sql.SQL("SELECT setval(pg_get_serial_sequence({}, {}), {})")
            _execute(statement.format(f'"{table}"', columns[table], last))


def _execute(statement: sql.Composed | sql.SQL) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
