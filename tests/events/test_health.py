"""How a plant is: from its last data and the troubles that last."""

import datetime as dt
import uuid

import pytest

from apps.accounts.models import Portal
from apps.events.codes import FOUND, Kind
from apps.events.health import health_of, refresh_all
from apps.events.models import ComponentEvent
from apps.plants.models import Plant

NOW = dt.datetime(2025, 6, 10, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def trouble(plant: Plant, severity: str, status: int = 6, error: int = 0, *, over: bool = False) -> None:
    ComponentEvent.objects.create(
        plant=plant,
        device_id=uuid.uuid4(),
        started_at=NOW - 2 * HOUR,
        ended_at=NOW - HOUR if over else None,
        status_code=status,
        error_code=error,
        severity=severity,
    )


@pytest.fixture
def plant(plant_a: Plant) -> Plant:
    plant_a.last_transfer = NOW - HOUR / 2
    plant_a.save()
    return plant_a


@pytest.mark.parametrize(
    ("troubles", "health"),
    [
        ([], "OK"),
        ([("info", 7)], "OK"),
        ([("warning", 255)], "OK"),  # an inverter that sleeps
        ([("error", 255, 9001)], "ERROR"),
        ([("warning", 6)], "WARNING"),
        ([("error", 6)], "ERROR"),
        ([("warning", 6), ("error", 8)], "ERROR"),
        ([("error", FOUND, Kind.INVERTER_SILENT.code())], "ERROR"),
        ([("warning", FOUND, Kind.STRING_LOW.code(2))], "WARNING"),
        ([("error", FOUND, Kind.PLANT_SILENT.code())], "OFFLINE"),
    ],
)
def test_the_worst_trouble_that_lasts_is_the_health(plant: Plant, troubles: list[tuple[str, int]], health: str):
    for one in troubles:
        trouble(plant, *one)
    assert health_of(plant, NOW) == health
    refresh_all(NOW)
    plant.refresh_from_db()
    assert plant.health == health


def test_what_is_over_counts_no_longer(plant: Plant):
    trouble(plant, "error", over=True)
    assert health_of(plant, NOW) == "OK"


@pytest.mark.parametrize(("age", "health"), [(24 * HOUR, "OK"), (25 * HOUR, "OFFLINE"), (None, "OFFLINE")])
def test_a_plant_without_data_for_a_day_is_offline(plant: Plant, age: dt.timedelta | None, health: str):
    plant.last_transfer = NOW - age if age else None
    plant.save()
    assert health_of(plant, NOW) == health


def test_a_deactivated_plant_keeps_its_health_and_others_theirs(plant: Plant, plant_b: Plant):
    Plant.objects.filter(pk=plant_b.pk).update(status=Plant.Status.DEACTIVATED)
    trouble(plant, "error")
    trouble(plant_b, "error")
    refresh_all(NOW)
    assert dict(Plant.objects.values_list("label", "health")) == {
        "Plant A": "ERROR",
        "Plant B": "OK",
        "Plant O": "OFFLINE",
    }


def test_all_plants_take_one_statement_and_only_changes_are_written(sunny: Portal, django_assert_num_queries):
    Plant.objects.bulk_create(Plant(portal=sunny, label=f"{n}", timezone="UTC") for n in range(300))
    with django_assert_num_queries(1):
        changed = refresh_all(NOW)
    assert changed == Plant.objects.count()
    assert refresh_all(NOW) == 0
