"""A portal with rows in every table, and what it answers; each as a process with the environment of its database.

python -m tests.deploy.whole_portal seed            prints credentials and a session as one JSON object
python -m tests.deploy.whole_portal ask  <SEED      prints what callers and people get
python -m tests.deploy.whole_portal disturb FILE    copies FILE, which somebody writes to meanwhile
"""
# ruff: noqa: E402  (models can be imported once Django is set up)

import datetime as dt
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import django

django.setup()

from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from oauth2_provider.models import AccessToken, DeviceGrant, Grant, IDToken, RefreshToken

from apps.accounts.audit import Actor
from apps.accounts.models import Invitation, Membership, User
from apps.background.models import Routine, TaskFailure, TaskRun, Worker
from apps.events.models import ComponentEvent, NoticeChoice, NoticePlan, PlantWatch, ToldEvent
from apps.ingest import keys
from apps.ingest.models import Upload
from apps.measurements import grid, store
from apps.packages.models import ApiClient, PackageSettings, Terms
from apps.plants.models import Component, Plant
from apps.web.management.commands import _copying
from tests.api import live_data
from tests.cast import PASSWORD, Cast, make_cast

WHO = Actor("test", "2001:db8::1")
TOKENS = "/auth/realms/quotaapi/protocol/openid-connect/token"
NOW = dt.datetime(2026, 6, 21, 10, 5, 0, 123456, tzinfo=dt.UTC)


# --- Seeding -------------------------------------------------------------------------------------------------


def seed() -> dict[str, Any]:
    """Everything; some of it was used, and something was deleted."""
    cast, made = make_cast(), live_data.fill()
    plant = Plant.objects.get(pk=made["plant"])
    component = Component.objects.get(cross_epoch_id=made["inverters"][0])
    client = ApiClient.objects.get(client_id=made["advanced"]["id"])
    key, secret = keys.create_key(plant, "roof", WHO)
    _fill_events(cast, component)
    slot = grid.start(plant.zone, dt.date(2026, 6, 21)) + 100 * grid.SLOT
    store.write_fresh(plant, [store.Point(component.cross_epoch_id, 0, "ProdPac", slot, 4200.0)])
    _fill_packages(cast)
    _fill_tokens(client)
    _fill_people(cast)
    _fill_background()
    Upload.objects.create(
        plant=plant,
        key=key,
        kind="file",
        name="min250621.js",
        via="http",
        size=9,
        digest="0" * 64,
        state="quarantined",
        error="cannot be read",
        body=bytes(range(256)),
        receipt={"z": [1, 2.5, None], "a": "Süd €"},
    )
    token = _token(made["advanced"])
    return {**made, "key": secret, "token": token, "session": _logged_in().cookies["sessionid"].value}


def _fill_events(cast: Cast, component: Component) -> None:
    plant = component.epoch.plant
    event = ComponentEvent.objects.create(
        plant=plant, device_id=component.cross_epoch_id, started_at=NOW, status_code=4, severity="error"
    )
    PlantWatch.objects.update_or_create(plant=plant, defaults={"judged_at": NOW})
    member = Membership.objects.get(user=cast.alice)
    NoticePlan.objects.create(
        user=cast.alice, timezone="Europe/Berlin", quiet_from=dt.time(22, 30), quiet_until=dt.time(6)
    )
    NoticeChoice.objects.create(membership=member, level="errors")
    ToldEvent.objects.create(user=cast.alice, event=event, ended=False, at=NOW)


def _fill_packages(cast: Cast) -> None:
    PackageSettings.objects.create(
        portal=cast.sunny, package="basic", per_minute=9, per_day=99, max_clients=2, approval="automatic"
    )
    Terms.objects.create(portal=cast.sunny, version="1", text="Be kind.", text_de="Sei nett.")


def _fill_tokens(client: ApiClient) -> None:
    """Among them two tables that point to each other."""
    user, own = User.objects.get(email="advanced@clients.example"), {"application": client, "expires": NOW}
    of_refresh = RefreshToken.objects.create(user=user, application=client, token="refresh")
    access = AccessToken.objects.create(user=user, token="access", source_refresh_token=of_refresh, **own)
    RefreshToken.objects.filter(pk=of_refresh.pk).update(access_token=access)
    IDToken.objects.create(user=user, **own)
    Grant.objects.create(user=user, code="code", redirect_uri="https://app.example/", **own)
    DeviceGrant.objects.create(
        user=user, client_id=client.client_id, device_code="d", user_code="u", expires=NOW, interval=5
    )


