"""The tables of the documentation, drawn from the tables that decide: catalog, channels, problems, quota, grid."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from apps.accounts.models import Portal
from apps.measurements import grid, labels
from apps.measurements.channels import CHANNELS, CURRENCY, Aggregate, Channel, Level
from apps.packages import offers, quota
from apps.packages.catalog import CATEGORIES, FUNCTIONS, Api, Depth, Function, Grant, Limits, Package
from apps.web.units import SIGNS

AUTUMN, SPRING = dt.date(2025, 10, 26), dt.date(2026, 3, 29)  # the days on which clocks change in ZONE
ZONE = ZoneInfo("Europe/Berlin")


def number(value: int) -> str:
    """With the reader's separators: 50,000."""
    return number_format(value, use_l10n=True, force_grouping=True)


def api_title(api: Api) -> str:
    return f"{api.value.capitalize()} API"


def title(package: Package) -> str:
    return package.value.capitalize()


def holders(grant: Grant) -> list[str]:
    """The packages of a grant by name; with their API where only one of the two has it."""
    return [name for package in Package for name in _named(grant, package)]


def _named(grant: Grant, package: Package) -> list[str]:
    apis = [api for api in Api if (api, package) in grant]
    return [title(package)] if len(apis) == len(Api) else [f"{api_title(api)} {title(package)}" for api in apis]


# --- Channels --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """What the table says of a channel. `of_plant` and `of_devices` name packages; empty: there is no such value."""

    name: str
    label: str | Promise
    category: str | Promise
    unit: str
    aggregate: str
    decimals: int
    of_plant: list[str]
    devices: list[str]
    of_devices: list[str]


def channel_rows() -> list[ChannelRow]:
    """Every channel, in the order of the channel table."""
    return [_channel_row(channel) for channel in CHANNELS]


def _channel_row(channel: Channel) -> ChannelRow:
    devices = [str(labels.LEVELS[level]) for level in Level if level in channel.levels and level is not Level.PLANT]
    return ChannelRow(
        channel.name,
        labels.label(channel.name),
        labels.CATEGORIES[channel.category],
        _("currency of the plant") if channel.unit == CURRENCY else SIGNS.get(channel.unit, channel.unit),
        _("sum") if channel.aggregate is Aggregate.COUNTER else _("mean"),
        channel.decimals,
        holders(CATEGORIES[channel.category, Depth.PLANT]) if Level.PLANT in channel.levels else [],
        devices,
        holders(CATEGORIES[channel.category, Depth.DEVICE]) if devices else [],
    )


# --- Quota -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Offer:
    """What a package of this portal allows."""

    title: str
    per_minute: str
    per_day: str
    clients: str


def offers_of(portal: Portal) -> list[Offer]:
    """The limits of every package, as the portal's managers set them."""
    rows = [(package, offers.settings_of(portal, package)) for package in Package]
    return [
        Offer(title(package), number(row.per_minute), number(row.per_day), number(row.max_clients))
        for package, row in rows
    ]


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """What a call costs and who may make it."""

    name: str
    summary: str
    selected_by: str | None
    cost: str
    packages: list[str]


def function_rows() -> list[FunctionRow]:
    """Every function of the catalog."""
    return [
        FunctionRow(row.name, _(row.summary), row.selected_by, _cost(row), holders(row.packages)) for row in FUNCTIONS
    ]


def _cost(function: Function) -> str:
    if function.days_per_cost is None:
        return number(function.cost)
    return _("%(cost)s per started %(days)s days") % {"cost": function.cost, "days": function.days_per_cost}


def quota_headers(portal: Portal, now: dt.datetime) -> str:
    """The headers of an answer in the middle of a minute, made by the code that makes the real ones."""
    row = offers.settings_of(portal, next(iter(Package)))
    limits = Limits(row.per_minute, row.per_day)
    spent = quota.Spent(UUID(int=0), limits, 1, now, allowed=True, minute_used=1, day_used=1)
    return "\n".join(f"{name}: {value}" for name, value in spent.headers().items())


# --- Days on which clocks change ---------------------------------------------------------------------------------


def repeated_hour() -> str:
    """The keys around the hour that occurs twice on AUTUMN, an ellipsis where they just go on."""
    keys = grid.keys(ZONE, AUTUMN)
    twice = [place for place, key in enumerate(keys) if [other[:19] for other in keys].count(key[:19]) == 2]
    first, middle, last = twice[0], twice[len(twice) // 2], twice[-1]
    return "\n…\n".join("\n".join(lines) for lines in _around(keys, first, middle, last + 1))


def _around(keys: tuple[str, ...], *places: int) -> Iterator[tuple[str, ...]]:
    for place in places:
        yield keys[place - 1 : place + 1]


def slots_of_days() -> dict[str, int]:
    """How many 5-minute slots an ordinary day has, and the two on which clocks change."""
    ordinary = AUTUMN - dt.timedelta(days=7)
    days = {"ordinary": ordinary, "spring": SPRING, "autumn": AUTUMN}
    return {f"{name}_slots": grid.slots(ZONE, day) for name, day in days.items()}
