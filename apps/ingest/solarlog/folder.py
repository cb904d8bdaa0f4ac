"""A folder of Solar-Log files into one plant: first the configuration, then file by file.

Every file is one transaction of its own. What a crash leaves behind is a prefix of whole files, and running the
same import again completes it.
"""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from django.db import transaction
from django.utils.timezone import now as present

from apps.accounts.models import Portal
from apps.ingest.report import Report
from apps.ingest.target import (
    Refused,
    Target,
    create_plant,
    find_plant,
    note_transfer,
    open_portal,
)
from apps.plants.models import Plant

from . import base_vars
from .base_vars import BaseVars
from .configuration import Timeline
from .facts import VENDOR, describe
from .kinds import KINDS, day_of, kind_of
from .run import Run
from .settling import dates, devices_of
from .text import File, read_lines

Files = dict[str, list[File]]


class Step(NamedTuple):
    """Files that are imported together; `day` is the one that minute files are about."""

    kind: str
    files: list[File]
    day: dt.date | None = None


Progress = Callable[[list[Step]], Iterable[Step]]


@dataclass(frozen=True, slots=True)
class Imported:
    """The outcome: the plant, whether it is new, and the account."""

    plant: Plant
    created: bool
    report: Report


def import_folder(folder: Path, target: Target, progress: Progress = lambda files: files) -> Imported:
    """Import every Solar-Log file of a folder. Raises Refused where nothing can be imported as asked."""
    report = Report()
    files = _sorted(folder, report)
    facts = _facts(files, report)
    with transaction.atomic():
        plant, created = _plant(target, facts)
        timeline = _settle(plant, files, facts, report)
    open_day = _open_day(files)
    _import(Run(timeline, facts, report, lambda day: day != open_day), progress(_steps(files)))
    note_transfer(plant, report.last)
    return Imported(plant, created, report)


def _import(run: Run, steps: Iterable[Step]) -> None:
    for kind, files, day in steps:
        if kind == "minutes":
            run.import_minutes(files, day)
        else:
            run.fill_gaps()
            run.import_file(kind, *files)
    run.fill_gaps()


# --- What is there -------------------------------------------------------------------------------


def _sorted(folder: Path, report: Report) -> Files:
    """The files by kind; what is not recognised is listed, what is no file is passed over."""
    if not folder.is_dir():
        raise Refused(f"{folder} is not a folder.")
    files: Files = {}
    for path in sorted(folder.iterdir()):
        kind = kind_of(path.name)
        if not path.is_file():
            continue
        if kind is None:
            report.files_ignored.append(path.name)
            continue
        files.setdefault(kind, []).append(File.on_disk(path))
    if not files:
        raise Refused(f"{folder} holds no Solar-Log files such as base_vars.js or min250701.js.")
    report.files_read = sum(len(paths) for paths in files.values())
    return files


def _facts(files: Files, report: Report) -> BaseVars:
    for path in files.get("base_vars", []):
        return base_vars.parse(path.name, read_lines(path, report), report)
    return BaseVars()


def _open_day(files: Files) -> dt.date | None:
    """The day that was not over when a living logger's folder was copied."""
    newest = max(dates(files.get("min_day", []) + files.get("days", [])), default=None)
    if newest is None or newest in dates(files.get("days_hist", [])):
        return None
    newer = (path.name[3:9] for path in files.get("minutes", []))
    return None if any(name > f"{newest:%y%m%d}" for name in newer) else newest


def _steps(files: Files) -> list[Step]:
    """What is imported together, in order. min_day.js continues the minute file of its day, if there is one."""
    today = files.get("min_day", [])
    newest = max(dates(today), default=None)
    steps: list[Step] = []
    for file in files.get("minutes", []):
        day = day_of(file.name)
        steps.append(Step("minutes", [file, *today] if day and day == newest else [file], day))
    if today and not any(step.files[1:] for step in steps):
        steps.append(Step("minutes", today, newest))
    kinds = [kind for kind in KINDS if kind not in ("base_vars", "minutes", "min_day")]
    return steps + [Step(kind, [file]) for kind in kinds for file in files.get(kind, [])]


# --- Plant and configuration -----------------------------------------------------------------------


def _plant(target: Target, facts: BaseVars) -> tuple[Plant, bool]:
    """The plant to write into. Refuses a logger that belongs to a plant of another portal."""
    portal = open_portal(target)
    _refuse_foreign_logger(portal, facts)
    plant = find_plant(portal, target, lambda plant: _may_be(plant, facts))
    return (plant, False) if plant else (create_plant(portal, target), True)


def _may_be(plant: Plant, facts: BaseVars) -> bool:
    return not (plant.identifier and facts.serial) or plant.identifier == facts.serial


def _refuse_foreign_logger(portal: Portal, facts: BaseVars) -> None:
    owners = Plant.objects.filter(vendor=VENDOR, identifier=facts.serial).exclude(portal=portal)
    if facts.serial and owners.exists():
        raise Refused(f"The logger {facts.serial} belongs to a plant of another portal.")


def _settle(plant: Plant, files: Files, facts: BaseVars, report: Report) -> Timeline:
    """Bring epochs, components and the plant's own description up to date."""
    timeline = Timeline(plant)
    recorded = files.get("minutes", []) + files.get("min_day", [])
    counted = files.get("days_hist", []) + files.get("days", [])
    days = _first_of(
        dates(recorded),
        dates(counted),
        dates(files.get("months", []) + files.get("events", []) + files.get("events_day", [])),
        {present().astimezone(plant.zone).date()},
    )
    devices = devices_of(facts, timeline, recorded, counted)
    if devices and not timeline.settle(devices, days):
        reason = "another configuration than the plant had on these days: begins with its first new day"
        report.reject(files["base_vars"][0].name, 0, reason)
    describe(plant, facts, newest_day=max(days), resized=bool(timeline.began))
    return timeline


def _first_of(*choices: set[dt.date]) -> set[dt.date]:
    return next(choice for choice in choices if choice)
