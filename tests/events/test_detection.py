"""Troubles found in measurements become events: once each, from and to, over midnight, and again after late data."""

import datetime as dt
import itertools
import random
from pathlib import Path

import pytest
from django.utils import translation

from apps.accounts.models import Portal
from apps.events import codes, detection
from apps.events.codes import FOUND, Kind
from apps.events.models import ComponentEvent, PlantWatch
from apps.ingest.solarlog.folder import import_folder
from apps.ingest.target import Target
from apps.plants.models import Component, Epoch, Plant
from tests.events.plant_days import DAY, JUNE_10, Changes, at, detected, device, make_watched_plant, write_day

NAN = float("nan")
SILENT = "Inverter does not produce although the sun shines"
NO_DATA = "Plant delivers no data"
LOW = "delivers less than its siblings"


@pytest.fixture
def plant(sunny: Portal) -> Plant:
    """With a clear day before JUNE_10."""
    made = make_watched_plant(sunny)
    write_day(made, JUNE_10 - DAY)
    return made


def evening(plant: Plant, day: dt.date = JUNE_10) -> dt.datetime:
    return at(plant, day, 22)


CASES: list[tuple[Changes, tuple[str, str, str, str | None]]] = [
    ({("inverter 2", "ProdPac"): (10, 12, 0)}, ("inverter 2", SILENT, "10. 10:00", "10. 12:00")),
    ({("inverter 2", "ProdPac"): (10, 12, NAN)}, ("inverter 2", SILENT, "10. 10:00", "10. 12:00")),
    (
        {("inverter 1", "ProdPdc-2"): (6, 24, 0)},
        ("inverter 1", f"MPP tracker 2 {LOW}", "10. 13:00", None),
    ),
    (
        {("inverter 1", "ProdEtotal"): (9, 13, 3_950)},
        (
            "inverter 1",
            "Counter stands still although there is power: Production, energy",
            "10. 10:00",
            "10. 13:00",
        ),
    ),
    (
        {("grid", "GridEtotalIn"): (12, 13, 0)},
        ("grid", "Counter falls: Drawn from the grid, energy", "10. 12:00", "10. 13:00"),
    ),
    (
        {("sensor", "Irradiation"): (10, 14, 431)},
        ("sensor", "Always the same value: Irradiance", "10. 12:00", "10. 14:00"),
    ),
    (
        {("sensor", "Irradiation"): (10, 11, 6_553)},
        ("sensor", "Value beyond what is physical: Irradiance", "10. 10:00", "10. 11:00"),
    ),
    (
        {("sensor", "Irradiation"): (10, 13, NAN)},
        ("sensor", "Component delivers no data", "10. 10:00", "10. 13:00"),
    ),
]


@pytest.mark.parametrize(("changes", "event"), CASES, ids=[case[1][1] for case in CASES])
def test_a_trouble_is_found_alone(plant: Plant, changes: Changes, event: tuple[str, str, str, str | None]):
    write_day(plant, changes=changes)
    detection.detect(plant, JUNE_10, evening(plant))
    assert detected(plant) == [event]


def test_a_clear_day_has_no_events(plant: Plant):
    write_day(plant)
    detection.detect_days(plant, JUNE_10 - DAY, JUNE_10, evening(plant))
    assert detected(plant) == []


def test_a_silent_plant_is_one_event_and_blames_no_component(plant: Plant):
    write_day(plant, until=11)
    detection.detect(plant, JUNE_10, at(plant, JUNE_10, 12.5))
    assert detected(plant) == []
    detection.detect(plant, JUNE_10, at(plant, JUNE_10, 13.5))
    assert detected(plant) == [("plant", NO_DATA, "10. 11:00", None)]
    event = ComponentEvent.objects.get()
    assert (event.device_id, event.severity) == (plant.datasource_id, "error")


def test_a_plant_before_its_first_data_is_not_silent(sunny: Portal):
    plant = make_watched_plant(sunny)
    detection.detect_days(plant, JUNE_10 - DAY, JUNE_10 + DAY, evening(plant, JUNE_10 + DAY))
    write_day(plant, changes={})
    detection.detect(plant, JUNE_10, evening(plant))
    assert detected(plant) == []


def test_judging_every_few_minutes_extends_the_one_event_and_closes_it(plant: Plant):
    seen = []
    for hour in (9, 10.25, 10.6, 11, 12, 13):
        write_day(plant, changes={("inverter 2", "ProdPac"): (10, min(hour, 12), 0)}, until=hour)
        detection.detect(plant, JUNE_10, at(plant, JUNE_10, hour))
        seen.append([(begin, end) for _, _, begin, end in detected(plant)])
    open_ = [("10. 10:00", None)]
    assert seen == [[], [], open_, open_, open_, [("10. 10:00", "10. 12:00")]]
    assert ComponentEvent.objects.count() == 1


