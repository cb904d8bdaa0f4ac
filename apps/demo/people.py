"""Who is in the demo portal: users with generated passwords, what is assigned to them, and their APIs."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from apps.accounts.access import Role
from apps.accounts.audit import Actor
from apps.accounts.changes import create_user
from apps.accounts.models import Membership, Portal, User
from apps.packages.catalog import Package
from apps.packages.clients import create_client, rotate
from apps.packages.models import ApiClient, Subscription
from apps.packages.subscriptions import activate_portal_api, activate_user_api
from apps.plants.changes import assign
from apps.plants.models import Plant

from .notebook import Key, Login, Notebook
from .plants import FIELD, HOUSEHOLD, PLANTS, ROOF, DemoPlant

ACTOR = Actor("seed_demo")
CLIENT_NAME = "Demo client"


@dataclass(frozen=True, slots=True)
class Person:
    """A demo user; `package` is that of their User API, if they have one."""

    email: str
    name: str
    role: Role
    plants: tuple[DemoPlant, ...] = ()
    package: Package | None = None


MANAGER = Person("manager@demo.example.org", "Mara Manager", Role.MANAGER)
PEOPLE = (
    MANAGER,
    Person("anna@demo.example.org", "Anna Owner", Role.OWNER, (HOUSEHOLD,), Package.BASIC),
    Person("otto@demo.example.org", "Otto Owner", Role.OWNER, (ROOF, FIELD), Package.ADVANCED),
    Person("mona@demo.example.org", "Mona Monitor", Role.MONITORING, PLANTS),
)
PORTAL_PACKAGE = Package.ADVANCED
PORTAL_KEY = "portal"


def settle(person: Person, portal: Portal, plants: Sequence[Plant], notebook: Notebook) -> Membership:
    """The person as a member with a noted password and their plants; whoever is there already stays as they are."""
    membership = Membership.objects.filter(portal=portal, user__email=person.email).first()
    if membership is None:
        membership = _join(person, portal)
        _assign(person, membership, plants)
    login = notebook.logins.get(person.email)
    if login is None or login.user != str(membership.user_id):
        notebook.logins[person.email] = _new_password(membership.user)
    return membership


def _join(person: Person, portal: Portal) -> Membership:
    membership = create_user(person.email, portal, person.role, ACTOR)
    user = membership.user
    user.name = person.name
    user.is_staff = user.is_superuser = person.role is Role.MANAGER
    user.save(update_fields=["name", "is_staff", "is_superuser"])
    return membership


def _assign(person: Person, membership: Membership, plants: Sequence[Plant]) -> None:
    wanted = {demo.identifier for demo in person.plants}
    for plant in plants:
        if plant.identifier in wanted:
            assign(plant, membership.user, ACTOR)


def _new_password(user: User) -> Login:
    password = f"sun-{secrets.token_hex(6)}"
    user.set_password(password)
    user.save(update_fields=["password"])
    return Login(str(user.pk), password)


def give_user_api(person: Person, membership: Membership, notebook: Notebook) -> None:
    """The person's User API with a noted client; one they have switched off stays off."""
    if person.package is None:
        return
    subscription = Subscription.objects.filter(membership=membership).first()
    if subscription is None:
        subscription = activate_user_api(membership, person.package, ACTOR)
    _note_key(person.email, subscription, notebook)


def give_portal_api(portal: Portal, manager: Membership, notebook: Notebook) -> None:
    """The Portal API, activated by the manager, with a noted client; one switched off stays off."""
    subscription = Subscription.objects.filter(portal=portal, membership=None).first()
    if subscription is None:
        subscription = activate_portal_api(portal, manager, PORTAL_PACKAGE, Actor(manager.user.email))
    _note_key(PORTAL_KEY, subscription, notebook)


def _note_key(name: str, subscription: Subscription, notebook: Notebook) -> None:
    """Credentials that work; those noted before, as long as the database knows them."""
    known = notebook.keys.get(name)
    clients = ApiClient.objects.filter(subscription=subscription)
    if known and clients.filter(client_id=known.client_id).exists():
        return
    notebook.keys.pop(name, None)
    if subscription.status == Subscription.Status.ACTIVE:
        notebook.keys[name] = _new_key(subscription)


def _new_key(subscription: Subscription) -> Key:
    """A new secret for the demo's client, whose former one nobody has noted."""
    client = ApiClient.objects.filter(subscription=subscription, name=CLIENT_NAME, enabled=True).first()
    if client is not None:
        return Key(client.client_id, rotate(client, ACTOR, "now"))
    client, secret = create_client(subscription, CLIENT_NAME, ACTOR)
    return Key(client.client_id, secret)
