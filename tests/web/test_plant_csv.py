"""The CSV of what is shown: exact times, empty where a value is missing, nothing a spreadsheet would run."""

import datetime as dt

import numpy as np
from django.test import Client

from apps.measurements import store
from apps.plants.models import Component
from tests.cast import Cast
from tests.web.plant_data import AUTUMN, GAP, MIDSUMMER, SPRING, address, csv_lines, device, drawing, fill, values


def test_a_day_has_its_units_both_times_and_empty_cells(client: Client, cast: Cast):
    fill(cast.plant_a, gap=GAP)
    client.force_login(cast.alice)
    lines = csv_lines(client, cast.plant_a, "?date=2025-06-21")
    assert len(lines) == 289
    assert lines[0] == "Local time (Europe/Berlin),UTC,Production (W),Consumption (W),State of charge (%)"
    assert lines[1] == "2025-06-21T00:00:00+02:00,2025-06-20T22:00:00Z,0,500,40.5"
    assert lines[121] == "2025-06-21T10:00:00+02:00,2025-06-21T08:00:00Z,1200,500,40.5"
    assert lines[122] == "2025-06-21T10:05:00+02:00,2025-06-21T08:05:00Z,,,"


def test_both_days_on_which_clocks_change_are_exact(client: Client, cast: Cast):
    fill(cast.plant_a, [SPRING, AUTUMN])
    client.force_login(cast.alice)
    spring = csv_lines(client, cast.plant_a, "?date=2025-03-30&channels=ProdPac")
    assert (len(spring), spring[25]) == (277, "2025-03-30T03:00:00+02:00,2025-03-30T01:00:00Z,240")
    autumn = csv_lines(client, cast.plant_a, "?date=2025-10-26&channels=ProdPac")
    assert len(autumn) == 301
    assert autumn[25] == "2025-10-26T02:00:00+02:00,2025-10-26T00:00:00Z,240"
    assert autumn[37] == "2025-10-26T02:00:00+01:00,2025-10-26T01:00:00Z,360"


def test_it_holds_what_the_drawing_holds(client: Client, cast: Cast):
    fill(cast.plant_a, [MIDSUMMER, dt.date(2025, 6, 20)], gap=GAP)
    client.force_login(cast.alice)
    for query in ("?date=2025-06-21&compare=2025-06-20", "?period=month&date=2025-06", "?period=year&date=2025"):
        drawn = drawing(client, cast.plant_a, query)
        columns = [
            column for one in drawn["series"] for column in (one["values"], one["compared"]) if column is not None
        ]
        rows = [line.split(",")[2:] for line in csv_lines(client, cast.plant_a, query)[1:]]
        expected = [["" if cell is None else str(cell) for cell in row] for row in zip(*columns, strict=True)]
        assert rows == expected
        assert len(rows) in (288, 30, 12)


def test_negative_numbers_stay_numbers_and_names_are_no_formulas(client: Client, cast: Cast):
    fill(cast.plant_a)
    Component.objects.filter(epoch__plant=cast.plant_a, type="Sensor").update(name="=HYPERLINK(0)")
    client.force_login(cast.alice)
    query = f"?date=2025-06-21&devices={device(cast.plant_a, 'Sensor')}&channels=TempAmbient"
    lines = csv_lines(client, cast.plant_a, query)
    assert lines[0] == "Local time (Europe/Berlin),UTC,'=HYPERLINK(0): Ambient temperature (°C)"
    assert lines[1].endswith(",-150")


def test_the_name_of_the_file_says_plant_and_period_and_nothing_else(client: Client, cast: Cast):
    cast.plant_a.label = 'Dach "Süd"\r\n/../x; filename=y'
    cast.plant_a.save()
    client.force_login(cast.alice)
    for query, name in (
        ("?date=2025-06-21", "dach-sud-x-filenamey-2025-06-21.csv"),
        ("?period=month&date=2025-06-21", "dach-sud-x-filenamey-2025-06.csv"),
        ("?period=year&date=2025", "dach-sud-x-filenamey-2025.csv"),
    ):
        response = client.get(address(cast.plant_a, query, "/data.csv"))
        assert response.headers["Content-Disposition"] == f'attachment; filename="{name}"'
        assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert response.headers["Cache-Control"] == "private, no-cache"


def test_the_table_on_the_page_holds_the_same(client: Client, cast: Cast):
    fill(cast.plant_a, gap=GAP)
    client.force_login(cast.alice)
    page = client.get(address(cast.plant_a, "?date=2025-06-21&channels=ProdPac&table=1"))
    cells = [row.cells[0] for row in page.context["rows"]]
    assert (cells[120], cells[121], cells[287]) == ("1,200", None, "2,870")
    drawn = values(drawing(client, cast.plant_a, "?date=2025-06-21&channels=ProdPac"), "ProdPac")
    assert [None if cell is None else int(cell.replace(",", "")) for cell in cells] == drawn
    assert '<td class="num"><span class="no-data">no data</span></td>' in page.content.decode()
    assert '<time datetime="2025-06-21T10:00:00+02:00">10:00 (+02:00)</time>' in page.content.decode()


def test_a_value_of_0_is_not_an_empty_cell(client: Client, cast: Cast):
    inverter = device(cast.plant_a, "Inverter")
    store.write(cast.plant_a, [store.DayReadings(inverter, MIDSUMMER, {("ProdPac", 0): np.zeros(288)})])
    client.force_login(cast.alice)
    assert csv_lines(client, cast.plant_a, "?date=2025-06-21&channels=ProdPac")[1].endswith("Z,0")
