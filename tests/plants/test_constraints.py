"""What the database itself refuses about plants, whoever writes to it."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import IntegrityError, connection, models

from apps.plants.models import Assignment, Component, Epoch, Fleet, ModuleString, MppTracker, Plant
from tests.cast import FIRST_DAY, Cast


def raw(sql: str, *values: uuid.UUID) -> None:
    """Plain SQL, as from a database console."""
    field: models.UUIDField[Any, Any] = models.UUIDField()
    with connection.cursor() as cursor:
        cursor.execute(sql, [field.get_db_prep_value(value, connection) for value in values])


def test_an_assignment_never_joins_two_portals(cast: Cast):
    with pytest.raises(IntegrityError, match="joins two portals"):
        Assignment.objects.create(membership=cast.alice.memberships.get(), plant=cast.plant_o)


def test_an_assignment_cannot_be_turned_to_a_foreign_plant(cast: Cast):
    with pytest.raises(IntegrityError, match="joins two portals"):
        Assignment.objects.filter(plant=cast.plant_a).update(plant=cast.plant_o)


def test_plain_sql_cannot_assign_a_foreign_plant_either(cast: Cast):
    membership = cast.alice.memberships.get()
    with pytest.raises(IntegrityError, match="joins two portals"):
        raw(
            "INSERT INTO plants_assignment (membership_id, plant_id, created_at) VALUES (%s, %s, CURRENT_TIMESTAMP)",
            membership.pk,
            cast.plant_o.pk,
        )


def test_a_member_has_a_plant_once(cast: Cast):
    with pytest.raises(IntegrityError):
        Assignment.objects.create(membership=cast.alice.memberships.get(), plant=cast.plant_a)


def test_a_plant_cannot_change_portal(cast: Cast):
    with pytest.raises(IntegrityError, match="cannot change portal"):
        Plant.objects.filter(pk=cast.plant_a.pk).update(portal=cast.other)


def test_plain_sql_cannot_move_a_plant_either(cast: Cast):
    with pytest.raises(IntegrityError, match="cannot change portal"):
        raw("UPDATE plants_plant SET portal_id = %s WHERE id = %s", cast.other.pk, cast.plant_a.pk)


def test_a_fleet_cannot_change_portal(cast: Cast):
    with pytest.raises(IntegrityError, match="cannot change portal"):
        Fleet.objects.filter(pk=cast.fleet_s.pk).update(portal=cast.other)


def test_a_fleet_never_holds_a_foreign_plant(cast: Cast):
    with pytest.raises(IntegrityError, match="joins two portals"):
        cast.fleet_s.plants.add(cast.plant_o)


def test_two_fleets_of_a_portal_have_different_names(cast: Cast):
    with pytest.raises(IntegrityError):
        Fleet.objects.create(portal=cast.sunny, label="Sunny fleet")


def test_one_epoch_begins_on_a_day(cast: Cast):
    with pytest.raises(IntegrityError):
        Epoch.objects.create(plant=cast.plant_a, active_from=FIRST_DAY)


def test_a_device_is_built_in_once_per_epoch(cast: Cast):
    inverter = Component.objects.filter(epoch__plant=cast.plant_a)[0]
    with pytest.raises(IntegrityError):
        Component.objects.create(
            epoch=inverter.epoch, cross_epoch_id=inverter.cross_epoch_id, type="Inverter", name="again", dataindex=9
        )


@pytest.mark.parametrize("index", [0, 256])
def test_trackers_count_from_1_to_255(cast: Cast, index: int):
    inverter = Component.objects.filter(epoch__plant=cast.plant_a)[0]
    with pytest.raises(IntegrityError, match="tracker_index"):
        MppTracker.objects.create(component=inverter, index=index)


def test_strings_count_from_1(cast: Cast):
    inverter = Component.objects.filter(epoch__plant=cast.plant_a)[0]
    with pytest.raises(IntegrityError, match="string_index"):
        ModuleString.objects.create(component=inverter, index=0)


def test_an_unknown_status_is_refused(cast: Cast):
    with pytest.raises(IntegrityError, match="plant_status_is_known"):
        Plant.objects.filter(pk=cast.plant_a.pk).update(status="sleeping")


def test_the_first_day_of_an_epoch_is_its_own_day(cast: Cast):
    Epoch.objects.create(plant=cast.plant_a, active_from=FIRST_DAY + dt.timedelta(days=1))
    assert Epoch.objects.filter(plant=cast.plant_a).count() == 2
