"""API clients in the portal: made, limited, rotated, revoked; and a secret that is in one answer only."""

import datetime as dt
import re
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from apps.accounts.models import AuditEntry
from apps.packages import clients, offers
from apps.packages.catalog import Package
from apps.packages.models import ApiClient, ClientSecret
from tests.cast import Cast, make_plant
from tests.clients_cast import ROBOT, Key, ask_token, membership, new_key, portal_key, user_key
from tests.web.api_pages import PORTAL, USER, create, hidden, logged_in, rotate, shown_secret, text


@pytest.fixture
def key(cast: Cast) -> Key:
    return user_key(cast.alice, cast.sunny)


@pytest.fixture
def browser(cast: Cast, key: Key) -> Client:
    return logged_in(cast.alice)


def url(key: Key, path: str = "") -> str:
    return f"{USER}/clients/{key.client.client_id}{path}"


def works(client_id: str, secret: str) -> bool:
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    return bool(ask_token(form).status_code == 200)


def newest() -> ApiClient:
    return ApiClient.objects.latest("id")


# --- The secret, once ------------------------------------------------------------------------------------------------


def test_the_answer_to_the_form_shows_a_secret_that_works(browser: Client):
    page = create(browser)
    assert (page.status_code, page.headers["Cache-Control"]) == (200, "no-store")
    assert works(newest().client_id, shown_secret(page))
    assert "It is shown once, now." in text(page)
    assert AuditEntry.objects.filter(action="client.created").latest("id").address == "127.0.0.1"


def test_the_secret_is_nowhere_else(browser: Client, capsys: pytest.CaptureFixture[str]):
    secret = shown_secret(create(browser))
    for path in ("", f"/clients/{newest().client_id}", f"/clients/{newest().client_id}/rotate"):
        assert secret not in browser.get(USER + path).content.decode()
    sessions = [str(row.get_decoded()) for row in Session.objects.all()]
    assert sessions
    assert secret not in "".join(sessions)
    assert secret not in str(browser.cookies)
    call_command("dumpdata")
    dumped = capsys.readouterr().out
    assert newest().client_id in dumped
    assert secret not in dumped


def test_a_form_sent_twice_makes_one_client(browser: Client):
    opened = hidden(browser.get(f"{USER}/clients/new"), "opened")
    form = {"name": "Robot", "scope": "all", "opened": opened}
    first, again = (browser.post(f"{USER}/clients/new", form) for _time in range(2))
    assert (first.status_code, again.status_code) == (200, 409)
    assert "the secret of “Robot” was shown then. No other one was made." in text(again)
    assert shown_secret(first) not in again.content.decode()
    assert ApiClient.objects.filter(name="Robot").count() == 1


def test_a_form_sent_again_after_its_client_was_revoked_makes_none(browser: Client):
    opened = hidden(browser.get(f"{USER}/clients/new"), "opened")
    form = {"name": "Robot", "scope": "all", "opened": opened}
    browser.post(f"{USER}/clients/new", form)
    clients.end_client(newest(), ROBOT)
    assert browser.post(f"{USER}/clients/new", form).status_code == 409


def test_a_rotation_sent_twice_makes_one_secret(browser: Client, key: Key):
    form = {"overlap": "24h", "replaces": hidden(browser.get(url(key, "/rotate")), "replaces")}
    first, again = (browser.post(url(key, "/rotate"), form) for _time in range(2))
    assert (first.status_code, again.status_code) == (200, 409)
    assert "This secret was shown once" in text(again)
    assert ClientSecret.objects.filter(client=key.client).count() == 2
    assert works(key.client.client_id, shown_secret(first))


# --- Limits ----------------------------------------------------------------------------------------------------------


def test_a_client_is_limited_to_plants_networks_and_a_last_day(browser: Client, cast: Cast):
    page = create(
        browser,
        scope="some",
        plant_ids=[cast.plant_a.pk],
        networks="192.0.2.0/24\n2001:db8::1",
        expires_at="2099-06-30",
    )
    assert page.status_code == 200
    made = newest()
    assert made.plant_ids == [str(cast.plant_a.pk)]
    assert made.networks == ["192.0.2.0/24", "2001:db8::1/128"]
    assert made.expires_at == dt.datetime(2099, 7, 1, tzinfo=dt.UTC)


