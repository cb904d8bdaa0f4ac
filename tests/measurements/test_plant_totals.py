"""The plant's totals: which devices make them up, and how energy flows between production, consumption and grid."""

import datetime as dt
from uuid import UUID

import numpy as np
import pytest

from apps.measurements import store
from apps.measurements.totals import Measured, counted, plant_totals
from apps.plants.models import Plant
from tests.measurements.sites import (
    BATTERY,
    CHARGER,
    DAY,
    GRID_METER,
    HEAT_PUMP,
    INVERTER,
    NAN,
    SENSOR,
    TOTAL_METER,
    add_epoch,
    as_dict,
    day,
    make_site,
    month,
    report,
    stored,
    total,
    values,
    write,
)

pytestmark = pytest.mark.django_db
METERED_INVERTER = ("Meter", ("production", "meter"))


# --- Sums --------------------------------------------------------------------------------------------------


def test_powers_add_up_and_are_null_only_where_all_inverters_are_silent():
    plant, [one, two] = make_site(INVERTER, INVERTER)
    write(plant, one, ProdPac={1: 100, 2: 200})
    write(plant, two, ProdPac={2: 50, 3: 0})
    assert total(plant, "ProdPac") == {1: 100, 2: 250, 3: 0}


def test_a_total_counter_never_falls_while_one_inverter_is_silent():
    plant, [one, two] = make_site(INVERTER, INVERTER)
    write(plant, one, ProdEtotal={10: 100, 11: 200, 15: 400})
    write(plant, two, ProdEtotal={11: 1000, 12: 1100, 14: 1300})
    assert total(plant, "ProdEtotal") == {10: 100, 11: 1200, 12: 1300, 14: 1500, 15: 1700}


def test_the_totals_do_not_hold_on_into_slots_of_which_nothing_is_known():
    plant, [inverter, meter] = make_site(INVERTER, GRID_METER)
    write(plant, inverter, ProdEtotal={100: 500})
    write(plant, meter, GridEtotalIn={100: 50}, GridEtotalOut={100: 200})
    for name in ("ProdEtotal", "ProdEtotalFeed", "ProdEtotalSelf", "ConsEtotal", "ConsEtotalCov", "ConsEtotalUncov"):
        assert list(total(plant, name)) == [100], name


def test_meters_that_count_production_count():
    plant, [inverter, meter, whole] = make_site(INVERTER, METERED_INVERTER, GRID_METER)
    write(plant, inverter, ProdPac={1: 100})
    write(plant, meter, ProdPac={1: 20})
    write(plant, whole, ProdPac={1: 119})
    assert total(plant, "ProdPac") == {1: 120}


def test_only_devices_themselves_are_summed_and_not_their_trackers():
    plant, [inverter] = make_site(INVERTER)
    write(plant, inverter, ProdPdc={1: 100})
    write(plant, inverter, DAY, 1, ProdPdc={1: 60})
    assert total(plant, "ProdPdc") == {1: 100}


def test_the_state_of_charge_is_a_mean_over_the_batteries_that_tell():
    plant, [one, two] = make_site(BATTERY, BATTERY)
    write(plant, one, BatSoc={1: 40, 2: 50.5}, BatPacCharge={1: 100})
    write(plant, two, BatSoc={1: 80.4}, BatPacCharge={1: 200})
    assert total(plant, "BatSoc") == {1: 60.2, 2: 50.5}
    assert total(plant, "BatPacCharge") == {1: 300}


def test_a_total_meter_contains_chargers_and_heat_pumps():
    plant, [meter, charger] = make_site(TOTAL_METER, CHARGER)
    write(plant, charger, ConsPac={1: 700, 2: 700}, ConsEtotal={1: 10, 2: 20})
    write(plant, meter, ConsPac={1: 900}, ConsEtotal={1: 50})
    assert total(plant, "ConsPac") == {1: 900}
    assert total(plant, "ConsEtotal") == {1: 50}


def test_where_the_total_meter_is_silent_all_day_the_chargers_are_not_the_plants_consumption():
    plant, [_, charger] = make_site(TOTAL_METER, CHARGER)
    write(plant, charger, ConsPac={1: 700}, ConsEtotal={1: 10})
    assert total(plant, "ConsPac") == {}
    assert total(plant, "ConsEtotal") == {}


