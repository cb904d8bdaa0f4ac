"""A pytest plugin (`-p tests.distributed.cluster`): the suite runs on a Citus cluster instead of one database.

DATABASE_URL names the coordinator; its own database must know the workers, for they are asked of it. The test database
is made on every node, migrated and distributed as an operator would, and dropped from every node at the end.
"""

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

SHARDS = 4  # as few as show that there are several: what a test asks of all plants goes to each
Node = tuple[str, int]


@pytest.fixture(scope="session", autouse=True)
def distributed(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        name = connection.settings_dict["NAME"]
        nodes = _workers()
        for node in nodes:
            _on(node, "postgres", f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}"')
            _on(node, name, "CREATE EXTENSION citus")
        _join(nodes)
        _distribute()
        connection.close()
    yield
    for node in nodes:
        _on(node, "postgres", f'DROP DATABASE "{name}" WITH (FORCE)')


def _workers() -> list[Node]:
    """Those that the database of DATABASE_URL knows; Django made the name of the test database from its name."""
    name = connection.settings_dict["NAME"].removeprefix("test_").partition("_gw")[0]
    rows = _on(_coordinator(), name, "SELECT node_name, node_port FROM citus_get_active_worker_nodes()")
    assert rows, f"the database {name} knows no workers: SELECT citus_add_node(...) there"
    return [(host, int(port)) for host, port in rows]


def _coordinator() -> Node:
    return connection.settings_dict["HOST"], int(connection.settings_dict["PORT"] or 5432)


def _on(node: Node, database: str, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements on one node; the rows of the last one."""
    login = {"user": connection.settings_dict["USER"], "password": connection.settings_dict["PASSWORD"] or None}
    with psycopg.connect(host=node[0], port=node[1], dbname=database, autocommit=True, **login) as opened:
        for statement in statements:
            found = opened.execute(statement.encode())
        return found.fetchall() if found.description else []


def _join(nodes: list[Node]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION citus")
        cursor.execute("SELECT citus_set_coordinator_host(%s, %s)", _coordinator())
        for node in nodes:
            cursor.execute("SELECT citus_add_node(%s, %s)", node)


def _distribute() -> None:
    """Twice, as an operator may: the second time there is nothing to do."""
    call_command("distribute", shards=SHARDS, stdout=StringIO())
    again = StringIO()
    call_command("distribute", stdout=again)
    for table, told in json.loads(again.getvalue())["distributed"].items():
        assert [line.startswith("lies on the workers") for line in told] == [True], (table, told)
