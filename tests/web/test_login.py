"""Logging in by e-mail: who gets in, how long, how often one may try, and what a forgotten password leads to."""

import re
import threading

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings as conf
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from django.test import Client
from django.urls import NoReverseMatch, reverse

from apps.accounts.models import AuditEntry, User
from tests.cast import PASSWORD

LOGIN, RESET = "/account/login/", "/account/password/reset/"


def log_in(client, email="alice@sunny.example", password=PASSWORD, **more):
    return client.post(LOGIN, {"login": email, "password": password, **more})


def letters(mailoutbox):
    """The outbox, once everything that is sent aside has been sent."""
    for thread in threading.enumerate():
        if thread.name.startswith("mail-"):
            thread.join()
    return mailoutbox


def link_in(letter):
    return re.findall(r"http://\S+", letter.body)[0]


# --- In and out ----------------------------------------------------------------------------------------------


def test_e_mail_and_password_lead_to_the_plants(client, alice):
    answer = log_in(client, "Alice@Sunny.Example")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert client.get("/").headers["Location"] == "/p/sunny/plants"


def test_logging_in_leads_on_to_the_page_that_was_asked_for(client, alice):
    asked = client.get("/account").headers["Location"]
    assert asked == "/account/login/?next=/account"
    assert log_in(client, next="/account").headers["Location"] == "/account"


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_logging_in_leads_to_no_other_site(client, alice, elsewhere):
    assert log_in(client, next=elsewhere).headers["Location"] == "/"


def test_the_key_of_the_session_changes(client, alice):
    session = SessionStore()
    session.create()
    planted = str(session.session_key)
    client.cookies[conf.SESSION_COOKIE_NAME] = planted
    log_in(client)
    assert client.session.session_key != planted
    assert not SessionStore().exists(planted)


@pytest.mark.parametrize(("ticked", "age"), [({}, ""), ({"remember": "on"}, 14 * 24 * 3600)])
def test_a_session_ends_with_the_browser_or_after_two_weeks(client, alice, ticked, age):
    log_in(client, **ticked)
    assert client.cookies[conf.SESSION_COOKIE_NAME]["max-age"] == age


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(client, alice):
    words = "E-mail and password do not match. Check both, or reset the password."
    wrong = log_in(client, password="no").content.decode()
    unknown = log_in(client, "nobody@sunny.example").content.decode()
    assert words in wrong
    assert _without_secrets(wrong, "alice") == _without_secrets(unknown, "nobody")


def _without_secrets(page, name):
    return re.sub(r'value="[\w-]{64}"|csrfmiddlewaretoken\S+|X-CSRFToken[^}]+', "", page).replace(name, "")


def test_a_disabled_user_is_told_so_only_with_the_right_password(client, alice):
    alice.is_active = False
    alice.save()
    assert log_in(client).headers["Location"] == "/account/inactive/"
    assert "do not match" in log_in(client, password="no").content.decode()
    assert b"This account is disabled" in client.get("/account/inactive/").content


def test_logging_out_takes_a_post(client, alice):
    log_in(client)
    assert b"You are logged in as alice@sunny.example" in client.get("/account/logout/").content
    assert client.get("/account").status_code == 200
    assert client.post("/account/logout/").headers["Location"] == "/"
    assert client.get("/account").status_code == 302


def test_logging_in_needs_the_token_against_forged_forms(alice):
    assert log_in(Client(enforce_csrf_checks=True)).status_code == 403