def test_a_meter_of_power_alone_is_not_mixed_with_the_energy_of_chargers():
    plant, [_, meter, charger] = make_site(INVERTER, TOTAL_METER, CHARGER)
    write(plant, charger, ConsPac={1: 120, 2: 120}, ConsEtotal={1: 10, 2: 20})
    write(plant, meter, ConsPac={1: 1200, 2: 2400})
    assert total(plant, "ConsEtotal") == {1: 100, 2: 300}  # 1200 W and 2400 W for 5 minutes each


def test_without_a_total_meter_the_consumers_are_summed():
    plant, [charger, pump] = make_site(CHARGER, HEAT_PUMP)
    write(plant, charger, ConsPac={1: 700}, ConsEtotal={1: 10})
    write(plant, pump, ConsPac={1: 300, 2: 400}, ConsEtotal={1: 5, 2: 6})
    assert total(plant, "ConsPac") == {1: 1000, 2: 400}
    assert total(plant, "ConsEtotal") == {1: 15, 2: 16}


def test_a_device_is_what_the_epoch_of_the_day_says():
    plant, [_, meter] = make_site(INVERTER, TOTAL_METER)
    add_epoch(plant, DAY, INVERTER, GRID_METER, ids=[None, meter])
    for at in (DAY - dt.timedelta(days=1), DAY):
        write(plant, meter, at, ConsPac={1: 300})
    assert total(plant, "ConsPac", DAY - dt.timedelta(days=1)) == {1: 300}
    assert total(plant, "ConsPac") == {}


def test_a_meter_that_comes_later_does_not_silence_the_chargers_of_today():
    plant, [charger] = make_site(CHARGER)
    add_epoch(plant, DAY + dt.timedelta(days=1), CHARGER, TOTAL_METER, ids=[charger])
    write(plant, charger, ConsPac={1: 300})
    assert total(plant, "ConsPac") == {1: 300}


def test_a_replaced_inverter_and_its_successor_both_count_on_their_days():
    plant, [old] = make_site(INVERTER)
    [new] = add_epoch(plant, DAY, INVERTER)
    write(plant, old, DAY - dt.timedelta(days=1), ProdEtotal={200: 900})
    write(plant, new, DAY, ProdEtotal={200: 1000})
    write(plant, old, DAY, ProdEtotal={10: 7})  # delivered late, on the day it was taken down
    assert month(plant, plant.datasource_id, "ProdEtotal") == {14: 900, 15: 1007}


def test_values_before_the_first_epoch_are_summed_as_what_the_device_became():
    plant, [inverter] = make_site(INVERTER)
    write(plant, inverter, dt.date(1999, 12, 31), ProdPac={1: 5})
    assert total(plant, "ProdPac", dt.date(1999, 12, 31)) == {1: 5}


# --- Values delivered for the plant as a whole -------------------------------------------------------------


def test_a_plant_without_components_keeps_what_was_delivered_for_it():
    plant, _ = make_site()
    assert write(plant, plant.datasource_id, ProdPac={1: 100, 2: 200}, ProdEtotal={2: 17}) == 3
    assert total(plant, "ProdPac") == {1: 100, 2: 200}
    assert month(plant, plant.datasource_id, "ProdEtotal") == {15: 17}
    assert write(plant, plant.datasource_id, ProdPac={2: 250}) == 1
    assert total(plant, "ProdPac") == {1: 100, 2: 250}


@pytest.mark.parametrize("plant_first", [True, False])
def test_components_outrank_what_was_delivered_for_the_plant(plant_first: bool):
    plant, [inverter] = make_site(INVERTER)
    readings = [
        day(plant, plant.datasource_id, ProdPac={1: 100, 2: 200}, ConsPac={1: 30}),
        day(plant, inverter, ProdPac={2: 222, 3: 333}),
    ]
    for reading in readings if plant_first else reversed(readings):
        store.write(plant, [reading])
    assert total(plant, "ProdPac") == {1: 100, 2: 222, 3: 333}
    assert total(plant, "ConsPac") == {1: 30}


def test_writing_outranked_values_again_changes_nothing():
    plant, [inverter] = make_site(INVERTER)
    write(plant, inverter, ProdPac={1: 90})
    assert write(plant, plant.datasource_id, ProdPac={1: 100}) == 1
    before = stored(plant)
    assert write(plant, plant.datasource_id, ProdPac={1: 100}) == 0
    assert (stored(plant), total(plant, "ProdPac")) == (before, {1: 90})


# --- Flows -------------------------------------------------------------------------------------------------


def flows(plant: Plant, kind: str) -> dict[str, dict[int, float]]:
    names = (f"Cons{kind}", f"Prod{kind}Self", f"Prod{kind}Feed", f"Cons{kind}Cov", f"Cons{kind}Uncov")
    return {name: total(plant, name) for name in names}


