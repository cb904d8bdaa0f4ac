"""What a demo plant is made of, as plain data: site, devices, incidents, and the days its story is spread over.

Light to import: a start that has nothing to simulate loads this and plants.py, but neither pvlib nor pandas.
"""

import datetime as dt
from dataclasses import dataclass
from enum import Enum, StrEnum
from zoneinfo import ZoneInfo

from apps.measurements import grid

Monthly = tuple[float, ...]
MODULE_WATTS = 415  # of one module at standard test conditions


@dataclass(frozen=True, slots=True)
class Climate:
    """Twelve values each, January first: Linke turbidity (from pvlib's table), cloud cover 0..1, degC."""

    turbidity: Monthly
    cloudiness: Monthly
    temperature: Monthly
    swing: float = 5.0  # K above and below the mean on a clear day
    wind: float = 3.0  # m/s


@dataclass(frozen=True, slots=True)
class Site:
    """Where a plant stands: degrees, metres above the sea."""

    latitude: float
    longitude: float
    altitude: float
    climate: Climate


@dataclass(frozen=True, slots=True)
class Tracker:
    """A module field: degrees (south is 180) and how many modules each of its strings has."""

    tilt: float
    azimuth: float
    strings: tuple[int, ...]

    @property
    def size(self) -> int:
        """Installed Wp."""
        return sum(map(self.string_size, self.strings))

    @staticmethod
    def string_size(modules: int) -> int:
        """Installed Wp of a string."""
        return modules * MODULE_WATTS


@dataclass(frozen=True, slots=True)
class Inverter:
    """`rated` in W. `since` and `until` are places in the span, for a device that was not always there."""

    key: str
    name: str
    vendor: str
    serial: str
    rated: int
    trackers: tuple[Tracker, ...]
    strings_measured: bool = False
    since: float = 0.0
    until: float | None = None

    @property
    def size(self) -> int:
        """Connected Wp."""
        return sum(tracker.size for tracker in self.trackers)


class Profile(Enum):
    """Shares of the mean load by hour: on working days and on other days."""

    HOME = ((0.5, 0.4, 1.3, 0.8, 1.1, 0.8, 1.2, 2.0, 1.4, 0.5), (0.5, 0.4, 0.8, 1.3, 1.6, 1.1, 1.3, 1.9, 1.4, 0.5))
    WORKSHOP = (
        (0.3, 0.35, 1.6, 2.3, 1.9, 2.2, 1.2, 0.5, 0.35, 0.3),
        (0.3, 0.3, 0.3, 0.35, 0.35, 0.35, 0.3, 0.3, 0.3, 0.3),
    )
    FIELD = ((1.0,) * 10, (1.0,) * 10)


@dataclass(frozen=True, slots=True)
class Load:
    """What runs all the time: mean watts, their profile, and how often a day somebody switches on more."""

    mean: float
    profile: Profile
    appliances: float = 0.0


@dataclass(frozen=True, slots=True)
class HeatPump:
    """Heat loss of the house in W/K; it heats below `heats_below` degC and makes hot water every day."""

    loss: float
    heats_below: float = 16.0
    hot_water: float = 80.0


@dataclass(frozen=True, slots=True)
class Charger:
    """A wallbox of `power` W; sessions come with a chance per day and fetch about `energy` Wh."""

    power: int
    energy: float
    workdays: float
    weekends: float


@dataclass(frozen=True, slots=True)
class Battery:
    """Wh, W, the efficiency of each direction, and the limits of its state of charge."""

    capacity: float
    power: int
    efficiency: float = 0.96
    lowest: float = 0.06
    highest: float = 0.98


@dataclass(frozen=True, slots=True)
class Span:
    """The days a demo plant's story is spread over. Places in it are shares: 0 its beginning, 1 its end."""

    zone: ZoneInfo
    first: dt.date
    days: int

    def day(self, share: float) -> dt.date:
        """The local day at this place."""
        return self.first + dt.timedelta(days=round(share * self.days))

    def moment(self, share: float, hour: float) -> dt.datetime:
        """`hour` hours after the midnight that begins the day at this place, in UTC."""
        return grid.start(self.zone, self.day(share)) + dt.timedelta(hours=hour)


class Effect(StrEnum):
    """What an incident does to the measurements."""

    NONE = "none"
    STRING_OPEN = "string open"  # one string delivers nothing
    STOPPED = "stopped"  # the inverter stands still
    LIMITED = "limited"  # the inverter holds back
    SILENT = "silent"  # no values of the whole plant arrive


@dataclass(frozen=True, slots=True)
class Incident:
    """It begins at an hour of the day at a place in the span, and lasts `hours`, or until a place, or still.

    Codes and texts are those of its event.
    """

    device: str
    begin: float
    hour: float
    effect: Effect
    status: tuple[int, str]
    error: tuple[int, str] = (0, "")
    severity: str = "error"
    hours: float | None = None
    until: float | None = None
    string: int = 0

    def window(self, span: Span) -> tuple[dt.datetime, dt.datetime | None]:
        """Its beginning and end, in UTC; no end while it lasts."""
        begin = span.moment(self.begin, self.hour)
        if self.hours is not None:
            return begin, begin + dt.timedelta(hours=self.hours)
        return begin, None if self.until is None else span.moment(self.until, self.hour)


@dataclass(frozen=True, slots=True)
class Model:
    """What there is at a plant, and what happens to it."""

    seed: int
    site: Site
    inverters: tuple[Inverter, ...]
    load: Load
    heat_pump: HeatPump | None = None
    charger: Charger | None = None
    battery: Battery | None = None
    sensor_plane: tuple[float, float] | None = None  # tilt and azimuth of the irradiance sensor
    consumption_metered: bool = True
    incidents: tuple[Incident, ...] = ()
