"""The channel table: what can be measured, in which unit, where, and how it adds up.

`code` is what the store writes into packed rows: never change or reuse one.
"""

from dataclasses import dataclass
from enum import StrEnum


class Category(StrEnum):
    """What a channel is about; the catalog of packages says who may read it."""

    PRODUCTION = "production"
    CONSUMPTION = "consumption"
    BATTERY = "battery"
    METER = "meter"
    SENSOR = "sensor"
    KPI = "kpi"


class Level(StrEnum):
    """Where in a plant a channel is measured."""

    PLANT = "plant"
    INVERTER = "inverter"
    TRACKER = "tracker"
    STRING = "string"
    METER = "meter"
    BATTERY = "battery"
    SENSOR = "sensor"


class Aggregate(StrEnum):
    """How 5-minute values become the value of a day, and days those of longer periods."""

    COUNTER = "counter"  # cumulates from local midnight: the day is its last value, periods are sums of days
    MEAN = "mean"  # mean over the slots that have a value


@dataclass(frozen=True, slots=True)
class Channel:
    """One row of the table. `decimals` digits behind the point are kept and shown; 0 shows integers.

    `derived` channels are computed from others when they are read and are never stored.
    """

    code: int
    name: str
    unit: str
    category: Category
    levels: frozenset[Level]
    aggregate: Aggregate
    decimals: int = 0
    derived: bool = False


_PLANT = (Level.PLANT,)
_PRODUCER = (Level.PLANT, Level.INVERTER)
_DC = (Level.INVERTER, Level.TRACKER, Level.STRING)
_METER = (Level.METER,)
_COMPONENT = (Level.INVERTER, Level.METER, Level.BATTERY, Level.SENSOR)


def _mean(code: int, name: str, unit: str, category: Category, levels: tuple[Level, ...], decimals: int = 0) -> Channel:
    return Channel(code, name, unit, category, frozenset(levels), Aggregate.MEAN, decimals)


def _counter(
    code: int, name: str, category: Category, levels: tuple[Level, ...], unit: str = "Wh", decimals: int = 0
) -> Channel:
    return Channel(code, name, unit, category, frozenset(levels), Aggregate.COUNTER, decimals)


def _derived(
    code: int, name: str, unit: str, levels: tuple[Level, ...], decimals: int, aggregate: Aggregate = Aggregate.MEAN
) -> Channel:
    return Channel(code, name, unit, Category.KPI, frozenset(levels), aggregate, decimals, derived=True)


CURRENCY = "currency"  # stands for the plant's own currency

