"""The server administration: every page opens, what must stay closed is closed, every act is recorded."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from oauth2_provider.models import AccessToken, RefreshToken

from apps.accounts.access import Role
from apps.accounts.audit import Actor
from apps.accounts.models import AuditEntry, Invitation, Membership, Portal, User
from apps.events.models import ComponentEvent, NoticeChoice, NoticePlan
from apps.ingest import keys
from apps.ingest.models import LoggerKey, Upload
from apps.measurements.models import DaySeries, MonthSeries, PlantLatest
from apps.packages import clients, offers, subscriptions
from apps.packages.catalog import Package
from apps.packages.models import (
    ApiClient,
    ClientSecret,
    PackageSettings,
    PlantAccess,
    QuotaCounter,
    Subscription,
    Terms,
    UsageHour,
)
from apps.plants.models import Assignment, Component, Contact, Epoch, Fleet, Plant
from tests.cast import PASSWORD, Cast, make_fleet, make_plant, make_user
from tests.clients_cast import user_key
from tests.gate import calling

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
    """A client with a secret, and an event."""
    client, secret = clients.create_client(subscription, "Grafana", ROOT)
    return {"client": client, "secret": secret, "event": an_event(cast.plant_a)}


def an_event(plant: Plant) -> ComponentEvent:
    return ComponentEvent.objects.create(
        plant=plant,
        device_id=Component.objects.filter(epoch__plant=plant)[0].cross_epoch_id,
        started_at=timezone.now(),
        status_code=1,
        severity="info",
    )


@pytest.fixture
def everything(cast: Cast, rows: dict[str, Any]) -> Callable[[int], None]:
    """`everything(n)`: n more rows of every model the admin shows."""
    manager = Membership.objects.get(user=cast.oskar)

    def make(n: int) -> None:
        now = timezone.now()
        for number in range(n):
            mark = f"{User.objects.count()}-{number}"
            plant = make_plant(cast.sunny, f"Plant {mark}")
            user = make_user(f"{mark}@sunny.example", cast.sunny, Role.OWNER, [plant])
            membership = Membership.objects.get(user=user)
            key = user_key(user, cast.sunny)
            Invitation.objects.create(membership=membership, digest=mark, expires_at=now)
            EmailAddress.objects.create(user=user, email=user.email)
            Authenticator.objects.create(user=user, type="totp", data={"secret": "TOTP-SECRET"})
            UserSession.objects.create(user=user, ip="192.0.2.1", user_agent="Firefox", session_key=f"key-of-{mark}")
            Portal.objects.create(slug=f"p{mark}", name=f"Portal {mark}")
            Group.objects.create(name=mark)
            make_fleet(cast.sunny, mark, [plant])
            an_event(plant)
            deliver(keys.create_key(plant, "Logger", ROOT)[0])
            PlantLatest.objects.get_or_create(plant=plant, defaults={"data_at": now})
            DaySeries.objects.create(plant=plant, device_id=plant.pk, day=dt.date(2025, 6, 1), data=b"12345")
            offers.publish_terms(cast.other, manager, ROOT, version=mark, text="Be fair.")
            QuotaCounter.objects.create(subscription=key.subscription, minute=1, minute_used=1, day=1, day_used=1)
            note(key.subscription, key.client, plant)
            NoticePlan.objects.create(user=user, timezone="Europe/Berlin")
            NoticeChoice.objects.create(membership=membership, level="errors")

    PackageSettings.objects.create(
        portal=cast.sunny, package="basic", per_minute=60, per_day=500, max_clients=5, approval="automatic"
    )
    return make


def deliver(key: LoggerKey) -> Upload:
    """A file delivered with the key."""
    given = {"kind": "file", "name": "min_day.js", "via": "FTP", "size": 1, "state": "received", "body": b"BODY"}
    return Upload.objects.create(plant=key.plant, key=key, digest="0" * 64, **given)


def note(subscription: Subscription, client: ApiClient, plant: Plant) -> None:
    """That a client called and read a plant."""
    now = timezone.now()
    UsageHour.objects.create(
        subscription=subscription,
        hour=now.replace(minute=0, second=0, microsecond=0),
        client_id=client.pk,
        function="plants",
        status="2xx",
        calls=17,
        points=0,
        bytes=0,
        milliseconds=1,
    )
    PlantAccess.objects.create(
        plant=plant,
        day=now.date(),
        client_id=client.pk,
        client_name=client.name,
        api="user",
        reader="somebody",
        calls=17,
        first_at=now,
        last_at=now,
    )


def record() -> AuditEntry:
    return AuditEntry.objects.order_by("-id")[0]


def act(root: Client, model: type[Any], action: str, row: Any, **more: str) -> Any:
    """Choose an act in the list, and confirm it with what its page asks for, if anything is given."""
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    confirmed = {"confirmed": "1", **more} if more else {}
    return root.post(url, {"action": action, "_selected_action": [str(row.pk)], **confirmed}, follow=True)


# --- Pages -----------------------------------------------------------------------------------------------------------


def test_every_list_every_row_and_every_form_opens(root: Client, everything):
    everything(1)
    for model, page in admin.site._registry.items():
        prefix = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert model._default_manager.exists(), f"no row of {model}"
        listed = root.get(reverse(f"{prefix}_changelist"), {"q": "a"} if page.search_fields else {})
        assert listed.status_code == 200, model
        row: Any = model._default_manager.first()
        assert root.get(reverse(f"{prefix}_change", args=[row.pk])).status_code == 200, model
        assert root.get(reverse(f"{prefix}_add")).status_code in (200, 403), model


def queries(root: Client) -> dict[str, int]:
    """How many statements the list and the page of the first row of every model take."""
    counted = {}
    for model in admin.site._registry:
        prefix = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        row: Any = model._default_manager.first()
        for name, url in (
            ("list", reverse(f"{prefix}_changelist")),
            ("row", reverse(f"{prefix}_change", args=[row.pk])),
        ):
            with CaptureQueriesContext(
                connection,
            ) as found:
                root.get(url)
            counted[f"{model.__name__} {name}"] = len(found)
    return counted


def test_no_page_asks_the_database_row_by_row(root: Client, everything):
    everything(1)
    few = queries(root)
    everything(12)
    many = queries(root)
    assert {name: (few[name], many[name]) for name in few if many[name] > few[name] + 2} == {}
    assert {name: count for name, count in many.items() if count > 30} == {}


def test_every_model_has_its_page_but_those_with_composite_keys_and_tokens(db):
    registered = set(admin.site._registry)
    assert registered >= {
        *(Portal, User, Group, Membership, Invitation, AuditEntry, EmailAddress, Authenticator, UserSession),
        *(Plant, Contact, Assignment, Fleet, Epoch, Component, ComponentEvent, PlantLatest),
        *(Subscription, ApiClient, ClientSecret, PackageSettings, Terms, QuotaCounter),
        *(LoggerKey, Upload),
    }
    assert not registered & {DaySeries, MonthSeries, UsageHour, PlantAccess, AccessToken, RefreshToken}


def test_use_readings_and_stored_days_are_summed_up_where_they_belong(root: Client, cast: Cast, everything):
    everything(1)
    plant = Plant.objects.get(label__startswith="Plant 7")
    client = ApiClient.objects.get(pk=PlantAccess.objects.get().client_id)
    texts = (
        (client.subscription, "<div>2xx: 17</div>"),
        (client, f"<div>{plant.label}: 17 ("),
        (PlantLatest.objects.get(plant=plant), "1 packed days of devices, 2025-06-01 to 2025-06-01, 5\xa0bytes"),
    )
    for row, text in texts:
        url = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
        assert text in root.get(url).content.decode()


def test_nobody_but_staff_gets_in(cast: Cast):
    client = Client()
    client.force_login(cast.mona)
    response = client.get(reverse("admin:index"))
    assert (response.status_code, response.headers["Location"]) == (302, "/admin/login/?next=/admin/")


def test_an_assignment_made_here_is_recorded_with_who_and_from_where(root: Client, cast: Cast):
    membership = cast.charlie.memberships.get()
    data = {"plant": str(cast.plant_a.pk), "membership": str(membership.pk)}
    assert root.post(reverse("admin:plants_assignment_add"), data).status_code == 302
    assert Assignment.objects.filter(plant=cast.plant_a, membership=membership).exists()
    entry = record()
    assert (entry.action, entry.actor, entry.address) == ("plant.assigned", ROOT.name, "127.0.0.1")


def test_behind_a_proxy_the_record_names_the_caller_and_not_the_proxy(
    root: Client, subscription: Subscription, settings: Any
):
    settings.TRUSTED_PROXIES = ["127.0.0.1/32"]
    root.defaults["HTTP_X_FORWARDED_FOR"] = "198.51.100.7"
    act(root, Subscription, "suspend", subscription, reason="Unpaid")
    assert record().address == "198.51.100.7"


def test_a_foreign_plant_is_refused_in_words(root: Client, cast: Cast):
    data = {"plant": str(cast.plant_o.pk), "membership": str(cast.alice.memberships.get().pk)}
    response = root.post(reverse("admin:plants_assignment_add"), data)
    assert "This plant belongs to another portal" in response.content.decode()
    assert AuditEntry.objects.count() == 0


def test_an_assignment_ends_here_with_a_record(root: Client, cast: Cast):
    act(root, Assignment, "delete_selected", Assignment.objects.get(plant=cast.plant_a), post="yes")
    assert record().action == "plant.unassigned"
    assert not Assignment.objects.filter(plant=cast.plant_a).exists()


def test_a_user_is_created_here_in_lower_case_without_a_password(root: Client):
    data = {"email": "Nina@Sunny.example", "name": "Nina", "usable_password": "false"}
    root.post(reverse("admin:accounts_user_add"), data)
    user = User.objects.get(email="nina@sunny.example")
    assert not user.has_usable_password()
    assert (record().action, record().subject) == ("user.added", "nina@sunny.example")


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


# --- What stays closed -----------------------------------------------------------------------------------------------


def test_secrets_and_digests_are_never_shown(root: Client, rows: dict[str, Any], everything):
    everything(1)
    secret = ClientSecret.objects.get(client=rows["client"])
    logger = LoggerKey.objects.get()
    keys.rotate_key(logger, ROOT)
    former, digest = logger.digest, LoggerKey.objects.get().digest
    hidden = (secret.digest, secret.pepper_id, rows["secret"], "TOTP-SECRET", "key-of-", former, digest, "BODY")
    models: tuple[Any, ...] = (
        *(ClientSecret, ApiClient, Subscription, Authenticator, UserSession, Invitation, LoggerKey, Upload),
    )
    for model in models:
        prefix = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        for url in (
            reverse(f"{prefix}_changelist"),
            *(reverse(f"{prefix}_change", args=[row.pk]) for row in model._default_manager.all()),
        ):
            page = root.get(url).content.decode()
            assert [text for text in hidden if text in page] == [], url


HISTORY = (
    *(AuditEntry, Membership, Invitation, EmailAddress, Authenticator, UserSession, ComponentEvent, PlantLatest),
    *(Subscription, PackageSettings, Terms, ApiClient, ClientSecret, QuotaCounter, LoggerKey, Upload),
)


def test_audit_entries_clients_and_secrets_cannot_be_changed(root: Client, everything):
    everything(1)
    for model in HISTORY:
        prefix = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        row = model._default_manager.first()
        assert row is not None
        assert root.post(reverse(f"{prefix}_change", args=[row.pk]), {}).status_code == 403, model
        assert root.post(reverse(f"{prefix}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403, model
        if model not in (Membership, LoggerKey):  # these are made here
            assert root.post(reverse(f"{prefix}_add"), {}).status_code == 403, model


def test_what_would_take_history_along_cannot_be_deleted(root: Client, cast: Cast, rows: dict[str, Any]):
    component = Component.objects.filter(epoch__plant=cast.plant_a)[0]
    for row in (cast.sunny, cast.alice, cast.plant_a, component.epoch, component):
        prefix = f"admin:{row._meta.app_label}_{row._meta.model_name}"
        assert root.post(reverse(f"{prefix}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403, row
        act(root, type(row), "delete_selected", row, post="yes")
        assert type(row)._default_manager.filter(pk=row.pk).exists()


def test_what_nothing_hangs_on_is_deleted_with_a_record(root: Client, cast: Cast):
    empty = Portal.objects.create(slug="empty", name="Empty Portal")
    nobody = User.objects.create_user("nobody@sunny.example", None)
    UserSession.objects.create(user=nobody, ip="192.0.2.1", user_agent="Firefox", session_key="old")
    plant = make_plant(cast.sunny, "Never built")
    for row in (empty, nobody, plant):
        prefix = f"admin:{row._meta.app_label}_{row._meta.model_name}"
        assert root.post(reverse(f"{prefix}_delete", args=[row.pk]), {"post": "yes"}).status_code == 302, row
        assert not type(row)._default_manager.filter(pk=row.pk).exists()
        assert (record().action, record().subject) == (f"{row._meta.model_name}.deleted", str(row))


def test_staff_act_only_with_the_right_to_change(cast: Cast, subscription: Subscription):
    viewer = User.objects.create_user("viewer@helioport.example", PASSWORD, is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_subscription"))
    client = Client()
    client.force_login(viewer)
    page = client.get(reverse("admin:packages_subscription_change", args=[subscription.pk]))
    assert "Suspend" not in page.content.decode()
    act(client, Subscription, "suspend", subscription, reason="Because")
    subscription.refresh_from_db()
    assert subscription.status == "active"


def test_staff_cannot_make_themselves_superusers_nor_change_those(root: Client, cast: Cast):
    staff = User.objects.create_user("staff@helioport.example", PASSWORD, is_staff=True)
    staff.user_permissions.add(*Permission.objects.filter(codename__in=["view_user", "change_user"]))
    client = Client()
    client.force_login(staff)
    form = {"email": staff.email, "name": "Staff", "language": "", "is_superuser": "on", "is_staff": "on", **NO_MEMBERS}
    client.post(reverse("admin:accounts_user_change", args=[staff.pk]), form)
    staff.refresh_from_db()
    assert (staff.name, staff.is_superuser) == ("Staff", False)
    above = User.objects.get(email=ROOT.name)
    assert client.post(reverse("admin:accounts_user_change", args=[above.pk]), form).status_code == 403
    password = {"password1": "another afternoon", "password2": "another afternoon", "usable_password": "true"}
    assert client.post(f"/admin/accounts/user/{above.pk}/password/", password).status_code == 403


NO_MEMBERS = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}


# --- Acts ------------------------------------------------------------------------------------------------------------


def test_an_act_says_what_will_happen_and_asks_why_before_it_acts(root: Client, subscription: Subscription):
    asked = act(root, Subscription, "suspend", subscription)
    assert "Every call is refused at once" in asked.content.decode()
    assert str(subscription) in asked.content.decode()
    silent = act(root, Subscription, "suspend", subscription, reason=" ")
    assert "This field is required." in silent.content.decode()
    subscription.refresh_from_db()
    assert subscription.status == "active"


def test_a_subscription_is_suspended_with_a_reason_and_resumed(root: Client, cast: Cast):
    key = user_key(cast.alice, cast.sunny)
    token, subscription = key.token(), key.subscription
    act(root, Subscription, "suspend", subscription, reason="Unpaid")
    subscription.refresh_from_db()
    assert (subscription.status, subscription.reason) == ("suspended", "Unpaid")
    assert (record().action, record().actor, record().reason) == ("api.suspended", ROOT.name, "Unpaid")
    assert calling.status(token, "me") == 401
    refused = act(root, Subscription, "deactivate", subscription, reason="x")
    assert "API access is suspended: Unpaid" in refused.content.decode()
    act(root, Subscription, "resume", subscription, reason="")
    subscription.refresh_from_db()
    assert subscription.status == "active"


def test_a_package_limits_and_the_end_of_all_go_through_the_same_functions_as_everywhere(root: Client, cast: Cast):
    key = user_key(cast.alice, cast.sunny)
    token, subscription = key.token(), key.subscription
    act(root, Subscription, "change_package", subscription, package="advanced", reason="Asked for")
    act(root, Subscription, "change_limits", subscription, per_minute="7", per_day="", until="", reason="Too much")
    subscription.refresh_from_db()
    assert (subscription.package, subscription.override_per_minute) == ("advanced", 7)
    assert calling.status(token, "me") == 200
    act(root, Subscription, "revoke_all", subscription, reason="On GitHub")
    assert calling.status(token, "me") == 401
    acts = AuditEntry.objects.filter(actor=ROOT.name).order_by("id").values_list("action", "reason")
    assert list(acts) == [
        ("api.package_changed", "Asked for"),
        ("api.limits_changed", "Too much"),
        ("api.all_revoked", "On GitHub"),
    ]


def test_a_logger_key_is_made_here_and_its_secret_shown_once(root: Client, cast: Cast):
    answer = root.post(reverse("admin:ingest_loggerkey_add"), {"plant": str(cast.plant_a.pk), "name": "Cellar"})
    [secret] = re.findall(r"hpl_\w{49}", answer.content.decode())
    assert "no-store" in answer.headers["Cache-Control"]
    key = keys.verify(secret)
    assert key is not None
    assert (key.plant, key.name) == (cast.plant_a, "Cellar")
    assert (record().action, record().subject) == ("logger_key.created", "Plant A · Cellar")
    again = root.post(reverse("admin:ingest_loggerkey_add"), {"plant": str(cast.plant_a.pk), "name": "Cellar"})
    assert "hpl_" not in again.content.decode()
    assert LoggerKey.objects.count() == 1


def test_a_logger_key_is_revoked_here(root: Client, cast: Cast):
    key, secret = keys.create_key(cast.plant_a, "Logger", ROOT)
    act(root, LoggerKey, "revoke", key, reason="Stolen")
    assert keys.verify(secret) is None
    assert (record().action, record().subject, record().reason) == ("logger_key.revoked", "Plant A · Logger", "Stolen")


def test_leaked_credentials_end_here(root: Client, rows: dict[str, Any]):
    act(root, ApiClient, "revoke_as_leaked", rows["client"], reason="In a forum")
    assert ClientSecret.objects.get().revoked_at is not None
    assert (record().action, record().reason) == ("client.leaked", "In a forum")


def test_a_user_disabled_here_has_dead_tokens_for_good(root: Client, cast: Cast):
    before = cast.alice.valid_after
    act(root, User, "disable", cast.alice, reason="Moved away")
    cast.alice.refresh_from_db()
    assert (cast.alice.is_active, cast.alice.valid_after > before) == (False, True)
    entry = AuditEntry.objects.get(action="user.disabled")
    assert (entry.actor, entry.before, entry.after) == (ROOT.name, {"active": True}, {"active": False})
    assert entry.reason == "Moved away"
    act(root, User, "enable", cast.alice, reason="Came back")
    cast.alice.refresh_from_db()
    assert cast.alice.is_active


def test_who_lost_the_second_factor_gets_in_by_password_again(root: Client, cast: Cast):
    Authenticator.objects.create(user=cast.alice, type="totp", data={})
    alice = Client()
    alice.force_login(cast.alice)
    alice.get("/p/sunny/plants")
    act(root, User, "remove_second_factors", cast.alice, reason="Phone lost, called back")
    assert not Authenticator.objects.filter(user=cast.alice).exists()
    assert alice.get("/p/sunny/plants").status_code == 302
    assert (record().action, record().before) == ("user.second_factors_removed", {"factors": ["totp"]})


def test_memberships_are_made_changed_and_ended_with_a_record(root: Client, cast: Cast):
    data = {"user": str(cast.alice.pk), "portal": str(cast.other.pk), "role": "owner"}
    root.post(reverse("admin:accounts_membership_add"), data)
    membership = Membership.objects.get(user=cast.alice, portal=cast.other)
    act(root, Membership, "change_role", membership, role="manager", reason="Helps out")
    assert Membership.objects.get(pk=membership.pk).role == "manager"
    act(root, Membership, "remove", membership, reason="Left")
    actions = AuditEntry.objects.order_by("id").values_list("action", "reason")
    assert list(actions) == [
        ("membership.created", ""),
        ("membership.role_changed", "Helps out"),
        ("membership.removed", "Left"),
    ]


def test_what_the_domain_refuses_is_said_and_nothing_happens(root: Client, cast: Cast):
    only = Membership.objects.get(user=cast.mona)
    refused = act(root, Membership, "remove", only, reason="x")
    assert "is the only active manager of this portal" in refused.content.decode()
    assert Membership.objects.filter(pk=only.pk).exists()


def test_plants_are_assigned_to_a_member_from_their_list(root: Client, cast: Cast):
    act(root, Plant, "assign", cast.plant_b, email="Charlie@sunny.example", reason="Bought it")
    assert Assignment.objects.filter(plant=cast.plant_b, membership__user=cast.charlie).exists()
    assert (record().action, record().reason) == ("plant.assigned", "Bought it")
    foreign = act(root, Plant, "assign", cast.plant_b, email=cast.oskar.email, reason="x")
    assert "is no member of the portal sunny" in foreign.content.decode()
    unknown = act(root, Plant, "assign", cast.plant_b, email="who@sunny.example", reason="x")
    assert "Nobody with this address is in a portal." in unknown.content.decode()
