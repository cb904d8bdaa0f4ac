"""Every indicator by a case worked out by hand, and every reason why there is none."""

import datetime as dt

import pytest

from apps.measurements.intervals import Evidence, Observed
from apps.measurements.kpis import Facts, Kpi, all_kpis, energy_kpis, planned_yield

ENERGIES = {
    "ProdEtotal": 30_000.0,
    "ProdEtotalSelf": 12_000.0,
    "ProdEtotalFeed": 18_000.0,
    "ConsEtotal": 16_000.0,
    "ConsEtotalCov": 12_000.0,
}
FULL = Facts(size=10_000, hours=24, energies=ENERGIES, target=40_000, feed_in_tariff=0.08, electricity_cost=0.30)


TOO_LONG = "the period is too long to look at every interval of so many devices"
CLEAR = Evidence(clear_energy=30_000, clear_reference=60_000, clear_hours=24)
MEASURED = Observed(
    Evidence(
        energy=27_000,
        reference=33_750,
        hours=18,
        warm_energy=9_000,
        warm_reference=11_250,
        warmth=11_250 * 20,  # 45 degC
        possible_hours=10,
        available_hours=9.5,
        unknown_hours=2.5,
    ),
    has_irradiance=True,
    inverters=1,
)


def seen(sums: Evidence | None) -> Facts:
    """A plant with a sensor."""
    return Facts(10_000, 24, ENERGIES, intervals=Observed(sums, has_irradiance=True, has_place=True, inverters=2))


def kpi(name: str, facts: Facts) -> Kpi:
    return next(found for found in all_kpis(facts) if found.name == name)


def without(*names: str) -> Facts:
    return Facts(10_000, 24, {name: value for name, value in ENERGIES.items() if name not in names}, 40_000, 0.08, 0.3)


@pytest.mark.parametrize(
    ("name", "value", "unit", "inputs"),
    [
        ("SpecificYield", 3.0, "kWh/kWp", {"ProdEtotal": 30_000, "size": 10_000}),
        ("CapacityFactor", 12.5, "%", {"ProdEtotal": 30_000, "size": 10_000, "hours": 24}),
        ("TargetFulfilment", 75.0, "%", {"ProdEtotal": 30_000, "target": 40_000}),
        ("SelfConsumptionRate", 40.0, "%", {"ProdEtotalSelf": 12_000, "ProdEtotal": 30_000}),
        ("Autarky", 75.0, "%", {"ConsEtotalCov": 12_000, "ConsEtotal": 16_000}),
        (
            "FinancialYield",
            5.04,  # 18 kWh at 0.08 and 12 kWh at 0.30
            "currency",
            {"ProdEtotalFeed": 18_000, "ConsEtotalCov": 12_000, "feedInTariff": 0.08, "electricityCost": 0.30},
        ),
    ],
)
def test_a_known_indicator_has_its_value_and_inputs(name: str, value: float, unit: str, inputs: dict[str, float]):
    found = kpi(name, FULL)
    assert (found.value, found.unit, found.inputs, found.reason) == (value, unit, inputs, None)


def test_the_performance_ratio_relates_energy_and_irradiance_of_the_same_intervals():
    found = kpi("PerformanceRatio", Facts(10_000, 24, ENERGIES, intervals=MEASURED, completeness=1.0))
    assert (found.value, found.unit, found.formula) == (80.0, "%", "pr-iec61724-1")
    assert found.completeness == 0.75, "18 of 24 hours had both"
    assert found.inputs == {
        "energy": 27_000,
        "referenceEnergy": 33_750,
        "temperatureCorrected": 86.95652,  # 9,000 of 11,250 x (1 - 0.4 % x 20) = 10,350
        "moduleTemperature": 45,
        "temperatureCoefficient": -0.4,
    }


def test_the_correction_takes_the_coefficient_of_the_plants_modules():
    found = kpi("PerformanceRatio", Facts(10_000, 24, intervals=MEASURED, coefficient=-0.25))
    assert (found.value, found.inputs["temperatureCorrected"]) == (80.0, 84.21053)  # 9,000 of 10,687.5


@pytest.mark.parametrize("warm", [Evidence(), Evidence(warm_energy=1, warm_reference=1, warmth=300)])
def test_without_a_sensible_module_temperature_nothing_is_corrected(warm: Evidence):
    sums = warm._replace(energy=27_000, reference=33_750, hours=18)
    assert set(kpi("PerformanceRatio", seen(sums)).inputs) == {"energy", "referenceEnergy"}


