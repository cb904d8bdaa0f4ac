"""Which plants and fleets exist for whom: written down by hand for every role and every door."""

from collections.abc import Callable

import pytest
from django.forms.models import model_to_dict

from apps.accounts.access import Access, Via
from apps.plants.models import Assignment, Fleet, Plant
from apps.plants.querysets import find_visible
from tests.cast import Cast, by_portal_api, by_user_api, in_browser

EXPECTED: dict[str, tuple[Callable[[Cast], Access], set[str]]] = {
    "manager in the browser": (lambda cast: in_browser(cast.mona, cast.sunny), {"Plant A", "Plant B"}),
    "monitoring in the browser": (lambda cast: in_browser(cast.mo, cast.sunny), set()),
    "owner in the browser": (lambda cast: in_browser(cast.alice, cast.sunny), {"Plant A"}),
    "other owner in the browser": (lambda cast: in_browser(cast.bob, cast.sunny), {"Plant B"}),
    "owner of nothing in the browser": (lambda cast: in_browser(cast.charlie, cast.sunny), set()),
    "other portal's manager in the browser": (lambda cast: in_browser(cast.oskar, cast.other), {"Plant O"}),
    "manager by User API": (lambda cast: by_user_api(cast.mona, cast.sunny), set()),
    "monitoring by User API": (lambda cast: by_user_api(cast.mo, cast.sunny), set()),
    "owner by User API": (lambda cast: by_user_api(cast.alice, cast.sunny), {"Plant A"}),
    "other owner by User API": (lambda cast: by_user_api(cast.bob, cast.sunny), {"Plant B"}),
    "owner of nothing by User API": (lambda cast: by_user_api(cast.charlie, cast.sunny), set()),
    "Portal API": (lambda cast: by_portal_api(cast.sunny), {"Plant A", "Plant B"}),
    "other Portal API": (lambda cast: by_portal_api(cast.other), {"Plant O"}),
    "User API limited to an own plant": (
        lambda cast: by_user_api(cast.alice, cast.sunny, only=[cast.plant_a]),
        {"Plant A"},
    ),
    "User API limited to a plant of somebody else": (
        lambda cast: by_user_api(cast.alice, cast.sunny, only=[cast.plant_b]),
        set(),
    ),
    "User API limited to nothing": (lambda cast: by_user_api(cast.alice, cast.sunny, only=[]), set()),
    "Portal API limited to a plant": (lambda cast: by_portal_api(cast.sunny, only=[cast.plant_b]), {"Plant B"}),
    "Portal API limited to a foreign plant": (lambda cast: by_portal_api(cast.sunny, only=[cast.plant_o]), set()),
}


def labels(access: Access) -> set[str]:
    found = [plant.label for plant in Plant.objects.visible_to(access)]
    assert len(found) == len(set(found)), "a plant is listed twice"
    return set(found)


@pytest.mark.parametrize("who", EXPECTED)
def test_everybody_sees_exactly_their_plants(cast: Cast, who: str):
    access, expected = EXPECTED[who]
    assert labels(access(cast)) == expected


@pytest.mark.parametrize("who", EXPECTED)
def test_one_plant_is_found_where_it_is_among_all(cast: Cast, who: str):
    make, expected = EXPECTED[who]
    access = make(cast)
    for plant in (cast.plant_a, cast.plant_b, cast.plant_o):
        found = find_visible(Plant, access, plant.pk)
        assert (found is not None) == (plant.label in expected)
        assert found is None or model_to_dict(found) == model_to_dict(Plant.objects.get(pk=plant.pk))
    assert find_visible(Plant, access, cast.sunny.pk) is None


def test_an_assignment_opens_the_door_for_monitoring_and_for_a_managers_user_api(cast: Cast):
    for user in (cast.mo, cast.mona):
        Assignment.objects.create(membership=user.memberships.get(), plant=cast.plant_b)
        assert labels(by_user_api(user, cast.sunny)) == {"Plant B"}
    assert labels(in_browser(cast.mo, cast.sunny)) == {"Plant B"}


def test_a_lost_assignment_closes_it_with_the_next_query(cast: Cast):
    access = by_user_api(cast.alice, cast.sunny)
    Assignment.objects.filter(plant=cast.plant_a).delete()
    assert labels(access) == set()


def test_a_member_of_two_portals_sees_each_from_its_own_door_only(cast: Cast):
    membership = cast.alice.memberships.create(portal=cast.other, role="owner")
    Assignment.objects.create(membership=membership, plant=cast.plant_o)
    assert labels(in_browser(cast.alice, cast.sunny)) == {"Plant A"}
    assert labels(in_browser(cast.alice, cast.other)) == {"Plant O"}
    assert labels(by_user_api(cast.alice, cast.other)) == {"Plant O"}


def test_a_plant_of_many_owners_is_listed_once_for_everybody(cast: Cast):
    for user in (cast.bob, cast.charlie, cast.mona):
        Assignment.objects.create(membership=user.memberships.get(), plant=cast.plant_a)
    assert labels(in_browser(cast.bob, cast.sunny)) == {"Plant A", "Plant B"}
    assert labels(in_browser(cast.mona, cast.sunny)) == {"Plant A", "Plant B"}


def test_who_is_nobody_sees_nothing_not_even_unassigned_plants(cast: Cast):
    Assignment.objects.all().delete()
    for via in (Via.BROWSER, Via.USER_API):
        nobody = Access(portal=cast.sunny.pk, portal_slug="sunny", via=via)
        assert labels(nobody) == set()


def test_fleets_exist_for_those_who_see_the_whole_portal(cast: Cast):
    for access in (in_browser(cast.mona, cast.sunny), by_portal_api(cast.sunny)):
        assert list(Fleet.objects.visible_to(access)) == [cast.fleet_s]
    for access in (
        in_browser(cast.alice, cast.sunny),
        in_browser(cast.mo, cast.sunny),
        by_user_api(cast.alice, cast.sunny),
        by_user_api(cast.mona, cast.sunny),
    ):
        assert not Fleet.objects.visible_to(access).exists()


def test_a_portal_api_limited_to_some_plants_sees_no_foreign_plant_through_a_fleet(cast: Cast):
    access = by_portal_api(cast.sunny, only=[cast.plant_a])
    fleet = Fleet.objects.visible_to(access).get()
    assert list(fleet.plants.all() & Plant.objects.visible_to(access)) == [cast.plant_a]
