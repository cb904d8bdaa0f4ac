"""The cast of the tests: two portals, six people, three plants, and plain functions that make more of them.

Sunny's Mona manages, Mo monitors (nothing is assigned to him), Alice owns plant_a, Bob owns plant_b, Charlie owns
nothing yet. Oskar manages the other portal with plant_o.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from apps.accounts.access import Access, Role, Via
from apps.accounts.models import Membership, Portal, User
from apps.measurements.channels import Level, at
from apps.plants.models import (
    Address,
    Assignment,
    Component,
    Contact,
    Epoch,
    Fleet,
    ModuleString,
    MppTracker,
    Plant,
)

PASSWORD = "a quiet afternoon in the sun"
FIRST_DAY = dt.date(2025, 1, 1)

_BUILT_IN = (
    (Component.Type.INVERTER, "Inverter 1", ["production"], Level.INVERTER, 10_000),
    (Component.Type.METER, "Consumption", ["consumption", "meter"], Level.METER, 0),
    (Component.Type.SENSOR, "Sensor", ["sensors"], Level.SENSOR, 0),
    (Component.Type.BATTERY, "Battery", ["battery"], Level.BATTERY, 0),
)


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody and everything, freshly made for one test."""

    sunny: Portal
    other: Portal
    mona: User
    mo: User
    alice: User
    bob: User
    charlie: User
    oskar: User
    plant_a: Plant
    plant_b: Plant
    plant_o: Plant
    fleet_s: Fleet
    fleet_o: Fleet


def make_cast() -> Cast:
    """The whole cast in the database."""
    sunny = Portal.objects.create(slug="sunny", name="Sunny Co-operative")
    other = Portal.objects.create(slug="other", name="Other Portal")
    plant_a, plant_b = make_plant(sunny, "Plant A"), make_plant(sunny, "Plant B")
    plant_o = make_plant(other, "Plant O")
    return Cast(
        sunny=sunny,
        other=other,
        mona=make_user("mona@sunny.example", sunny, Role.MANAGER),
        mo=make_user("mo@sunny.example", sunny, Role.MONITORING),
        alice=make_user("alice@sunny.example", sunny, Role.OWNER, [plant_a]),
        bob=make_user("bob@sunny.example", sunny, Role.OWNER, [plant_b]),
        charlie=make_user("charlie@sunny.example", sunny, Role.OWNER),
        oskar=make_user("oskar@other.example", other, Role.MANAGER),
        plant_a=plant_a,
        plant_b=plant_b,
        plant_o=plant_o,
        fleet_s=make_fleet(sunny, "Sunny fleet", [plant_a, plant_b]),
        fleet_o=make_fleet(other, "Other fleet", [plant_o]),
    )


def make_user(email: str, portal: Portal, role: Role, plants: Iterable[Plant] = ()) -> User:
    """A user with PASSWORD, a role in the portal, and plants assigned."""
    user = User.objects.create_user(email, PASSWORD, name=email.split("@")[0].capitalize())
    membership = Membership.objects.create(portal=portal, user=user, role=role)
    Assignment.objects.bulk_create(Assignment(membership=membership, plant=plant) for plant in plants)
    return user


def make_fleet(portal: Portal, label: str, plants: Iterable[Plant]) -> Fleet:
    """A fleet with these plants."""
    fleet = Fleet.objects.create(portal=portal, label=label)
    fleet.plants.set(plants)
    return fleet


def make_plant(portal: Portal, label: str, timezone: str = "Europe/Berlin", size: int = 10_000) -> Plant:
    """A plant with address, contact, and one epoch from FIRST_DAY: inverter, consumption meter, sensor, battery."""
    plant = Plant.objects.create(
        portal=portal,
        label=label,
        size=size,
        timezone=timezone,
        address=Address.objects.create(street="Sonnenweg", house_number="1", city="Ulm", country="DE"),
        latitude=48.4,
        longitude=10.0,
    )
    Contact.objects.create(plant=plant, first_name="Ina", last_name="Stall", company="Roof & Sun")
    make_epoch(plant, FIRST_DAY)
    return plant


def make_epoch(plant: Plant, active_from: dt.date) -> Epoch:
    """A configuration with one device of each kind and new cross-epoch ids."""
    epoch = Epoch.objects.create(plant=plant, active_from=active_from)
    components = [
        Component(
            epoch=epoch,
            type=type_,
            name=name,
            classes=classes,
            size=size,
            dataindex=index,
            sort_order=index,
            channels=_stored_at(level),
        )
        for index, (type_, name, classes, level, size) in enumerate(_BUILT_IN)
    ]
    Component.objects.bulk_create(components)
    _connect_strings(components[0])
    return epoch


def _connect_strings(inverter: Component) -> None:
    """Two MPP trackers with two strings each."""
    trackers = [
        MppTracker(
            component=inverter,
            index=index,
            size=inverter.size // 2,
            field_index=index,
            orientation=180,
            tilt=30,
            channels=_stored_at(Level.TRACKER),
        )
        for index in (1, 2)
    ]
    MppTracker.objects.bulk_create(trackers)
    ModuleString.objects.bulk_create(
        ModuleString(
            component=inverter,
            tracker=trackers[index // 2],
            index=index + 1,
            size=inverter.size // 4,
            channels=_stored_at(Level.STRING),
        )
        for index in range(4)
    )


def _stored_at(level: Level) -> list[str]:
    return [channel.name for channel in at(level) if not channel.derived]


# --- Who asks ----------------------------------------------------------------------------------------------


def in_browser(user: User, portal: Portal) -> Access:
    """What a session of `user` in `portal` carries."""
    role = Role(Membership.objects.get(user=user, portal=portal).role)
    return Access(portal=portal.pk, portal_slug=portal.slug, via=Via.BROWSER, user=user.pk, role=role)


def by_user_api(user: User, portal: Portal, package: str = "advanced", only: Iterable[Plant] | None = None) -> Access:
    """What a User API token of `user` carries; `only` limits its client to some plants."""
    role = Role(Membership.objects.get(user=user, portal=portal).role)
    return Access(
        portal=portal.pk,
        portal_slug=portal.slug,
        via=Via.USER_API,
        user=user.pk,
        role=role,
        package=package,
        plant_subset=None if only is None else frozenset(plant.pk for plant in only),
    )


def by_portal_api(portal: Portal, package: str = "advanced", only: Iterable[Plant] | None = None) -> Access:
    """What a Portal API token carries."""
    return Access(
        portal=portal.pk,
        portal_slug=portal.slug,
        via=Via.PORTAL_API,
        package=package,
        plant_subset=None if only is None else frozenset(plant.pk for plant in only),
    )
