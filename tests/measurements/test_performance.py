"""Indicators of a plant over spans: what counts into them, what has elapsed, and how complete it is."""

import datetime as dt

import pytest

from apps.measurements.kpis import Kpi
from apps.measurements.performance import Performance, Period, elapsed_slots, of_plant, periods
from apps.plants.models import Plant
from tests.measurements.sites import (
    INVERTER,
    TOTAL_METER,
    Statements,
    make_site,
    report_month,
    write,
)

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2025, 7, 1, 10, 2, tzinfo=dt.UTC)  # 12:02 at the plant
JUNE = Period("2025-06", dt.date(2025, 6, 1), dt.date(2025, 6, 30))


@pytest.fixture
def plant(db: None) -> Plant:
    """10 kWp; 20 kWh on 14 June, 40 kWh on the 15th, and 7 kWh so far on 1 July."""
    plant, [inverter, _] = make_site(INVERTER, TOTAL_METER)
    plant.yearly_target = 900
    plant.monthly_shares = [2, 4, 8, 11, 13, 14, 14, 12, 9, 7, 4, 2]
    plant.save()
    write(plant, inverter, dt.date(2025, 6, 14), ProdEtotal={200: 20_000})
    write(plant, inverter, dt.date(2025, 6, 15), ProdEtotal=dict.fromkeys(range(144, 288), 40_000))
    write(plant, inverter, dt.date(2025, 7, 1), ProdEtotal=dict.fromkeys(range(145), 7_000))
    return plant


def one(plant: Plant, span: Period, now: dt.datetime = NOW) -> Performance:
    [found] = of_plant(plant, [span], now)
    return found


def kpi(performance: Performance, name: str) -> Kpi:
    return next(found for found in performance.kpis if found.name == name)


def test_a_month_sums_its_days(plant: Plant):
    june = one(plant, JUNE)
    assert kpi(june, "SpecificYield").value == 6.0
    assert kpi(june, "CapacityFactor").inputs["hours"] == 720
    assert kpi(june, "CapacityFactor").value == 0.833  # 60 kWh of 10 kW x 720 h
    assert kpi(june, "TargetFulfilment").value == 4.762  # of 14 % of 9,000 kWh
    assert june.completeness == round(145 / 8640, 4)


def test_a_month_is_cut_by_the_span(plant: Plant):
    cut = one(plant, Period("2025-06", dt.date(2025, 6, 15), dt.date(2025, 6, 24)))
    assert kpi(cut, "SpecificYield").value == 4.0
    assert kpi(cut, "TargetFulfilment").value == 9.524  # of ten days of June, 420 kWh
    assert cut.completeness == 0.05  # 144 of 2,880 slots


def test_a_span_over_months_adds_them(plant: Plant):
    assert kpi(one(plant, Period("total", dt.date(2025, 6, 15), dt.date(2025, 7, 1))), "SpecificYield").value == 4.7


def test_today_counts_the_slots_that_have_begun_and_the_whole_days_target(plant: Plant):
    today = one(plant, Period("2025-07-01", dt.date(2025, 7, 1), dt.date(2025, 7, 1)))
    assert today.completeness == 1.0
    assert kpi(today, "CapacityFactor").inputs["hours"] == pytest.approx(145 / 12)
    assert kpi(today, "TargetFulfilment").value == 17.222  # 7 of 1,260 / 31 kWh


def test_the_target_of_a_running_month_reaches_to_today(plant: Plant):
    july = one(plant, Period("2025-07", dt.date(2025, 7, 1), dt.date(2025, 7, 31)))
    assert kpi(july, "TargetFulfilment").value == 17.222


def test_a_future_period_has_no_values_and_says_so(plant: Plant):
    future = one(plant, Period("2025-08", dt.date(2025, 8, 1), dt.date(2025, 8, 31)))
    assert future.completeness == 0.0
    assert {found.value for found in future.kpis} == {None}
    assert kpi(future, "CapacityFactor").reason == "no values of ProdEtotal in this period"


def test_a_reported_month_counts_where_the_whole_month_is_asked_for(plant: Plant):
    inverter = plant.epochs.get().components.get(dataindex=0).cross_epoch_id
    report_month(plant, inverter, JUNE.first, ProdEtotal=1_260_000)
    assert kpi(one(plant, JUNE), "TargetFulfilment").value == 100.0
    assert kpi(one(plant, Period("", JUNE.first, dt.date(2025, 6, 29))), "SpecificYield").value == 6.0


def test_self_consumption_relates_only_days_on_which_consumption_is_known(plant: Plant):
    inverter, meter = plant.epochs.get().components.order_by("dataindex").values_list("cross_epoch_id", flat=True)
    at = dt.date(2025, 6, 20)
    write(plant, inverter, at, ProdPac={100: 2400}, ProdEtotal={100: 1000})
    write(plant, meter, at, ConsPac={100: 1200}, ConsEtotal={100: 400})
    found = kpi(one(plant, JUNE), "SelfConsumptionRate")
    assert (found.value, found.inputs) == (10.0, {"ProdEtotalSelf": 100, "ProdEtotal": 1000})
    assert kpi(one(plant, JUNE), "Autarky").value == 25.0


def test_all_spans_take_one_statement(plant: Plant):
    spans = list(periods(dt.date(2025, 1, 1), dt.date(2025, 12, 31), "day"))
    with Statements() as statements:
        found = of_plant(plant, spans, NOW)
    assert (len(statements), len(found)) == (1, 365)
    assert [each.period.name for each in found if kpi(each, "SpecificYield").value] == [
        "2025-06-14",
        "2025-06-15",
        "2025-07-01",
    ]
    assert of_plant(plant, [], NOW) == []


# --- Periods -----------------------------------------------------------------------------------------------


def named(resolution: str, first: dt.date, last: dt.date) -> list[tuple[str, str, str]]:
    return [(each.name, f"{each.first}", f"{each.last}") for each in periods(first, last, resolution)]


def test_periods_are_cut_to_the_span():
    first, last = dt.date(2024, 12, 30), dt.date(2025, 2, 3)
    assert named("month", first, last) == [
        ("2024-12", "2024-12-30", "2024-12-31"),
        ("2025-01", "2025-01-01", "2025-01-31"),
        ("2025-02", "2025-02-01", "2025-02-03"),
    ]
    assert named("year", first, last) == [("2024", "2024-12-30", "2024-12-31"), ("2025", "2025-01-01", "2025-02-03")]
    assert named("total", first, last) == [("total", "2024-12-30", "2025-02-03")]
    assert named("day", first, dt.date(2025, 1, 1)) == [
        ("2024-12-30", "2024-12-30", "2024-12-30"),
        ("2024-12-31", "2024-12-31", "2024-12-31"),
        ("2025-01-01", "2025-01-01", "2025-01-01"),
    ]


@pytest.mark.parametrize(
    ("first", "last", "now", "slots"),
    [
        (dt.date(2025, 3, 30), dt.date(2025, 3, 30), NOW, 276),
        (dt.date(2024, 10, 27), dt.date(2024, 10, 28), NOW, 588),
        (dt.date(2025, 7, 1), dt.date(2025, 7, 31), NOW, 145),
        (dt.date(2025, 7, 2), dt.date(2025, 7, 31), NOW, 0),
        (dt.date(2025, 1, 1), dt.date(2025, 12, 31), dt.datetime(2025, 1, 1, tzinfo=dt.UTC), 13),
    ],
)
def test_elapsed_slots_are_counted_in_absolute_time(first: dt.date, last: dt.date, now: dt.datetime, slots: int):
    plant, _ = make_site()
    assert elapsed_slots(plant, first, last, now) == slots
