"""From the mail to the plants: the page of an invitation."""

import re

import pytest
from django.test import Client

from apps.accounts import invitations
from apps.accounts.access import Role
from apps.accounts.audit import Actor
from apps.accounts.models import Invitation, User
from tests.cast import PASSWORD

NEW = "nora@sunny.example"
PAGE = "/account/invitation"


@pytest.fixture
def link(sunny, mailoutbox, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        invitations.invite(NEW, sunny, Role.OWNER, Actor("mona@sunny.example"), name="Nora")
    return re.findall(r"http://testserver(/\S+)", mailoutbox[0].body)[0]


def test_the_token_leaves_the_address_and_is_nowhere_else(client, link):
    answer = client.get(link)
    assert answer.headers["Location"] == PAGE
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    page = client.get(PAGE)
    assert "no-store" in answer.headers["Cache-Control"]
    assert "no-store" in page.headers["Cache-Control"]
    token = link.rpartition("/")[2]
    assert token not in page.content.decode()
    assert token not in str(dict(client.session.items()))


def test_a_password_leads_to_the_plants(client, link):
    page = client.get(link, follow=True).content.decode()
    assert "Welcome to Sunny Co-operative" in page
    assert 'value="Nora"' in page
    assert client.post(PAGE, {"name": "Nora N.", "password": PASSWORD}).headers["Location"] == "/"
    assert client.get("/").headers["Location"] == "/p/sunny/plants"
    assert User.objects.get(email=NEW).name == "Nora N."


def test_choosing_a_password_is_proof_enough_for_the_next_five_minutes(client, link):
    client.get(link)
    client.post(PAGE, {"password": PASSWORD})
    assert client.get("/account/2fa/totp/activate/").status_code == 200


def test_who_is_invited_cannot_log_in_before(client, link):
    client.post("/account/login/", {"login": NEW, "password": PASSWORD})
    assert client.get("/account").status_code == 302


def test_a_weak_password_says_so_at_the_field_and_keeps_the_name(client, link):
    client.get(link)
    page = client.post(PAGE, {"name": "Nora N.", "password": "nora@sunny.example"}).content.decode()
    assert "too similar" in page
    assert 'value="Nora N."' in page


def test_a_link_works_once(client, link):
    client.get(link)
    client.post(PAGE, {"password": PASSWORD})
    late = Client().get(link, follow=True)
    assert late.status_code == 410
    assert "This invitation no longer works" in late.content.decode()


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}/nonsense", f"{PAGE}/{'x' * 43}"])
def test_without_a_living_token_there_is_no_form(client, db, path):
    page = client.get(path, follow=True)
    assert page.status_code == 410
    assert "password" not in re.findall(r'name="(\w+)"', page.content.decode())


def test_a_form_that_was_open_when_the_link_died_changes_nothing(client, link):
    client.get(link, follow=True)
    Invitation.objects.all().delete()
    assert client.post(PAGE, {"password": PASSWORD}).status_code == 410
    assert not User.objects.get(email=NEW).has_usable_password()


def test_somebody_elses_session_in_the_same_browser_ends(client, alice, link):
    client.force_login(alice, backend="allauth.account.auth_backends.AuthenticationBackend")
    client.get(link)
    client.post(PAGE, {"password": PASSWORD})
    assert NEW in client.get("/account").content.decode()
    assert "alice@sunny.example" not in client.get("/account").content.decode()


def test_accepting_needs_the_token_against_forged_forms(link):
    client = Client(enforce_csrf_checks=True)
    client.get(link)
    assert client.post(PAGE, {"password": PASSWORD}).status_code == 403
