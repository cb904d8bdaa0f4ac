"""Browser sessions: the list of the living ones, and their end."""

import pytest
from allauth.usersessions.models import UserSession
from cryptography.fernet import InvalidToken
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from apps.accounts import changes, crypt, sessions
from apps.accounts.audit import COMMAND_LINE

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def logged_in(user):
    client = Client(headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0"})
    client.force_login(user, backend=BACKEND)
    client.get("/account")
    return client


def is_in(client):
    return client.get("/account").status_code == 200


def test_a_session_is_listed_with_its_last_use(alice):
    logged_in(alice)
    only = sessions.living(alice)[0]
    assert (only.ip, "Firefox" in only.user_agent) == ("127.0.0.1", True)


def test_noting_the_use_of_a_session_is_one_statement(alice, django_assert_num_queries):
    logged_in(alice)
    key = sessions.living(alice)[0].session_key
    with django_assert_num_queries(1):
        sessions.seen(alice, key, "2001:db8::1", "x" * 500)
    row = UserSession.objects.get()
    assert (row.ip, len(row.user_agent)) == ("2001:db8::1", 200)


def test_an_expired_session_is_not_listed(alice):
    logged_in(alice)
    Session.objects.update(expire_date=timezone.now())
    assert sessions.living(alice) == []


def test_all_but_one_session_end(alice, bob):
    here, there, bobs = logged_in(alice), logged_in(alice), logged_in(bob)
    assert sessions.end(alice, keep=here.session.session_key) == 1
    assert (is_in(here), is_in(there), is_in(bobs)) == (True, False, True)


def test_one_session_of_somebody_else_is_not_ended(alice, bob):
    alices, bobs = logged_in(alice), logged_in(bob)
    assert sessions.end(alice, only=sessions.living(bob)[0].pk) == 0
    assert is_in(bobs)
    assert is_in(alices)


def test_a_disabled_user_is_out_at_once_and_enabling_revives_no_session(alice):
    client = logged_in(alice)
    changes.set_active(alice, False, COMMAND_LINE)
    assert not is_in(client)
    changes.set_active(alice, True, COMMAND_LINE)
    assert not is_in(client)


def test_a_flag_alone_closes_a_session_too(alice):
    client = logged_in(alice)
    alice.is_active = False
    alice.save()
    assert not is_in(client)


def test_what_is_encrypted_is_read_with_any_pepper_and_by_nobody_else(settings):
    settings.SECRET_PEPPERS = ["older"]
    kept = crypt.encrypt("JBSWY3DP")
    settings.SECRET_PEPPERS = ["newer", "older"]
    assert "JBSWY3DP" not in kept
    assert crypt.decrypt(kept) == "JBSWY3DP"
    settings.SECRET_PEPPERS = ["newer"]
    with pytest.raises(InvalidToken):
        crypt.decrypt(kept)


def test_expired_sessions_are_deleted_and_the_living_stay(alice, bob):
    logged_in(alice)
    Session.objects.update(expire_date=timezone.now())
    logged_in(bob)
    assert sessions.clear_expired() == 1
    assert [row.user for row in UserSession.objects.all()] == [bob]
    assert sessions.living(bob) != []