def test_ticked_plants_mean_nothing_while_all_are_chosen(browser: Client, cast: Cast):
    create(browser, scope="all", plant_ids=[cast.plant_a.pk])
    assert newest().plant_ids is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": " "}, "This field is required."),
        ({"name": "default"}, "There is a client named “default” already."),
        ({"scope": "some"}, "Choose at least one plant, and only plants you see."),
        ({"networks": "192.0.2.0/24, home"}, "“home” is not a network such as 192.0.2.0/24 or 2001:db8::/32."),
        ({"expires_at": "2020-01-01"}, "The expiry lies in the past."),
        ({"expires_at": "soon"}, "Enter a valid date."),
    ],
)
def test_wrong_input_is_told_at_its_field_and_kept(browser: Client, fields: dict[str, str], message: str):
    page = create(browser, **{"networks": "198.51.100.7", **fields})
    (field,) = fields
    said = page.content.decode()
    assert message in text(page)
    assert 'class="field-error"' in said
    assert f'name="{field}"' in said
    assert fields.get("networks", "198.51.100.7") in said
    assert ApiClient.objects.count() == 1


def test_somebody_elses_plant_is_as_unknown_as_none(browser: Client, cast: Cast):
    pages = [text(create(browser, scope="some", plant_ids=[pk])) for pk in (cast.plant_b.pk, cast.plant_o.pk)]
    for page, plant in zip(pages, (cast.plant_b, cast.plant_o), strict=True):
        assert f"Select a valid choice. {plant.pk} is not one of the available choices." in page
        assert plant.label not in page
    assert ApiClient.objects.count() == 1


def test_the_search_offers_plants_of_this_api_only(cast: Cast):
    user_key(cast.mona, cast.sunny)
    portal_key(cast.mona, cast.sunny)
    for number in range(60):
        make_plant(cast.sunny, f"Roof {number:02}")
    browser = logged_in(cast.mona)
    assert "No plant matches." in text(browser.get(f"{USER}/clients/plants?search="))
    assert text(browser.get(f"{PORTAL}/clients/plants?search=roof 5")).count("Roof") == 10
    assert browser.get(f"{PORTAL}/clients/plants").content.decode().count("checkbox") == 50
    ticked = browser.get(f"{PORTAL}/clients/plants?search=roof 01&plant_ids={cast.plant_b.pk}&plant_ids=x")
    assert text(ticked) == "Plants Plant B Roof 01"
    assert "checked" in ticked.content.decode()
    assert "Plant O" not in text(browser.get(f"{PORTAL}/clients/plants?search=plant"))


def test_too_many_clients_says_the_limit_and_what_to_do(browser: Client, cast: Cast, key: Key):
    by = membership(cast.mona, cast.sunny)
    offers.edit_settings(cast.sunny, Package("basic"), by, ROBOT, max_clients=1)
    assert "The package allows 1 client. To create another one, revoke it first." in text(browser.get(USER))
    page = create(browser)
    assert "The package allows 1 clients. Revoke one of them first." in text(page)
    assert 'value="Robot"' in page.content.decode()


# --- Rotated ---------------------------------------------------------------------------------------------------------


def test_rotation_with_overlap_counts_down(browser: Client, key: Key):
    page = rotate(browser, key.client.client_id, "1h")
    assert page.headers["Cache-Control"] == "no-store"
    assert f"The old secret …{key.secret[-4:]} works until" in text(page)
    assert works(key.client.client_id, key.secret)
    ends = ClientSecret.objects.get(hint=key.secret[-4:]).expires_at
    assert ends is not None
    assert dt.timedelta(minutes=59) < ends - timezone.now() <= dt.timedelta(hours=1)
    assert f'data-countdown="{ends.isoformat()}"' in browser.get(USER).content.decode()


