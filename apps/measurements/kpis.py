"""Key performance indicators: pure functions that say what they were computed from, or why there is no value.

Energies in Wh, power in Wp, periods in hours. Formulas follow IEC 61724-1:2021 (performance ratio, specific yield as
'final yield', capacity factor), IEC TS 63019:2019 (availability by time) and the usual definitions of self-consumption
and autarky; each carries a stable id.
"""

import calendar
import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.utils.translation import gettext as _

from . import grid
from .intervals import STANDARD_TEMPERATURE, Evidence, Observed

USUAL_COEFFICIENT = -0.4  # %/K: modules of crystalline silicon lose so much of their power as they warm up


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about a plant over a period.

    `energies` holds sums in Wh by channel name, only those that are known; `target` is the yield in Wh that was
    planned for the period; `hours` have elapsed in it; prices are per kWh. `together` holds sums of several channels
    over those days only of which all of them are known, so that one does not speak for more days than the other.
    `completeness` is the share of the elapsed slots with a production value, `emission_factor` in kg of CO2 per kWh.
    `coefficient` says in %/K how the power of the modules follows their temperature.
    """

    size: int
    hours: float
    energies: Mapping[str, float] = field(default_factory=dict)
    target: float | None = None
    feed_in_tariff: float | None = None
    electricity_cost: float | None = None
    together: Mapping[tuple[str, ...], Sequence[float]] = field(default_factory=dict)
    completeness: float = 0.0
    emission_factor: float | None = None
    intervals: Observed = field(default_factory=Observed)
    coefficient: float | None = None


@dataclass(frozen=True, slots=True)
class Kpi:
    """A value with its inputs, or the reason why there is none. `completeness`: of what it was computed from, 0..1."""

    name: str
    unit: str
    formula: str
    value: float | None
    inputs: Mapping[str, float]
    reason: str | None = None
    completeness: float = 0.0


class Missing(Exception):
    """An input is not known; the message is the reason given to the reader, in the reader's language."""


Inputs = dict[str, float]


class Result(NamedTuple):
    """What a formula gives; where `formula` and `completeness` are absent, those of the table and of the period."""

    value: float
    inputs: Inputs
    formula: str | None = None
    completeness: float | None = None


Compute = Callable[[Facts], Result]


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


def _specific_yield(facts: Facts) -> Result:
    """Yf = E / P0 in kWh per kWp (IEC 61724-1, final system yield)."""
    energy, size = _energy(facts, "ProdEtotal"), _size(facts)
    return Result(energy / size, {"ProdEtotal": energy, "size": size})


def _capacity_factor(facts: Facts) -> Result:
    """E / (P0 x elapsed hours) in per cent."""
    energy, size = _energy(facts, "ProdEtotal"), _size(facts)
    if not facts.hours:
        raise Missing(_("the period has not begun"))
    inputs = {"ProdEtotal": energy, "size": size, "hours": facts.hours}
    return Result(100 * energy / (size * facts.hours), inputs)


def _target_fulfilment(facts: Facts) -> Result:
    """Yield as a part of what was planned for the period, in per cent."""
    energy = _energy(facts, "ProdEtotal")
    target = _known(facts.target or None, _("the yield target of the plant is not known"))
    return Result(100 * energy / target, {"ProdEtotal": energy, "target": target})


def _share(part: str, whole: str) -> Compute:
    def compute(facts: Facts) -> Result:
        portion, total = _energies(facts, part, whole)
        if total <= 0:
            raise Missing(_("%(channel)s is 0 in this period") % {"channel": whole})
        return Result(100 * portion / total, {part: portion, whole: total})

    return compute


def _financial_yield(facts: Facts) -> Result:
    """What was fed in at its tariff, and what was not bought at its price."""
    fed, covered = _energies(facts, "ProdEtotalFeed", "ConsEtotalCov")
    tariff = _known(facts.feed_in_tariff, _("the feed-in tariff of the plant is not known"))
    price = _known(facts.electricity_cost, _("the price of electricity of the plant is not known"))
    inputs = {"ProdEtotalFeed": fed, "ConsEtotalCov": covered, "feedInTariff": tariff, "electricityCost": price}
    return Result(fed / 1000 * tariff + covered / 1000 * price, inputs)


def _co2_avoided(facts: Facts) -> Result:
    """The energy times what a kWh from elsewhere would have emitted."""
    energy = _energy(facts, "ProdEtotal")
    factor = _known(facts.emission_factor, _("the emission factor of the plant is not known"))
    return Result(energy / 1000 * factor, {"ProdEtotal": energy, "emissionFactor": factor})


# --- From single intervals -------------------------------------------------------------------------------


def _intervals(facts: Facts) -> Evidence:
    if facts.intervals.sums is None:
        raise Missing(_("the period is too long to look at every interval of so many devices"))
    return facts.intervals.sums


def _performance_ratio(facts: Facts) -> Result:
    """PR = sum of P x dt / sum of P0 x G / 1000 x dt, both over the same intervals (IEC 61724-1).

    Intervals of which irradiance or power is not known are left out of both sums; where power is 0 they stay in.
    """
    found = _intervals(facts)
    _size(facts)
    if not facts.intervals.has_irradiance:
        return _lower_bound(facts, found)
    if not found.hours:
        raise Missing(_("irradiance and power are not known together in this period"))
    if not found.reference:
        raise Missing(_("%(channel)s is 0 in this period") % {"channel": "Irradiation"})
    inputs = {"energy": found.energy, "referenceEnergy": found.reference, **_corrected(facts, found)}
    return Result(100 * found.energy / found.reference, inputs, completeness=_part(found.hours, facts.hours))


