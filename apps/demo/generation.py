"""From the sky to the grid: module strings, MPP trackers and inverters of a demo plant, after PVWatts.

Measured values are whole watts first; currents and counters follow from those, as in a real logger.
"""

from dataclasses import dataclass

import numpy as np
import pvlib

from .blueprint import MODULE_WATTS, Effect, Inverter, Tracker
from .period import Array, Mask, Period
from .troubles import Troubles
from .weather import Sky

Key = tuple[str, int]
"""(channel, part): part 0 is the device, n > 0 its MPP tracker n, -n its string n."""
Readings = dict[Key, Array]

_MODULE_VOLTS = 31.4  # at the maximum power point
_POWER_PER_KELVIN = -0.0034
_VOLTS_PER_KELVIN = -0.0027
_SYSTEM = 0.93  # soiling, reflection, wiring
_EFFICIENCY = 0.972
_WAKE_UP = 0.004  # of the rated power
_LIMIT = 0.6  # what a limited inverter still delivers
MISMATCH, FLICKER, GRID_VOLTAGE = 10, 11, 12  # streams of chance


@dataclass(frozen=True, slots=True)
class _Direct:
    """Power, voltage and current on the direct side."""

    power: Array
    voltage: Array
    current: Array

    def readings(self, part: int) -> Readings:
        values = {"ProdPdc": self.power, "ProdUdc": self.voltage, "ProdIdc": self.current}
        return {(name, part): array for name, array in values.items()}


def produce(inverter: Inverter, number: int, sky: Sky, troubles: Troubles) -> Readings:
    """Everything one inverter measures; `number` (from 1) makes its chance differ from its neighbours'."""
    period = sky.period
    raw = [
        _string(inverter, tracker, string, modules, number, sky, troubles)
        for string, tracker, modules in _strings(inverter)
    ]
    strings = _converted(inverter, raw, troubles)
    trackers = [_together(strings[part]) for part in _string_ranges(inverter)]
    total = _together(trackers)
    readings = total.readings(0) | _alternating(inverter, number, total, sky)
    for index, tracker in enumerate(trackers, start=1):
        readings |= tracker.readings(index)
    if inverter.strings_measured:
        for index, string_values in enumerate(strings, start=1):
            readings |= string_values.readings(-index)
    return _cumulate(readings, period)


def _strings(inverter: Inverter) -> list[tuple[int, Tracker, int]]:
    """Every string: its number within the inverter (from 1), its tracker, its modules."""
    flat = [(tracker, modules) for tracker in inverter.trackers for modules in tracker.strings]
    return [(index, tracker, modules) for index, (tracker, modules) in enumerate(flat, start=1)]


def _string_ranges(inverter: Inverter) -> list[slice]:
    ends = np.cumsum([len(tracker.strings) for tracker in inverter.trackers]).tolist()
    return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]


def _string(
    inverter: Inverter,
    tracker: Tracker,
    string: int,
    modules: int,
    number: int,
    sky: Sky,
    troubles: Troubles,
) -> tuple[Array, Array]:
    """What a string could deliver: watts and volts."""
    irradiance = sky.on_plane(tracker.tilt, tracker.azimuth)
    cell = sky.cell_temperature(irradiance)
    peak = modules * MODULE_WATTS * _SYSTEM * _mismatch(sky.period, number, string)
    power = pvlib.pvsystem.pvwatts_dc(irradiance, cell, peak, _POWER_PER_KELVIN)
    flicker = 1 + 0.003 * sky.period.noise(FLICKER + 100 * number + string, memory=0.5)
    power = np.clip(power * flicker, 0, None)
    power = np.where(troubles.mask(Effect.STRING_OPEN, inverter.key, string), 0.0, power)
    bright = np.clip(irradiance / 1000, 1e-3, None)
    volts = _MODULE_VOLTS * (1 + _VOLTS_PER_KELVIN * (cell - 25) + 0.03 * np.log(bright))
    return power, modules * volts


def _mismatch(period: Period, number: int, string: int) -> float:
    """Modules are never quite equal: a fixed factor of each string."""
    dice = np.random.default_rng([period.seed, MISMATCH, number, string])
    return float(dice.uniform(0.985, 1.005))


def _converted(inverter: Inverter, raw: list[tuple[Array, Array]], troubles: Troubles) -> list[_Direct]:
    """What the inverter takes: nothing while it sleeps or stands, no more than it can convert."""
    offered = _sum([power for power, _ in raw])
    limited = troubles.mask(Effect.LIMITED, inverter.key)
    most = np.where(limited, _LIMIT, 1.0) * inverter.rated / _EFFICIENCY
    taken = np.minimum(1.0, most / np.maximum(offered, 1.0))
    running = offered > _WAKE_UP * inverter.rated
    running &= ~troubles.mask(Effect.STOPPED, inverter.key)
    return [_direct(power * taken, volts * (1.06 - 0.06 * taken), running) for power, volts in raw]


def _direct(power: Array, volts: Array, running: Mask) -> _Direct:
    """Measured values; to take less than offered, an inverter raises the voltage."""
    watts = np.where(running, np.round(power), 0.0)
    voltage = np.where(running, np.round(np.clip(volts, 0, None), 1), 0.0)
    current: Array = np.divide(watts, voltage, out=np.zeros_like(watts), where=voltage > 0)
    return _Direct(watts, voltage, np.round(current, 2))


def _together(parts: list[_Direct]) -> _Direct:
    """Sources side by side: powers and currents add up, the voltage is their mean."""
    power, voltage, current = (
        _sum([getattr(part, name) for part in parts]) for name in ("power", "voltage", "current")
    )
    return _Direct(power, np.round(voltage / len(parts), 1), np.round(current, 2))


def _sum(arrays: list[Array]) -> Array:
    return np.asarray(np.sum(arrays, axis=0), dtype=np.float64)


def _alternating(inverter: Inverter, number: int, total: _Direct, sky: Sky) -> Readings:
    """The alternating side: power, voltage, current of one of three phases, and the inverter's temperature."""
    nominal = inverter.rated / _EFFICIENCY
    power = np.round(pvlib.inverter.pvwatts(total.power, nominal, eta_inv_nom=_EFFICIENCY))
    load = power / inverter.rated
    noise = sky.period.noise(GRID_VOLTAGE + 100 * number, memory=0.9)
    voltage = np.round(231 + 4 * load + 0.9 * noise, 1)
    return {
        ("ProdPac", 0): power,
        ("ProdUac", 0): voltage,
        ("ProdIac", 0): np.round(power / (3 * voltage), 2),
        ("Temp", 0): np.round(sky.temperature + 4 + 30 * load),
    }


def _cumulate(readings: Readings, period: Period) -> Readings:
    return readings | {("ProdEtotal", 0): period.cumulated(readings["ProdPac", 0])}
