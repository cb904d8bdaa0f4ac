"""The rows behind the usage statistics: added up in memory, then added to the tables by one statement each.

Only usage_buffer.py comes here. Rows are written in the order of their keys, so that processes that write at the
same time wait for each other instead of locking each other out.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection, models, transaction
from django.db.models import Q

from .models import ApiClient, PlantAccess, Subscription, UsageHour

HourKey = tuple[UUID, dt.datetime, int, str, str]  # subscription, hour, client, function, class of status
PlantKey = tuple[UUID, dt.date, int]  # plant, its local day, client

SEEN_EVERY = dt.timedelta(minutes=1)
_AT_ONCE = 500  # rows of one statement


@dataclass(slots=True)
class HourCounts:
    """Calls of one function with one class of status by one client in one hour."""

    calls: int
    points: int
    bytes: int
    milliseconds: float

    def add(self, other: "HourCounts") -> None:
        self.calls += other.calls
        self.points += other.points
        self.bytes += other.bytes
        self.milliseconds += other.milliseconds


@dataclass(slots=True)
class PlantCounts:
    """Calls that read one plant by one client on one day."""

    calls: int
    first_at: dt.datetime
    last_at: dt.datetime
    last_address: str | None

    def add(self, other: "PlantCounts") -> None:
        self.calls += other.calls
        self.first_at = min(self.first_at, other.first_at)
        if other.last_at >= self.last_at:
            self.last_at, self.last_address = other.last_at, other.last_address


@dataclass(slots=True)
class ClientSeen:
    """When a client called last, and from where."""

    at: dt.datetime
    address: str | None

    def add(self, other: "ClientSeen") -> None:
        if other.at >= self.at:
            self.at, self.address = other.at, other.address


Key = TypeVar("Key")
Entry = TypeVar("Entry", HourCounts, PlantCounts, ClientSeen)


@dataclass(slots=True)
class Notes:
    """Everything noted and not yet written. Its length is the number of rows it will write or change."""

    hours: dict[HourKey, HourCounts] = field(default_factory=dict)
    plants: dict[PlantKey, PlantCounts] = field(default_factory=dict)
    clients: dict[int, ClientSeen] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.hours) + len(self.plants) + len(self.clients)

    def add_hour(self, key: HourKey, counts: HourCounts, most: int) -> bool:
        return self._add(self.hours, key, counts, most)

    def add_plant(self, key: PlantKey, counts: PlantCounts, most: int) -> bool:
        return self._add(self.plants, key, counts, most)

    def add_client(self, key: int, seen: ClientSeen) -> None:
        """There is always room: these are no more than there are clients."""
        self._add(self.clients, key, seen, len(self) + 1)

    def merge(self, newer: "Notes", most: int) -> int:
        """Take in what was noted later; how many entries found no room."""
        fitted = [self.add_hour(key, counts, most) for key, counts in newer.hours.items()]
        fitted += [self.add_plant(key, read, most) for key, read in newer.plants.items()]
        for client, seen in newer.clients.items():
            self.add_client(client, seen)
        return fitted.count(False)

    def _add(self, entries: dict[Key, Entry], key: Key, entry: Entry, most: int) -> bool:
        """Whether there was room for it."""
        present = entries.get(key)
        if present is not None:
            present.add(entry)
        elif len(self) < most:
            entries[key] = entry
        else:
            return False
        return True


# --- Writing ------------------------------------------------------------------------------------------


def write(notes: Notes) -> None:
    """Add it all to the tables, or nothing."""
    if not len(notes):
        return
    with transaction.atomic():
        _write_hours(notes)
        _write_plants(notes)
        for client, seen in sorted(notes.clients.items()):
            _write_client(client, seen)


def _write_hours(notes: Notes) -> None:
    rows = [
        (*key, counts.calls, counts.points, counts.bytes, counts.milliseconds)
        for key, counts in sorted(notes.hours.items(), key=_by_key)
    ]
    _upsert(UsageHour, _HOUR_COLUMNS, _ADD_HOURS, rows)


def _write_plants(notes: Notes) -> None:
    names = _names({client for _plant, _day, client in notes.plants})
    rows = [
        (*key, *names.get(key[2], (f"#{key[2]}", "", "")), read.calls, read.first_at, read.last_at, read.last_address)
        for key, read in sorted(notes.plants.items(), key=_by_key)
    ]
    _upsert(PlantAccess, _PLANT_COLUMNS, _ADD_PLANTS, rows)


def _by_key(item: tuple[Any, object]) -> Any:
    return item[0]


def _names(clients: Iterable[int]) -> dict[int, tuple[str, str, str]]:
    """What the log calls each client: its name, the API, and whose that is."""
    rows = ApiClient.objects.filter(pk__in=clients)
    rows = rows.select_related("subscription__membership__user", "subscription__portal")
    return {row.pk: (str(row), row.subscription.api.value, _reader(row.subscription)) for row in rows}


def _reader(subscription: Subscription) -> str:
    return subscription.membership.user.email if subscription.membership else subscription.portal.name


def _write_client(client: int, seen: ClientSeen) -> None:
    """At most once a minute for a client, whatever the number of processes."""
    due = Q(last_used_at=None) | Q(last_used_at__lte=seen.at - SEEN_EVERY)
    ApiClient.objects.filter(due, pk=client).update(last_used_at=seen.at, last_ip=seen.address)


_HOUR_KEY = ("subscription_id", "hour", "client_id", "function", "status")
_HOUR_COLUMNS = (*_HOUR_KEY, "calls", "points", "bytes", "milliseconds")
_ADD_HOURS = f"({', '.join(_HOUR_KEY)}) DO UPDATE SET " + ", ".join(
    f"{name} = stored.{name} + excluded.{name}" for name in ("calls", "points", "bytes", "milliseconds")
)

_PLANT_KEY = ("plant_id", "day", "client_id")
_PLANT_COLUMNS = (
    *_PLANT_KEY,
    *("client_name", "api", "reader"),
    *("calls", "first_at", "last_at", "last_address"),
)
_ADD_PLANTS = f"""({", ".join(_PLANT_KEY)}) DO UPDATE SET
    calls = stored.calls + excluded.calls,
    first_at = CASE WHEN excluded.first_at < stored.first_at THEN excluded.first_at ELSE stored.first_at END,
    last_at = CASE WHEN excluded.last_at > stored.last_at THEN excluded.last_at ELSE stored.last_at END,
    last_address = CASE WHEN excluded.last_at >= stored.last_at
                        THEN excluded.last_address ELSE stored.last_address END"""


def _upsert(model: type[models.Model], columns: Sequence[str], on_conflict: str, rows: Sequence[Sequence[Any]]) -> None:
    """INSERT ... ON CONFLICT of these rows, in portions."""
    table, row_sql = model._meta.db_table, f"({', '.join(['%s'] * len(columns))})"
    prepare = [_prepare(model, column) for column in columns]
    with connection.cursor() as cursor:
        for start in range(0, len(rows), _AT_ONCE):
            part = rows[start : start + _AT_ONCE]
            values = ", ".join([row_sql] * len(part))
            sql = f"INSERT INTO {table} AS stored ({', '.join(columns)}) VALUES {values} ON CONFLICT {on_conflict}"  # noqa: S608
            cursor.execute(sql, [give(value) for row in part for give, value in zip(prepare, row, strict=True)])


def _prepare(model: type[models.Model], column: str) -> Callable[[Any], Any]:
    """How a value of that column is handed to the database."""
    attribute = next(field for field in model._meta.concrete_fields if field.column == column)
    return lambda value: attribute.get_db_prep_save(value, connection)
