"""Which plants are all right: how many of each health, and which need somebody to look after them."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When

from .models import Plant

SILENT_AFTER = dt.timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Counts:
    """Activated plants by health; `silent` ones sent nothing for SILENT_AFTER or never did, whatever their health."""

    ok: int
    warning: int
    error: int
    offline: int
    silent: int
    deactivated: int

    @property
    def activated(self) -> int:
        return self.ok + self.warning + self.error + self.offline


def counts(plants: QuerySet[Plant], now: dt.datetime) -> Counts:
    """One statement."""
    on = Q(status=Plant.Status.ACTIVATED)
    health = {one.name.lower(): Count("pk", filter=on & Q(health=one)) for one in Plant.Health}
    silent, off = Count("pk", filter=on & _silent(now)), Count("pk", filter=~on)
    return Counts(**plants.aggregate(**health, silent=silent, deactivated=off))


def counts_of_all(now: dt.datetime) -> Counts:
    """Of every portal, for the operators of the server. One statement."""
    return counts(Plant.objects.all(), now)


def needing_attention(plants: QuerySet[Plant], now: dt.datetime) -> QuerySet[Plant]:
    """Activated plants with an error, offline, with a warning, or silent; in this order, the longest silent first."""
    order = (Plant.Health.ERROR, Plant.Health.OFFLINE, Plant.Health.WARNING)
    urgency = Case(
        *(When(health=health, then=Value(place)) for place, health in enumerate(order)),
        default=Value(len(order)),
        output_field=IntegerField(),
    )
    found = plants.filter(~Q(health=Plant.Health.OK) | _silent(now), status=Plant.Status.ACTIVATED)
    return found.order_by(urgency, "last_transfer", "label", "pk")


def is_silent(plant: Plant, now: dt.datetime) -> bool:
    """Whether it sent nothing for SILENT_AFTER, or never did."""
    return plant.last_transfer is None or plant.last_transfer < now - SILENT_AFTER


def _silent(now: dt.datetime) -> Q:
    return Q(last_transfer=None) | Q(last_transfer__lt=now - SILENT_AFTER)
