"""Expand first, contract a release later: no migration takes away what the release before still uses.

While a new release migrates, the old one serves (docs/operations.md). Migrations that break the rule on purpose, a
release after the code stopped using what they take, are listed with the reason.
"""

from collections.abc import Iterator, Sequence

import pytest
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import NOT_PROVIDED

_NO_RELEASE = "older than the first release: nothing served without it"
ALLOWED = {
    "accounts.0002_kept_records": _NO_RELEASE,
    "accounts.0003_invitations": _NO_RELEASE,
    "packages.0003_settings_terms_limits": _NO_RELEASE,
    "packages.0005_documentation_client": _NO_RELEASE,
}
TAKE_AWAY = (
    migrations.RemoveField,
    migrations.DeleteModel,
    migrations.RenameField,
    migrations.RenameModel,
    migrations.AlterModelTable,
)


def complaints(operations: Sequence[Operation], before: ProjectState, app: str) -> Iterator[str]:
    """What these operations would break for a release that knows the tables as they were before."""
    known = {name for found_app, name in before.models if found_app == app}
    for operation in operations:
        model = getattr(operation, "model_name_lower", None) or getattr(operation, "name_lower", "")
        if isinstance(operation, TAKE_AWAY):
            yield operation.describe()
        elif model in known and isinstance(operation, migrations.AddField | migrations.AlterField):
            yield from _of_field(operation, before, app)


def _of_field(operation: migrations.AddField | migrations.AlterField, before: ProjectState, app: str) -> Iterator[str]:
    """The old release knows no new column, so it cannot fill one; and it may write null where it could before."""
    field = operation.field
    assert isinstance(field, models.Field)
    if field.null or field.many_to_many or field.db_default is not NOT_PROVIDED:
        return
    if isinstance(operation, migrations.AddField):
        yield f"{operation.describe()}: NOT NULL without db_default"
    elif before.models[app, operation.model_name_lower].fields[operation.name_lower].null:
        yield f"{operation.describe()}: becomes NOT NULL"


def test_no_migration_takes_away_what_the_release_before_uses() -> None:
    loader = MigrationLoader(None)
    broken = {}
    for (app, name), migration in loader.disk_migrations.items():
        if migration.__module__.startswith("apps.") and not migration.initial:
            before = loader.project_state((app, name), at_end=False)
            found = list(complaints(migration.operations, before, app))
            if found and f"{app}.{name}" not in ALLOWED:
                broken[f"{app}.{name}"] = found
    assert broken == {}
    assert set(ALLOWED) <= {f"{app}.{name}" for app, name in loader.disk_migrations}


@pytest.mark.parametrize(
    ("operation", "complaint"),
    [
        (migrations.RemoveField("plant", "label"), "Remove field label from plant"),
        (migrations.RenameField("plant", "label", "title"), "Rename field label on plant to title"),
        (migrations.DeleteModel("Plant"), "Delete model Plant"),
        (
            migrations.AddField("plant", "colour", models.TextField(default="red")),
            "Add field colour to plant: NOT NULL without db_default",
        ),
        (migrations.AlterField("plant", "note", models.TextField()), "Alter field note on plant: becomes NOT NULL"),
        (migrations.AddField("plant", "colour", models.TextField(null=True)), None),
        (migrations.AddField("plant", "colour", models.TextField(default="", db_default="")), None),
        (migrations.AddField("roof", "colour", models.TextField()), None),  # the table is as new as the column
    ],
)
def test_the_rule_knows_what_breaks_the_release_before(operation: Operation, complaint: str | None) -> None:
    state = ProjectState()
    made = migrations.CreateModel("Plant", [("label", models.TextField()), ("note", models.TextField(null=True))])
    made.state_forwards("plants", state)
    assert list(complaints([operation], state, "plants")) == ([complaint] if complaint else [])
