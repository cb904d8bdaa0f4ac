"""`manage.py distribute` where there is no cluster, and what the models must keep so that there can be one."""

import pytest
from django.apps import apps
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, models

from apps.web.management.commands import _cluster
from tests.live import environment_for, manage

MODELS = {model._meta.db_table: model for model in apps.get_models() if model._meta.db_table in _cluster.DISTRIBUTED}


def test_every_table_to_be_distributed_is_that_of_a_model():
    assert MODELS.keys() == _cluster.DISTRIBUTED.keys()
    assert _cluster.STAYS.keys() <= {model._meta.db_table for model in apps.get_models()}
    assert not _cluster.STAYS.keys() & _cluster.DISTRIBUTED.keys()


@pytest.mark.parametrize("table", _cluster.DISTRIBUTED)
def test_every_row_names_what_its_table_is_distributed_by(table: str):
    [field] = [field for field in MODELS[table]._meta.concrete_fields if field.column == _cluster.DISTRIBUTED[table]]
    assert not field.null
    assert isinstance(getattr(field, "target_field", field), models.UUIDField)


@pytest.mark.parametrize("table", _cluster.DISTRIBUTED)
def test_whatever_is_unique_is_so_within_what_its_table_is_distributed_by(db: None, table: str):
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, table).values()
    unique = [set(one["columns"]) for one in found if one["unique"] or one["primary_key"]]
    column = _cluster.DISTRIBUTED[table]
    loose = [columns for columns in unique if column not in columns]
    assert loose == ([{"id"}] if table == "ingest_upload" else [])  # its primary key is widened by the command


def test_the_database_of_the_tests_is_refused(db: None):
    reasons = {"sqlite": "only PostgreSQL with Citus can be distributed", "postgresql": "This database has no Citus"}
    with pytest.raises(CommandError, match=reasons[connection.vendor]):
        call_command("distribute")


@pytest.mark.postgres
def test_postgresql_without_citus_is_refused(postgres: str):
    done = manage("distribute", "--dry-run", environment=environment_for(postgres))
    assert done.returncode == 1
    assert done.stderr == (
        "CommandError: This database has no Citus: CREATE EXTENSION citus; here and in its database on each worker.\n"
    )