def test_rotation_without_overlap_ends_the_old_secret(browser: Client, key: Key):
    page = rotate(browser, key.client.client_id, "now")
    assert "The old secret" not in text(page)
    assert not works(key.client.client_id, key.secret)


def test_a_third_secret_is_refused_with_advice(browser: Client, key: Key):
    rotate(browser, key.client.client_id)
    assert "there can be no third: choose “Now” to end both" in text(browser.get(url(key, "/rotate")))
    page = rotate(browser, key.client.client_id)
    assert "This client has two live secrets. Revoke one of them first." in text(page)
    assert rotate(browser, key.client.client_id, "now").status_code == 200


@pytest.mark.parametrize("overlap", ["", "1y"])
def test_an_unknown_overlap_is_refused_at_its_field(browser: Client, key: Key, overlap: str):
    page = rotate(browser, key.client.client_id, overlap)
    assert 'id="id_overlap_error"' in page.content.decode()
    assert ClientSecret.objects.count() == 1


# --- Ended -----------------------------------------------------------------------------------------------------------


def test_one_secret_is_revoked_by_its_last_letters(browser: Client, key: Key):
    secret = key.client.secrets.get()
    path = url(key, f"/secrets/{secret.pk}/revoke")
    assert "This is not" in text(browser.post(path, {"typed": "xxxx"}))
    token = key.token()
    assert browser.post(path, {"typed": secret.hint}).headers["Location"] == url(key)
    assert not works(key.client.client_id, key.secret)
    assert call(token) == 200
    assert browser.get(path).status_code == 404
    assert "No secret lives" in text(browser.get(url(key)))


def test_a_leaked_secret_takes_the_tokens_along_and_the_client_stays(browser: Client, key: Key):
    token = key.token()
    assert "dies at once" in text(browser.get(url(key, "/leaked")))
    browser.post(url(key, "/leaked"), {"typed": "default"})
    assert call(token) == 401
    assert AuditEntry.objects.filter(action="client.leaked").exists()
    page = rotate(browser, key.client.client_id)
    assert works(key.client.client_id, shown_secret(page))


def test_a_revoked_client_is_listed_as_ended(browser: Client, key: Key):
    token = key.token()
    assert browser.post(url(key, "/revoke"), {"typed": "wrong"}).status_code == 200
    assert call(token) == 200
    browser.post(url(key, "/revoke"), {"typed": "default"})
    assert call(token) == 401
    page = text(browser.get(USER))
    assert "1 client that has ended" in page
    assert "0 of 5" in page
    assert "ended" in text(browser.get(url(key)))
    for path in ("/revoke", "/leaked", "/rotate"):
        assert browser.get(url(key, path)).status_code == 404


def test_an_expired_client_is_no_longer_counted(browser: Client, key: Key):
    ApiClient.objects.update(expires_at=timezone.now() - dt.timedelta(days=1))
    assert "expired" in text(browser.get(USER))
    assert "0 of 5" in text(browser.get(USER))


def call(token: str) -> int:
    status: int = Client().get("/api/v1/sunny/me", headers={"Authorization": f"Bearer {token}"}).status_code
    return status


# --- Who may ---------------------------------------------------------------------------------------------------------

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PAGES = ("activate/basic", "package/advanced", "deactivate", "clients/new", "clients/plants")
OF_A_CLIENT = ("", "/rotate", "/revoke", "/leaked", "/secrets/{secret}/revoke")
ACTS = (*PAGES[:4], *(f"clients/{{client}}{path}" for path in OF_A_CLIENT[1:]))


def address(base: str, path: str, of: Key) -> str:
    return f"{base}/{path.format(client=of.client.client_id, secret=of.client.secrets.get().pk)}"


@pytest.mark.parametrize("who", ["alice", "bob", "mo"])
def test_the_portals_pages_are_for_managers(cast: Cast, who: str):
    portal = portal_key(cast.mona, cast.sunny)
    browser = logged_in(getattr(cast, who))
    paths = [*PAGES, *(f"clients/{{client}}{path}" for path in OF_A_CLIENT)]
    for path in [address(PORTAL, path, portal) for path in paths] + [PORTAL]:
        assert browser.get(path).status_code == 403, path
        assert browser.post(path).status_code in (403, 405), path
    assert "All plants of the portal" not in text(browser.get("/p/sunny/api"))


