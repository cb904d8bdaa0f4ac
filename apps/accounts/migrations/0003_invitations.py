"""People are invited by mail, in their language; the cache that counts failed logins has a table."""

from typing import ClassVar

import django.db.models.deletion
import django.utils.timezone
from django.core.management import call_command
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def create_cache_table(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    call_command("createcachetable", "accounts_cache", database=editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accounts", "0002_kept_records")]

    operations: ClassVar = [
        migrations.AddField(
            "user",
            "language",
            models.CharField(
                blank=True,
                help_text="Of mails; empty until somebody chooses one.",
                max_length=10,
                verbose_name="language",
            ),
        ),
        migrations.CreateModel(
            "Invitation",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(editable=False, max_length=64, unique=True)),
                ("sent_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="sent")),
                ("expires_at", models.DateTimeField(verbose_name="expires")),
                (
                    "membership",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="invitation",
                        to="accounts.membership",
                        verbose_name="membership",
                    ),
                ),
            ],
            {"verbose_name": "invitation", "verbose_name_plural": "invitations"},
        ),
        migrations.RunPython(create_cache_table, migrations.RunPython.noop),
    ]
