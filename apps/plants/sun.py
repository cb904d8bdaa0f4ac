"""When the sun rises and sets over a place: the sunrise equation, good to a minute or two between the polar circles.

Source: NOAA Global Monitoring Laboratory, "General Solar Position Calculations" (equations in the low-accuracy form);
the sun counts as risen when its centre stands 0.833 degrees below the horizon (refraction and half its disc).
"""

import datetime as dt
from math import acos, asin, cos, degrees, pi, radians, sin, tan

_HORIZON = 90.833  # degrees from the zenith
_J2000 = dt.datetime(2000, 1, 1, 12, tzinfo=dt.UTC)


def daylight(latitude: float, longitude: float, midday: dt.datetime) -> tuple[dt.datetime, dt.datetime] | None:
    """Sunrise and sunset in UTC on the day that has `midday` in its middle; None where the sun does not rise or set.

    It is named by a moment, for near the date line a place's calendar day does not follow from its longitude.
    """
    noon = dt.datetime.combine(midday.astimezone(dt.UTC), dt.time(12), dt.UTC) - dt.timedelta(days=longitude / 360)
    noon += dt.timedelta(days=round((midday - noon) / dt.timedelta(days=1)))
    declination, equation_of_time = _sun((noon - _J2000) / dt.timedelta(days=1))
    here = radians(latitude)
    cosine = cos(radians(_HORIZON)) / (cos(here) * cos(declination)) - tan(here) * tan(declination)
    if not -1 <= cosine <= 1:
        return None
    transit = noon - equation_of_time
    half = dt.timedelta(days=acos(cosine) / (2 * pi))
    return transit - half, transit + half


def _sun(days: float) -> tuple[float, dt.timedelta]:
    """The sun's declination in radians, and by how much a sundial is ahead of the clock."""
    anomaly = radians((357.529 + 0.98560028 * days) % 360)
    mean_longitude = (280.459 + 0.98564736 * days) % 360
    ecliptic = radians(mean_longitude + 1.915 * sin(anomaly) + 0.020 * sin(2 * anomaly))
    obliquity = radians(23.439 - 0.00000036 * days)
    declination = asin(sin(obliquity) * sin(ecliptic))
    y = tan(obliquity / 2) ** 2
    mean, eccentricity = radians(mean_longitude), 0.0167
    equation = y * sin(2 * mean) - 2 * eccentricity * sin(anomaly) + 4 * eccentricity * y * sin(anomaly) * cos(2 * mean)
    return declination, dt.timedelta(minutes=4 * degrees(equation))
