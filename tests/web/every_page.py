"""Every address of the HTML face: who may come, and what a browser gets there. The tests and the screenshots read it.

A row says for whom an address is: ANYBODY, USERS (who are logged in), MEMBERS of the portal, MANAGERS of it, those who
see PLANT A, or the OWNER of the API client. `page` rows are looked at in a browser; the others are acts, pieces of
pages or files.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from django.urls import NoReverseMatch, reverse

from apps.accounts.models import Membership
from apps.events import choices
from apps.ingest.models import LoggerKey, Upload
from apps.packages.models import ApiClient, Subscription, Terms
from tests.cast import Cast


class Who(Enum):
    """For whom an address is."""

    ANYBODY = auto()
    USERS = auto()
    MEMBERS = auto()
    MANAGERS = auto()
    PLANT = auto()
    OWNER = auto()


@dataclass(frozen=True, slots=True)
class World:
    """What the addresses name: all of it belongs to Sunny; plant, client and logger key to Alice."""

    cast: Cast
    client: ApiClient
    subscription: Subscription
    terms: Terms
    key: LoggerKey
    upload: Upload  # in quarantine
    token: str  # of an invitation

    @property
    def membership(self) -> Membership:
        return Membership.objects.get(user=self.cast.alice, portal=self.cast.sunny)


Arguments = Callable[[World], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Row:
    """One address. `query` completes it, `data` is posted; `confirmed`: asks for the password again."""

    name: str
    who: Who
    arguments: Arguments = field(default=lambda _: {})
    page: bool = True
    method: str = "GET"
    query: str = ""
    confirmed: bool = False
    data: Mapping[str, str] | None = None

    def path(self, world: World) -> str:
        """The address in this world."""
        needs_portal = self.who in (Who.MEMBERS, Who.MANAGERS, Who.PLANT, Who.OWNER)
        given = {"portal": world.cast.sunny.slug} if needs_portal else {}
        given |= self.arguments(world)
        try:
            return reverse(f"web:{self.name}", kwargs=given) + self.query
        except NoReverseMatch:  # allauth's names stand in no namespace
            return reverse(self.name, kwargs=given) + self.query


def _plant(world: World) -> Mapping[str, Any]:
    return {"plant_id": world.cast.plant_a.pk}


def _user_api(world: World) -> Mapping[str, Any]:
    return {"api": "user"}


def _portal_api(world: World) -> Mapping[str, Any]:
    return {"api": "portal"}


def _client(world: World) -> Mapping[str, Any]:
    return {"api": "user", "client_id": world.client.client_id}


def _secret(world: World) -> Mapping[str, Any]:
    return {**_client(world), "secret_id": world.client.secrets.get().pk}


def _package(name: str, api: str = "user") -> Arguments:
    return lambda _: {"api": api, "package": name}


def _member(world: World) -> Mapping[str, Any]:
    return {"member": world.membership.pk}


def _fleet(world: World) -> Mapping[str, Any]:
    return {"fleet_id": world.cast.fleet_s.pk}


def _subscription(world: World) -> Mapping[str, Any]:
    return {"pk": world.subscription.pk}


def _key(world: World) -> Mapping[str, Any]:
    return {"key_id": world.key.pk}


def _upload(world: World) -> Mapping[str, Any]:
    return {"upload_id": world.upload.pk}


def _act(name: str) -> Arguments:
    return lambda world: {"pk": world.subscription.pk, "name": name}


ROWS = (
    # --- for anybody ---
    Row("home", Who.ANYBODY),
    Row("account_login", Who.ANYBODY),
    Row("account_reset_password", Who.ANYBODY),
    Row("account_reset_password_done", Who.ANYBODY),
    Row("account_inactive", Who.ANYBODY),
    Row("invitation", Who.ANYBODY, lambda world: {"token": world.token}, page=False),
    Row("accept_invitation", Who.ANYBODY, page=False),  # looked at with a living link: test_account_in_browser.py
    Row("mfa_authenticate", Who.ANYBODY, page=False),
    Row("mfa_login_webauthn", Who.ANYBODY, page=False),
    Row("account_reset_password_from_key", Who.ANYBODY, lambda _: {"uidb36": "1", "key": "set-password"}),
    Row("account_logout", Who.ANYBODY, page=False),
    Row("healthz", Who.ANYBODY, page=False),
    Row("robots", Who.ANYBODY, page=False),
    Row("favicon", Who.ANYBODY, page=False),
    Row("theme", Who.ANYBODY, page=False, method="POST"),
    Row("language", Who.ANYBODY, page=False, method="POST"),
    Row("notices_stop", Who.ANYBODY, lambda world: {"token": choices.token_of(world.cast.alice)}),
    # --- one's own account ---
    Row("account", Who.USERS),
    Row("account_name", Who.USERS, page=False, method="POST"),
    Row("end_sessions", Who.USERS, page=False, method="POST"),
    Row("account_reauthenticate", Who.USERS),
    Row("account_change_password", Who.USERS),
    Row("mfa_index", Who.USERS),
    Row("mfa_reauthenticate", Who.USERS, page=False, confirmed=True),
    Row("mfa_activate_totp", Who.USERS, confirmed=True),
    Row("mfa_deactivate_totp", Who.USERS, page=False, confirmed=True),
    Row("mfa_view_recovery_codes", Who.USERS, page=False, confirmed=True),
    Row("mfa_generate_recovery_codes", Who.USERS, page=False, confirmed=True),
    Row("mfa_download_recovery_codes", Who.USERS, page=False, confirmed=True),
    Row("mfa_list_webauthn", Who.USERS, page=False),
    Row("mfa_add_webauthn", Who.USERS, confirmed=True),
    Row("mfa_reauthenticate_webauthn", Who.USERS, page=False, confirmed=True),
    # --- plants ---
    Row("plants", Who.MEMBERS),
    Row("plants", Who.MEMBERS, query="?view=table"),
    Row("plant", Who.PLANT, _plant, query="?period=day&date=2026-06-21"),
    Row("plant", Who.PLANT, _plant, query="?period=month&date=2026-06-21"),
    Row("plant_data", Who.PLANT, _plant, page=False),
    Row("plant_csv", Who.PLANT, _plant, page=False),
    Row("plant_components", Who.PLANT, _plant),
    Row("plant_events", Who.PLANT, _plant),
    Row("plant_kpis", Who.PLANT, _plant),
    Row("plant_about", Who.PLANT, _plant),
    # --- mails about plants ---
    Row("notices", Who.MEMBERS),
    Row("notices_plan", Who.MEMBERS, page=False, method="POST"),
    Row("notices_choose", Who.MEMBERS, page=False, method="POST"),
    # --- API access ---
    Row("api_access", Who.MEMBERS),
    Row("api_overview", Who.MEMBERS, _user_api),
    Row("api_overview", Who.MANAGERS, _portal_api),
    Row("api_activate", Who.MEMBERS, _package("basic"), page=False, confirmed=True),
    Row("api_activate", Who.MANAGERS, _package("advanced", "portal"), confirmed=True),
    Row("api_package", Who.MEMBERS, _package("basic"), confirmed=True),
    Row("api_deactivate", Who.MEMBERS, _user_api, confirmed=True),
    Row("api_client_new", Who.MEMBERS, _user_api, confirmed=True),
    Row("api_client_plants", Who.MEMBERS, _user_api, page=False),
    Row("api_client", Who.OWNER, _client),
    Row("api_client_rotate", Who.OWNER, _client, confirmed=True),
    Row("api_client_revoke", Who.OWNER, _client, confirmed=True),
    Row("api_client_leaked", Who.OWNER, _client, confirmed=True),
    Row("api_secret_revoke", Who.OWNER, _secret, confirmed=True),
    # --- documentation ---
    Row("docs", Who.MEMBERS),
    Row("docs_guide", Who.MEMBERS),
    Row("docs_channels", Who.MEMBERS),
    Row("docs_reference", Who.MEMBERS),
    Row("docs_token", Who.MEMBERS, page=False, method="POST", data={"api": "user"}),
    # --- the manager's console ---
    Row("console", Who.MANAGERS),
    Row("pick_plants", Who.MANAGERS, page=False),
    Row("pick_members", Who.MANAGERS, page=False),
    Row("users", Who.MANAGERS),
    Row("invite", Who.MANAGERS),
    Row("user", Who.MANAGERS, _member),
    Row("user_role", Who.MANAGERS, _member, page=False, method="POST"),
    Row("user_access", Who.MANAGERS, _member, page=False, method="POST"),
    Row("user_plants", Who.MANAGERS, _member, page=False, method="POST"),
    Row("user_remove", Who.MANAGERS, _member, page=False, method="POST"),
    Row("invitation_resend", Who.MANAGERS, _member, page=False, method="POST"),
    Row("invitation_cancel", Who.MANAGERS, _member, page=False, method="POST"),
    Row("assignments", Who.MANAGERS),
    Row("assignments_change", Who.MANAGERS, page=False, method="POST"),
    Row("assignments_by_plant", Who.MANAGERS),
    Row("assignments_by_user", Who.MANAGERS),
    Row("fleets", Who.MANAGERS),
    Row("new_fleet", Who.MANAGERS),
    Row("fleet", Who.MANAGERS, _fleet),
    Row("delete_fleet", Who.MANAGERS, _fleet, page=False, method="POST"),
    Row("loggers", Who.MANAGERS),
    Row("new_logger_key", Who.MANAGERS, _plant, confirmed=True),
    Row("logger_key", Who.MANAGERS, _key),
    Row("rotate_logger_key", Who.MANAGERS, _key, confirmed=True),
    Row("revoke_logger_key", Who.MANAGERS, _key, confirmed=True),
    Row("uploads", Who.MANAGERS),
    Row("uploads", Who.MANAGERS, query="?state=quarantined"),
    Row("upload", Who.MANAGERS, _upload),
    Row("upload_csv", Who.MANAGERS, _upload, page=False),
    Row("retry_uploads", Who.MANAGERS, page=False, method="POST"),
    Row("discard_uploads", Who.MANAGERS, page=False, method="POST"),
    Row("audit", Who.MANAGERS),
    Row("audit_csv", Who.MANAGERS, page=False),
    Row("subscriptions", Who.MANAGERS),
    Row("subscription", Who.MANAGERS, _subscription),
    Row("subscription_act", Who.MANAGERS, _act("suspend")),
    Row("subscription_act", Who.MANAGERS, _act("limits")),
    Row("subscription_act", Who.MANAGERS, _act("package"), confirmed=True),
    Row("subscription_act", Who.MANAGERS, _act("revoke-all"), confirmed=True),
    Row("packages", Who.MANAGERS),
    Row("package", Who.MANAGERS, lambda _: {"name": "basic"}, page=False, method="POST"),
    Row("package_reset", Who.MANAGERS, lambda _: {"name": "basic"}, page=False, method="POST"),
    Row("terms", Who.MANAGERS),
    Row("terms_new", Who.MANAGERS),
    Row("terms_version", Who.MANAGERS, lambda world: {"pk": world.terms.pk}),
)
UNREACHED = {
    *("mfa_edit_webauthn", "mfa_remove_webauthn"),  # of a passkey one has: tests/web/test_account.py
    "metrics",  # no session opens it: tests/monitoring/test_metrics.py
}
