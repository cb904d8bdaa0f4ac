"""The cast is what its description says."""

import pytest

from apps.plants.models import Component, ModuleString, Plant
from tests import conftest
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


def skipped(reason: str) -> pytest.TestReport:
    return pytest.TestReport("test", ("file", 1, "test"), {}, "skipped", ("file", 1, f"Skipped: {reason}"), "setup")


@pytest.mark.parametrize(
    ("required", "reason", "outcome"),
    [
        ("1", "needs Redis", "failed"),
        ("0", "needs Redis", "skipped"),
        ("1", conftest.NO_SHARED_DATA, "skipped"),
        ("1", conftest.NO_CITUS, "skipped"),
    ],
)
def test_where_services_are_required_a_skip_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, required: str, reason: str, outcome: str
):
    monkeypatch.setenv("REQUIRE_SERVICES", required)
    report = skipped(reason)
    conftest._refuse_skip(report)
    assert report.outcome == outcome


def test_every_marker_of_a_service_says_what_to_do(pytestconfig: pytest.Config):
    declared = {line.split(":")[0] for line in pytestconfig.getini("markers")}
    assert set(conftest.SERVICES) <= declared
    for _find, advice in conftest.SERVICES.values():
        assert advice.startswith("needs ")
        assert "\n" not in advice