def test_with_consumption_measured_and_no_grid_meter_the_surplus_is_fed_in():
    plant, [inverter, meter] = make_site(INVERTER, TOTAL_METER)
    write(plant, inverter, ProdPac={100: 1200, 101: 6000, 102: 0, 103: 2400})
    write(plant, meter, ConsPac={100: 2400, 101: 2400, 102: 1200})
    assert flows(plant, "Pac") == {
        "ConsPac": {100: 2400, 101: 2400, 102: 1200},
        "ProdPacSelf": {100: 1200, 101: 2400, 102: 0},
        "ProdPacFeed": {100: 0, 101: 3600, 102: 0},
        "ConsPacCov": {100: 1200, 101: 2400, 102: 0},
        "ConsPacUncov": {100: 1200, 101: 0, 102: 1200},
    }


def test_without_grid_counters_energy_is_split_by_power_and_the_parts_are_the_whole():
    plant, [inverter, meter] = make_site(INVERTER, TOTAL_METER)
    write(plant, inverter, ProdPac={100: 1200, 101: 6000, 102: 0}, ProdEtotal={100: 100, 101: 601, 102: 601})
    write(plant, meter, ConsPac={100: 2400, 101: 2400, 102: 1200}, ConsEtotal={100: 200, 101: 401, 102: 500})
    assert flows(plant, "Etotal") == {
        "ConsEtotal": {100: 200, 101: 401, 102: 500},
        "ProdEtotalSelf": {100: 100, 101: 300, 102: 300},  # 1200 W, then 2400 W, for 5 minutes each
        "ProdEtotalFeed": {100: 0, 101: 301, 102: 301},
        "ConsEtotalCov": {100: 100, 101: 300, 102: 300},
        "ConsEtotalUncov": {100: 100, 101: 101, 102: 200},
    }


def test_what_is_consumed_while_the_inverter_is_silent_counts_as_uncovered_energy():
    plant, [inverter, meter] = make_site(INVERTER, TOTAL_METER)
    write(plant, meter, ConsPac={50: 1200, 100: 1200, 250: 1200}, ConsEtotal={50: 100, 100: 200, 250: 300})
    write(plant, inverter, ProdPac={100: 1200}, ProdEtotal={100: 100})
    assert total(plant, "ConsPacUncov") == {100: 0}  # of a power nothing can be said
    assert total(plant, "ConsEtotalCov") == {50: 0, 100: 100, 250: 100}
    assert total(plant, "ConsEtotalUncov") == {50: 100, 100: 100, 250: 200}


def test_with_a_grid_meter_consumption_is_what_remains():
    plant, [inverter, meter] = make_site(INVERTER, GRID_METER)
    write(plant, inverter, ProdPac={100: 5000, 101: 100}, ProdEtotal={100: 10_000, 101: 10_008})
    write(
        plant,
        meter,
        GridPacIn={100: 0, 101: 900},
        GridPacOut={100: 3000, 101: 0},
        GridEtotalIn={100: 2000, 101: 2075},
        GridEtotalOut={100: 6000, 101: 6000},
    )
    assert flows(plant, "Pac") == {
        "ConsPac": {100: 2000, 101: 1000},
        "ProdPacSelf": {100: 2000, 101: 100},
        "ProdPacFeed": {100: 3000, 101: 0},
        "ConsPacCov": {100: 2000, 101: 100},
        "ConsPacUncov": {100: 0, 101: 900},
    }
    assert flows(plant, "Etotal") == {
        "ConsEtotal": {100: 6000, 101: 6083},
        "ProdEtotalSelf": {100: 4000, 101: 4008},
        "ProdEtotalFeed": {100: 6000, 101: 6000},
        "ConsEtotalCov": {100: 4000, 101: 4008},
        "ConsEtotalUncov": {100: 2000, 101: 2075},
    }


def test_a_battery_takes_from_and_gives_to_the_balance():
    plant, [inverter, meter, battery] = make_site(INVERTER, GRID_METER, BATTERY)
    write(plant, inverter, ProdPac={100: 5000, 200: 0})
    write(plant, battery, BatPacCharge={100: 1500, 200: 0}, BatPacDischarge={100: 0, 200: 700})
    write(plant, meter, GridPacIn={100: 0, 200: 100}, GridPacOut={100: 2500, 200: 0})
    assert total(plant, "ConsPac") == {100: 1000, 200: 800}
    assert total(plant, "ProdPacSelf") == {100: 2500, 200: 0}
    assert total(plant, "ConsPacCov") == {100: 1000, 200: 700}


