"""What a fleet produced by month: sums, yields and gaps on its page, steps between years, and foreign plants never."""

import datetime as dt
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.measurements import store
from apps.plants.models import Fleet, Plant
from apps.web.console import fleet_energy
from apps.web.console.fleet_energy import FleetEnergy, energy_of
from tests.cast import Cast, make_fleet, make_plant
from tests.measurements.sites import values
from tests.web.conftest import DESKTOP, PHONE
from tests.web.console_pages import manager
from tests.web.plant_data import device

NOW = dt.datetime(2026, 3, 10, 12, 0, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def nothing_is_kept(db: None) -> Iterator[None]:
    yield
    cache.clear()


def produced(plant: Plant, day: dt.date, energy: float) -> None:
    counter = values({100: energy / 2, 200: energy})
    store.write(plant, [store.DayReadings(device(plant, "Inverter"), day, {("ProdEtotal", 0): counter})])


def shown(client: Client, fleet: Fleet, query: str = "?year=2025") -> str:
    return client.get(f"/p/sunny/console/fleets/{fleet.pk}{query}").content.decode()


def table(text: str) -> list[list[str]]:
    """The cells of the table, row by row, without the heads."""
    [found] = re.findall(r"<tbody>(.*?)</tbody>", text[text.index("data-table") :].split("</table>")[0], re.DOTALL)
    rows = re.findall(r"<tr>(.*?)</tr>", found, re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [[" ".join(re.sub(r"<[^>]*>", "", cell).split()) for cell in row] for row in cells]


def last_months(fleet: Fleet, now: dt.datetime = NOW) -> FleetEnergy:
    found = energy_of(Plant.objects.filter(fleets=fleet), "", now)
    assert found is not None
    return found


# --- Sums and gaps ---------------------------------------------------------------------------------------------------


def test_a_month_is_the_sum_of_its_plants_and_says_how_many_have_data(client: Client, cast: Cast):
    produced(cast.plant_a, dt.date(2025, 5, 1), 20_000)
    produced(cast.plant_a, dt.date(2025, 6, 1), 25_000)
    produced(cast.plant_a, dt.date(2025, 6, 2), 5_000)
    produced(cast.plant_b, dt.date(2025, 6, 30), 10_000)
    text = shown(manager(client, cast), cast.fleet_s)
    assert table(text)[3:7] == [
        ["April 2025", "no data", "no data", "0 of 2"],
        ["May 2025", "20.0 kWh", "2.00", "1 of 2"],
        ["June 2025", "40.0 kWh", "2.00", "2 of 2"],
        ["July 2025", "no data", "no data", "0 of 2"],
    ]
    assert len(table(text)) == 12
    assert '<span class="number">60.0</span> <span class="unit">kWh</span>' in text
    assert '<span class="number">4.00</span> <span class="unit">kWh/kWp</span>' in text
    assert "<dd>1 of 12</dd>" in text


def test_bars_of_all_and_of_some_plants_look_different_and_have_one_scale(client: Client, cast: Cast):
    produced(cast.plant_a, dt.date(2025, 5, 1), 20_000)
    produced(cast.plant_a, dt.date(2025, 6, 1), 30_000)
    produced(cast.plant_b, dt.date(2025, 6, 1), 10_000)
    text = shown(manager(client, cast), cast.fleet_s)
    assert '<path class="bars-reached" d="M53 100v-100.0h4v100.0z"/>' in text
    assert '<path class="bars-partial" d="M43 100v-50.0h4v50.0z"/>' in text
    assert "data of some plants only" in text
    produced(cast.plant_b, dt.date(2025, 5, 1), 20_000)
    assert "data of some plants only" not in shown(client, cast.fleet_s)


def test_a_plant_of_no_known_size_adds_energy_and_no_yield(client: Client, cast: Cast):
    produced(cast.plant_a, dt.date(2025, 6, 1), 30_000)
    Plant.objects.update(size=0)
    assert table(shown(manager(client, cast), cast.fleet_s))[5] == ["June 2025", "30.0 kWh", "Size not known", "1 of 2"]


def test_a_fleet_without_data_or_without_plants_says_so_or_nothing(client: Client, cast: Cast):
    assert "None of the plants has data in these months." in shown(manager(client, cast), cast.fleet_s)
    assert "Energy by month" not in shown(client, make_fleet(cast.sunny, "Empty one", []))
    assert "Energy by month" not in client.get("/p/sunny/console/fleets/new").content.decode()


def test_plants_of_other_fleets_and_portals_never_count(client: Client, cast: Cast):
    for plant in (cast.plant_a, cast.plant_b, cast.plant_o):
        produced(plant, dt.date(2025, 6, 1), 10_000)
    fleet = make_fleet(cast.sunny, "One", [cast.plant_a])
    assert table(shown(manager(client, cast), fleet))[5] == ["June 2025", "10.0 kWh", "1.00", "1 of 1"]
    assert client.get(f"/p/sunny/console/fleets/{cast.fleet_o.pk}?year=2025").status_code == 404


# --- Which months ----------------------------------------------------------------------------------------------------


def test_without_a_year_it_is_the_last_twelve_months_with_the_one_that_goes_on(cast: Cast):
    produced(cast.plant_a, dt.date(2025, 3, 31), 1)
    produced(cast.plant_a, dt.date(2025, 4, 1), 2)
    produced(cast.plant_a, dt.date(2026, 3, 9), 3)
    found = last_months(cast.fleet_s)
    assert [found.months[0].first, found.months[-1].first] == [dt.date(2025, 4, 1), dt.date(2026, 3, 1)]
    assert [month.energy for month in found.known] == [2, 3]
    assert (found.title, found.this_month) == ("Last 12 months", dt.date(2026, 3, 1))


def test_of_the_present_year_only_months_that_have_begun_are_shown(cast: Cast):
    found = energy_of(Plant.objects.filter(fleets=cast.fleet_s), "2026", NOW)
    assert found is not None
    assert [month.title for month in found.months] == ["January 2026", "February 2026", "March 2026"]
    assert (found.earlier, found.later) == (None, None)


def test_the_present_month_is_that_of_the_plant_whose_clocks_are_ahead(cast: Cast):
    new_year_in_auckland = dt.datetime(2025, 12, 31, 12, 0, tzinfo=dt.UTC)
    assert last_months(cast.fleet_s, new_year_in_auckland).this_month == dt.date(2025, 12, 1)
    cast.fleet_s.plants.add(make_plant(cast.sunny, "Bay", timezone="Pacific/Auckland"))
    assert last_months(cast.fleet_s, new_year_in_auckland).this_month == dt.date(2026, 1, 1)


def test_steps_lead_to_the_years_before_and_back(client: Client, cast: Cast):
    produced(cast.plant_a, dt.date(2025, 6, 1), 10_000)
    text = shown(manager(client, cast), cast.fleet_s)
    assert re.findall(r'href="\?(.*?)#energy"', text) == ["", "year=2024", "year=2026"]
    assert re.findall(r'href="\?(.*?)#energy"', shown(client, cast.fleet_s, "?year=2024")) == ["", "year=2025"]


@pytest.mark.parametrize("asked", ["twenty", "1969", "9999", "20255", "-2025"])
def test_a_year_that_cannot_have_data_is_the_last_twelve_months(asked: str, cast: Cast):
    found = energy_of(Plant.objects.filter(fleets=cast.fleet_s), asked, NOW)
    assert found is not None
    assert found.year is None


# --- What a browser finds ---------------------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.parametrize(("screen", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"])
def test_the_bars_fit_the_page_and_the_table_is_for_everybody(
    cast: Cast,
    visit: Callable[..., Any],
    assert_accessible: Callable[..., None],
    screen: tuple[int, int],
    scheme: str,
):
    produced(cast.plant_a, dt.date(2025, 5, 1), 20_000)
    produced(cast.plant_a, dt.date(2025, 6, 1), 30_000)
    produced(cast.plant_b, dt.date(2025, 6, 1), 10_000)
    page = visit(cast.mona, screen=screen, scheme=scheme).to(f"/p/sunny/console/fleets/{cast.fleet_s.pk}?year=2025")
    page.get_by_text("Show as table").click()
    page.get_by_role("row", name="May 2025 20.0 kWh 2.00 1 of 2").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert_accessible(page)
    page.get_by_role("link", name="2024").click()
    page.get_by_text("None of the plants has data in these months.").wait_for()


# --- What it costs ---------------------------------------------------------------------------------------------------


def test_many_plants_take_as_many_statements_as_few(client: Client, cast: Cast):
    manager(client, cast)
    shown(client, cast.fleet_s)
    counts = []
    for number in (3, 30):
        cast.fleet_s.plants.set([make_plant(cast.sunny, f"Barn {number} {place}") for place in range(number)])
        with CaptureQueriesContext(connection) as queries:
            shown(client, cast.fleet_s)
        counts.append(len(queries))
        assert sum("monthseries" in query["sql"] for query in queries.captured_queries) == 1
    assert counts[0] == counts[1]


def test_figures_of_a_large_fleet_are_kept_for_a_while_until_it_has_other_plants(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(fleet_energy, "LARGE", 2)
    produced(cast.plant_a, dt.date(2026, 2, 1), 10)
    assert last_months(cast.fleet_s).total == 10
    produced(cast.plant_b, dt.date(2026, 2, 1), 5)
    later = NOW + dt.timedelta(minutes=5)
    kept = last_months(cast.fleet_s, later)
    assert (kept.total, kept.at) == (10, NOW)
    cast.fleet_s.plants.add(make_plant(cast.sunny, "Third"))
    anew = last_months(cast.fleet_s, later)
    assert (anew.total, anew.at) == (15, later)


def test_figures_of_a_small_fleet_are_always_new(cast: Cast):
    produced(cast.plant_a, dt.date(2026, 2, 1), 10)
    assert last_months(cast.fleet_s).total == 10
    produced(cast.plant_b, dt.date(2026, 2, 1), 5)
    assert last_months(cast.fleet_s).total == 15
