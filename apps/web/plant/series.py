"""The series a plant's chart, table and CSV show: read once from the store, the same numbers in all three.

Points are the 5-minute slots of a day, or the days, months or years of a longer period. A missing value is NaN here
and stays missing everywhere.
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from apps.measurements import grid, performance, store
from apps.measurements.channels import BY_NAME, CURRENCY, Channel
from apps.measurements.grid import Array
from apps.measurements.plain import numbers, share
from apps.plants.models import Plant
from apps.web.units import SIGNS

from . import naming
from .completeness import WHOLE, percent_of
from .devices import PLANT, Device
from .period import Kind, Period, point_kind, title_of
from .question import over_a_period

MOST_SERIES = 40
_Wanted = tuple[Device, Channel]


class TooManySeries(ValueError):
    """More devices x channels than a chart can show."""


@dataclass(frozen=True, slots=True)
class Series:
    """One channel of one device: a value per point, and of the period it is compared with."""

    device: Device
    channel: Channel
    unit: str
    values: Array
    completeness: float
    compared: Array | None = None

    @property
    def label(self) -> str:
        """What it shows; the plant's totals need no "of"."""
        name = naming.short(self.channel)
        return name if self.device.key == PLANT else f"{self.device.label}: {name}"

    @property
    def colour(self) -> str:
        return naming.colour(self.channel)

    @property
    def unit_shown(self) -> str:
        return SIGNS.get(self.unit, self.unit)

    @property
    def is_partial(self) -> bool:
        return self.completeness < WHOLE

    @property
    def percent(self) -> str:
        return percent_of(self.completeness)

    @property
    def numbers(self) -> list[float | int | None]:
        return numbers(self.values, self.channel.decimals)

    @property
    def compared_numbers(self) -> list[float | int | None] | None:
        return None if self.compared is None else numbers(self.compared, self.channel.decimals)


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that is shown of a period. `starts` are the points in UTC; `elapsed` of them have begun."""

    plant: Plant
    period: Period
    compared: Period | None
    starts: Sequence[dt.datetime]
    elapsed: int
    series: Sequence[Series] = field(default_factory=list)

    @property
    def has_data(self) -> bool:
        return any(not np.isnan(one.values).all() for one in self.series)

    @property
    def units(self) -> set[str]:
        """More than two, and some series have no axis."""
        return {one.unit for one in self.series}

    def local(self, at: int) -> dt.datetime:
        """A point as the plant's clocks show it."""
        return self.starts[at].astimezone(self.plant.zone)

    def point_title(self, at: int) -> str:
        """14:05 of a day; otherwise the name of the day, month or year."""
        if self.period.kind is Kind.DAY:
            return f"{self.local(at):%H:%M}"
        return title_of(point_kind(self.period.kind), self.period.points[at])


def read(plant: Plant, period: Period, compared: Period | None, wanted: Sequence[_Wanted], now: dt.datetime) -> Chart:
    """The series of a period, those without any value included. One or two statements, one more to compare."""
    if len(wanted) > MOST_SERIES:
        raise TooManySeries
    found = _values(plant, period, wanted)
    other = _aligned(plant, period, compared, wanted) if compared else {}
    starts = starts_of(plant, period)
    series = [
        Series(
            device,
            channel,
            plant.currency if channel.unit == CURRENCY else channel.unit,
            *_known(plant, period, found.get((device.key, channel.name)), device, len(starts), now),
            compared=other.get((device.key, channel.name), np.full(len(starts), np.nan)) if compared else None,
        )
        for device, channel in wanted
    ]
    return Chart(plant, period, compared, starts, sum(start <= now for start in starts), series)


def wanted_of(devices: Sequence[Device], names: Sequence[str], period: Period) -> list[_Wanted]:
    """Which channel of which device: those named, or what the device is shown by where it has none of them."""
    within_day = period.kind is Kind.DAY
    wanted = []
    for device in devices:
        own = [name for name in names if device.delivers(name, within_day=within_day)]
        wanted += [(device, _channel(name, period)) for name in own or device.main]
    return wanted


def by_default(offered: Sequence[Device], period: Period) -> list[_Wanted]:
    """What a plant is shown by when nothing was chosen: production and consumption; within a day also how full its
    battery is, or else how strong the sun."""
    whole, *parts = offered
    wanted = [(whole, _channel(name, period)) for name in ("ProdPac", "ConsPac") if name in whole.channels]
    if period.kind is Kind.DAY and "BatSoc" in whole.channels:
        wanted.append((whole, BY_NAME["BatSoc"]))
    elif period.kind is Kind.DAY:
        sensors = (one for one in parts if "Irradiation" in one.channels and one.built_in(period))
        wanted += [(one, BY_NAME["Irradiation"]) for one in islice(sensors, 1)]
    return wanted


