"""Who uses the energy of a demo plant: households, workshops, heat pumps, cars, batteries, and the meters between.

Everything is in whole watts, and the meters show what is left: produced + discharged + drawn equals
consumed + charged + fed in, to the watt, in every slot.
"""

import datetime as dt

import numpy as np

from .blueprint import Battery, Charger, HeatPump, Load, Profile
from .generation import Readings
from .period import SLOTS_PER_HOUR, Array, Period
from .weather import Sky

LOAD, DEVICES, CAR, PHASES = 30, 31, 32, 33  # streams of chance

_HOURS = (0, 5, 7, 9, 12, 14, 17, 19, 21, 24)


def base_load(load: Load, period: Period) -> Array:
    """Watts of the standing load with its daily profile, its noise and its appliances."""
    work, rest = (np.interp(period.hours, _HOURS, shares) for shares in load.profile.value)
    free = period.spread(np.array([day.weekday() >= 5 for day in period.days]))
    noise = np.exp(0.12 * period.noise(LOAD, memory=0.8))
    watts = load.mean * np.where(free, rest, work) * noise
    return np.round(watts + _appliances(load, period))


def _appliances(load: Load, period: Period) -> Array:
    """Kettles, ovens, washing machines: more of them when people are awake."""

    def draw(dice: np.random.Generator, _: dt.date, where: slice) -> Array:
        watts = np.zeros(where.stop - where.start)
        chance = np.interp(period.hours[where], _HOURS, Profile.HOME.value[0]) - 0.35
        count = dice.poisson(load.appliances)
        starts = dice.choice(watts.size, size=count, p=chance / chance.sum())
        for start, power, slots in zip(
            starts, dice.uniform(500, 2600, count), dice.geometric(0.35, count), strict=True
        ):
            watts[start : start + slots] += power
        return watts

    return period.by_day(DEVICES, draw)


def heat(pump: HeatPump, sky: Sky) -> Array:
    """Watts of a heat pump: short runs of fixed power, more of them the colder it is."""
    outside = sky.temperature
    wanted = pump.loss * np.clip(pump.heats_below - outside, 0, None)
    performance = np.clip(2.75 + 0.08 * outside, 1.8, 4.8)
    watts = wanted / performance + _hot_water(pump, sky.period)
    run = 150.0  # Wh in one slot: 1,800 W
    runs = np.floor(np.cumsum(watts) / SLOTS_PER_HOUR / run)
    return np.round(np.diff(runs, prepend=0.0) * run * SLOTS_PER_HOUR)


def _hot_water(pump: HeatPump, period: Period) -> Array:
    """The day's hot water is made in the early afternoon, when the sun helps."""
    return np.where((period.hours >= 12.5) & (period.hours < 14.5), 12 * pump.hot_water, 0.0)


def charge_car(charger: Charger, period: Period) -> Array:
    """Watts of a wallbox: evenings on working days, around noon on others."""

    def draw(dice: np.random.Generator, day: dt.date, where: slice) -> Array:
        free = day.weekday() >= 5
        hour = dice.normal(12.0 if free else 18.0, 1.3)
        slots = max(2, round(dice.lognormal(np.log(charger.energy / charger.power), 0.4) * SLOTS_PER_HOUR))
        watts = np.zeros(where.stop - where.start)
        if dice.uniform() < (charger.weekends if free else charger.workdays):
            start = int(np.clip(hour, 6, 21) * SLOTS_PER_HOUR)
            watts[start : start + slots] = charger.power
            watts[start + slots - 1 : start + slots] *= 0.4  # the car tapers off
        return watts

    return np.round(period.by_day(CAR, draw))


def store_surplus(battery: Battery, surplus: Array) -> tuple[Array, Array, Array]:
    """Charge from surplus, discharge into demand: W charged, W discharged, state of charge in %."""
    low, high = battery.lowest * battery.capacity, battery.highest * battery.capacity
    held, flows, charges = 0.5 * (low + high), [], []
    gain, loss = battery.efficiency / SLOTS_PER_HOUR, 1 / battery.efficiency / SLOTS_PER_HOUR
    for watts in surplus.tolist():
        if watts >= 0:
            flow = int(min(watts, battery.power, (high - held) / gain))
            held += flow * gain
        else:
            flow = -int(min(-watts, battery.power, (held - low) / loss))
            held += flow * loss
        flows.append(flow)
        charges.append(held)
    flow_array = np.array(flows, dtype=np.float64)
    return np.clip(flow_array, 0, None), np.clip(-flow_array, 0, None), np.array(charges) / battery.capacity * 100


def battery_readings(battery: Battery, surplus: Array, sky: Sky) -> Readings:
    """Everything a battery measures."""
    charged, discharged, charge = store_surplus(battery, surplus)
    flow = (charged - discharged) / battery.power
    return {
        ("BatPacCharge", 0): charged,
        ("BatPacDischarge", 0): discharged,
        ("BatEtotalCharge", 0): sky.period.cumulated(charged),
        ("BatEtotalDischarge", 0): sky.period.cumulated(discharged),
        ("BatSoc", 0): np.round(charge, 1),
        ("BatUdc", 0): np.round(196 + 0.14 * charge + 4 * flow, 1),
        ("BatTemp", 0): np.round(19 + 0.15 * (sky.temperature - 10) + 6 * np.abs(flow)),
    }


def consumer_readings(watts: Array, period: Period) -> Readings:
    """What a device that only consumes measures."""
    return {("ConsPac", 0): watts, ("ConsEtotal", 0): period.cumulated(watts)}


def meter_readings(single: Array, even: Array, period: Period) -> Readings:
    """A three-phase consumption meter: `single` spreads unevenly over the phases, `even` evenly."""
    total = single + even
    first, second = np.round(0.5 * single + even / 3), np.round(0.2 * single + even / 3)
    readings = consumer_readings(total, period)
    for number, (name, watts) in enumerate(
        zip(("One", "Two", "Three"), (first, second, total - first - second), strict=True)
    ):
        volts = np.round(231 + 0.9 * period.noise(PHASES + number, memory=0.9) - watts / 2500, 1)
        readings |= {
            (f"ConsUacPhase{name}", 0): volts,
            (f"ConsPacPhase{name}", 0): watts,
            (f"ConsIacPhase{name}", 0): np.round(watts / volts, 2),
        }
    return readings


def grid_readings(missing: Array, period: Period) -> Readings:
    """A two-way meter at the grid: draws what is missing, feeds in what is left over (a negative `missing`)."""
    drawn, fed = np.clip(missing, 0, None), np.clip(-missing, 0, None)
    return {
        ("GridPacIn", 0): drawn,
        ("GridPacOut", 0): fed,
        ("GridEtotalIn", 0): period.cumulated(drawn),
        ("GridEtotalOut", 0): period.cumulated(fed),
    }
