"""The server administration: every page opens, what must stay closed is closed, every act is recorded."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from oauth2_provider.models import AccessToken, RefreshToken

from apps.accounts.audit import Actor
from apps.accounts.models import AuditEntry, Membership, Portal, User
from apps.events.models import ComponentEvent
from apps.measurements.models import DaySeries, MonthSeries
from apps.packages import clients, subscriptions
from apps.packages.catalog import Package
from apps.packages.models import ApiClient, ClientSecret, Subscription
from apps.plants.models import Assignment, Component, Contact, Epoch, Fleet, Plant
from tests.cast import PASSWORD, Cast

ROOT = Actor("root@helioport.example")


@pytest.fixture
def root(cast: Cast) -> Client:
    """A browser in which the operator of the server is logged in."""
    client = Client()
    client.force_login(User.objects.create_superuser(ROOT.name, PASSWORD))
    return client


@pytest.fixture
def subscription(cast: Cast) -> Subscription:
    membership = cast.alice.memberships.get()
    return subscriptions.activate_user_api(membership, Package.BASIC, ROOT)


@pytest.fixture
def rows(cast: Cast, subscription: Subscription) -> dict[str, Any]:
    """One row of every kind the admin shows."""
    client, secret = clients.create_client(subscription, "Grafana", ROOT)
    event = ComponentEvent.objects.create(
        plant=cast.plant_a,
        device_id=Component.objects.filter(epoch__plant=cast.plant_a)[0].cross_epoch_id,
        started_at=timezone.now(),
        status_code=1,
        severity="info",
    )
    return {"client": client, "secret": secret, "event": event}


def record() -> AuditEntry:
    return AuditEntry.objects.order_by("-id")[0]


def act(root: Client, model: type[Any], action: str, row: Any, **more: str) -> Any:
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return root.post(url, {"action": action, "_selected_action": [str(row.pk)], **more}, follow=True)


def test_every_list_every_row_and_every_form_opens(root: Client, rows: dict[str, Any]):
    for model, page in admin.site._registry.items():
        prefix = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        listed = root.get(reverse(f"{prefix}_changelist"), {"q": "a"} if page.search_fields else {})
        assert listed.status_code == 200, model
        row = model._default_manager.first()
        if row is not None:
            assert root.get(reverse(f"{prefix}_change", args=[row.pk])).status_code == 200, model
        adding = root.get(reverse(f"{prefix}_add"))
        assert adding.status_code in (200, 403), model


def test_every_model_has_its_page_but_the_packed_rows_and_tokens(db):
    registered = set(admin.site._registry)
    assert registered >= {
        *(Portal, User, Membership, AuditEntry, Plant, Contact, Assignment, Fleet, Epoch, Component),
        *(ComponentEvent, Subscription, ApiClient, ClientSecret),
    }
    assert not registered & {DaySeries, MonthSeries, AccessToken, RefreshToken}


def test_lists_do_not_query_row_by_row(root: Client, cast: Cast, django_assert_max_num_queries):
    for name in ("plants_plant", "plants_assignment", "plants_component", "accounts_membership", "plants_epoch"):
        with django_assert_max_num_queries(12):
            root.get(reverse(f"admin:{name}_changelist"))


def test_nobody_but_staff_gets_in(cast: Cast):
    client = Client()
    client.force_login(cast.mona)
    response = client.get(reverse("admin:index"))
    assert (response.status_code, response.headers["Location"]) == (302, "/admin/login/?next=/admin/")


def test_secrets_and_digests_are_never_shown(root: Client, rows: dict[str, Any]):
    secret = ClientSecret.objects.get()
    for row in (secret, rows["client"], rows["client"].subscription):
        page = root.get(reverse(f"admin:packages_{row._meta.model_name}_change", args=[row.pk])).content.decode()
        for hidden in (secret.digest, secret.pepper_id, rows["secret"]):
            assert hidden not in page


def test_audit_entries_clients_and_secrets_cannot_be_changed(root: Client, rows: dict[str, Any]):
    for row in (AuditEntry.objects.all()[0], rows["client"], ClientSecret.objects.get(), rows["event"]):
        prefix = f"admin:{row._meta.app_label}_{row._meta.model_name}"
        assert root.post(reverse(f"{prefix}_change", args=[row.pk]), {}).status_code == 403
        assert root.post(reverse(f"{prefix}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
        assert root.post(reverse(f"{prefix}_add"), {}).status_code == 403


def test_an_assignment_made_here_is_recorded_with_who_and_from_where(root: Client, cast: Cast):
    membership = cast.charlie.memberships.get()
    data = {"plant": str(cast.plant_a.pk), "membership": str(membership.pk)}
    assert root.post(reverse("admin:plants_assignment_add"), data).status_code == 302
    assert Assignment.objects.filter(plant=cast.plant_a, membership=membership).exists()
    entry = record()
    assert (entry.action, entry.actor, entry.address) == ("plant.assigned", ROOT.name, "127.0.0.1")


def test_a_foreign_plant_is_refused_in_words(root: Client, cast: Cast):
    data = {"plant": str(cast.plant_o.pk), "membership": str(cast.alice.memberships.get().pk)}
    response = root.post(reverse("admin:plants_assignment_add"), data)
    assert "This plant belongs to another portal" in response.content.decode()
    assert AuditEntry.objects.count() == 0


def test_an_assignment_ends_here_with_a_record(root: Client, cast: Cast):
    act(root, Assignment, "delete_selected", Assignment.objects.get(plant=cast.plant_a), post="yes")
    assert record().action == "plant.unassigned"
    assert not Assignment.objects.filter(plant=cast.plant_a).exists()


def test_memberships_are_made_changed_and_ended_with_a_record(root: Client, cast: Cast):
    data = {"user": str(cast.alice.pk), "portal": str(cast.other.pk), "role": "owner"}
    root.post(reverse("admin:accounts_membership_add"), data)
    membership = Membership.objects.get(user=cast.alice, portal=cast.other)
    root.post(reverse("admin:accounts_membership_change", args=[membership.pk]), {"role": "manager"})
    assert Membership.objects.get(pk=membership.pk).role == "manager"
    root.post(reverse("admin:accounts_membership_delete", args=[membership.pk]), {"post": "yes"})
    actions = AuditEntry.objects.order_by("id").values_list("action", flat=True)
    assert list(actions) == ["membership.created", "membership.role_changed", "membership.removed"]


def test_a_user_is_created_here_in_lower_case_without_a_password(root: Client):
    data = {"email": "Nina@Sunny.example", "name": "Nina", "usable_password": "false"}
    root.post(reverse("admin:accounts_user_add"), data)
    user = User.objects.get(email="nina@sunny.example")
    assert not user.has_usable_password()
    assert (record().action, record().subject) == ("user.added", "nina@sunny.example")


_NO_MEMBERSHIPS = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}


def test_a_user_disabled_here_has_dead_tokens_for_good(root: Client, cast: Cast):
    url, before = reverse("admin:accounts_user_change", args=[cast.alice.pk]), cast.alice.valid_after
    form = {"email": "alice@sunny.example", "name": "Alice"}
    assert root.post(url, {**form, **_NO_MEMBERSHIPS}).status_code == 302
    cast.alice.refresh_from_db()
    assert (cast.alice.is_active, cast.alice.valid_after > before) == (False, True)
    entry = AuditEntry.objects.get(action="user.disabled")
    assert (entry.actor, entry.before, entry.after) == (ROOT.name, {"active": True}, {"active": False})


def test_a_plant_keeps_its_portal_whatever_is_posted(root: Client, cast: Cast):
    url = reverse("admin:plants_plant_change", args=[cast.plant_a.pk])
    page = root.get(url)
    form = page.context["adminform"].form
    assert "portal" not in form.fields
    data = {name: value for name, value in form.initial.items() if value is not None and name in form.fields}
    formsets = [inline.formset.management_form.initial for inline in page.context["inline_admin_formsets"]]
    prefixes = [inline.formset.prefix for inline in page.context["inline_admin_formsets"]]
    for prefix, initial in zip(prefixes, formsets, strict=True):
        data |= {f"{prefix}-{name}": value for name, value in initial.items()} | {f"{prefix}-INITIAL_FORMS": 0}
        data |= {f"{prefix}-TOTAL_FORMS": 0}
    posted = root.post(url, {**data, "label": "Barn", "portal": str(cast.other.pk), "monthly_shares": ""})
    assert posted.status_code == 302, posted.context["errors"]
    plant = Plant.objects.get(pk=cast.plant_a.pk)
    assert (plant.label, plant.portal) == ("Barn", cast.sunny)
    assert (record().action, record().portal) == ("plant.changed", cast.sunny)


def test_a_fleet_with_a_foreign_plant_is_refused_in_words(root: Client, cast: Cast):
    data = {"portal": str(cast.sunny.pk), "label": "South", "plants": [str(cast.plant_a.pk), str(cast.plant_o.pk)]}
    response = root.post(reverse("admin:plants_fleet_add"), data)
    assert "These plants belong to another portal: Plant O." in response.content.decode()
    root.post(reverse("admin:plants_fleet_add"), {**data, "plants": [str(cast.plant_a.pk)]})
    assert Fleet.objects.get(label="South").plants.get() == cast.plant_a


def test_a_subscription_is_suspended_with_a_reason_and_resumed(root: Client, subscription: Subscription):
    silent = act(root, Subscription, "suspend", subscription)
    assert "Say why" in silent.content.decode()
    act(root, Subscription, "suspend", subscription, reason="Unpaid")
    subscription.refresh_from_db()
    assert (subscription.status, subscription.reason) == ("suspended", "Unpaid")
    assert record().action == "api.suspended"
    refused = act(root, Subscription, "deactivate", subscription)
    assert "API access is suspended: Unpaid" in refused.content.decode()
    act(root, Subscription, "resume", subscription)
    subscription.refresh_from_db()
    assert subscription.status == "active"


def test_a_package_changes_here_through_the_same_function_as_everywhere(root: Client, subscription: Subscription):
    url = reverse("admin:packages_subscription_change", args=[subscription.pk])
    inline = {"clients-TOTAL_FORMS": "0", "clients-INITIAL_FORMS": "0"}
    assert root.post(url, {"package": "advanced", "status": "off", **inline}).status_code == 302
    subscription.refresh_from_db()
    assert (subscription.package, subscription.status) == ("advanced", "active")
    assert record().action == "api.package_changed"


def test_leaked_credentials_end_here(root: Client, rows: dict[str, Any]):
    act(root, ApiClient, "revoke_as_leaked", rows["client"])
    assert ClientSecret.objects.get().revoked_at is not None
    assert record().action == "client.leaked"


def test_a_deleted_portal_leaves_its_record(root: Client, cast: Cast):
    root.post(reverse("admin:accounts_portal_delete", args=[cast.other.pk]), {"post": "yes"})
    assert not Portal.objects.filter(slug="other").exists()
    assert (record().action, record().subject, record().portal_id) == ("portal.deleted", "Other Portal", cast.other.pk)
