"""What a portal's managers see of its subscriptions: use, age of secrets, anomalies, and what was done to each.

The number of statements does not depend on the number of subscriptions: every figure of all of them is one statement.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Max, Min, Q, QuerySet, Sum
from django.db.models.functions import TruncDate

from apps.accounts.models import AuditEntry, Portal

from . import quota
from .anomalies import BURST_DAYS, Anomaly, Signs, anomalies
from .catalog import Limits, Package
from .models import ApiClient, ClientSecret, PlantAccess, Subscription, UsageHour
from .offers import limits_under, settings_of
from .usage import network_of

DAYS, WEEK = 30, 7
KNOWN = dt.timedelta(days=30)  # how long a network is remembered
NEW = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Overview:
    """A subscription and its figures. `used_today` is None where the counters are out of reach."""

    subscription: Subscription
    limits: Limits
    used_today: int | None
    peak: int  # calls of the busiest of the last WEEK UTC days, today included
    calls: int  # of the last DAYS UTC days, today included
    clients: int  # enabled and unexpired, without that of the documentation page
    oldest_secret: dt.datetime | None
    last_used: dt.datetime | None
    anomalies: tuple[Anomaly, ...]

    @property
    def use(self) -> float | None:
        """What is used of the day's limit, in per cent."""
        return None if self.used_today is None else 100 * self.used_today / self.limits.per_day

    @property
    def peak_use(self) -> float:
        """The busiest day against today's limit, in per cent. Calls, not their cost: that is not kept by day."""
        return 100 * self.peak / self.limits.per_day


def overview(subscription: Subscription, now: dt.datetime) -> Overview:
    """The figures of one."""
    return survey(Subscription.objects.filter(pk=subscription.pk), subscription.portal, now)[0]


def survey(subscriptions: "QuerySet[Subscription]", portal: Portal, now: dt.datetime) -> list[Overview]:
    """The figures of subscriptions of a portal, in their order."""
    subscriptions = subscriptions.filter(portal=portal)
    rows = list(subscriptions.select_related("portal", "membership__user"))
    offered = {package: settings_of(portal, package) for package in Package}
    figures = _Figures(subscriptions.order_by().values("pk"), portal, now)
    return [_overview(row, limits_under(offered[Package(row.package)], row, now), figures, now) for row in rows]


def history(subscription: Subscription, most: int = 50) -> list[AuditEntry]:
    """What was done to it, its clients and its secrets, newest first. Found by the owner's name in the record."""
    owner = str(subscription.membership.user if subscription.membership else subscription.portal)
    acts = Q(action__startswith="api.", subject__startswith=f"{subscription.api.value} API · {owner} · ")
    keys = Q(action__startswith="client.") | Q(action__startswith="secret.")
    rows = AuditEntry.objects.filter(portal=subscription.portal)
    return list(rows.filter(acts | (keys & Q(subject__startswith=f"{owner} · ")))[:most])


# --- Figures of many subscriptions ----------------------------------------------------------------------


class _Figures:
    """Figures by subscription, each column read in one statement. `ids` is a subquery."""

    def __init__(self, ids: "QuerySet[Any]", portal: Portal, now: dt.datetime) -> None:
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        self.used = _used(ids, now)
        self.calls = _calls(ids, today)
        self.peak = _peaks(ids, today)
        self.clients = _clients(ids, now)
        self.secret = _oldest_secrets(ids, now)
        self.networks = _networks(self.clients, portal, now)


def _overview(subscription: Subscription, limits: Limits, figures: _Figures, now: dt.datetime) -> Overview:
    key = subscription.pk
    calls, clients = figures.calls.get(key, {}), figures.clients.get(key, [])
    last_used = max((at for client in clients if (at := client["last_used_at"])), default=None)
    secret = figures.secret.get(key)
    networks = figures.networks.get(key, {})
    signs = Signs(
        active_since=subscription.since if subscription.status == Subscription.Status.ACTIVE else None,
        calls_today=calls.get("today") or 0,
        calls_before=calls.get("before") or 0,
        calls_in_week=calls.get("week") or 0,
        refused_in_week=calls.get("refused") or 0,
        networks_today=frozenset(name for name, (_first, last) in networks.items() if last >= now - NEW),
        networks_before=frozenset(name for name, (first, _last) in networks.items() if first < now - NEW),
        oldest_secret=secret,
        last_used=last_used,
    )
    return Overview(
        subscription=subscription,
        limits=limits,
        used_today=None if figures.used is None else figures.used.get(key, 0),
        peak=figures.peak.get(key, 0),
        calls=calls.get("month") or 0,
        clients=sum(client["alive"] for client in clients),
        oldest_secret=secret,
        last_used=last_used,
        anomalies=anomalies(signs, now),
    )


