"""Makes the demo portal, or completes one: every step looks at what exists and adds what is missing."""

import datetime as dt
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Min

from apps.accounts.changes import create_portal
from apps.accounts.models import Portal
from apps.plants.changes import create_fleet
from apps.plants.models import Epoch, Fleet, Plant

from .blueprint import Span
from .building import build_plant
from .filling import Progress, fill, missing_days
from .notebook import Notebook
from .people import ACTOR, MANAGER, PEOPLE, give_portal_api, give_user_api, settle
from .plants import FIELD, PLANTS, ROOF, DemoPlant

SLUG = "demo"
FOURTEEN_MONTHS = 426  # days
FLEET = "Commercial plants (simulated)"

Tracking = Callable[[str, int], AbstractContextManager[Progress]]


@dataclass(frozen=True, slots=True)
class Seeded:
    """The demo portal as it stands, and how many values this start added."""

    plants: tuple[Plant, ...]
    notebook: Notebook
    values: int


def seed(now: dt.datetime, days: int | None, track: Tracking) -> Seeded:
    """The demo portal with everything up to `now`. A new one has a past of `days` days (14 months).

    `track(label, days)` shows the progress of one plant.
    """
    notebook = Notebook.open()
    with transaction.atomic():
        portal = _portal()
        spans = _spans(portal, now, days, notebook)
        plants = [build_plant(portal, demo, span) for demo, span in zip(PLANTS, spans, strict=True)]
        _build_fleet(portal, plants)
        _populate(portal, plants, notebook)
    notebook.save()
    built = zip(plants, PLANTS, spans, strict=True)
    values = sum(_complete(plant, demo, span, now, track) for plant, demo, span in built)
    return Seeded(tuple(plants), notebook, values)


def _portal() -> Portal:
    found = Portal.objects.filter(slug=SLUG).first()
    return found or create_portal(SLUG, "Helioport demo (simulated)", ACTOR)


def _spans(portal: Portal, now: dt.datetime, days: int | None, notebook: Notebook) -> list[Span]:
    """The days each plant's story is spread over; they stay what they were when the portal was made."""
    epochs = Epoch.objects.filter(plant__portal=portal, plant__identifier=PLANTS[0].identifier)
    first: dt.date | None = epochs.aggregate(first=Min("active_from"))["first"]
    notebook.days = (notebook.days if first else days) or FOURTEEN_MONTHS
    first = first or now.date() - dt.timedelta(days=notebook.days)
    return [Span(ZoneInfo(demo.timezone), first, notebook.days) for demo in PLANTS]


def _build_fleet(portal: Portal, plants: Sequence[Plant]) -> None:
    if not Fleet.objects.filter(portal=portal).exists():
        grouped = {demo.identifier for demo in (ROOF, FIELD)}
        members = [plant.pk for plant in plants if plant.identifier in grouped]
        create_fleet(portal, FLEET, members, ACTOR)


def _populate(portal: Portal, plants: Sequence[Plant], notebook: Notebook) -> None:
    members = {person.email: settle(person, portal, plants, notebook) for person in PEOPLE}
    for person in PEOPLE:
        give_user_api(person, members[person.email], notebook)
    give_portal_api(portal, members[MANAGER.email], notebook)


def _complete(plant: Plant, demo: DemoPlant, span: Span, now: dt.datetime, track: Tracking) -> int:
    """Store the days that are missing; returns how many values those are."""
    days = missing_days(plant, span, now)
    if not days:
        return 0
    with track(plant.label, len(days)) as progress:
        return fill(plant, demo, span, now, days, progress)
