"""The list of plants: who sees which, what is said of each, search, filters, orders, pages, and what it costs."""

import datetime as dt
import html
import re
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from playwright.sync_api import expect

from apps.measurements import grid, store
from apps.measurements.models import PlantLatest
from apps.plants.models import Address, Component, Fleet, Plant
from tests.cast import Cast, make_fleet, make_plant
from tests.measurements.sites import values
from tests.web.conftest import PHONE

NOW = dt.datetime(2025, 6, 15, 12, 3, tzinfo=dt.UTC)  # 14:03 in Ulm
SUNDAY = dt.date(2025, 6, 15)
LAST = 14 * 12  # the slot of 14:00
LISTS = "/p/sunny/plants"


def deliver(plant: Plant, day: dt.date = SUNDAY, **channels: dict[int, float]) -> None:
    """What was measured for the plant as a whole."""
    count = grid.slots(plant.zone, day)
    series = {(name, 0): values(slots, count) for name, slots in channels.items()}
    store.write(plant, [store.DayReadings(plant.datasource_id, day, series)])


def labels(response: Any) -> list[str]:
    """The plants on the page, in their order."""
    text = response.content.decode()
    return [html.unescape(name) for name in re.findall(r'href="/p/\w+/plants/[0-9a-f-]{36}">(.+?)</a>', text)]


def words(response: Any) -> str:
    """What can be read, without tags."""
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split()))


@pytest.fixture
def sunday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


@pytest.fixture
def owner(client: Client, cast: Cast, sunday: None) -> Client:
    client.force_login(cast.alice)
    return client


@pytest.fixture
def manager(client: Client, cast: Cast, sunday: None) -> Client:
    client.force_login(cast.mona)
    return client


# --- Who sees which ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "expected"),
    [("mona", ["Plant A", "Plant B"]), ("alice", ["Plant A"]), ("bob", ["Plant B"]), ("mo", []), ("charlie", [])],
)
@pytest.mark.parametrize("view", ["cards", "table"])
def test_everybody_sees_the_plants_that_are_theirs(
    client: Client, cast: Cast, who: str, expected: list[str], view: str
):
    client.force_login(getattr(cast, who))
    response = client.get(f"{LISTS}?view={view}")
    assert (response.status_code, labels(response)) == (200, expected)
    assert not any(label in words(response) for label in {"Plant A", "Plant B", "Plant O"} - {*expected})


def test_the_manager_of_another_portal_and_strangers_see_nothing(client: Client, cast: Cast):
    assert client.get(LISTS).status_code == 302
    client.force_login(cast.oskar)
    assert client.get(LISTS).status_code == 404
    assert labels(client.get("/p/other/plants")) == ["Plant O"]


def test_no_filter_reaches_a_plant_of_somebody_else(owner: Client, cast: Cast):
    for query in ("search=Plant", "sort=-size", "country=DE", "health=OK", f"fleet={cast.fleet_o.pk}", "page=2"):
        assert labels(owner.get(f"{LISTS}?{query}")) == ["Plant A"]


def test_sums_are_those_of_ones_own_plants(owner: Client, cast: Cast):
    deliver(cast.plant_a, ProdPac={LAST: 3420}, ProdEtotal={LAST: 12_345})
    deliver(cast.plant_b, ProdPac={LAST: 9999}, ProdEtotal={LAST: 99_999})
    assert "Power now 3.42 kW Today 12.3 kWh Size 10.0 kWp All OK 1" in words(owner.get(LISTS))


def test_it_changes_nothing_and_takes_no_post(owner: Client):
    assert owner.post(LISTS).status_code == 405


# --- What is said of a plant ----------------------------------------------------------------------------------


@pytest.fixture
def sunny_day(cast: Cast, sunday: None) -> Plant:
    """Plant A on a Sunday at two: 3.42 kW, 12.3 kWh since sunrise, 62.3 kWh this month."""
    deliver(cast.plant_a, SUNDAY - dt.timedelta(days=1), ProdEtotal={200: 50_000})
    deliver(cast.plant_a, ProdPac={100: 1200, 101: 1500, 150: 4100, LAST: 3420}, ProdEtotal={100: 900, LAST: 12_345})
    return cast.plant_a