def _used(ids: "QuerySet[Any]", now: dt.datetime) -> dict[UUID, int] | None:
    try:
        return quota.day_used(ids, now)
    except quota.QuotaUnavailable:
        return None


def _calls(ids: "QuerySet[Any]", today: dt.datetime) -> dict[UUID, dict[str, Any]]:
    """Sums of calls over spans of UTC days that end with the present moment, or with yesterday."""
    month, fortnight, week = (today - dt.timedelta(days=days) for days in (DAYS - 1, BURST_DAYS, WEEK - 1))
    calls = UsageHour.objects.filter(subscription__in=ids, hour__gte=month).values("subscription")
    rows: Any = calls.annotate(
        month=Sum("calls"),
        today=Sum("calls", filter=Q(hour__gte=today)),
        before=Sum("calls", filter=Q(hour__gte=fortnight, hour__lt=today)),
        week=Sum("calls", filter=Q(hour__gte=week)),
        refused=Sum("calls", filter=Q(hour__gte=week, status="4xx")),
    )
    return {row["subscription"]: row for row in rows.order_by()}


def _peaks(ids: "QuerySet[Any]", today: dt.datetime) -> dict[UUID, int]:
    rows = UsageHour.objects.filter(subscription__in=ids, hour__gte=today - dt.timedelta(days=WEEK - 1))
    days = rows.annotate(day=TruncDate("hour", tzinfo=dt.UTC)).values("subscription", "day").annotate(sum=Sum("calls"))
    peaks: dict[UUID, int] = defaultdict(int)
    for row in days.order_by():
        peaks[row["subscription"]] = max(peaks[row["subscription"]], row["sum"])
    return peaks


def _clients(ids: "QuerySet[Any]", now: dt.datetime) -> dict[UUID, list[dict[str, Any]]]:
    """Every client there ever was: the dead ones tell when it was used."""
    found: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    rows = ApiClient.objects.filter(subscription__in=ids).order_by()
    for row in rows.values("pk", "subscription", "enabled", "expires_at", "last_used_at", "documentation"):
        alive = row["enabled"] and (row["expires_at"] is None or row["expires_at"] > now) and not row["documentation"]
        found[row["subscription"]].append({**row, "alive": alive})
    return found


def _oldest_secrets(ids: "QuerySet[Any]", now: dt.datetime) -> dict[UUID, dt.datetime]:
    rows = ClientSecret.objects.live(now).filter(client__in=ApiClient.objects.filter(subscription__in=ids).alive(now))
    return dict(rows.values_list("client__subscription").annotate(Min("created_at")).order_by())


Span = tuple[dt.datetime, dt.datetime]  # of the last readings of the days: the first and the last one


def _networks(
    clients: Mapping[UUID, Iterable[dict[str, Any]]], portal: Portal, now: dt.datetime
) -> dict[UUID, dict[str, Span]]:
    """From which networks plants were read, and when, of each subscription."""
    owner = {client["pk"]: key for key, of_one in clients.items() for client in of_one}
    rows = PlantAccess.objects.filter(plant__portal=portal, day__gte=(now - KNOWN).date()).exclude(last_address=None)
    spans: Any = rows.values_list("client_id", "last_address").annotate(Min("last_at"), Max("last_at")).order_by()
    found: dict[UUID, dict[str, Span]] = defaultdict(dict)
    for client, address, first, last in spans:
        key, network = owner.get(client), network_of(address)
        if key is not None:
            known = found[key].get(network, (first, last))
            found[key][network] = (min(first, known[0]), max(last, known[1]))
    return found
