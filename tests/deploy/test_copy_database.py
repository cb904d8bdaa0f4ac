"""`manage.py copy_database`: on PostgreSQL nobody can tell the difference, and what cannot be copied is named."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copy
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from tests.conftest import need
from tests.live import ROOT, environment_for, manage

pytestmark = pytest.mark.postgres


@dataclass(frozen=True)
class Databases:
    """A whole portal in a SQLite file that nobody changes, and a PostgreSQL with databases of this module."""

    file: Path
    server: str
    seeded: dict[str, Any]
    asked: dict[str, Any]
    made: list[str] = field(default_factory=list)

    def new(self, template: str = "template1") -> str:
        """The URL of a database of its own."""
        self.made.append(f"copy_{uuid4().hex}")
        self._administer("CREATE DATABASE {} TEMPLATE {}", self.made[-1], template)
        return self.server.rpartition("/")[0] + f"/{self.made[-1]}"

    def migrated(self) -> str:
        return self.new(self.made[0])

    def drop(self) -> None:
        for name in self.made:
            self._administer("DROP DATABASE {} WITH (FORCE)", name)

    def _administer(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    server = need("postgres")
    file = tmp_path_factory.mktemp("copy") / "whole portal.sqlite3"
    migrate(url_of(file))
    seeded = portal(url_of(file), "seed")
    made = Databases(file, server, seeded, portal(url_of(file), "ask", json.dumps(seeded)))
    try:
        migrate(made.new())
        yield made
    finally:
        made.drop()


@pytest.fixture
def file(databases: Databases, tmp_path: Path) -> Path:
    """A copy of the portal's file, to be spoilt."""
    return Path(copy(databases.file, tmp_path / "portal.sqlite3"))


def url_of(file: Path) -> str:
    return f"sqlite:///{file}"


def migrate(url: str) -> None:
    done = manage("migrate", "--verbosity=0", environment=environment_for(url))
    assert done.returncode == 0, done.stderr


def portal(url: str, *act: str) -> dict[str, Any]:
    *arguments, stdin = act if len(act) > 1 else (*act, "")
    done = run_portal(url, *arguments, stdin=stdin)
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def run_portal(url: str, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.deploy.whole_portal", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment_for(url), input=stdin, capture_output=True, text=True, check=False
    )


def copied(url: str, file: Path) -> dict[str, Any]:
    done = manage("copy_database", "--from", url_of(file), environment=environment_for(url))
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def refused(url: str, source: str) -> str:
    """Why; and nothing came over."""
    done = manage("copy_database", "--from", source, environment=environment_for(url))
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


