"""A subscription belongs to the portal of its member, for good."""

from typing import ClassVar

from django.db import migrations

from apps.accounts.tenancy import fixed_portal, portal_of, same_portal


class Migration(migrations.Migration):
    dependencies: ClassVar = [("packages", "0001_initial"), ("accounts", "0001_initial")]

    operations: ClassVar = [
        fixed_portal("packages_subscription"),
        same_portal("packages_subscription", "NEW.portal_id", portal_of("accounts_membership", "membership_id")),
    ]
