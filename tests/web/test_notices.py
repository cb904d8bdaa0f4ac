"""Mails about plants: the page on which people choose them, and the link that ends them."""

import datetime as dt
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from apps.accounts.models import Membership
from apps.events import choices, notices
from apps.events.models import ComponentEvent, NoticeChoice, NoticePlan
from apps.plants.models import Assignment, Plant
from tests.cast import Cast
from tests.web.conftest import PHONE, logged_in

PAGE = "/p/sunny/notices"
PLAN = {
    "level": "warnings",
    "pace": "daily",
    "daily_hour": "6",
    "quiet_from": "22:00",
    "quiet_until": "06:00",
    "timezone": "Europe/Vienna",
}


@pytest.fixture
def alice(client: Client, cast: Cast) -> Client:
    return logged_in(cast.alice)


def levels(cast: Cast) -> dict[str, str]:
    rows = NoticeChoice.objects.filter(membership__user=cast.alice).select_related("plant")
    return {row.plant.label if row.plant else "all": row.level for row in rows}


# --- For all plants --------------------------------------------------------------------------------------------------


def test_who_never_chose_gets_nothing_and_sees_so(alice: Client, cast: Cast):
    form = alice.get(PAGE).context["form"]
    assert (form["level"].value(), form["timezone"].value()) == ("nothing", "Europe/Berlin")
    assert not NoticePlan.objects.exists()


def test_what_and_when_are_saved_and_shown_again(alice: Client, cast: Cast):
    answer = alice.post(f"{PAGE}/mails", PLAN, follow=True)
    assert answer.redirect_chain == [(PAGE, 302)]
    assert "Your mails are set." in answer.text
    plan = NoticePlan.objects.get(user=cast.alice)
    assert (plan.pace, plan.daily_hour, plan.timezone) == ("daily", 6, "Europe/Vienna")
    assert (plan.quiet_from, plan.quiet_until) == (dt.time(22), dt.time(6))
    assert levels(cast) == {"all": "warnings"}
    form = answer.context["form"]
    assert {name: str(form[name].value()) for name in ("level", "pace", "daily_hour", "timezone")} == {
        "level": "warnings",
        "pace": "daily",
        "daily_hour": "6",
        "timezone": "Europe/Vienna",
    }
    assert 'value="22:00"' in answer.text


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"quiet_from": "22:00", "quiet_until": ""}, "quiet_until", "Quiet hours need a beginning and an end."),
        ({"quiet_from": "", "quiet_until": "06:00"}, "quiet_from", "Quiet hours need a beginning and an end."),
        (
            {"quiet_from": "06:00", "quiet_until": "06:00"},
            "quiet_until",
            "Quiet hours end at another time than they begin.",
        ),
        ({"quiet_from": "late"}, "quiet_from", "Enter a valid time."),
        ({"timezone": "Europe/Atlantis"}, "timezone", None),
        ({"level": "all"}, "level", None),
        ({"daily_hour": "24"}, "daily_hour", None),
    ],
)
def test_a_mistake_is_named_at_its_field_and_nothing_is_saved(
    alice: Client, cast: Cast, given: dict[str, str], field: str, message: str | None
):
    answer = alice.post(f"{PAGE}/mails", PLAN | given)
    assert answer.status_code == 422
    errors = answer.context["form"].errors
    assert list(errors) == [field]
    assert message is None or errors[field] == [message]
    assert not NoticePlan.objects.exists()
    assert not NoticeChoice.objects.exists()


# --- For single plants -----------------------------------------------------------------------------------------------


def test_a_plant_can_have_a_choice_of_its_own_and_lose_it(alice: Client, cast: Cast):
    key = str(cast.plant_a.pk)
    answer = alice.post(f"{PAGE}/plants", {key: "everything"}, follow=True)
    assert "Your choices are saved." in answer.text
    assert levels(cast) == {"Plant A": "everything"}
    assert NoticePlan.objects.get(user=cast.alice).timezone == "Europe/Berlin"
    alice.post(f"{PAGE}/plants", {key: ""})
    assert levels(cast) == {}


@pytest.mark.parametrize("plant", ["plant_b", "plant_o"])
def test_a_plant_one_does_not_see_is_unknown(alice: Client, cast: Cast, plant: str):
    foreign = getattr(cast, plant)
    answer = alice.post(f"{PAGE}/plants", {str(cast.plant_a.pk): "errors", str(foreign.pk): "errors"})
    assert answer.status_code == 404
    assert not NoticeChoice.objects.exists()
    assert foreign.label not in alice.get(PAGE).text


def test_a_level_there_is_not_is_refused(alice: Client, cast: Cast):
    answer = alice.post(f"{PAGE}/plants", {str(cast.plant_a.pk): "gossip"})
    assert answer.status_code == 422
    assert "gossip" in answer.text


