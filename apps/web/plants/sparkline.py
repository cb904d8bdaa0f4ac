"""The power of a day as a small drawing: SVG paths made here, so that a list needs no script. Gaps stay gaps."""

import datetime as dt
from dataclasses import dataclass
from functools import cache
from itertools import groupby

import numpy as np
from django.utils.translation import gettext as _

from apps.measurements import grid
from apps.measurements.grid import Array
from apps.plants.models import Plant
from apps.web.units import quantity

WIDTH, HEIGHT = 240, 48
_SLOTS = 3  # of 5 minutes that make one point
_LEAST = 0.05  # of the plant's size fills the height at least, so that a few watts are not drawn as a summer's day


@dataclass(frozen=True, slots=True)
class Sparkline:
    """`line` and `area` are path data in a box of WIDTH × HEIGHT; `words` say what is to be seen."""

    line: str
    area: str
    words: str


def sparkline(plant: Plant, day: dt.date, power: Array | None) -> Sparkline | None:
    """The drawing of a local day, 0 to 24 o'clock; None where nothing is known of it."""
    if power is None or np.isnan(power).all():
        return None
    points = _thinned(power)
    known = ~np.isnan(points)
    top = max(float(points[known].max()), plant.size * _LEAST, 1.0)
    heights = (HEIGHT - 1 - np.maximum(points, 0) / top * (HEIGHT - 3)).tolist()
    steps = _steps(points.size)
    marks = [f"{step},{height:.1f}" for step, height in zip(steps, heights, strict=True)]
    runs = [list(run) for is_known, run in groupby(range(points.size), known.tolist().__getitem__) if is_known]
    lines = [" ".join(marks[run[0] : run[-1] + 1]) for run in runs]
    ends = [(steps[run[0]], steps[run[-1]]) for run in runs]
    return Sparkline(
        line="".join(f"M{line}h0" for line in lines),  # h0 makes a dot of a single point
        area="".join(
            f"M{first},{HEIGHT}L{line}L{last},{HEIGHT}z" for line, (first, last) in zip(lines, ends, strict=True)
        ),
        words=_words(plant, day, power),
    )


@cache
def _steps(count: int) -> list[str]:
    """Where so many points stand from left to right; the days of three lengths have three such lists."""
    return [f"{step:.0f}" for step in np.linspace(0, WIDTH, count)]


def _thinned(power: Array) -> Array:
    """Means of _SLOTS slots; nothing is known only where all of them are missing."""
    padded = np.concatenate([power, np.full(-power.size % _SLOTS, np.nan)]).reshape(-1, _SLOTS)
    known = ~np.isnan(padded)
    sums = np.where(known, padded, 0.0).sum(axis=1)
    return np.where(known.any(axis=1), sums / np.maximum(known.sum(axis=1), 1), np.nan)


def _words(plant: Plant, day: dt.date, power: Array) -> str:
    best = int(np.where(np.isnan(power), -np.inf, power).argmax())
    at = (grid.start(plant.zone, day) + best * grid.SLOT).astimezone(plant.zone)
    return _("Power today, highest %(power)s at %(time)s") % {
        "power": quantity(float(power[best]), "W"),
        "time": f"{at:%H:%M}",
    }
