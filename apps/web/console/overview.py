"""The first page of the console: what needs a manager today."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Min, OuterRef, Prefetch, QuerySet, Subquery
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.accounts import people
from apps.accounts.access import Role
from apps.accounts.invitations import State, state_of
from apps.accounts.models import Portal
from apps.events.models import ComponentEvent
from apps.ingest import uploads
from apps.packages import usage
from apps.packages.models import Subscription
from apps.plants import health
from apps.plants.models import Assignment, Plant
from apps.web.session import PortalRequest, manager_only

from . import record

SHOWN_PLANTS = 20
SHOWN_PEOPLE = 5
SHOWN_ACTS = 8
EVERYDAY = "token.issued"  # leaves a row whenever somebody opens the documentation; the log has them


@manager_only
@require_safe
def console(request: PortalRequest) -> HttpResponse:
    """Plants by health and those that need attention, what awaits a decision, what was done last."""
    now, portal = timezone.now(), request.portal
    plants = Plant.objects.visible_to(request.access)
    troubled = health.needing_attention(plants, now)
    context: dict[str, Any] = {
        "counts": health.counts(plants, now),
        "troubles": list(_troubles(troubled, now)),
        "troubled": troubled.count(),
        "in_quarantine": uploads.quarantined(portal).count(),
        "awaiting": Subscription.objects.filter(portal=portal, status=Subscription.Status.AWAITING).count(),
        "calls": usage.calls_of_portal(portal, now.replace(hour=0, minute=0, second=0, microsecond=0)),
        "acts": record.shown(record.of_portal(portal).exclude(action=EVERYDAY)[:SHOWN_ACTS], request.access),
        **_invitations(portal),
    }
    return render(request, "console/overview.html", context)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A plant that needs somebody: what is wrong, since when (None: it never sent data), whose it is."""

    plant: Plant
    health: str
    silent: bool
    since: dt.datetime | None
    owners: list[str]


def _troubles(plants: QuerySet[Plant], now: dt.datetime) -> Iterator[Trouble]:
    owned = Assignment.objects.filter(membership__role=Role.OWNER).select_related("membership__user")
    owners = Prefetch("assignments", owned.order_by("membership__user__email")[:3], to_attr="owned")
    rows: Any = plants.prefetch_related(owners).annotate(open_since=Subquery(_oldest_open_event()))
    for plant in rows[:SHOWN_PLANTS]:
        silent = health.is_silent(plant, now)
        since = plant.last_transfer if silent or plant.health == Plant.Health.OFFLINE else plant.open_since
        yield Trouble(plant, plant.health, silent, since, [str(one.membership.user) for one in plant.owned])


def _oldest_open_event() -> QuerySet[Any, Any]:
    """When the oldest event of the plant began that is as bad as its health says and has not ended."""
    lasting = ComponentEvent.objects.filter(plant=OuterRef("pk"), ended_at=None)
    bad = lasting.filter(severity__in=[ComponentEvent.Severity.WARNING, ComponentEvent.Severity.ERROR])
    return bad.order_by().values("plant").annotate(first=Min("started_at")).values("first")


def _invitations(portal: Portal) -> dict[str, Any]:
    """People on their way in, those whose link has expired first."""
    expired = people.matching(people.members(portal), state=State.EXPIRED)
    waiting = people.matching(people.members(portal), state=State.INVITED)
    found = [*expired.order_by("invitation__expires_at")[:SHOWN_PEOPLE]]
    found += waiting.order_by("invitation__expires_at")[: SHOWN_PEOPLE - len(found)]
    return {
        "expired_count": expired.count(),
        "waiting_count": waiting.count(),
        "invitations": [(row, state_of(row)) for row in found],
    }
