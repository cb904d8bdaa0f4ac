"""What a fleet produced, month by month: sums over its plants, and how many of them each sum is made of.

A month is that of each plant's own zone. Figures of large fleets take seconds, so they are kept for some minutes.
"""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from django.core.cache import cache
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.measurements import grid, store
from apps.plants.models import Plant
from apps.web.plant.bars import Bars, bars_of
from apps.web.plant.period import EARLIEST, Kind, parse_date, title_of

LARGE = 500  # plants; fewer are summed up within 0.3 s
KEPT_SECONDS = 15 * 60
_Figures = tuple[dt.datetime, list[tuple[float, int, int]]]  # when they were computed; of each month as in Month


@dataclass(frozen=True, slots=True)
class Month:
    """`plants` of the fleet have data, together they produced `energy` (Wh) with `size` (Wp)."""

    first: dt.date
    energy: float
    plants: int
    size: int

    @property
    def title(self) -> str:
        return title_of(Kind.MONTH, self.first)

    @property
    def specific(self) -> float | None:
        """Wh/Wp, which is kWh/kWp, of the plants that have data."""
        return self.energy / self.size if self.plants and self.size else None


@dataclass(frozen=True)
class FleetEnergy:
    """The months of a `year` that have begun, or the last twelve, of `count` plants; `this_month` still goes on."""

    months: Sequence[Month]
    count: int
    year: int | None
    this_month: dt.date
    at: dt.datetime

    @property
    def title(self) -> str:
        return str(self.year) if self.year else _("Last 12 months")

    @property
    def earlier(self) -> int | None:
        """The year before, unless there is nothing to come from."""
        before = (self.year or self.this_month.year) - 1
        return before if self.known and before >= EARLIEST.year else None

    @property
    def later(self) -> int | None:
        return self.year + 1 if self.year and self.year < self.this_month.year else None

    @cached_property
    def known(self) -> list[Month]:
        return [month for month in self.months if month.plants]

    @property
    def whole(self) -> list[Month]:
        """Months with data of all plants."""
        return [month for month in self.months if month.plants == self.count]

    @property
    def partial(self) -> list[Month]:
        """Months with data of some plants, but not of all."""
        return [month for month in self.known if month.plants < self.count]

    @property
    def total(self) -> float | None:
        return sum(month.energy for month in self.known) if self.known else None

    @property
    def specific(self) -> float | None:
        """Each month by the plants that have data in it."""
        found = [month.specific for month in self.known if month.specific is not None]
        return sum(found) if found else None

    def bars(self) -> tuple[Bars, Bars]:
        """Months of all plants and months of some, on one scale."""
        labels, most = [str(month.first.month) for month in self.months], [max(0.0, *(m.energy for m in self.months))]
        whole, partial = (
            bars_of(labels, [month.energy if month in drawn else None for month in self.months], most)
            for drawn in (self.whole, self.partial)
        )
        return whole, partial


def energy_of(plants: QuerySet[Plant], asked: str, now: dt.datetime) -> FleetEnergy | None:
    """The months of the year that the address asks for, or the last twelve; None without plants."""
    rows = list(plants.only("pk", "size", "timezone", "datasource_id").order_by("pk"))
    if not rows:
        return None
    this_month = max(grid.today(ZoneInfo(zone), now) for zone in {row.timezone for row in rows}).replace(day=1)
    year = _year(asked, this_month.year)
    last = dt.date(year, 12, 1) if year else this_month
    months = [month for by in reversed(range(12)) if (month := _back(last, by)) <= this_month]
    at, figures = _figures(rows, months, now)
    found = [Month(first, *figure) for first, figure in zip(months, figures, strict=True)]
    return FleetEnergy(found, len(rows), year, this_month, at)


def _year(asked: str, this_year: int) -> int | None:
    """A year that can have data; None for anything else."""
    try:
        year = parse_date(asked).year
    except ValueError:
        return None
    return year if year <= this_year else None


def _back(month: dt.date, by: int) -> dt.date:
    year, number = divmod(month.year * 12 + month.month - 1 - by, 12)
    return dt.date(year, number + 1, 1)


def _figures(plants: Sequence[Plant], months: Sequence[dt.date], now: dt.datetime) -> _Figures:
    if len(plants) < LARGE:
        return now, _sums(plants, months)
    key = _key([plant.pk for plant in plants], months)
    known: _Figures | None = cache.get(key)
    if known is None:
        known = now, _sums(plants, months)
        cache.set(key, known, KEPT_SECONDS)
    return known


def _key(plants: Sequence[UUID], months: Sequence[dt.date]) -> str:
    """Other plants are other figures, so a fleet that is changed shows them at once."""
    digest = hashlib.blake2b(b"".join(plant.bytes for plant in plants), digest_size=16)
    return f"fleet-energy:{digest.hexdigest()}:{months[0]}:{months[-1]}"


def _sums(plants: Sequence[Plant], months: Sequence[dt.date]) -> list[tuple[float, int, int]]:
    energies = store.read_energy_of_plants(plants, months[0], months[-1])
    known = ~np.isnan(energies)
    sizes = np.array([plant.size for plant in plants])[:, None] * known
    columns = np.nansum(energies, axis=0), known.sum(axis=0), sizes.sum(axis=0)
    return [(float(energy), int(count), int(size)) for energy, count, size in zip(*columns, strict=True)]
