"""What ten inverters of a roof deliver on a day: clear-sky curves under moving clouds, with noise, nights and gaps.

Deterministic: the same roof and day give the same values. Figures are those of common 10 kW inverters with two strings
of modules: an efficiency of about 97 %, some 600 V on the DC side, 230 V on the other.
"""

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from apps.measurements import grid

CHANNELS = ("ProdPac", "ProdEtotal", "ProdPdc", "ProdUdc", "ProdIdc", "ProdUac")
DEVICES = 10
SIZE = 10_000  # Wp of an inverter

Curves = NDArray[np.float64]  # (devices, slots)
_HOUR = 12  # slots


def curves(roof: int, zone: ZoneInfo, day: dt.date) -> dict[str, Curves]:
    """The channels of all devices of a roof on a day, by name; NaN where something is missing."""
    chance = np.random.default_rng([roof, day.toordinal()])
    sun = _sun(zone, day, latitude=47.0 + 1.3 * roof, longitude=8.0 + roof)
    power = _power(chance, roof, sun)
    dc_power = np.rint(power / (0.972 - 0.015 * (power < 600)) + chance.normal(0, 3, power.shape) * (power > 0))
    voltage = _dc_voltage(chance, power)
    current = np.divide(dc_power, voltage, out=np.zeros_like(power), where=voltage > 0)
    counter = np.rint(np.cumsum(power, axis=1) / _HOUR)
    found = (power, counter, dc_power, voltage, current, _ac_voltage(chance, power))
    missing = _gaps(chance, power.shape)
    return {name: np.where(missing, np.nan, values) for name, values in zip(CHANNELS, found, strict=True)}


def _sun(zone: ZoneInfo, day: dt.date, latitude: float, longitude: float) -> Curves:
    """The sine of the sun's elevation at every slot, 0 by night (Cooper's formula for the declination)."""
    begin = grid.start(zone, day)
    hours = begin.hour + begin.minute / 60 + np.arange(grid.slots(zone, day)) / _HOUR + longitude / 15
    declination = np.radians(23.45) * np.sin(2 * np.pi * (284 + day.timetuple().tm_yday) / 365)
    height, angle = np.radians(latitude), np.radians(15 * (hours - 12))
    sine = np.sin(height) * np.sin(declination) + np.cos(height) * np.cos(declination) * np.cos(angle)
    above: Curves = np.maximum(sine, 0.0)
    return above


def _power(chance: np.random.Generator, roof: int, sun: Curves) -> Curves:
    """AC power: the clear sky, less the clouds that pass over the whole roof, a little different for each inverter."""
    overcast = chance.beta(0.7, 0.9)  # few days are half and half
    clouds = np.convolve(chance.normal(0, 1, sun.size), 0.85 ** np.arange(30))[: sun.size]
    passing = np.clip(1 - overcast * (0.55 + 0.25 * clouds), 0.06, 1.05)
    places = 1 + 0.05 * np.random.default_rng(roof).normal(0, 1, (DEVICES, 1))  # the modules differ, and stay different
    each = places * (1 + 0.006 * chance.normal(0, 1, (DEVICES, sun.size)))
    power = np.minimum(SIZE * 0.82 * sun**1.15 * passing * each, SIZE * 0.9)
    return np.where(power < 20, 0.0, np.rint(power))


def _dc_voltage(chance: np.random.Generator, power: Curves) -> Curves:
    """Warm modules have less voltage; none by night."""
    voltage = 640 - 70 * power / SIZE + chance.normal(0, 1.5, power.shape)
    return np.where(power > 0, np.round(voltage, 1), 0.0)


def _ac_voltage(chance: np.random.Generator, power: Curves) -> Curves:
    """The grid wanders during the day, all inverters see it nearly alike, and each lifts it by what it feeds in."""
    grid_voltage = 230 + np.cumsum(chance.normal(0, 0.25, power.shape[1]))
    voltage = grid_voltage + 2 * power / SIZE + chance.normal(0, 0.2, power.shape)
    return np.where(power > 0, np.round(voltage, 1), 0.0)


def _gaps(chance: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Some days the logger was silent for a while, and now and then an inverter was for a day."""
    missing = np.repeat(chance.random((shape[0], 1)) < 0.004, shape[1], axis=1)
    if chance.random() < 0.15:
        begin = chance.integers(shape[1])
        missing[:, begin : begin + chance.integers(1, 3 * _HOUR)] = True
    return missing
