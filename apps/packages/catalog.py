"""THE TABLE: what the two APIs and their packages consist of. Standard library only.

A row is an *API function*, not an address: one address can hold several functions, told apart by a query
parameter (the channels call is Basic without ids, Advanced with component ids). API routes, the permission
check, quota, OpenAPI, the documentation and the comparison pages are all drawn from here, and nobody else
mentions a package by name.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class Api(StrEnum):
    """Whose plants: those assigned to a user, or all of a portal."""

    USER = "user"
    PORTAL = "portal"


class Package(StrEnum):
    """What a subscription buys."""

    BASIC = "basic"
    ADVANCED = "advanced"


class Depth(StrEnum):
    """Whose value: the total of the plant, or one device in it (component, MPP tracker, string)."""

    PLANT = "plant"
    DEVICE = "device"


class Approval(StrEnum):
    """Who says yes to a new User API."""

    AUTOMATIC = "automatic"
    MANAGER = "manager"


Grant = frozenset[tuple[Api, Package]]

BASIC_ONLY: Grant = frozenset((api, Package.BASIC) for api in Api)
ADVANCED: Grant = frozenset((api, Package.ADVANCED) for api in Api)
BASIC: Grant = BASIC_ONLY | ADVANCED  # Advanced contains Basic: written once, here
PORTAL_ADVANCED: Grant = frozenset({(Api.PORTAL, Package.ADVANCED)})


@dataclass(frozen=True, slots=True)
class Function:
    """One API function. `selected_by` is the parameter that chooses it.

    `cost` counts against the quota: once a call, or (with `days_per_cost`) once per so many days asked for.
    """

    name: str
    path: str
    packages: Grant
    summary: str
    selected_by: str | None = None
    cost: int = 1
    days_per_cost: int | None = None
    method: str = "GET"
    since: str = "1.0"


@dataclass(frozen=True, slots=True)
class Limits:
    """Calls a subscription may spend, weighted by cost."""

    per_minute: int
    per_day: int


# What a portal's manager may set differently: see models.PackageSettings.
DEFAULT_MAX_CLIENTS = 5
DEFAULT_APPROVAL = Approval.AUTOMATIC
DEFAULT_LIMITS = {Package.BASIC: Limits(60, 5_000), Package.ADVANCED: Limits(300, 50_000)}

MONTH_OF_DAYS, YEAR_OF_DAYS = 31, 366

# What one call may ask for at most, in every package.
MOST_IDS = 200
MOST_PLANTS_A_PAGE = 1_000
MOST_EVENTS = 10_000
MOST_SERIES_DAYS = 4_000  # days x series: about 50 MB of JSON
MOST_KPI_PERIODS = 1_100

_CHANNELS = "visualization/plant/{plantId}/channels"
_MONTH = "visualization/plant/{plantId}/year/{year}/month/{month}"
_YEAR = "visualization/plant/{plantId}/year/{year}"
_LIFETIME = "visualization/plant/{plantId}/lifetime"

FUNCTIONS: tuple[Function, ...] = (
    Function("plants", "administration/plants", BASIC, "Plants you may read"),
    Function("plants_by_fleet", "administration/plants", PORTAL_ADVANCED, "Plants you may read, of one fleet", "fleet"),
    Function("plant", "administration/plant/{plantId}", BASIC, "A plant's master data"),
    Function("plant_address", "administration/plants/{plantId}/address", BASIC, "A plant's address"),
    Function("plant_contacts", "administration/plants/{plantId}/contacts", BASIC, "A plant's contacts"),
    Function("fleets", "administration/fleets", PORTAL_ADVANCED, "Fleets of the portal"),
    Function("fleet", "administration/fleet/{fleetId}", PORTAL_ADVANCED, "A fleet"),
    Function("fleet_plants", "administration/fleet/{fleetId}/plants", PORTAL_ADVANCED, "Plants of a fleet"),
    Function("components", "datasource/plant/{plantId}/components/{day}", BASIC, "Components built in on a day"),
    Function("epoch_range", "datasource/plant/{plantId}/epochrange", BASIC, "The configuration that holds on a day"),
    Function("inverters", "datasource/plant/{plantId}/inverters", BASIC, "Inverters built in on a day"),
    Function("events", "datasource/plant/{plantId}/events", BASIC, "Events of the components"),
    Function("plant_summary", "visualization/plant/{plantId}", BASIC, "A plant's state in short"),
    Function("plant_channels", _CHANNELS, BASIC, "5-minute totals of a plant", days_per_cost=MONTH_OF_DAYS),
    Function(
        "component_channels",
        _CHANNELS,
        ADVANCED,
        "5-minute values of components",
        "componentIds",
        days_per_cost=MONTH_OF_DAYS,
    ),
    Function(
        "tracker_channels",
        _CHANNELS,
        ADVANCED,
        "5-minute values of MPP trackers and strings",
        "mppTrackerIds",
        days_per_cost=MONTH_OF_DAYS,
    ),
    Function(
        "cross_epoch_channels",
        "visualization/plant/{plantId}/cross-epoch/channels",
        ADVANCED,
        "5-minute values of devices across configurations",
        days_per_cost=MONTH_OF_DAYS,
    ),
    Function("plant_month", _MONTH, BASIC, "Daily totals of a month"),
    Function("component_month", _MONTH, ADVANCED, "Daily values of devices in a month", "xComponentIds"),
    Function("plant_year", _YEAR, BASIC, "Monthly totals of a year"),
    Function("component_year", _YEAR, ADVANCED, "Monthly values of devices in a year", "xComponentIds"),
    Function("plant_lifetime", _LIFETIME, BASIC, "Yearly totals since the start"),
    Function("component_lifetime", _LIFETIME, ADVANCED, "Yearly values of devices since the start", "xComponentIds"),
    Function(
        "kpis",
        "visualization/plant/{plantId}/kpis",
        ADVANCED,
        "Key performance indicators with their inputs",
        days_per_cost=YEAR_OF_DAYS,
    ),
    Function("me", "me", BASIC, "Your package, its functions and what is left of the quota"),
)

# Which packages may read a category of channels (channels.py gives each channel its category): the plant's totals,
# or the devices below it.
CATEGORIES: dict[tuple[str, Depth], Grant] = {
    ("production", Depth.PLANT): BASIC,
    ("consumption", Depth.PLANT): BASIC,
    ("battery", Depth.PLANT): BASIC,
    ("meter", Depth.PLANT): ADVANCED,
    ("sensor", Depth.PLANT): ADVANCED,
    ("kpi", Depth.PLANT): ADVANCED,
    ("production", Depth.DEVICE): ADVANCED,
    ("consumption", Depth.DEVICE): ADVANCED,
    ("battery", Depth.DEVICE): ADVANCED,
    ("meter", Depth.DEVICE): ADVANCED,
    ("sensor", Depth.DEVICE): ADVANCED,
    ("kpi", Depth.DEVICE): ADVANCED,
}

_BY_NAME = {function.name: function for function in FUNCTIONS}


def function(name: str) -> Function:
    """The row of that name; an unknown name raises KeyError."""
    return _BY_NAME[name]


def functions_at(path: str) -> tuple[Function, ...]:
    """All functions one address holds; a path no row has raises KeyError."""
    found = tuple(row for row in FUNCTIONS if row.path == path)
    if not found:
        raise KeyError(path)
    return found


def select(path: str, parameters: Collection[str]) -> Function:
    """The function a call to `path` with these query parameters means: the most specific row wins."""
    rows = functions_at(path)
    chosen = [row for row in rows if row.selected_by in parameters]
    return chosen[0] if chosen else next(row for row in rows if row.selected_by is None)


def cost_of(function: Function, days: int = 1) -> int:
    """What a call for so many days costs; a part of `days_per_cost` counts as a whole."""
    return function.cost * (max(1, -(-days // function.days_per_cost)) if function.days_per_cost else 1)


def granted(api: Api, package: Package) -> tuple[Function, ...]:
    """Every function a package of that API holds, in the order of the table."""
    return tuple(row for row in FUNCTIONS if (api, package) in row.packages)


def readable(api: Api, package: Package) -> tuple[tuple[str, Depth], ...]:
    """Every kind of data a package of that API may read, in the order of the table."""
    return tuple(kind for kind, grant in CATEGORIES.items() if (api, package) in grant)
