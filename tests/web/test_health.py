"""/healthz: 200 while database and broker answer and all migrations ran, 503 otherwise, never with internals."""

from typing import Any

import pytest
from django.db import DatabaseError
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from apps.web import views


def test_it_is_well(client: Client, db: None):
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (
        200,
        {"status": "ok", "database": "ok", "broker": "not configured", "migrations": "ok"},
    )
    assert "no-store" in response.headers["Cache-Control"]


def test_a_missing_migration_is_noticed(client: Client, db: None):
    MigrationRecorder.Migration.objects.filter(app="plants").delete()
    response = client.get("/healthz")
    assert (response.status_code, response.json()["migrations"]) == (503, "pending")


def test_a_lost_database_is_noticed_without_saying_where_it_was(
    client: Client, monkeypatch: pytest.MonkeyPatch, db: None
):
    def lost() -> bool:
        raise DatabaseError("no route to db.internal")

    monkeypatch.setattr(views, "pending_migrations", lost)
    response = client.get("/healthz")
    assert (response.status_code, response.json()["database"]) == (503, "unreachable")
    assert b"db.internal" not in response.content


@pytest.mark.redis
def test_a_broker_that_answers_is_well(client: Client, db: None, redis: str, settings: Any):
    settings.REDIS_URL = redis
    response = client.get("/healthz")
    assert (response.status_code, response.json()["broker"]) == (200, "ok")


def test_a_lost_broker_is_noticed_without_saying_where_it_was(client: Client, db: None, settings: Any):
    settings.REDIS_URL = "redis://user:secret@127.0.0.1:1/0"
    response = client.get("/healthz")
    assert (response.status_code, response.json()["broker"]) == (503, "unreachable")
    assert (response.json()["database"], b"secret" in response.content) == ("ok", False)