def _fill_people(cast: Cast) -> None:
    """Groups and records name permissions and content types by their ids."""
    group = Group.objects.create(name="support")
    group.permissions.add(Permission.objects.get(codename="view_plant"))
    cast.mona.groups.add(group)
    cast.mona.user_permissions.add(Permission.objects.get(codename="view_auditentry"))
    kind = ContentType.objects.get_for_model(Plant)
    LogEntry.objects.create(user=cast.mona, content_type=kind, object_id="1", object_repr="Plant", action_flag=CHANGE)
    address = EmailAddress.objects.create(user=cast.mona, email=cast.mona.email, verified=True, primary=True)
    EmailConfirmation.objects.create(email_address=address, key="key")
    Authenticator.objects.create(user=cast.mo, type="recovery_codes", data={"seed": "s", "used_mask": 0})
    member = Membership.objects.get(user=cast.charlie)
    Invitation.objects.create(membership=member, digest="d" * 64, sent_at=NOW, expires_at=NOW)


def _fill_background() -> None:
    TaskFailure.objects.create(task="t", digest="d", error="e", trace="t", first_at=NOW, last_at=NOW)
    Routine.objects.get_or_create(name="t", defaults={"sent_at": NOW})
    Worker.objects.create(name="w", processes=2, started_at=NOW, seen_at=NOW)
    for _run in range(3):
        gone = TaskRun.objects.create(task="t", message=uuid4(), started_at=NOW, seconds=0.1)
    gone.delete()


# --- Asking --------------------------------------------------------------------------------------------------


def ask(made: dict[str, Any]) -> dict[str, Any]:
    """What the same callers and people get, whichever database it is."""
    mona = User.objects.get(email="mona@sunny.example")
    before = Client()
    before.cookies["sessionid"] = made["session"]
    key = keys.verify(made["key"])
    return {
        "calls": [_answer(path, made["token"]) for path in _paths(made)],
        "token": _token(made["basic"]).startswith("hpt_"),
        "key": key.name if key else "",
        "logged in": [client.get("/").headers["Location"] for client in (before, _logged_in())],
        "may": sorted(mona.get_all_permissions()),
        "records": [str(entry.content_type) for entry in LogEntry.objects.all()],
        "uploads": [[bytes(upload.body or b"").hex(), upload.receipt] for upload in Upload.objects.all()],
    }


def _paths(made: dict[str, Any]) -> list[str]:
    """Lists, a plant, a month of packed days, and what was delivered just now."""
    days = ("dateFrom=2025-06-01&dateTo=2025-06-30", "dateFrom=2026-06-21&dateTo=2026-06-21")
    plant = f"/visualization/plant/{made['plant']}"
    channels = (f"{plant}/channels?{period}&channelNames[]=ProdPac" for period in days)
    calls = ("/administration/plants", f"/administration/plant/{made['plant']}", *channels)
    return [f"/api/v1/{made['portal']}{call}" for call in calls]


def _answer(path: str, token: str) -> tuple[int, str]:
    answer = Client().get(path, headers={"Authorization": f"Bearer {token}"})
    return answer.status_code, b"".join(answer).decode()


def _token(of: dict[str, str]) -> str:
    form = urlencode({"grant_type": "client_credentials", "client_id": of["id"], "client_secret": of["secret"]})
    answer = Client().post(TOKENS, form, content_type="application/x-www-form-urlencoded")
    token: str = answer.json()["access_token"]
    return token


def _logged_in() -> Client:
    client = Client()
    client.post("/account/login/", {"login": "alice@sunny.example", "password": PASSWORD})
    return client


# --- Disturbing ----------------------------------------------------------------------------------------------


def disturb(file: str) -> None:
    """Copy, while somebody changes what is copied already."""

    def progress(rows: _copying.Rows, what: str, total: int) -> _copying.Rows:
        if what == "plants_plant":
            with closing(sqlite3.connect(file)) as other, other:
                other.execute("UPDATE accounts_portal SET name = 'Later'")
        return rows

    _copying.copy(Path(file), progress)


if __name__ == "__main__":
    if sys.argv[1] == "disturb":
        disturb(sys.argv[2])
    else:
        print(json.dumps(seed() if sys.argv[1] == "seed" else ask(json.load(sys.stdin))))
