"""The account page: who one is, where one is logged in, and its language on every device."""

import pytest
from django.core import mail
from django.test import Client

from apps.accounts.models import AuditEntry, Membership, User
from apps.web.account.devices import name_of
from tests.cast import PASSWORD

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"


def client_of(user, agent=FIREFOX):
    client = Client(headers={"User-Agent": agent})
    client.force_login(user, backend=BACKEND)
    client.get("/account")
    return client


@pytest.fixture
def here(alice):
    return client_of(alice)


def page(client):
    return client.get("/account").content.decode()


def test_the_page_is_for_who_is_logged_in(client, db):
    assert client.get("/account").headers["Location"] == "/account/login/?next=/account"
    for path in ("/account/name", "/account/sessions/end", "/account/2fa/", "/account/password/change/"):
        assert client.post(path).headers["Location"].startswith("/account/login/")


def test_it_says_who_one_is_and_where(here, alice, other):
    Membership.objects.create(user=alice, portal=other, role="monitoring")
    text = page(here)
    assert "alice@sunny.example" in text
    assert text.index("Other Portal</a>") < text.index('Sunny Co-operative</a> <span class="tag">owner')


def test_who_is_in_no_portal_has_the_page_too(alice):
    Membership.objects.filter(user=alice).delete()
    assert "You are in no portal." in page(client_of(alice))


def test_it_takes_few_statements_however_many_sessions_there_are(here, alice, django_assert_max_num_queries):
    for _ in range(12):
        client_of(alice, SAFARI)
    with django_assert_max_num_queries(6):
        assert page(here).count("Safari on iPhone</strong>") == 12


def test_a_name_is_saved_and_recorded(here, alice):
    assert here.post("/account/name", {"name": " Alice A. "}).headers["Location"] == "/account"
    assert User.objects.get(pk=alice.pk).name == "Alice A."
    entry = AuditEntry.objects.get(action="user.renamed")
    assert (entry.actor, entry.before, entry.after) == (
        "alice@sunny.example",
        {"name": "Alice"},
        {"name": "Alice A."},
    )


def test_a_name_that_is_too_long_is_kept_in_the_form(here, alice):
    answer = here.post("/account/name", {"name": "x" * 201}).content.decode()
    assert "x" * 201 in answer
    assert "at most 200 characters" in answer


@pytest.mark.parametrize("path", ["/account/name", "/account/sessions/end"])
def test_changes_are_made_by_post_alone(here, path):
    assert here.get(path).status_code == 405


# --- Sessions ------------------------------------------------------------------------------------------------


def test_sessions_are_named_by_browser_and_system(here, alice):
    client_of(alice, SAFARI)
    text = page(here)
    assert 'Firefox on Windows</strong> <span class="tag">this device' in text
    assert "Safari on iPhone</strong><br>" in text


def test_log_out_elsewhere_ends_all_but_this_one(here, alice, bob):
    phone, bobs = client_of(alice, SAFARI), client_of(bob)
    assert "Logged out on 1 device." in here.post("/account/sessions/end", follow=True).content.decode()
    assert [one.get("/account").status_code for one in (here, phone, bobs)] == [200, 302, 200]


def test_one_session_is_ended_by_its_id(here, alice):
    phone, tablet = client_of(alice, SAFARI), client_of(alice, SAFARI)
    row = alice.usersession_set.get(session_key=phone.session.session_key)
    here.post("/account/sessions/end", {"session": row.pk})
    assert [one.get("/account").status_code for one in (here, phone, tablet)] == [200, 302, 200]


def test_a_session_of_somebody_else_is_not_ended(here, bob):
    bobs = client_of(bob)
    here.post("/account/sessions/end", {"session": bob.usersession_set.get().pk})
    assert bobs.get("/account").status_code == 200


def test_nonsense_for_an_id_is_not_found(here):
    assert here.post("/account/sessions/end", {"session": "1 OR 1"}).status_code == 404


def test_a_session_that_changes_its_password_goes_on_and_the_others_end(here, alice):
    phone = client_of(alice, SAFARI)
    new = "a loud morning in the rain"
    answer = here.post(
        "/account/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new}, follow=True
    )
    assert "Your password is changed." in answer.content.decode()
    assert [one.get("/account").status_code for one in (here, phone)] == [200, 302]
    assert page(here).count("Firefox on Windows</strong>") == 1


def test_the_old_password_is_asked_for(here, alice):
    answer = here.post("/account/password/change/", {"oldpassword": "no", "password1": "x", "password2": "y"})
    assert "This is not your current password." in answer.content.decode()
    assert User.objects.get(pk=alice.pk).check_password(PASSWORD)


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (FIREFOX, "Firefox on Windows"),
        (SAFARI, "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) Version/18 Safari/605", "Safari on Mac"),
        ("curl/8.0", "Unknown device"),
        ("", "Unknown device"),
    ],
)
def test_devices_have_the_names_their_users_give_them(agent, name):
    assert name_of(agent) == name


# --- Language ------------------------------------------------------------------------------------------------


def test_a_language_is_kept_for_mails_and_for_the_next_device(here, alice):
    here.post("/language", {"language": "de"}, headers={"Referer": "http://testserver/account"})
    assert User.objects.get(pk=alice.pk).language == "de"
    new = Client()
    new.post("/account/login/", {"login": alice.email, "password": PASSWORD})
    assert 'lang="de"' in page(new)
    assert mail.outbox == []


def test_a_language_we_do_not_speak_is_not_kept(here, alice):
    here.post("/language", {"language": "xx"})
    assert User.objects.get(pk=alice.pk).language == ""


def test_a_stranger_may_choose_a_language_too(client, db):
    assert client.post("/language", {"language": "de"}).status_code == 302
    assert 'lang="de"' in client.get("/account/login/").content.decode()
