"""Owners read in time that a client of theirs stops working; once for each end."""

import datetime as dt
from smtplib import SMTPServerDisconnected

import pytest
from django.core import mail as outbox
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from apps.accounts import mail
from apps.packages import clients, ends, tasks
from apps.packages.models import ApiClient, ClientSecret
from tests.clients_cast import ROBOT, portal_key, user_key

DAY = dt.timedelta(days=1)


@pytest.fixture
def now() -> dt.datetime:
    return timezone.now()


def ending(client: ApiClient, at: dt.datetime | None) -> None:
    ApiClient.objects.filter(pk=client.pk).update(expires_at=at)


def recipients() -> list[str]:
    return sorted(letter.to[0] for letter in outbox.outbox)


def test_the_member_is_told_seven_days_ahead_and_once(alice, sunny, now):
    key = user_key(alice, sunny)
    ending(key.client, dt.datetime(2030, 3, 8, 12, tzinfo=dt.UTC))
    before = dt.datetime(2030, 3, 1, 11, tzinfo=dt.UTC)
    assert ends.warn(before) == 0
    assert ends.warn(before + DAY) == 1
    assert ends.warn(before + 2 * DAY) == 0
    letter = outbox.outbox[0]
    assert letter.to == ["alice@sunny.example"]
    assert letter.subject == "API client default stops working soon"
    assert (
        "The API client default of the portal Sunny Co-operative stops working on 8 March 2030 at 12:00 UTC."
        in letter.body
    )
    assert "Create a new client in good time" in letter.body
    assert f"http://testserver/p/sunny/api/user/clients/{key.client.client_id}" in letter.body
    assert key.secret not in str(letter.message())


def test_a_postponed_end_is_told_again_when_it_comes(alice, sunny, now):
    key = user_key(alice, sunny)
    ending(key.client, now + 3 * DAY)
    assert ends.warn(now) == 1
    ending(key.client, now + 20 * DAY)
    assert ends.warn(now) == 0
    assert ends.warn(now + 15 * DAY) == 1


def test_the_end_of_the_last_secret_is_told_not_of_one_that_has_a_successor(alice, sunny, now):
    key = user_key(alice, sunny)
    clients.rotate(key.client, ROBOT, "24h")
    assert ends.warn(now) == 0
    newest = ClientSecret.objects.latest("pk")
    clients.revoke_secret(newest, ROBOT)
    assert ends.warn(now) == 1
    assert "Rotate the secret in good time" in outbox.outbox[0].body


def test_managers_are_told_about_the_portal_api(mona, mo, sunny, now):
    key = portal_key(mona, sunny)
    ending(key.client, now + DAY)
    mo.is_active = False
    mo.save()
    assert ends.warn(now) == 1
    assert recipients() == ["mona@sunny.example"]


@pytest.mark.parametrize("change", ["ended", "disabled", "suspended", "unending"])
def test_nobody_is_told_about_what_does_not_work_anyway(alice, sunny, now, change):
    key = user_key(alice, sunny)
    ending(key.client, now - DAY if change == "ended" else None if change == "unending" else now + DAY)
    if change == "disabled":
        clients.end_client(key.client, ROBOT)
    if change == "suspended":
        type(key.subscription).objects.filter(pk=key.subscription.pk).update(status="suspended")
    assert ends.warn(now) == 0
    assert outbox.outbox == []


def test_german_readers_read_german(alice, sunny, now):
    key = user_key(alice, sunny)
    type(alice).objects.filter(pk=alice.pk).update(language="de")
    ending(key.client, now + DAY)
    ends.warn(now)
    assert outbox.outbox[0].subject == "API-Client default funktioniert bald nicht mehr"


def test_a_mail_server_that_is_down_costs_nobody_the_warning(alice, bob, sunny, now, monkeypatch):
    for person in (alice, bob):
        ending(user_key(person, sunny).client, now + DAY)
    send = EmailBackend.send_messages

    def refuses_alice(self, messages):
        if messages[0].to == ["alice@sunny.example"]:
            raise SMTPServerDisconnected("gone")
        return send(self, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", refuses_alice)
    with pytest.raises(mail.MailNotSent):
        ends.warn(now)
    assert recipients() == ["bob@sunny.example"]
    monkeypatch.setattr(EmailBackend, "send_messages", send)
    assert tasks.warn_of_ends() == 1
    assert recipients() == ["alice@sunny.example", "bob@sunny.example"]


def test_the_search_costs_the_same_for_many(alice, bob, sunny, now, django_assert_max_num_queries):
    for person in (alice, bob):
        ending(user_key(person, sunny).client, now + 20 * DAY)
    with django_assert_max_num_queries(2):
        assert ends.warn(now) == 0
