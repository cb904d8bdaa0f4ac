"""Before values are read: which days files speak of, and which devices stood at the plant on them."""

import datetime as dt
import re
from collections.abc import Iterable, Sequence

from django.utils.timezone import now as present

from apps.ingest.report import Report
from apps.plants.models import Plant

from . import minutes, totals
from .base_vars import BaseVars
from .configuration import Timeline
from .devices import Device, guess
from .text import File, read_lines
from .times import BadTime, latest_day, parse_day

_DATES = re.compile(r'(?<![\w.])(?:m|e|da|dal|mo)\s*\[[^\]"]{0,20}\]\s*=\s*"([^" ;|]*)')


def dates(files: Iterable[File]) -> set[dt.date]:
    """The days that records of these files belong to. Only looks; what is wrong is reported later."""
    latest = latest_day(present())
    found = set()
    for file in files:
        lines = read_lines(file, Report())
        for text in {date for _, line in lines for date in _DATES.findall(line)}:
            try:
                found.add(parse_day(text, latest))
            except BadTime:
                continue
    return found


def devices_of(
    facts: BaseVars, timeline: Timeline, recorded: Sequence[File], counted: Sequence[File]
) -> dict[int, Device]:
    """What base_vars.js says, else what files with records and with totals show.

    Nothing where the plant's own configuration knows better.
    """
    if facts.complete:
        return dict(facts.devices)
    if timeline.configurations:
        return {}
    return _guessed(timeline.plant, recorded, counted) | dict(facts.devices)


def _guessed(plant: Plant, recorded: Sequence[File], counted: Sequence[File]) -> dict[int, Device]:
    """Without a description: one device per block, by its number of fields."""
    scratch = Report()
    for file in reversed(recorded):
        found = minutes.parse(file.name, read_lines(file, scratch), plant.zone, present(), scratch)
        if found:
            return {index: guess(index, size) for index, size in minutes.block_sizes(found).items()}
    for file in counted:
        for total in totals.parse(file.name, read_lines(file, scratch), totals.DAYS, present(), scratch):
            return {index: guess(index, 4) for index in total.energies}
    return {}
