"""What changes assignments and fleets: pages, admin and commands call these, so every act is recorded.

Each function is one transaction with its audit row, and raises ChangeRefused where the input is at fault.
"""

from collections.abc import Collection
from uuid import UUID

from django.db import transaction

from apps.accounts import audit
from apps.accounts.audit import Actor
from apps.accounts.changes import ChangeRefused, save_checked
from apps.accounts.models import Membership, Portal, User

from .models import Assignment, Fleet, Plant


class NotAMember(ChangeRefused):
    """The user has no role in the plant's portal."""


class UnknownPlants(ChangeRefused):
    """Plants that do not exist in this portal; a foreign one is as unknown as a random one."""


@transaction.atomic
def assign(plant: Plant, user: User, actor: Actor, reason: str = "") -> bool:
    """Let a member see a plant; returns whether that is new."""
    membership = _membership(plant, user)
    _, created = Assignment.objects.get_or_create(membership=membership, plant=plant)
    if created:
        audit.record(actor, "plant.assigned", user, portal=plant.portal, after=_named(plant), reason=reason)
    return created


@transaction.atomic
def unassign(plant: Plant, user: User, actor: Actor, reason: str = "") -> bool:
    """Take a plant from a member; returns whether they had it."""
    membership = _membership(plant, user)
    deleted, _ = Assignment.objects.filter(membership=membership, plant=plant).delete()
    if deleted:
        audit.record(actor, "plant.unassigned", user, portal=plant.portal, before=_named(plant), reason=reason)
    return bool(deleted)


def _membership(plant: Plant, user: User) -> Membership:
    membership = Membership.objects.filter(user=user, portal=plant.portal).first()
    if membership is None:
        raise NotAMember(
            "email", f"{user.email} is no member of the portal {plant.portal.slug}, to which the plant belongs."
        )
    return membership


def _named(plant: Plant) -> dict[str, str]:
    return {"plant": str(plant.pk), "label": plant.label}


@transaction.atomic
def create_fleet(portal: Portal, label: str, plants: Collection[UUID], actor: Actor) -> Fleet:
    """A named group of plants of one portal. Nothing is created where one of them is not there."""
    wanted = set(plants)
    found = list(Plant.objects.filter(portal=portal, pk__in=wanted))
    missing = _texts(wanted - {plant.pk for plant in found})
    if missing:
        raise UnknownPlants("plants", f"Not in the portal {portal.slug}: {', '.join(missing)}.")
    fleet = Fleet(portal=portal, label=label)
    save_checked(fleet)
    fleet.plants.set(found)
    audit.record(actor, "fleet.created", label, portal=portal, after={"plants": _texts(wanted)})
    return fleet


def _texts(ids: Collection[UUID]) -> list[str]:
    return sorted(str(id_) for id_ in ids)
