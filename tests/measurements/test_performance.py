"""Indicators of a plant over spans: what counts into them, what has elapsed, and how complete it is."""

import datetime as dt
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from apps.measurements import evidence, grid, store
from apps.measurements.kpis import Kpi
from apps.measurements.performance import Performance, Period, elapsed_slots, of_energies, of_plant, periods
from apps.plants.models import Component, MppTracker, Plant
from tests.measurements.sites import (
    INVERTER,
    SENSOR,
    TOTAL_METER,
    Kind,
    Statements,
    add_epoch,
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


def test_all_spans_take_three_statements(plant: Plant):
    spans = list(periods(dt.date(2025, 1, 1), dt.date(2025, 12, 31), "day"))
    with Statements() as statements:
        found = of_plant(plant, spans, NOW)
    assert (len(statements), len(found)) == (3, 365)
    assert [each.period.name for each in found if kpi(each, "SpecificYield").value] == [
        "2025-06-14",
        "2025-06-15",
        "2025-07-01",
    ]
    assert of_plant(plant, [], NOW) == []


def test_what_follows_from_energies_takes_one(plant: Plant):
    with Statements() as statements:
        [found] = of_energies(plant, [JUNE], NOW)
    assert (len(statements), kpi(found, "SpecificYield").value) == (1, 6.0)
    assert {each.name for each in found.kpis} & {"PerformanceRatio", "Availability"} == set()
    assert of_energies(plant, [], NOW) == []


def test_the_emission_factor_is_the_plants_own_or_that_of_the_settings(plant: Plant, settings):
    assert kpi(one(plant, JUNE), "Co2Avoided").reason == "the emission factor of the plant is not known"
    settings.EMISSION_FACTOR = 0.5
    assert kpi(one(plant, JUNE), "Co2Avoided").value == 30.0
    plant.emission_factor = 0.0
    assert kpi(one(plant, JUNE), "Co2Avoided").value == 0.0


# --- From single intervals -----------------------------------------------------------------------------------

DAY = dt.date(2025, 6, 15)


def sized(plant: Plant, *sizes: int) -> None:
    for index, size in enumerate(sizes):
        Component.objects.filter(epoch__plant=plant, dataindex=index).update(size=size)


def always(value: float, at: dt.date = DAY) -> np.ndarray:
    """The same value in every slot of a day in Berlin."""
    return np.full(grid.slots(ZoneInfo("Europe/Berlin"), at), value)


def of_day(plant: Plant, name: str, at: dt.date = DAY) -> Kpi:
    return kpi(one(plant, Period(f"{at}", at, at), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)), name)


def site(*kinds: Kind, sizes: tuple[int, ...] = (6_000, 3_000)) -> tuple[Plant, list[UUID]]:
    plant, devices = make_site(*kinds)
    sized(plant, *sizes)
    return plant, devices


def test_two_inverters_of_different_size_are_related_to_one_sensor():
    plant, [large, small, sensor] = site(INVERTER, INVERTER, SENSOR)
    write(plant, sensor, Irradiation={100: 1_000, 101: 1_000, 103: 900})
    write(plant, large, ProdPac={100: 4_800, 101: 4_800, 102: 9_999})
    write(plant, small, ProdPac={101: 2_400})
    found = of_day(plant, "PerformanceRatio")
    assert (found.value, found.formula) == (80.0, "pr-iec61724-1")
    assert found.inputs == {"energy": 1_000, "referenceEnergy": 1_250}
    assert found.completeness == round((2 * 2 / 3 + 1 / 3) / 288, 4)


def test_a_days_ratio_is_corrected_by_the_temperature_of_the_modules():
    plant, [inverter, sensor] = site(INVERTER, SENSOR, sizes=(10_000,))
    write(plant, sensor, Irradiation={100: 1_000}, TempModule={100: 50})
    write(plant, inverter, ProdPac={100: 8_100})
    assert of_day(plant, "PerformanceRatio").inputs["temperatureCorrected"] == 90.0
    plant.temperature_coefficient = -0.3
    assert of_day(plant, "PerformanceRatio").inputs["temperatureCorrected"] == 87.56757


