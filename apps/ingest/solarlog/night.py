"""Nights: loggers record daylight only, the contract says "night production 0, gaps null".

Zeros are written only where the edge of the recorded day shows a device waking up or falling asleep; every other
hole is a gap and stays null. Voltages and temperatures are not known at night.
"""

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np

from apps.measurements import grid
from apps.measurements.grid import Array
from apps.measurements.store import DayReadings

from .counters import NIGHT_SHARE
from .devices import Device


def fill(readings: DayReadings, device: Device, zone: ZoneInfo, *, closed: bool, now: dt.datetime) -> None:
    """Write the night before and after the recorded day in place.

    `closed` says that the day was over when the file was written: the evening of an open day is not known.
    """
    power = readings.series.get(("ProdPac", 0))
    known = np.flatnonzero(~np.isnan(power)) if power is not None else np.empty(0, int)
    if power is None or not known.size:
        return
    first, last = int(known[0]), int(known[-1])
    asleep = device.size * NIGHT_SHARE
    if power[first] <= asleep and _hour(zone, readings.day, first) < 12:
        _morning(readings, first, asleep)
    if closed and power[last] <= asleep and _hour(zone, readings.day, last) >= 12:
        _evening(readings, last, grid.elapsed(zone, readings.day, now))


def _hour(zone: ZoneInfo, day: dt.date, slot: int) -> int:
    return (grid.start(zone, day) + slot * grid.SLOT).astimezone(zone).hour


def _powers(readings: DayReadings) -> list[Array]:
    return [values for (name, _), values in readings.series.items() if name in ("ProdPac", "ProdPdc")]


def _morning(readings: DayReadings, first: int, most: float) -> None:
    """Zeros before the first record, unless its counter tells of energy that was not recorded."""
    counter = readings.series.get(("ProdEtotal", 0))
    if counter is not None and counter[first] > most:
        return
    for values in _powers(readings):
        values[:first] = 0
    if counter is not None and not np.isnan(counter).all():
        counter[:first] = 0


def _evening(readings: DayReadings, last: int, elapsed: int) -> None:
    """Zeros after the last record; the counter holds."""
    for values in _powers(readings):
        values[last + 1 : elapsed] = 0
    counter = readings.series.get(("ProdEtotal", 0))
    if counter is not None and not np.isnan(counter).all():
        counter[last + 1 : elapsed] = counter[~np.isnan(counter)][-1]
