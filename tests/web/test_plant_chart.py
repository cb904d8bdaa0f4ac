"""The page "Data" of a plant in a browser: drawing, steps, keys, zoom, table; on a phone, in the dark, in German."""

import datetime as dt
import gzip
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from playwright.sync_api import Page, Route, expect

from tests.cast import Cast
from tests.web.conftest import PHONE, Visit
from tests.web.plant_data import AUTUMN, GAP, MIDSUMMER, address, csv_lines, fill

Visits = Callable[..., Visit]
EVE = MIDSUMMER - dt.timedelta(days=1)
WATCH_SHIFTS = """window.shifts = []; new PerformanceObserver(list => shifts.push(...list.getEntries().map(
  shift => shift.value))).observe({type: "layout-shift", buffered: true})"""
INK = """() => {const {data} = document.querySelector(".chart canvas").getContext("2d")
  .getImageData(0, 0, 4000, 2000); let found = 0; for (let at = 3; at < data.length; at += 4) found += data[at] > 0;
  return found}"""


def asked(page: Page) -> dict[str, str]:
    """The parameters of the address."""
    return {name: found[0] for name, found in parse_qs(urlsplit(page.url).query).items()}


def title(page: Page) -> Any:
    return expect(page.locator("#chart-title"))


def plot(page: Page) -> dict[str, float]:
    box: Any = page.locator(".u-over").bounding_box()
    assert box is not None
    found: dict[str, float] = box
    return found


# --- Steps ---------------------------------------------------------------------------------------------------


@pytest.mark.browser
def test_steps_change_the_address_and_the_back_button_returns(cast: Cast, visit: Visits):
    fill(cast.plant_a, [EVE, MIDSUMMER])
    page = visit(cast.alice).to(address(cast.plant_a, "?period=day&date=2025-06-21"))
    expect(page).to_have_title("Plant A: Saturday, 21 June 2025 · Helioport")
    page.get_by_role("link", name="Back").click()
    title(page).to_have_text("Friday, 20 June 2025")
    assert asked(page) == {"period": "day", "date": "2025-06-20"}
    expect(page).to_have_title("Plant A: Friday, 20 June 2025 · Helioport")
    page.get_by_role("link", name="Month").click()
    title(page).to_have_text("June 2025")
    page.go_back()
    title(page).to_have_text("Friday, 20 June 2025")
    page.go_back()
    title(page).to_have_text("Saturday, 21 June 2025")
    page.go_forward()
    title(page).to_have_text("Friday, 20 June 2025")
    page.reload()
    title(page).to_have_text("Friday, 20 June 2025")


@pytest.mark.browser
def test_everything_works_by_keyboard(cast: Cast, visit: Visits):
    fill(cast.plant_a, [EVE, MIDSUMMER])
    page = visit(cast.alice).to(address(cast.plant_a, "?period=day&date=2025-06-21"))
    page.locator(".chart").focus()
    for key, shown in (
        ("ArrowLeft", "Friday, 20 June 2025"),
        ("ArrowRight", "Saturday, 21 June 2025"),
        ("ArrowUp", "June 2025"),
        ("ArrowUp", "2025"),
        ("ArrowDown", "June 2025"),
        ("ArrowDown", "Saturday, 21 June 2025"),
    ):
        page.keyboard.press(key)
        title(page).to_have_text(shown)
    page.keyboard.press("t")
    expect(page.locator("#chart-today")).to_have_count(0)  # it is today
    expect(page.locator(".chart")).to_be_focused()
    page.locator("#chart-previous").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#chart-today")).to_have_count(1)
    expect(page.locator("#chart-previous")).to_be_focused()
    page.keyboard.press("t")  # elsewhere a letter is a letter
    expect(page.locator("#chart-today")).to_have_count(1)


