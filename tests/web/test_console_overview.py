"""The console's first page: figures that lead somewhere, plants that need somebody, what awaits a decision."""

import datetime as dt
import re
import uuid

from django.test import Client
from django.utils import timezone

from apps.accounts.access import Role
from apps.accounts.models import AuditEntry, Invitation
from apps.events.models import ComponentEvent
from apps.packages.models import Subscription, UsageHour
from apps.plants.models import Plant
from tests.cast import Cast, make_plant, make_user
from tests.clients_cast import portal_key, user_key
from tests.web.console_pages import manager

PAGE = "/p/sunny/console"
HOUR = dt.timedelta(hours=1)


def text_of(client: Client, cast: Cast) -> str:
    return manager(client, cast).get(PAGE).content.decode()


def words(text: str) -> str:
    """A piece of the page without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def trouble(text: str, label: str) -> str:
    """The row of a plant that needs attention."""
    rows = re.findall(r"<tr>(.*?)</tr>", text, re.DOTALL)
    return words(next(row for row in rows if label in row))


def set_health(plant: Plant, health: str, hours_ago: int | None) -> None:
    plant.health, plant.last_transfer = health, None if hours_ago is None else timezone.now() - hours_ago * HOUR
    plant.save()


def test_figures_lead_to_the_plants_they_count(client: Client, cast: Cast):
    set_health(cast.plant_a, "ERROR", 0)
    set_health(cast.plant_b, "OK", 0)
    text = text_of(client, cast)
    figures = re.findall(r'href="/p/sunny/plants\?status=activated&amp;health=(\w+)">(\d+)</a>', text)
    assert figures == [("OK", "1"), ("WARNING", "0"), ("ERROR", "1"), ("OFFLINE", "0")]


def test_a_plant_with_an_error_says_since_when_and_whose_it_is(client: Client, cast: Cast):
    set_health(cast.plant_a, "ERROR", 0)
    ComponentEvent.objects.create(
        plant=cast.plant_a,
        device_id=uuid.uuid4(),
        started_at=timezone.now() - 3 * HOUR,
        status_code=7,
        severity="error",
    )
    assert trouble(text_of(client, cast), "Plant A") == "Plant A error 3 hours ago alice@sunny.example"


def test_silent_plants_are_listed_with_their_last_data(client: Client, cast: Cast):
    set_health(cast.plant_a, "OK", 49)
    set_health(cast.plant_b, "WARNING", None)
    cast.bob.memberships.get().assignments.all().delete()
    text = text_of(client, cast)
    assert trouble(text, "Plant A") == "Plant A no data 2 days ago alice@sunny.example"
    assert trouble(text, "Plant B") == "Plant B warning no data never sent data nobody"


def test_when_all_is_well_it_says_so(client: Client, cast: Cast):
    for plant in (cast.plant_a, cast.plant_b):
        set_health(plant, "OK", 0)
    assert "All plants are well and send data." in text_of(client, cast)


def test_an_empty_portal_says_what_comes_first(client: Client, cast: Cast):
    Plant.objects.filter(portal=cast.sunny).update(status="deactivated")
    assert "This portal has no activated plants yet." in text_of(client, cast)


def test_decisions_and_calls_of_this_portal_are_counted(client: Client, cast: Cast):
    mine, theirs = user_key(cast.alice, cast.sunny), portal_key(cast.oskar, cast.other)
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    for key, hour, calls in ((mine, now, 1204), (mine, now - 25 * HOUR, 7), (theirs, now, 90)):
        UsageHour.objects.create(
            subscription=key.subscription, hour=hour, client_id=1, function="x", status="2xx",
            calls=calls, points=0, bytes=0, milliseconds=0,
        )  # fmt: skip
    Subscription.objects.create(
        portal=cast.sunny, membership=cast.bob.memberships.get(), package="basic", status="awaiting"
    )
    text = words(text_of(client, cast))
    assert "API calls today (UTC) 1,204 Awaiting approval 1 Decide now" in text


def test_people_on_their_way_in_are_listed_the_late_ones_first(client: Client, cast: Cast):
    for user, days in ((cast.bob, 3), (cast.charlie, -1)):
        user.set_unusable_password()
        user.save()
        ends = timezone.now() + dt.timedelta(days=days, hours=1)
        Invitation.objects.create(membership=user.memberships.get(), digest=user.email, expires_at=ends)
    text = words(text_of(client, cast))
    assert "charlie@sunny.example invitation expired 23 hours ago bob@sunny.example invited in 3 days" in text
    assert "1 waits for an answer · 1 has expired" in text


def test_the_last_acts_of_this_portal_are_shown(client: Client, cast: Cast):
    for number in range(10):
        AuditEntry.objects.create(portal=cast.sunny, actor="x", action="fleet.created", subject=f"Fleet {number}")
    AuditEntry.objects.create(portal=cast.sunny, actor="x", action="token.issued", subject="Documentation page")
    AuditEntry.objects.create(portal=cast.other, actor="x", action="fleet.created", subject="Foreign")
    AuditEntry.objects.create(portal=None, actor="x", action="user.disabled", subject="nobody's")
    text = text_of(client, cast)
    assert re.findall(r"<strong>Fleet created</strong> (Fleet \d)", text) == [f"Fleet {n}" for n in range(9, 1, -1)]
    assert "Foreign" not in text
    assert "nobody" not in text.split("Recently done")[1]


def test_the_page_asks_few_statements_whatever_there_is(client: Client, cast: Cast, django_assert_max_num_queries):
    for number in range(40):
        plant = make_plant(cast.sunny, f"Plant {number}")
        set_health(plant, "ERROR", 30)
        make_user(f"owner{number}@sunny.example", cast.sunny, Role.OWNER, [plant])
    manager(client, cast)
    with django_assert_max_num_queries(19):
        text = client.get(PAGE).content.decode()
    assert "The first 20 of 42 plants." in text