# --- Over midnight ---------------------------------------------------------------------------------------------------

DAYS = [JUNE_10 + n * DAY for n in range(4)]
BROKEN: Changes = {("inverter 2", "ProdPac"): (0, 24, 0)}
FROM_NOON: Changes = {("inverter 2", "ProdPac"): (12, 24, 0)}
LONG = ("inverter 2", SILENT, "10. 12:00", "13. 06:10")


def write_long_trouble(plant: Plant) -> None:
    """From noon of the first day to the end of the third."""
    for day, changes in zip(DAYS, (FROM_NOON, BROKEN, BROKEN, {}), strict=True):
        write_day(plant, day, changes)


def test_a_trouble_of_several_days_is_one_event(plant: Plant):
    write_long_trouble(plant)
    for day in DAYS:
        detection.detect(plant, day, evening(plant, day))
    assert detected(plant) == [LONG]


def test_judging_a_day_again_changes_nothing(plant: Plant):
    write_long_trouble(plant)
    detection.detect_days(plant, DAYS[0], DAYS[-1], evening(plant, DAYS[-1]))
    before = list(ComponentEvent.objects.values())
    for day in [*DAYS, *reversed(DAYS)]:
        detection.detect(plant, day, evening(plant, DAYS[-1]))
    assert list(ComponentEvent.objects.values()) == before


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_days_may_be_judged_in_any_order(plant: Plant, order: tuple[int, ...]):
    write_long_trouble(plant)
    for place in order:
        detection.detect(plant, DAYS[place], evening(plant, DAYS[-1]))
    assert detected(plant) == [LONG]


def test_late_data_split_and_join_events(plant: Plant):
    write_long_trouble(plant)
    now = evening(plant, DAYS[-1])
    detection.detect_days(plant, DAYS[0], DAYS[-1], now)
    write_day(plant, DAYS[1])  # it worked on that day after all
    detection.detect(plant, DAYS[1], now)
    assert detected(plant) == [
        ("inverter 2", SILENT, "10. 12:00", "11. 06:10"),
        ("inverter 2", SILENT, "12. 06:30", "13. 06:10"),
    ]
    write_day(plant, DAYS[1], BROKEN)
    detection.detect(plant, DAYS[1], now)
    assert detected(plant) == [LONG]


def test_late_data_make_a_false_event_go(plant: Plant):
    write_day(plant, until=11)
    detection.detect(plant, JUNE_10, evening(plant))
    assert len(detected(plant)) == 1
    write_day(plant)  # the logger was only late
    detection.detect(plant, JUNE_10, evening(plant))
    assert detected(plant) == []


def test_any_order_of_data_and_judgement_ends_the_same(plant: Plant):
    chance = random.Random(5)
    for _ in range(12):
        day = chance.choice(DAYS)
        write_day(plant, day, chance.choice([{}, FROM_NOON, BROKEN]))
        detection.detect(plant, day, evening(plant, DAYS[-1]))
    once = detected(plant)
    ComponentEvent.objects.all().delete()
    detection.detect_days(plant, DAYS[0], DAYS[-1], evening(plant, DAYS[-1]))
    assert detected(plant) == once


def test_the_events_of_a_replaced_device_end_with_its_last_day(plant: Plant):
    write_day(plant, changes=FROM_NOON)
    detection.detect(plant, JUNE_10, evening(plant))
    old = device(plant, "inverter 1")
    epoch = Epoch.objects.create(plant=plant, active_from=JUNE_10 + DAY)
    Component.objects.create(
        epoch=epoch, cross_epoch_id=old.cross_epoch_id, name=old.name, type=old.type, dataindex=0, channels=["any"]
    )
    detection.detect(plant, JUNE_10 + DAY, at(plant, JUNE_10 + DAY, 8))
    assert detected(plant) == [("inverter 2", SILENT, "10. 12:00", "11. 00:00")]


def test_what_loggers_report_is_left_alone(plant: Plant):
    write_day(plant)
    reported = ComponentEvent.objects.create(
        plant=plant,
        device_id=device(plant, "grid").cross_epoch_id,
        started_at=at(plant, JUNE_10, 9),
        status_code=6,
        severity="error",
    )
    detection.detect(plant, JUNE_10, evening(plant))
    assert ComponentEvent.objects.get() == reported


# --- Codes and texts -------------------------------------------------------------------------------------------------


