"""What an import did: counted while it works, printed as the one JSON object a command answers with.

Every record that is not kept is named here with its file and line, so nothing disappears silently.
"""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from apps.plants.models import Component, Plant

_EXCERPT = 120  # characters of a bad record that are shown


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record, or one field of it, that was not kept. Line 0 means the file as a whole."""

    file: str
    line: int
    reason: str
    field: str | None = None
    value: Any = None

    def as_json(self) -> dict[str, Any]:
        """The entry as printed, without what does not apply."""
        entry: dict[str, Any] = {"file": self.file, "line": self.line, "reason": self.reason}
        if self.field is not None:
            entry["field"] = self.field
        if self.value is not None:
            entry["value"] = _excerpt(self.value) if isinstance(self.value, str) else self.value
        return entry


def _excerpt(text: str) -> str:
    """The beginning of a bad record, without signs that no database and no terminal takes."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text[:_EXCERPT])


@dataclass(slots=True)
class Report:
    """The running account of one import."""

    files_read: int = 0
    files_ignored: list[str] = field(default_factory=list)
    records: int = 0
    values_stored: int = 0
    events_stored: int = 0
    first: dt.datetime | None = None
    last: dt.datetime | None = None
    rejected: list[Rejection] = field(default_factory=list)
    most: int | None = None  # rejections that are named; further ones are counted
    unnamed: int = 0

    def reject(self, file: str, line: int, reason: str, field: str | None = None, value: Any = None) -> None:
        """Note that something was not kept, and why."""
        if self.most is not None and len(self.rejected) >= self.most:
            self.unnamed += 1
            return
        self.rejected.append(Rejection(file, line, reason, field, value))

    def saw(self, moment: dt.datetime) -> None:
        """Widen the time the records cover."""
        self.first = moment if self.first is None else min(self.first, moment)
        self.last = moment if self.last is None else max(self.last, moment)

    def as_json(self, plant: Plant, *, created: bool) -> dict[str, Any]:
        """The answer of the command; times in the plant's zone."""
        return {
            "plant_id": str(plant.id),
            "portal": plant.portal.slug,
            "label": plant.label,
            "created": created,
            "files_read": self.files_read,
            "files_ignored": self.files_ignored,
            "records": self.records,
            "values_stored": self.values_stored,
            "events_stored": self.events_stored,
            "first_time": _local(self.first, plant.zone),
            "last_time": _local(self.last, plant.zone),
            "components": _components(plant),
            "rejected": [rejection.as_json() for rejection in self.rejected],
        }


def _local(moment: dt.datetime | None, zone: ZoneInfo) -> str | None:
    return None if moment is None else moment.astimezone(zone).isoformat()


def _components(plant: Plant) -> list[dict[str, Any]]:
    rows = Component.objects.filter(epoch__plant=plant).order_by("epoch__active_from", "dataindex")
    return [
        {
            "id": str(row.id),
            "cross_epoch_id": str(row.cross_epoch_id),
            "active_from": row.epoch.active_from.isoformat(),
            "type": row.type,
            "name": row.name,
            "serial": row.serial,
            "dataindex": row.dataindex,
        }
        for row in rows.select_related("epoch")
    ]