def _channel(name: str, period: Period) -> Channel:
    return BY_NAME[name if period.kind is Kind.DAY else over_a_period(name)]


def starts_of(plant: Plant, period: Period) -> list[dt.datetime]:
    """When each point begins, in UTC."""
    if period.kind is not Kind.DAY:
        return [grid.start(plant.zone, day) for day in period.points]
    first = grid.start(plant.zone, period.first)
    return [first + slot * grid.SLOT for slot in range(grid.slots(plant.zone, period.first))]


# --- Reading -------------------------------------------------------------------------------------------------

_Read = dict[tuple[str, str], tuple[Array, int]]  # (device, channel) -> values, and how many slots stand behind them


def _values(plant: Plant, period: Period, wanted: Sequence[_Wanted]) -> _Read:
    """What the store knows of each series; those it knows nothing of are absent."""
    keys = {device.source: device.key for device, _ in wanted}
    pairs = {(device.key, channel.name) for device, channel in wanted}
    sources, channels = list(keys), list(dict.fromkeys(channel for _, channel in wanted))
    if not wanted:
        return {}
    if period.kind is Kind.DAY:
        days = store.read_days(plant, sources, channels, period.first, period.first)
        found = [(one.source, one.channel, one.values, _count(one.values)) for one in days]
    else:
        spans = _periods(plant, period, sources, channels)
        found = [(one.source, one.channel, one.values, int(one.counts.sum())) for one in spans]
    answer = {(keys[source], channel.name): (values, count) for source, channel, values, count in found}
    return {pair: series for pair, series in answer.items() if pair in pairs}


def _periods(
    plant: Plant, period: Period, sources: Sequence[store.Source], channels: Sequence[Channel]
) -> list[store.PeriodValues]:
    if period.kind is Kind.MONTH:
        return store.read_month(plant, sources, channels, period.first)
    if period.kind is Kind.YEAR:
        return store.read_year(plant, sources, channels, period.first.year)
    first, found = store.read_lifetime(plant, sources, channels, period.last.year)
    return [one._replace(values=_from_year(one.values, first.year, period.first.year)) for one in found]


def _from_year(values: Array, has: int, wants: int) -> Array:
    """Yearly values that begin in one year, as if they began in another that is not later."""
    return np.concatenate([np.full(has - wants, np.nan), values]) if has > wants else values[wants - has :]


def _known(
    plant: Plant, period: Period, found: tuple[Array, int] | None, device: Device, points: int, now: dt.datetime
) -> tuple[Array, float]:
    """The values and which share of the elapsed time they cover, as long as the device was built in."""
    if found is None:
        return np.full(points, np.nan), 0.0
    values, count = found
    first, last = max(period.first, device.source.since), min(period.last, device.source.until)
    return values, share(count, performance.elapsed_slots(plant, first, last, now))


def _count(values: Array) -> int:
    return int(np.count_nonzero(~np.isnan(values)))


# --- Comparing -----------------------------------------------------------------------------------------------


def _aligned(
    plant: Plant, period: Period, compared: Period, wanted: Sequence[_Wanted]
) -> Mapping[tuple[str, str], Array]:
    """The same series of another period, laid over this one by the clock (or by the number of day or month).

    An hour that only this day has, or has twice, is empty; one that only the other day has is not shown.
    """
    places = {place: at for at, place in enumerate(_places(plant, compared))}
    here = [places.get(place, -1) for place in _places(plant, period)]
    found = _values(plant, compared, wanted)
    # The last element, which place -1 finds, is the missing value.
    return {pair: np.append(values, np.nan)[here] for pair, (values, _) in found.items()}


def _places(plant: Plant, period: Period) -> list[tuple[int, ...]]:
    """Where each point stands within its period: hour, minute and which of two equal ones; or its number."""
    if period.kind is not Kind.DAY:
        return [(at,) for at in range(len(period.points))]
    seen: Counter[tuple[int, int]] = Counter()
    places: list[tuple[int, ...]] = []
    for start in starts_of(plant, period):
        local = start.astimezone(plant.zone)
        wall = (local.hour, local.minute)
        places.append((*wall, seen[wall]))
        seen[wall] += 1
    return places
