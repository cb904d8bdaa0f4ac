"""What earlier deliveries of a plant's logger still tell the import of a later one.

A few files are kept after their import, each only in its latest form: the description of the logger, the totals of
days, and the minutes of days that are not over. Of all others the receipt says what they knew.
"""

import datetime as dt
import gzip
from typing import NamedTuple

from django.db.models import Q, QuerySet

from apps.plants.models import Plant

from .models import Upload
from .solarlog.kinds import minute_file
from .solarlog.text import File

LATEST = ("base_vars.js", "days_hist.js", "days.js", "min_day.js")
_DAY_FILES = Q(name__gte="min0", name__lt="min:")  # minYYMMDD.js
_State = Upload.State


class Knowledge(NamedTuple):
    """How far a minute file went: its last record (ISO 8601) and the number of records. More is greater."""

    last: str = ""
    records: int = 0


class Kept:
    """The deliveries of one plant, as they stand when one of them, `upload`, is imported."""

    def __init__(self, plant: Plant, upload: Upload) -> None:
        self._files = Upload.objects.filter(plant=plant, kind=Upload.Kind.FILE).exclude(pk=upload.pk).order_by()
        self._upload = upload

    def file(self, name: str) -> File | None:
        """The latest file of that name, if it is kept."""
        body = self._imported(name).filter(body__isnull=False).values_list("body", flat=True).first()
        return None if body is None else File.of_bytes(name, gzip.decompress(body))

    def knowledge(self, name: str) -> Knowledge:
        """How far the best minute file of that name went."""
        found = self._imported(name).filter(receipt__memory__has_key="knew").values_list("receipt", flat=True)
        receipt = found.first()
        return Knowledge(*receipt["memory"]["knew"]) if receipt else Knowledge()

    def has_later_day(self, day: dt.date) -> bool:
        """Whether the minutes of a later day were delivered."""
        return self._files.filter(_DAY_FILES, name__gt=minute_file(day)).exclude(state=_State.QUARANTINED).exists()

    def has_minutes(self) -> bool:
        """Whether any minutes were delivered."""
        return self._files.filter(_DAY_FILES | Q(name="min_day.js")).exclude(state=_State.QUARANTINED).exists()

    def is_outdated(self) -> bool:
        """Whether a later delivery of the same name was imported already."""
        return self._imported(self._upload.name).filter(received_at__gt=self._upload.received_at).exists()

    def last_day_file(self) -> dt.datetime:
        """When the minutes or totals of whole days were delivered last, this delivery included."""
        found = self._files.filter(_DAY_FILES | Q(name="days_hist.js")).exclude(state=_State.QUARANTINED)
        newest = found.order_by("-received_at").values_list("received_at", flat=True).first()
        return max(newest or self._upload.received_at, self._upload.received_at)

    def wrong_logger(self) -> str | None:
        """The serial number of another plant's logger, if this key's latest description was set aside for it."""
        described = Upload.objects.filter(
            plant=self._upload.plant_id, key=self._upload.key_id, name="base_vars.js"
        ).order_by("-received_at")
        latest = described.values_list("state", "receipt").first() if self._upload.key_id else None
        return latest[1].get("foreignSerial") if latest and latest[0] == _State.QUARANTINED else None

    # --- What changes when this delivery is done ---------------------------------------------------------

    def replace(self) -> None:
        """Forget earlier files of the same name: this one takes their place."""
        earlier = self._imported(self._upload.name).filter(body__isnull=False)
        earlier.update(body=None, state=_State.STORED, next_try=None)

    def forget_days(self, before: dt.date) -> None:
        """Forget minute files of days before this one: they are over."""
        done = self._files.filter(_DAY_FILES, name__lt=minute_file(before), state=_State.STORED, body__isnull=False)
        done.update(body=None)

    def look_again(self, now: dt.datetime, name: str | None = None) -> None:
        """Have the file of this name, or everything that was put off, looked at again now."""
        if name is not None:
            self._imported(name).filter(body__isnull=False).update(state=_State.RECEIVED, next_try=now, attempts=0)
        else:
            self._files.filter(state=_State.RECEIVED, attempts=0, next_try__gt=now).update(next_try=now)

    def _imported(self, name: str) -> QuerySet[Upload]:
        # What a file says may be in the store while the file still waits for the end of its day.
        done = Q(state=_State.STORED) | Q(state=_State.RECEIVED, receipt__memory__kept=True)
        return self._files.filter(done, name=name).order_by("-received_at")