def test_codes_are_beyond_those_of_loggers_and_fit_the_database():
    assert FOUND > 999_999_999
    assert Kind.STRING_LOW.code(256 + 9_999) == 1_000_210_255
    assert max(kind.code(99_999) for kind in Kind) < 2**31


@pytest.mark.parametrize(
    ("code", "english", "german"),
    [
        (Kind.INVERTER_SILENT.code(), SILENT, "Wechselrichter erzeugt nichts, obwohl die Sonne scheint"),
        (Kind.STRING_LOW.code(258), f"String 2 {LOW}", "String 2 liefert weniger als seine Geschwister"),
        (Kind.STRING_LOW.code(2), f"MPP tracker 2 {LOW}", "MPP-Tracker 2 liefert weniger als seine Geschwister"),
        (Kind.COUNTER_FELL.code(2), "Counter falls: Production, energy", "Zähler fällt: Erzeugung, Energie"),
        (Kind.PLANT_SILENT.code(), NO_DATA, "Anlage liefert keine Daten"),
    ],
)
def test_texts_are_told_in_the_readers_language_and_stored_in_english(code: int, english: str, german: str):
    event = ComponentEvent(status_code=FOUND, error_code=code, error_text=english)
    with translation.override("de"):
        assert codes.english(code) == ("Found by Helioport", english)
        assert (codes.status_text(event), codes.error_text(event)) == ("Von Helioport gefunden", german)


def test_the_texts_of_loggers_stay_as_they_are():
    event = ComponentEvent(status_code=6, status_text="Riso", error_code=12, error_text="Isolation")
    with translation.override("de"):
        assert (codes.status_text(event), codes.error_text(event)) == ("Riso", "Isolation")


# --- All plants ------------------------------------------------------------------------------------------------------


def test_all_plants_are_judged_one_after_the_other(plant: Plant, django_assert_max_num_queries):
    write_day(plant, changes={("inverter 2", "ProdPac"): (10, 12, 0)})
    now = evening(plant)
    waiting = Plant.objects.count()
    assert detection.detect_all(now, limit=1) == 1
    assert detection.detect_all(now) == waiting - 1
    assert detection.detect_all(now) == 0  # judged just now
    assert detected(plant) == [("inverter 2", SILENT, "10. 10:00", "10. 12:00")]
    with django_assert_max_num_queries(3 + 18 * waiting):
        assert detection.detect_all(now + detection.EVERY) == waiting


def test_no_plant_is_begun_when_the_time_is_up(plant: Plant):
    assert detection.detect_all(evening(plant), seconds=-1) == 0


def test_a_deactivated_plant_is_not_judged(plant: Plant):
    write_day(plant, changes={("inverter 2", "ProdPac"): (10, 12, 0)})
    Plant.objects.filter(pk=plant.pk).update(status=Plant.Status.DEACTIVATED)
    detection.detect_all(evening(plant))
    assert detected(plant) == []


def test_a_marked_day_of_the_past_is_judged_again(plant: Plant):
    detection.detect_all(evening(plant, JUNE_10 + 100 * DAY))
    ComponentEvent.objects.all().delete()
    write_day(plant, changes={("inverter 2", "ProdPac"): (10, 12, 0)})
    detection.mark(plant, JUNE_10 + 5 * DAY)
    detection.mark(plant, JUNE_10)
    detection.mark(plant, JUNE_10 + 9 * DAY)
    for step in range(1, 5):
        detection.detect_all(evening(plant, JUNE_10 + 100 * DAY) + step * detection.EVERY)
    assert ("inverter 2", SILENT, "10. 10:00", "10. 12:00") in detected(plant)
    assert PlantWatch.objects.get(plant=plant).from_day is None


# --- Real data: no false alarms --------------------------------------------------------------------------------------


@pytest.mark.parametrize("month", [2, 7])  # snow on 14 and 15 February
def test_a_real_plant_that_worked_has_no_events(shared_data: Path, sunny: Portal, tmp_path: Path, month: int):
    source = shared_data / "solarlog-allwang-dev" / "archive-2025"
    for file in [source / "base_vars.js", *source.glob(f"min25{month:02}*.js")]:
        (tmp_path / file.name).symlink_to(file)
    plant = import_folder(tmp_path, Target("sunny", "Allwang", "Europe/Berlin")).plant
    plant.latitude, plant.longitude = 49.4, 11.8
    first = dt.date(2025, month, 1)
    detection.detect_days(plant, first, first + 27 * DAY, evening(plant, first + 27 * DAY))
    assert detected(plant) == []
