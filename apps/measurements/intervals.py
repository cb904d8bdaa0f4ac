"""What single 5-minute intervals tell about a plant: pure functions on arrays of one value per slot.

Performance ratio and availability compare two quantities over the same intervals, so they cannot be computed from the
energies of days. What they need of each day are sums that add up over days: `Evidence`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .grid import SLOT, Array

HOURS = SLOT.total_seconds() / 3600
REFERENCE = 1000.0  # W/m2 under standard test conditions
STANDARD_TEMPERATURE = 25.0  # degC under the same
LIGHT_ENOUGH = 50.0  # W/m2 from which on an inverter should work
PRODUCING = 0.05  # part of its size from which on an inverter shows that there is light enough

_Truth = NDArray[np.bool_]


class Evidence(NamedTuple):
    """Sums over the intervals of some days.

    Energies in Wh; a reference energy is what the modules would have given without any loss in the same intervals.
    Hours are those of the inverters, weighted by their sizes: one hour of half the plant counts half.
    """

    energy: float = 0.0  # where irradiance was measured
    reference: float = 0.0
    hours: float = 0.0
    warm_energy: float = 0.0  # where the temperature of the modules was measured as well
    warm_reference: float = 0.0
    warmth: float = 0.0  # the same reference times kelvins above 25 degC
    clear_energy: float = 0.0  # under a clear sky, measured or not
    clear_reference: float = 0.0
    clear_hours: float = 0.0
    possible_hours: float = 0.0  # in which inverters could have produced, as far as it is known whether they did
    available_hours: float = 0.0  # in which they did
    unknown_hours: float = 0.0  # in which they could have, and nothing is known of them


class Observed(NamedTuple):
    """What is known of a period: its sums, None where there are too many intervals to look at; and what was built in.

    `inverters` is the most that were there at once.
    """

    sums: Evidence | None = Evidence()
    has_irradiance: bool = False
    has_place: bool = False
    inverters: int = 0


def evidence(
    powers: Array, sizes: Array, irradiance: Array, module_temperature: Array, clear: Array | None = None
) -> Evidence:
    """The sums of one day.

    `powers` in W has a row per inverter, of which `sizes` holds the Wp; `clear` in W/m2 too. NaN: nothing is known.
    """
    weights = sizes / sizes.sum() if sizes.sum() else np.full(sizes.shape, 1 / sizes.size)
    known = ~np.isnan(powers)
    measured = known & ~np.isnan(irradiance)
    warm = measured & ~np.isnan(module_temperature)
    references = sizes[:, None] * np.maximum(irradiance, 0) / REFERENCE
    warmths = references * (module_temperature - STANDARD_TEMPERATURE)
    clear_references = np.zeros(powers.shape) if clear is None else sizes[:, None] * clear / REFERENCE
    could = _could_produce(powers, sizes, irradiance)

    def hours(chosen: _Truth) -> float:
        return float(weights @ chosen.sum(axis=1)) * HOURS

    return Evidence(
        energy=_sum(powers, measured),
        reference=_sum(references, measured),
        hours=hours(measured),
        warm_energy=_sum(powers, warm),
        warm_reference=_sum(references, warm),
        warmth=_sum(warmths, warm),
        clear_energy=_sum(powers, known),
        clear_reference=_sum(clear_references, known),
        clear_hours=hours(known),
        possible_hours=hours(could & known),
        available_hours=hours(could & (powers > 0)),
        unknown_hours=hours(could & ~known),
    )


def _sum(values: Array, chosen: _Truth) -> float:
    return float(values[chosen].sum()) * HOURS


def _could_produce(powers: Array, sizes: Array, irradiance: Array) -> _Truth:
    """In which slots there was light enough: told by the sensor, where it is silent by two inverters or more."""
    producing = (powers > 0) & (powers >= PRODUCING * sizes[:, None])
    comparable = (~np.isnan(powers)).sum(axis=0) > 1
    by_inverters = comparable & producing.any(axis=0)
    return np.where(np.isnan(irradiance), by_inverters, irradiance >= LIGHT_ENOUGH)


def mean_of(values: Array) -> Array:
    """What several sensors say together, one row each: the mean of those that speak."""
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.where(count, total / np.maximum(count, 1), np.nan)