@pytest.mark.browser
def test_a_bar_opens_what_it_stands_for(cast: Cast, visit: Visits):
    fill(cast.plant_a, [MIDSUMMER])
    page = visit(cast.alice).to(address(cast.plant_a, "?period=year&date=2025-01-01"))
    box = plot(page)
    page.mouse.click(box["x"] + box["width"] * 5.5 / 12, box["y"] + 100)
    title(page).to_have_text("June 2025")
    box = plot(page)
    page.mouse.click(box["x"] + box["width"] * 20.5 / 30, box["y"] + 100)
    title(page).to_have_text("Saturday, 21 June 2025")
    assert asked(page) == {"period": "day", "date": "2025-06-21"}


@pytest.mark.browser
def test_another_day_is_laid_over_and_other_data_are_chosen(cast: Cast, visit: Visits):
    fill(cast.plant_a, [EVE, MIDSUMMER])
    page = visit(cast.alice).to(address(cast.plant_a, "?period=day&date=2025-06-21"))
    page.locator("#chart-compare summary").click()
    page.get_by_role("link", name="Day before").click()
    expect(page.locator(".chart-compared")).to_have_text("Friday, 20 June 2025")
    expect(page.locator("#chart-compare summary")).to_be_focused()
    page.locator("#chart-picker summary").click()
    page.get_by_label("Inverter 1", exact=True).check()
    page.get_by_label("Battery, state of charge").uncheck()
    page.locator("#chart-picker").get_by_role("button", name="Show").click()
    expect(page.locator(".chart-series")).to_have_text(["Production", "Consumption", "Inverter 1: Production"])
    assert asked(page)["compare"] == "2025-06-20"
    assert asked(page)["devices"].startswith("plant,")
    first, last = (
        page.locator("[data-swatch]").nth(at).evaluate("dot => getComputedStyle(dot).backgroundColor") for at in (0, 2)
    )
    assert first != last
    page.locator("#chart-date").fill("2025-06-20")
    title(page).to_have_text("Friday, 20 June 2025")


# --- The drawing ---------------------------------------------------------------------------------------------


@pytest.mark.browser
def test_the_crosshair_says_exact_time_and_all_values(cast: Cast, visit: Visits):
    fill(cast.plant_a, [AUTUMN], gap=GAP)
    page = visit(cast.alice).to(address(cast.plant_a, "?date=2025-10-26"))
    box, readout = plot(page), page.locator(".chart-readout")
    for slot, text in (
        (24, ["02:00 (+02:00)", "Production240 W", "Consumption500 W", "State of charge40.5 %"]),
        (36, ["02:00 (+01:00)", "Production360 W", "Consumption500 W", "State of charge40.5 %"]),
        (125, ["09:25 (+01:00)", "Productionno data", "Consumptionno data", "State of chargeno data"]),
        (200, ["15:40 (+01:00)", "Production2.00 kW", "Consumption500 W", "State of charge40.5 %"]),
    ):
        page.mouse.move(box["x"] + box["width"] * slot / 300 + 0.5, box["y"] + 50)
        assert readout.locator(":scope > div").all_text_contents() == text
    page.mouse.move(0, 0)
    expect(readout).to_be_hidden()


@pytest.mark.browser
def test_dragging_zooms_and_a_double_click_goes_back(cast: Cast, visit: Visits):
    fill(cast.plant_a)
    page = visit(cast.alice).to(address(cast.plant_a, "?date=2025-06-21"))
    box, everything = plot(page), page.get_by_role("button", name="Show everything")
    expect(everything).to_be_hidden()
    for back in (lambda: page.mouse.dblclick(box["x"] + 50, box["y"] + 200), everything.click):
        page.mouse.move(box["x"] + 200, box["y"] + 100)
        page.mouse.down()
        page.mouse.move(box["x"] + 500, box["y"] + 120, steps=4)
        page.mouse.up()
        expect(everything).to_be_visible()
        title(page).to_have_text("Saturday, 21 June 2025")
        back()
        expect(everything).to_be_hidden()


