"""How lists of plants are narrowed: one filter set for the API and the pages."""

from collections.abc import Iterable, Mapping
from typing import ClassVar

import django_filters
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_filters.filterset import FilterSet

from .epochs import components_on
from .models import Plant

CLASSES = ("production", "consumption", "battery", "meter", "sensors", "hidden", "intern")


class PlantFilter(FilterSet):
    """The query parameters of a list of plants."""

    search = django_filters.CharFilter(method="filter_search", label=_("Part of label, city or serial number"))
    status = django_filters.ChoiceFilter(choices=Plant.Status.choices, label=_("Status"))
    health = django_filters.ChoiceFilter(choices=Plant.Health.choices, label=_("State of health"))
    sizeMin = django_filters.NumberFilter(field_name="size", lookup_expr="gte", label=_("At least this many Wp"))
    sizeMax = django_filters.NumberFilter(field_name="size", lookup_expr="lte", label=_("At most this many Wp"))
    country = django_filters.CharFilter(field_name="address__country", lookup_expr="iexact", label=_("Country"))
    componentsClass = django_filters.ChoiceFilter(
        method="filter_class", choices=[(name, name) for name in CLASSES], label=_("Has components of this class")
    )
    fleet = django_filters.UUIDFilter(field_name="fleets__id", label=_("In this fleet"))

    class Meta:
        model = Plant
        fields: ClassVar[Iterable[str]] = []

    def filter_search(self, plants: QuerySet[Plant], name: str, value: str) -> QuerySet[Plant]:
        return plants.filter(
            Q(label__icontains=value) | Q(address__city__icontains=value) | Q(identifier__icontains=value)
        )

    def filter_class(self, plants: QuerySet[Plant], name: str, value: str) -> QuerySet[Plant]:
        holding = components_on(plants, timezone.now().date()).filter(classes__icontains=f'"{value}"')
        return plants.filter(pk__in=holding.values("epoch__plant"))


def narrowed(plants: QuerySet[Plant], given: Mapping[str, object]) -> QuerySet[Plant]:
    """The plants that fit all given parameters of PlantFilter."""
    found: QuerySet[Plant] = PlantFilter(given, queryset=plants).qs
    return found
