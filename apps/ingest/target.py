"""Which plant an import writes into: the one named, the one known by its label, or a new one.

An operator's command acts for a whole portal, so it goes through the same door as a Portal API client:
a plant of another portal does not exist for it.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.accounts import audit, statements
from apps.accounts.access import Access, Via
from apps.accounts.models import Portal
from apps.plants.models import Plant, zone_names


class Refused(Exception):
    """The import cannot be done as asked; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the operator wants the data: a plant by id, or by label within the portal."""

    portal: str
    label: str
    timezone: str
    plant: UUID | None = None


def open_portal(target: Target) -> Portal:
    """The portal, locked so that two imports cannot both create the plant. Needs a transaction."""
    if target.timezone not in zone_names():
        raise Refused(f"'{target.timezone}' is not an IANA time zone such as Europe/Berlin.")
    if not target.label.strip() or len(target.label) > 200:
        raise Refused("The label must have 1 to 200 characters.")
    portal = Portal.objects.select_for_update(no_key=True).filter(slug=target.portal).first()
    if portal is None:
        raise Refused(f"There is no portal '{target.portal}'. Make it first: create_portal.")
    return portal


def find_plant(portal: Portal, target: Target, is_same: Callable[[Plant], bool]) -> Plant | None:
    """The plant to extend; None where one has to be made. `is_same` judges plants of equal label."""
    access = Access(portal=portal.id, portal_slug=portal.slug, via=Via.PORTAL_API)
    plants = Plant.objects.visible_to(access).select_related("portal", "address")
    if target.plant is None:
        labelled = plants.filter(label=target.label.strip()).order_by("created_at", "id")
        plant = next((candidate for candidate in labelled if is_same(candidate)), None)
    else:
        plant = plants.filter(id=target.plant).first()
        if plant is None:
            raise Refused(f"Portal '{portal.slug}' has no plant {target.plant}.")
    if plant and plant.timezone != target.timezone:
        raise Refused(
            f"Plant {plant.id} is in the zone {plant.timezone}, not {target.timezone}: "
            "its data would land on wrong times."
        )
    return plant


def create_plant(portal: Portal, target: Target, **fields: Any) -> Plant:
    """A new plant, on record as made from the command line."""
    label = target.label.strip()
    plant = Plant.objects.create(portal=portal, label=label, timezone=target.timezone, **fields)
    audit.record(
        audit.COMMAND_LINE,
        "plant.created",
        plant.id,
        portal=portal,
        after={"label": label, "timezone": target.timezone, "by": "import"},
    )
    return plant


_NOTE = """
    UPDATE plants_plant SET last_transfer = %s, last_transfer_type = %s
    WHERE id = %s AND (last_transfer IS NULL OR last_transfer <= %s) RETURNING id
"""


def note_transfer(plant: Plant, latest: dt.datetime | None, kind: str = "IMPORT") -> None:
    """Keep the time of the latest record as the plant's last transfer, unless a newer one is known."""
    if latest is None:
        return
    if statements.fetch(_NOTE, [latest, kind, plant.pk, latest]):
        plant.last_transfer, plant.last_transfer_type = latest, kind
