"""Watches every statement of the tests: one on a distributed table must say which plant (or subscription) it is about.

That is what lets a cluster send it to the one worker that has the rows. Statements are read by sqlglot, not searched:
in each SELECT, UPDATE and DELETE, the condition on every such table must bind the column that the table is distributed
by. Statements that tests make themselves do not count, and EXCEPTIONS lists the functions that ask all plants on
purpose.
"""

import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import sqlglot
from django.db.backends.utils import CursorWrapper
from sqlglot import exp

from apps.accounts import statements
from apps.web.management.commands._cluster import DISTRIBUTED

ROOT = Path(__file__).resolve().parent.parent.parent

# The function whose statement it is, and why it asks every worker. None of them is on the way of a call or a delivery.
_QUEUE = "looks for what waits, of all plants; a message names the delivery alone"
_OLD = "forgets what is old, of all plants, once a day"
_PORTAL = "a page of managers: deliveries or calls of a whole portal, found through its plants or keys"
_GAUGE = "what waits on the whole server, counted for its operator every few seconds and with a limit in time"
_STAFF = "a page of the server's staff lists whole tables"
EXCEPTIONS = {
    "apps.measurements.rows.fresh_plants": _QUEUE,
    "apps.ingest.uploads.process": _QUEUE,
    "apps.ingest.uploads.sweep": _QUEUE,
    "apps.ingest.retention.forget": _OLD,
    "apps.packages.usage.clean": _OLD,
    "apps.packages.usage._shorten": _OLD,
    "apps.ingest.deliveries.step": _PORTAL,
    "apps.ingest.deliveries._load": _PORTAL,
    "apps.ingest.deliveries.waiting": _PORTAL,
    "apps.ingest.deliveries.with_last_delivery": _PORTAL,
    "apps.packages.oversight._networks": _PORTAL,
    "apps.packages.usage.calls_of_portal": _PORTAL,
    "apps.web.console.loggers.logger_key": _PORTAL,
    "apps.web.console.overview.console": _PORTAL,
    "apps.web.console.uploads._back": _PORTAL,
    "apps.web.console.uploads._chosen": _PORTAL,
    "apps.web.console.uploads._upload": _PORTAL,
    "apps.web.console.uploads.uploads": _PORTAL,
    "apps.measurements.rows.fresh_backlog": _GAUGE,
    "apps.web.monitoring.gauges._deliveries": _GAUGE,
    "apps.packages.admin.ApiClientAdmin.read_lately": _STAFF,
    "apps.web.background.views._uploads": _STAFF,
    "apps.web.session.PortalMiddleware.__call__": _STAFF,  # the nearest of our functions to Django's own pages
}


# --- What a statement binds ----------------------------------------------------------------------------------


def unbound(sql: str) -> tuple[str, ...]:
    """The distributed tables of which a statement does not say by plant or subscription which rows it is about."""
    if not any(table in sql for table in DISTRIBUTED):
        return ()
    return _unbound(re.sub(r"(\([^()]*\)|%s)(, \1)+", r"\1", sql).replace("%s", "?"))  # long lists are read once


@cache
def _unbound(sql: str) -> tuple[str, ...]:
    found = sqlglot.parse_one(sql, dialect="postgres").find_all(exp.Table)
    tables = [table for table in found if table.name in DISTRIBUTED]
    by_values = {table.alias_or_name for table in tables if _is_bound(table, set())}
    return tuple(table.name for table in tables if not _is_bound(table, by_values))


def _is_bound(table: exp.Table, bound: set[str]) -> bool:
    """By a value, or by a table that is `bound` itself and so lies on the same worker."""
    column = DISTRIBUTED[table.name]
    statement = table.find_ancestor(exp.Select, exp.Update, exp.Delete, exp.Insert)
    if statement is None:
        return True  # CREATE, ALTER, TRUNCATE
    if isinstance(statement, exp.Insert):
        return column in {name.name for name in statement.this.find_all(exp.Identifier)}
    conditions = [statement.args["where"].this] if statement.args.get("where") else []
    conditions += [join.args["on"] for join in statement.args.get("joins") or () if join.args.get("on")]
    return any(_binds(condition, table.alias_or_name, column, bound) for condition in conditions)


def _binds(condition: exp.Expr, table: str, column: str, bound: set[str]) -> bool:
    """Whether rows that meet the condition have one of some given values in that column."""
    if isinstance(condition, exp.Paren):
        return _binds(condition.this, table, column, bound)
    if isinstance(condition, exp.And | exp.Or):
        enough = any if isinstance(condition, exp.And) else all
        return enough(_binds(side, table, column, bound) for side in (condition.left, condition.right))
    if isinstance(condition, exp.EQ):
        sides = (condition.left, condition.right)
        return any(_names(one, table, column) and _is_given(other, bound) for one, other in (sides, sides[::-1]))
    return isinstance(condition, exp.In) and _names(condition.this, table, column)


def _is_given(side: exp.Expr, bound: set[str]) -> bool:
    return not isinstance(side, exp.Column) or (side.table in bound and side.name in DISTRIBUTED.values())


def _names(side: exp.Expr, table: str, column: str) -> bool:
    """The column itself, or a row of values with it."""
    parts = side.expressions if isinstance(side, exp.Tuple) else [side]
    return any(isinstance(part, exp.Column) and part.name == column and part.table in ("", table) for part in parts)


# --- Watching ------------------------------------------------------------------------------------------------


def _whose(frame: FrameType | None) -> str:
    """The function of the project that a statement comes from; a test's own where none is in between."""
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith((f"{ROOT}/apps/", f"{ROOT}/tests/")) and file != __file__:
            module = Path(file).relative_to(ROOT).with_suffix("")
            name = f"{'.'.join(module.parts)}.{frame.f_code.co_qualname.partition('.<')[0]}"
            if not name.startswith("apps.accounts.statements."):
                return name
        frame = frame.f_back
    return "?"


def _look(sql: Any, found: dict[str, str]) -> None:
    for table in unbound(str(sql)):
        whose = _whose(sys._getframe(2))
        if whose.startswith("apps.") and whose not in EXCEPTIONS:
            found[whose] = f"{whose} asks {table} without {DISTRIBUTED[table]}: {sql}"


@pytest.fixture(scope="session")
def unrouted() -> Iterator[dict[str, str]]:
    """What was found and not yet told. Both ways to the database are watched, and neither is changed by it."""
    found: dict[str, str] = {}
    execute, executemany, sent = CursorWrapper.execute, CursorWrapper.executemany, statements._sent

    def watched(way: Any, at: int) -> Any:
        def call(*args: Any, **options: Any) -> Any:
            _look(args[at], found)
            return way(*args, **options)

        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CursorWrapper, "execute", watched(execute, 1))
        patch.setattr(CursorWrapper, "executemany", watched(executemany, 1))
        patch.setattr(statements, "_sent", watched(sent, 2))
        yield found


@pytest.fixture(autouse=True)
def every_statement_is_routed(unrouted: dict[str, str]) -> Iterator[None]:
    """The test whose calls asked every worker without being an exception fails, and says where."""
    unrouted.clear()
    yield
    assert not unrouted, "\n".join(unrouted.values())
