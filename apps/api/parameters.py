"""Query parameters, declared once: parsed strictly here, described in the OpenAPI document from the same lines.

Arrays come as `name[]=A&name[]=B` or `name=A&name=B`. Whatever is unknown, doubled, malformed or impossible is
refused by name.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound

from apps.measurements import grid
from apps.measurements.channels import BY_NAME, CHANNELS, Channel
from apps.packages.catalog import MOST_IDS
from apps.plants.models import Plant

from .errors import InvalidParameters

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One query parameter: `parse` turns its text into a value or raises ValueError with a message for people."""

    name: str
    parse: Callable[[str], Any]
    description: str
    schema: Mapping[str, Any]
    required: bool = False
    many: bool = False


def bare(name: str) -> str:
    """`channelNames[]` and `channelNames` are the same parameter."""
    return name.removesuffix("[]")


def names(query: QueryDict) -> frozenset[str]:
    """The names of the parameters a request carries, without brackets."""
    return frozenset(bare(name) for name in query)


def read(query: QueryDict, declared: Iterable[Parameter]) -> dict[str, Any]:
    """All declared parameters with their values (None or an empty list where absent).

    Raises InvalidParameters naming every parameter that is unknown, missing or unusable.
    """
    known = {parameter.name: parameter for parameter in declared}
    texts: dict[str, list[str]] = {}
    for name, given in query.lists():
        texts.setdefault(bare(name), []).extend(given)
    problems: dict[str, str] = {name: _("This parameter is not known here.") for name in texts.keys() - known.keys()}
    values: dict[str, Any] = {}
    for name, parameter in known.items():
        try:
            values[name] = _value(parameter, texts.get(name, []))
        except ValueError as error:
            problems[name] = str(error)
    if problems:
        raise InvalidParameters(problems)
    return values


def days_asked(query: QueryDict, today: dt.date) -> int:
    """How many days a call is about, for its cost: a lenient look, before anything is parsed strictly.

    1 where there is no range or none that can be read; `today` stands in for that of the plant's zone.
    """
    texts = {bare(name): given[-1] for name, given in query.lists()}
    try:
        first, last = (_roughly(texts[name], today) for name in ("dateFrom", "dateTo"))
    except (KeyError, ValueError):
        return 1
    return max(1, (last - first).days + 1)


def _roughly(text: str, today: dt.date) -> dt.date:
    day = parse_date(text)
    return day if isinstance(day, dt.date) else today - dt.timedelta(days=int(day == "yesterday"))


def _value(parameter: Parameter, texts: list[str]) -> Any:
    if not texts and parameter.required:
        raise ValueError(_("This parameter is required."))
    if not parameter.many:
        if len(texts) > 1:
            raise ValueError(_("This parameter can be given once only."))
        return parameter.parse(texts[0]) if texts else None
    if len(texts) > MOST_IDS:
        raise ValueError(_("At most %(most)d values can be given.") % {"most": MOST_IDS})
    return list(dict.fromkeys(parameter.parse(text) for text in texts))


# --- What texts mean -------------------------------------------------------------------------------------


def parse_date(text: str) -> str | dt.date:
    """A date, or one of the words that need the plant's zone to become one."""
    if text in ("today", "yesterday"):
        return text
    try:
        day = dt.date.fromisoformat(text)
        if day.isoformat() != text:  # it reads week dates too
            raise ValueError
    except ValueError:
        raise ValueError(_("“%(text)s” is not a date of the form YYYY-MM-DD.") % {"text": text[:40]}) from None
    if not 1970 <= day.year <= 2200:
        raise ValueError(_("Dates from 1970 to 2200 can be asked for."))
    return day


def day_in(plant: Plant, day: str | dt.date, now: dt.datetime) -> dt.date:
    """The calendar day a parsed date means in the plant's zone."""
    if isinstance(day, dt.date):
        return day
    return grid.today(plant.zone, now) - dt.timedelta(days=int(day == "yesterday"))


def parse_uuid(text: str) -> UUID:
    """An id; its canonical form only. UUID reads braces, underscores and hyphens anywhere, too."""
    try:
        found = UUID(text)
    except ValueError:
        found = None
    if found is None or str(found) != text.lower():
        raise ValueError(_("“%(text)s” is not an id (UUID).") % {"text": text[:40]})
    return found


def parse_channel(text: str) -> Channel:
    """A channel by its name."""
    channel = BY_NAME.get(text)
    if channel is None:
        raise ValueError(_("“%(text)s” is not a channel.") % {"text": text[:40]})
    return channel


def one_of(*choices: str) -> Callable[[str], str]:
    """A parser that takes one of these words."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(
                _("“%(text)s” is none of: %(choices)s.") % {"text": text[:40], "choices": ", ".join(choices)}
            )
        return text

    return parse


def whole(text: str, least: int, most: int) -> int:
    """A whole number in a range, leading zeros allowed."""
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise ValueError(
            _("“%(text)s” is not a whole number from %(least)d to %(most)d.")
            % {"text": text[:40], "least": least, "most": most}
        )
    return int(text)


def number(least: int, most: int) -> Callable[[str], int]:
    """A parser for whole numbers in a range."""
    return lambda text: whole(text, least, most)


def words(text: str) -> str:
    """Free text to search for."""
    if len(text) > 200 or "\x00" in text:
        raise ValueError(_("The text is too long or holds characters that cannot be searched for."))
    return text


# --- What values mean together ---------------------------------------------------------------------------


def ordered(first: dt.date, last: dt.date) -> None:
    """Refuse a range that ends before it begins."""
    if last < first:
        raise InvalidParameters({"dateTo": _("dateTo is before dateFrom.")})


def all_of(rows: QuerySet[Row], ids: Sequence[UUID]) -> list[Row]:
    """The rows of these ids in their order; 404 unless every one of them is among `rows`."""
    found = rows.in_bulk(list(ids))
    if len(found) < len(ids):
        raise NotFound
    return [found[pk] for pk in ids]


# --- The parameters of the API ------------------------------------------------------------------------------

_DATE = {"type": "string", "examples": ["2026-06-21", "today", "yesterday"]}
_ID = {"type": "string", "format": "uuid"}
_CHANNEL = {"type": "string", "enum": [channel.name for channel in CHANNELS]}


def date_parameter(name: str, description: str, *, required: bool = False) -> Parameter:
    return Parameter(name, parse_date, description, _DATE, required=required)


def ids(name: str, description: str, *, required: bool = False) -> Parameter:
    return Parameter(name, parse_uuid, description, _ID, required=required, many=True)


DATE_FROM = date_parameter("dateFrom", "First day, in the plant's time zone.", required=True)
DATE_TO = date_parameter("dateTo", "Last day, inclusive.", required=True)
CHANNEL_NAMES = Parameter("channelNames", parse_channel, "Names of channels.", _CHANNEL, required=True, many=True)
COMPONENT_IDS = ids("componentIds", "Ids of components, each valid in its epoch.")
TRACKER_IDS = ids("mppTrackerIds", "Ids of MPP trackers or module strings.")
CROSS_EPOCH_IDS = ids("xComponentIds", "Cross-epoch ids of devices.")
