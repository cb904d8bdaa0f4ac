"""What the APIs were used for: of a subscription for its owner, of a plant for whoever sees that; how long it is kept.

Calls get here through `note` (usage_buffer.py); what is read here lacks the last few seconds of them.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from django.db.models import QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from apps.accounts.models import Portal
from apps.plants.models import Plant

from .models import ApiClient, PlantAccess, Subscription, UsageHour
from .usage_buffer import Call, flush, forget, note

__all__ = [
    "Call",
    "access_log",
    "calls_by_function",
    "calls_of_portal",
    "clean",
    "flush",
    "forget",
    "note",
    "summary",
    "total",
]

KEPT = dt.timedelta(days=400)
ADDRESSES_KEPT = dt.timedelta(days=30)
_NETWORK_BITS = {4: 24, 6: 48}  # what stays of an address, by version of IP
ANSWERED = ("2xx", "3xx")


@dataclass(frozen=True, slots=True)
class Usage:
    """Sums of some calls."""

    calls: int
    points: int
    bytes: int
    mean_milliseconds: float


@dataclass(frozen=True, slots=True)
class DayUsage:
    """Calls of one function with one class of status on one UTC day."""

    day: dt.date
    function: str
    status: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class Reading:
    """That a client read a plant on a day of the plant. `reader` is a user's address or the name of the portal."""

    day: dt.date
    client: str
    api: str
    reader: str
    calls: int
    first_at: dt.datetime
    last_at: dt.datetime


# --- For the owner of a subscription ------------------------------------------------------------------


def calls_by_function(subscription: Subscription, since: dt.datetime) -> dict[str, int]:
    """How often each function was used; calls that were refused are none."""
    rows = UsageHour.objects.filter(subscription=subscription, hour__gte=since, status__in=ANSWERED)
    return dict(rows.values_list("function").annotate(Sum("calls")).order_by("function"))


def summary(subscription: Subscription, days: int, now: dt.datetime | None = None) -> list[DayUsage]:
    """The last `days` UTC days, today included; oldest first, then by function and class of status."""
    today = (now or timezone.now()).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = UsageHour.objects.filter(subscription=subscription, hour__gte=today - dt.timedelta(days=days - 1))
    grouped = rows.annotate(day=TruncDate("hour", tzinfo=dt.UTC)).values("day", "function", "status")
    summed = grouped.annotate(*map(Sum, _SUMS)).order_by("day", "function", "status")
    return [DayUsage(row["day"], row["function"], row["status"], _usage(row)) for row in summed]


_SUMS = ("calls", "points", "bytes", "milliseconds")


def _usage(row: dict[str, Any]) -> Usage:
    calls, points, size, milliseconds = (row[f"{name}__sum"] for name in _SUMS)
    return Usage(calls, points, size, round(milliseconds / calls, 3))


def total(rows: Iterable[DayUsage]) -> Usage:
    """Everything together."""
    found = [row.usage for row in rows]
    calls = sum(one.calls for one in found)
    time = sum(one.calls * one.mean_milliseconds for one in found)
    mean = round(time / calls, 3) if calls else 0.0
    return Usage(calls, sum(one.points for one in found), sum(one.bytes for one in found), mean)


def calls_of_portal(portal: Portal, since: dt.datetime) -> int:
    """How many calls all APIs of a portal got, refused ones included."""
    rows = UsageHour.objects.filter(subscription__portal=portal, hour__gte=since)
    return rows.aggregate(calls=Sum("calls", default=0))["calls"]  # type: ignore[no-any-return]


# --- For the owner of a plant ---------------------------------------------------------------------------


def access_log(plant: Plant, since: dt.date) -> list[Reading]:
    """Who read this plant's data through an API, newest day first.

    The caller got the plant through `visible_to`. Addresses are not told: they belong to whoever owns the client.
    """
    rows = PlantAccess.objects.filter(plant=plant, day__gte=since)
    rows = rows.order_by("-day", "reader", "client_name", "client_id")
    return [Reading(r.day, r.client_name, r.api, r.reader, r.calls, r.first_at, r.last_at) for r in rows]


# --- How long it is kept ----------------------------------------------------------------------------------


def clean(now: dt.datetime) -> dict[str, int]:
    """Delete what is older than KEPT, shorten addresses older than ADDRESSES_KEPT; how many rows of each.

    Addresses in the audit record stay: nothing may change that.
    """
    hours, _kinds = UsageHour.objects.filter(hour__lt=now - KEPT).delete()
    readings, _kinds = PlantAccess.objects.filter(day__lt=(now - KEPT).date()).delete()
    old = now - ADDRESSES_KEPT
    return {
        "usage_deleted": hours,
        "accesses_deleted": readings,
        "access_addresses_shortened": _shorten(PlantAccess.objects.filter(day__lt=old.date()), "last_address"),
        "client_addresses_shortened": _shorten(ApiClient.objects.filter(last_used_at__lt=old), "last_ip"),
    }


def _shorten(rows: "QuerySet[Any]", column: str) -> int:
    """Leave of each address its network; how many rows changed."""
    addresses = rows.exclude(**{column: None}).order_by().values_list(column, flat=True).distinct()
    pairs = [(address, network_of(address)) for address in addresses]
    return sum(rows.filter(**{column: full}).update(**{column: short}) for full, short in pairs if short != full)


def network_of(address: str) -> str:
    """The first address of the network that an address is in: /24 of IPv4, /48 of IPv6."""
    bits = _NETWORK_BITS[ip_address(address).version]
    return str(ip_network(f"{address}/{bits}", strict=False).network_address)
