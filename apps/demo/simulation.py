"""A demo plant from sunrise to meter: joins weather, generation and consumption. Pure: no Django, no database.

`simulate` gives the same values for a slot whenever it is asked: chance depends on the plant's seed and the day,
and a battery's state of charge settles during the days simulated ahead of the month.
"""

import datetime as dt
from collections.abc import Mapping

import numpy as np

from apps.measurements import grid

from .blueprint import Effect, Inverter, Model, Span
from .consumption import (
    base_load,
    battery_readings,
    charge_car,
    consumer_readings,
    grid_readings,
    heat,
    meter_readings,
)
from .generation import Readings, produce
from .period import Array, Period
from .troubles import Troubles
from .weather import Sky

WARM_UP = dt.timedelta(days=3)


def simulate(model: Model, span: Span, month: dt.date) -> tuple[Period, dict[str, Readings]]:
    """All devices of a plant over the month that begins on `month`, and the days ahead of it."""
    last = month.replace(day=grid.month_days(month))
    period = Period(span.zone, month - WARM_UP, last, model.seed)
    sky = Sky(model.site, period)
    troubles = Troubles(model.incidents, span, period)
    devices = _producers(model, span, sky, troubles)
    devices |= _consumers(model, sky, sum_of(devices, "ProdPac", period))
    if model.sensor_plane:
        devices["sensor"] = _sensor(model.sensor_plane, sky)
    return period, _silenced(devices, troubles)


def sum_of(devices: Mapping[str, Readings], channel: str, period: Period) -> Array:
    """The sum of one channel over the devices that measure it."""
    values = [readings[channel, 0] for readings in devices.values() if (channel, 0) in readings]
    return np.sum([np.nan_to_num(array) for array in values], axis=0) if values else np.zeros(period.size)


def _producers(model: Model, span: Span, sky: Sky, troubles: Troubles) -> dict[str, Readings]:
    """The inverters, each with values only while it was built in."""
    return {
        inverter.key: _within_life(inverter, span, sky.period, produce(inverter, number, sky, troubles))
        for number, inverter in enumerate(model.inverters, start=1)
    }


def _within_life(inverter: Inverter, span: Span, period: Period, readings: Readings) -> Readings:
    since = span.day(inverter.since) if inverter.since else dt.date.min
    until = span.day(inverter.until) if inverter.until else dt.date.max
    present = period.spread(np.array([since <= day < until for day in period.days]))
    return {key: np.where(present, values, np.nan) for key, values in readings.items()}


def _consumers(model: Model, sky: Sky, produced: Array) -> dict[str, Readings]:
    """Loads, battery and meters, such that the energy of every slot balances."""
    period = sky.period
    base, devices = base_load(model.load, period), {}
    if model.heat_pump:
        devices["heat-pump"] = consumer_readings(heat(model.heat_pump, sky), period)
    if model.charger:
        devices["charger"] = consumer_readings(charge_car(model.charger, period), period)
    even = sum_of(devices, "ConsPac", period)
    missing = base + even - produced
    if model.battery:
        devices["battery"] = battery_readings(model.battery, -missing, sky)
        missing += devices["battery"]["BatPacCharge", 0] - devices["battery"]["BatPacDischarge", 0]
    if model.consumption_metered:
        devices["consumption"] = meter_readings(base, even, period)
    return devices | {"grid": grid_readings(missing, period)}


def _sensor(plane: tuple[float, float], sky: Sky) -> Readings:
    irradiance = np.round(sky.on_plane(*plane))
    return {
        ("Irradiation", 0): irradiance,
        ("Insolation", 0): sky.period.cumulated(irradiance),
        ("TempModule", 0): np.round(sky.cell_temperature(irradiance)),
        ("TempAmbient", 0): np.round(sky.temperature),
        ("WindVelocity", 0): np.round(sky.wind, 1),
    }


def _silenced(devices: dict[str, Readings], troubles: Troubles) -> dict[str, Readings]:
    """Nothing arrives while the logger cannot be reached; counters go on counting meanwhile."""
    silent = troubles.mask(Effect.SILENT)
    if not silent.any():
        return devices
    return {
        device: {key: np.where(silent, np.nan, values) for key, values in readings.items()}
        for device, readings in devices.items()
    }
