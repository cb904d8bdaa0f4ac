"""Plants, epochs and devices: what a folder's base_vars.js makes of them, and what it leaves alone."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

from apps.accounts.models import AuditEntry, Portal
from apps.plants.models import Component, Plant
from tests.ingest.folders import (
    ONE_INVERTER,
    TWO_INVERTERS,
    day_values,
    device,
    everything,
    import_solarlog,
    minute_file,
    plant_of,
    reasons,
    write,
)

REPLACED = ONE_INVERTER.replace("2100000001", "2100000999").replace('"Roof"', '"New roof"')


def days(*dates: str, block: str = "500;550;3000;400") -> dict[str, str]:
    """Minute files with one record at noon of each day, given as DD.MM.YY."""
    return {f"min{d[6:]}{d[3:5]}{d[:2]}": minute_file(f"{d} 12:00:00|{block}") for d in dates}


def epochs(plant: Plant) -> list[tuple[str, list[str]]]:
    """First day and serial numbers of each epoch."""
    return [
        (epoch.active_from.isoformat(), [c.serial for c in epoch.components.order_by("dataindex")])
        for epoch in plant.epochs.order_by("active_from")
    ]


def test_a_new_plant_takes_what_the_logger_knows(sunny: Portal, tmp_path: Path) -> None:
    done = import_solarlog(write(tmp_path, base_vars=TWO_INVERTERS, **days("01.07.25")), sunny)
    plant = plant_of(done)
    assert done["created"] is True
    assert (plant.label, plant.size, plant.timezone) == ("Roof", 6200, "Europe/Berlin")
    assert plant.feed_in_tariff == Decimal("0.51800")
    assert (plant.yearly_target, plant.currency) == (900, "EUR")
    assert plant.monthly_shares == [2, 6, 9, 11, 12, 13, 13, 12, 10, 7, 3, 2]
    assert plant.installation_date == dt.date(2006, 3, 15)
    assert (plant.vendor, plant.device_name, plant.identifier) == ("Solar-Log", "Solar-Log 500", "273452489")
    assert (plant.firmware, plant.firmware_date) == ("2.8.4 Build 56", dt.date(2014, 1, 27))
    assert plant.address is not None
    assert (plant.address.postal_code, plant.address.country) == ("92266", "DE")
    assert plant.last_transfer_type == ""
    assert AuditEntry.objects.get(action="plant.created").subject == str(plant.id)
    first = device(plant, 0)
    assert (first.type, first.classes, first.name, first.serial, first.vendor, first.size) == (
        "Inverter",
        ["production"],
        "SB 4200 TL",
        "1100082120",
        "SMA",
        4100,
    )


def test_the_last_transfer_is_the_latest_record(sunny: Portal, tmp_path: Path) -> None:
    folder = write(tmp_path, base_vars=ONE_INVERTER, **days("01.07.25", "02.07.25"))
    plant = plant_of(import_solarlog(folder, sunny))
    assert plant.last_transfer == dt.datetime(2025, 7, 2, 10, tzinfo=dt.UTC)
    assert plant.last_transfer_type == "IMPORT"
    older = write(tmp_path / "older", base_vars=ONE_INVERTER, **days("01.06.25"))
    assert plant_of(import_solarlog(older, sunny)).last_transfer == plant.last_transfer


def test_what_a_person_corrected_is_not_overwritten(sunny: Portal, tmp_path: Path) -> None:
    folder = write(tmp_path, base_vars=ONE_INVERTER, **days("01.07.25"))
    plant = plant_of(import_solarlog(folder, sunny))
    Plant.objects.filter(id=plant.id).update(size=5200, feed_in_tariff=Decimal("0.1"))
    plant = plant_of(import_solarlog(folder, sunny))
    assert (plant.size, plant.feed_in_tariff) == (5200, Decimal("0.10000"))


def test_the_same_configuration_extends_its_epoch_backwards(sunny: Portal, tmp_path: Path) -> None:
    plant = plant_of(import_solarlog(write(tmp_path / "a", base_vars=ONE_INVERTER, **days("10.07.25")), sunny))
    before = device(plant).cross_epoch_id
    import_solarlog(write(tmp_path / "b", base_vars=ONE_INVERTER, **days("01.07.25")), sunny)
    import_solarlog(write(tmp_path / "c", base_vars=ONE_INVERTER, **days("20.07.25")), sunny)
    assert epochs(plant) == [("2025-07-01", ["2100000001"])]
    assert device(plant).cross_epoch_id == before


def test_other_chart_scales_are_the_same_configuration(sunny: Portal, tmp_path: Path) -> None:
    scaled = TWO_INVERTERS.replace("4100,25000,600000,5000000", "4500,40000,650000,5000000")
    block = "3000;1500;1600;9000;400;390|1500;1580;4500;380;41"
    import_solarlog(write(tmp_path / "a", base_vars=TWO_INVERTERS, **days("01.07.25", block=block)), sunny)
    done = import_solarlog(write(tmp_path / "b", base_vars=scaled, **days("02.07.25", block=block)), sunny)
    assert len(epochs(plant_of(done))) == 1


def test_a_replaced_inverter_begins_an_epoch_with_its_first_day(sunny: Portal, tmp_path: Path) -> None:
    plant = plant_of(import_solarlog(write(tmp_path / "a", base_vars=ONE_INVERTER, **days("01.07.25")), sunny))
    old = device(plant).cross_epoch_id
    import_solarlog(write(tmp_path / "b", base_vars=REPLACED, **days("10.07.25", "11.07.25")), sunny)
    assert epochs(plant) == [("2025-07-01", ["2100000001"]), ("2025-07-10", ["2100000999"])]
    assert device(plant).cross_epoch_id != old
    assert day_values(plant, "2025-07-10", "ProdPac") == {"12:00": 500}


def test_a_device_that_stays_keeps_its_identity_across_epochs(sunny: Portal, tmp_path: Path) -> None:
    block = "3000;1500;1600;9000;400;390|1500;1580;4500;380;41"
    changed = TWO_INVERTERS.replace("2000132324", "2000999999")
    import_solarlog(write(tmp_path / "a", base_vars=TWO_INVERTERS, **days("01.07.25", block=block)), sunny)
    done = import_solarlog(write(tmp_path / "b", base_vars=changed, **days("10.07.25", block=block)), sunny)
    ids = [
        [c.cross_epoch_id for c in Component.objects.filter(epoch=e).order_by("dataindex")]
        for e in plant_of(done).epochs.order_by("active_from")
    ]
    assert ids[0][0] == ids[1][0]
    assert ids[0][1] != ids[1][1]


def test_without_a_serial_number_index_and_name_identify(sunny: Portal, tmp_path: Path) -> None:
    addressed = ONE_INVERTER.replace("2100000001", "12")
    larger = addressed.replace(",5000,1,", ",6000,1,")
    plant = plant_of(import_solarlog(write(tmp_path / "a", base_vars=addressed, **days("01.07.25")), sunny))
    before = device(plant)
    import_solarlog(write(tmp_path / "b", base_vars=larger, **days("10.07.25")), sunny)
    assert (before.serial, epochs(plant)) == ("", [("2025-07-01", [""]), ("2025-07-10", [""])])
    assert device(plant).cross_epoch_id == before.cross_epoch_id


def test_days_already_delivered_keep_their_configuration(sunny: Portal, tmp_path: Path) -> None:
    """A logger's folder copied again after a change still holds the old days: they must not count twice."""
    plant = plant_of(
        import_solarlog(write(tmp_path / "a", base_vars=ONE_INVERTER, **days("01.07.25", "02.07.25")), sunny)
    )
    copied = write(tmp_path / "b", base_vars=REPLACED, **days("01.07.25", "02.07.25", "03.07.25"))
    done = import_solarlog(copied, sunny)
    assert epochs(plant) == [("2025-07-01", ["2100000001"]), ("2025-07-03", ["2100000999"])]
    assert day_values(plant, "2025-07-02", "ProdPac", None) == {"12:00": 500}
    assert done["rejected"] == []
    assert import_solarlog(copied, sunny)["values_stored"] == 0


