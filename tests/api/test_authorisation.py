"""The authorisation matrix: who x which route x whose ids x which package. A route without a row here fails.

What each cell must be is worked out from two tables written down by hand: which function a package holds, and which
plants somebody sees. Nothing of it is imported from the portal.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from oauth2_provider.models import AccessToken

from apps.accounts.models import Membership, User
from apps.api import oauth
from apps.packages import clients, subscriptions
from apps.packages.models import ApiClient
from apps.plants.models import Assignment, Plant
from tests.api.calls import CALLS, MALFORMED_IDS, MORE_CALLS, UNKNOWN, Ids, ids_of
from tests.api.conftest import ACTOR, ApiCaller, body_of
from tests.cast import Cast, by_portal_api

Api = Callable[..., ApiCaller]

# --- Every route has its row ---------------------------------------------------------------------------------------

BASIC, ADVANCED, FLEETS = "every package", "advanced", "portal advanced"

# Route as the URL conf writes it -> the functions it holds, each with the package that it takes.
ROUTES: dict[str, dict[str, str]] = {
    "administration/plants": {"plants": BASIC, "plants_by_fleet": FLEETS},
    "administration/plant/<str:plantId>": {"plant": BASIC},
    "administration/plants/<str:plantId>/address": {"plant_address": BASIC},
    "administration/plants/<str:plantId>/contacts": {"plant_contacts": BASIC},
    "administration/fleets": {"fleets": FLEETS},
    "administration/fleet/<str:fleetId>": {"fleet": FLEETS},
    "administration/fleet/<str:fleetId>/plants": {"fleet_plants": FLEETS},
    "datasource/plant/<str:plantId>/components/<str:day>": {"components": BASIC},
    "datasource/plant/<str:plantId>/epochrange": {"epoch_range": BASIC},
    "datasource/plant/<str:plantId>/inverters": {"inverters": BASIC},
    "datasource/plant/<str:plantId>/events": {"events": BASIC, "events of a component": BASIC},
    "visualization/plant/<str:plantId>": {"plant_summary": BASIC},
    "visualization/plant/<str:plantId>/channels": {
        "plant_channels": BASIC,
        "component_channels": ADVANCED,
        "tracker_channels": ADVANCED,
        "channels of a string": ADVANCED,
    },
    "visualization/plant/<str:plantId>/cross-epoch/channels": {"cross_epoch_channels": ADVANCED},
    "visualization/plant/<str:plantId>/year/<str:year>/month/<str:month>": {
        "plant_month": BASIC,
        "component_month": ADVANCED,
    },
    "visualization/plant/<str:plantId>/year/<str:year>": {"plant_year": BASIC, "component_year": ADVANCED},
    "visualization/plant/<str:plantId>/lifetime": {"plant_lifetime": BASIC, "component_lifetime": ADVANCED},
    "visualization/plant/<str:plantId>/kpis": {"kpis": ADVANCED},
    "me": {"me": BASIC},
}
PUBLIC = {"api/v1/openapi.json"}
NEEDS = {name: needs for functions in ROUTES.values() for name, needs in functions.items()}
PATHS = {**CALLS, **MORE_CALLS}
LISTS = {
    "component": "componentIds[]",
    "device": "xComponentIds[]",
    "tracker": "mppTrackerIds[]",
    "string": "mppTrackerIds[]",
}


def routes(patterns: Any = None, prefix: str = "") -> Iterator[str]:
    """Every route of the URL conf, as text."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route


def test_every_route_below_api_has_a_row() -> None:
    found = {route for route in routes() if route.startswith("api")}
    assert found == PUBLIC | {base + route for route in ROUTES for base in ("api/v1/<slug:portal>/", "api/")}


def test_every_row_has_a_call() -> None:
    assert set(NEEDS) == set(PATHS)


# --- Whose ids -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Case:
    """Ids to fill in, and whose they are: "a", "b", "o", or "" for nobody's. `also` are more ids for a list."""

    plant: str
    children: str
    ids: Ids
    also: Ids | None = None
    malformed: bool = False

    def path(self, name: str) -> str:
        path, call = self.ids.fill(PATHS[name]), PATHS[name]
        for kind, parameter in LISTS.items():
            if self.also and f"{{{kind}}}" in call:
                path += f"&{parameter}={getattr(self.also, kind)}"
        return path


def cases(cast: Cast) -> list[Case]:
    own = {
        "a": ids_of(cast.plant_a, cast.fleet_s),
        "b": ids_of(cast.plant_b, cast.fleet_s),
        "o": ids_of(cast.plant_o, cast.fleet_o),
    }
    nobody = Ids()
    crossed = [("a", "b"), ("b", "a"), ("a", "o"), ("o", "a")]
    return [
        *(Case(owner, owner, ids) for owner, ids in own.items()),
        *(Case(plant, child, own[plant].with_children_of(own[child])) for plant, child in crossed),
        Case("a", "", own["a"].with_children_of(nobody)),
        Case("", "a", nobody.with_children_of(own["a"])),
        *(Case("a", "mixed", own["a"], also=more) for more in (own["b"], own["o"], nobody)),
        *(Case("a", "mixed", own["a"].with_children_of(more), also=own["a"]) for more in (own["b"], nobody)),
        Case("", "", nobody),
        Case("", "", MALFORMED_IDS, malformed=True),
    ]


