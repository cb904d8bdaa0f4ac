"""An assignment or fleet never joins two portals, and nothing moves between portals."""

from typing import ClassVar

from django.db import migrations

from apps.accounts.tenancy import fixed_portal, portal_of, same_portal


class Migration(migrations.Migration):
    dependencies: ClassVar = [("plants", "0001_initial")]

    operations: ClassVar = [
        fixed_portal("accounts_membership"),
        fixed_portal("plants_plant"),
        fixed_portal("plants_fleet"),
        same_portal(
            "plants_assignment",
            portal_of("accounts_membership", "membership_id"),
            portal_of("plants_plant", "plant_id"),
        ),
        same_portal(
            "plants_fleet_plants", portal_of("plants_fleet", "fleet_id"), portal_of("plants_plant", "plant_id")
        ),
    ]