def test_a_card_says_how_the_plant_is(owner: Client, sunny_day: Plant):
    text = words(owner.get(LISTS))
    assert "Plant A OK Ulm, DE" in text
    assert "Power now 3.42 kW of 10.0 kWp" in text
    assert "Today 12.3 kWh 1.23 kWh/kWp" in text
    assert "This month 62.3 kWh 6.23 kWh/kWp" in text
    assert "Last data 3 minutes ago" in text


def test_a_row_says_the_same_in_units_that_compare(owner: Client, sunny_day: Plant):
    assert "OK Plant A Ulm 3.42 12.3 1.23 62.3 10.00 3 minutes ago" in words(owner.get(f"{LISTS}?view=table"))


def test_the_drawing_has_gaps_where_values_are_missing_and_words(owner: Client, sunny_day: Plant):
    text = owner.get(LISTS).content.decode()
    assert 'aria-label="Power today, highest 4.10 kW at 12:30"' in text
    [line] = re.findall(r'class="spark-line" d="([^"]+)"', text)
    assert line.count("M") == 3  # two slots beside one another, and two alone
    assert 'title="15 June 2025, 14:00 (+02:00)"' in text


def test_the_drawing_stands_where_the_day_has_its_hours(owner: Client, cast: Cast):
    deliver(cast.plant_a, ProdPac=dict.fromkeys(range(144, 147), 5000))
    [line] = re.findall(r'class="spark-line" d="([^"]+)"', owner.get(LISTS).content.decode())
    assert line == "M121,2.0h0"


def test_power_that_is_half_an_hour_old_is_not_power_now(owner: Client, cast: Cast):
    deliver(cast.plant_a, ProdPac={LAST - 7: 3420}, ProdEtotal={LAST - 7: 12_345})
    text = words(owner.get(LISTS))
    assert "Power now no data since 13:25" in text
    assert "Today 12.3 kWh" in text


def test_night_is_zero_and_not_no_data(owner: Client, cast: Cast):
    deliver(cast.plant_a, ProdPac={LAST: 0}, ProdEtotal={LAST: 0})
    text = words(owner.get(LISTS))
    assert "Power now 0 W of 10.0 kWp" in text
    assert "Today 0 Wh 0.00 kWh/kWp" in text


def test_values_of_yesterday_are_not_those_of_today(owner: Client, cast: Cast):
    deliver(cast.plant_a, SUNDAY - dt.timedelta(days=1), ProdPac={200: 900}, ProdEtotal={200: 50_000})
    text = words(owner.get(LISTS))
    assert "Power now no data since 14 June 2025" in text
    assert "Today no data today, last on 14 June 2025" in text
    assert "This month 50.0 kWh" in text
    assert "no power today" in text


def test_values_of_last_month_are_not_those_of_this_one(owner: Client, cast: Cast):
    deliver(cast.plant_a, dt.date(2025, 5, 31), ProdPac={200: 900}, ProdEtotal={200: 50_000})
    assert "This month no data Last data 2 weeks ago" in words(owner.get(LISTS))


def test_a_plant_without_any_data_says_so(owner: Client):
    text = words(owner.get(LISTS))
    assert "Power now no data yet of 10.0 kWp Today no data yet This month no data No data received yet" in text
    assert "Power now no data Today no data Size 10.0 kWp" in text


def test_the_sums_say_how_many_plants_they_lack(manager: Client, sunny_day: Plant):
    assert "Power now 3.42 kW without 1 plant Today 12.3 kWh without 1 plant Size 20.0 kWp" in words(manager.get(LISTS))


def test_a_deactivated_plant_is_shown_as_such(owner: Client, cast: Cast):
    Plant.objects.filter(pk=cast.plant_a.pk).update(status="deactivated", health="ERROR")
    text = words(owner.get(LISTS))
    assert "Plant A Deactivated" in text
    assert "All Deactivated 1" in text
    assert "Error" not in text


# --- Zones ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2025-06-15T21:59Z", "Today 20.0 kWh 2.00 kWh/kWp"),  # 23:59 in Ulm
        ("2025-06-15T22:01Z", "Today no data today, last on"),
    ],
)
def test_today_ends_at_the_plants_own_midnight(
    client: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch, now: str, expected: str
):
    deliver(cast.plant_a, ProdEtotal={200: 20_000})
    monkeypatch.setattr("django.utils.timezone.now", lambda: dt.datetime.fromisoformat(now))
    client.force_login(cast.alice)
    assert expected in words(client.get(LISTS))


