"""What the list of plants shows: sums of all plants that fit, and one page of them."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.measurements import store
from apps.measurements.channels import BY_NAME
from apps.measurements.overview import Group, Moment, Overview
from apps.plants.filters import narrowed
from apps.plants.models import Plant

from .forms import PlantSearch
from .sparkline import Sparkline, sparkline

PAGE_SIZE = 24
_STATE = ("status", "health")  # the two parameters by which the links of the states narrow the list


@dataclass(frozen=True, slots=True)
class Facet:
    """A link that narrows the list to one state: its parameters, how many plants it leads to, whether it is on."""

    label: str | Promise
    css: str
    status: str
    health: str
    count: int
    active: bool


@dataclass(frozen=True, slots=True)
class Sums:
    """Of the plants that fit. Power and energy are null where none of them has any; `without_…` of them add nothing."""

    count: int
    size: int
    power: float | None
    today: float | None
    without_power: int
    without_today: int


@dataclass(frozen=True, slots=True)
class Row:
    """One plant of the page."""

    overview: Overview
    spark: Sparkline | None
    today: dt.date

    @property
    def plant(self) -> Plant:
        return self.overview.plant

    @property
    def no_power(self) -> str:
        """Words for a power that is not known: since when. None are needed, and made, where it is."""
        return _no_power(self.overview, self.today) if self.overview.power is None else ""

    @property
    def no_today(self) -> str:
        """The same for the energy of today."""
        return _no_today(self.overview) if self.overview.today is None else ""

    @property
    def bar(self) -> float:
        """Power in Wp of the size, for the bar; never more than full."""
        return min(max(self.overview.power or 0.0, 0.0), float(self.plant.size))


@dataclass(frozen=True, slots=True)
class Listing:
    """The list as the templates take it: `number` is that of the page, from 1."""

    facets: list[Facet]
    sums: Sums
    rows: list[Row]
    number: int

    @property
    def first(self) -> int:
        return (self.number - 1) * PAGE_SIZE + 1

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1

    @property
    def previous(self) -> int | None:
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self) -> int | None:
        return self.number + 1 if self.last < self.sums.count else None


_FACETS: tuple[tuple[str | Promise, str, str, str], ...] = (
    (gettext_lazy("OK"), "ok", Plant.Status.ACTIVATED, Plant.Health.OK),
    (gettext_lazy("Warning"), "warning", Plant.Status.ACTIVATED, Plant.Health.WARNING),
    (gettext_lazy("Error"), "error", Plant.Status.ACTIVATED, Plant.Health.ERROR),
    (gettext_lazy("Offline"), "offline", Plant.Status.ACTIVATED, Plant.Health.OFFLINE),
    (gettext_lazy("Deactivated"), "off", Plant.Status.DEACTIVATED, ""),
)


def listing(plants: QuerySet[Plant], form: PlantSearch, page: str | None, moment: Moment) -> Listing:
    """Three statements, whatever the number of plants: sums by state, one page, and its powers of today."""
    given = form.narrowing
    state = {name: given.get(name, "") for name in _STATE}
    others = {name: value for name, value in given.items() if name not in _STATE}
    groups = moment.groups(narrowed(plants, others))
    sums = _sums([group for group in groups if _fits(group, **state)])
    order = form.order
    ordered = moment.ordered(narrowed(plants, given), order.lstrip("-"), descending=order.startswith("-"))
    number = _page_number(page, sums.count)
    shown = ordered[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
    rows = _rows(moment.overviews(shown) if sums.count else [], moment)
    return Listing(list(_facets(groups, state)), sums, rows, number)


def _page_number(text: str | None, count: int) -> int:
    """The page asked for, or the nearest there is."""
    number = int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else 1
    return max(1, min(number, -(-count // PAGE_SIZE)))


def _fits(group: Group, status: str, health: str) -> bool:
    return status in ("", group.status) and health in ("", group.health)


def _facets(groups: Iterable[Group], state: dict[str, str]) -> Iterator[Facet]:
    """All states that occur, and the one that is chosen."""
    found = list(groups)
    for label, css, status, health in _FACETS:
        count = sum(group.count for group in found if _fits(group, status, health))
        active = state == {"status": status, "health": health}
        if count or active:
            yield Facet(label, css, status, health, count, active)


def _sums(groups: list[Group]) -> Sums:
    count = sum(group.count for group in groups)
    with_power = sum(group.with_power for group in groups)
    with_today = sum(group.with_today for group in groups)
    return Sums(
        count=count,
        size=sum(group.size for group in groups),
        power=sum(group.power for group in groups) if with_power else None,
        today=sum(group.today for group in groups) if with_today else None,
        without_power=count - with_power,
        without_today=count - with_today,
    )


def _rows(overviews: list[Overview], moment: Moment) -> list[Row]:
    days = {one.plant: moment.today(one.plant) for one in overviews}
    powers = store.read_day_of_plants(days, BY_NAME["ProdPac"])
    return [
        Row(one, sparkline(one.plant, days[one.plant], powers.get(one.plant.pk)), days[one.plant]) for one in overviews
    ]


def _no_power(one: Overview, today: dt.date) -> str:
    if one.power_at is None:
        return _("no data yet")
    local = timezone.localtime(one.power_at, one.plant.zone)
    since = f"{local:%H:%M}" if local.date() == today else _day(local.date())
    return _("no data since %(when)s") % {"when": since}


def _no_today(one: Overview) -> str:
    if one.day is None:
        return _("no data yet")
    return _("no data today, last on %(day)s") % {"day": _day(one.day)}


def _day(day: dt.date) -> str:
    """22 November 2026."""
    return date_format(day, _("j F Y"))
