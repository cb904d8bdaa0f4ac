"""Which configuration of a plant holds on a day, and which device a component is."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery

from apps.accounts import statements

from .models import Component, Epoch, Plant


@dataclass(frozen=True, slots=True)
class EpochRange:
    """An epoch with both ends: `last_day` is inclusive, None while the epoch is the current one."""

    id: UUID
    first_day: dt.date
    last_day: dt.date | None

    def __contains__(self, day: dt.date) -> bool:
        return self.first_day <= day and (self.last_day is None or day <= self.last_day)


def epochs_of(plant: Plant) -> list[EpochRange]:
    """All epochs of a plant, oldest first. One query."""
    rows = list(Epoch.objects.filter(plant=plant).order_by("active_from").values_list("id", "active_from"))
    ends = [start - dt.timedelta(days=1) for _, start in rows[1:]]
    return [EpochRange(id_, start, end) for (id_, start), end in zip(rows, [*ends, None], strict=False)]


def epoch_on(plant: Plant, day: dt.date) -> EpochRange | None:
    """The epoch that holds on `day`; None before the first one. One query."""
    return next((epoch for epoch in epochs_of(plant) if day in epoch), None)


class BuiltIn(NamedTuple):
    """A component as its readings are stored: by its device (the cross-epoch id), of the days of its epoch."""

    id: UUID
    device: UUID
    size: int
    first_day: dt.date
    last_day: dt.date | None


_BUILT_IN = """
    SELECT component.id, component.cross_epoch_id, component.size, epoch.active_from,
           (SELECT MIN(later.active_from) FROM plants_epoch later
            WHERE later.plant_id = epoch.plant_id AND later.active_from > epoch.active_from)
    FROM plants_component component JOIN plants_epoch epoch ON epoch.id = component.epoch_id
    WHERE epoch.plant_id = %s AND component.id IN ({places})
"""


def built_in(plant: Plant, ids: Sequence[UUID]) -> list[BuiltIn]:
    """Those of these components that are of this plant. One query."""
    sql = _BUILT_IN.format(places=", ".join(["%s"] * len(ids)))
    return [
        BuiltIn(
            statements.uuid(pk),
            statements.uuid(device),
            size,
            statements.day(since),
            None if until is None else statements.day(until) - dt.timedelta(days=1),
        )
        for pk, device, size, since, until in statements.fetch(sql, [plant.pk, *ids])
    ]


@dataclass(frozen=True, slots=True)
class Kinds:
    """What a plant is made of: the classes and types of its components, each named once."""

    classes: tuple[str, ...] = ()
    types: tuple[str, ...] = ()


def components_on(plants: Iterable[Plant], day: dt.date) -> QuerySet[Component]:
    """The components built into each of these plants on `day`, in their order."""
    newest = Epoch.objects.filter(plant=OuterRef("epoch__plant"), active_from__lte=day).order_by("-active_from")
    return (
        Component.objects.filter(epoch__plant__in=plants, epoch=Subquery(newest.values("pk")[:1]))
        .select_related("epoch")
        .order_by("sort_order", "dataindex", "id")
    )


def kinds_on(plants: Iterable[Plant], day: dt.date) -> dict[UUID, Kinds]:
    """The kinds of components of each plant on `day`. One query, whatever the number of plants."""
    listed = list(plants)
    rows: dict[UUID, list[tuple[list[str], str]]] = {plant.pk: [] for plant in listed}
    for plant_id, classes, kind in components_on(listed, day).values_list("epoch__plant_id", "classes", "type"):
        rows[plant_id].append((classes, kind))
    return {
        plant_id: Kinds(
            classes=tuple(dict.fromkeys(name for classes, _ in found for name in classes)),
            types=tuple(dict.fromkeys(kind for _, kind in found)),
        )
        for plant_id, found in rows.items()
    }