@pytest.mark.browser
def test_the_legend_hides_and_shows_a_series(cast: Cast, visit: Visits):
    fill(cast.plant_a)
    page = visit(cast.alice).to(address(cast.plant_a, "?date=2025-06-21"))
    button = page.get_by_role("button", name="Production")
    drawn = page.evaluate(INK)
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    hidden = page.evaluate(INK)
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    assert hidden < drawn * 0.8
    assert page.evaluate(INK) == drawn


@pytest.mark.browser
def test_nothing_moves_while_it_loads_or_steps(cast: Cast, visit: Visits):
    fill(cast.plant_a, [EVE, MIDSUMMER])
    for screen in ((1366, 900), PHONE):
        one = visit(cast.alice, screen=screen)
        one.to(address(cast.plant_a))  # so that the typeface is there
        one.context.add_init_script(WATCH_SHIFTS)
        page = one.to(address(cast.plant_a, "?date=2025-06-21"))
        assert page.evaluate("shifts.reduce((sum, one) => sum + one, 0)") < 0.01
        page.locator(".chart").focus()
        page.keyboard.press("ArrowLeft")
        title(page).to_have_text("Friday, 20 June 2025")
        page.wait_for_timeout(200)
        assert page.evaluate("shifts.reduce((sum, one) => sum + one, 0)") < 0.01


@pytest.mark.browser
def test_an_error_is_said_with_its_id_and_can_be_tried_again(cast: Cast, visit: Visits):
    fill(cast.plant_a, [EVE, MIDSUMMER])
    one = visit(cast.alice)
    page = one.to(address(cast.plant_a, "?date=2025-06-21"))

    def broken(route: Route) -> None:
        route.fulfill(status=500, headers={"X-Request-ID": "a-request"}, body="")

    page.route("**/data?*", broken)
    page.get_by_role("link", name="Back").click()
    expect(page.get_by_role("alert")).to_contain_text("The data could not be loaded. Request a-request")
    assert asked(page)["date"] == "2025-06-21"
    page.unroute("**/data?*")
    page.get_by_role("button", name="Try again").click()
    title(page).to_have_text("Friday, 20 June 2025")
    expect(page.locator("[data-error]")).to_be_hidden()
    assert [problem for problem in one.problems if "500" not in problem] == []
    one.problems.clear()


# --- The table, and where there are no scripts ---------------------------------------------------------------


@pytest.mark.browser
def test_the_table_shows_what_is_drawn_and_what_the_file_holds(cast: Cast, visit: Visits, client: Client):
    fill(cast.plant_a, gap=GAP)
    page = visit(cast.alice).to(address(cast.plant_a, "?date=2025-06-21&channels=ProdPac"))
    page.get_by_role("link", name="Show as table").click()
    expect(page.get_by_role("table")).to_be_visible()
    assert asked(page)["table"] == "1"
    cells = page.locator(".chart-table td").all_text_contents()
    client.force_login(cast.alice)
    lines = csv_lines(client, cast.plant_a, "?date=2025-06-21&channels=ProdPac")
    assert ["" if cell == "no data" else cell.replace(",", "") for cell in cells] == [
        line.split(",")[2] for line in lines[1:]
    ]
    download = page.get_by_role("link", name="Download CSV").get_attribute("href")
    assert download == address(cast.plant_a, "?period=day&date=2025-06-21&channels=ProdPac", "/data.csv")


def test_without_scripts_links_lead_everywhere(client: Client, cast: Cast):
    fill(cast.plant_a)
    client.force_login(cast.alice)
    page = client.get(address(cast.plant_a, "?date=2025-06-21")).content.decode()
    for href in (
        "?period=month&amp;date=2025-06-21",
        "?period=day&amp;date=2025-06-22",
        "?period=day&amp;date=2025-06-21&amp;compare=2025-06-20",
        "?period=day&amp;date=2025-06-21&amp;table=1",
    ):
        assert f'href="{href}"' in page


