"""What changes assignments and fleets: pages, admin and commands call these, so every act is recorded.

Each function is one transaction with its audit row, and raises ChangeRefused where the input is at fault.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.accounts import audit
from apps.accounts.audit import Actor, Change
from apps.accounts.changes import ChangeRefused, save_checked
from apps.accounts.models import Membership, Portal, User

from .models import Assignment, Fleet, Plant

MOST_PAIRS = 50_000  # plants × people of one act
_BATCH = 1_000  # rows of one INSERT


class NotAMember(ChangeRefused):
    """The user has no role in the plant's portal."""


class UnknownPlants(ChangeRefused):
    """Plants that do not exist in this portal; a foreign one is as unknown as a random one."""


class TooMany(ChangeRefused):
    """More at once than one act should hold the database for."""


# --- One plant, one person ---------------------------------------------------------------------------------


@transaction.atomic
def assign(plant: Plant, user: User, actor: Actor, reason: str = "") -> bool:
    """Let a member see a plant; returns whether that is new."""
    membership = _membership(plant, user)
    _row, created = Assignment.objects.get_or_create(membership=membership, plant=plant)
    if created:
        audit.record(actor, "plant.assigned", user, portal=plant.portal, after=_named(plant), reason=reason)
    return created


@transaction.atomic
def unassign(plant: Plant, user: User, actor: Actor, reason: str = "") -> bool:
    """Take a plant from a member; returns whether they had it."""
    membership = _membership(plant, user)
    deleted, _rows = Assignment.objects.filter(membership=membership, plant=plant).delete()
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


# --- Many plants, many people --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pairs:
    """Plants × people of an act: how many there are, and how many of them are assigned (before the act)."""

    plants: int
    people: int
    assigned: int

    @property
    def unassigned(self) -> int:
        return self.plants * self.people - self.assigned


def pairs(plants: QuerySet[Plant], memberships: QuerySet[Membership]) -> Pairs:
    """What an act on all of these would find; shown before it is confirmed. TooMany above MOST_PAIRS."""
    found = Pairs(plants.count(), memberships.count(), _between(plants, memberships).count())
    if found.plants * found.people > MOST_PAIRS:
        raise TooMany("plants", _("At most %d assignments can be changed at once. Choose fewer.") % MOST_PAIRS)
    return found


@transaction.atomic
def assign_many(
    portal: Portal, plants: QuerySet[Plant], memberships: QuerySet[Membership], actor: Actor, reason: str = ""
) -> Pairs:
    """Let every one of these members see every one of these plants; returns what was found before.

    A few statements whatever the number: the database is asked for what is there, and what is missing is added.
    The record has one row for each person whose plants changed, with all of these plants: that is the sentence
    somebody looks for later ("what became visible to her?"), where a row for each pair would bury all other acts.
    """
    people = _locked(portal, plants, memberships)
    found, labels, had = pairs(plants, memberships), _labels(plants), _had(plants, memberships)
    new = {one.pk: labels.keys() - had.get(one.pk, set()) for one in people}
    rows = [Assignment(membership=one, plant_id=plant) for one in people for plant in new[one.pk]]
    Assignment.objects.bulk_create(rows, batch_size=_BATCH, ignore_conflicts=True)
    changes = [Change(one.user, after=_listed(new[one.pk], labels)) for one in people if new[one.pk]]
    audit.record_each(actor, "plants.assigned", changes, portal=portal, reason=reason)
    return found


@transaction.atomic
def unassign_many(
    portal: Portal, plants: QuerySet[Plant], memberships: QuerySet[Membership], actor: Actor, reason: str = ""
) -> Pairs:
    """Take every one of these plants from every one of these members; returns what was found before.

    The record is as that of assign_many.
    """
    people = _locked(portal, plants, memberships)
    found, labels, had = pairs(plants, memberships), _labels(plants), _had(plants, memberships)
    _between(plants, memberships).delete()
    changes = [Change(one.user, before=_listed(had[one.pk], labels)) for one in people if one.pk in had]
    audit.record_each(actor, "plants.unassigned", changes, portal=portal, reason=reason)
    return found