def test_plants_of_two_zones_have_two_todays(client: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch):
    far = make_plant(cast.sunny, "Apia", timezone="Pacific/Apia")  # UTC+13: Monday there begins at 11:00 UTC
    deliver(cast.plant_a, ProdEtotal={100: 1000})
    deliver(far, SUNDAY, ProdEtotal={280: 5000})
    deliver(far, SUNDAY + dt.timedelta(days=1), ProdPac={12: 70}, ProdEtotal={12: 300})
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    client.force_login(cast.mona)
    response = client.get(f"{LISTS}?sort=-today")
    assert labels(response) == ["Plant A", "Apia", "Plant B"]
    text = words(response)
    assert "Today 1.00 kWh 0.10 kWh/kWp" in text
    assert "Power now 70 W of 10.0 kWp Today 300 Wh" in text
    assert "highest 70 W at 01:00" in response.content.decode()
    assert "Today 1.30 kWh without 1 plant" in text


@pytest.mark.parametrize(("now", "slot"), [("2025-10-26T00:35Z", 30), ("2025-10-26T01:35Z", 42)])
def test_the_hour_that_occurs_twice_is_told_apart(
    client: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch, now: str, slot: int
):
    day = dt.date(2025, 10, 26)
    deliver(cast.plant_a, day, ProdPac={slot: 40 + slot}, ProdEtotal={slot: 9})
    monkeypatch.setattr("django.utils.timezone.now", lambda: dt.datetime.fromisoformat(now))
    client.force_login(cast.alice)
    response = client.get(LISTS)
    assert f"Power now {40 + slot} W" in words(response)
    assert f"02:30 (+0{2 if slot == 30 else 1}:00)" in response.content.decode()


# --- Search and filters ---------------------------------------------------------------------------------------


@pytest.fixture
def many(manager: Client, cast: Cast) -> Client:
    """Plants A, B (10 kWp, Ulm), Celle (5 kWp, warning), Davos (99 kWp in CH, error, no battery), Essen (off)."""
    make_plant(cast.sunny, "Celle", size=5_000)
    davos = make_plant(cast.sunny, "Davos", size=99_000)
    make_plant(cast.sunny, "Essen", size=30_000)
    Plant.objects.filter(label="Celle").update(health="WARNING")
    Plant.objects.filter(label="Davos").update(health="ERROR", identifier="SN-4711")
    Plant.objects.filter(label="Essen").update(status="deactivated", health="OFFLINE")
    Address.objects.filter(plant=davos).update(city="Davos Platz", country="CH")
    Component.objects.filter(epoch__plant=davos, type="Battery").delete()
    make_fleet(cast.sunny, "Alps", [davos])
    return manager


ALL = ["Celle", "Davos", "Essen", "Plant A", "Plant B"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ALL),
        ("search=plant", ["Plant A", "Plant B"]),
        ("search=ULM", ["Celle", "Essen", "Plant A", "Plant B"]),
        ("search=4711", ["Davos"]),
        ("search=%25", []),
        ("search=&country=&kwp_from=&sort=", ALL),
        ("status=activated&health=OK", ["Plant A", "Plant B"]),
        ("status=activated&health=WARNING", ["Celle"]),
        ("status=activated&health=OFFLINE", []),
        ("health=OFFLINE", ["Essen"]),
        ("status=deactivated", ["Essen"]),
        ("kwp_from=30", ["Davos", "Essen"]),
        ("kwp_from=9.9&kwp_to=30", ["Essen", "Plant A", "Plant B"]),
        ("country=CH", ["Davos"]),
        ("components=battery", ["Celle", "Essen", "Plant A", "Plant B"]),
        ("components=production", ALL),
        ("search=a&country=DE&kwp_to=10&components=meter&health=OK", ["Plant A", "Plant B"]),
    ],
)
def test_the_list_is_narrowed_by(many: Client, query: str, expected: list[str]):
    assert labels(many.get(f"{LISTS}?{query}")) == expected


def test_a_fleet_narrows_the_list_of_managers_only(many: Client, cast: Cast):
    fleet = Fleet.objects.get(label="Alps")
    assert labels(many.get(f"{LISTS}?fleet={fleet.pk}")) == ["Davos"]
    many.force_login(cast.alice)
    response = many.get(f"{LISTS}?fleet={fleet.pk}")
    assert (labels(response), "Alps" in words(response)) == (["Plant A"], False)