def test_a_battery_without_a_grid_meter_shapes_what_is_fed_in_and_drawn():
    plant, [inverter, meter, battery] = make_site(INVERTER, TOTAL_METER, BATTERY)
    write(plant, inverter, ProdPac={100: 5000, 200: 0})
    write(plant, meter, ConsPac={100: 1000, 200: 800})
    write(plant, battery, BatPacCharge={100: 1500, 200: 0}, BatPacDischarge={100: 0, 200: 700})
    assert total(plant, "ProdPacFeed") == {100: 2500, 200: 0}
    assert total(plant, "ConsPacUncov") == {100: 0, 200: 100}


def test_a_battery_that_only_tells_its_discharge_is_heeded():
    plant, [inverter, meter, battery] = make_site(INVERTER, TOTAL_METER, BATTERY)
    write(plant, inverter, ProdPac={200: 0})
    write(plant, meter, ConsPac={200: 800})
    write(plant, battery, BatPacDischarge={200: 700})
    assert total(plant, "ConsPacUncov") == {200: 100}


@pytest.mark.parametrize("measured", ["In", "Out"])
def test_where_the_grid_is_measured_one_way_the_other_follows_from_the_balance(measured: str):
    plant, [inverter, consumption, meter] = make_site(INVERTER, TOTAL_METER, GRID_METER)
    write(plant, inverter, ProdEtotal={100: 10_000})
    write(plant, consumption, ConsEtotal={100: 6000})
    write(plant, meter, **{f"GridEtotal{measured}": {100: 2000 if measured == "In" else 6000}})
    assert flows(plant, "Etotal") == {
        "ConsEtotal": {100: 6000},
        "ProdEtotalSelf": {100: 4000},
        "ProdEtotalFeed": {100: 6000},
        "ConsEtotalCov": {100: 4000},
        "ConsEtotalUncov": {100: 2000},
    }


def test_a_feed_in_meter_alone_tells_feed_in_and_self_consumption():
    plant, [inverter, meter] = make_site(INVERTER, GRID_METER)
    write(plant, inverter, ProdEtotal={100: 1000})
    write(plant, meter, GridEtotalOut={100: 1010})  # more than was produced cannot have been fed in from production
    assert flows(plant, "Etotal") == {
        "ConsEtotal": {},
        "ProdEtotalSelf": {100: 0},
        "ProdEtotalFeed": {100: 1000},
        "ConsEtotalCov": {},
        "ConsEtotalUncov": {},
    }


def test_grid_power_without_counters_still_gives_consumed_energy():
    plant, [inverter, meter] = make_site(INVERTER, GRID_METER)
    write(plant, inverter, ProdPac={100: 2400, 101: 1200}, ProdEtotal={100: 200, 101: 300})
    write(plant, meter, GridPacIn={100: 0, 101: 600}, GridPacOut={100: 1200, 101: 0})
    assert flows(plant, "Etotal") == {
        "ConsEtotal": {100: 100, 101: 250},
        "ProdEtotalSelf": {100: 100, 101: 200},
        "ProdEtotalFeed": {100: 100, 101: 100},
        "ConsEtotalCov": {100: 100, 101: 200},
        "ConsEtotalUncov": {100: 0, 101: 50},
    }


def test_a_gap_of_the_grid_meter_does_not_turn_into_self_consumption():
    plant, [inverter, meter] = make_site(INVERTER, GRID_METER)
    write(plant, inverter, ProdEtotal={100: 1000, 110: 9000, 120: 10_000})
    write(plant, meter, GridEtotalIn={100: 50, 120: 50}, GridEtotalOut={100: 800, 120: 9500})
    assert total(plant, "ProdEtotalSelf") == {100: 200, 120: 500}
    assert total(plant, "ConsEtotal") == {100: 250, 120: 550}


def test_counters_of_flows_never_fall():
    plant, [inverter, meter] = make_site(INVERTER, GRID_METER)
    write(plant, inverter, ProdEtotal={100: 1000, 101: 1100, 102: 1300})
    write(plant, meter, GridEtotalOut={100: 500, 101: 700, 102: 700})
    assert total(plant, "ProdEtotalSelf") == {100: 400, 101: 400, 102: 600}


