"""However readings come in, and whenever they are packed or that is interrupted: the answers of one clean import."""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.measurements import grid, store
from apps.measurements.channels import BY_NAME
from apps.measurements.models import FreshReading, PlantLatest
from apps.plants.models import Plant
from tests.measurements.sites import (
    DAY,
    GRID_METER,
    INVERTER,
    TOTAL_METER,
    add_epoch,
    channels,
    make_site,
    report,
    report_month,
    stored,
)
from tests.measurements.test_fresh import Crash, crash_after

pytestmark = pytest.mark.django_db
MARCH = dt.date(2025, 3, 1)
DAYS = [dt.date(2025, 3, 29), dt.date(2025, 3, 30), dt.date(2025, 3, 31), dt.date(2025, 10, 26), DAY]
SERIES = [  # device, part, channel
    (0, 0, "ProdPac"),
    (0, 0, "ProdEtotal"),
    (0, 0, "ProdUac"),
    (0, 1, "ProdPdc"),
    (1, 0, "ProdPac"),
    (1, 0, "ProdEtotal"),
    (2, 0, "ConsPac"),
    (2, 0, "ConsEtotal"),
    (3, 0, "GridPacIn"),
    (4, 0, "ProdPac"),  # the plant as a whole
]
ASKED = channels("ProdPac", "ProdEtotal", "ProdUac", "ProdPdc", "ConsPac", "ConsEtotal", "ConsPacCov", "Autarky")


@dataclass(frozen=True)
class Site:
    """A plant that changed in the middle of March, and its devices; the last one is the plant as a whole."""

    plant: Plant
    devices: list[UUID]


def make(zone: str) -> Site:
    plant, devices = make_site(INVERTER, INVERTER, TOTAL_METER, timezone=zone)
    [*_, meter] = add_epoch(plant, dt.date(2025, 3, 30), INVERTER, INVERTER, TOTAL_METER, GRID_METER, ids=devices)
    site = Site(plant, [*devices, meter, plant.datasource_id])
    report_month(plant, devices[0], MARCH, ProdEtotal=9000)
    report(plant, devices[1], DAYS[0], ProdEtotal=4000)
    return site


Reading = tuple[int, int, int, float]  # series, day, slot, value


def point(site: Site, reading: Reading) -> store.Point:
    series, day, slot, value = reading
    device, part, channel = SERIES[series]
    slot = slot % grid.slots(site.plant.zone, DAYS[day])
    at = grid.start(site.plant.zone, DAYS[day]) + slot * grid.SLOT
    return store.Point(site.devices[device], part, channel, at, value)


def readings(site: Site, points: list[store.Point]) -> list[store.DayReadings]:
    """The same as an import gives them to the store."""
    found = []
    for device, part, channel, at, value in points:
        day, slot = grid.locate(site.plant.zone, at)
        values = np.full(grid.slots(site.plant.zone, day), np.nan)
        values[slot] = value
        found.append(store.DayReadings(device, day, {(channel, part): values}))
    return found


def answers(site: Site) -> list[Any]:
    """Everything the store says about a plant, devices named by their places."""
    plant = site.plant
    sources = [store.Source(device, part, 1000) for device in site.devices for part in (0, 1)]
    place = {source: at for at, source in enumerate(sources)}
    first, last = DAYS[0], DAYS[-2]
    days = [
        (day, place[source], channel.name, values.tolist())
        for day, source, channel, values in store.read_days(plant, sources, ASKED, first, last)
    ]
    began, lifetime = store.read_lifetime(plant, sources, ASKED, 2025)
    periods = [
        (place[source], channel.name, values.tolist(), counts.tolist())
        for found in (
            *(store.read_month(plant, sources, ASKED, day.replace(day=1)) for day in DAYS),
            store.read_year(plant, sources, ASKED, 2025),
            lifetime,
        )
        for source, channel, values, counts in found
    ]
    totals = store.read_totals(plant, sources[-2], ASKED[:2], first, last)
    spans = [totals.over(channel, DAYS[0], end) for channel in ASKED[:2] for end in DAYS]
    shown = [
        store.read_day_of_plants({plant: day}, BY_NAME["ProdPac"]).get(plant.pk, np.empty(0)).tolist() for day in DAYS
    ]
    return [_plain(part) for part in (days, began, periods, spans, shown, store.data_range(plant))]


def _plain(found: Any) -> str:
    return repr(found)  # NaN is equal to itself


def kept(site: Site) -> tuple[Any, ...]:
    """Packed rows and newest values, devices named by their places."""
    place = {str(device): at for at, device in enumerate(site.devices)}
    latest = PlantLatest.objects.filter(plant=site.plant).values_list()[0][1:]
    return sorted((place[device], at, data) for device, at, data in stored(site.plant)), latest


_readings = st.lists(
    st.tuples(
        st.integers(0, len(SERIES) - 1), st.integers(0, len(DAYS) - 1), st.integers(0, 299), st.integers(0, 90_000)
    ),
    min_size=1,
    max_size=25,
)
_steps = st.lists(st.one_of(st.integers(1, 8), st.just("seal"), st.tuples(st.integers(0, 12))), max_size=10)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_readings, st.randoms(use_true_random=False), _steps, st.sampled_from(["Europe/Berlin", "America/Santiago"]))
def test_any_order_repetition_split_and_crash_ends_in_the_answers_of_one_clean_import(
    db: None, found: list[Reading], dice: Any, steps: list[Any], zone: str
):
    clean, live = make(zone), make(zone)
    unique = {point(clean, one)[:4]: one for one in found}  # one value per series and slot, so that no order matters
    store.write(clean.plant, readings(clean, [point(clean, one) for one in unique.values()]))

    sent = [*unique.values(), *dice.choices(list(unique.values()), k=len(unique) // 2)]
    dice.shuffle(sent)
    for step in [*steps, len(sent)]:
        _do(live, step, sent, dice)
    assert answers(live) == answers(clean)
    store.follow_fresh(live.plant)
    assert kept(live)[1] == kept(clean)[1]
    store.seal(live.plant)
    assert not FreshReading.objects.filter(plant=live.plant).exists()
    assert answers(live) == answers(clean)
    assert kept(live) == kept(clean)


def _do(site: Site, step: Any, sent: list[Reading], dice: Any) -> None:
    """Deliver so many readings, pack, or begin to pack and die after so many statements."""
    if step == "seal":
        store.seal(site.plant)
    elif isinstance(step, tuple):
        try:
            with crash_after(step[0]):
                store.seal(site.plant)
        except Crash:
            pass
    else:
        batch, sent[:step] = [point(site, one) for one in sent[:step]], []
        if dice.random() < 0.8:
            store.write_fresh(site.plant, batch)
        else:
            store.write(site.plant, readings(site, batch))  # a file with the same readings


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_readings, _steps, st.randoms(use_true_random=False))
def test_of_different_values_the_one_that_came_last_counts_on_every_road(
    db: None, found: list[Reading], steps: list[Any], dice: Any
):
    clean, live = make("Europe/Berlin"), make("Europe/Berlin")
    for one in found:
        store.write(clean.plant, readings(clean, [point(clean, one)]))
    left = list(found)
    for step in [*steps, *[1] * len(found)]:
        _do(live, min(step, 1) if isinstance(step, int) else step, left, dice)
    assert answers(live) == answers(clean)