def test_links_of_the_states_count_what_they_lead_to(many: Client):
    response = many.get(f"{LISTS}?search=e")  # Celle, Essen and, by its street, nobody else
    assert labels(response) == ["Celle", "Essen"]
    assert "All Warning 1 Deactivated 1" in words(response)
    text = many.get(LISTS).content.decode()
    assert "All OK 2 Warning 1 Error 1 Deactivated 1" in words(many.get(LISTS))
    assert 'href="?status=activated&amp;health=ERROR"' in text
    assert 'href="?status=deactivated"' in text


def test_a_state_that_is_chosen_leads_back(many: Client):
    text = many.get(f"{LISTS}?search=a&status=deactivated").content.decode()
    assert 'aria-current="true"><span class="state state-off">Deactivated' in text
    assert '<input type="hidden" name="status" value="deactivated"' in text


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("kwp_from=big", "Enter a number."),
        ("kwp_to=-1", "Ensure this value is greater than or equal to 0."),
        ("country=XX", "Select a valid choice. XX is not one of the available choices."),
        ("components=roof", "Select a valid choice. roof is not one of the available choices."),
    ],
)
def test_a_filter_that_cannot_be_used_is_explained_at_its_field(many: Client, query: str, message: str):
    response = many.get(f"{LISTS}?{query}")
    assert message in words(response)
    assert re.search(r'<details class="plants-filters" open>', response.content.decode())
    assert labels(response) == ALL
    if query == "kwp_from=big":
        assert 'value="big"' in response.content.decode()


def test_what_is_nonsense_in_an_address_is_ignored(many: Client):
    for query in (
        "sort=colour",
        "health=PURPLE",
        "view=map",
        "page=x",
        "page=-3",
        "page=1e9",
        "search=a%00b",
        "fleet=7",
    ):
        response = many.get(f"{LISTS}?{query}")
        assert (response.status_code, labels(response)) == (200, ALL)


def test_filters_that_fit_nothing_can_be_cleared(many: Client):
    response = many.get(f"{LISTS}?search=xyz&sort=-power&view=table")
    assert "No plant matches" in words(response)
    assert 'href="?sort=-power&amp;view=table"' in response.content.decode()


def test_who_has_no_plants_reads_what_to_do(client: Client, cast: Cast):
    client.force_login(cast.charlie)
    text = words(client.get(LISTS))
    assert "Ask a manager of Sunny Co-operative to assign your plants to charlie@sunny.example." in text
    cast.plant_o.delete()
    client.force_login(cast.oskar)
    assert "This portal has no plants yet" in words(client.get("/p/other/plants"))


# --- Orders ----------------------------------------------------------------------------------------------------


@pytest.fixture
def sorted_field(many: Client) -> Client:
    plants = {plant.label: plant for plant in Plant.objects.all()}
    deliver(plants["Plant A"], ProdPac={LAST: 3000}, ProdEtotal={LAST: 12_000})
    deliver(plants["Celle"], ProdPac={LAST - 1: 4000}, ProdEtotal={LAST - 1: 10_000})
    deliver(plants["Davos"], ProdPac={LAST - 20: 80_000}, ProdEtotal={LAST - 20: 90_000})
    deliver(plants["Plant B"], SUNDAY - dt.timedelta(days=3), ProdPac={100: 9}, ProdEtotal={100: 99_000})
    return many


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("name", ALL),
        ("-name", ["Plant B", "Plant A", "Essen", "Davos", "Celle"]),
        ("state", ["Davos", "Celle", "Plant A", "Plant B", "Essen"]),
        ("-state", ["Essen", "Plant A", "Plant B", "Celle", "Davos"]),
        ("power", ["Plant A", "Celle", "Davos", "Essen", "Plant B"]),
        ("-power", ["Celle", "Plant A", "Davos", "Essen", "Plant B"]),
        ("today", ["Celle", "Plant A", "Davos", "Essen", "Plant B"]),
        ("-today", ["Davos", "Plant A", "Celle", "Essen", "Plant B"]),
        ("yield", ["Davos", "Plant A", "Celle", "Essen", "Plant B"]),
        ("-yield", ["Celle", "Plant A", "Davos", "Essen", "Plant B"]),
        ("month", ["Celle", "Plant A", "Davos", "Plant B", "Essen"]),
        ("-month", ["Plant B", "Davos", "Plant A", "Celle", "Essen"]),
        ("size", ["Celle", "Plant A", "Plant B", "Essen", "Davos"]),
        ("-size", ["Davos", "Essen", "Plant A", "Plant B", "Celle"]),
        ("data", ["Plant B", "Davos", "Celle", "Plant A", "Essen"]),
        ("-data", ["Plant A", "Celle", "Davos", "Plant B", "Essen"]),
    ],
)
def test_the_list_is_sorted_by(sorted_field: Client, sort: str, expected: list[str]):
    assert labels(sorted_field.get(f"{LISTS}?sort={sort}")) == expected


