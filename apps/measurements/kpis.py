"""Key performance indicators: pure functions that say what they were computed from, or why there is no value.

Energies in Wh, power in Wp, periods in hours. Formulas follow IEC 61724-1:2021 (specific yield 'final yield',
capacity factor) and the usual definitions of self-consumption and autarky; each carries a stable id.
"""

import calendar
import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from . import grid


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about a plant over a period.

    `energies` holds sums in Wh by channel name, only those that are known; `target` is the yield in Wh that was
    planned for the period; `hours` have elapsed in it; prices are per kWh. `together` holds sums of several channels
    over those days only of which all of them are known, so that one does not speak for more days than the other.
    """

    size: int
    hours: float
    energies: Mapping[str, float] = field(default_factory=dict)
    target: float | None = None
    feed_in_tariff: float | None = None
    electricity_cost: float | None = None
    together: Mapping[tuple[str, ...], Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kpi:
    """A value with its inputs, or the reason why there is none."""

    name: str
    unit: str
    formula: str
    value: float | None
    inputs: Mapping[str, float]
    reason: str | None = None


class Missing(Exception):
    """An input is not known; the message is the reason given to the reader, in the reader's language."""


Inputs = dict[str, float]


def _energy(facts: Facts, channel: str) -> float:
    if channel not in facts.energies:
        raise Missing(_("no values of %(channel)s in this period") % {"channel": channel})
    return facts.energies[channel]


def _energies(facts: Facts, *channels: str) -> Sequence[float]:
    """Energies that are set in relation to each other."""
    return facts.together.get(channels) or [_energy(facts, channel) for channel in channels]


def _known(value: float | None, otherwise: str) -> float:
    if value is None:
        raise Missing(otherwise)
    return value


def _size(facts: Facts) -> float:
    return _known(facts.size or None, _("the size of the plant is not known"))


def _specific_yield(facts: Facts) -> tuple[float, Inputs]:
    """Yf = E / P0 in kWh per kWp (IEC 61724-1, final system yield)."""
    energy, size = _energy(facts, "ProdEtotal"), _size(facts)
    return energy / size, {"ProdEtotal": energy, "size": size}


def _capacity_factor(facts: Facts) -> tuple[float, Inputs]:
    """E / (P0 x elapsed hours) in per cent."""
    energy, size = _energy(facts, "ProdEtotal"), _size(facts)
    if not facts.hours:
        raise Missing(_("the period has not begun"))
    return 100 * energy / (size * facts.hours), {"ProdEtotal": energy, "size": size, "hours": facts.hours}


def _target_fulfilment(facts: Facts) -> tuple[float, Inputs]:
    """Yield as a part of what was planned for the period, in per cent."""
    energy = _energy(facts, "ProdEtotal")
    target = _known(facts.target or None, _("the yield target of the plant is not known"))
    return 100 * energy / target, {"ProdEtotal": energy, "target": target}


def _share(part: str, whole: str) -> Callable[[Facts], tuple[float, Inputs]]:
    def compute(facts: Facts) -> tuple[float, Inputs]:
        portion, total = _energies(facts, part, whole)
        if total <= 0:
            raise Missing(_("%(channel)s is 0 in this period") % {"channel": whole})
        return 100 * portion / total, {part: portion, whole: total}

    return compute


def _financial_yield(facts: Facts) -> tuple[float, Inputs]:
    """What was fed in at its tariff, and what was not bought at its price."""
    fed, covered = _energies(facts, "ProdEtotalFeed", "ConsEtotalCov")
    tariff = _known(facts.feed_in_tariff, _("the feed-in tariff of the plant is not known"))
    price = _known(facts.electricity_cost, _("the price of electricity of the plant is not known"))
    inputs = {"ProdEtotalFeed": fed, "ConsEtotalCov": covered, "feedInTariff": tariff, "electricityCost": price}
    return fed / 1000 * tariff + covered / 1000 * price, inputs


def _not_yet(reason: str) -> Callable[[Facts], tuple[float, Inputs]]:
    def compute(facts: Facts) -> tuple[float, Inputs]:
        raise Missing(_(reason))

    return compute


CURRENCY = "currency"

_FORMULAS: tuple[tuple[str, str, str, Callable[[Facts], tuple[float, Inputs]]], ...] = (
    ("PerformanceRatio", "%", "pr-iec61724-1", _not_yet(gettext_noop("irradiance is not evaluated yet"))),
    ("SpecificYield", "kWh/kWp", "yf-iec61724-1", _specific_yield),
    ("SelfConsumptionRate", "%", "self-consumption-energy", _share("ProdEtotalSelf", "ProdEtotal")),
    ("Autarky", "%", "autarky-energy", _share("ConsEtotalCov", "ConsEtotal")),
    (
        "Availability",
        "%",
        "availability-iec63019-time",
        _not_yet(gettext_noop("operating states are not evaluated yet")),
    ),
    ("CapacityFactor", "%", "capacity-factor-hours", _capacity_factor),
    ("TargetFulfilment", "%", "target-fulfilment-months", _target_fulfilment),
    ("Co2Avoided", "kg", "co2-avoided-factor", _not_yet(gettext_noop("the emission factor of the plant is not known"))),
    ("FinancialYield", CURRENCY, "financial-yield-tariffs", _financial_yield),
)
ENERGIES = ("ProdEtotal", "ProdEtotalSelf", "ProdEtotalFeed", "ConsEtotal", "ConsEtotalCov")
TOGETHER = (("ProdEtotalSelf", "ProdEtotal"), ("ConsEtotalCov", "ConsEtotal"), ("ProdEtotalFeed", "ConsEtotalCov"))


def all_kpis(facts: Facts) -> list[Kpi]:
    """Every indicator for one period, in the order of the table."""
    return [_kpi(name, unit, formula, compute, facts) for name, unit, formula, compute in _FORMULAS]


def _kpi(name: str, unit: str, formula: str, compute: Callable[[Facts], tuple[float, Inputs]], facts: Facts) -> Kpi:
    try:
        value, inputs = compute(facts)
    except Missing as missing:
        return Kpi(name, unit, formula, None, {}, str(missing))
    return Kpi(name, unit, formula, round(value, 3), inputs)


def planned_yield(
    size: int, yearly_target: float | None, monthly_shares: Sequence[float] | None, first: dt.date, last: dt.date
) -> float | None:
    """The yield in Wh that was planned for the days from `first` to `last`, both included.

    `yearly_target` in kWh/kWp; `monthly_shares` are twelve percentages, January first (equal days without them).
    A month's share is spread evenly over its days. None where no target is set.
    """
    if not yearly_target:
        return None
    if monthly_shares:
        shares = [monthly_shares[day.month - 1] / 100 / grid.month_days(day) for day in grid.days(first, last)]
    else:
        shares = [1 / (366 if calendar.isleap(day.year) else 365) for day in grid.days(first, last)]
    return yearly_target * size * math.fsum(shares)
