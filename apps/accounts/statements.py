"""The few statements on the way of every call of the API: written out, and prepared once per connection.

The ORM takes longer to write such a statement than the database to answer it, and PostgreSQL longer to plan it than to
run it. Used on the way of a call (auth.py, quota.py, querysets.py, rows.py) and of a
delivery (keys.py, push.py, readings.py, target.py, uploads.py); everything else goes through the ORM.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections

Rows = list[tuple[Any, ...]]


def fetch(sql: str, values: Sequence[Any]) -> Rows:
    """The rows of a statement with `%s` for each value; ids, days and moments as Python knows them.

    Nobody asks first whether the connection still works: one that broke fails here, and the next request gets a new
    one. One that answered need not be asked again.
    """
    database: Any = connections[DEFAULT_DB_ALIAS]
    if database.vendor == "sqlite":
        values = [_IN_SQLITE.get(type(value), _as_it_is)(value) for value in values]
    if database.connection is None or database.queries_logged or database.execute_wrappers:
        with database.cursor() as cursor:  # the first one, or somebody watches
            cursor.execute(sql, values)
            rows: Rows = cursor.fetchall()
            return rows
    with database.wrap_database_errors:
        rows = _sent(database.connection, database.vendor, sql, values)
    database.health_check_done = True
    return rows


def _sent(connection: Any, vendor: str, sql: str, values: Sequence[Any]) -> Rows:
    """Through the driver: statements of Django's cursors are never prepared on PostgreSQL."""
    if vendor == "sqlite":
        rows: Rows = connection.execute(sql.replace("%s", "?"), values).fetchall()
        return rows
    from psycopg import Cursor  # only where there is a PostgreSQL

    return Cursor(connection).execute(sql, values, prepare=True).fetchall()


def _as_it_is(value: Any) -> Any:
    return value


_IN_SQLITE: dict[type, Callable[[Any], Any]] = {
    UUID: lambda value: value.hex,
    dt.date: dt.date.isoformat,
    dt.datetime: lambda value: str(value.astimezone(dt.UTC).replace(tzinfo=None)),
}


# --- What SQLite hands out as text ---------------------------------------------------------------------------------


def uuid(value: UUID | str) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)


def day(value: dt.date | str) -> dt.date:
    return dt.date.fromisoformat(value) if isinstance(value, str) else value


def moment(value: dt.datetime | str) -> dt.datetime:
    """SQLite leaves out that it is UTC."""
    found = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)