# --- What is closed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "signup/",
        "signup/passkey/",
        "email/",
        "confirm-email/",
        "confirm-email/key/",
        "password/set/",
        "login/code/",
        "login/code/confirm/",
        "phone/verify/",
        "2fa/trust/",
        "2fa/webauthn/signup/",
        "sessions/",
        "3rdparty/",
        "social/connections/",
    ],
)
def test_there_is_no_sign_up_and_no_other_way_of_allauth(client, alice, path):
    assert Client().get(f"/account/{path}").status_code == 404
    client.force_login(alice, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert client.get(f"/account/{path}").status_code == 404


def test_sign_up_has_no_name(db):
    with pytest.raises(NoReverseMatch):
        reverse("account_signup")


# --- Limits --------------------------------------------------------------------------------------------------


def test_the_sixth_failed_attempt_for_an_address_waits_five_minutes_even_with_the_right_password(client, alice):
    for _ in range(5):
        assert "do not match" in log_in(client, password="no").content.decode()
    answer = log_in(client)
    assert "Too many failed attempts. Wait five minutes, then try again." in answer.content.decode()
    assert client.get("/account").status_code == 302


def test_an_address_nobody_has_is_limited_alike(client, alice):
    for _ in range(5):
        log_in(client, "nobody@sunny.example")
    assert "Too many failed attempts" in log_in(client, "nobody@sunny.example").content.decode()


def test_thirty_attempts_a_minute_from_one_computer_are_the_end(client, db):
    codes = [client.post(LOGIN, {}).status_code for _ in range(31)]
    assert codes == [200] * 30 + [429]


def test_the_page_says_when_to_try_again(client, db):
    for _ in range(31):
        answer = client.post(LOGIN, {}, headers={"Accept-Language": "de"})
    assert answer.headers["Retry-After"] == "60"
    assert "Zu viele Versuche" in answer.content.decode()


def test_limits_see_through_our_own_proxies_and_no_others(client, db, settings):
    def attempts(forwarded):
        return {client.post(LOGIN, {}, headers={"X-Forwarded-For": f"203.0.113.{n}"}).status_code for n in forwarded}

    assert attempts(range(31)) == {200, 429}
    cache.clear()
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    assert attempts(range(31)) == {200}


def test_limits_are_counted_where_all_processes_see_them(settings):
    assert settings.CACHES["default"]["BACKEND"] == "django.core.cache.backends.db.DatabaseCache"


# --- A forgotten password ------------------------------------------------------------------------------------


def test_known_and_unknown_addresses_get_the_same_answer(client, alice, mailoutbox):
    known = client.post(RESET, {"email": alice.email}, follow=True)
    unknown = client.post(RESET, {"email": "nobody@sunny.example"}, follow=True)
    assert known.redirect_chain == unknown.redirect_chain == [("/account/password/reset/done/", 302)]
    assert _without_secrets(known.content.decode(), "") == _without_secrets(unknown.content.decode(), "")
    assert [letter.to for letter in letters(mailoutbox)] == [["alice@sunny.example"]]


def test_the_link_stands_under_base_url_whatever_host_the_request_names(client, alice, mailoutbox, settings):
    settings.ALLOWED_HOSTS = ["*"]
    client.post(RESET, {"email": alice.email}, headers={"Host": "evil.example"})
    assert link_in(letters(mailoutbox)[0]).startswith("http://testserver/account/password/reset/key/")
    assert "evil" not in letters(mailoutbox)[0].message().as_string()


def test_a_new_password_logs_in_and_everybody_else_out(client, alice, mailoutbox):
    elsewhere = Client()
    log_in(elsewhere)
    elsewhere.get("/account")
    client.post(RESET, {"email": alice.email})
    link = link_in(letters(mailoutbox)[0])
    page = client.get(link, follow=True)
    form = page.redirect_chain[-1][0]
    new = "a loud morning in the rain"
    assert client.post(form, {"password1": new, "password2": new}).headers["Location"] == "/"
    assert client.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 302
    assert User.objects.get(pk=alice.pk).check_password(new)
    assert AuditEntry.objects.values_list("action", flat=True)[0] == "user.password_changed"
    assert b"This link no longer works" in Client().get(link).content


def test_a_new_password_needs_repeating_and_must_not_be_weak(client, alice, mailoutbox):
    client.post(RESET, {"email": alice.email})
    form = client.get(link_in(letters(mailoutbox)[0]), follow=True).redirect_chain[-1][0]
    page = client.post(form, {"password1": "12345678", "password2": "x"}).content.decode()
    assert "entirely numeric" in page
    assert alice.check_password(PASSWORD)


def test_a_reset_speaks_the_language_of_its_reader(client, alice, mailoutbox):
    alice.language = "de"
    alice.save()
    client.post(RESET, {"email": alice.email})
    assert letters(mailoutbox)[0].subject == "Neues Passwort wählen"


@pytest.mark.parametrize("state", ["disabled", "invited"])
def test_who_is_disabled_or_only_invited_gets_no_link(client, alice, mailoutbox, state):
    alice.is_active = state != "disabled"
    if state == "invited":
        alice.set_unusable_password()
    alice.save()
    client.post(RESET, {"email": alice.email})
    assert letters(mailoutbox) == []


def test_allauth_keeps_no_second_list_of_addresses(client, alice, mailoutbox):
    """An address the server's operator has changed must not go on opening the account."""
    log_in(client)
    client.post("/account/logout/")
    client.post(RESET, {"email": alice.email})
    link_in(letters(mailoutbox)[0])
    assert not EmailAddress.objects.exists()
