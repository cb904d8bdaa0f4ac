"""Whoever acts on secrets proves first that it is them, every five minutes at most."""

import time
from typing import Any

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.http import HttpResponse
from django.test import RequestFactory

from apps.web.session import identity_confirmed
from tests.cast import PASSWORD

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
GUARDED = "/account/2fa/totp/activate/"
CONFIRM = "/account/reauthenticate/?next=%2Faccount%2F2fa%2Ftotp%2Factivate%2F"


@pytest.fixture
def old_session(client, alice):
    """Alice, logged in long ago."""
    client.force_login(alice, backend=BACKEND)
    return client


def confirm(client, **answer):
    return client.post(CONFIRM, answer or {"password": PASSWORD})


def test_the_password_leads_back_to_the_page(old_session):
    assert old_session.get(GUARDED).headers.get("Location", "") == CONFIRM
    assert confirm(old_session).headers.get("Location", "") == GUARDED
    assert old_session.get(GUARDED).status_code == 200


def test_a_wrong_password_does_not(old_session):
    page = confirm(old_session, password="no")
    assert "This is not your password." in page.content.decode()
    assert old_session.get(GUARDED).status_code == 302


def test_guessing_ends_after_five_attempts(old_session):
    for _ in range(5):
        confirm(old_session, password="no")
    assert "Too many failed attempts" in confirm(old_session).content.decode()


def test_logging_in_counts(client, alice):
    client.post("/account/login/", {"login": alice.email, "password": PASSWORD})
    assert client.get(GUARDED).status_code == 200


def test_a_proof_lasts_five_minutes(old_session, monkeypatch):
    confirm(old_session)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 299)
    assert old_session.get(GUARDED).status_code == 200
    monkeypatch.setattr(time, "time", lambda: now + 301)
    assert old_session.get(GUARDED).status_code == 302


def test_the_proof_of_one_user_is_none_for_the_next(old_session, bob):
    confirm(old_session)
    session = old_session.session
    proofs = dict(session.items())
    old_session.force_login(bob, backend=BACKEND)
    session = old_session.session
    session.update({key: value for key, value in proofs.items() if key.startswith("account_")})
    session.save()
    assert old_session.get(GUARDED).status_code == 302


def test_a_form_sent_too_late_is_not_kept_and_leads_back_to_its_page(old_session):
    answer = old_session.post(GUARDED, {"code": "123456"}, headers={"Referer": f"http://testserver{GUARDED}?a=1"})
    assert answer.headers.get("Location", "") == f"{CONFIRM}%3Fa%3D1"
    assert "123456" not in str(dict(old_session.session.items()))


@pytest.mark.parametrize("page", ["https://evil.example/x", ""])
def test_it_never_leads_back_to_another_site(old_session, page):
    answer = old_session.post(GUARDED, headers={"Referer": page})
    assert answer.headers.get("Location", "") == "/account/reauthenticate/?next=%2F"


def test_a_part_of_a_page_sends_the_whole_page_there(old_session):
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/p/sunny/plants?page=2"}
    answer = old_session.get(GUARDED, headers=headers)
    assert answer.headers["HX-Redirect"] == "/account/reauthenticate/?next=%2Fp%2Fsunny%2Fplants%3Fpage%3D2"


def test_who_has_an_app_may_use_a_code_or_a_recovery_code(old_session, alice):
    TOTP.activate(alice, "JBSWY3DPEHPK3PXP")
    code = RecoveryCodes.activate(alice).get_unused_codes()[0]
    assert "/account/2fa/reauthenticate/" in old_session.get(CONFIRM).content.decode()
    answer = old_session.post("/account/2fa/reauthenticate/?next=/account", {"code": code})
    assert answer.headers.get("Location", "") == "/account"
    assert old_session.get("/account/2fa/recovery-codes/").status_code == 200


def test_it_guards_any_view(old_session, alice):
    request: Any = RequestFactory().get("/x?y=1")
    request.user, request.session, request.htmx = alice, old_session.session, False
    answer = identity_confirmed(lambda _request: HttpResponse("in"))(request)
    assert answer.headers.get("Location", "") == "/account/reauthenticate/?next=%2Fx%3Fy%3D1"


@pytest.mark.parametrize(
    "path",
    [
        "totp/activate/",
        "recovery-codes/",
        "recovery-codes/generate/",
        "recovery-codes/download/",
        "webauthn/add/",
        "webauthn/keys/1/edit/",
        "webauthn/keys/1/remove/",
        "totp/deactivate/",
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_what_shows_or_changes_a_second_factor_is_guarded(old_session, method, path):
    answer = getattr(old_session, method)(f"/account/2fa/{path}")
    assert answer.headers.get("Location", "").startswith("/account/reauthenticate/")
