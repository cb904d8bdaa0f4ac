"""Users in the console: found, invited, changed, kept out, removed; each act with its record."""

import datetime as dt
import re

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from apps.accounts.access import Role
from apps.accounts.models import AuditEntry, Invitation, Membership, User
from apps.plants.models import Assignment
from tests.cast import Cast, make_plant, make_user
from tests.clients_cast import user_key
from tests.web.console_pages import manager, member, picked, recorded

LIST, INVITE = "/p/sunny/console/users", "/p/sunny/console/users/invite"
MONA = "mona@sunny.example"


def page_of(user: User, act: str = "") -> str:
    return f"{LIST}/{member(user).pk}{act}"


def rows(client: Client, query: str = "") -> list[str]:
    """The names in the list."""
    text = client.get(f"{LIST}{query}").content.decode()
    return re.findall(r'<th scope="row"><a href="[^"]*">(.*?)</a>', text)


# --- The list ------------------------------------------------------------------------------------------------


def test_everybody_in_the_portal_is_listed_and_nobody_else(client: Client, cast: Cast):
    assert rows(manager(client, cast)) == ["Alice", "Bob", "Charlie", "Mo", "Mona"]


def test_the_list_is_narrowed_by_name_role_and_state(client: Client, cast: Cast):
    User.objects.filter(pk=cast.bob.pk).update(is_active=False)
    manager(client, cast)
    assert rows(client, "?search=mo") == ["Mo", "Mona"]
    assert rows(client, "?role=manager") == ["Mona"]
    assert rows(client, "?state=disabled") == ["Bob"]
    assert rows(client, "?state=active&role=owner") == ["Alice", "Charlie"]
    assert "Nobody matches your search" in client.get(f"{LIST}?search=zz").content.decode()


def test_a_row_says_how_many_plants_and_which_api(client: Client, cast: Cast):
    user_key(cast.alice, cast.sunny, "advanced")
    text = manager(client, cast).get(f"{LIST}?search=alice").content.decode()
    cells = re.findall(r"<td[^>]*>(.*?)</td>", text, re.DOTALL)
    assert [re.sub(r"<[^>]+>", "", one).strip() for one in cells] == [
        "owner",
        "active",
        "never",
        "1",
        "Advanced, active",
    ]


def test_a_state_that_does_not_exist_finds_nobody_and_says_so(client: Client, cast: Cast):
    answer = manager(client, cast).get(f"{LIST}?state=asleep")
    assert answer.status_code == 200
    assert "not one of the available choices" in answer.content.decode()


def test_the_list_asks_the_same_number_of_statements_for_many(
    client: Client, cast: Cast, django_assert_max_num_queries
):
    for number in range(60):
        make_user(f"owner{number:02}@sunny.example", cast.sunny, Role.OWNER, [cast.plant_a])
    manager(client, cast)
    with django_assert_max_num_queries(12):
        assert len(rows(client)) == 50
    assert len(rows(client, "?page=2")) == 15


# --- Invitations -----------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_people_are_invited_with_plants_that_are_theirs_from_the_beginning(client: Client, cast: Cast):
    given = {"emails": "nina@new.example\n\nOLE@new.example, nina@new.example", "role": "owner", "name": "Ignored"}
    answer = manager(client, cast).post(INVITE, {**given, **picked([cast.plant_a, cast.plant_b])})
    assert (answer.status_code, answer.headers["Location"]) == (302, LIST)
    assert [letter.to for letter in mail.outbox] == [["nina@new.example"], ["ole@new.example"]]
    new = Assignment.objects.filter(membership__user__email__endswith="new.example")
    assert set(new.values_list("membership__user__email", "plant__label")) == {
        (email, label) for email in ("nina@new.example", "ole@new.example") for label in ("Plant A", "Plant B")
    }
    assert (MONA, "membership.created", "nina@new.example") in recorded()
    assert (MONA, "plants.assigned", "ole@new.example") in recorded()
    assert "2 people were invited." in client.get(LIST).content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_single_person_is_invited_by_name(client: Client, cast: Cast):
    manager(client, cast).post(INVITE, {"emails": "nina@new.example", "role": "manager", "name": "Nina", **picked()})
    user = User.objects.get(email="nina@new.example")
    assert (user.name, user.memberships.get().role) == ("Nina", "manager")
    assert rows(client, "?state=invited") == ["Nina"]


