"""What the sun can give at most: irradiance on modules under a cloudless and very clear sky. Pure functions.

Needs no network and no data: solar position and clear sky come from pvlib (Ineichen and Perez), the plane of array from
Hay and Davies. A Linke turbidity of 1.5 at sea level gives more than the clearest air (2) gives up to 1,000 m above it.
So over days and longer the true irradiance is smaller, and a performance ratio computed with this one is a lower bound.

Loading pvlib takes two seconds, so that happens when a process needs it first.
"""

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from . import grid
from .grid import Array

TURBIDITY = 1.5
_YEAR = 2024  # the sun of one leap year stands for that of all: the difference is a tenth of a per cent
_SLOTS = 288  # of a day of UTC
_Narrow = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a plant stands, in degrees north and east."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Plane:
    """How modules are mounted: degrees from the horizontal, and the direction they face (south is 180).

    Where either is not known the modules are taken to follow the sun: no mounting gets more.
    """

    size: int = 0
    tilt: float | None = None
    azimuth: float | None = None


def clear_sky(place: Place, planes: tuple[Plane, ...], zone: ZoneInfo, day: dt.date) -> Array:
    """Irradiance in W/m2 on the modules in each slot of a local day; several planes weigh by their sizes."""
    mounted = planes or (Plane(),)
    sizes = [plane.size for plane in mounted] if all(plane.size for plane in mounted) else [1] * len(mounted)
    begin = grid.start(zone, day)
    offset = (begin - begin.replace(hour=0, minute=0)) // grid.SLOT
    slots = slice(offset, offset + grid.slots(zone, day))
    days = [begin.date() + dt.timedelta(days=ahead) for ahead in range(3)]
    each = [np.concatenate([_day(place, plane.tilt, plane.azimuth, at) for at in days])[slots] for plane in mounted]
    return np.average(np.vstack(each).astype(np.float64), axis=0, weights=sizes)


def _day(place: Place, tilt: float | None, azimuth: float | None, day: dt.date) -> _Narrow:
    """The slots of a day of UTC."""
    begin = (day.day - 1) * _SLOTS
    return _month(place, tilt, azimuth, day.month)[begin : begin + _SLOTS]


@lru_cache(maxsize=600)  # 36 kB each
def _month(place: Place, tilt: float | None, azimuth: float | None, month: int) -> _Narrow:
    """The slots of a month of UTC, at the sun of their middle."""
    import pandas as pd
    from pvlib import atmosphere, clearsky, irradiance, solarposition

    first = dt.datetime(_YEAR, month, 1, tzinfo=dt.UTC) + grid.SLOT / 2
    times = pd.date_range(first, periods=_SLOTS * grid.month_days(first.date()), freq=grid.SLOT)
    sun = solarposition.ephemeris(times, place.latitude, place.longitude)
    zenith, bearing = sun["apparent_zenith"].to_numpy(), sun["azimuth"].to_numpy()
    airmass = atmosphere.get_absolute_airmass(atmosphere.get_relative_airmass(zenith))
    beyond = irradiance.get_extra_radiation(times).to_numpy()  # the air; the earth is closest to the sun in January
    with np.errstate(divide="ignore"):  # inside pvlib, at sea level
        sky = clearsky.ineichen(zenith, airmass, TURBIDITY, dni_extra=beyond)
    is_known = tilt is not None and azimuth is not None
    plane = (tilt, azimuth) if is_known else (np.minimum(zenith, 90), bearing)
    parts = {"dni": sky["dni"], "ghi": sky["ghi"], "dhi": sky["dhi"], "dni_extra": beyond}
    total = irradiance.get_total_irradiance(*plane, zenith, bearing, **parts, model="haydavies")
    found: _Narrow = np.nan_to_num(np.asarray(total["poa_global"])).astype(np.float32)
    return found
