"""The constraint names the plant: a cluster spreads uploads by plant, and keeps unique only what contains it.

The new one is made before the old one goes, so nothing that was unique is not for a moment.
"""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("ingest", "0003_discarded_uploads")]

    operations = [
        migrations.AddConstraint(
            "upload",
            models.UniqueConstraint(
                fields=["plant", "key", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="one_upload_per_plant_and_idempotency_key",
            ),
        ),
        migrations.RemoveConstraint("upload", "one_upload_per_idempotency_key"),
    ]