def test_without_a_sensor_a_clear_sky_gives_a_lower_bound_that_says_so():
    facts = Facts(10_000, 48, intervals=Observed(CLEAR, has_place=True, inverters=1))
    found = kpi("PerformanceRatio", facts)
    assert (found.value, found.formula, found.completeness) == (50.0, "pr-clear-sky-bound", 0.5)
    assert found.inputs == {"energy": 30_000, "clearSkyEnergy": 60_000}


def test_availability_is_a_part_of_the_hours_in_which_production_was_possible():
    found = kpi("Availability", Facts(10_000, 24, intervals=MEASURED))
    assert (found.value, found.formula) == (95.0, "availability-iec63019-time")
    assert found.inputs == {"availableHours": 9.5, "possibleHours": 10}
    assert found.completeness == 0.8, "of 12.5 possible hours 10 are known"


def test_co2_follows_from_the_emission_factor():
    found = kpi("Co2Avoided", Facts(10_000, 24, ENERGIES, emission_factor=0.38))
    assert (found.value, found.inputs) == (11.4, {"ProdEtotal": 30_000, "emissionFactor": 0.38})


def test_what_follows_from_energies_needs_no_intervals():
    names = [found.name for found in energy_kpis(FULL)]
    assert names == [found.name for found in all_kpis(FULL) if found.name not in ("PerformanceRatio", "Availability")]


def test_values_are_rounded_to_three_decimals():
    assert kpi("SpecificYield", Facts(7000, 24, {"ProdEtotal": 10_000})).value == 1.429


@pytest.mark.parametrize(
    ("name", "facts", "reason"),
    [
        ("SpecificYield", without("ProdEtotal"), "no values of ProdEtotal in this period"),
        ("SpecificYield", Facts(0, 24, ENERGIES), "the size of the plant is not known"),
        ("CapacityFactor", without("ProdEtotal"), "no values of ProdEtotal in this period"),
        ("CapacityFactor", Facts(0, 24, ENERGIES), "the size of the plant is not known"),
        ("CapacityFactor", Facts(10_000, 0, ENERGIES), "the period has not begun"),
        ("TargetFulfilment", without("ProdEtotal"), "no values of ProdEtotal in this period"),
        ("TargetFulfilment", Facts(10_000, 24, ENERGIES), "the yield target of the plant is not known"),
        ("TargetFulfilment", Facts(10_000, 24, ENERGIES, target=0), "the yield target of the plant is not known"),
        ("SelfConsumptionRate", without("ProdEtotalSelf"), "no values of ProdEtotalSelf in this period"),
        ("SelfConsumptionRate", without("ProdEtotal"), "no values of ProdEtotal in this period"),
        ("SelfConsumptionRate", Facts(1, 24, {"ProdEtotalSelf": 0, "ProdEtotal": 0}), "ProdEtotal is 0 in this period"),
        ("Autarky", without("ConsEtotalCov"), "no values of ConsEtotalCov in this period"),
        ("Autarky", without("ConsEtotal"), "no values of ConsEtotal in this period"),
        ("Autarky", Facts(1, 24, {"ConsEtotalCov": 0, "ConsEtotal": 0}), "ConsEtotal is 0 in this period"),
        ("FinancialYield", without("ProdEtotalFeed"), "no values of ProdEtotalFeed in this period"),
        ("FinancialYield", without("ConsEtotalCov"), "no values of ConsEtotalCov in this period"),
        ("FinancialYield", Facts(1, 24, ENERGIES), "the feed-in tariff of the plant is not known"),
        (
            "FinancialYield",
            Facts(1, 24, ENERGIES, feed_in_tariff=0.1),
            "the price of electricity of the plant is not known",
        ),
        ("Co2Avoided", FULL, "the emission factor of the plant is not known"),
        ("Co2Avoided", Facts(1, 24, emission_factor=0.4), "no values of ProdEtotal in this period"),
        ("PerformanceRatio", seen(None), TOO_LONG),
        ("PerformanceRatio", Facts(0, 24, intervals=MEASURED), "the size of the plant is not known"),
        (
            "PerformanceRatio",
            seen(Evidence(clear_hours=2)),
            "irradiance and power are not known together in this period",
        ),
        ("PerformanceRatio", seen(Evidence(energy=1, hours=2)), "Irradiation is 0 in this period"),
        (
            "PerformanceRatio",
            Facts(10_000, 24, intervals=Observed(CLEAR)),
            "there is no irradiance sensor, and the place of the plant is not known",
        ),
        (
            "PerformanceRatio",
            Facts(10_000, 24, intervals=Observed(has_place=True)),
            "no values of ProdPac in this period",
        ),
        (
            "PerformanceRatio",
            Facts(10_000, 24, intervals=Observed(Evidence(clear_hours=2), has_place=True)),
            "the sun did not rise while the power was known",
        ),
        ("Availability", seen(None), TOO_LONG),
        (
            "Availability",
            Facts(10_000, 24, intervals=Observed(inverters=1)),
            "there is neither an irradiance sensor nor a second inverter to compare with",
        ),
        (
            "Availability",
            Facts(10_000, 24, intervals=Observed(inverters=2)),
            "no interval is known in which the inverters could have produced",
        ),
        ("Availability", seen(Evidence()), "no interval is known in which the inverters could have produced"),
    ],
)
def test_an_indicator_that_cannot_be_computed_says_why(name: str, facts: Facts, reason: str):
    found = kpi(name, facts)
    assert (found.value, found.inputs, found.reason) == (None, {}, reason)


