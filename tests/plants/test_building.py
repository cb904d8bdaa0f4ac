"""Devices that somebody names and the plant does not have are built in from that day on, visibly, once."""

import datetime as dt

from apps.plants.building import DeviceDescription, build_in
from apps.plants.epochs import epochs_of
from apps.plants.models import Component, ModuleString, Plant

METER = DeviceDescription("Meter", "Cellar", serial="4711", classes=("meter",), channels=("GridPacIn",))


def names_on(plant: Plant, day: str) -> list[str]:
    rows = Component.objects.filter(epoch__plant=plant, epoch__active_from=day).order_by("dataindex")
    return [row.name for row in rows]


def test_a_new_device_begins_an_epoch_that_keeps_all_others_with_their_strings(plant_a: Plant):
    build_in(plant_a, dt.date(2025, 5, 1), [METER])
    assert [epoch.first_day.isoformat() for epoch in epochs_of(plant_a)] == ["2025-01-01", "2025-05-01"]
    assert names_on(plant_a, "2025-05-01") == ["Inverter 1", "Consumption", "Sensor", "Battery", "Cellar"]
    old, new = Component.objects.filter(epoch__plant=plant_a, name="Inverter 1").order_by("epoch__active_from")
    assert old.cross_epoch_id == new.cross_epoch_id
    assert [(s.index, s.tracker.index) for s in new.strings.select_related("tracker") if s.tracker] == [
        (1, 1),
        (2, 1),
        (3, 2),
        (4, 2),
    ]
    assert ModuleString.objects.filter(component__epoch__plant=plant_a).count() == 8


def test_a_known_device_changes_nothing_whatever_it_is_called_today(plant_a: Plant):
    first = build_in(plant_a, dt.date(2025, 5, 1), [METER])
    renamed = DeviceDescription("Meter", "Basement", serial="4711", channels=("GridPacIn",))
    assert build_in(plant_a, dt.date(2025, 6, 1), [renamed]) == first
    assert len(epochs_of(plant_a)) == 2


def test_what_is_found_to_have_been_there_earlier_is_in_every_later_epoch_too(plant_a: Plant):
    build_in(plant_a, dt.date(2025, 5, 1), [METER])
    build_in(plant_a, dt.date(2025, 3, 1), [DeviceDescription("Sensor", "Roof")])
    assert "Roof" not in names_on(plant_a, "2025-01-01")
    assert "Roof" in names_on(plant_a, "2025-03-01")
    assert names_on(plant_a, "2025-05-01")[-2:] == ["Cellar", "Roof"]


def test_channels_that_a_known_device_did_not_list_are_listed(plant_a: Plant):
    build_in(plant_a, dt.date(2025, 5, 1), [METER])
    more = DeviceDescription("Meter", "Cellar", serial="4711", channels=("GridPacIn", "GridPacOut"))
    build_in(plant_a, dt.date(2025, 5, 2), [more])
    assert Component.objects.get(epoch__plant=plant_a, serial="4711").channels == ["GridPacIn", "GridPacOut"]