def _between(plants: QuerySet[Plant], memberships: QuerySet[Membership]) -> QuerySet[Assignment]:
    ids = plants.order_by().values("pk"), memberships.order_by().values("pk")
    return Assignment.objects.filter(plant__in=ids[0], membership__in=ids[1])


def _locked(portal: Portal, plants: QuerySet[Plant], memberships: QuerySet[Membership]) -> list[Membership]:
    """The members, held so that a second act on them waits for this one; refused unless all are of the portal."""
    if plants.exclude(portal=portal).exists():
        raise UnknownPlants("plants", _("These plants do not belong to this portal."))
    if memberships.exclude(portal=portal).exists():
        raise NotAMember("members", _("These people do not belong to this portal."))
    return list(memberships.order_by("pk").select_related("user").select_for_update(of=("self",)))


def _labels(plants: QuerySet[Plant]) -> dict[UUID, str]:
    return dict(plants.order_by().values_list("pk", "label"))


def _had(plants: QuerySet[Plant], memberships: QuerySet[Membership]) -> dict[UUID, set[UUID]]:
    had: dict[UUID, set[UUID]] = {}
    for membership, plant in _between(plants, memberships).values_list("membership", "plant"):
        had.setdefault(membership, set()).add(plant)
    return had


def _listed(ids: Iterable[UUID], labels: dict[UUID, str]) -> dict[str, dict[str, str]]:
    return {"plants": {str(id_): labels[id_] for id_ in sorted(ids, key=lambda id_: (labels[id_], id_))}}


# --- Fleets ----------------------------------------------------------------------------------------------------


@transaction.atomic
def create_fleet(portal: Portal, label: str, plants: Collection[UUID], actor: Actor, *, description: str = "") -> Fleet:
    """A named group of plants of one portal. Nothing is created where one of them is not there."""
    found = _found(portal, plants)
    fleet = Fleet(portal=portal, label=label, description=description)
    save_checked(fleet)
    fleet.plants.set(found)
    audit.record(actor, "fleet.created", label, portal=portal, after={"plants": _texts(plants)})
    return fleet


@transaction.atomic
def change_fleet(fleet: Fleet, label: str, description: str, plants: Collection[UUID], actor: Actor) -> bool:
    """Another name, description or other plants; returns whether that changed anything. The record names only that."""
    row = Fleet.objects.select_for_update().get(pk=fleet.pk)
    found, had = _found(row.portal, plants), set(row.plants.values_list("pk", flat=True))
    before = {"label": row.label, "description": row.description, "plants": _texts(had)}
    after = {"label": label, "description": description, "plants": _texts(plants)}
    changed = [name for name in before if before[name] != after[name]]
    if not changed:
        return False
    row.label, row.description = label, description
    save_checked(row)
    row.plants.set(found)
    old, new = _only(before, changed), _only(after, changed)
    audit.record(actor, "fleet.changed", label, portal=row.portal, before=old, after=new)
    return True


@transaction.atomic
def delete_fleet(fleet: Fleet, actor: Actor, reason: str = "") -> None:
    """End a group; its plants stay as they are."""
    before = {"description": fleet.description, "plants": _texts(fleet.plants.values_list("pk", flat=True))}
    audit.record(actor, "fleet.deleted", fleet.label, portal=fleet.portal, before=before, reason=reason)
    fleet.delete()


def _found(portal: Portal, plants: Collection[UUID]) -> list[Plant]:
    """The plants with these ids, all of them of the portal; UnknownPlants names the others."""
    found = list(Plant.objects.filter(portal=portal, pk__in=plants).only("pk"))
    missing = _texts(set(plants) - {plant.pk for plant in found})
    if missing:
        raise UnknownPlants("plants", f"Not in the portal {portal.slug}: {', '.join(missing)}.")
    return found


def _texts(ids: Iterable[UUID]) -> list[str]:
    return sorted({str(id_) for id_ in ids})


def _only(values: dict[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: values[name] for name in names}