def test_the_balance_says_what_is_known_and_what_is_not(client: Client, cast: Cast):
    fill(cast.plant_a, gap=range(100, 150))
    client.force_login(cast.alice)
    found = client.get(address(cast.plant_a, "?date=2025-06-21")).context["balance"]
    assert (found["ProdEtotal"].wh, found["ConsEtotal"].wh) == (288, 576)
    assert found["ProdEtotal"].percent == "83"
    assert found["GridEtotalIn"].wh is None
    for bar in found.bars:
        assert round(sum(part.wh for part in bar.parts)) == round(bar.wh)
    page = client.get(address(cast.plant_a, "?date=2025-06-21")).content.decode()
    assert "from 83 % of the time" in page
    empty = client.get(address(cast.plant_a, "?date=2025-06-10")).content.decode()
    assert "Nothing is known of this period." in empty


# --- Screens, colours, languages -----------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.parametrize(
    ("screen", "scheme", "query"),
    [
        ((1366, 900), "light", "?date=2025-06-21&compare=2025-06-20&table=1"),
        (PHONE, "dark", "?period=month&date=2025-06-21"),
        (PHONE, "light", "?date=2025-06-01"),
    ],
)
def test_it_is_accessible_and_fits(
    cast: Cast, visit: Visits, assert_accessible: Callable[[Page], None], screen: Any, scheme: str, query: str
):
    fill(cast.plant_a, [EVE, MIDSUMMER], gap=GAP)
    page = visit(cast.alice, screen=screen, scheme=scheme).to(address(cast.plant_a, query))
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("#chart-picker summary").click()
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.browser
def test_a_change_between_light_and_dark_draws_anew(cast: Cast, visit: Visits):
    fill(cast.plant_a)
    page = visit(cast.alice).to(address(cast.plant_a, "?date=2025-06-21"))
    swatch = page.locator("[data-swatch]").first
    expect(swatch).to_have_css("background-color", "rgb(199, 119, 0)")
    page.emulate_media(color_scheme="dark")
    expect(swatch).to_have_css("background-color", "rgb(242, 169, 59)")


@pytest.mark.browser
def test_numbers_are_written_in_german(cast: Cast, visit: Visits):
    fill(cast.plant_a)
    page = visit(cast.alice, locale="de-DE").to(address(cast.plant_a, "?date=2025-06-21&table=1"))
    assert page.locator(".chart-table tbody tr").nth(287).locator("td").all_text_contents() == ["2.870", "500", "40,5"]
    box = plot(page)
    page.mouse.move(box["x"] + box["width"] * 200.5 / 288, box["y"] + 50)
    expect(page.locator(".chart-readout-value").first).to_have_text("2,00 kW")


@pytest.mark.browser
def test_a_tap_shows_values_on_a_phone(cast: Cast, visit: Visits):
    fill(cast.plant_a)
    page = visit(cast.alice, screen=PHONE).to(address(cast.plant_a, "?date=2025-06-21"))
    page.locator(".u-over").dispatch_event(
        "pointermove", {"pointerType": "touch", "clientX": 180, "clientY": plot(page)["y"] + 60, "bubbles": True}
    )
    expect(page.locator(".chart-readout")).to_be_visible()


@pytest.mark.browser
def test_the_page_weighs_less_than_250_kb(cast: Cast, visit: Visits):
    fill(cast.plant_a, [EVE, MIDSUMMER])
    one = visit(cast.alice)
    bodies: list[bytes] = []
    one.page.on("response", lambda answer: bodies.append(answer.body()))
    one.to(address(cast.plant_a, "?date=2025-06-21&compare=2025-06-20&table=1"))
    fonts_too = sum(min(len(body), len(gzip.compress(body))) for body in bodies)
    assert 100_000 < fonts_too < 250_000
