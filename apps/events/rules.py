"""When something is wrong: pure functions from the arrays of a day to verdicts on its slots.

The thresholds stand here once; docs/decisions/0010-detection.md gives the reason of each and how often it is right.
Arrays have one value per 5-minute slot, NaN where there is none; powers in W, counters in Wh since local midnight,
sizes in Wp.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from apps.measurements import bounds, grid
from apps.measurements.grid import Array
from apps.plants import sun
from apps.plants.models import Plant

from .codes import Kind
from .spans import Mask, Patience, Verdict, verdict

PER_HOUR = 12  # slots
PATIENCE: Mapping[Kind, Patience] = {
    Kind.INVERTER_SILENT: Patience(bad=6, good=3),
    Kind.STRING_LOW: Patience(bad=6, good=6),
    Kind.COUNTER_STUCK: Patience(bad=2, good=2),
    Kind.COUNTER_FELL: Patience(bad=2, good=2),
    Kind.VALUE_STUCK: Patience(bad=1, good=3),
    Kind.VALUE_IMPLAUSIBLE: Patience(bad=3, good=6),
    Kind.COMPONENT_SILENT: Patience(bad=24, good=2),
    Kind.PLANT_SILENT: Patience(bad=24, good=1),
}

BRIGHT = 0.08  # W/Wp that peers deliver, or the sensor leads to expect
ASLEEP, AWAKE = 0.005, 0.02  # W/Wp below which an inverter does not produce, and above which it does
WORTH = 0.5  # of what the sensor's irradiance would give at best
ENOUGH = 1.0  # kWh/kWp of the siblings' day, from which on a string can be compared
AFTERNOON = 13 * PER_HOUR  # slots, before which a roof may still lie in its morning shade
LOW, FAIR = 0.75, 0.85  # of the siblings' energy
UNCOUNTED = 0.2  # hours of full power that must pass a counter before it stands still
UNCOUNTED_FOR = PER_HOUR  # and slots
FALL = 0.01  # of the counter
LEAST_FALL = 50.0  # Wh
AFTER_MIDNIGHT = 2 * PER_HOUR  # slots in which loggers may still show yesterday's counter
SAME_FOR: Mapping[str, int] = {  # slots in a row
    "Irradiation": 2 * PER_HOUR,
    "TempModule": 12 * PER_HOUR,
    "TempAmbient": 20 * PER_HOUR,
    "WindVelocity": 6 * PER_HOUR,
}
CORE = dt.timedelta(minutes=90)  # after sunrise and before sunset a plant may sleep
_MIDDAY_HOURS = (10, 15)  # local hours of daylight where nobody knows the plant's place


@dataclass(frozen=True, slots=True)
class Daylight:
    """Where a plant is, to know when data can be expected. Unknown places have a short day around noon."""

    zone: dt.tzinfo
    place: tuple[float, float] | None

    @classmethod
    def of(cls, plant: Plant) -> Self:
        """At the coordinates of a plant, if it has any."""
        if plant.latitude is None or plant.longitude is None:
            return cls(plant.zone, None)
        return cls(plant.zone, (plant.latitude, plant.longitude))

    def core(self, begin: dt.datetime, slots: int) -> Mask:
        """The slots of a local day, which begins at `begin`, in which a plant that is all right is awake."""
        edges = self._edges(begin, slots)
        if edges is None:
            return np.zeros(slots, dtype=np.bool_)
        first, last = ((edge - begin) / grid.SLOT for edge in edges)
        at = np.arange(slots)
        lit: Mask = (at >= first) & (at < last)
        return lit

    def _edges(self, begin: dt.datetime, slots: int) -> tuple[dt.datetime, dt.datetime] | None:
        midday = begin + slots // 2 * grid.SLOT
        if self.place is None:
            local = midday.astimezone(self.zone)
            return tuple(local.replace(hour=hour, minute=0) for hour in _MIDDAY_HOURS)  # type: ignore[return-value]
        risen = sun.daylight(*self.place, midday)
        return risen and (risen[0] + CORE, risen[1] - CORE)


# --- Power -----------------------------------------------------------------------------------------------------------


def expected(peers: Sequence[Array], irradiance: Array | None, daylight: Mask) -> Array:
    """W/Wp an inverter should deliver, as far as the median of its peers (W/Wp) and a sensor (W/m2) tell; else NaN."""
    parts = [np.full(daylight.size, np.nan)]
    if peers:
        parts.append(_median(peers))
    if irradiance is not None:  # by day only: a sensor that is stuck would else blame inverters at night
        parts.append(np.where(daylight, irradiance * WORTH / 1000, np.nan))
    most: Array = np.fmax.reduce(parts)
    return most


def inverter_silent(power: Array, size: int, reference: Array) -> Verdict:
    """No power, or no data, while it is `expected`."""
    delivered = np.nan_to_num(power) / size
    return verdict((reference >= BRIGHT) & (delivered < ASLEEP), delivered >= AWAKE)


def string_low(own: Array, siblings: Sequence[Array]) -> Verdict:
    """Less energy since midnight than the median of its siblings: powers in W/Wp, over the slots both are known in."""
    typical = _median(siblings)
    known = ~np.isnan(own) & ~np.isnan(typical)
    mine, theirs = (np.cumsum(np.where(known, power, 0)) / PER_HOUR for power in (own, typical))
    judged = known & (theirs >= ENOUGH) & (np.arange(own.size) >= AFTERNOON)
    return verdict(judged & (mine < LOW * theirs), judged & (mine > FAIR * theirs))


def _median(arrays: Sequence[Array]) -> Array:
    """Slot by slot over those that are known; numpy's own takes ten times as long."""
    ordered = np.sort(np.vstack(arrays), axis=0)  # NaN comes last
    known = np.count_nonzero(~np.isnan(ordered), axis=0)
    at = np.arange(known.size)
    middle: Array = (ordered[np.maximum(known - 1, 0) // 2, at] + ordered[known // 2, at]) / 2
    return middle


# --- Counters --------------------------------------------------------------------------------------------------------


def counter_stuck(power: Array, counter: Array, size: int) -> Verdict:
    """More energy went by than a counter of coarse steps could hide, and for an hour it did not move."""
    known = np.flatnonzero(~np.isnan(counter))
    moved = np.zeros(counter.size, dtype=np.bool_)
    if not known.size:
        return verdict(moved, moved)
    moved[known[1:]] = np.diff(counter[known]) != 0
    energy = np.cumsum(np.nan_to_num(power).clip(min=0)) / PER_HOUR
    since = _last(moved | (np.arange(counter.size) == known[0]))
    passed = np.where(since >= 0, energy - energy[since], 0)
    stands = (passed >= UNCOUNTED * size) & (np.arange(counter.size) - since >= UNCOUNTED_FOR)
    return verdict(stands & ~np.isnan(counter) & (since >= 0), moved)


def counter_fell(counter: Array) -> Verdict:
    """Below what it showed before on this day."""
    seen = np.where(np.arange(counter.size) < AFTER_MIDNIGHT, np.nan, counter)
    highest = np.fmax.accumulate(seen)
    below = highest - seen > np.maximum(LEAST_FALL, FALL * np.nan_to_num(highest))
    return verdict(below, ~np.isnan(seen))


# --- Sensors ---------------------------------------------------------------------------------------------------------


def value_stuck(channel: str, values: Array, daylight: Mask) -> Verdict:
    """Exactly the same value for longer than weather is steady. Calm is no fault; night says nothing of irradiance."""
    known = ~np.isnan(values)
    if channel == "Irradiation":
        known &= daylight
    if channel == "WindVelocity":
        known &= values != 0
    at = np.flatnonzero(known)
    same = np.zeros(values.size, dtype=np.bool_)
    if at.size:
        changes = np.diff(values[at], prepend=np.nan) != 0
        order = np.arange(at.size)
        same[at] = order - np.maximum.accumulate(np.where(changes, order, 0)) >= SAME_FOR[channel]
    return verdict(same, known)


def value_implausible(channel: str, values: Array) -> Verdict:
    """Beyond the bounds of its channel."""
    least, most = bounds.bounds(channel)
    outside = (values < least) | (values > most)
    return verdict(outside, ~np.isnan(values))


# --- Silence ---------------------------------------------------------------------------------------------------------


def component_silent(present: Mask, others: Mask, daylight: Mask) -> Verdict:
    """Nothing by day while other components of the plant deliver."""
    return verdict(~present & others & daylight, present)


def plant_silent(present: Mask, daylight: Mask, begun: int) -> Verdict:
    """Nothing by day from any component, up to the slots that have `begun`."""
    return verdict(~present & daylight & (np.arange(present.size) < begun), present)


def _last(mask: Mask) -> NDArray[np.intp]:
    """For every slot the last one at or before it that is in the mask; -1 where there is none."""
    return np.maximum.accumulate(np.where(mask, np.arange(mask.size), -1))
