"""How much faster a month is read from its rows than from its days."""

import datetime as dt
from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

from apps.measurements import grid, store
from apps.measurements.channels import BY_NAME, Aggregate
from apps.measurements.store import Source
from apps.plants.models import Plant

from . import curves, data
from .frame import Place, Row, in_turns, timed
from .ingest import portal

AT_LEAST = 40.0
MONTH = dt.date(2025, 7, 1)
NOW = dt.datetime(2025, 8, 2, tzinfo=dt.UTC)
_CHANNELS = [BY_NAME[name] for name in curves.CHANNELS]


def reads(place: Place) -> Iterator[Row]:
    """Calls a second."""
    with portal("bench-reads") as own:
        plant = data.make_plant(own, "Roof")
        data.write(plant, 1, 33, NOW)
        sources = [Source(device) for device in data.devices_of(plant)]
        np.testing.assert_allclose(from_days(plant, sources), from_months(plant, sources), rtol=1e-6)
        months, days = in_turns(
            lambda: 20 / timed(lambda: [from_months(plant, sources) for _ in range(20)]),
            lambda: 1 / timed(lambda: from_days(plant, sources)),
            place.rounds,
        )
    what = f"month of {len(sources)} components, {len(_CHANNELS)} channels"
    yield Row("month_rows", what, "unpacking the days", "1/s", months, days, AT_LEAST)


ROWS = {"month_rows": reads}

Months = NDArray[np.float64]  # (series, days)


def from_months(plant: Plant, sources: list[Source]) -> Months:
    """The daily values of each series."""
    return np.array([one.values for one in store.read_month(plant, sources, _CHANNELS, MONTH)])


def from_days(plant: Plant, sources: list[Source]) -> Months:
    """The same from the days: the last value of a counter, else the mean."""
    keys = {(source, channel): row for row, (source, channel) in enumerate(product(sources, _CHANNELS))}
    last = MONTH.replace(day=grid.month_days(MONTH))
    found = np.full((len(keys), last.day), np.nan)
    for one in store.read_days(plant, sources, _CHANNELS, MONTH, last):
        known = one.values[~np.isnan(one.values)]
        is_counter = one.channel.aggregate is Aggregate.COUNTER
        found[keys[one.source, one.channel], one.day.day - 1] = known[-1] if is_counter else known.mean()
    return found
