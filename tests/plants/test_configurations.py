"""What changed between two configurations, told apart by the cross-epoch id."""

import datetime as dt

from apps.plants.configurations import configurations, difference
from apps.plants.models import Component, Plant
from tests.cast import make_epoch


def inverter(name: str = "Inverter", serial: str = "A", **other: object) -> Component:
    return Component(type="Inverter", name=name, serial=serial, **other)


def same(component: Component, **changes: object) -> Component:
    """The same device in a later configuration."""
    kept = {"cross_epoch_id": component.cross_epoch_id, "serial": component.serial, "name": component.name}
    return inverter(**kept | changes)  # type: ignore[arg-type]


def test_nothing_changed():
    device = inverter()
    assert not difference([device], [same(device)])


def test_the_same_device_with_another_serial_number_and_size_is_changed():
    device = inverter()
    changes = difference([device], [same(device, serial="B", size=5)])
    assert [pair.fields for pair in changes.changed] == [["serial", "size"]]
    assert (changes.added, changes.removed, changes.replaced) == ([], [], [])


def test_another_device_of_the_same_type_and_name_took_its_place():
    old, new = inverter(serial="A"), inverter(serial="B")
    changes = difference([old], [new])
    assert [(pair.before, pair.after) for pair in changes.replaced] == [(old, new)]
    assert (changes.added, changes.removed) == ([], [])


def test_one_place_is_taken_once():
    old, older, new = inverter(serial="A"), inverter(serial="B"), inverter(serial="C")
    changes = difference([old, older], [new])
    assert [(pair.before, pair.after) for pair in changes.replaced] == [(old, new)]
    assert changes.removed == [older]


def test_devices_of_other_names_come_and_go():
    old, new = inverter("One"), inverter("Two")
    changes = difference([old], [new])
    assert (changes.added, changes.removed) == ([new], [old])


def test_all_configurations_of_a_plant_take_two_queries(plant_a: Plant, django_assert_num_queries):
    make_epoch(plant_a, dt.date(2025, 6, 1))
    with django_assert_num_queries(2):
        first, second = configurations(plant_a)
    assert (first.changes, len(first.components), first.epoch.last_day) == (None, 4, dt.date(2025, 5, 31))
    assert second.changes is not None
    assert [pair.after.name for pair in second.changes.replaced] == ["Inverter 1", "Consumption", "Sensor", "Battery"]