def is_empty(url: str) -> bool:
    return rows(url, "SELECT 1 FROM accounts_portal UNION ALL SELECT 1 FROM accounts_user") == []


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def change(file: Path, *statements: str) -> None:
    """As somebody with the sqlite3 shell could: it looks at no foreign key."""
    with closing(sqlite3.connect(file)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


# --- All of it -----------------------------------------------------------------------------------------------


def test_a_whole_portal_moves_and_nobody_can_tell(databases: Databases) -> None:
    url = databases.migrated()
    told = copied(url, databases.file)
    assert [table for table, count in told["tables"].items() if not count] == []
    assert told["tables"]["measurements_dayseries"] == 1219
    assert told["rows"] == sum(told["tables"].values()) > 1600
    assert told["not_copied"] == ["accounts_cache", "django_migrations"]
    assert portal(url, "ask", json.dumps(databases.seeded)) == databases.asked
    assert [status for status, _body in databases.asked["calls"]] == [200, 200, 200, 200]
    assert "4200" in databases.asked["calls"][-1][1]
    assert databases.asked["logged in"] == ["/p/sunny/plants"] * 2

    _triggers_are_alive(url)
    assert rows(url, "INSERT INTO auth_group (name) VALUES ('next') RETURNING id") == [(2,)]
    run = (
        "INSERT INTO background_taskrun (task, message, started_at, outcome) VALUES ('t', gen_random_uuid(), now(), '')"
    )
    assert rows(url, f"{run} RETURNING id") == [(4,)]  # 3 was given, and deleted

    assert "The database of DATABASE_URL is not empty: there are rows in account_emailaddress, " in refused(
        url, url_of(databases.file)
    )


def _triggers_are_alive(url: str) -> None:
    assert rows(url, "SELECT count(*) FROM pg_trigger WHERE tgenabled <> 'O'") == [(0,)]
    for statement, message in {
        "DELETE FROM accounts_auditentry": "append-only",
        "UPDATE accounts_auditentry SET action = 'none'": "append-only",
        "INSERT INTO plants_assignment (membership_id, plant_id, created_at) SELECT m.id, p.id, now() FROM"
        " accounts_membership m, plants_plant p WHERE m.portal_id <> p.portal_id": "joins two portals",
    }.items():
        with pytest.raises(psycopg.IntegrityError, match=message):
            rows(url, f"{statement} RETURNING 1")


# --- What is refused -----------------------------------------------------------------------------------------

LATER = "INSERT INTO django_migrations (app, name, applied) VALUES ('plants', '0099_later', '2030-01-01')"
TWO_PORTALS = (
    "UPDATE plants_assignment SET plant_id = (SELECT plants_plant.id FROM plants_plant JOIN accounts_portal"
    " ON accounts_portal.id = portal_id WHERE slug = 'other') WHERE id = 1"
)


@pytest.mark.parametrize(
    ("statements", "reason"),
    [
        (["DELETE FROM django_migrations WHERE app = 'packages'"], "The database to be copied lacks migrations"),
        ([LATER], "The database to be copied is of another release, with migrations unknown here: plants.0099_later."),
        (
            ["UPDATE plants_plant SET label = printf('%.300c', 'x') WHERE id = '{plant}'"],
            "plants_plant, row {row}: value",
        ),
        (
            ["UPDATE plants_plant SET label = 'a' || char(0) WHERE id = '{plant}'"],
            "plants_plant, row {row}: PostgreSQL",
        ),
        (
            ["DROP TRIGGER plants_assignment_joins_one_portal_update", TWO_PORTALS],
            "plants_assignment, row 1: plants_assignment joins two portals",
        ),
        (
            ["DELETE FROM measurements_dayseries", "DELETE FROM plants_epoch WHERE plant_id = '{plant}'"],
            'table "plants_component" violates foreign key constraint',
        ),
    ],
)
def test_what_postgresql_would_not_have_is_named(
    databases: Databases, file: Path, statements: list[str], reason: str
) -> None:
    plant = databases.seeded["plant"]
    change(file, *(statement.replace("{plant}", plant.replace("-", "")) for statement in statements))
    url = databases.migrated()
    message = refused(url, url_of(file))
    assert reason.format(row=plant) in message
    assert message.endswith("Nothing was copied.\n")
    assert is_empty(url)


def test_what_does_not_come_back_as_it_was_is_not_kept(databases: Databases) -> None:
    url = databases.migrated()
    with psycopg.connect(url) as connection:
        connection.execute(
            "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN NEW.data = set_byte(NEW.data, 9, 255 - get_byte(NEW.data, 9)); RETURN NEW; END $$"
        )
        connection.execute(
            "CREATE TRIGGER spoil BEFORE INSERT ON measurements_dayseries FOR EACH ROW"
            " WHEN (NEW.day = '2025-06-21') EXECUTE FUNCTION spoil()"
        )
    message = refused(url, url_of(databases.file))
    assert "measurements_dayseries: of 1219 rows 1219 came back, or some with other values." in message
    assert is_empty(url)


def test_a_portal_that_goes_on_meanwhile_is_not_copied(databases: Databases, file: Path) -> None:
    url = databases.migrated()
    done = run_portal(url, "disturb", str(file))
    assert "portal.sqlite3 was written to meanwhile: stop web, workers and FTP server first." in done.stderr
    assert is_empty(url)


def test_only_a_file_goes_only_to_a_migrated_postgresql(databases: Databases, file: Path, tmp_path: Path) -> None:
    source, target = url_of(file), databases.migrated()
    assert "DATABASE_URL names no PostgreSQL" in refused(url_of(tmp_path / "new.sqlite3"), source)
    assert "The database of DATABASE_URL lacks migrations" in refused(databases.new(), source)
    assert "--from: There is no file" in refused(target, url_of(tmp_path / "absent.sqlite3"))
    assert "--from: Only sqlite:///path can be copied" in refused(target, databases.server)