CHANNELS: tuple[Channel, ...] = (
    _mean(1, "ProdPac", "W", Category.PRODUCTION, _PRODUCER),
    _counter(2, "ProdEtotal", Category.PRODUCTION, _PRODUCER),
    _mean(3, "ProdPdc", "W", Category.PRODUCTION, _DC),
    _mean(4, "ProdUdc", "V", Category.PRODUCTION, _DC, 1),
    _mean(5, "ProdIdc", "A", Category.PRODUCTION, _DC, 2),
    _mean(6, "ProdUac", "V", Category.PRODUCTION, (Level.INVERTER,), 1),
    _mean(7, "ProdIac", "A", Category.PRODUCTION, (Level.INVERTER,), 2),
    _mean(8, "Temp", "degC", Category.PRODUCTION, (Level.INVERTER,)),
    _mean(10, "ProdPacFeed", "W", Category.PRODUCTION, _PLANT),
    _mean(11, "ProdPacSelf", "W", Category.PRODUCTION, _PLANT),
    _counter(12, "ProdEtotalSelf", Category.PRODUCTION, _PLANT),
    _counter(13, "ProdEtotalFeed", Category.PRODUCTION, _PLANT),
    _mean(20, "ConsPac", "W", Category.CONSUMPTION, (Level.PLANT, Level.METER)),
    _counter(21, "ConsEtotal", Category.CONSUMPTION, (Level.PLANT, Level.METER)),
    _mean(22, "ConsPacCov", "W", Category.CONSUMPTION, _PLANT),
    _counter(23, "ConsEtotalCov", Category.CONSUMPTION, _PLANT),
    _mean(24, "ConsPacUncov", "W", Category.CONSUMPTION, _PLANT),
    _counter(25, "ConsEtotalUncov", Category.CONSUMPTION, _PLANT),
    _mean(30, "ConsUacPhaseOne", "V", Category.METER, _METER, 1),
    _mean(31, "ConsUacPhaseTwo", "V", Category.METER, _METER, 1),
    _mean(32, "ConsUacPhaseThree", "V", Category.METER, _METER, 1),
    _mean(33, "ConsPacPhaseOne", "W", Category.METER, _METER),
    _mean(34, "ConsPacPhaseTwo", "W", Category.METER, _METER),
    _mean(35, "ConsPacPhaseThree", "W", Category.METER, _METER),
    _mean(36, "ConsIacPhaseOne", "A", Category.METER, _METER, 2),
    _mean(37, "ConsIacPhaseTwo", "A", Category.METER, _METER, 2),
    _mean(38, "ConsIacPhaseThree", "A", Category.METER, _METER, 2),
    _mean(40, "GridPacIn", "W", Category.METER, (Level.PLANT, Level.METER)),
    _mean(41, "GridPacOut", "W", Category.METER, (Level.PLANT, Level.METER)),
    _counter(42, "GridEtotalIn", Category.METER, (Level.PLANT, Level.METER)),
    _counter(43, "GridEtotalOut", Category.METER, (Level.PLANT, Level.METER)),
    _mean(50, "BatPacCharge", "W", Category.BATTERY, (Level.PLANT, Level.BATTERY)),
    _mean(51, "BatPacDischarge", "W", Category.BATTERY, (Level.PLANT, Level.BATTERY)),
    _counter(52, "BatEtotalCharge", Category.BATTERY, (Level.PLANT, Level.BATTERY)),
    _counter(53, "BatEtotalDischarge", Category.BATTERY, (Level.PLANT, Level.BATTERY)),
    _mean(54, "BatSoc", "%", Category.BATTERY, (Level.PLANT, Level.BATTERY), 1),
    _mean(55, "BatUdc", "V", Category.BATTERY, (Level.BATTERY,), 1),
    _mean(56, "BatTemp", "degC", Category.BATTERY, (Level.BATTERY,)),
    _mean(60, "Irradiation", "W/m2", Category.SENSOR, (Level.SENSOR,)),
    _counter(61, "Insolation", Category.SENSOR, (Level.SENSOR,), "Wh/m2"),
    _mean(62, "TempModule", "degC", Category.SENSOR, (Level.SENSOR,)),
    _mean(63, "TempAmbient", "degC", Category.SENSOR, (Level.SENSOR,)),
    _mean(64, "WindVelocity", "m/s", Category.SENSOR, (Level.SENSOR,), 1),
    _mean(70, "TechAv", "%", Category.KPI, (Level.PLANT, *_COMPONENT), 1),
    _derived(71, "ProdPacNorm", "W/Wp", (Level.PLANT, Level.INVERTER, Level.TRACKER), 3),
    _derived(72, "ProdPdcNorm", "W/Wp", (Level.PLANT, Level.INVERTER, Level.TRACKER), 3),
    _derived(73, "Autarky", "%", _PLANT, 1),
    _derived(74, "SelfConsumption", "%", _PLANT, 1),
    _derived(75, "ProdEtotalFinancialYield", CURRENCY, _PLANT, 2, Aggregate.COUNTER),
    _derived(76, "ProdEtotalFeedFinancialYield", CURRENCY, _PLANT, 2, Aggregate.COUNTER),
    _derived(77, "ConsEtotalCovFinancialYield", CURRENCY, _PLANT, 2, Aggregate.COUNTER),
)

BY_NAME = {channel.name: channel for channel in CHANNELS}
BY_CODE = {channel.code: channel for channel in CHANNELS}


def at(level: Level) -> tuple[Channel, ...]:
    """The channels that exist at a level, in the order of the table."""
    return tuple(channel for channel in CHANNELS if level in channel.levels)
