"""Consecutive local days on the 5-minute grid, and chance that depends on the day alone. Used by the demo's models.

Whatever is drawn for a day comes from (seed, stream, day), so the same day is simulated to the same values
whenever, and together with whichever other days, it is computed.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import lfilter

from apps.measurements import grid

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
SLOTS_PER_HOUR = 12


class Period:
    """All slots from the midnight that begins `first` to the midnight that ends `last`."""

    def __init__(self, zone: ZoneInfo, first: dt.date, last: dt.date, seed: int) -> None:
        self.zone, self.seed = zone, seed
        self.days = tuple(grid.days(first, last))
        self.counts = np.array([grid.slots(zone, day) for day in self.days])
        self.edges = np.concatenate([[0], np.cumsum(self.counts)])

    @property
    def size(self) -> int:
        """How many slots there are."""
        return int(self.edges[-1])

    @cached_property
    def middles(self) -> pd.DatetimeIndex:
        """The middle of every slot, in UTC: where the sun stands for its mean."""
        start = grid.start(self.zone, self.days[0]) + grid.SLOT / 2
        return pd.date_range(start, periods=self.size, freq=grid.SLOT)

    @cached_property
    def hours(self) -> Array:
        """The wall-clock hour of every slot, 0 to 24."""
        local = self.middles.tz_convert(self.zone)
        return np.asarray(local.hour + local.minute / 60, dtype=np.float64)

    @cached_property
    def months(self) -> Array:
        """The time of year of every slot: 0.5 in the middle of January, 11.5 in the middle of December."""
        share = [day.month - 1 + (day.day - 0.5) / grid.month_days(day) for day in self.days]
        return self.spread(np.array(share))

    def seasonal(self, monthly: tuple[float, ...]) -> Array:
        """Twelve monthly values as a smooth curve over the slots."""
        middles = np.arange(12) + 0.5
        return np.interp(self.months, middles, monthly, period=12)

    def spread(self, daily: Array) -> Array:
        """One value per day, repeated for each of its slots."""
        return np.repeat(daily, self.counts)

    def during(self, begin: dt.datetime, end: dt.datetime) -> Mask:
        """The slots that begin in [begin, end)."""
        starts = self.middles - grid.SLOT / 2
        return np.asarray((starts >= begin) & (starts < end))

    def slices(self) -> Iterator[tuple[dt.date, slice]]:
        """Every day with the place of its slots."""
        for day, start, end in zip(self.days, self.edges[:-1], self.edges[1:], strict=True):
            yield day, slice(int(start), int(end))

    def cumulated(self, power: Array) -> Array:
        """Whole Wh since local midnight of a power in W: never falls within a day."""
        total = np.cumsum(power)
        before = np.concatenate([[0.0], total])[self.edges[:-1]]
        return np.floor((total - self.spread(before)) / SLOTS_PER_HOUR + 1e-6)

    # --- Chance ----------------------------------------------------------------------------------

    def dice(self, stream: int, day: dt.date) -> np.random.Generator:
        """The random numbers of a day for one purpose, which has its own `stream`."""
        return np.random.default_rng([self.seed, stream, day.toordinal()])

    def by_day(self, stream: int, draw: Callable[[np.random.Generator, dt.date, slice], Array]) -> Array:
        """What `draw` makes for every single day, one after the other."""
        parts = [draw(self.dice(stream, day), day, where) for day, where in self.slices()]
        return np.concatenate(parts)

    def noise(self, stream: int, memory: float = 0.0) -> Array:
        """Standard normal numbers; neighbours correlate by `memory` (a first-order autoregression)."""
        fresh = np.sqrt(1 - memory**2)

        def draw(dice: np.random.Generator, _: dt.date, where: slice) -> Array:
            steps = dice.normal(size=where.stop - where.start) * fresh
            steps[0] /= fresh
            return np.asarray(lfilter([1.0], [1.0, -memory], steps), dtype=np.float64)

        return self.by_day(stream, draw)

    def moods(self, stream: int, margin: int = 0) -> Array:
        """One standard normal number per day (and of `margin` days around) that takes after the three before."""
        weights = np.array([0.4, 0.6, 0.8, 1.0])
        weights /= np.sqrt(np.sum(weights**2))
        first = self.days[0] - dt.timedelta(days=margin + len(weights) - 1)
        last = self.days[-1] + dt.timedelta(days=margin)
        drawn = [self.dice(stream, day).normal() for day in grid.days(first, last)]
        return np.convolve(drawn, weights[::-1], mode="valid")

    def drifting(self, stream: int) -> Array:
        """Moods that pass into one another from noon to noon."""
        one = dt.timedelta(days=1)
        before = grid.slots(self.zone, self.days[0] - one)
        after = grid.slots(self.zone, self.days[-1] + one)
        noons = self.edges[:-1] + self.counts / 2
        around = [-before / 2, *noons, self.size + after / 2]
        return np.interp(np.arange(self.size), around, self.moods(stream, margin=1))
