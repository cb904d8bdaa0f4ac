"""One configuration holds on every day from the first epoch on."""

import datetime as dt

from apps.plants.epochs import epoch_on, epochs_of
from tests.cast import FIRST_DAY, Cast, make_epoch

REBUILT = dt.date(2025, 6, 15)


def test_an_epoch_ends_the_day_before_the_next(cast: Cast):
    make_epoch(cast.plant_a, REBUILT)
    first, second = epochs_of(cast.plant_a)
    assert (first.first_day, first.last_day) == (FIRST_DAY, dt.date(2025, 6, 14))
    assert (second.first_day, second.last_day) == (REBUILT, None)


def test_an_epoch_in_between_shortens_the_one_before(cast: Cast):
    make_epoch(cast.plant_a, REBUILT)
    make_epoch(cast.plant_a, dt.date(2025, 3, 1))
    assert [epoch.last_day for epoch in epochs_of(cast.plant_a)] == [dt.date(2025, 2, 28), dt.date(2025, 6, 14), None]


def test_exactly_one_epoch_holds_on_a_day(cast: Cast):
    make_epoch(cast.plant_a, REBUILT)
    first, second = epochs_of(cast.plant_a)
    assert epoch_on(cast.plant_a, FIRST_DAY) == first
    assert epoch_on(cast.plant_a, dt.date(2025, 6, 14)) == first
    assert epoch_on(cast.plant_a, REBUILT) == second
    assert epoch_on(cast.plant_a, dt.date(2040, 1, 1)) == second


def test_no_epoch_holds_before_the_first(cast: Cast):
    assert epoch_on(cast.plant_a, dt.date(2024, 12, 31)) is None


def test_epochs_of_another_plant_do_not_count(cast: Cast):
    make_epoch(cast.plant_b, REBUILT)
    assert len(epochs_of(cast.plant_a)) == 1


def test_one_query_answers(cast: Cast, django_assert_num_queries):
    with django_assert_num_queries(1):
        epoch_on(cast.plant_a, FIRST_DAY)
