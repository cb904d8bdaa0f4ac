"""Many plants at a glance: power now, energy of today and of this month, last data. Reads one row per plant.

"Now", "today" and "this month" are those of each plant's own zone. Values of any other time are not shown as if they
were of this one: they are null, and `data_at`, `power_at` and `day` say since when nothing is known.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Case, Count, F, FloatField, OrderBy, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Cast, Lower, NullIf

from apps.plants.models import Plant

from . import grid

FRESH = dt.timedelta(minutes=30)  # a power older than that is no longer "now"
_SHOWN = (
    *("label", "size", "timezone", "status", "health", "datasource_id", "address__city", "address__country"),
    *("latest__data_at", "latest__power_at", "latest__day"),
)
_STATES = (Plant.Health.ERROR, Plant.Health.WARNING, Plant.Health.OFFLINE, Plant.Health.OK)  # the worst first


@dataclass(frozen=True, slots=True)
class Overview:
    """What a list shows of a plant. Power in W, energies in Wh, yields in kWh/kWp; null where nothing is known."""

    plant: Plant
    power: float | None
    today: float | None
    month: float | None
    data_at: dt.datetime | None
    power_at: dt.datetime | None
    day: dt.date | None

    @property
    def yield_today(self) -> float | None:
        return self._specific(self.today)

    @property
    def yield_month(self) -> float | None:
        return self._specific(self.month)

    def _specific(self, energy: float | None) -> float | None:
        return None if energy is None or not self.plant.size else energy / self.plant.size


@dataclass(frozen=True, slots=True)
class Group:
    """Sums over the plants of one status and health; `with_power` and `with_today` of them had something to add."""

    status: str
    health: str
    count: int
    size: int
    power: float
    today: float
    with_power: int
    with_today: int


_Plants = QuerySet[Plant, Any]


class Moment:
    """One moment, seen from plants in these zones, at least one."""

    def __init__(self, now: dt.datetime, zones: Collection[str]) -> None:
        self.now = now
        self._days = {name: grid.today(ZoneInfo(name), now) for name in zones}

    def overviews(self, plants: _Plants) -> list[Overview]:
        """One statement."""
        found = self._valued(
            plants.select_related("latest", "address").only(*_SHOWN)
        )  # sorting drags every column along
        return [_overview(plant) for plant in found]

    def groups(self, plants: _Plants) -> list[Group]:
        """The plants summed up by status and health. One statement."""
        found = (
            self._valued(plants)
            .order_by()
            .values("status", "health")
            .annotate(
                count=Count("pk"),
                sizes=Sum("size"),
                powers=Sum("power_now"),
                energies=Sum("energy_today"),
                with_power=Count("power_now"),
                with_today=Count("energy_today"),
            )
        )
        return [
            Group(
                row["status"],
                row["health"],
                row["count"],
                row["sizes"],
                row["powers"] or 0.0,
                row["energies"] or 0.0,
                row["with_power"],
                row["with_today"],
            )
            for row in found
        ]

    def ordered(self, plants: _Plants, by: str, *, descending: bool = False) -> _Plants:
        """Plants by a name of ORDERS; whatever is not known comes last, equals by label."""
        # What is always known says nothing of nulls, so that an index can keep it in order.
        order = OrderBy(ORDERS[by], descending=descending, nulls_last=None if by in _ALWAYS_KNOWN else True)
        return self._valued(plants).order_by(order, Lower("label"), "label", "id")

    def today(self, plant: Plant) -> dt.date:
        """The plant's own local day."""
        return self._days[plant.timezone]

    def _valued(self, plants: _Plants) -> _Plants:
        """With power_now, energy_today and energy_month, where the newest values are still of that time."""
        fresh = Q(latest__power_at__gt=self.now - FRESH)
        return plants.annotate(
            power_now=_only(fresh, "latest__power"),
            energy_today=_only(self._on("latest__day", lambda day: day), "latest__day_energy"),
            energy_month=_only(self._on("latest__month", lambda day: day.replace(day=1)), "latest__month_energy"),
        )

    def _on(self, field: str, of: Callable[[dt.date], dt.date]) -> Q:
        """Where a date is that of each plant's zone. At any moment the zones of the world have two or three dates."""
        zones: dict[dt.date, list[str]] = defaultdict(list)
        for name, day in self._days.items():
            zones[of(day)].append(name)
        if len(zones) == 1:  # mostly: then there is no need to look at zones
            return Q(**{field: next(iter(zones))})
        return _any(Q(**{field: date, "timezone__in": names}) for date, names in zones.items())


def _any(conditions: Iterable[Q]) -> Q:
    return reduce(or_, conditions, Q())


def _only(condition: Q, field: str) -> Case:
    return Case(When(condition, then=F(field)), output_field=FloatField())


def _overview(plant: Any) -> Overview:
    latest = getattr(plant, "latest", None)
    return Overview(
        plant,
        plant.power_now,
        plant.energy_today,
        plant.energy_month,
        latest and latest.data_at,
        latest and latest.power_at,
        latest and latest.day,
    )


_worst_first = Case(
    When(~Q(status=Plant.Status.ACTIVATED), then=Value(len(_STATES))),
    *(When(health=health, then=Value(place)) for place, health in enumerate(_STATES)),
)
_ALWAYS_KNOWN = {"name", "state", "size"}
ORDERS: dict[str, Any] = {
    "name": Lower("label"),
    "state": _worst_first,
    "power": F("power_now"),
    "today": F("energy_today"),
    "yield": F("energy_today") / NullIf(Cast("size", FloatField()), Value(0.0)),
    "month": F("energy_month"),
    "data": F("latest__data_at"),
    "size": F("size"),
}