def test_what_a_logger_has_just_delivered_counts_at_once():
    plant, [inverter, sensor] = site(INVERTER, SENSOR, sizes=(10_000,))
    write(plant, sensor, Irradiation={100: 1_000})
    at = grid.start(plant.zone, DAY) + 100 * grid.SLOT
    store.write_fresh(plant, [store.Point(inverter, 0, "ProdPac", at, 8_000.0)])
    assert (of_day(plant, "PerformanceRatio").value, of_day(plant, "Availability").value) == (80.0, 100.0)


@pytest.mark.parametrize(("at", "hours"), [(dt.date(2025, 3, 30), 23), (dt.date(2025, 10, 26), 25)])
def test_days_on_which_clocks_change_have_their_own_length(at: dt.date, hours: int):
    plant, [inverter, sensor] = site(INVERTER, SENSOR, sizes=(10_000,))
    write(plant, sensor, at, Irradiation=always(500, at))
    write(plant, inverter, at, ProdPac=always(4_000, at))
    ratio, availability = of_day(plant, "PerformanceRatio", at), of_day(plant, "Availability", at)
    assert (ratio.value, ratio.completeness) == (80.0, 1.0)
    assert ratio.inputs == {"energy": 4_000 * hours, "referenceEnergy": 5_000 * hours}
    assert availability.inputs == {"availableHours": hours, "possibleHours": hours}


def test_the_values_of_a_broken_sensor_are_no_irradiance():
    plant, [inverter, sensor] = site(INVERTER, SENSOR, sizes=(10_000,))
    write(plant, sensor, Irradiation={100: 65_535, 101: 1_000}, TempModule={101: 850})
    write(plant, inverter, ProdPac={100: 5_000, 101: 8_000})
    found = of_day(plant, "PerformanceRatio")
    assert (found.value, set(found.inputs)) == (80.0, {"energy", "referenceEnergy"})


def test_a_component_without_a_size_has_its_part_of_the_plants():
    plant, [first, _second, sensor] = site(INVERTER, INVERTER, SENSOR, sizes=(6_000, 0))
    write(plant, sensor, Irradiation={100: 1_000})
    write(plant, first, ProdPac={100: 4_000})
    assert of_day(plant, "PerformanceRatio").value == 80.0  # of half of 10 kWp


def test_values_of_the_plant_as_a_whole_are_one_inverter():
    plant, [sensor] = make_site(SENSOR)
    write(plant, sensor, Irradiation={100: 1_000})
    write(plant, plant.datasource_id, ProdPac={100: 8_000})
    assert of_day(plant, "PerformanceRatio").value == 80.0
    assert of_day(plant, "Availability").value == 100.0


def test_each_day_is_seen_with_the_devices_of_its_epoch():
    plant, [old, sensor] = site(INVERTER, SENSOR, sizes=(10_000,))
    [new, _] = add_epoch(plant, DAY, INVERTER, SENSOR, ids=[None, sensor])
    Component.objects.filter(epoch__active_from=DAY, cross_epoch_id=new).update(size=5_000)
    before = DAY - dt.timedelta(days=1)
    for at, device in ((before, old), (DAY, new)):
        write(plant, sensor, at, Irradiation={100: 1_000})
        write(plant, device, at, ProdPac={100: 4_000})
    assert (of_day(plant, "PerformanceRatio", before).value, of_day(plant, "PerformanceRatio").value) == (40.0, 80.0)
    both = one(plant, Period("", before, DAY))
    assert kpi(both, "PerformanceRatio").value == 53.333
    assert kpi(both, "Availability").value == 100.0


def test_a_sensor_that_measures_no_irradiance_does_not_count_as_one():
    plant, [inverter, _sensor] = site(INVERTER, SENSOR, sizes=(10_000,))
    Component.objects.filter(type="Sensor").update(channels=["TempAmbient"])
    write(plant, inverter, ProdPac={100: 4_000})
    assert of_day(plant, "PerformanceRatio").reason == (
        "there is no irradiance sensor, and the place of the plant is not known"
    )
    assert of_day(plant, "Availability").reason == (
        "there is neither an irradiance sensor nor a second inverter to compare with"
    )


def test_without_a_sensor_two_inverters_tell_each_others_availability():
    plant, [large, small] = site(INVERTER, INVERTER)
    write(plant, large, ProdPac={100: 3_000, 101: 3_000, 102: 0, 103: 3_000})
    write(plant, small, ProdPac={100: 1_500, 101: 0, 102: 0})
    found = of_day(plant, "Availability")
    assert (found.value, found.completeness) == (83.333, 1.0)  # 5/3 of 2 slots


