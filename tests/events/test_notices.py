"""Mails about events: to whom, about what, when, and never twice."""

import datetime as dt
from itertools import count
from smtplib import SMTPException
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail as outbox_of
from django.core.mail.message import EmailMultiAlternatives

from apps.accounts import changes
from apps.accounts.access import Role
from apps.accounts.audit import Actor
from apps.accounts.models import AuditEntry, Membership, User
from apps.events import choices, notices
from apps.events.choices import Level
from apps.events.codes import FOUND, Kind, english
from apps.events.models import ComponentEvent, NoticeChoice, NoticePlan, ToldEvent
from apps.plants.models import Assignment, Component, Plant
from tests.cast import Cast

NOON = dt.datetime(2025, 6, 10, 10, tzinfo=dt.UTC)  # 12 o'clock in Berlin
MINUTE, HOUR, DAY = (dt.timedelta(**{unit: 1}) for unit in ("minutes", "hours", "days"))
ALICE = Actor("alice@sunny.example")
STARTS = count()


def sent() -> list[EmailMultiAlternatives]:
    """The mails since the last time, taken out of the box."""
    box: list[Any] = outbox_of.outbox
    found = list(box)
    box.clear()
    return found


def member(user: User, cast: Cast) -> Membership:
    return Membership.objects.get(user=user, portal=cast.sunny)


def subscribe(user: User, cast: Cast, level: Level = Level.WARNINGS, plant: Plant | None = None, **when: Any) -> None:
    """As of three days before NOON."""
    choices.plan(user, ALICE, timezone="Europe/Berlin", **when)
    choices.choose(member(user, cast), plant, level, ALICE)
    NoticeChoice.objects.update(since=NOON - 3 * DAY)
    NoticePlan.objects.filter(user=user).update(due_at=NOON - HOUR)


def event(plant: Plant, severity: str = "error", **fields: Any) -> ComponentEvent:
    """Began one hour before NOON at the plant's inverter."""
    inverter = Component.objects.get(epoch__plant=plant, type=Component.Type.INVERTER)
    values = {
        "device_id": inverter.cross_epoch_id,
        "started_at": NOON - HOUR + next(STARTS) * dt.timedelta(milliseconds=1),
        "status_code": 6,
        "status_text": "Riso",
        "severity": severity,
    }
    return ComponentEvent.objects.create(plant=plant, **values | fields)


def found_here(plant: Plant, kind: Kind, **fields: Any) -> ComponentEvent:
    status_text, error_text = english(kind.code())
    codes = {"status_code": FOUND, "status_text": status_text, "error_code": kind.code(), "error_text": error_text}
    return event(plant, kind.severity, **codes | fields)


# --- The words -------------------------------------------------------------------------------------------------------


def test_a_mail_tells_what_began_and_what_is_over(cast: Cast):
    subscribe(cast.alice, cast)
    found_here(cast.plant_a, Kind.INVERTER_SILENT, started_at=NOON - HOUR)
    event(cast.plant_a, "warning", started_at=NOON - 3 * HOUR, ended_at=NOON - 2 * HOUR)
    assert notices.send_digests(NOON) == 1
    [letter] = sent()
    link = letter.extra_headers["List-Unsubscribe"].strip("<>")
    page = f"http://testserver/p/sunny/plants/{cast.plant_a.pk}/events"
    assert letter.to == ["alice@sunny.example"]
    assert letter.subject == "2 events at 1 plant"
    assert letter.body.replace(link, "STOP") == (
        "Plant A\n"
        "- warning: Inverter 1: Riso\n"
        "  from 10 June 2025, 09:00 to 10 June 2025, 10:00\n"
        "- error: Inverter 1: Inverter does not produce although the sun shines\n"
        "  since 10 June 2025, 11:00\n"
        f"{page}\n"
        "\n"
        "Times are those of the plant. Choose what you get mail about:\n"
        "http://testserver/p/sunny/notices\n"
        "\n"
        "No more of these mails:\n"
        "STOP\n"
        "\n"
        "Helioport · http://testserver\n"
    )
    assert "Inverter does not produce although the sun shines" in str(letter.alternatives[0][0])