def test_a_configuration_without_a_day_of_its_own_is_reported(sunny: Portal, tmp_path: Path) -> None:
    import_solarlog(write(tmp_path / "a", base_vars=ONE_INVERTER, **days("01.07.25")), sunny)
    done = import_solarlog(write(tmp_path / "b", base_vars=REPLACED, **days("01.07.25")), sunny)
    reason = "another configuration than the plant had on these days: begins with its first new day"
    assert reasons(done) == [("base_vars.js", 0, reason)]
    assert epochs(plant_of(done)) == [("2025-07-01", ["2100000001"])]


def test_the_order_of_folders_makes_no_difference(sunny: Portal, tmp_path: Path) -> None:
    one = write(tmp_path / "one", base_vars=ONE_INVERTER, **days("01.07.25", "02.07.25"))
    two = write(tmp_path / "two", base_vars=REPLACED, **days("10.07.25"))
    three = write(tmp_path / "three", base_vars=REPLACED, **days("05.07.25"))
    plants = []
    for label, folders in {"A": (one, two, three), "B": (three, two, one), "C": (two, one, three)}.items():
        plants.append([plant_of(import_solarlog(f, sunny, label=label)) for f in folders][-1])
    assert {str(epochs(plant)) for plant in plants} == {
        "[('2025-07-01', ['2100000001']), ('2025-07-05', ['2100000999'])]"
    }
    assert everything(plants[0]) == everything(plants[1]) == everything(plants[2])


def test_two_devices_with_one_serial_number_are_two_devices(sunny: Portal, tmp_path: Path) -> None:
    doubled = TWO_INVERTERS.replace("2000132324", "1100082120")
    done = import_solarlog(write(tmp_path, base_vars=doubled), sunny)
    plant = plant_of(done)
    assert device(plant, 0).cross_epoch_id != device(plant, 1).cross_epoch_id
    assert [entry["reason"] for entry in done["rejected"]] == ["serial number of an earlier device"]
