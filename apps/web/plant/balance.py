"""Where the energy of a period came from and went to, and the figures above the chart. One statement for all of it.

A quantity that no meter knows is None and is said to be unknown; sums say which share of the time they cover.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from apps.measurements import performance, store
from apps.measurements.channels import BY_NAME
from apps.measurements.plain import share
from apps.plants.models import Plant

from .completeness import WHOLE, percent_of
from .period import Period

_ENERGIES = (
    "ProdEtotal",
    "ProdEtotalSelf",
    "ProdEtotalFeed",
    "ConsEtotal",
    "ConsEtotalCov",
    "ConsEtotalUncov",
    "GridEtotalIn",
    "GridEtotalOut",
    "BatEtotalCharge",
    "BatEtotalDischarge",
)


@dataclass(frozen=True, slots=True)
class Energy:
    """A sum in Wh and which share of the elapsed time it covers; both None and 0 where nothing is known."""

    wh: float | None = None
    completeness: float = 0.0

    @property
    def is_partial(self) -> bool:
        return self.wh is not None and self.completeness < WHOLE

    @property
    def percent(self) -> str:
        """The completeness as people read it: never "100" for what is not complete."""
        return percent_of(self.completeness)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar; `start` and `width` in thousandths of the bar, as text for SVG."""

    label: str
    colour: str
    wh: float
    percent: float
    start: str
    width: str


@dataclass(frozen=True, slots=True)
class Bar:
    """What a quantity is made of, drawn as one bar."""

    title: str
    wh: float
    parts: Sequence[Part]

    @property
    def text(self) -> str:
        """The drawing in words."""
        pieces = (f"{part.label} {number_format(part.percent, 0)} %" for part in self.parts)
        return f"{self.title}: {', '.join(pieces)}"


@dataclass(frozen=True, slots=True)
class Balance:
    """The energies of a period by channel, and the indicators that follow from them."""

    energies: dict[str, Energy]
    kpis: dict[str, float | None]

    def __getitem__(self, name: str) -> Energy:
        return self.energies[name]

    @property
    def is_known(self) -> bool:
        return any(energy.wh is not None for energy in self.energies.values())

    @property
    def figures(self) -> Iterator[tuple[str, str, Energy]]:
        """Name, colour and energy of everything; the battery only where there is one."""
        yield _("Produced"), "production", self["ProdEtotal"]
        yield _("Self-consumed"), "self-consumption", self["ProdEtotalSelf"]
        yield _("Fed in"), "grid-export", self._first("GridEtotalOut", "ProdEtotalFeed")
        yield _("Drawn"), "grid-import", self._first("GridEtotalIn", "ConsEtotalUncov")
        yield _("Consumed"), "consumption", self["ConsEtotal"]
        if self["BatEtotalCharge"].wh is not None:
            yield _("Charged"), "battery-charge", self["BatEtotalCharge"]
            yield _("Discharged"), "battery-discharge", self["BatEtotalDischarge"]

    @property
    def bars(self) -> Iterator[Bar]:
        """What the production went to, and where the consumption came from, as far as both are known."""
        charged, discharged = self["BatEtotalCharge"].wh, self["BatEtotalDischarge"].wh
        self_used, fed = self["ProdEtotalSelf"].wh, self["ProdEtotalFeed"].wh
        if self_used is not None and fed is not None:
            stored = min(charged or 0.0, self_used)
            yield _bar(
                _("Where the production went"),
                (_("Used directly"), "self-consumption", self_used - stored),
                (_("Into the battery"), "battery-charge", stored),
                (_("Into the grid"), "grid-export", fed),
            )
        covered, drawn = self["ConsEtotalCov"].wh, self["ConsEtotalUncov"].wh
        if covered is not None and drawn is not None:
            released = min(discharged or 0.0, covered)
            yield _bar(
                _("Where the consumption came from"),
                (_("Directly from the plant"), "self-consumption", covered - released),
                (_("From the battery"), "battery-discharge", released),
                (_("From the grid"), "grid-import", drawn),
            )

    def _first(self, *names: str) -> Energy:
        return next((self[name] for name in names if self[name].wh is not None), Energy())


def of_periods(plant: Plant, periods: Sequence[Period], now: dt.datetime) -> list[Balance]:
    """The balance of each period. Two statements, whatever their number."""
    channels = [BY_NAME[name] for name in _ENERGIES]
    first, last = min(one.first for one in periods), max(one.last for one in periods)
    totals = store.read_totals(plant, store.Source(plant.datasource_id), channels, first, last)
    spans = [performance.Period(one.kind, one.first, one.last) for one in periods]
    return [_balance(plant, totals, found, now) for found in performance.of_energies(plant, spans, now)]


def _balance(plant: Plant, totals: store.Totals, found: performance.Performance, now: dt.datetime) -> Balance:
    span = found.period
    elapsed = performance.elapsed_slots(plant, span.first, span.last, now)
    energies = {}
    for name in _ENERGIES:
        known = totals.over(BY_NAME[name], span.first, span.last)
        energies[name] = Energy(known[0], share(known[1], elapsed)) if known else Energy()
    return Balance(energies, {kpi.name: kpi.value for kpi in found.kpis})


def _bar(title: str, *pieces: tuple[str, str, float]) -> Bar:
    whole = sum(wh for _label, _colour, wh in pieces)
    parts, start = [], 0.0
    for label, colour, wh in pieces:
        width = 1000 * wh / whole if whole else 0.0
        if wh > 0:
            parts.append(Part(label, colour, wh, width / 10, f"{start:.1f}", f"{width:.1f}"))
        start += width
    return Bar(title, whole, parts)
