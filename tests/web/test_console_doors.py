"""The console is for managers of the portal: every address of it, whatever the method, and no id of another portal."""

import uuid
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import AuditEntry, Membership
from apps.plants.models import Fleet
from apps.web.console import urls
from tests.cast import Cast

SAMPLES = {"uuid": str(uuid.UUID(int=7)), "slug": "something", "int": "7"}


def address(pattern: Any) -> str:
    """The address of a route, with a made-up id where it has one."""
    text = str(pattern.pattern)
    for name, converter in pattern.pattern.converters.items():
        kind = type(converter).__name__.removesuffix("Converter").lower()
        text = text.replace(f"<{kind}:{name}>", SAMPLES[kind])
    assert "<" not in text
    return f"/p/sunny/{text}"


ROUTES = {pattern.name: address(pattern) for pattern in urls.urlpatterns}


@pytest.mark.parametrize("route", ROUTES)
def test_only_managers_of_the_portal_come_in(client: Client, cast: Cast, route: str):
    path = ROUTES[route]
    for ask in (client.get, client.post):
        assert ask(path).headers["Location"].startswith("/account/login/")
    for user in (cast.alice, cast.mo, cast.charlie):
        client.force_login(user)
        assert {client.get(path).status_code, client.post(path).status_code} in ({403}, {403, 405})
    client.force_login(cast.oskar)
    assert {client.get(path).status_code, client.post(path).status_code} == {404}
    assert not AuditEntry.objects.exists()


IDS = {
    "user": "get", "user_role": "post", "user_access": "post", "user_plants": "post", "user_remove": "post",
    "invitation_resend": "post", "invitation_cancel": "post",
    "fleet": "get", "delete_fleet": "post",
}  # fmt: skip


@pytest.mark.parametrize("route", IDS)
def test_a_foreign_id_is_as_unknown_as_none(client: Client, cast: Cast, route: str):
    client.force_login(cast.mona)
    foreign = cast.fleet_o.pk if "fleet" in route else cast.oskar.memberships.get().pk
    everything = {"role": "owner", "reason": "x", "address": "oskar@other.example", "confirmation": "Other fleet"}
    for id_ in (SAMPLES["uuid"], str(foreign)):
        path = ROUTES[route].replace(SAMPLES["uuid"], id_)
        assert client.get(path).status_code in ((404,) if IDS[route] == "get" else (404, 405))
        assert client.post(path, everything).status_code in ((404,) if IDS[route] == "post" else (404, 405))
    assert Membership.objects.filter(user=cast.oskar).exists()
    assert Fleet.objects.filter(pk=cast.fleet_o.pk).exists()
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("route", [name for name, method in IDS.items() if method == "post"])
def test_what_changes_something_is_not_done_by_following_a_link(client: Client, cast: Cast, route: str):
    client.force_login(cast.mona)
    own = cast.fleet_s.pk if "fleet" in route else cast.alice.memberships.get().pk
    assert client.get(ROUTES[route].replace(SAMPLES["uuid"], str(own))).status_code == 405
