"""What lies where in a Citus cluster, and the statements that bring it there. `manage.py distribute` runs them.

What grows with every delivery and every call is spread over the workers, by plant or by subscription; tables of one
column lie together, so that what belongs to a plant is on one worker. All else stays a plain table on the coordinator:
docs/decisions/0014-citus.md says why.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

# By which column each is spread. The first table of a column is the one the others are laid beside.
DISTRIBUTED = {
    "measurements_dayseries": "plant_id",
    "measurements_monthseries": "plant_id",
    "measurements_freshreading": "plant_id",
    "ingest_upload": "plant_id",
    "packages_plantaccess": "plant_id",
    "packages_usagehour": "subscription_id",
    "packages_quotacounter": "subscription_id",
}
STAYS = {
    "measurements_plantlatest": "lists join it to plants and sort by it: a worker's copy would travel with each list",
    "plants_plant": "a delivery changes it, which would change a copy on every worker; its triggers keep portals apart",
    "accounts_auditentry": "its triggers make it append-only; Citus allows none on spread tables",
}
_OLDEST_POSTGRESQL, _OLDEST_CITUS = 15, 13


class Unfit(Exception):
    """This database cannot be distributed; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do, in words and in SQL."""

    words: str
    sql: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What one table needs. No steps: it lies where it should."""

    table: str
    column: str
    shards: int | None  # that it has
    steps: list[Step]


# --- May it be done at all? ----------------------------------------------------------------------------------


def inspect(*, online: bool) -> dict[str, Any]:
    """Versions and workers of the cluster; raises Unfit."""
    if connection.vendor != "postgresql":
        raise Unfit("This is SQLite: only PostgreSQL with Citus can be distributed. See docs/scaling.md for the way.")
    version = _value("SHOW server_version").split()[0]
    if int(version.split(".")[0]) < _OLDEST_POSTGRESQL:
        raise Unfit(f"This is PostgreSQL {version}; {_OLDEST_POSTGRESQL} or newer is needed.")
    citus = _citus()
    if not _value("SELECT citus_is_coordinator()"):
        raise Unfit("This is a worker: let DATABASE_URL name the coordinator.")
    if not _value("SELECT count(*) FROM pg_dist_node WHERE groupid = 0"):
        raise Unfit("Citus does not know this coordinator: SELECT citus_set_coordinator_host('its name');")
    workers = _value("SELECT count(*) FROM pg_dist_node WHERE isactive AND shouldhaveshards AND noderole = 'primary'")
    if not workers:
        raise Unfit("There is no worker: SELECT citus_add_node('its name', 5432); for each.")
    _check_settings(online=online)
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise Unfit("Migrations are missing: run manage.py migrate first.")
    return {"postgresql": version, "citus": citus, "workers": workers}


def _citus() -> str:
    found = _rows("SELECT extversion FROM pg_extension WHERE extname = 'citus'")
    if not found:
        raise Unfit("This database has no Citus: CREATE EXTENSION citus; here and in its database on each worker.")
    version: str = found[0][0]
    if int(version.split(".")[0]) < _OLDEST_CITUS:
        raise Unfit(f"This is Citus {version}; {_OLDEST_CITUS} or newer is needed: ALTER EXTENSION citus UPDATE;")
    return version


def _check_settings(*, online: bool) -> None:
    """A write to two nodes is prepared on both; moving a table under writes follows the log."""
    _refuse_setting("max_prepared_transactions", "0", "at least max_connections")
    if online:
        _refuse_setting("wal_level", "replica", "logical")


def _refuse_setting(name: str, unfit: str, advice: str) -> None:
    values = [row[0] for row in _rows("SELECT result FROM run_command_on_all_nodes(%s)", f"SHOW {name}")]
    if unfit in values:
        raise Unfit(f"{name} is {', '.join(values)} on the nodes: set it to {advice} on each, and restart them.")


# --- What is to be done? -------------------------------------------------------------------------------------


def plan(table: str, shards: int, *, online: bool) -> Plan:
    """What is missing for this table to lie where it should. Raises Unfit."""
    column = DISTRIBUTED[table]
    kind, by, has = _standing(table)
    if kind == "distributed" and by == column:
        return Plan(table, column, has, [*_drop_copy(table)])
    if kind in ("distributed", "reference"):
        raise Unfit(f"{table} is a {kind} table, by {by}, not by {column}: SELECT undistribute_table('{table}');")
    keys = [*_drop_foreign_keys(table), *_widen_key(table, column, online=online)]
    size = _value(f"SELECT pg_size_pretty({'citus' if kind else 'pg'}_total_relation_size('{table}'))")
    move = _move(table, column, size, shards, online=online)
    return Plan(table, column, None, [*keys, move, *(() if online else _drop_copy(table))])


