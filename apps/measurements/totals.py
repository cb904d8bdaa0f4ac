"""Plant totals and derived channels: pure functions on arrays of slots (or days), NaN where nothing is known.

Private to the store, which calls `plant_totals` whenever a device's day was written and `derive` when reading.

Signs: generation and consumption are positive. Flows follow from the balance of an AC bus
(IEC 61724-1, clause on energy flows): production + discharge + drawn = consumption + charge + fed in.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from apps.plants.models import Component

from .channels import BY_NAME, Aggregate
from .grid import Array

HOURS_PER_SLOT = 5 / 60


@dataclass(frozen=True, slots=True)
class Measured:
    """What one component delivered on one day: channel name -> one value per slot."""

    type: str
    classes: frozenset[str]
    values: Mapping[str, Array]


# --- Sums ------------------------------------------------------------------------------------------------


def _is_producer(device: Measured) -> bool:
    return "production" in device.classes


def _is_meter(device: Measured) -> bool:
    return device.type == Component.Type.METER


def _is_total_consumption(device: Measured) -> bool:
    return _is_meter(device) and "consumption" in device.classes


def _is_consumer(device: Measured) -> bool:
    return "consumption" in device.classes and not _is_meter(device)


def _is_battery(device: Measured) -> bool:
    return device.type == Component.Type.BATTERY


_GROUPS: tuple[tuple[tuple[str, ...], tuple[Callable[[Measured], bool], ...]], ...] = (
    (("ProdPac", "ProdEtotal", "ProdPdc"), (_is_producer,)),
    # A total meter already contains chargers and heat pumps; those are summed only where none is built in.
    (("ConsPac", "ConsEtotal"), (_is_total_consumption, _is_consumer)),
    (("GridPacIn", "GridPacOut", "GridEtotalIn", "GridEtotalOut"), (_is_meter,)),
    (("BatPacCharge", "BatPacDischarge", "BatEtotalCharge", "BatEtotalDischarge", "BatSoc"), (_is_battery,)),
)
SUMMED = tuple(name for names, _ in _GROUPS for name in names)
SUMMED_COUNTERS = tuple(name for name in SUMMED if BY_NAME[name].aggregate is Aggregate.COUNTER)


def plant_totals(devices: Iterable[Measured]) -> dict[str, Array]:
    """The plant-level channels that follow from its components, each one value per slot.

    Components that are built in but delivered nothing belong into `devices` too: where the total meter is silent,
    the chargers alone are not the plant's consumption.
    """
    summed = sums(devices)
    powers = _flows("Pac", summed)
    return summed | powers | _energies(summed, powers)


def sums(devices: Iterable[Measured]) -> dict[str, Array]:
    """Sums over those components that make up a plant total; NaN only where all of them are silent."""
    found, result = list(devices), {}
    for names, preferences in _GROUPS:
        groups = ([device for device in found if belongs(device)] for belongs in preferences)
        members = next((group for group in groups if group), [])
        for name in names:
            parts = [device.values[name] for device in members if name in device.values]
            if parts:
                result[name] = _combine(name, parts)
    return result


def _combine(name: str, parts: Sequence[Array]) -> Array:
    if len(parts) == 1:
        return parts[0]
    stack = np.vstack(parts)
    known = ~np.isnan(stack)
    if BY_NAME[name].aggregate is Aggregate.COUNTER:
        # A counter that pauses keeps its last value, so the total never falls.
        stack = np.vstack([counted(part) for part in parts])
    total = np.where(np.isnan(stack), 0.0, stack).sum(axis=0)
    if name == "BatSoc":
        total /= np.maximum(known.sum(axis=0), 1)
    return np.where(known.any(axis=0), total, np.nan)


def counted(values: Array) -> Array:
    """A counter at every slot: its last known value, and 0 before the first, for it begins at midnight."""
    last = np.maximum.accumulate(np.where(np.isnan(values), -1, np.arange(values.size)))
    return np.where(last < 0, 0.0, values[last])


# --- Flows -----------------------------------------------------------------------------------------------

_Step = Callable[[Array], Array]


def _same(values: Array) -> Array:
    return values


def _flows(kind: str, totals: Mapping[str, Array], held: _Step = _same, rising: _Step = _same) -> dict[str, Array]:
    """Feed-in, self-consumption, covered and uncovered consumption of one kind ("Pac" in W, "Etotal" in Wh).

    `held` says what a counter is worth where it is silent. The balance asks for what is added only: a subtrahend that
    stood still would leave too much, and a counter cannot take that back. `rising` mends what jitter lets fall.
    """
    produced, consumed = totals.get(f"Prod{kind}"), totals.get(f"Cons{kind}")
    drawn, fed = totals.get(f"Grid{kind}In"), totals.get(f"Grid{kind}Out")
    charged, discharged = totals.get(f"Bat{kind}Charge"), totals.get(f"Bat{kind}Discharge")
    if produced is None:
        return {}

    def balance(plus: Sequence[Array | None], minus: Sequence[Array | None]) -> Array:
        rest = sum((held(part) for part in plus if part is not None), np.zeros_like(produced))
        return rising(np.maximum(rest - sum(part for part in minus if part is not None), 0))

    flows: dict[str, Array] = {}
    if consumed is None and drawn is not None and fed is not None:
        consumed = flows[f"Cons{kind}"] = balance([produced, discharged, drawn], [charged, fed])
    if consumed is not None:
        if fed is None and (drawn is not None or kind == "Pac"):  # of two unknown powers one is 0; of counters none
            fed = balance([produced, discharged, drawn], [charged, consumed])
        if drawn is None and fed is not None:
            drawn = balance([consumed, charged, fed], [produced, discharged])
    if fed is not None:
        flows |= _parts(produced, fed, f"Prod{kind}Feed", f"Prod{kind}Self")
    if drawn is not None and consumed is not None:
        flows |= _parts(consumed, drawn, f"Cons{kind}Uncov", f"Cons{kind}Cov")
    return flows


def _parts(whole: Array, part: Array, name: str, rest: str) -> dict[str, Array]:
    """A part, which cannot be more than the whole, and the rest of it."""
    part = np.minimum(part, whole)
    return {name: part, rest: whole - part}


def _energies(summed: Mapping[str, Array], powers: Mapping[str, Array]) -> dict[str, Array]:
    """Counters of the flows: from counters where meters give enough of them, else from powers over time."""
    flows = _flows("Etotal", summed, counted, _rising)
    power = summed.get("ConsPac", powers.get("ConsPac"))
    if "ConsEtotal" not in summed and "ConsEtotal" not in flows and power is not None:
        flows["ConsEtotal"] = np.rint(_cumulated(power))
    known = {**summed, **flows}
    for whole, part, rest in (("Prod", "Self", "Feed"), ("Cons", "Cov", "Uncov")):
        energy, power = known.get(f"{whole}Etotal"), powers.get(f"{whole}Pac{part}")
        if f"{whole}Etotal{part}" not in flows and energy is not None and power is not None:
            share = np.rint(counted(_cumulated(power)))
            flows |= _parts(energy, share, f"{whole}Etotal{part}", f"{whole}Etotal{rest}")
    return {name: values if name == "ConsEtotal" else _settling(values) for name, values in flows.items()}


def _rising(values: Array) -> Array:
    """Never falls: keeps what was reached."""
    return np.where(np.isnan(values), np.nan, np.fmax.accumulate(values))


def _settling(values: Array) -> Array:
    """Never falls, and ends where it ended, so that parts add up to their whole: jitter is cut off before it."""
    return np.where(np.isnan(values), np.nan, np.fmin.accumulate(values[::-1])[::-1])


def _cumulated(power: Array) -> Array:
    return np.where(np.isnan(power), np.nan, np.nancumsum(power) * HOURS_PER_SLOT)


# --- Derived channels ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Terms:
    """What derived channels need besides measurements: Wp, and prices per kWh (None where not known)."""

    size: int
    electricity_cost: float | None = None
    feed_in_tariff: float | None = None


def inputs(name: str, *, power: bool) -> tuple[str, ...]:
    """The stored channels a derived one is computed from: powers within a day, energies over periods."""
    kind = "Pac" if power else "Etotal"
    return {
        "ProdPacNorm": ("ProdPac",),
        "ProdPdcNorm": ("ProdPdc",),
        "Autarky": (f"Cons{kind}Cov", f"Cons{kind}"),
        "SelfConsumption": (f"Prod{kind}Self", f"Prod{kind}"),
        "ProdEtotalFinancialYield": ("ProdEtotalFeed", "ConsEtotalCov"),
        "ProdEtotalFeedFinancialYield": ("ProdEtotalFeed",),
        "ConsEtotalCovFinancialYield": ("ConsEtotalCov",),
    }[name]


def derive(name: str, values: Sequence[Array], terms: Terms) -> Array | None:
    """A derived channel from its `inputs`; None where a price or the size is not known."""
    if name in ("ProdPacNorm", "ProdPdcNorm"):
        return values[0] / terms.size if terms.size else None
    if name in ("Autarky", "SelfConsumption"):
        part, whole = values
        return np.divide(100 * part, whole, out=np.full_like(whole, np.nan), where=whole > 0)
    return _earned(inputs(name, power=False), values, terms)


def _earned(names: Sequence[str], energies: Sequence[Array], terms: Terms) -> Array | None:
    prices = {"ProdEtotalFeed": terms.feed_in_tariff, "ConsEtotalCov": terms.electricity_cost}
    earned = np.zeros_like(energies[0])
    for name, energy in zip(names, energies, strict=True):
        price = prices[name]
        if price is None:
            return None
        earned = earned + energy / 1000 * price
    return earned
