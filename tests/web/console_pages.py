"""What the tests of the console share: a manager's client, forms as the lists to choose from send them, deliveries."""

from collections.abc import Iterable
from typing import Any

from django.test import Client

from apps.accounts.models import AuditEntry, Membership, User
from apps.ingest.models import LoggerKey, Upload
from apps.plants.models import Plant
from tests.cast import Cast


def manager(client: Client, cast: Cast) -> Client:
    """The client, logged in as the manager of sunny."""
    client.force_login(cast.mona)
    return client


def member(user: User) -> Membership:
    return Membership.objects.get(user=user, portal__slug="sunny")


def picked(plants: Iterable[Plant] = (), members: Iterable[User] = ()) -> dict[str, Any]:
    """The boxes of both lists: the first is checked on the page shown, the others were on other pages."""
    plant_ids, member_ids = [str(plant.pk) for plant in plants], [str(member(user).pk) for user in members]
    return {
        "plants-ids": plant_ids[:1],
        "plants-more": ",".join(plant_ids[1:]),
        "members-ids": member_ids[:1],
        "members-more": ",".join(member_ids[1:]),
    }


def recorded() -> list[tuple[str, str, str]]:
    """Who did what to whom."""
    return list(AuditEntry.objects.order_by("id").values_list("actor", "action", "subject"))


def delivery(key: LoggerKey, **fields: Any) -> Upload:
    """What somebody delivered with the key: readings that are stored, unless `fields` say otherwise."""
    given = {"kind": "readings", "via": "HTTP", "size": 120, "state": "stored", "digest": "0" * 64}
    return Upload.objects.create(plant=key.plant, key=key, **{**given, **fields})
