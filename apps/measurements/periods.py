"""How 5-minute values become the value of a day, and days those of months and years. Private to the store.

Counters cumulate from local midnight: a day is their last value, a period the sum of its days. Everything else is
the mean over the slots that have a value, so longer periods weigh their days by slots.
"""

import datetime as dt
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from . import grid
from .channels import BY_CODE, Aggregate, Channel
from .grid import Array
from .rows import DayRow, Days, MonthRow, Series

Points = tuple[Array, Array]  # values, and how many slots stand behind each
_LONGEST = 31  # days of a month


def empty_month(month: dt.date) -> Days:
    """A month of which nothing is known."""
    count = grid.month_days(month)
    return Days(np.full(count, np.nan), np.zeros(count, np.uint16))


def set_day(month: MonthRow, day: dt.date, row: DayRow) -> None:
    """Make one day of a month row, in place, what the row of that day says. Series the day lacks have no value."""
    for key in row.keys() - month.keys():
        month[key] = empty_month(day)
    for key, days in month.items():
        value, count = day_value(BY_CODE[key[0]], row[key]) if key in row else (np.nan, 0)
        days.values[day.day - 1], days.counts[day.day - 1] = value, count


def day_value(channel: Channel, series: Series) -> tuple[float, int]:
    """The value of a day and the number of its slots that have one."""
    known = series.values[~np.isnan(series.values)]
    if channel.aggregate is not Aggregate.COUNTER:
        return (float(known.mean()) if known.size else np.nan), known.size
    total = float(known[-1]) if known.size else np.nan
    return larger(total, series.reported), known.size


def month_value(channel: Channel, days: Days) -> tuple[float, float]:
    """A month's value and slots."""
    values, counts = month_values(channel, [days])
    return float(values[0]), float(counts[0])


def month_values(channel: Channel, months: Sequence[Days]) -> Points:
    """One value per month. The total the device itself reported may know more than the days."""
    values, counts = np.full((len(months), _LONGEST), np.nan), np.zeros((len(months), _LONGEST))
    for row, days in enumerate(months):
        values[row, : days.values.size], counts[row, : days.counts.size] = days.values, days.counts
    found, slots = totals(channel, values, counts)
    for row, days in enumerate(months):
        if days.reported is not None:
            found[row] = larger(found[row], days.reported)
    return found, slots


def totals(channel: Channel, values: Array, counts: Array) -> Points:
    """Values and slots of periods, one per row, made of shorter ones, the columns."""
    known = ~np.isnan(values)
    weights, filled = np.where(known, counts, 0.0), np.where(known, values, 0.0)
    slots = weights.sum(axis=1)
    if channel.aggregate is Aggregate.COUNTER:
        found = filled.sum(axis=1)
    else:
        found = (filled * weights).sum(axis=1) / np.maximum(slots, 1)
    return np.where(known.any(axis=1), found, np.nan), slots


def span_value(channel: Channel, days: Days, begin: int, end: int) -> tuple[float, float]:
    """The value and slots of the days from `begin` to `end` of a month, counted from 1, both included."""
    if begin == 1 and end == days.values.size:
        return month_value(channel, days)
    return month_value(channel, Days(days.values[begin - 1 : end], days.counts[begin - 1 : end]))


def larger(counted: float, reported: float | None) -> float:
    """What was counted and what was reported, where each may be unknown: neither makes the other smaller."""
    return counted if reported is None else float(np.fmax(counted, reported))


def only(days: Days, known: NDArray[np.bool_]) -> Days:
    """A month reduced to some of its days; what was reported speaks for all of them and is left out."""
    return Days(np.where(known, days.values, np.nan), np.where(known, days.counts, 0).astype(np.uint16))