def test_a_mail_speaks_german(cast: Cast):
    cast.alice.language = "de"
    cast.alice.save()
    subscribe(cast.alice, cast)
    found_here(cast.plant_a, Kind.PLANT_SILENT, started_at=NOON - HOUR, device_id=cast.plant_a.datasource_id)
    notices.send_digests(NOON)
    [letter] = sent()
    assert letter.subject == "Plant A: Anlage liefert keine Daten"
    assert letter.body.startswith("Plant A\n- Fehler: Anlage liefert keine Daten\n  seit 10. Juni 2025, 11:00\n")
    assert "Keine solchen Mails mehr:" in letter.body


def test_a_storm_is_one_mail_that_lists_fifty(cast: Cast):
    subscribe(cast.alice, cast)
    for _ in range(60):
        event(cast.plant_a)
    notices.send_digests(NOON)
    [letter] = sent()
    assert letter.subject == "60 events at 1 plant"
    assert letter.body.count("- error: ") == 50
    assert "10 further events are on the pages of the plants." in letter.body
    assert ToldEvent.objects.count() == 60


def test_every_mail_can_be_ended_by_one_click_of_the_mail_program(cast: Cast):
    subscribe(cast.alice, cast)
    event(cast.plant_a)
    notices.send_digests(NOON)
    [letter] = sent()
    headers = letter.extra_headers
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["List-Unsubscribe"].startswith("<http")
    token = headers["List-Unsubscribe"].strip("<>").rpartition("/")[2]
    assert choices.user_of(token) == cast.alice
    assert choices.user_of(token + "x") is None


# --- What ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "told"),
    [(Level.NOTHING, 0), (Level.ERRORS, 1), (Level.WARNINGS, 2), (Level.EVERYTHING, 4)],
)
def test_only_chosen_severities_are_told(cast: Cast, level: Level, told: int):
    subscribe(cast.alice, cast, level)
    for severity in ("error", "warning", "info"):
        event(cast.plant_a, severity)
    event(cast.plant_a, "warning", status_code=255)  # an inverter that sleeps
    notices.send_digests(NOON)
    assert ToldEvent.objects.count() == told
    assert len(sent()) == (1 if told else 0)


def test_a_plants_own_choice_goes_before_that_of_all(cast: Cast):
    Assignment.objects.create(membership=member(cast.alice, cast), plant=cast.plant_b)
    subscribe(cast.alice, cast, Level.ERRORS)
    subscribe(cast.alice, cast, Level.NOTHING, cast.plant_a)
    event(cast.plant_a)
    told = event(cast.plant_b)
    event(cast.plant_b, "warning")
    notices.send_digests(NOON)
    assert [one.event for one in ToldEvent.objects.all()] == [told]


def test_an_end_is_told_once_to_who_heard_of_the_beginning(cast: Cast):
    subscribe(cast.alice, cast)
    trouble = event(cast.plant_a)
    notices.send_digests(NOON)
    trouble.ended_at = NOON + 30 * MINUTE
    trouble.save()
    for step in range(1, 4):
        notices.send_digests(NOON + step * HOUR)
    first, second = sent()
    assert "since 10 June 2025, 11:00" in first.body
    assert "from 10 June 2025, 11:00 to 10 June 2025, 12:30" in second.body


def test_history_is_no_news(cast: Cast):
    subscribe(cast.alice, cast)
    event(cast.plant_a, started_at=NOON - 4 * DAY)  # an import
    notices.send_digests(NOON)
    choices.choose(member(cast.alice, cast), None, Level.EVERYTHING, ALICE)  # from now on
    event(cast.plant_a, "info")
    NoticePlan.objects.update(due_at=NOON)
    notices.send_digests(NOON + HOUR)
    assert sent() == []


