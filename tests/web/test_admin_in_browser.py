"""The server administration in a real browser: under our policy, with its scripts, in German, in the dark."""

import pytest
from django.urls import reverse

from apps.accounts.models import User
from apps.packages.models import Subscription
from tests.cast import PASSWORD, Cast
from tests.clients_cast import user_key


@pytest.mark.browser
def test_the_administration_works_under_our_policy(cast: Cast, visit):
    key = user_key(cast.alice, cast.sunny)
    made = visit(User.objects.create_superuser("root@helioport.example", PASSWORD))
    page = made.to("/admin/")
    assert page.title() == "Server administration · Helioport"
    made.to(reverse("admin:plants_assignment_add"))
    page.locator(".select2-selection").first.click()
    page.locator(".select2-search__field").fill("alice")
    page.locator(".select2-results__option", has_text="alice@sunny.example").click()
    made.to(reverse("admin:packages_subscription_change", args=[key.subscription.pk]))
    page.get_by_role("button", name="Suspend").click()
    page.get_by_label("Reason").fill("Unpaid")
    page.get_by_role("button", name="Suspend").click()
    page.get_by_text("Suspend: done for 1 row.").wait_for()
    assert Subscription.objects.get().status == "suspended"
    for name in (
        "plants_plant_add",
        "accounts_user_add",
        "accounts_auditentry_changelist",
        "packages_terms_changelist",
    ):
        made.to(reverse(f"admin:{name}"))