@pytest.mark.django_db(transaction=True)
def test_good_addresses_are_invited_and_bad_ones_stay_in_the_form_with_the_reason(client: Client, cast: Cast):
    given = {"emails": "nina@new.example\nnonsense\nalice@sunny.example", "role": "owner", **picked([cast.plant_b])}
    answer = manager(client, cast).post(INVITE, given)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "1 person was invited." in text
    assert ">\nnonsense\nalice@sunny.example</textarea>" in text
    assert "nonsense: Enter a valid email address." in text
    assert "alice@sunny.example: alice@sunny.example is already a member of the portal sunny." in text
    assert [letter.to for letter in mail.outbox] == [["nina@new.example"]]
    assert re.search(rf'value="{cast.plant_b.pk}" checked', text)


def test_a_foreign_plant_invites_nobody(client: Client, cast: Cast):
    given = {"emails": "nina@new.example", "role": "owner", "plants-ids": str(cast.plant_o.pk), "plants-more": ""}
    answer = manager(client, cast).post(INVITE, given)
    assert answer.status_code == 422
    assert "Something you chose is not in this portal" in answer.content.decode()
    assert "nina@new.example" in answer.content.decode()
    assert not User.objects.filter(email="nina@new.example").exists()


@pytest.mark.parametrize(
    ("emails", "said"),
    [("", "This field is required."), ("\n".join(f"a{n}@new.example" for n in range(51)), "At most 50 people")],
)
def test_what_cannot_be_sent_is_said_at_the_field(client: Client, cast: Cast, emails: str, said: str):
    answer = manager(client, cast).post(INVITE, {"emails": emails, "role": "owner", **picked()})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert recorded() == []


@pytest.mark.django_db(transaction=True)
def test_an_invitation_is_sent_again_or_cancelled(client: Client, cast: Cast):
    manager(client, cast).post(INVITE, {"emails": "nina@new.example", "role": "owner", **picked()})
    nina = User.objects.get(email="nina@new.example")
    Invitation.objects.update(expires_at=timezone.now() - dt.timedelta(days=1))
    assert "The invitation has expired." in client.get(page_of(nina)).content.decode()
    client.post(page_of(nina, "/invitation"))
    assert "has not chosen a password yet" in client.get(page_of(nina)).content.decode()
    assert len(mail.outbox) == 2
    answer = client.post(page_of(nina, "/invitation/cancel"))
    assert answer.headers["Location"] == LIST
    assert not User.objects.filter(email="nina@new.example").exists()
    acts = [action for _who, action, subject in recorded() if subject == "nina@new.example"]
    assert acts[2:] == ["invitation.resent", "membership.removed", "user.removed"]


def test_who_has_a_password_gets_no_invitation(client: Client, cast: Cast):
    manager(client, cast).post(page_of(cast.alice, "/invitation/cancel"))
    client.post(page_of(cast.alice, "/invitation"))
    assert "alice@sunny.example has a password already." in client.get(page_of(cast.alice)).content.decode()
    assert member(cast.alice)
    assert mail.outbox == []


# --- One person --------------------------------------------------------------------------------------------------


def test_a_role_is_changed(client: Client, cast: Cast):
    answer = manager(client, cast).post(page_of(cast.alice, "/role"), {"role": "monitoring"})
    assert answer.headers["Location"] == page_of(cast.alice)
    assert member(cast.alice).role == Role.MONITORING
    assert recorded() == [(MONA, "membership.role_changed", "alice@sunny.example")]
    assert "alice@sunny.example now has the role “monitoring”." in client.get(page_of(cast.alice)).content.decode()


@pytest.mark.parametrize(
    ("act", "form"),
    [
        ("/role", {"role": "owner"}),
        ("/access", {"active": "0", "reason": "tired"}),
        ("/remove", {"reason": "tired", "address": MONA}),
    ],
)
def test_the_last_manager_cannot_end_their_own_rights(client: Client, cast: Cast, act: str, form: dict[str, str]):
    answer = manager(client, cast).post(page_of(cast.mona, act), form)
    assert answer.status_code == 422
    assert "is the only active manager of this portal" in answer.content.decode()
    assert (member(cast.mona).role, recorded()) == (Role.MANAGER, [])


def test_one_of_two_managers_may_step_down_and_leaves_the_console(client: Client, cast: Cast):
    make_user("max@sunny.example", cast.sunny, Role.MANAGER)
    answer = manager(client, cast).post(page_of(cast.mona, "/role"), {"role": "owner"})
    assert answer.headers["Location"] == "/p/sunny/plants"
    assert client.get(LIST).status_code == 403


