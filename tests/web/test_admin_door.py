"""The server administration is entered through the log-in of everybody, and with a second factor."""

from urllib.parse import unquote

import pytest
from allauth.mfa.totp.internal.auth import TOTP

from apps.accounts.models import User
from tests.cast import PASSWORD

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@pytest.fixture
def operator(db):
    return User.objects.create_superuser("operator@example.org", PASSWORD)


@pytest.fixture
def asked_for(settings):
    settings.ADMIN_REQUIRES_MFA = True


@pytest.mark.parametrize("path", ["/admin/", "/admin/accounts/user/"])
def test_strangers_log_in_at_the_one_door_and_come_back(client, db, path):
    assert unquote(client.get(path, follow=True).redirect_chain[-1][0]) == f"/account/login/?next={path}"


def test_members_who_are_not_staff_are_refused(client, alice):
    client.force_login(alice, backend=BACKEND)
    assert client.get("/admin/", follow=True).status_code == 403


def test_staff_without_a_second_factor_are_led_to_its_set_up(client, operator, asked_for):
    client.force_login(operator, backend=BACKEND)
    answer = client.get("/admin/accounts/user/", follow=True)
    assert [url for url, _status in answer.redirect_chain][-1:] == ["/account/2fa/"]
    assert "The server administration asks for a second factor." in answer.content.decode()
    assert client.post("/admin/accounts/user/add/", {"email": "x@example.org"}).status_code == 302
    assert not User.objects.filter(email="x@example.org").exists()


def test_staff_with_one_get_in(client, operator, asked_for):
    TOTP.activate(operator, "JBSWY3DPEHPK3PXP")
    client.force_login(operator, backend=BACKEND)
    assert client.get("/admin/").status_code == 200


def test_the_password_alone_does_not_log_staff_in_who_have_one(client, operator, asked_for):
    TOTP.activate(operator, "JBSWY3DPEHPK3PXP")
    answer = client.post("/account/login/?next=/admin/", {"login": operator.email, "password": PASSWORD})
    assert answer.headers["Location"] == "/account/2fa/authenticate/"
    assert client.get("/admin/").status_code == 302


def test_a_trial_asks_for_none(client, operator):
    client.force_login(operator, backend=BACKEND)
    assert client.get("/admin/").status_code == 200


def test_the_password_is_changed_on_the_page_of_everybody(client, operator):
    client.force_login(operator, backend=BACKEND)
    assert client.get("/admin/password_change/").headers["Location"] == "/account/password/change/"