def test_headings_sort_and_say_how_the_table_is_sorted(many: Client):
    text = many.get(f"{LISTS}?view=table&search=a").content.decode()
    assert '<th scope="col" aria-sort="ascending"><a href="?view=table&amp;search=a&amp;sort=-name">' in text
    assert '<th scope="col" class="num"><a href="?view=table&amp;search=a&amp;sort=-power">' in text
    text = many.get(f"{LISTS}?view=table&sort=-power&page=1").content.decode()
    assert '<th scope="col" class="num" aria-sort="descending"><a href="?view=table&amp;sort=power">' in text
    assert text.count("aria-sort") == 1


def test_cards_can_be_sorted_without_scripts(many: Client):
    text = many.get(f"{LISTS}?sort=-size").content.decode()
    assert '<option value="-size" selected>Size, largest first</option>' in text
    assert "Apply" in text


# --- Pages and views -------------------------------------------------------------------------------------------


def crowd(cast: Cast, count: int) -> None:
    """More plants of the portal, with values of today."""
    made = Plant.objects.bulk_create(
        Plant(portal=cast.sunny, label=f"Roof {number:04}", size=1000 + number, timezone="Europe/Berlin")
        for number in range(count)
    )
    PlantLatest.objects.bulk_create(
        PlantLatest(plant=plant, data_at=NOW, power_at=NOW, power=number, day=SUNDAY, day_energy=number * 10)
        for number, plant in enumerate(made)
    )


def test_a_page_has_24_plants(manager: Client, cast: Cast):
    crowd(cast, 50)
    first, last = manager.get(LISTS), manager.get(f"{LISTS}?page=3")
    assert (labels(first)[0], len(labels(first))) == ("Plant A", 24)
    assert labels(last) == ["Roof 0046", "Roof 0047", "Roof 0048", "Roof 0049"]
    assert "49 to 52 of 52" in words(last)
    assert 'rel="next" href="?page=2"' in first.content.decode()
    assert 'rel="prev"' not in first.content.decode()
    assert 'rel="prev" href="?page=2"' in last.content.decode()
    assert 'rel="next"' not in last.content.decode()


def test_a_page_beyond_the_last_is_the_last(manager: Client, cast: Cast):
    crowd(cast, 30)
    assert labels(manager.get(f"{LISTS}?page=99"))[-1] == "Roof 0029"


def test_the_order_goes_over_all_pages_and_links_keep_it(manager: Client, cast: Cast):
    crowd(cast, 50)
    response = manager.get(f"{LISTS}?sort=-power&search=roof")
    assert labels(response)[0] == "Roof 0049"
    assert 'href="?sort=-power&amp;search=roof&amp;page=2"' in response.content.decode()
    assert "Power now 1.23 kW" in words(response)  # 0 + 1 + … + 49


def test_the_view_is_remembered(owner: Client):
    assert "plant-cards" in owner.get(LISTS).content.decode()
    response = owner.get(f"{LISTS}?view=table")
    assert "<table" in response.content.decode()
    assert (response.cookies["plants_view"].value, response.cookies["plants_view"]["samesite"]) == ("table", "Lax")
    assert "<table" in owner.get(LISTS).content.decode()
    assert "plant-cards" in owner.get(f"{LISTS}?view=cards").content.decode()


# --- What htmx asks for -------------------------------------------------------------------------------------------


def test_htmx_gets_what_changes_and_the_address_without_empty_fields(many: Client):
    response = many.get(f"{LISTS}?search=davos&country=&sort=", headers={"HX-Request": "true"})
    text = response.content.decode()
    assert (labels(response), "<html" in text, 'id="plants-list"' in text) == (["Davos"], False, True)
    assert 'id="plants-count" role="status" hx-swap-oob="innerHTML">1 plant</p>' in text
    assert 'aria-label="All these plants together" hx-swap-oob="true"' in text
    assert response["HX-Push-Url"] == "/p/sunny/plants?search=davos"
    assert "HX-Request" in response["Vary"]


