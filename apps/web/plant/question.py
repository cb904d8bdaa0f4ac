"""What an address of a plant's data asks for: ?period=&date=&compare=&channels=&devices=&table=. Bounded and strict.

A page falls back to something sensible and says which parameter it could not use; the JSON face answers 400 instead.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils.translation import gettext as _

from apps.measurements.channels import BY_NAME

from .period import Kind, parse_date

MOST_NAMES = 60  # channels, and devices, in one address
_ENERGY_OF = {"Irradiation": "Insolation"}


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be shown. Empty `channels` or `devices` stand for those shown by default.

    Channels are named as within a day; over longer periods a power stands for its energy.
    """

    kind: Kind
    date: dt.date
    compare: dt.date | None = None
    channels: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    table: bool = False
    problems: Mapping[str, str] = field(default_factory=dict)

    def query(self, **changes: Any) -> str:
        """The address's query for the same with `changes`; what is the default is left out."""
        asked = replace(self, **changes)
        pairs: dict[str, str | None] = {
            "period": asked.kind.value,
            "date": asked.date.isoformat(),
            "compare": asked.compare.isoformat() if asked.compare and asked.kind is not Kind.TOTAL else None,
            "channels": ",".join(asked.channels),
            "devices": ",".join(asked.devices),
            "table": "1" if asked.table else None,
        }
        return "?" + urlencode({name: value for name, value in pairs.items() if value}, safe=",")


def read(parameters: QueryDict, today: dt.date) -> Question:
    """The question of an address, with a message for each parameter that could not be used."""
    problems: dict[str, str] = {}
    return Question(
        kind=_kind(parameters, problems),
        date=_date(parameters, "date", problems) or today,
        compare=_date(parameters, "compare", problems),
        channels=_channels(parameters, problems),
        devices=_names(parameters, "devices", problems),
        table=parameters.get("table") == "1",
        problems=problems,
    )


def _kind(parameters: QueryDict, problems: dict[str, str]) -> Kind:
    text = parameters.get("period") or Kind.DAY
    try:
        return Kind(text)
    except ValueError:
        choices = ", ".join(Kind)
        problems["period"] = _("“%(text)s” is none of: %(choices)s.") % {"text": text[:40], "choices": choices}
        return Kind.DAY


def _date(parameters: QueryDict, name: str, problems: dict[str, str]) -> dt.date | None:
    text = parameters.get(name, "").strip()
    if not text:
        return None
    try:
        return parse_date(text)
    except ValueError:
        problems[name] = _("“%(text)s” is not a date of the form YYYY-MM-DD.") % {"text": text[:40]}
        return None


def _channels(parameters: QueryDict, problems: dict[str, str]) -> tuple[str, ...]:
    names = _names(parameters, "channels", problems)
    for name in names:
        if name not in BY_NAME:
            problems["channels"] = _("“%(text)s” is not a channel.") % {"text": name[:40]}
    return tuple(dict.fromkeys(within_a_day(name) for name in names if name in BY_NAME))


def _names(parameters: QueryDict, name: str, problems: dict[str, str]) -> tuple[str, ...]:
    """Names, separated by commas or by repeating the parameter, each once."""
    names = [part for text in parameters.getlist(name) for part in text.split(",") if part]
    if len(names) > MOST_NAMES:
        problems[name] = _("At most %(most)d values can be given.") % {"most": MOST_NAMES}
    return tuple(dict.fromkeys(names[:MOST_NAMES]))


def over_a_period(name: str) -> str:
    """The channel that says over months and years what `name` says within a day."""
    energy = name.replace("Pac", "Etotal")
    return _ENERGY_OF.get(name) or (energy if energy in BY_NAME else name)


def within_a_day(name: str) -> str:
    """The channel that says within a day what `name` says over longer periods."""
    power = name.replace("Etotal", "Pac")
    return {energy: power for power, energy in _ENERGY_OF.items()}.get(name) or (power if power in BY_NAME else name)
