"""Everything that can happen to an API, in any order: after every event each call gets what the reference model says.

Hypothesis makes up the stories. The portal is told them through its domain functions and its HTTP endpoints, the
reference (reference.py: sets and times only) in parallel. Tokens are kept, and asked again after every event.

The cast is made once; each story happens inside a savepoint that is rolled back, so that hundreds of them take
seconds and none sees another's rows. Whatever the portal refuses it undoes itself, to a savepoint further in.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast
from urllib.parse import urlencode

import orjson
import pytest
from django.db import connection, transaction
from django.test import Client
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from apps.accounts.changes import ChangeRefused, set_active
from apps.accounts.models import Membership
from apps.packages import clients, subscriptions
from apps.packages.catalog import Package
from apps.packages.models import ApiClient, ClientSecret, QuotaCounter, Subscription
from apps.plants.changes import assign, unassign
from apps.plants.models import Plant
from tests.api.calls import CALLS, Ids, ids_of
from tests.api.conftest import body_of
from tests.cast import Cast
from tests.clients_cast import FORM, ROBOT, TOKEN_URL, basic
from tests.gate.clock import START, Clock
from tests.gate.reference import FOREVER, HOUR, Program, Subscriber

OFFICE, ELSEWHERE = "192.0.2.7", "198.51.100.7"
OVERLAPS = {"now": 0 * HOUR, "1h": HOUR, "24h": 24 * HOUR, "7d": 168 * HOUR}
MOST_PROGRAMS, MOST_ASKED = 3, 10  # of a subscriber at once; of the latest tokens

Key = tuple[Program, str]  # a program with a secret or a token of it

# What is asked: the function, what it needs, the plant that must exist ("" for none), and whose ids are filled in.
QUESTIONS = (
    ("me", "basic", "", "a"),
    ("plant", "basic", "a", "a"),
    ("plants", "basic", "", "a"),
    ("plant_address", "basic", "b", "b"),
    ("plant_contacts", "basic", "o", "o"),
    ("component_channels", "advanced", "a", "a"),
    ("component_channels", "advanced", "nobody's", "b's devices in a"),
    ("component_year", "advanced", "b", "b"),
    ("component_year", "advanced", "o", "o"),
    ("fleet", "fleets", "", "a"),
    ("fleet_plants", "fleets", "nobody's", "o"),
)


# What happens, and how: names of methods of Story with their arguments; a key is one of the story so far.
APIS, KEYS = st.booleans(), st.integers(0, 99)
HOW: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "activate": {"portal": APIS, "package": st.sampled_from(Package)},
    "deactivate": {"portal": APIS},
    "suspend": {"portal": APIS},
    "resume": {"portal": APIS},
    "change_package": {"portal": APIS, "package": st.sampled_from(Package)},
    "create_client": {
        "portal": APIS,
        "only": st.sampled_from([None, {"a"}, {"b"}, {"a", "b"}, {"o"}]),
        "hours": st.sampled_from([None, 0.5, 0.5, 30]),
        "office": st.booleans(),
    },
    "issue_secret": {"key": KEYS},
    "rotate": {"key": KEYS, "overlap": st.sampled_from(sorted(OVERLAPS))},
    "revoke_secret": {"key": KEYS},
    "revoke_as_leaked": {"key": KEYS},
    "end_client": {"key": KEYS},
    "assign": {"letter": st.sampled_from("abo")},
    "unassign": {"letter": st.sampled_from("ab")},
    "disable_or_enable_the_user": {"portal": APIS},
    "off_and_on_again": {"portal": APIS, "how": st.sampled_from(["deactivate", "suspend", "disable"])},
    "wait_for_an_end": {"of": st.sampled_from(["secret", "program", "token"])},
    "time_passes": {"seconds": st.sampled_from([1, 1_799, 1_800, 1_801, 3_600, 82_800])},
    "token": {"key": KEYS, "by_header": st.booleans(), "office": st.booleans()},
    "call_everything": {"office": st.booleans()},
}
OFTEN = (
    "time_passes",
    "create_client",
    "rotate",
    "disable_or_enable_the_user",
)  # a story needs them before much else can be told apart
EVENTS = st.one_of(
    *(st.tuples(st.just(name), st.fixed_dictionaries(HOW[name])) for name in (*HOW, *OFTEN)),
)


@dataclass(frozen=True)
class World:
    """What all stories begin with."""

    cast: Cast
    ids: dict[str, Ids]
    clock: Clock
    browser: Client

    def plant(self, letter: str) -> Plant:
        plant: Plant = getattr(self.cast, f"plant_{letter}")
        return plant


class Story(RuleBasedStateMachine):
    """Alice with her User API, and the portal Sunny with its Portal API, which Mona manages."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world, self.clock = world, world.clock
        self.clock.now = START
        self.alice = Subscriber(plants={"a"}, has_user=True)
        self.sunny = Subscriber(plants={"a", "b"}, has_user=False)
        self.rows: dict[Program, ApiClient] = {}
        self.keys: list[Key] = []  # every secret of the story, dead or alive
        self.given: list[Key] = []  # every token of the story, dead or alive
        self.asked = self.tried = 0
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.savepoint.__exit__(None, None, None)

    # --- What happens ---------------------------------------------------------------------------------------

    @initialize(package=st.sampled_from(Package))
    def both_begin(self, package: Package) -> None:
        for who in (self.alice, self.sunny):
            self.switch_on(who, package)
            self.new_program(who, only=None, hours=None, office=False)

    @rule(event=EVENTS)
    def happens(self, event: tuple[str, dict[str, Any]]) -> None:
        """One rule for all events: Hypothesis would try some rules only, and leave others out of most stories."""
        name, how = event
        if "key" in how:
            how = {**how, "key": self.keys[how["key"] % len(self.keys)]}
        getattr(self, name)(**how)

    def activate(self, portal: bool, package: Package) -> None:
        self.switch_on(self.one_that_is("off") or self.who(portal), package)

    def deactivate(self, portal: bool) -> None:
        who = self.who(portal)
        may = who.status == "active"
        self.act(may, subscriptions.deactivate, self.subscription(who), ROBOT)
        if may:
            who.status = "off"
            for program in self.of(who):
                program.end()

    def suspend(self, portal: bool) -> None:
        who = self.who(portal)
        may = who.status == "active"
        self.act(may, subscriptions.suspend, self.subscription(who), ROBOT, "unpaid")
        if may:
            who.status = "suspended"
            for program in self.of(who):
                program.tokens = {}

    def resume(self, portal: bool) -> None:
        self.resume_one(self.one_that_is("suspended") or self.who(portal))

    def resume_one(self, who: Subscriber) -> None:
        may = who.status == "suspended"
        self.act(may, subscriptions.resume, self.subscription(who), ROBOT)
        who.status = "active" if may else who.status

    def change_package(self, portal: bool, package: Package) -> None:
        who = self.who(portal)
        may = who.status == "active"
        self.act(may, subscriptions.change_package, self.subscription(who), package, ROBOT)
        who.package = package.value if may else who.package

    def create_client(self, portal: bool, only: set[str] | None, hours: float | None, office: bool) -> None:
        who = self.who(portal)
        if sum(program.on for program in self.of(who)) < MOST_PROGRAMS:
            self.new_program(who, only, hours, office)

    def issue_secret(self, key: Key) -> None:
        program, _secret = key
        may = self.may_have_secrets(program) and len(program.live_secrets(self.clock.now)) < 2
        new = self.act(may, clients.issue_secret, self.rows[program], ROBOT)
        if may:
            program.secrets[new] = FOREVER
            self.keys.append((program, new))

    def rotate(self, key: Key, overlap: str) -> None:
        program, _secret = key
        room = overlap == "now" or len(program.live_secrets(self.clock.now)) < 2
        may = self.may_have_secrets(program) and room
        new = self.act(may, clients.rotate, self.rows[program], ROBOT, overlap)
        if may:
            program.rotate(new, self.clock.now, OVERLAPS[overlap])
            self.keys.append((program, new))

    def revoke_secret(self, key: Key) -> None:
        program, secret = key
        row = ClientSecret.objects.get(client=self.rows[program], hint=secret[-4:])
        self.act(secret in program.live_secrets(self.clock.now), clients.revoke_secret, row, ROBOT)
        program.secrets.pop(secret, None)

    def revoke_as_leaked(self, key: Key) -> None:
        program, _secret = key
        clients.revoke_as_leaked(self.rows[program], ROBOT)
        program.leaked()

    def end_client(self, key: Key) -> None:
        program, _secret = key
        self.act(program.on, clients.end_client, self.rows[program], ROBOT)
        program.end()

    def assign(self, letter: str) -> None:
        self.act(letter != "o", assign, self.world.plant(letter), self.world.cast.alice, ROBOT)
        self.alice.plants |= {letter} - {"o"}

    def unassign(self, letter: str) -> None:
        unassign(self.world.plant(letter), self.world.cast.alice, ROBOT)
        self.alice.plants -= {letter}

    def disable_or_enable_the_user(self, portal: bool) -> None:
        who = self.who(portal)
        set_active(self.world.cast.mona if portal else self.world.cast.alice, who.disabled, ROBOT)
        who.disabled = not who.disabled
        for program in self.of(who) if who.has_user else []:
            program.tokens = {}

    def off_and_on_again(self, portal: bool, how: str) -> None:
        """What ends must stay ended: the pair would be rare if chance had to find it."""
        who = self.who(portal)
        if who.status == "active" and not who.disabled:
            pairs: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {
                "deactivate": (lambda: self.deactivate(portal), lambda: self.switch_on(who, Package(who.package))),
                "suspend": (lambda: self.suspend(portal), lambda: self.resume_one(who)),
                "disable": (lambda: self.disable_or_enable_the_user(portal),) * 2,
            }
            for half in pairs[how]:
                half()
                self.every_token_gets_the_answer_of_the_reference()

    def wait_for_an_end(self, of: str) -> None:
        """To the very moment at which the next secret, program or token ends; then each secret is tried."""
        ends = {
            "secret": [end for program in self.rows for end in program.secrets.values()],
            "program": [program.until for program in self.rows],
            "token": [end for program in self.rows for end in program.tokens.values()],
        }
        self.clock.now = min((end for end in ends[of] if self.clock.now < end < FOREVER), default=self.clock.now)
        for key in self.keys:
            self.ask_for_token(*key, by_header=True, office=True, keep=False)

    def time_passes(self, seconds: int) -> None:
        """Programs without a living token ask for new ones."""
        self.clock.wait(seconds=seconds)
        for program in self.rows:
            if not any(self.clock.now < end for end in program.tokens.values()):
                for secret in list(program.secrets):
                    self.ask_for_token(program, secret, by_header=False, office=True)

    def token(self, key: Key, by_header: bool, office: bool) -> None:
        self.ask_for_token(*key, by_header, office)

    def call_everything(self, office: bool) -> None:
        for program, token in self.given[-MOST_ASKED:]:
            self.renew_quota()
            for question in QUESTIONS:
                self.call(program, token, question, office)

    # --- What must be true whatever happened ----------------------------------------------------------------

    @invariant()
    def every_token_gets_the_answer_of_the_reference(self) -> None:
        """Each token is asked one of the questions, another one after each event."""
        self.renew_quota()
        for program, token in self.given[-MOST_ASKED:]:
            self.asked += 1
            self.call(program, token, QUESTIONS[self.asked % len(QUESTIONS)], office=bool(self.asked % 3))

    @invariant()
    def the_token_endpoint_gives_the_answer_of_the_reference(self) -> None:
        """It is asked with one of the secrets, another one after each event."""
        if self.keys:
            self.tried += 1
            key = self.keys[self.tried % len(self.keys)]
            self.ask_for_token(*key, by_header=bool(self.tried % 2), office=bool(self.tried % 3), keep=False)

    def call(self, program: Program, token: str, question: tuple[str, str, str, str], office: bool) -> None:
        function, needs, plant, ids = question
        path = self.world.ids[ids].fill(CALLS[function])
        sent = {"Authorization": f"Bearer {token}"}
        response = self.world.browser.get(f"/api/v1/sunny/{path}", headers=sent, REMOTE_ADDR=_address(office))
        expected = program.answer(token, self.clock.now, office, needs, plant)
        assert response.status_code == expected, (question, program)
        if expected != 200:
            code = {401: "invalid_token", 403: "package_required", 404: "not_found"}[expected]
            assert response.json()["code"] == code
        elif function == "plants":
            labels = {plant["label"] for plant in orjson.loads(body_of(response))}
            assert labels == {f"Plant {letter.upper()}" for letter in program.plants()}

    def ask_for_token(self, program: Program, secret: str, by_header: bool, office: bool, *, keep: bool = True) -> None:
        """The token endpoint says what the reference says; a token it gives is kept for the rest of the story."""
        form, headers = {"grant_type": "client_credentials"}, {}
        client_id = self.rows[program].client_id
        if by_header:
            headers["Authorization"] = basic(client_id, secret)
        else:
            form |= {"client_id": client_id, "client_secret": secret}
        response = self.world.browser.post(
            TOKEN_URL, urlencode(form), content_type=FORM, headers=headers, REMOTE_ADDR=_address(office)
        )
        now = self.clock.now
        may = program.usable(now, office) and secret in program.live_secrets(now)
        assert response.status_code == (200 if may else 401), program
        body = response.json()
        if not may:
            assert body["error"] == "invalid_client"
        elif keep:
            program.tokens[body["access_token"]] = now + HOUR
            self.given.append((program, body["access_token"]))

    # --- Shared ---------------------------------------------------------------------------------------------

    def renew_quota(self) -> None:
        """No story ends for want of quota; that has tests of its own."""
        QuotaCounter.objects.all().delete()

    def act(self, may: bool, act: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Do something that must succeed where it `may`, and must be refused where not."""
        if may:
            return act(*arguments, **options)
        with pytest.raises(ChangeRefused):
            act(*arguments, **options)
        return None

    def who(self, portal: bool) -> Subscriber:
        return self.sunny if portal else self.alice

    def one_that_is(self, status: str) -> Subscriber | None:
        """So that what was stopped is often started again."""
        return next((who for who in (self.alice, self.sunny) if who.status == status), None)

    def of(self, who: Subscriber) -> list[Program]:
        return [program for program in self.rows if program.owner is who]

    def subscription(self, who: Subscriber) -> Subscription:
        cast = self.world.cast
        if who is self.alice:
            return Subscription.objects.get(membership__user=cast.alice)
        return Subscription.objects.get(portal=cast.sunny, membership=None)

    def switch_on(self, who: Subscriber, package: Package) -> None:
        cast, may = self.world.cast, who.status == "off" and not who.disabled
        if who is self.alice:
            member = Membership.objects.get(user=cast.alice)
            self.act(may, subscriptions.activate_user_api, member, package, ROBOT)
        else:
            by = Membership.objects.get(user=cast.mona)
            self.act(may, subscriptions.activate_portal_api, cast.sunny, by, package, ROBOT)
        if may:
            who.status, who.package = "active", package.value

    def new_program(self, who: Subscriber, only: set[str] | None, hours: float | None, office: bool) -> None:
        """A client in both worlds, with a token; refused in both where it may not be."""
        may = who.status == "active" and (only is None or only <= who.plants)
        until = self.clock.now + hours * HOUR if hours else None
        limits = {
            "plant_ids": None if only is None else [self.world.plant(letter).pk for letter in only],
            "networks": ["192.0.2.0/24"] if office else [],
            "expires_at": until,
        }
        name = f"client {len(self.rows)}"
        made = self.act(may, clients.create_client, self.subscription(who), name, ROBOT, **limits)
        if may:
            program = Program(owner=who, only=only, until=until or FOREVER, office=office)
            self.rows[program], secret = made
            program.secrets[secret] = FOREVER
            self.keys.append((program, secret))
            self.ask_for_token(program, secret, by_header=False, office=True)

    def may_have_secrets(self, program: Program) -> bool:
        return program.owner.status == "active" and program.on


def _address(office: bool) -> str:
    return OFFICE if office else ELSEWHERE


@pytest.fixture
def world(cast: Cast, clock: Clock) -> World:
    a, b = ids_of(cast.plant_a, cast.fleet_s), ids_of(cast.plant_b, cast.fleet_s)
    o = ids_of(cast.plant_o, cast.fleet_o)
    ids = {"a": a, "b": b, "o": o, "b's devices in a": a.with_children_of(b)}
    return World(cast, ids, clock, Client(raise_request_exception=False))


def test_whatever_happens_every_call_gets_what_the_reference_says(world: World) -> None:
    told = settings(
        max_examples=20 if connection.vendor == "sqlite" else 12,  # about 12 s on each
        stateful_step_count=40,
        deadline=None,
        derandomize=os.environ.get("REQUIRE_SERVICES") == "1" or "CI" in os.environ,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(cast(type[Story], partial(Story, world)), settings=told)


def test_the_clock_is_the_one_the_portal_reads_wherever_it_reads_it(cast: Cast, clock: Clock) -> None:
    """Also where a model took the function along as the default of a field."""
    clock.wait(hours=1)
    member = Membership.objects.get(user=cast.alice)
    subscription = subscriptions.activate_user_api(member, Package("basic"), ROBOT)
    client, _secret = clients.create_client(subscription, "default", ROBOT)
    row = ClientSecret.objects.get()
    assert {client.valid_after, client.created, row.created_at, subscription.since} == {START + HOUR}