def _corrected(facts: Facts, found: Evidence) -> Inputs:
    """The same ratio at 25 degC, over the intervals with a module temperature: P0 is taken at that temperature.

    The factor of P0 is 1 + coefficient x (T - 25 degC) (IEC 61724-1, STC performance ratio).
    """
    if not found.warm_reference:
        return {}
    coefficient = USUAL_COEFFICIENT if facts.coefficient is None else facts.coefficient
    reference = found.warm_reference + coefficient / 100 * found.warmth
    if reference <= 0:  # no modules are that hot: the sensor tells nonsense
        return {}
    return {
        "temperatureCorrected": 100 * found.warm_energy / reference,
        "moduleTemperature": STANDARD_TEMPERATURE + found.warmth / found.warm_reference,
        "temperatureCoefficient": coefficient,
    }


def _lower_bound(facts: Facts, found: Evidence) -> Result:
    """The ratio to what a clear sky would have given: the sun gave less, so the true ratio is higher."""
    if not facts.intervals.has_place:
        raise Missing(_("there is no irradiance sensor, and the place of the plant is not known"))
    if not found.clear_hours:
        raise Missing(_("no values of %(channel)s in this period") % {"channel": "ProdPac"})
    if not found.clear_reference:
        raise Missing(_("the sun did not rise while the power was known"))
    inputs = {"energy": found.clear_energy, "clearSkyEnergy": found.clear_reference}
    ratio = 100 * found.clear_energy / found.clear_reference
    return Result(ratio, inputs, CLEAR_SKY_BOUND, _part(found.clear_hours, facts.hours))


def _availability(facts: Facts) -> Result:
    """Part of the hours in which inverters could produce in which they did (IEC TS 63019, by time).

    They could where there was light enough by the sensor, or without it while another inverter produced.
    """
    found = _intervals(facts)
    if not facts.intervals.has_irradiance and facts.intervals.inverters < 2:
        raise Missing(_("there is neither an irradiance sensor nor a second inverter to compare with"))
    if not found.possible_hours:
        raise Missing(_("no interval is known in which the inverters could have produced"))
    inputs = {"availableHours": found.available_hours, "possibleHours": found.possible_hours}
    completeness = _part(found.possible_hours, found.possible_hours + found.unknown_hours)
    return Result(100 * found.available_hours / found.possible_hours, inputs, completeness=completeness)


def _part(known: float, whole: float) -> float:
    return min(1.0, known / whole) if whole else 0.0


# --- The table -------------------------------------------------------------------------------------------

CURRENCY = "currency"

CLEAR_SKY_BOUND = "pr-clear-sky-bound"
_FORMULAS: tuple[tuple[str, str, str, Compute], ...] = (
    ("PerformanceRatio", "%", "pr-iec61724-1", _performance_ratio),
    ("SpecificYield", "kWh/kWp", "yf-iec61724-1", _specific_yield),
    ("SelfConsumptionRate", "%", "self-consumption-energy", _share("ProdEtotalSelf", "ProdEtotal")),
    ("Autarky", "%", "autarky-energy", _share("ConsEtotalCov", "ConsEtotal")),
    ("Availability", "%", "availability-iec63019-time", _availability),
    ("CapacityFactor", "%", "capacity-factor-hours", _capacity_factor),
    ("TargetFulfilment", "%", "target-fulfilment-months", _target_fulfilment),
    ("Co2Avoided", "kg", "co2-avoided-factor", _co2_avoided),
    ("FinancialYield", CURRENCY, "financial-yield-tariffs", _financial_yield),
)
FROM_INTERVALS = frozenset({"PerformanceRatio", "Availability"})
ENERGIES = ("ProdEtotal", "ProdEtotalSelf", "ProdEtotalFeed", "ConsEtotal", "ConsEtotalCov")
TOGETHER = (("ProdEtotalSelf", "ProdEtotal"), ("ConsEtotalCov", "ConsEtotal"), ("ProdEtotalFeed", "ConsEtotalCov"))


def all_kpis(facts: Facts) -> list[Kpi]:
    """Every indicator for one period, in the order of the table."""
    return [_kpi(*row, facts) for row in _FORMULAS]


def energy_kpis(facts: Facts) -> list[Kpi]:
    """Those that need no intervals."""
    return [_kpi(*row, facts) for row in _FORMULAS if row[0] not in FROM_INTERVALS]


def _kpi(name: str, unit: str, formula: str, compute: Compute, facts: Facts) -> Kpi:
    try:
        found = compute(facts)
    except Missing as missing:
        return Kpi(name, unit, formula, None, {}, str(missing), facts.completeness)
    completeness = facts.completeness if found.completeness is None else round(found.completeness, 4)
    inputs = {name: round(value, 5) for name, value in found.inputs.items()}
    return Kpi(name, unit, found.formula or formula, round(found.value, 3), inputs, None, completeness)


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
