"""Which plants are counted as well, and which are listed because somebody should look after them."""

import datetime as dt

from django.utils import timezone

from apps.plants import health
from apps.plants.models import Plant
from tests.cast import Cast, make_plant

HOUR = dt.timedelta(hours=1)


def plant(cast: Cast, label: str, state: str = "OK", last: int | None = 0, status: str = "activated") -> Plant:
    """A plant whose last data came `last` hours ago."""
    row = make_plant(cast.sunny, label)
    row.health, row.status = state, status
    row.last_transfer = None if last is None else timezone.now() - last * HOUR
    row.save()
    return row


def everything(cast: Cast) -> None:
    Plant.objects.filter(portal=cast.sunny).delete()
    for row in (
        ("Well",),
        ("Failing", "ERROR"),
        ("Cut off", "OFFLINE", 3),
        ("Worried", "WARNING"),
        ("Quiet", "OK", 25),
    ):
        plant(cast, *row)
    plant(cast, "Never", last=None)
    plant(cast, "Retired", "ERROR", None, "deactivated")


def test_activated_plants_are_counted_by_health_and_silence(cast: Cast):
    everything(cast)
    assert health.counts(Plant.objects.filter(portal=cast.sunny), timezone.now()) == health.Counts(
        ok=3, warning=1, error=1, offline=1, silent=2, deactivated=1
    )


def test_who_needs_attention_comes_worst_first(cast: Cast):
    everything(cast)
    found = health.needing_attention(Plant.objects.filter(portal=cast.sunny), timezone.now())
    labels = [row.label for row in found]
    assert labels[:3] == ["Failing", "Cut off", "Worried"]
    assert set(labels[3:]) == {"Never", "Quiet"}


def test_a_plant_is_silent_after_24_hours(cast: Cast):
    now = timezone.now()
    assert [health.is_silent(plant(cast, f"{hours}", last=hours), now) for hours in (0, 23, 25, None)] == [
        False, False, True, True,
    ]  # fmt: skip