def takes(name: str, *kinds: str) -> bool:
    return any(f"{{{kind}}}" in PATHS[name] for kind in kinds)


# --- Who -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody with a token: the plants that exist for them, and which fleets."""

    make: Callable[[str], ApiCaller]
    sees: str
    fleets: str = ""
    is_portal: bool = False


def limited(caller: ApiCaller, *plants: Plant) -> ApiCaller:
    """Another client of the same subscription, limited to some plants."""
    only = [plant.pk for plant in plants]
    client, _secret = clients.create_client(caller.subscription, "limited", ACTOR, plant_ids=only)
    return ApiCaller(oauth.issue_token(client), caller.portal, caller.subscription)


@pytest.fixture
def identities(measured: Cast, user_api: Api, portal_api: Api) -> dict[str, Identity]:
    def both_of(package: str) -> ApiCaller:
        Assignment.objects.create(membership=Membership.objects.get(user=measured.alice), plant=measured.plant_b)
        return limited(user_api(measured.alice, package), measured.plant_b)

    def by(user: User) -> Callable[[str], ApiCaller]:
        return lambda package: user_api(user, package)

    def of(manager: User) -> Callable[[str], ApiCaller]:
        return lambda package: portal_api(manager, package)

    return {
        "owner": Identity(by(measured.alice), "a"),
        "other owner": Identity(by(measured.bob), "b"),
        "stranger": Identity(by(measured.charlie), ""),
        "monitoring": Identity(by(measured.mo), ""),
        "manager by User API": Identity(by(measured.mona), ""),
        "other portal's manager by User API": Identity(by(measured.oskar), ""),
        "Portal API": Identity(of(measured.mona), "ab", "s", is_portal=True),
        "other portal's Portal API": Identity(of(measured.oskar), "o", "o", is_portal=True),
        "Portal API limited to plant A": Identity(
            lambda package: limited(portal_api(measured.mona, package), measured.plant_a), "a", "s", is_portal=True
        ),
        "owner of A and B limited to B": Identity(both_of, "b"),
    }


WHO = (
    "owner",
    "other owner",
    "stranger",
    "monitoring",
    "manager by User API",
    "other portal's manager by User API",
    "Portal API",
    "other portal's Portal API",
    "Portal API limited to plant A",
    "owner of A and B limited to B",
)


def expected(who: Identity, package: str, name: str, case: Case) -> int:
    """The status a call must have, from the two tables."""
    held = {BASIC: True, ADVANCED: package == "advanced", FLEETS: package == "advanced" and who.is_portal}
    if not held[NEEDS[name]]:
        return 403
    if case.malformed and "?" in PATHS[name] and takes(name, *LISTS, "fleet"):
        return 400
    if takes(name, "plant") and (not case.plant or case.plant not in who.sees):
        return 404
    if takes(name, *LISTS) and case.children != case.plant:
        return 404
    if name in ("fleet", "fleet_plants") and {"a": "s", "b": "s", "o": "o"}.get(case.plant) != who.fleets:
        return 404
    return 200


@pytest.mark.usefixtures("plenty")
@pytest.mark.parametrize("package", ["basic", "advanced"])
@pytest.mark.parametrize("name", WHO)
def test_everybody_reaches_exactly_their_own(
    name: str, package: str, identities: dict[str, Identity], measured: Cast
) -> None:
    who = identities[name]
    caller = who.make(package)
    asked: dict[str, int] = {}
    wanted: dict[str, int] = {}
    unknown = Gathered()
    for function in PATHS:
        for case in cases(measured):
            path = case.path(function)
            if path not in asked:
                response = caller.raw(f"/api/v1/{caller.portal}/{path}")
                asked[path], wanted[path] = response.status_code, expected(who, package, function, case)
                unknown.add(response)
    assert {path: (status, wanted[path]) for path, status in asked.items() if status != wanted[path]} == {}
    assert len(unknown.bodies) <= 1


def test_no_identity_is_forgotten(identities: dict[str, Identity]) -> None:
    assert set(identities) == set(WHO)


@dataclass
class Gathered:
    """The different bodies of 404 answers, less the request's id."""

    bodies: set[bytes] = field(default_factory=set)

    def add(self, response: Any) -> None:
        if response.status_code == 404:
            self.bodies.add(body_of(response).replace(response["X-Request-ID"].encode(), b""))


