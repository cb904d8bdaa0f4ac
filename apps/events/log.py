"""What happened at a plant, read by pages and API alike. The caller got the plant through `visible_to`."""

import datetime as dt

from django.db.models import Q, QuerySet

from apps.plants.models import Plant

from .models import ComponentEvent


def during(plant: Plant, begin: dt.datetime, end: dt.datetime) -> "QuerySet[ComponentEvent]":
    """Everything that lasted at some moment from `begin` up to `end`, newest first."""
    lasting = Q(ended_at=None) | Q(ended_at__gt=begin) | Q(started_at__gte=begin)
    return ComponentEvent.objects.filter(lasting, plant=plant, started_at__lt=end).order_by("-started_at", "id")


def troubles_now(plant: Plant) -> "QuerySet[ComponentEvent]":
    """The warnings and errors that last. An open state such as "MPP" is how a device ought to be, and none of them."""
    return ComponentEvent.objects.filter(plant=plant, ended_at=None).exclude(severity=ComponentEvent.Severity.INFO)
