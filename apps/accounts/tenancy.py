"""Triggers that keep tenants apart and records as they are, in the database itself; used by migrations only.

A foreign key cannot say "of the same portal", so two rules are triggers, written once for both databases: a row
must not join rows of two portals, and a row must not move to another portal. A third keeps rows from being changed.

Making a trigger a second time does no harm: SQLite loses those of a table whenever a migration remakes the table
(a new constraint, a new column with a default), and such a migration must make them again.
"""

from collections.abc import Sequence

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import RunPython
from django.db.migrations.state import StateApps


def same_portal(table: str, left: str, right: str) -> RunPython:
    """Refuse rows of `table` for which two SQL expressions over NEW name different portals (a null passes)."""
    return _trigger(table, "joins_one_portal", ("INSERT", "UPDATE"), f"({left}) <> ({right})", "joins two portals")


def fixed_portal(table: str) -> RunPython:
    """Refuse to move rows of `table` to another portal."""
    return _trigger(table, "keeps_its_portal", ("UPDATE",), "OLD.portal_id <> NEW.portal_id", "cannot change portal")


def never(table: str, *events: str) -> RunPython:
    """Refuse to UPDATE or to DELETE rows of `table`, whoever asks."""
    return _trigger(table, "is_kept", events, "1 = 1", "is append-only")


def portal_of(table: str, column: str) -> str:
    """The SQL expression for the portal of the row that NEW.`column` points to."""
    return f"SELECT portal_id FROM {table} WHERE id = NEW.{column}"  # noqa: S608  (names from migrations)


def _trigger(table: str, name: str, events: Sequence[str], condition: str, message: str) -> RunPython:
    def create(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
        statements = _POSTGRESQL if editor.connection.vendor == "postgresql" else _SQLITE
        for event in events:
            trigger = f"{table}_{name}_{event.lower()}"
            for statement in statements:
                editor.execute(
                    statement.format(
                        trigger=trigger, table=table, event=event, condition=condition, message=f"{table} {message}"
                    )
                )

    return RunPython(create, RunPython.noop)


_SQLITE = (
    "CREATE TRIGGER IF NOT EXISTS {trigger} BEFORE {event} ON {table} FOR EACH ROW WHEN {condition} "
    "BEGIN SELECT RAISE(ABORT, '{message}'); END",
)
_POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION {trigger}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {condition} THEN "
    "RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$",
    "CREATE OR REPLACE TRIGGER {trigger} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {trigger}()",
)
