"""Calls of the API for tests of the usage statistics, noted without any call being made."""

import datetime as dt

from apps.accounts.access import Access, Via
from apps.packages import usage
from apps.packages.models import ApiClient
from apps.plants.models import Plant
from tests.clients_cast import Key

NOON = dt.datetime(2025, 6, 1, 12, 0, tzinfo=dt.UTC)
JUNE_1 = dt.date(2025, 6, 1)


def access(key: Key) -> Access:
    return Access(
        portal=key.subscription.portal_id,
        portal_slug="sunny",
        via=Via(key.subscription.api),
        subscription=key.subscription.pk,
        client=key.client.pk,
    )


def note(
    key: Key,
    at: dt.datetime = NOON,
    status: int = 200,
    function: str = "plant_channels",
    plant: Plant | None = None,
    address: str | None = "192.0.2.77",
    points: int = 288,
) -> None:
    """One call, in UTC everywhere."""
    read = (plant.pk, at.date()) if plant else (None, None)
    usage.note(access(key), usage.Call(function, status, points, 1000, 2.5, at, address, *read))


def later(minutes: float) -> dt.datetime:
    return NOON + dt.timedelta(minutes=minutes)


def last_use(key: Key) -> tuple[dt.datetime | None, str | None]:
    return ApiClient.objects.values_list("last_used_at", "last_ip").get(pk=key.client.pk)
