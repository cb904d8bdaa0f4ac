"""Records of acts can be neither changed nor deleted; a disabled user's tokens stay dead."""

from typing import ClassVar

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from apps.accounts.tenancy import never


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accounts", "0001_initial")]

    operations: ClassVar = [
        migrations.AddField(
            "user",
            "valid_after",
            models.DateTimeField(
                default=django.utils.timezone.now,
                editable=False,
                help_text="Tokens made earlier are dead.",
                verbose_name="tokens valid after",
            ),
        ),
        migrations.AlterField(
            "auditentry",
            "portal",
            models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="accounts.portal",
                verbose_name="portal",
            ),
        ),
        never("accounts_auditentry", "UPDATE", "DELETE"),
    ]