def test_the_back_button_gets_the_whole_page(many: Client):
    headers = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    response = many.get(f"{LISTS}?search=davos", headers=headers)
    assert ("<html" in response.content.decode(), "HX-Push-Url" in response) == (True, False)


# --- Language and cost ----------------------------------------------------------------------------------------------


def test_german_numbers_have_german_separators(owner: Client, sunny_day: Plant):
    text = words(owner.get(LISTS, headers={"Accept-Language": "de"}))
    assert "3,42 kW" in text
    assert "12,3 kWh 1,23 kWh/kWp" in text


@pytest.mark.parametrize("view", ["cards", "table"])
def test_60_plants_cost_as_many_statements_as_3(
    manager: Client, cast: Cast, view: str, django_assert_max_num_queries: Any
):
    make_plant(cast.sunny, "Third")
    manager.get(LISTS)
    counts = []
    for more in (0, 57):
        crowd(cast, more)
        for plant in Plant.objects.all()[:5]:
            deliver(plant, ProdPac={LAST: 5})
        with django_assert_max_num_queries(12) as captured:
            manager.get(f"{LISTS}?view={view}&sort=-power&components=production&country=DE" if not more else LISTS)
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_every_file_the_page_loads_exists(owner: Client):
    text = owner.get(LISTS).content.decode()
    for address in re.findall(r'(?:src|href)="/static/([^"#]+)', text):
        assert finders.find(address), address
    assert "style=" not in text


# --- In the browser -----------------------------------------------------------------------------------------------


@pytest.fixture
def measured(cast: Cast) -> Cast:
    """Values of the last minutes, for a browser whose clock cannot be turned."""
    now = dt.datetime.now(dt.UTC)
    for plant, power in ((cast.plant_a, 3000), (cast.plant_b, 700)):
        day, slot = grid.locate(plant.zone, now)
        deliver(plant, day, ProdPac={slot: power, max(0, slot - 9): 400}, ProdEtotal={slot: 5000})
    Plant.objects.filter(pk=cast.plant_b.pk).update(health="ERROR")
    return cast


@pytest.mark.browser
def test_somebody_searches_goes_back_and_switches_the_view(measured: Cast, visit: Any):
    page = visit(measured.mona).to(LISTS)
    cards = page.locator(".plant-card")
    assert cards.count() == 2
    page.get_by_role("searchbox", name="Search").fill("plant b")
    page.wait_for_url("**/plants?search=plant+b")
    page.locator("#plants-count", has_text="1 plant").wait_for()
    assert cards.locator("h2").all_inner_texts() == ["Plant B"]
    page.get_by_role("link", name="Clear filters").click()
    expect(cards).to_have_count(2)
    page.go_back()
    page.locator("#plants-count", has_text="1 plant").wait_for()
    assert page.get_by_role("searchbox", name="Search").input_value() == "plant b"
    page.get_by_role("link", name="Table").click()
    expect(page.get_by_role("row")).to_have_count(2)


@pytest.mark.browser
def test_a_list_that_cannot_be_loaded_says_so(measured: Cast, visit: Any):
    visited = visit(measured.mona)
    page = visited.to(LISTS)
    visited.context.route("**/plants?*", lambda route: route.abort())
    page.get_by_role("searchbox", name="Search").fill("x")
    page.get_by_text("The list could not be loaded.").wait_for()
    assert len(visited.problems) >= 1
    visited.problems.clear()


@pytest.mark.browser
@pytest.mark.parametrize("view", ["cards", "table"])
def test_it_is_accessible_on_every_screen_light_and_dark(measured: Cast, visit: Any, assert_accessible: Any, view: str):
    for screen, scheme in (((1366, 900), "light"), (PHONE, "dark"), (PHONE, "light"), ((1366, 900), "dark")):
        page = visit(measured.mona, screen=screen, scheme=scheme).to(f"{LISTS}?view={view}&sort=-power&kwp_to=99")
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.browser
def test_german_words_fit_a_phone_too(measured: Cast, visit: Any):
    page = visit(measured.mona, screen=PHONE, locale="de-DE").to(f"{LISTS}?view=cards&kwp_from=1")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.browser
def test_an_empty_list_is_accessible(cast: Cast, visit: Any, assert_accessible: Any):
    assert_accessible(visit(cast.charlie).to(LISTS))