# --- To whom ---------------------------------------------------------------------------------------------------------


def test_only_plants_that_are_visible_when_the_mail_is_sent_are_told(cast: Cast):
    for user in (cast.alice, cast.bob, cast.mo, cast.mona):
        subscribe(user, cast)
    event(cast.plant_a)
    event(cast.plant_o)
    Assignment.objects.filter(plant=cast.plant_a).delete()
    notices.send_digests(NOON)
    assert [letter.to for letter in sent()] == [["mona@sunny.example"]]
    assert ToldEvent.objects.filter(event__plant=cast.plant_o).count() == 0


def test_a_plant_someone_may_no_longer_see_is_not_told_of_though_they_chose_it(cast: Cast):
    subscribe(cast.alice, cast, Level.ERRORS, cast.plant_b)
    subscribe(cast.alice, cast, Level.ERRORS, cast.plant_o)
    event(cast.plant_b)
    event(cast.plant_o)
    assert notices.send_digests(NOON) == 0


def test_disabled_people_former_members_and_deactivated_plants_get_no_mail(cast: Cast):
    for user in (cast.alice, cast.bob, cast.mona):
        subscribe(user, cast)
    User.objects.filter(pk=cast.alice.pk).update(is_active=False)
    changes.remove_membership(member(cast.bob, cast), ALICE)
    event(cast.plant_a)
    event(cast.plant_b)
    Plant.objects.filter(pk=cast.plant_b.pk).update(status=Plant.Status.DEACTIVATED)
    notices.send_digests(NOON)
    [letter] = sent()
    assert letter.to == ["mona@sunny.example"]
    assert letter.subject == "Plant A: Riso"


# --- When ------------------------------------------------------------------------------------------------------------


def test_at_most_one_mail_an_hour(cast: Cast):
    subscribe(cast.alice, cast)
    for minutes in range(0, 121, 5):
        event(cast.plant_a, started_at=NOON + minutes * MINUTE)
        notices.send_digests(NOON + minutes * MINUTE)
    assert [letter.subject for letter in sent()] == ["Plant A: Riso", "12 events at 1 plant", "12 events at 1 plant"]


def test_after_an_hour_without_news_the_next_event_is_told_within_minutes(cast: Cast):
    subscribe(cast.alice, cast)
    assert notices.send_digests(NOON) == 0
    event(cast.plant_a, started_at=NOON + MINUTE)
    assert notices.send_digests(NOON + 2 * MINUTE) == 1


def test_nothing_comes_in_quiet_hours_and_all_of_it_afterwards(cast: Cast):
    subscribe(cast.alice, cast, quiet_from=dt.time(22), quiet_until=dt.time(6, 30))
    night = dt.datetime(2025, 6, 10, 20, 5, tzinfo=dt.UTC)  # 22:05 in Berlin
    event(cast.plant_a, started_at=night - 10 * MINUTE)
    steps = [night + step * 5 * MINUTE for step in range(12 * 12)]
    sendings = [f"{step:%H:%M}" for step in steps if notices.send_digests(step)]
    assert sendings == ["04:30"]  # half past six in Berlin


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Europe/Berlin", ["11. 05", "12. 05", "13. 05"]),
        ("America/Santiago", ["10. 11", "11. 11", "12. 11"]),
    ],
)
def test_a_daily_mail_comes_at_its_hour_in_the_readers_zone(cast: Cast, zone: str, expected: list[str]):
    subscribe(cast.alice, cast, pace=NoticePlan.Pace.DAILY, daily_hour=7)
    plan = NoticePlan.objects.get()
    plan.timezone, plan.due_at = zone, NOON
    plan.due_at = choices.next_look(plan, NOON)
    plan.save()
    hours = []
    for step in range(72):
        event(cast.plant_a, started_at=NOON + step * HOUR)
        hours += [f"{NOON + step * HOUR:%d. %H}"] * notices.send_digests(NOON + step * HOUR)
    assert hours == expected


