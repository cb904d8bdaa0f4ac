"""How a plant is: one rule, in SQL, for one plant and for all. The comparison with peers comes in through detection.

OFFLINE: no data for a day, or none by day for hours (an open event says so). ERROR, WARNING: an open event of that
severity. A deactivated plant keeps the health it had.
"""

import datetime as dt
from typing import Any

from django.db.models import Case, CharField, Exists, F, OuterRef, Q, QuerySet, Value, When

from apps.plants.health import SILENT_AFTER
from apps.plants.models import Plant

from . import log
from .codes import Kind
from .models import ComponentEvent

_Severity = ComponentEvent.Severity


def health_of(plant: Plant, now: dt.datetime) -> Plant.Health:
    """One statement."""
    return Plant.Health(_judged(Plant.objects.filter(pk=plant.pk), now).get().found)


def refresh_all(now: dt.datetime) -> int:
    """Bring the health of every activated plant up to date; returns how many changed. One statement."""
    plants: QuerySet[Any] = _judged(Plant.objects.filter(status=Plant.Status.ACTIVATED), now)
    return plants.exclude(health=F("found")).update(health=F("found"))


def _judged(plants: QuerySet[Plant], now: dt.datetime) -> "QuerySet[Plant, Any]":
    """With `found`, the health each plant has at the moment."""
    lasting = log.troubles().filter(plant=OuterRef("pk"))
    silent = lasting.filter(error_code=Kind.PLANT_SILENT.code())
    offline = Q(last_transfer=None) | Q(last_transfer__lt=now - SILENT_AFTER) | Exists(silent)
    return plants.annotate(
        found=Case(
            When(offline, then=Value(Plant.Health.OFFLINE)),
            When(Exists(lasting.filter(severity=_Severity.ERROR)), then=Value(Plant.Health.ERROR)),
            When(Exists(lasting), then=Value(Plant.Health.WARNING)),
            default=Value(Plant.Health.OK),
            output_field=CharField(),
        )
    )