def test_managers_change_between_their_own_and_the_portals(cast: Cast):
    page = logged_in(cast.mona).get("/p/sunny/api")
    assert "All plants of the portal (Portal API)" in text(page)
    assert f'href="{PORTAL}"' in page.content.decode()


@pytest.mark.parametrize("who", ["bob", "mona", "oskar"])
def test_somebody_elses_client_is_as_unknown_as_none(cast: Cast, key: Key, who: str):
    user = getattr(cast, who)
    base = "/p/other/api/user" if who == "oskar" else USER
    user_key(user, cast.other if who == "oskar" else cast.sunny)
    browser = logged_in(user)
    unknown = "00000000-0000-4000-8000-000000000000"
    for path in OF_A_CLIENT:
        secret = key.client.secrets.get().pk
        answers = [
            browser.get(f"{base}/clients/{one}{path.format(secret=secret)}") for one in (key.client.client_id, unknown)
        ]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert UUID.sub("", text(answers[0])) == UUID.sub("", text(answers[1]))  # each has a request id


def test_the_secret_of_another_client_is_not_revoked_by_way_of_ones_own(cast: Cast, key: Key):
    other = new_key(key.subscription, "other")
    foreign = user_key(cast.bob, cast.sunny)
    browser = logged_in(cast.alice)
    for one in (other, foreign):
        assert browser.get(url(key, f"/secrets/{one.client.secrets.get().pk}/revoke")).status_code == 404


def test_a_managers_own_client_is_no_client_of_the_portal(cast: Cast):
    own, portal = user_key(cast.mona, cast.sunny), portal_key(cast.mona, cast.sunny)
    browser = logged_in(cast.mona)
    assert browser.get(f"{PORTAL}/clients/{own.client.client_id}").status_code == 404
    assert browser.get(f"{USER}/clients/{portal.client.client_id}").status_code == 404


def test_the_other_portals_manager_finds_nothing_here(cast: Cast):
    portal_key(cast.mona, cast.sunny)
    browser = logged_in(cast.oskar)
    assert {browser.get(path).status_code for path in ("/p/sunny/api", USER, PORTAL)} == {404}


def test_a_stranger_logs_in_first(key: Key):
    for path in ("/p/sunny/api", USER, f"{USER}/clients/new", url(key)):
        assert Client().get(path).headers["Location"].startswith("/account/login/")


@pytest.mark.parametrize("ago", [None, 301])
def test_every_act_wants_a_fresh_proof_of_identity(cast: Cast, key: Key, ago: float | None):
    browser = logged_in(cast.alice, confirmed_ago=ago)
    before = living()
    for path in ACTS:
        for answer in (browser.get(address(USER, path, key)), browser.post(address(USER, path, key), everything(key))):
            assert answer.status_code == 302
            assert answer.headers["Location"].startswith("/account/reauthenticate/?next=")
    assert living() == before
    key.subscription.refresh_from_db()
    assert (key.subscription.status, key.subscription.package) == ("active", "basic")


def living() -> tuple[int, int]:
    """Secrets that open the door, and clients that are enabled."""
    return ClientSecret.objects.live(timezone.now()).count(), ApiClient.objects.filter(enabled=True).count()


def everything(key: Key) -> dict[str, Any]:
    """A form that would do, whatever the act."""
    newest_secret = key.client.secrets.get().pk
    return {"name": "x", "scope": "all", "opened": timezone.now(), "overlap": "now", "replaces": newest_secret}


def test_acts_are_forms_with_a_csrf_token(cast: Cast, key: Key):
    strict = logged_in(cast.alice)
    strict.handler.enforce_csrf_checks = True
    for path in ACTS:
        assert strict.post(address(USER, path, key), everything(key)).status_code == 403
