"""Who gets which answer from a page of a plant: the same table for each of them."""

from typing import Any
from uuid import UUID

from django.test import Client

from apps.accounts.models import User
from apps.plants.models import Plant
from tests.cast import Cast
from tests.web.test_frame import without_tokens

UNKNOWN = UUID("00000000-0000-4000-8000-000000000000")


def address(plant: Plant, page: str) -> str:
    return f"/p/{plant.portal.slug}/plants/{plant.pk}/{page}"


def get(client: Client, user: User, plant: Plant, page: str) -> Any:
    """The page as this user gets it."""
    client.force_login(user)
    return client.get(address(plant, page))


def text(client: Client, user: User, plant: Plant, page: str) -> str:
    """Its words with single spaces between them, tags and all."""
    response = get(client, user, plant, page)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def assert_only_for_who_sees_the_plant(client: Client, cast: Cast, page: str) -> None:
    """Its owner and the manager; to everybody else it is as unknown as a plant that does not exist."""
    there, nowhere = address(cast.plant_a, page), f"/p/sunny/plants/{UNKNOWN}/{page}"
    assert client.get(there).headers["Location"].startswith("/account/login/")
    for user in (cast.alice, cast.mona):
        client.force_login(user)
        assert client.get(there).status_code == 200
        assert client.post(there).status_code == 405
        assert client.get(nowhere).status_code == 404
        assert client.get(f"/p/sunny/plants/{cast.plant_o.pk}/{page}").status_code == 404
    for user in (cast.bob, cast.mo, cast.charlie, cast.oskar):
        client.force_login(user)
        foreign, unknown = client.get(there), client.get(nowhere)
        assert (foreign.status_code, unknown.status_code) == (404, 404)
        assert without_tokens(foreign) == without_tokens(unknown)
