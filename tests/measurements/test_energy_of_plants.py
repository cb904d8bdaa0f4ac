"""Energy of many plants by month: sums of each plant's own months, gaps that stay gaps, one statement on month rows."""

import datetime as dt

import numpy as np
import pytest
from django.utils import timezone

from apps.measurements import store
from apps.measurements.grid import Array
from apps.plants.models import Plant
from tests.measurements.sites import INVERTER, JUNE, Statements, make_site, report_month, write

pytestmark = pytest.mark.django_db

MAY, JULY = dt.date(2025, 5, 1), dt.date(2025, 7, 1)


def energy(*plants: Plant, first: dt.date = MAY, last: dt.date = JULY) -> list[list[float | None]]:
    """A row per plant and a column per month; None where nothing is known."""
    found: Array = store.read_energy_of_plants(plants, first, last)
    return [[None if np.isnan(value) else value for value in row] for row in found.tolist()]


def produced(plant: Plant, *days: tuple[int, int, float]) -> None:
    """Write the counter of the plant's inverter on days of 2025: (month, day, Wh)."""
    [inverter] = {one.cross_epoch_id for epoch in plant.epochs.all() for one in epoch.components.all()}
    for month, day, value in days:
        write(plant, inverter, dt.date(2025, month, day), ProdEtotal={100: value / 2, 200: value})


def delivered(plant: Plant, at: dt.datetime, value: float) -> None:
    """What a logger delivers and nobody has packed."""
    [inverter] = {one.cross_epoch_id for epoch in plant.epochs.all() for one in epoch.components.all()}
    store.write_fresh(plant, [store.Point(inverter, 0, "ProdEtotal", at, value)])


def test_the_days_of_a_month_add_up_for_each_plant_and_what_is_not_known_stays_unknown():
    one, two = (make_site(INVERTER)[0] for _ in range(2))
    produced(one, (5, 1, 1000), (5, 31, 500), (7, 4, 70))
    produced(two, (6, 1, 20), (6, 2, 0))
    assert energy(one, two) == [[1500, None, 70], [None, 20, None]]
    assert energy(two, one) == [[None, 20, None], [1500, None, 70]]


def test_a_plant_with_several_inverters_counts_its_total_once():
    plant, (first, second) = make_site(INVERTER, INVERTER)
    write(plant, first, dt.date(2025, 6, 15), ProdEtotal={200: 300})
    write(plant, second, dt.date(2025, 6, 15), ProdEtotal={200: 40})
    assert energy(plant) == [[None, 340, None]]


def test_only_the_plants_and_months_that_are_asked_for_count():
    one, other = (make_site(INVERTER)[0] for _ in range(2))
    produced(one, (4, 30, 1), (5, 1, 10), (6, 1, 100), (8, 1, 1000))
    produced(other, (5, 1, 7), (6, 1, 7))
    assert energy(one) == [[10, 100, None]]
    assert energy(one, first=JUNE, last=JUNE) == [[100]]


def test_one_moment_lies_in_different_months_of_plants_in_different_zones():
    berlin, new_york = make_site(INVERTER)[0], make_site(INVERTER, timezone="America/New_York")[0]
    for plant in (berlin, new_york):
        delivered(plant, dt.datetime(2025, 6, 30, 23, 0, tzinfo=dt.UTC), 60)
        store.seal(plant)
    assert energy(berlin, new_york) == [[None, None, 60], [None, 60, None]]


def test_a_month_of_which_only_a_total_was_reported_counts():
    plant, [inverter] = make_site(INVERTER)
    report_month(plant, inverter, JUNE, ProdEtotal=9000)
    assert energy(plant) == [[None, 9000, None]]


def test_fresh_readings_count_in_the_newest_month_as_soon_as_lists_show_them_in_others_once_they_are_packed():
    plant, _ = make_site(INVERTER)
    produced(plant, (6, 14, 100))
    delivered(plant, dt.datetime(2025, 6, 15, 12, 0, tzinfo=dt.UTC), 20)
    delivered(plant, dt.datetime(2025, 5, 15, 12, 0, tzinfo=dt.UTC), 3)
    assert energy(plant) == [[None, 100, None]]
    store.follow_fresh(plant)
    assert energy(plant) == [[None, 120, None]]
    store.seal(plant)
    assert energy(plant) == [[3, 120, None]]


def test_a_month_beyond_those_asked_for_is_left_out_also_when_it_is_the_newest():
    plant, _ = make_site(INVERTER)
    produced(plant, (6, 14, 100), (7, 1, 5))
    assert energy(plant, last=JUNE) == [[None, 100]]


def test_however_many_plants_there_are_month_rows_are_asked_once_and_the_statement_names_the_plants():
    plants = [make_site(INVERTER)[0] for _ in range(3)]
    for plant in plants:
        produced(plant, (6, 1, 5))
    with Statements() as statements:
        assert energy(*plants) == [[None, 5, None]] * 3
    asked = [query["sql"] for query in statements.captured_queries if "measurements_" in query["sql"]]
    assert ["monthseries" in sql for sql in asked] == [True, False]
    assert "plant_id IN (" in asked[0]


def test_thousands_of_plants_fit_one_statement():
    portal = make_site()[0].portal
    plants = [Plant(portal=portal, label="P", timezone="Europe/Berlin", created_at=timezone.now()) for _ in range(5000)]
    Plant.objects.bulk_create(plants)
    last, _ = make_site(INVERTER)
    produced(last, (6, 1, 5))
    found = store.read_energy_of_plants([*plants, last], MAY, JULY)
    assert found.shape == (5001, 3)
    assert np.nansum(found) == 5


def test_no_plants_are_no_rows_and_nobody_is_asked():
    with Statements() as statements:
        assert store.read_energy_of_plants([], MAY, JULY).shape == (0, 3)
    assert len(statements) == 0