def _standing(table: str) -> tuple[str, str, int | None]:
    """What Citus knows of a table. A "local" one was on its way `online` when something broke off."""
    found = _rows(
        "SELECT citus_table_type, distribution_column, shard_count FROM citus_tables WHERE table_name = %s::regclass",
        table,
    )
    return found[0] if found else ("", "", None)


def _drop_foreign_keys(table: str) -> Iterator[Step]:
    """A worker cannot look into a table of the coordinator."""
    keys = _rows(
        "SELECT conname, conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint"
        " WHERE contype = 'f' AND %s::regclass IN (conrelid, confrelid)",
        table,
    )
    for name, source, target in keys:
        words = f"gives up the foreign key {name} to {target}: from now on only the application keeps it"
        yield Step(words, (f'ALTER TABLE {source} DROP CONSTRAINT "{name}"',))


def _widen_key(table: str, column: str, *, online: bool) -> Iterator[Step]:
    """A worker sees its own rows only, so whatever is unique must be so among rows of one plant."""
    indexes = _rows(
        "SELECT index.relname, pg_index.indisprimary, array_agg(attname::text ORDER BY attnum) FROM pg_index"
        " JOIN pg_class AS index ON index.oid = indexrelid"
        " JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY(indkey)"
        " WHERE indrelid = %s::regclass AND indisunique GROUP BY 1, 2",
        table,
    )
    for name, is_primary, columns in indexes:
        if column in columns:
            continue
        if not is_primary:
            raise Unfit(f"The unique index {name} of {table} lacks {column}; a migration has to add it.")
        words = f"makes {', '.join([*columns, column])} the primary key: it must contain {column}"
        yield Step(words, _new_key(table, name, ", ".join([*columns, column]), online=online))


def _new_key(table: str, name: str, columns: str, *, online: bool) -> tuple[str, ...]:
    if not online:
        return (f"ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} PRIMARY KEY ({columns})",)
    return (
        f"DROP INDEX CONCURRENTLY IF EXISTS {name}_wide",  # of a run that was broken off
        f"CREATE UNIQUE INDEX CONCURRENTLY {name}_wide ON {table} ({columns})",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} PRIMARY KEY USING INDEX {name}_wide",
    )


def _move(table: str, column: str, size: str, shards: int, *, online: bool) -> Step:
    first = next(name for name, by in DISTRIBUTED.items() if by == column)
    lies = f"shard_count => {shards}, colocate_with => 'none'" if table == first else f"colocate_with => '{first}'"
    where = f"in {shards} shards" if table == first else f"beside {first}"
    function = "create_distributed_table_concurrently" if online else "create_distributed_table"
    words = f"moves {size} to the workers by {column}, {where}; writes to it {'go on' if online else 'wait'}"
    return Step(words, (f"SELECT {function}('{table}', '{column}', {lies})",))


def _drop_copy(table: str) -> Iterator[Step]:
    """Moving by copying leaves the rows here, out of sight."""
    if _value(f"SELECT pg_relation_size('{table}')"):
        sql = f"SELECT truncate_local_data_after_distributing_table('{table}')"
        yield Step("frees the space of the rows that were here", (sql,))


def others() -> dict[str, str]:
    """The tables that stay on the coordinator, with the reason."""
    tables = set(connection.introspection.table_names()) - DISTRIBUTED.keys() - STAYS.keys()
    return STAYS | {f"{len(tables)} others": "small, joined to one another, and they keep their foreign keys"}


# --- Doing it ------------------------------------------------------------------------------------------------


def carry_out(found: Plan, *, online: bool) -> None:
    """Do what a table needs, as one transaction unless writes are to go on."""
    statements = [sql for step in found.steps for sql in step.sql]
    with nullcontext() if online else transaction.atomic(), connection.cursor() as cursor:
        for sql in statements:
            cursor.execute(sql)


def _rows(sql: str, *values: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def _value(sql: str) -> Any:
    return _rows(sql)[0][0]