def test_a_person_is_disabled_and_enabled_with_a_reason(client: Client, cast: Cast):
    alice = Client()
    alice.force_login(cast.alice)
    manager(client, cast).post(page_of(cast.alice, "/access"), {"active": "0", "reason": "left"})
    assert alice.get("/p/sunny/plants").status_code == 302  # to the log-in page
    assert "cannot log in" in client.get(page_of(cast.alice)).content.decode()
    client.post(page_of(cast.alice, "/access"), {"active": "1", "reason": "back"})
    assert User.objects.get(pk=cast.alice.pk).is_active
    assert list(AuditEntry.objects.order_by("id").values_list("action", "portal__slug", "reason")) == [
        ("user.disabled", "sunny", "left"),
        ("user.enabled", "sunny", "back"),
    ]


def test_without_a_reason_nobody_is_disabled(client: Client, cast: Cast):
    answer = manager(client, cast).post(page_of(cast.alice, "/access"), {"active": "0", "reason": " "})
    assert answer.status_code == 422
    assert "This field is required." in answer.content.decode()
    assert User.objects.get(pk=cast.alice.pk).is_active


def test_who_is_in_another_portal_too_can_only_be_removed(client: Client, cast: Cast):
    Membership.objects.create(portal=cast.other, user=cast.alice, role=Role.OWNER)
    text = manager(client, cast).get(page_of(cast.alice)).content.decode()
    assert "does not belong to this portal alone" in text
    assert "/access" not in text
    assert client.post(page_of(cast.alice, "/access"), {"active": "0", "reason": "x"}).status_code == 422
    assert User.objects.get(pk=cast.alice.pk).is_active
    client.post(page_of(cast.alice, "/remove"), {"reason": "moved", "address": "alice@sunny.example"})
    assert [one.portal.slug for one in cast.alice.memberships.all()] == ["other"]


def test_removal_needs_the_address_typed_and_a_reason(client: Client, cast: Cast):
    answer = manager(client, cast).post(page_of(cast.alice, "/remove"), {"reason": "sold", "address": "alice"})
    assert answer.status_code == 422
    assert "Type alice@sunny.example to confirm." in answer.content.decode()
    assert 'value="sold"' in answer.content.decode()
    answer = client.post(page_of(cast.alice, "/remove"), {"reason": "sold", "address": "Alice@sunny.example"})
    assert answer.headers["Location"] == LIST
    assert not cast.alice.memberships.exists()
    assert AuditEntry.objects.get().reason == "sold"


def test_plants_are_assigned_and_taken_away(client: Client, cast: Cast):
    manager(client, cast).post(
        page_of(cast.charlie, "/plants"), {"act": "assign", **picked([cast.plant_a, cast.plant_b])}
    )
    client.post(page_of(cast.charlie, "/plants"), {"act": "unassign", **picked([cast.plant_a])})
    assert [one.plant for one in member(cast.charlie).assignments.all()] == [cast.plant_b]
    assert [action for _who, action, _subject in recorded()] == ["plants.assigned", "plants.unassigned"]
    text = client.get(page_of(cast.charlie)).content.decode()
    assert "Plant B" in text
    assert "Plants taken away" in text


def test_a_foreign_plant_is_not_assigned(client: Client, cast: Cast):
    form = {"act": "assign", "plants-ids": str(cast.plant_o.pk), "plants-more": ""}
    assert manager(client, cast).post(page_of(cast.charlie, "/plants"), form).status_code == 422
    assert not member(cast.charlie).assignments.exists()


def test_the_page_shows_only_what_was_done_to_this_person(client: Client, cast: Cast):
    manager(client, cast).post(page_of(cast.bob, "/role"), {"role": "monitoring"})
    user_key(cast.alice, cast.sunny)
    text = client.get(page_of(cast.alice)).content.decode()
    assert "API switched on" in text
    assert "Role changed" not in text


def test_the_page_asks_few_statements_whatever_there_is(client: Client, cast: Cast, django_assert_max_num_queries):
    plants = [make_plant(cast.sunny, f"Plant {number:02}") for number in range(30)]
    manager(client, cast).post(page_of(cast.alice, "/plants"), {"act": "assign", **picked(plants)})
    with django_assert_max_num_queries(16):
        assert client.get(page_of(cast.alice)).status_code == 200
