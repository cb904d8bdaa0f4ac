"""Deliveries as people look at them: newest first, in steps, with what became of each. Reads only.

A receipt may name thousands of rejections and a body is a whole file, so lists fetch neither: the database counts.
There may be very many deliveries, so nothing here counts them all: a step goes on from the row the last one ended at.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Exists, F, Func, IntegerField, Max, OuterRef, Q, QuerySet
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce

from apps.accounts.models import Portal
from apps.plants.models import Plant

from .models import LoggerKey, Upload


class _Items(Func):
    """How many items a list inside JSON has; NULL where there is no such list."""

    function = "JSON_ARRAY_LENGTH"
    output_field = IntegerField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="JSONB_ARRAY_LENGTH", **context)


def of_plants(plants: QuerySet[Plant]) -> QuerySet[Upload]:
    """Every delivery to these plants, newest first, without bodies.

    SQLite is asked row by row whether the plant is one of them: then the index by time serves, and a page ends after
    its rows. PostgreSQL finds that way by itself, and a cluster could not ask its coordinator row by row.
    """
    visible = plants.order_by()
    in_sqlite = connection.vendor == "sqlite"
    among = Exists(visible.filter(pk=OuterRef("plant"))) if in_sqlite else Q(plant__in=visible.values("pk"))
    rows = Upload.objects.filter(among).prefetch_related("plant", "key")
    return rows.defer("body").order_by("-received_at", "-id")


def in_state(rows: QuerySet[Upload], state: str) -> QuerySet[Upload]:
    """The rows in that state. Nearly all are stored, so for those the index by time serves, and not that by state."""
    if state == Upload.State.STORED:
        return rows.exclude(state__in=[other for other in Upload.State.values if other != state])
    return rows.filter(state=state)


def waiting(portal: Portal, most: int) -> int:
    """How many deliveries to the portal's plants wait for the import; `most` stands for that many or more."""
    rows = Upload.objects.filter(plant__portal=portal, state=Upload.State.RECEIVED)
    return rows.order_by()[:most].count()


def counted(rows: QuerySet[Upload]) -> QuerySet[Upload]:
    """The rows without their receipts, but with the numbers of these: `accepted`, `rejected`, `flagged`.

    Accepted are values of readings, and records of files. NULL where there is no receipt.
    """
    return rows.defer("body", "receipt").annotate(
        accepted=Coalesce(_number("accepted"), _number("records")),
        rejected=_Items(F("receipt__rejected")) + Coalesce(_number("rejectedUnnamed"), 0),
        flagged=_Items(F("receipt__flagged")),
    )


def _number(name: str) -> Cast:
    return Cast(KT(f"receipt__{name}"), IntegerField())


def with_last_delivery(keys: QuerySet[LoggerKey]) -> list[Any]:
    """The keys with `last_delivery`, the moment of the newest delivery made with each; None where there is none."""
    found: list[Any] = list(keys)
    newest = dict(Upload.objects.filter(key__in=found).order_by().values_list("key").annotate(Max("received_at")))
    for key in found:
        key.last_delivery = newest.get(key.pk)
    return found


# --- Steps ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """Some rows of a long list with the numbers of their receipts, and whether there are newer and older ones."""

    rows: list[Upload]
    has_newer: bool = False
    has_older: bool = False


def step(rows: QuerySet[Upload], size: int, *, before: UUID | None = None, after: UUID | None = None) -> Step:
    """The newest rows; or those next older than the row `before`, or next newer than the row `after`.

    Begins with the newest where that row is gone. Receipts are looked at only of the rows that are shown.
    """
    start = before or after
    edge = Upload.objects.filter(pk=start).values_list("received_at", "pk").first() if start else None
    if edge is not None:
        rows = _beyond(rows, edge, older=before is not None)
    ids = list(rows.values_list("pk", flat=True)[: size + 1])
    found, more = _load(ids[:size]), len(ids) > size
    if edge is None or before:
        return Step(found, has_newer=edge is not None, has_older=more)
    return Step(found, has_newer=more, has_older=True)


def _beyond(rows: QuerySet[Upload], edge: tuple[dt.datetime, UUID], *, older: bool) -> QuerySet[Upload]:
    """A range of the index by time, without those of the same moment that lie on the other side."""
    at, pk = edge
    if older:
        return rows.filter(received_at__lte=at).exclude(received_at=at, id__gte=pk)
    return rows.filter(received_at__gte=at).exclude(received_at=at, id__lte=pk).reverse()


def _load(ids: list[UUID]) -> list[Upload]:
    rows = Upload.objects.filter(pk__in=ids).prefetch_related("plant", "key")
    return list(counted(rows).order_by("-received_at", "-id"))