def test_many_plants_are_searched_and_paged_those_with_a_choice_first(cast: Cast, django_assert_max_num_queries: Any):
    member = Membership.objects.get(user=cast.alice, portal=cast.sunny)
    made = Plant.objects.bulk_create(
        Plant(portal=cast.sunny, label=f"Roof {n:02}", timezone="Europe/Berlin") for n in range(45)
    )
    Assignment.objects.bulk_create(Assignment(membership=member, plant=plant) for plant in made)
    client = logged_in(cast.alice)
    client.post(f"{PAGE}/plants", {str(made[40].pk): "errors"})
    with django_assert_max_num_queries(12):
        page = client.get(PAGE)
    shown = [plant.label for plant, _field in page.context["plants"].rows()]
    assert (shown[:3], len(shown)) == (["Roof 40", "Plant A", "Roof 00"], 20)
    assert "Page 1 of 3" in page.text
    found = client.get(PAGE, {"search": "roof 1"}).context["plants"].rows()
    assert [plant.label for plant, _field in found] == [f"Roof {n}" for n in range(10, 20)]
    saved = client.post(f"{PAGE}/plants", {str(made[11].pk): "errors", "search": "roof 1"})
    assert saved["Location"] == f"{PAGE}?search=roof+1"


def test_who_sees_no_plant_reads_why(cast: Cast):
    page = logged_in(cast.charlie).get(PAGE).text
    assert "You see no plants yet. The portal manager assigns them." in page
    assert "No plant matches." in logged_in(cast.alice).get(PAGE, {"search": "nowhere"}).text


def test_the_account_leads_here(alice: Client):
    assert f'href="{PAGE}"' in alice.get("/account").text


# --- The link in the mail --------------------------------------------------------------------------------------------


def subscribed(cast: Cast) -> str:
    """Alice gets a mail; the address in its header."""
    logged_in(cast.alice).post(f"{PAGE}/mails", PLAN | {"pace": "hourly", "quiet_from": "", "quiet_until": ""})
    now = timezone.now()
    ComponentEvent.objects.create(
        plant=cast.plant_a, device_id=cast.plant_a.datasource_id, started_at=now, status_code=6, severity="error"
    )
    assert notices.send_digests(now + dt.timedelta(seconds=1)) == 1
    header: str = mail.outbox[-1].extra_headers["List-Unsubscribe"]
    return header.strip("<>").removeprefix("http://testserver")


def test_opening_the_link_asks_and_changes_nothing(cast: Cast):
    address = subscribed(cast)
    page = Client().get(address)
    assert (page.status_code, "No more mails about plants?" in page.text) == (200, True)
    assert levels(cast) == {"all": "warnings"}


def test_one_post_without_login_or_cookie_ends_the_mails(cast: Cast):
    address = subscribed(cast)
    stranger = Client(enforce_csrf_checks=True)  # a mail program, as RFC 8058 has it
    answer = stranger.post(address, {"List-Unsubscribe": "One-Click"})
    assert (answer.status_code, "You get no more mails about plants" in answer.text) == (200, True)
    assert levels(cast) == {}
    assert stranger.post(address).status_code == 200  # again


def test_a_link_that_was_tampered_with_is_unknown(cast: Cast):
    address = subscribed(cast)
    for broken in (address[:-1], "/notices/stop/nonsense", address.replace("stop/", "stop/x")):
        assert Client().post(broken).status_code == 404
    assert levels(cast) == {"all": "warnings"}


def test_the_link_lets_nobody_in(cast: Cast):
    address = subscribed(cast)
    client = Client()
    client.post(address)
    assert client.get(PAGE)["Location"].startswith("/account/login/")


def test_a_token_of_somebody_who_is_gone_is_unknown(cast: Cast):
    token = choices.token_of(cast.charlie)
    cast.charlie.delete()
    assert Client().get(f"/notices/stop/{token}").status_code == 404


# --- In a browser ----------------------------------------------------------------------------------------------------


@pytest.mark.browser
def test_choosing_on_a_phone_in_german(cast: Cast, visit: Any, assert_accessible: Any):
    page = visit(cast.alice, screen=PHONE, scheme="dark", locale="de-DE").to(PAGE)
    page.get_by_label("Fehler und Warnungen").first.check()
    page.get_by_role("button", name="Speichern").first.click()
    page.get_by_text("Ihre Mails sind eingestellt.").wait_for()
    page.get_by_label("Plant A").select_option("Nichts")
    page.get_by_role("button", name="Speichern Einzelne Anlagen").click()
    page.get_by_text("Ihre Auswahl ist gespeichert.").wait_for()
    assert levels(cast) == {"all": "warnings", "Plant A": "nothing"}
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert_accessible(page)