# --- Under a clear sky ---------------------------------------------------------------------------------------


@pytest.fixture
def roof(db: None) -> Plant:
    """10 kWp without a sensor, 35 degrees to the south, with 5 kW from 10:00 to 16:00 on two days."""
    plant, [inverter] = site(INVERTER, sizes=(10_000,))
    plant.latitude, plant.longitude = 48.14, 11.62
    component = Component.objects.get(epoch__plant=plant)
    MppTracker.objects.create(component=component, index=1, size=10_000, tilt=35, orientation=180)
    for at in (DAY, dt.date(2025, 12, 15)):
        write(plant, inverter, at, ProdPac=dict.fromkeys(range(120, 192), 5_000))
    return plant


def test_without_a_sensor_a_clear_sky_bounds_the_ratio_from_below(roof: Plant):
    found = of_day(roof, "PerformanceRatio")
    assert (found.formula, found.inputs["energy"]) == ("pr-clear-sky-bound", 30_000)
    assert found.inputs["clearSkyEnergy"] == pytest.approx(58_700, abs=1_500)  # about 980 W/m2 for six hours
    assert found.value == pytest.approx(51, abs=1.5)
    assert found.completeness == 0.25


def test_modules_of_unknown_mounting_have_a_wider_bound(roof: Plant):
    known = of_day(roof, "PerformanceRatio").value
    MppTracker.objects.update(tilt=None)
    assert (of_day(roof, "PerformanceRatio").value or 0) < (known or 0)


def test_a_plant_of_unknown_place_has_no_bound(roof: Plant):
    roof.latitude = None
    found = of_day(roof, "PerformanceRatio")
    assert found.reason == "there is no irradiance sensor, and the place of the plant is not known"


def test_a_sensor_that_says_nothing_is_not_replaced_by_a_clear_sky(roof: Plant):
    Component.objects.create(
        epoch=roof.epochs.get(),
        type="Sensor",
        name="Sensor",
        classes=["sensors"],
        dataindex=7,
        channels=["Irradiation"],
    )
    assert of_day(roof, "PerformanceRatio").reason == "irradiance and power are not known together in this period"


# --- Long periods --------------------------------------------------------------------------------------------


def test_what_is_too_long_to_look_at_says_so_and_shorter_periods_do_not_suffer(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(evidence, "MOST_ROWS", 30)
    sensor = Component.objects.create(
        epoch=plant.epochs.get(), type="Sensor", name="S", classes=["sensors"], dataindex=7
    ).cross_epoch_id
    write(plant, sensor, dt.date(2025, 6, 14), Irradiation={100: 1_000})
    inverter = plant.epochs.get().components.get(dataindex=0).cross_epoch_id
    write(plant, inverter, dt.date(2025, 6, 14), ProdPac={100: 8_000})
    Component.objects.filter(cross_epoch_id=inverter).update(size=10_000)
    week = Period("", dt.date(2025, 6, 9), dt.date(2025, 6, 15))
    june, short = of_plant(plant, [JUNE, week], NOW)
    reason = "the period is too long to look at every interval of so many devices"
    assert [kpi(june, name).reason for name in ("PerformanceRatio", "Availability")] == [reason, reason]
    assert kpi(june, "SpecificYield").value == 6.0
    assert kpi(short, "PerformanceRatio").value == 80.0


def test_years_without_data_do_not_make_a_period_long(plant: Plant, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(evidence, "MOST_ROWS", 30)
    with Statements() as statements:
        found = one(plant, Period("total", dt.date(1970, 1, 1), dt.date(2200, 12, 31)))
    assert kpi(found, "PerformanceRatio").reason == (
        "there is no irradiance sensor, and the place of the plant is not known"
    )
    assert len(statements) == 5, "two of them ask for the first and the last day, packed and fresh"


def test_many_devices_are_fetched_in_pieces(plant: Plant, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(evidence, "_AT_ONCE", 40)
    with Statements() as statements:
        of_plant(plant, [Period("", dt.date(2025, 5, 1), dt.date(2025, 7, 1))], NOW)
    assert len(statements) == 4, "the plant's 62 days in two pieces"


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
