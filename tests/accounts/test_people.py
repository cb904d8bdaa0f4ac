"""The list of members is narrowed by name, role and state; the database and the words agree about the state."""

import datetime as dt

import pytest
from django.utils import timezone

from apps.accounts import people
from apps.accounts.invitations import State, state_of
from apps.accounts.models import Invitation, User
from tests.cast import Cast


def invite(user: User, days: int) -> None:
    """A user without a password, with a link that ends in so many days."""
    user.set_unusable_password()
    user.save()
    ends = timezone.now() + dt.timedelta(days=days)
    Invitation.objects.create(membership=user.memberships.get(), digest=user.email, expires_at=ends)


@pytest.fixture
def everybody(cast: Cast) -> Cast:
    """Mo is invited, Alice's link has expired, Bob never got one, Charlie is disabled, Mona is active."""
    invite(cast.mo, days=1)
    invite(cast.alice, days=-1)
    cast.bob.set_unusable_password()
    cast.bob.save()
    User.objects.filter(pk=cast.charlie.pk).update(is_active=False)
    return cast


@pytest.mark.parametrize(
    ("state", "name"),
    [("active", "mona"), ("invited", "mo"), ("expired", "alice"), ("uninvited", "bob"), ("disabled", "charlie")],
)
def test_a_state_finds_those_who_are_in_it(everybody: Cast, state: str, name: str):
    found = people.matching(people.members(everybody.sunny), state=state)
    assert [(row.user.email, state_of(row)) for row in found] == [(f"{name}@sunny.example", State(state))]


def test_names_addresses_and_roles_narrow_the_list(cast: Cast):
    def found(**given: str) -> list[str]:
        return [row.user.name for row in people.matching(people.members(cast.sunny), **given)]

    assert found() == ["Alice", "Bob", "Charlie", "Mo", "Mona"]
    assert found(text="MO") == ["Mo", "Mona"]
    assert found(text="bob@") == ["Bob"]
    assert found(role="owner") == ["Alice", "Bob", "Charlie"]
