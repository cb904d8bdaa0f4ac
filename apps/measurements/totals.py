"""Plant totals and derived channels: pure functions on arrays of slots (or days), NaN where nothing is known.

Private to store.py, which calls `plant_totals` whenever a device's day was written and `derive` when reading.

Signs: generation and consumption are positive. Flows follow from the balance of an AC bus
(IEC 61724-1, clause on energy flows): production + discharge + drawn = consumption + charge + fed in.
"""

from collections.abc import Callable, Iterable, Mapping
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


_SUMMED: dict[str, tuple[Callable[[Measured], bool], ...]] = {
    # A total meter already contains chargers and heat pumps; those are summed only where there is none.
    **dict.fromkeys(("ConsPac", "ConsEtotal"), (_is_total_consumption, _is_consumer)),
    **dict.fromkeys(("ProdPac", "ProdEtotal", "ProdPdc"), (_is_producer,)),
    **dict.fromkeys(("GridPacIn", "GridPacOut", "GridEtotalIn", "GridEtotalOut"), (_is_meter,)),
    **dict.fromkeys(
        ("BatPacCharge", "BatPacDischarge", "BatEtotalCharge", "BatEtotalDischarge", "BatSoc"), (_is_battery,)
    ),
}


def plant_totals(devices: Iterable[Measured]) -> dict[str, Array]:
    """The plant-level channels that follow from its components, each one value per slot."""
    found = list(devices)
    totals: dict[str, Array] = {}
    for name, preferences in _SUMMED.items():
        for belongs in preferences:
            members = [device.values[name] for device in found if belongs(device) and name in device.values]
            if members:
                totals[name] = _combine(name, members)
                break
    return totals | _power_flows(totals) | _energy_flows(totals)


def _combine(name: str, members: list[Array]) -> Array:
    if len(members) == 1:
        return members[0]
    stack = np.vstack(members)
    missing = np.isnan(stack)
    silent = missing.all(axis=0)
    if name == "BatSoc":
        total = np.nansum(stack, axis=0) / np.maximum((~missing).sum(axis=0), 1)
    elif BY_NAME[name].aggregate is Aggregate.COUNTER:
        # A counter that pauses keeps its last value, so the total never falls.
        total = np.nansum(np.vstack([hold(member) for member in members]), axis=0)
    else:
        total = np.nansum(stack, axis=0)
    return np.where(silent, np.nan, total)


def hold(values: Array) -> Array:
    """The last known value at every slot; NaN before the first."""
    known = np.maximum.accumulate(np.where(np.isnan(values), -1, np.arange(values.size)))
    return np.where(known < 0, np.nan, values[known])


def _power_flows(totals: Mapping[str, Array]) -> dict[str, Array]:
    return _flows(totals, "Pac", lambda power: power)


def _energy_flows(totals: Mapping[str, Array]) -> dict[str, Array]:
    """Counters of the flows, from counters where the meters give them, else from summed power."""
    if "GridEtotalIn" in totals or "ProdEtotal" not in totals:
        return {name: _never_falling(values) for name, values in _flows(totals, "Etotal", hold).items()}
    powers = _flows(totals, "Pac", lambda power: power)
    return {name.replace("Pac", "Etotal"): _cumulated(power) for name, power in powers.items() if name != "ConsPac"}


def _flows(totals: Mapping[str, Array], kind: str, prepare: Callable[[Array], Array]) -> dict[str, Array]:
    """Feed-in, self-consumption, covered and uncovered consumption of one kind ("Pac" in W, "Etotal" in Wh)."""

    def get(name: str) -> Array | None:
        return prepare(totals[name]) if name in totals else None

    produced, consumed = get(f"Prod{kind}"), get(f"Cons{kind}")
    drawn, fed = get(f"Grid{kind}In"), get(f"Grid{kind}Out")
    stored = _difference(get(f"Bat{kind}Charge"), get(f"Bat{kind}Discharge"))
    flows: dict[str, Array] = {}
    if produced is None:
        return flows
    if consumed is None and drawn is not None and fed is not None:
        consumed = flows[f"Cons{kind}"] = np.maximum(produced - stored + drawn - fed, 0)
    if fed is None and drawn is None and consumed is not None and kind == "Pac":
        surplus = produced - stored - consumed
        fed, drawn = np.maximum(surplus, 0), np.maximum(-surplus, 0)
    if fed is not None:
        flows[f"Prod{kind}Feed"] = np.minimum(fed, produced)
        flows[f"Prod{kind}Self"] = produced - flows[f"Prod{kind}Feed"]
    if drawn is not None and consumed is not None:
        flows[f"Cons{kind}Uncov"] = np.minimum(drawn, consumed)
        flows[f"Cons{kind}Cov"] = consumed - flows[f"Cons{kind}Uncov"]
    return flows


def _difference(charged: Array | None, discharged: Array | None) -> Array | float:
    if charged is None or discharged is None:
        return 0.0
    return charged - discharged


def _never_falling(values: Array) -> Array:
    return np.where(np.isnan(values), np.nan, np.fmax.accumulate(values))


def _cumulated(power: Array) -> Array:
    return np.where(np.isnan(power), np.nan, np.nancumsum(power) * HOURS_PER_SLOT)


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


def derive(name: str, values: tuple[Array, ...], terms: Terms) -> Array | None:
    """A derived channel from its `inputs`; None where a price or the size is not known."""
    if name in ("ProdPacNorm", "ProdPdcNorm"):
        return values[0] / terms.size if terms.size else None
    if name in ("Autarky", "SelfConsumption"):
        part, whole = values
        return np.divide(100 * part, whole, out=np.full_like(whole, np.nan), where=whole > 0)
    prices = {"ProdEtotalFeed": terms.feed_in_tariff, "ConsEtotalCov": terms.electricity_cost}
    earned = [
        None if price is None else energy / 1000 * price
        for price, energy in zip((prices[source] for source in inputs(name, power=True)), values, strict=True)
    ]
    if any(part is None for part in earned):
        return None
    return sum(part for part in earned if part is not None)  # type: ignore[return-value]
