"""Where values are missing that should be there, and the hours in which the sun is down."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from apps.measurements import grid
from apps.measurements.channels import Category
from apps.plants import sun
from apps.plants.models import Plant

from .period import Kind
from .series import Chart

_LATE = 6  # slots: an upload may be that late before anybody speaks of a gap
_TWILIGHT = dt.timedelta(hours=1)  # inverters begin later and end earlier than the sun
_SUN_DRIVEN = (Category.PRODUCTION, Category.SENSOR)
Daylight = tuple[dt.datetime, dt.datetime] | None


@dataclass(frozen=True, slots=True)
class Gap:
    """The points from `first` up to `end`, which is not included, have no value; `text` says so."""

    first: int
    end: int
    text: str


def daylight(plant: Plant, day: dt.date) -> Daylight:
    """Sunrise and sunset; None where the plant's place is not known, or the sun does not rise or set."""
    if plant.latitude is None or plant.longitude is None:
        return None
    midday = grid.start(plant.zone, day) + dt.timedelta(hours=12)
    return sun.daylight(plant.latitude, plant.longitude, midday)


def gaps_of(chart: Chart, light: Daylight) -> Iterator[Gap]:
    """Elapsed points of which no series knows anything. What only the sun drives may be silent at night."""
    if not chart.has_data:
        return
    missing = _missing(chart, light)
    for empty, run in groupby(range(chart.elapsed), key=lambda at: bool(missing[at])):
        points = list(run)
        first, end = points[0], points[-1] + 1
        lasting = end == chart.elapsed < len(chart.starts)
        if empty and not (lasting and chart.period.kind is Kind.DAY and end - first < _LATE):
            yield Gap(first, end, _words(chart, first, end, lasting=lasting))


def _missing(chart: Chart, light: Daylight) -> NDArray[np.bool_]:
    missing: NDArray[np.bool_] = np.all([np.isnan(one.values) for one in chart.series], axis=0)
    if chart.period.kind is Kind.DAY and light and all(one.channel.category in _SUN_DRIVEN for one in chart.series):
        rise, fall = light[0] + _TWILIGHT, light[1] - _TWILIGHT
        missing &= np.array([rise <= start < fall for start in chart.starts])
    return missing


def _words(chart: Chart, first: int, end: int, *, lasting: bool) -> str:
    begin = chart.point_title(first)
    if lasting:
        return _("no data since %(begin)s") % {"begin": begin}
    if chart.period.kind is Kind.DAY:
        last = f"{(chart.starts[end - 1] + dt.timedelta(minutes=5)).astimezone(chart.plant.zone):%H:%M}"
    elif end - first == 1:
        return _("no data: %(begin)s") % {"begin": begin}
    else:
        last = chart.point_title(end - 1)
    return _("no data %(begin)s–%(end)s") % {"begin": begin, "end": last}


def nights(chart: Chart, light: Daylight) -> list[tuple[dt.datetime, dt.datetime]]:
    """The hours of the day shown before sunrise and after sunset."""
    if light is None or chart.period.kind is not Kind.DAY:
        return []
    begin, end = chart.starts[0], chart.starts[-1] + dt.timedelta(minutes=5)
    dark = ((begin, min(light[0], end)), (max(light[1], begin), end))
    return [(since, until) for since, until in dark if since < until]
