"""Counter hygiene: which values of a counter that restarts at midnight can be true.

Loggers hand on yesterday's value right after midnight, spikes, falls, and counters that stay 0 (solarlog-files.md,
section 3). Energy must never fall, so the values kept are the longest series that does not.

While a day still grows, what the rest of it may prove wrong is held back: a counter that has not begun to count, and
values further above the one before than the device can have produced in between.
"""

import datetime as dt
from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from apps.measurements.grid import SLOT, Array
from apps.measurements.store import DayReadings

from .devices import Device

_HOURS_PER_SLOT = SLOT / dt.timedelta(hours=1)
NIGHT_SHARE = 0.01  # of the installed power; below it a device is waking up or falling asleep
_DEAD_ENERGY = 20.0  # Wh produced by power while the counter stayed 0
_SUN = 1.2  # times installed power: more no generator delivers
_GRACE = 100.0  # Wh a counter may show at midnight

Bad = tuple[int, float, str]  # slot, value, reason


def clean(readings: DayReadings, device: Device, *, is_over: bool) -> list[Bad]:
    """Remove untrue counter values from the day in place; returns what was removed as such."""
    counter = readings.series.get((device.counter or "", 0))
    power = readings.series.get((device.power or "", 0))
    if counter is None or power is None:
        return []
    bad = _dead(counter, power, device) or _impossible(counter, device)
    _remove(counter, bad)
    falls = _falling(counter)
    _remove(counter, falls)
    early = [] if is_over else _doubtful(counter, device)
    _remove(counter, early)
    return sorted(bad + falls + early)


def _remove(counter: Array, bad: Sequence[Bad]) -> None:
    counter[[slot for slot, _, _ in bad]] = np.nan


def _known(counter: Array) -> list[int]:
    return [int(slot) for slot in np.flatnonzero(~np.isnan(counter))]


def _dead(counter: Array, power: Array, device: Device) -> list[Bad]:
    """A counter that stays 0 although there was power."""
    if np.nansum(counter) > 0:
        return []
    awake = power[power > device.size * NIGHT_SHARE]
    if awake.sum() * _HOURS_PER_SLOT < _DEAD_ENERGY:
        return []
    return [(slot, 0.0, "counter stays 0 while there is power") for slot in _known(counter)]


def _doubtful(counter: Array, device: Device) -> list[Bad]:
    """Values of a day that still grows which its further values may prove wrong."""
    slots = _known(counter)
    if not np.nansum(counter) > 0:
        counter[:] = np.nan  # dead or not yet awake: nothing is lost by waiting for the first Wh
        return []
    reason = "counter jumps further than the device can have produced: looked at again when the day is over"
    bad: list[Bad] = []
    before, believed = -1, 0.0
    for slot in slots if _is_bounded(device) else []:
        value, hours = float(counter[slot]), (slot - before) * _HOURS_PER_SLOT
        if value > believed + _GRACE + _SUN * device.size * hours:
            bad.append((slot, value, reason))
        else:
            before, believed = slot, value
    return bad


def _is_bounded(device: Device) -> bool:
    return bool(device.size) and "production" in device.classes


def _impossible(counter: Array, device: Device) -> list[Bad]:
    """Values above what the device can have produced since midnight."""
    if not _is_bounded(device):
        return []
    hours = (np.arange(counter.size) + 1) * _HOURS_PER_SLOT
    over = counter > _GRACE + _SUN * device.size * hours
    reason = "counter above what the device can have produced since midnight"
    return [(int(slot), float(counter[slot]), reason) for slot in np.flatnonzero(over)]


def _falling(counter: Array) -> list[Bad]:
    """Values outside the longest series that never falls."""
    slots = _known(counter)
    values = [float(counter[slot]) for slot in slots]
    kept = set(_longest_rising(values))
    return [
        (slot, value, "counter does not fit: it must not fall within a day")
        for place, (slot, value) in enumerate(zip(slots, values, strict=True))
        if place not in kept
    ]


def _longest_rising(values: Sequence[float]) -> list[int]:
    """The places of a longest non-decreasing subsequence (patience sorting, O(n log n))."""
    tails: list[float] = []  # the lowest end of a series of each length
    ends: list[int] = []
    before: list[int] = []
    for place, value in enumerate(values):
        length = bisect_right(tails, value)
        before.append(ends[length - 1] if length else -1)
        if length == len(tails):
            tails.append(value)
            ends.append(place)
        else:
            tails[length], ends[length] = value, place
    chain = []
    place = ends[-1] if ends else -1
    while place >= 0:
        chain.append(place)
        place = before[place]
    return chain
