"""The sky over a demo plant: clear-sky irradiance from pvlib, clouds, temperature and wind by seeded chance."""

from collections.abc import Mapping
from functools import cached_property

import numpy as np
import pvlib
from scipy.special import ndtr, ndtri

from .blueprint import Site
from .period import Array, Period

COVER, CLOUDS, OPACITY, WARMTH, WIND = range(5)  # streams of chance
_SPREAD = 1.3  # how much days differ in cloud cover; above 1, clear and grey days outnumber mixed ones
_ALBEDO = 0.2


class Sky:
    """Sun and weather of every slot of a period: W/m2, degC, m/s."""

    def __init__(self, site: Site, period: Period) -> None:
        self.site, self.period = site, period
        self._planes: dict[tuple[float, float], Array] = {}
        sun = pvlib.solarposition.ephemeris(period.middles, site.latitude, site.longitude)
        self.zenith: Array = sun["apparent_zenith"].to_numpy()
        self.azimuth: Array = sun["azimuth"].to_numpy()
        self.extra: Array = np.asarray(pvlib.irradiance.get_extra_radiation(period.middles))
        self.horizontal = self._clear() * self.clearness
        parts = pvlib.irradiance.erbs_driesse(
            self.horizontal, self.zenith, dni_extra=self.extra, min_cos_zenith=0.065, max_zenith=88
        )
        self.direct, self.diffuse = (np.nan_to_num(parts[name]) for name in ("dni", "dhi"))

    def _clear(self) -> Array:
        """Global horizontal irradiance without clouds (Ineichen and Perez 2002)."""
        airmass = pvlib.atmosphere.get_relative_airmass(self.zenith)
        pressure = pvlib.atmosphere.alt2pres(self.site.altitude)
        with np.errstate(divide="ignore"):  # pvlib divides by the night's zero
            clear = pvlib.clearsky.ineichen(
                self.zenith,
                pvlib.atmosphere.get_absolute_airmass(airmass, pressure),
                self.period.seasonal(self.site.climate.turbidity),
                altitude=self.site.altitude,
                dni_extra=self.extra,
            )
        return np.asarray(np.where(self.zenith < 90, np.nan_to_num(clear["ghi"]), 0.0), np.float64)

    @cached_property
    def cover(self) -> Array:
        """The share of the sky that clouds cover: constant over a day, U-shaped over the year."""
        usual = np.clip(self.period.seasonal(self.site.climate.cloudiness), 0.01, 0.99)
        mood = self.period.spread(self.period.moods(COVER))
        return np.asarray(ndtr(np.hypot(1, _SPREAD) * ndtri(usual) + _SPREAD * mood))

    @cached_property
    def clearness(self) -> Array:
        """Irradiance as a share of the clear sky's: clouds drift by, thick or thin, and their edges shine."""
        drift = self.period.noise(CLOUDS, memory=0.88)
        behind_cloud = ndtr((ndtri(np.clip(self.cover, 0.001, 0.999)) - drift) / 0.25)
        thickness = self.period.spread(self.period.moods(OPACITY))
        shade = 0.34 - 0.14 * self.cover + 0.08 * thickness
        shade = shade + 0.06 * self.period.noise(OPACITY, memory=0.97)
        bright = 1.0 + 0.12 * behind_cloud * (1 - self.cover)
        clearness = bright + (np.clip(shade, 0.08, 0.7) - bright) * behind_cloud
        return np.asarray(np.clip(clearness, 0.05, 1.15), np.float64)

    @cached_property
    def temperature(self) -> Array:
        """Air temperature: the season, warm and cold spells, and the hour, less so under clouds."""
        climate, period = self.site.climate, self.period
        warmest_at_15 = np.cos((self._solar_hours - 15) * np.pi / 12)
        swing = climate.swing * (1 - 0.65 * self.cover) * warmest_at_15
        return period.seasonal(climate.temperature) + 3.5 * period.drifting(WARMTH) + swing

    @cached_property
    def wind(self) -> Array:
        """Wind speed, gusty and stronger in the afternoon."""
        gusts = np.exp(0.45 * self.period.noise(WIND, memory=0.95) - 0.1)
        afternoon = 1 + 0.3 * np.cos((self._solar_hours - 15) * np.pi / 12)
        return self.site.climate.wind * gusts * afternoon

    @cached_property
    def _solar_hours(self) -> Array:
        utc = self.period.middles
        hours = np.asarray(utc.hour + utc.minute / 60, dtype=np.float64)
        return (hours + self.site.longitude / 15) % 24

    def on_plane(self, tilt: float, azimuth: float) -> Array:
        """Irradiance on a tilted plane (Hay and Davies 1980); 0 while the sun is down."""
        if (tilt, azimuth) not in self._planes:
            total = np.nan_to_num(self._tilted(tilt, azimuth)["poa_global"])
            self._planes[tilt, azimuth] = np.where(self.zenith < 90, total, 0.0)
        return self._planes[tilt, azimuth]

    def _tilted(self, tilt: float, azimuth: float) -> Mapping[str, Array]:
        parts: Mapping[str, Array] = pvlib.irradiance.get_total_irradiance(
            tilt,
            azimuth,
            self.zenith,
            self.azimuth,
            self.direct,
            self.horizontal,
            self.diffuse,
            dni_extra=self.extra,
            model="haydavies",
            albedo=_ALBEDO,
        )
        return parts

    def cell_temperature(self, irradiance: Array) -> Array:
        """Module temperature under this irradiance (Faiman 2008)."""
        return np.asarray(pvlib.temperature.faiman(irradiance, self.temperature, self.wind))
