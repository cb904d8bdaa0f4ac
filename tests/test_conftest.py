"""The cast is what its description says."""

import pytest

from apps.plants.models import Component, ModuleString, Plant
from tests.cast import Cast, by_portal_api, by_user_api, in_browser


def test_every_plant_has_the_small_configuration(cast: Cast):
    for plant in (cast.plant_a, cast.plant_b, cast.plant_o):
        components = Component.objects.filter(epoch__plant=plant)
        assert [component.type for component in components] == ["Inverter", "Meter", "Sensor", "Battery"]
        assert [tracker.strings.count() for tracker in components[0].trackers.all()] == [2, 2]
    assert ModuleString.objects.count() == 12


def test_alice_sees_plant_a_and_mona_sees_all_of_sunny(cast: Cast):
    alice, mona = in_browser(cast.alice, cast.sunny), in_browser(cast.mona, cast.sunny)
    assert set(Plant.objects.visible_to(alice)) == {cast.plant_a}
    assert set(Plant.objects.visible_to(mona)) == {cast.plant_a, cast.plant_b}
    assert set(Plant.objects.visible_to(by_user_api(cast.bob, cast.sunny))) == {cast.plant_b}
    assert set(Plant.objects.visible_to(by_portal_api(cast.other))) == {cast.plant_o}


@pytest.mark.postgres
def test_postgres_is_there_for_the_second_run(postgres: str):
    assert postgres.startswith("postgres")