@pytest.mark.parametrize("name", WHO)
def test_lists_hold_the_visible_plants_and_no_other(name: str, identities: dict[str, Identity], measured: Cast) -> None:
    who = identities[name]
    caller = who.make("advanced")
    labels = [plant["label"] for plant in caller.json("administration/plants")]
    assert labels == [f"Plant {letter.upper()}" for letter in who.sees]
    if who.is_portal:
        [fleet] = caller.json("administration/fleets")
        assert (fleet["plantCount"], fleet["size"]) == (len(who.sees), len(who.sees) * 10_000)
        in_fleet = caller.json(f"administration/fleet/{fleet['id']}/plants")
        assert [plant["label"] for plant in in_fleet] == labels


# --- Who has nothing any more ----------------------------------------------------------------------------------------


def nothing(caller: ApiCaller, cast: Cast) -> None:
    pass


def expire(caller: ApiCaller, cast: Cast) -> None:
    AccessToken.objects.update(expires=dt.datetime(2025, 1, 1, tzinfo=dt.UTC))


def suspend(caller: ApiCaller, cast: Cast) -> None:
    subscriptions.suspend(caller.subscription, ACTOR, "unpaid")


def deactivate(caller: ApiCaller, cast: Cast) -> None:
    subscriptions.deactivate(caller.subscription, ACTOR)


def deactivate_and_activate(caller: ApiCaller, cast: Cast) -> None:
    deactivate(caller, cast)
    membership = Membership.objects.get(user=cast.alice)
    subscriptions.activate_user_api(membership, caller.subscription.package, ACTOR)  # type: ignore[arg-type]


def disable_user(caller: ApiCaller, cast: Cast) -> None:
    User.objects.filter(pk=cast.alice.pk).update(is_active=False)


def leak(caller: ApiCaller, cast: Cast) -> None:
    clients.revoke_as_leaked(ApiClient.objects.get(subscription=caller.subscription), ACTOR)


def leave_the_portal(caller: ApiCaller, cast: Cast) -> None:
    Membership.objects.filter(user=cast.alice).delete()


@pytest.mark.usefixtures("plenty")
@pytest.mark.parametrize(
    "happens",
    [expire, suspend, deactivate, deactivate_and_activate, disable_user, leak, leave_the_portal],
    ids=lambda act: act.__name__,
)
def test_a_token_is_dead_on_every_route_at_once(
    happens: Callable[[ApiCaller, Cast], None], user_api: Api, measured: Cast
) -> None:
    caller, own = user_api(measured.alice, "advanced"), ids_of(measured.plant_a, measured.fleet_s)
    assert caller.get("me").status_code == 200
    happens(caller, measured)
    refuses_everything(caller, own)


@pytest.mark.parametrize("token", ["", "x", "hpt_unknown", "\xe9", f"Bearer {UNKNOWN}"])
def test_without_a_living_token_every_route_is_closed(token: str, measured: Cast) -> None:
    own = ids_of(measured.plant_a, measured.fleet_s)
    refuses_everything(ApiCaller(token, "sunny", None), own)  # type: ignore[arg-type]


def refuses_everything(caller: ApiCaller, ids: Ids) -> None:
    """401 and the same body from every route, in both forms of its address, with every method."""
    bodies = set()
    for call in PATHS.values():
        for base in ("/api/v1/sunny/", "/api/v1/other/", "/api/"):
            response = caller.raw(base + ids.fill(call))
            assert response.status_code == 401, call
            bodies.add(response.content.replace(response["X-Request-ID"].encode(), b""))
        for method in ("HEAD", "OPTIONS", "POST"):
            assert caller.raw(f"/api/v1/sunny/{ids.fill(call)}", method).status_code == 401, call
    assert len(bodies) == 1


def test_a_plant_taken_away_is_gone_with_the_next_call(user_api: Api, measured: Cast) -> None:
    caller = user_api(measured.alice, "basic")
    path = ids_of(measured.plant_a, measured.fleet_s).fill(PATHS["plant_year"])
    etag = caller.get(path)["ETag"]
    Assignment.objects.filter(plant=measured.plant_a).delete()
    assert caller.get(path).status_code == 404
    assert caller.get(path, If_None_Match=etag).status_code == 404
    assert caller.json("administration/plants") == []


def test_the_portal_of_an_address_must_be_the_tokens(user_api: Api, portal_api: Api, measured: Cast) -> None:
    own, other = ids_of(measured.plant_a, measured.fleet_s), ids_of(measured.plant_o, measured.fleet_o)
    for caller, portal in (
        (user_api(measured.alice, "advanced"), "other"),
        (portal_api(measured.oskar, "advanced"), "sunny"),
    ):
        for call in PATHS.values():
            for ids in (own, other):
                assert caller.raw(f"/api/v1/{portal}/{ids.fill(call)}").status_code == 404, call


def test_the_cast_sees_what_this_file_says(measured: Cast) -> None:
    visible = Plant.objects.visible_to(by_portal_api(measured.sunny)).order_by("label")
    assert list(visible.values_list("label", flat=True)) == ["Plant A", "Plant B"]