def test_a_mail_that_could_not_be_sent_is_sent_later_with_everything_in_it(cast: Cast, monkeypatch: Any):
    subscribe(cast.alice, cast)
    event(cast.plant_a)
    with monkeypatch.context() as patch:

        def refuse(*_: Any) -> None:
            raise SMTPException("busy")

        patch.setattr(EmailMultiAlternatives, "send", refuse)
        assert notices.send_digests(NOON) == 0
    assert notices.send_digests(NOON + 5 * MINUTE) == 0
    event(cast.plant_a)
    assert notices.send_digests(NOON + 15 * MINUTE) == 1
    assert [letter.subject for letter in sent()] == ["2 events at 1 plant"]


def test_two_senders_at_once_send_one_mail(cast: Cast):
    subscribe(cast.alice, cast)
    event(cast.plant_a)
    both = NoticePlan.objects.select_related("user").get(), NoticePlan.objects.select_related("user").get()
    assert [notices._serve(plan, NOON) for plan in both] == [True, False]


def test_one_call_looks_at_a_limited_number_of_people(cast: Cast):
    for user in (cast.alice, cast.bob, cast.mona):
        subscribe(user, cast)
    event(cast.plant_a)
    event(cast.plant_b)
    assert [notices.send_digests(NOON, limit=2), notices.send_digests(NOON, limit=2)] == [2, 1]


def test_the_statements_do_not_grow_with_plants_and_events(cast: Cast, django_assert_max_num_queries: Any):
    subscribe(cast.mona, cast)
    for plant in (cast.plant_a, cast.plant_b):
        for _ in range(30):
            event(plant)
    with django_assert_max_num_queries(10):
        notices.send_digests(NOON)


def test_what_was_told_long_ago_is_forgotten(cast: Cast):
    old = event(cast.plant_a)
    ToldEvent.objects.create(user=cast.alice, event=old, ended=True, at=NOON - 91 * DAY)
    notices.send_digests(NOON)
    assert ToldEvent.objects.count() == 0


# --- Choosing --------------------------------------------------------------------------------------------------------


def test_choices_are_on_record_and_repeating_one_is_none(cast: Cast):
    assert choices.choose(member(cast.alice, cast), cast.plant_a, Level.ERRORS, ALICE)
    assert not choices.choose(member(cast.alice, cast), cast.plant_a, Level.ERRORS, ALICE)
    assert choices.choose(member(cast.alice, cast), cast.plant_a, None, ALICE)
    assert choices.plan(cast.alice, ALICE, timezone="Europe/Berlin")
    assert not choices.plan(cast.alice, ALICE, timezone="Europe/Berlin")
    rows = AuditEntry.objects.filter(action__startswith="notices.").order_by("pk")
    assert list(rows.values_list("action", "after__level")) == [
        ("notices.chosen", "errors"),
        ("notices.chosen", None),
        ("notices.planned", None),
    ]


def test_stopping_ends_mails_of_all_portals(cast: Cast):
    changes.add_membership(cast.alice, cast.other, Role.OWNER, ALICE)
    subscribe(cast.alice, cast)
    choices.choose(Membership.objects.get(user=cast.alice, portal=cast.other), None, Level.ERRORS, ALICE)
    assert choices.stop(cast.alice, ALICE)
    assert not choices.stop(cast.alice, ALICE)
    event(cast.plant_a)
    assert notices.send_digests(NOON) == 0
    assert AuditEntry.objects.filter(action="notices.stopped").count() == 1


def test_an_event_that_goes_takes_its_record_along(cast: Cast):
    gone = event(cast.plant_a, device_id=uuid4())
    ToldEvent.objects.create(user=cast.alice, event=gone, ended=False, at=NOON)
    gone.delete()
    assert not ToldEvent.objects.exists()
