"""The key performance indicators of a plant: values with formula and inputs, or the reason why there are none."""

import datetime as dt
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.utils import translation

from apps.measurements.kpis import Facts, all_kpis
from apps.plants.models import Plant
from apps.web.plant import kpis
from apps.web.plant.bars import bars_of
from tests.cast import Cast
from tests.measurements.sites import write
from tests.web.conftest import PHONE
from tests.web.plant_pages import assert_only_for_who_sees_the_plant, get, text

NOW = dt.datetime(2025, 7, 10, 10, 2, tzinfo=dt.UTC)


@pytest.fixture
def measured(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Plant:
    """10 kWp; 60 kWh in June, 7 kWh on 1 July; a target of 900 kWh/kWp with a tenth of it in June and in July."""
    monkeypatch.setattr(kpis, "timezone", SimpleNamespace(now=lambda: NOW))
    plant = cast.plant_a
    plant.yearly_target, plant.monthly_shares = 900, [5, 5, 10, 10, 10, 10, 10, 10, 10, 10, 5, 5]
    plant.save()
    inverter = device(plant, "Inverter 1")
    write(plant, inverter, dt.date(2025, 6, 14), ProdEtotal={200: 20_000})
    write(plant, inverter, dt.date(2025, 6, 15), ProdEtotal=dict.fromkeys(range(144, 288), 40_000))
    write(plant, inverter, dt.date(2025, 7, 1), ProdEtotal=dict.fromkeys(range(288), 7_000))
    return plant


def device(plant: Plant, name: str) -> UUID:
    found: UUID = plant.epochs.get().components.get(name=name).cross_epoch_id
    return found


@pytest.fixture
def shown(client: Client, cast: Cast, measured: Plant) -> Callable[..., dict[str, Any]]:
    """The context of the page for a query."""

    def ask(query: str = "") -> dict[str, Any]:
        context: dict[str, Any] = get(client, cast.alice, measured, f"kpis{query}").context
        return context

    return ask


def values(sheet: kpis.Sheet) -> dict[str, float | None]:
    return {figure.name: figure.value for figure in sheet.known}


def test_only_who_sees_the_plant_sees_its_kpis(client: Client, cast: Cast):
    assert_only_for_who_sees_the_plant(client, cast, "kpis")


# --- Cards -----------------------------------------------------------------------------------------------------


def test_the_cards_are_the_running_month_and_year(shown: Callable[..., Any]):
    month, year = shown()["cards"]
    assert (month.title, values(month)) == (
        "July 2025",
        {"SpecificYield": 0.7, "CapacityFactor": 0.307, "TargetFulfilment": 2.411},  # of 10/31 of 900 kWh
    )
    assert (year.title, year.known[0].value) == ("2025", 6.7)


def test_an_indicator_without_a_value_says_why(client: Client, cast: Cast, measured: Plant):
    page = text(client, cast.alice, measured, "kpis")
    assert "<strong>Autarky</strong>: no values of ConsEtotalCov in this period" in page
    assert "<strong>Performance ratio</strong>: irradiance and power are not known together in this period" in page


def test_every_formula_is_told_in_words_with_what_goes_into_it(client: Client, cast: Cast, measured: Plant):
    page = text(client, cast.alice, measured, "kpis")
    assert "Specific yield <code>yf-iec61724-1</code>" in page
    assert "Energy produced, divided by the size of the plant." in page
    assert "July 2025: Production, energy 7.00 kWh, Size of the plant 10.0 kWp." in page


def test_a_performance_ratio_is_shown_with_its_correction(client: Client, cast: Cast, measured: Plant):
    write(measured, device(measured, "Inverter 1"), dt.date(2025, 7, 2), ProdPac={144: 8_100})
    write(measured, device(measured, "Sensor"), dt.date(2025, 7, 2), Irradiation={144: 1_000}, TempModule={144: 50})
    page = text(client, cast.alice, measured, "kpis")
    assert "Performance ratio <code>pr-iec61724-1</code>" in page
    assert (
        "Without any loss 833 Wh, Performance ratio at 25 °C 90 %, Module temperature, weighted by irradiance 50 °C"
        in page
    )
    assert "at least" not in page


def test_a_lower_bound_is_shown_as_one(client: Client, cast: Cast, measured: Plant):
    measured.epochs.get().components.filter(name="Sensor").delete()
    write(measured, device(measured, "Inverter 1"), dt.date(2025, 7, 2), ProdPac={144: 4_000})
    page = text(client, cast.alice, measured, "kpis")
    assert 'Performance ratio <span class="muted">(at least)</span>' in page
    assert '<span title="at least">≥&nbsp;</span>' in page
    assert "Performance ratio <code>pr-clear-sky-bound</code>" in page
    assert "The sun gave less than a clear sky gives, so the true value is higher." in page


def test_money_is_in_the_currency_of_the_plant(client: Client, cast: Cast, measured: Plant):
    measured.currency, measured.feed_in_tariff, measured.electricity_cost = "CHF", "0.1", "0.25"
    measured.save()
    for name, channels in (("Inverter 1", {"ProdPac": 12_000, "ProdEtotal": 1_000}), ("Consumption", {"ConsPac": 0})):
        readings = {channel: {100: value} for channel, value in channels.items()}
        write(measured, device(measured, name), dt.date(2025, 7, 2), **readings)
    write(measured, device(measured, "Consumption"), dt.date(2025, 7, 2), ConsEtotal={100: 0})
    page = text(client, cast.alice, measured, "kpis")
    assert '<span class="number">0.10</span> <span class="unit">CHF</span>' in page
    assert "Price of electricity 0.2500 CHF/kWh" in page


# --- Table -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("", ["January 2025", "February 2025", "March 2025", "April 2025", "May 2025", "June 2025", "July 2025"]),
        ("?resolution=year", ["2025"]),
        ("?resolution=total", ["Since the beginning"]),
        ("?resolution=day&date=2025-07", [f"{day} July 2025" for day in range(1, 11)]),
    ],
)
def test_the_table_has_the_periods_that_have_begun(shown: Callable[..., Any], query: str, rows: list[str]):
    assert [row.title for row in shown(query)["table"].rows] == rows


