"""How long deliveries stay on record. What they brought is in the store; the receipts say what became of each."""

import datetime as dt

from django.db.models import Exists, OuterRef, Q

from .models import Upload

READINGS_KEPT = dt.timedelta(days=31)  # every logger makes 288 a day
FILES_KEPT = dt.timedelta(days=400)  # their receipts also tell later imports how far each file went
_AT_ONCE = 5_000  # rows deleted in one transaction

_same = {"plant": OuterRef("plant"), "key": OuterRef("key")}  # a key is one plant's
_newer = Upload.objects.filter(**_same, received_at__gt=OuterRef("received_at"))


def forget(now: dt.datetime) -> int:
    """Delete receipts that are old enough; returns how many.

    What waits, what is in quarantine, a file that is still needed, and the last delivery of each key stay.
    """
    old = Q(kind=Upload.Kind.READINGS, received_at__lt=now - READINGS_KEPT) | Q(received_at__lt=now - FILES_KEPT)
    done = Upload.objects.filter(
        Exists(_newer) | Q(key=None), old, state__in=[Upload.State.STORED, Upload.State.DISCARDED], body=None
    )
    forgotten = 0
    while found := list(done.order_by("received_at").values_list("pk", flat=True)[:_AT_ONCE]):
        forgotten += Upload.objects.filter(pk__in=found).delete()[0]
    return forgotten