def test_consumption_from_the_balance_goes_on_at_night_while_the_inverter_is_silent():
    plant, [inverter, meter] = make_site(INVERTER, GRID_METER)
    write(plant, inverter, ProdEtotal={100: 1000, 200: 8000})
    write(plant, meter, GridEtotalIn={50: 300, 100: 400, 200: 400, 280: 900})
    write(plant, meter, GridEtotalOut={50: 0, 100: 200, 200: 6000, 280: 6000})
    assert total(plant, "ConsEtotal") == {50: 300, 100: 1200, 200: 2400, 280: 2900}
    assert total(plant, "ConsEtotalUncov") == {50: 300, 100: 400, 200: 400, 280: 900}
    assert total(plant, "ConsEtotalCov") == {50: 0, 100: 800, 200: 2000, 280: 2000}
    assert total(plant, "ProdEtotalSelf") == {100: 800, 200: 2000}
    assert month(plant, plant.datasource_id, "ProdEtotalFeed") == {15: 6000}


def test_production_alone_says_nothing_about_flows():
    plant, [inverter, sensor] = make_site(INVERTER, SENSOR)
    write(plant, inverter, ProdPac={1: 100}, ProdEtotal={1: 10})
    write(plant, sensor, Irradiation={1: 500})
    assert not any((flows(plant, "Pac") | flows(plant, "Etotal")).values())


def test_a_meter_that_comes_late_rewrites_the_flows_of_the_day():
    plant, [inverter, consumption, meter] = make_site(INVERTER, TOTAL_METER, GRID_METER)
    write(plant, inverter, ProdPac={100: 1200}, ProdEtotal={100: 1000})
    write(plant, consumption, ConsPac={100: 600}, ConsEtotal={100: 400})
    assert total(plant, "ProdEtotalFeed") == {100: 950}
    write(plant, meter, GridEtotalIn={100: 0}, GridEtotalOut={100: 600})
    assert total(plant, "ProdEtotalFeed") == {100: 600}
    assert month(plant, plant.datasource_id, "ProdEtotalSelf") == {15: 400}


# --- A whole day of DST ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "count", "energy"), [(dt.date(2025, 3, 30), 276, 2300), (dt.date(2025, 10, 26), 300, 2500)]
)
def test_constant_power_makes_the_energy_of_the_hours_that_the_day_really_has(at: dt.date, count: int, energy: int):
    plant, [inverter, meter] = make_site(INVERTER, TOTAL_METER)
    power = np.full(count, 100.0)
    energies = np.floor(np.arange(1, count + 1) * 100 / 12 + 1e-6)
    write(plant, inverter, at, ProdPac=power, ProdEtotal=energies)
    write(plant, meter, at, ConsPac=power * 2, ConsEtotal=energies * 2)
    first = at.replace(day=1)
    assert month(plant, plant.datasource_id, "ProdEtotal", first) == {at.day: energy}
    assert month(plant, plant.datasource_id, "ProdEtotalSelf", first) == {at.day: energy}
    assert month(plant, plant.datasource_id, "ConsEtotalUncov", first) == {at.day: energy}
    assert month(plant, plant.datasource_id, "ProdPac", first) == {at.day: 100}


# --- Reports add up like slots -----------------------------------------------------------------------------


def test_reports_of_a_charger_do_not_become_consumption_beside_a_total_meter():
    plant, [meter, charger] = make_site(TOTAL_METER, CHARGER)
    report(plant, charger, ConsEtotal=500)
    assert month(plant, plant.datasource_id, "ConsEtotal") == {}
    write(plant, meter, ConsEtotal={200: 3000})
    assert month(plant, plant.datasource_id, "ConsEtotal") == {15: 3000}


# --- The pure functions ------------------------------------------------------------------------------------


def test_a_counter_is_worth_its_last_value_and_zero_before_its_first():
    assert counted(np.array([NAN, 5, NAN, NAN, 9, NAN])).tolist() == [0, 5, 5, 5, 9, 9]
    assert counted(np.array([NAN, NAN])).tolist() == [0, 0]
    assert counted(np.empty(0)).tolist() == []


def test_totals_of_no_devices_and_of_silent_devices_are_nothing():
    assert plant_totals([]) == {}
    silent = Measured("Inverter", frozenset(["production"]), {"ProdPac": values({})})
    assert as_dict(plant_totals([silent])["ProdPac"]) == {}


def test_a_component_of_a_foreign_plant_is_not_summed(db: None):
    plant, [inverter] = make_site(INVERTER)
    other: UUID = make_site(INVERTER)[1][0]
    store.write(plant, [day(plant, inverter, ProdPac={1: 1}), day(plant, other, ProdPac={1: 99})])
    assert total(plant, "ProdPac") == {1: 1}
