"""days.js, days_hist.js, daysall.js, months.js, years.js: totals that the devices counted themselves.

They speak where minute records are missing, and are compared with nothing: the store prefers slots.
"""

import datetime as dt
import re
from dataclasses import dataclass

from apps.ingest.report import Report

from .text import Lines, records
from .times import BadTime, latest_day, parse_day

DAYS, DAYS_OF_ALL, MONTHS, YEARS = "da", "dal", "mo", "ye"  # names of the arrays in the files
_WATT_HOURS = re.compile(r"\s*([0-9]{1,12})\s*(?:;.*)?")


@dataclass(frozen=True, slots=True)
class Total:
    """One line: the day counted (for months and years any day of them) and Wh by data index."""

    line: int
    day: dt.date
    energies: dict[int, float]


def parse(file: str, lines: Lines, name: str, now: dt.datetime, report: Report) -> list[Total]:
    """The totals of a file, oldest first; what cannot be read is reported."""
    found = []
    for record in records(file, lines, name, report):
        date, *blocks = record.text.split("|")
        try:
            day = parse_day(date, latest_day(now))
        except BadTime as error:
            report.reject(file, record.line, str(error), value=date)
            continue
        energies = _energies(file, record.line, blocks, report)
        if energies:
            report.records += 1
            found.append(Total(record.line, day, energies))
    return sorted(found, key=lambda total: total.day)


def _energies(file: str, line: int, blocks: list[str], report: Report) -> dict[int, float]:
    energies = {}
    if not blocks:
        report.reject(file, line, "no values")
    for index, block in enumerate(blocks):
        match = _WATT_HOURS.fullmatch(block)
        if match is None:
            report.reject(file, line, "not a number of Wh", field=f"device {index}", value=block)
        else:
            energies[index] = float(match[1])
    return energies
