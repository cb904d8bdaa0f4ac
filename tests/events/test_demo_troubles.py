"""What goes wrong in the demo is found in its measurements, and nothing else."""

import datetime as dt
from zoneinfo import ZoneInfo

from apps.accounts.models import Portal
from apps.demo.blueprint import Span
from apps.demo.building import build_plant
from apps.demo.filling import fill
from apps.demo.plants import ROOF
from apps.events.detection import detect_days
from apps.measurements import grid
from tests.events.plant_days import detected


def test_the_roofs_broken_string_dead_inverter_and_silent_logger_are_found(sunny: Portal):
    """Twenty days hold the whole story of the roof."""
    span = Span(ZoneInfo("Europe/Berlin"), dt.date(2026, 6, 2), 20)
    plant = build_plant(sunny, ROOF, span)
    last = span.day(1)
    now = grid.start(plant.zone, last) + dt.timedelta(hours=12)
    fill(plant, ROOF, span, now, list(grid.days(span.first, last)), lambda _days: None)
    detect_days(plant, span.first, last, now)
    silent = "Inverter does not produce although the sun shines"
    assert detected(plant) == [
        ("Roof inverter 1", silent, "04. 11:30", "04. 12:00"),
        ("Roof inverter 2", "String 2 delivers less than its siblings", "09. 14:15", "12. 13:50"),
        ("Roof inverter 3", silent, "11. 13:05", "14. 00:00"),  # then it was replaced
        ("plant", "Plant delivers no data", "17. 15:30", "19. 01:30"),
    ]