def test_the_table_has_columns_only_for_what_is_known_and_reasons_for_the_rest(shown: Callable[..., Any]):
    table = shown()["table"]
    assert [figure.label for figure in table.columns] == ["Specific yield", "Capacity factor", "Target fulfilment"]
    assert [figure.label for figure in table.left_out] == [
        "Performance ratio",
        "Self-consumption rate",
        "Autarky",
        "Availability",
        "CO₂ avoided",
        "Financial yield",
    ]
    june = table.cells[5]
    assert ([figure.value for figure in june[1]], june[0].completeness) == ([6.0, 0.833, 6.667], 1.7)


def test_a_cell_without_a_value_is_no_zero(client: Client, cast: Cast, measured: Plant):
    page = text(client, cast.alice, measured, "kpis")
    may = page[page.index('<th scope="row">May 2025') : page.index('<th scope="row">June 2025')]
    assert may.count(">no data<span") == 3
    assert "no values of ProdEtotal in this period" in may


def test_arrows_stop_where_the_plant_has_no_data(shown: Callable[..., Any]):
    first = shown("?resolution=day&date=2025-06")
    assert (first["earlier"], first["later"]) == ("", "2025-07-01")
    last = shown("?resolution=day&date=2025-07-05")
    assert (last["earlier"], last["later"]) == ("2025-06-05", "")


@pytest.mark.parametrize("query", ["resolution=week", "date=2025-02-30", "date=0000-01-01"])
def test_what_cannot_be_understood_is_named(client: Client, cast: Cast, measured: Plant, query: str):
    assert query.partition("=")[2] in text(client, cast.alice, measured, f"kpis?{query}")


def test_a_year_to_come_has_no_rows(client: Client, cast: Cast, measured: Plant):
    assert "This period lies in the future." in text(client, cast.alice, measured, "kpis?date=2027")


def test_a_plant_without_data_says_when_there_will_be_something(client: Client, cast: Cast):
    page = text(client, cast.bob, cast.plant_b, "kpis?resolution=nonsense")
    assert "There is nothing to compute yet" in page


def test_ten_years_take_no_more_queries(client: Client, cast: Cast, measured: Plant, django_assert_max_num_queries):
    for year in range(2015, 2025):
        write(measured, device(measured, "Inverter 1"), dt.date(year, 6, 1), ProdEtotal={100: 1000})
    client.force_login(cast.alice)
    with django_assert_max_num_queries(15):
        client.get(f"/p/sunny/plants/{measured.pk}/kpis?resolution=year")


# --- Reasons in the reader's language ---------------------------------------------------------------------------


def test_reasons_are_in_the_language_of_the_reader():
    def reasons() -> list[str | None]:
        return [kpi.reason for kpi in all_kpis(Facts(1, 0))][:2]

    assert reasons() == [
        "there is no irradiance sensor, and the place of the plant is not known",
        "no values of ProdEtotal in this period",
    ]
    with translation.override("de"):
        assert reasons() == [
            "es gibt keinen Einstrahlungssensor, und der Ort der Anlage ist nicht bekannt",
            "keine Werte von ProdEtotal in diesem Zeitraum",
        ]


# --- The drawing -----------------------------------------------------------------------------------------------


def test_bars_stand_beside_their_target_on_one_scale(shown: Callable[..., Any]):
    bars = shown()["bars"]
    assert (bars.labels, bars.top, bars.width) == (["1", "2", "3", "4", "5", "6", "7"], 100, 70)
    assert bars.reached == "M53 100v-6.0h4v6.0zM63 100v-0.7h4v0.7z"
    assert bars.planned.startswith("M1 100v-45.0h8v45.0z")


def test_nothing_is_drawn_without_a_target(shown: Callable[..., Any], measured: Plant):
    measured.yearly_target = None
    measured.save()
    assert shown()["bars"] is None


@pytest.mark.parametrize(("largest", "top"), [(0, 1), (1, 1), (1.2, 1.5), (4, 4), (51, 60), (134, 150), (0.029, 0.03)])
def test_the_scale_ends_at_a_round_number(largest: float, top: float):
    assert bars_of(["a"], [largest], [None]).top == pytest.approx(top)


# --- In the browser --------------------------------------------------------------------------------------------


@pytest.mark.browser
def test_the_page_is_accessible_and_its_tabs_are_links(cast: Cast, measured: Plant, visit, assert_accessible):
    page = visit(cast.alice).to(f"/p/sunny/plants/{measured.pk}/kpis")
    assert_accessible(page)
    page.get_by_role("link", name="Days").click()
    page.wait_for_url("**resolution=day**")
    assert page.locator("tbody tr").count() == 10


@pytest.mark.browser
def test_on_a_phone_in_the_dark_and_in_german(cast: Cast, measured: Plant, visit, assert_accessible):
    page = visit(cast.alice, screen=PHONE, scheme="dark", locale="de-DE").to(f"/p/sunny/plants/{measured.pk}/kpis")
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.get_by_role("heading", name="Dieser Monat").is_visible()
    assert page.get_by_text(
        "Einstrahlung und Leistung sind in diesem Zeitraum nicht gemeinsam bekannt"
    ).first.is_visible()