def test_a_tariff_of_zero_is_a_tariff():
    assert kpi("FinancialYield", Facts(1, 24, ENERGIES, feed_in_tariff=0.0, electricity_cost=0.5)).value == 6.0


def test_shares_relate_energies_of_the_same_days():
    together: dict[tuple[str, ...], list[float]] = {("ProdEtotalSelf", "ProdEtotal"): [12_000, 15_000]}
    found = kpi("SelfConsumptionRate", Facts(1, 24, ENERGIES, together=together))
    assert (found.value, found.inputs) == (80.0, {"ProdEtotalSelf": 12_000, "ProdEtotal": 15_000})


def test_every_indicator_of_the_contract_is_there_in_its_order():
    assert [found.name for found in all_kpis(Facts(0, 0))] == [
        "PerformanceRatio",
        "SpecificYield",
        "SelfConsumptionRate",
        "Autarky",
        "Availability",
        "CapacityFactor",
        "TargetFulfilment",
        "Co2Avoided",
        "FinancialYield",
    ]
    assert all(found.value is None and found.reason for found in all_kpis(Facts(0, 0)))


# --- What was planned --------------------------------------------------------------------------------------

SHARES = [2, 4, 8, 11, 13, 14, 14, 12, 9, 7, 4, 2]  # per cent of the year


@pytest.mark.parametrize(
    ("first", "last", "planned"),
    [
        (dt.date(2025, 1, 1), dt.date(2025, 12, 31), 9_000_000),
        (dt.date(2025, 6, 1), dt.date(2025, 6, 30), 1_260_000),
        (dt.date(2025, 6, 1), dt.date(2025, 6, 10), 420_000),
        (dt.date(2025, 6, 30), dt.date(2025, 7, 1), 42_000 + 1_260_000 / 31),
        (dt.date(2024, 2, 29), dt.date(2024, 2, 29), 360_000 / 29),
        (dt.date(2025, 6, 2), dt.date(2025, 6, 1), 0),
    ],
)
def test_a_months_share_is_spread_over_its_days(first: dt.date, last: dt.date, planned: float):
    assert planned_yield(10_000, 900, SHARES, first, last) == pytest.approx(planned)


@pytest.mark.parametrize("shares", [None, []])
def test_without_shares_all_days_of_a_year_are_equal(shares: list[float] | None):
    assert planned_yield(1000, 730, shares, dt.date(2025, 3, 1), dt.date(2025, 3, 2)) == pytest.approx(4000)
    assert planned_yield(1000, 900, shares, dt.date(2024, 1, 1), dt.date(2024, 12, 31)) == pytest.approx(900_000)
    assert planned_yield(1000, 900, shares, dt.date(2025, 1, 1), dt.date(2025, 12, 31)) == pytest.approx(900_000)


@pytest.mark.parametrize("target", [None, 0])
def test_without_a_target_nothing_was_planned(target: float | None):
    assert planned_yield(1000, target, SHARES, dt.date(2025, 3, 1), dt.date(2025, 3, 2)) is None
