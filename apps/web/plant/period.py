"""The span of time a plant's page shows: a day, a month, a year or the plant's life, and the way to its neighbours."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.measurements import grid

EARLIEST, LATEST = dt.date(1970, 1, 1), dt.date(2200, 12, 31)


class Kind(StrEnum):
    """How long a period is, in the words of the address."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"
    TOTAL = "total"

    @property
    def label(self) -> Promise:
        return _LABELS[self]


_LABELS = {
    Kind.DAY: gettext_lazy("Day"),
    Kind.MONTH: gettext_lazy("Month"),
    Kind.YEAR: gettext_lazy("Year"),
    Kind.TOTAL: gettext_lazy("Total"),
}


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `first` to `last`, both included. `date` is the day a shorter period would show."""

    kind: Kind
    date: dt.date
    first: dt.date
    last: dt.date

    @classmethod
    def around(cls, kind: Kind, date: dt.date, life: tuple[dt.date, dt.date]) -> Self:
        """The period of a kind that contains `date`; `life` is the whole of the plant's days with data."""
        first, last = {
            Kind.DAY: lambda: (date, date),
            Kind.MONTH: lambda: (date.replace(day=1), date.replace(day=grid.month_days(date))),
            Kind.YEAR: lambda: (date.replace(month=1, day=1), date.replace(month=12, day=31)),
            Kind.TOTAL: lambda: life,
        }[kind]()
        return cls(kind, date, first, last)

    def moved(self, by: int) -> dt.date:
        """The date that many periods later. A month without a 31st gives its last day."""
        if self.kind is Kind.DAY:
            return self.date + dt.timedelta(days=by)
        return _months_later(self.date, by if self.kind is Kind.MONTH else 12 * by)

    def __contains__(self, day: dt.date) -> bool:
        return self.first <= day <= self.last

    @property
    def points(self) -> list[dt.date]:
        """The first days of what a longer period is made of: days, months or years. Not for a day."""
        if self.kind is Kind.MONTH:
            return list(grid.days(self.first, self.last))
        if self.kind is Kind.YEAR:
            return [self.first.replace(month=month) for month in range(1, 13)]
        return [dt.date(year, 1, 1) for year in range(self.first.year, self.last.year + 1)]

    @property
    def title(self) -> str:
        """Sunday, 21 June 2026; June 2026; 2026; 2019 to 2026."""
        if self.kind is Kind.TOTAL:
            first, last = self.first.year, self.last.year
            return str(last) if first == last else _("%(first)s to %(last)s") % {"first": first, "last": last}
        return title_of(self.kind, self.first)

    @property
    def input(self) -> tuple[str, str]:
        """The type and value of the form field that chooses such a period."""
        return {
            Kind.DAY: ("date", self.date.isoformat()),
            Kind.MONTH: ("month", f"{self.date:%Y-%m}"),
            Kind.YEAR: ("number", f"{self.date.year}"),
            Kind.TOTAL: ("hidden", self.date.isoformat()),
        }[self.kind]


def title_of(kind: Kind, first: dt.date) -> str:
    """What the day, month or year that begins on `first` is called."""
    wording: dict[Kind, Callable[[], str]] = {
        Kind.DAY: lambda: _("l, j F Y"),
        Kind.MONTH: lambda: "F Y",
        Kind.YEAR: lambda: "Y",
    }
    return date_format(first, wording[kind]())


def point_kind(kind: Kind) -> Kind:
    """What a longer period is made of."""
    return {Kind.MONTH: Kind.DAY, Kind.YEAR: Kind.MONTH, Kind.TOTAL: Kind.YEAR}[kind]


def parse_date(text: str) -> dt.date:
    """2026-06-21, or its beginning: 2026-06, 2026. ValueError otherwise, and outside EARLIEST..LATEST."""
    parts = text.split("-")
    digits = "".join(parts)
    if [len(part) for part in parts] not in ([4], [4, 2], [4, 2, 2]) or not (digits.isascii() and digits.isdecimal()):
        raise ValueError(text)
    date = dt.date(*(int(part) for part in [*parts, "1", "1"][:3]))
    if not EARLIEST <= date <= LATEST:
        raise ValueError(text)
    return date


def _months_later(date: dt.date, by: int) -> dt.date:
    year, month = divmod(date.year * 12 + date.month - 1 + by, 12)
    first = dt.date(year, month + 1, 1)
    return first.replace(day=min(date.day, grid.month_days(first)))
