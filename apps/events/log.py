"""What happened at a plant, read by pages and API alike. The caller got the plant through `visible_to`."""

import datetime as dt

from django.db.models import Q, QuerySet

from apps.plants.models import Plant

from .models import ComponentEvent

ASLEEP = Q(status_code=255, error_code=0)  # how loggers call an inverter that sleeps: "offline", each night


def during(plant: Plant, begin: dt.datetime, end: dt.datetime) -> "QuerySet[ComponentEvent]":
    """Everything that lasted at some moment from `begin` up to `end`, newest first."""
    lasting = Q(ended_at=None) | Q(ended_at__gt=begin) | Q(started_at__gte=begin)
    return ComponentEvent.objects.filter(lasting, plant=plant, started_at__lt=end).order_by("-started_at", "id")


def troubles() -> "QuerySet[ComponentEvent]":
    """The warnings and errors that last, of all plants.

    An open state such as "MPP" is how a device ought to be, and so is one that is ASLEEP; an inverter that stays away
    by day is found by detection.
    """
    found = ComponentEvent.objects.filter(ended_at=None).exclude(severity=ComponentEvent.Severity.INFO)
    return found.exclude(ASLEEP)


def troubles_now(plant: Plant) -> "QuerySet[ComponentEvent]":
    """Those of one plant."""
    return troubles().filter(plant=plant)
