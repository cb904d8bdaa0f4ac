"""What counts as happening during a time, and what as trouble at this moment."""

import datetime as dt
import uuid

import pytest

from apps.events import log
from apps.events.models import ComponentEvent
from apps.plants.models import Plant

DEVICE = uuid.UUID(int=1)


def at(hour: int) -> dt.datetime:
    return dt.datetime(2025, 6, 1, hour, tzinfo=dt.UTC)


def event(plant: Plant, begin: int, end: int | None, severity: str = "info") -> ComponentEvent:
    ended = None if end is None else at(end)
    return ComponentEvent.objects.create(
        plant=plant, device_id=DEVICE, started_at=at(begin), ended_at=ended, status_code=1, severity=severity
    )


@pytest.mark.parametrize(
    ("begin", "end", "found"),
    [
        (8, 9, False),  # over before
        (8, 10, False),  # over just when it begins
        (8, 11, True),
        (10, 10, True),  # a moment
        (11, 12, True),
        (8, 16, True),  # around it all
        (8, None, True),  # still lasting
        (14, 15, False),  # begins when it is over
        (15, None, False),
    ],
)
def test_an_event_belongs_to_a_time_in_which_it_lasts(plant_a: Plant, begin: int, end: int | None, found: bool):
    made = event(plant_a, begin, end)
    assert list(log.during(plant_a, at(10), at(14))) == ([made] if found else [])


def test_the_newest_comes_first_and_other_plants_stay_out(plant_a: Plant, plant_b: Plant):
    event(plant_b, 11, 12)
    older, newer = event(plant_a, 11, 12), event(plant_a, 12, 13)
    assert list(log.during(plant_a, at(10), at(14))) == [newer, older]


def test_troubles_are_warnings_and_errors_that_last(plant_a: Plant):
    event(plant_a, 1, None)
    event(plant_a, 2, 3, "error")
    lasting = [event(plant_a, 4, None, "warning"), event(plant_a, 5, None, "error")]
    assert set(log.troubles_now(plant_a)) == set(lasting)
