"""Logger keys in the console: every plant with its keys, made, rotated and revoked, each secret shown once."""

import datetime as dt
import json
import re
import shlex
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect

from apps.accounts.audit import Actor
from apps.accounts.models import AuditEntry
from apps.ingest import keys
from apps.ingest.models import LoggerKey, Upload
from apps.plants.models import Plant
from tests.cast import Cast, make_plant
from tests.web.api_pages import hidden, logged_in, text
from tests.web.conftest import PHONE
from tests.web.console_pages import delivery

LIST = "/p/sunny/console/loggers"
MONA = Actor("mona@sunny.example")
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def made(cast: Cast) -> tuple[LoggerKey, str]:
    """A key of plant A and its secret."""
    return keys.create_key(cast.plant_a, "Cellar", MONA)


@pytest.fixture
def key(made: tuple[LoggerKey, str]) -> LoggerKey:
    return made[0]


@pytest.fixture
def mona(cast: Cast) -> Client:
    """The manager's browser; she has typed her password just now."""
    return logged_in(cast.mona)


def new_page(plant: Plant) -> str:
    return f"{LIST}/plants/{plant.pk}/new"


def page_of(key: LoggerKey, act: str = "") -> str:
    return f"{LIST}/{key.pk}" + (f"/{act}" if act else "")


def create(browser: Client, plant: Plant, name: str = "Cellar", opened: str = "") -> Any:
    """The form for a new key, opened, filled in and sent."""
    opened = opened or hidden(browser.get(new_page(plant)), "opened")
    return browser.post(new_page(plant), {"name": name, "opened": opened})


def rotate(browser: Client, key: LoggerKey, overlap: str = "24h", replaces: str = "") -> Any:
    replaces = replaces or hidden(browser.get(page_of(key, "rotate")), "replaces")
    return browser.post(page_of(key, "rotate"), {"overlap": overlap, "replaces": replaces})


def shown_secret(response: Any) -> str:
    found = re.search(r'id="shown-secret"[^>]*>(hpl_\w+)<', response.content.decode())
    assert found
    return found[1]


# --- The list ------------------------------------------------------------------------------------------------------


def test_every_plant_is_listed_with_its_keys(mona: Client, cast: Cast, key: LoggerKey):
    now = timezone.now()
    LoggerKey.objects.filter(pk=key.pk).update(last_used_at=now - dt.timedelta(minutes=7), hint="abcd", login="hl-one")
    delivery(key, received_at=now - 3 * HOUR)
    delivery(key, received_at=now - 2 * HOUR)
    page = text(mona.get(LIST))
    assert "Plant A Ulm New key Plant A Cellar hl-one …abcd 7\xa0minutes ago 2\xa0hours ago in use" in page.replace(
        " minutes", "\xa0minutes"
    ).replace(" hours", "\xa0hours")
    assert "Plant B Ulm New key Plant B No key: nothing can deliver to this plant by itself." in page
    assert "Plant O" not in page


def test_states_tell_unused_silent_closed_and_revoked_keys_apart(mona: Client, cast: Cast, key: LoggerKey):
    assert "none yet not used yet" in text(mona.get(LIST))
    LoggerKey.objects.update(last_used_at=timezone.now() - 25 * HOUR)
    assert "none yet silent for 24 hours" in text(mona.get(LIST))
    Plant.objects.filter(pk=cast.plant_a.pk).update(status="deactivated")
    assert "none yet plant deactivated" in text(mona.get(LIST))
    assert "deliveries are refused until it is activated again" in text(mona.get(page_of(key)))
    keys.revoke_key(key, MONA)
    assert "1 revoked key Cellar" in text(mona.get(LIST))


def test_the_list_is_narrowed_by_words_keys_and_plant(mona: Client, cast: Cast, key: LoggerKey):
    def plants(query: str) -> list[str]:
        return re.findall(r'scope="rowgroup"[^>]*><a[^>]*>([^<]+)', mona.get(LIST + query).content.decode())

    assert plants("") == ["Plant A", "Plant B"]
    assert plants("?search=plant+b") == ["Plant B"]
    assert plants("?keys=some") == ["Plant A"]
    assert plants("?keys=none") == ["Plant B"]
    assert plants(f"?plant={cast.plant_b.pk}") == ["Plant B"]
    assert plants(f"?plant={cast.plant_o.pk}") == []
    assert plants("?plant=nonsense") == []
    assert "Nothing matches your search." in text(mona.get(LIST + "?search=nothing"))


def test_an_empty_portal_says_what_comes_first(mona: Client, cast: Cast):
    Plant.objects.filter(portal=cast.sunny).delete()
    assert "This portal has no plants yet" in text(mona.get(LIST))


def test_the_list_asks_few_statements_whatever_there_is(mona: Client, cast: Cast, django_assert_max_num_queries: Any):
    for number in range(60):
        plant = make_plant(cast.sunny, f"Barn {number:02}")
        for name in ("Logger", "Script"):
            delivery(keys.create_key(plant, name, MONA)[0])
    with django_assert_max_num_queries(11):
        page = text(mona.get(LIST))
    assert "Barn 49" in page
    assert "Page 1 of 2" in page


def test_the_plants_page_leads_managers_to_its_keys(mona: Client, cast: Cast):
    about = f"/p/sunny/plants/{cast.plant_a.pk}/about"
    link = f'href="{LIST}?plant={cast.plant_a.pk}">Logger keys'
    assert link in mona.get(about).content.decode()
    assert "Logger keys" not in logged_in(cast.alice).get(about).content.decode()


# --- Made ----------------------------------------------------------------------------------------------------------


def test_a_new_key_shows_its_secret_once_and_works(mona: Client, cast: Cast):
    response = create(mona, cast.plant_a)
    secret, key = shown_secret(response), LoggerKey.objects.get()
    assert keys.verify(secret, key.login) == key
    assert (key.plant, key.name, response.headers["Cache-Control"]) == (cast.plant_a, "Cellar", "no-store")
    entry = AuditEntry.objects.get(action="logger_key.created")
    assert (entry.actor, entry.address, entry.portal) == (cast.mona.email, "127.0.0.1", cast.sunny)
    assert secret not in mona.get(page_of(key)).content.decode()
    assert f"…{secret[-4:]}" in text(mona.get(page_of(key)))


def test_a_form_sent_twice_makes_one_key(mona: Client, cast: Cast):
    opened = hidden(mona.get(new_page(cast.plant_a)), "opened")
    secret = shown_secret(create(mona, cast.plant_a, opened=opened))
    again = create(mona, cast.plant_a, opened=opened)
    assert (again.status_code, "This secret was shown once" in text(again)) == (409, True)
    assert secret not in again.content.decode()
    assert LoggerKey.objects.count() == 1


def test_what_stands_against_a_new_key_is_said_at_its_name(mona: Client, cast: Cast, key: LoggerKey):
    assert "This plant has a key of that name already." in text(create(mona, cast.plant_a, " Cellar "))
    assert "This field is required." in text(create(mona, cast.plant_a, ""))
    for number in range(9):
        keys.create_key(cast.plant_a, f"Logger {number}", MONA)
    refused = create(mona, cast.plant_a, "One more")
    assert "A plant has at most 10 logger keys. Revoke one of them first." in text(refused)
    assert 'value="One more"' in refused.content.decode()
    assert LoggerKey.objects.count() == 10


def test_a_name_is_proposed_that_is_free(mona: Client, cast: Cast):
    keys.create_key(cast.plant_a, "Data logger", MONA)
    page = mona.get(new_page(cast.plant_a))
    assert 'value="Data logger 2"' in page.content.decode()
    assert "Keys the plant has already: Data logger" in text(page)


# --- Set up --------------------------------------------------------------------------------------------------------


def example(response: Any, name: str) -> str:
    """A text to copy, as the browser would."""
    found = re.search(rf'<pre class="code" id="code-{name}"[^>]*>(.*?)</pre>', response.content.decode(), re.DOTALL)
    assert found
    return found[1].replace("&#x27;", "'").replace("&quot;", '"')


def calls(script: str) -> list[list[str]]:
    """The curl commands of a script, as a shell splits them."""
    joined = re.sub(r"^#.*$", "", script, flags=re.MULTILINE)
    words = shlex.split(joined)
    starts = [place for place, word in enumerate(words) if word == "curl"]
    return [words[start:end] for start, end in zip(starts, [*starts[1:], len(words)], strict=True)]


def send(call: list[str], body: bytes | str) -> Any:
    """What curl would send, sent here."""
    headers = dict(call[place + 1].split(": ", 1) for place, word in enumerate(call) if word == "-H")
    kind = headers.pop("Content-Type", "application/octet-stream")
    path = call[-1].removeprefix("http://testserver")
    return Client().generic(
        "PUT" if "--upload-file" in call else "POST", path, body, content_type=kind, headers=headers
    )


def test_the_readings_to_copy_are_accepted_as_they_are(mona: Client, cast: Cast):
    response = create(mona, cast.plant_a)
    trial, real = (send(call, call[call.index("--data") + 1]).json() for call in calls(example(response, "readings")))
    assert (trial["accepted"], trial["rejected"], trial["newComponents"]) == (0, [], [])
    assert (real["accepted"], real["rejected"], real["newComponents"]) == (2, [], [])


def test_the_file_to_copy_is_accepted_and_its_receipt_found(mona: Client, cast: Cast):
    upload, receipt = calls(example(create(mona, cast.plant_a), "file"))
    answer = send(upload, b'm[mi++]="21.06.25 12:00:00|1;2;3;4"\r\n')
    assert (answer.status_code, answer.json()["name"]) == (202, "min_day.js")
    found = Upload.objects.get()
    path = receipt[-1].removeprefix("http://testserver").replace("YOUR_RECEIPT_ID", str(found.pk))
    headers = {"Authorization": receipt[receipt.index("-H") + 1].partition(": ")[2]}
    assert Client().get(path, headers=headers).json()["id"] == str(found.pk)


def test_the_settings_for_ftp_name_server_login_and_secret(mona: Client, cast: Cast, settings: Any):
    settings.FTP_ADDRESS = "ftp.sunny.example:2100"
    response = create(mona, cast.plant_a)
    assert example(response, "ftp").splitlines()[:6] == [
        "Server: ftp.sunny.example",
        "Port: 2100",
        f"User: {LoggerKey.objects.get().login}",
        f"Password: {shown_secret(response)}",
        "Directory: /",
        "Passive mode: yes",
    ]
    settings.FTP_ADDRESS = "ftp.sunny.example"
    later = example(mona.get(page_of(LoggerKey.objects.get())), "ftp")
    assert "Port: 21\n" in later
    assert "Password: YOUR_SECRET\n" in later


def test_a_label_with_tricks_stays_in_its_comment(mona: Client, cast: Cast):
    Plant.objects.filter(pk=cast.plant_a.pk).update(label="Barn\nrm -rf ~ $(reboot)")
    script = example(create(mona, cast.plant_a), "readings")
    assert script.splitlines()[0] == "# Deliver to “Barn rm -rf ~ $(reboot)”"
    assert [call[0] for call in calls(script)] == ["curl", "curl"]


# --- Rotated -------------------------------------------------------------------------------------------------------


def test_a_rotation_shows_the_new_secret_and_lets_the_old_one_live_on(mona: Client, made: tuple[LoggerKey, str]):
    key, old = made
    response = rotate(mona, key)
    new = shown_secret(response)
    assert "The old secret works until" in text(response)
    assert [keys.verify(one) for one in (old, new)] == [key, key]
    assert "the old one ends in" in text(mona.get(LIST))
    assert "A secret from an earlier rotation still works." in text(mona.get(page_of(key, "rotate")))


def test_a_rotation_without_overlap_ends_the_old_secret_now(mona: Client, made: tuple[LoggerKey, str]):
    key, old = made
    new = shown_secret(rotate(mona, key, "now"))
    assert [keys.verify(one) for one in (old, new)] == [None, key]
    assert "the old one ends" not in text(mona.get(page_of(key)))


def test_a_rotation_sent_twice_makes_one_secret(mona: Client, key: LoggerKey):
    replaces = hidden(mona.get(page_of(key, "rotate")), "replaces")
    secret = shown_secret(rotate(mona, key, replaces=replaces))
    assert rotate(mona, key, replaces=replaces).status_code == 409
    assert keys.verify(secret) == key
    assert AuditEntry.objects.filter(action="logger_key.rotated").count() == 1


def test_an_overlap_nobody_offers_is_refused(mona: Client, key: LoggerKey):
    assert "is not one of the available choices" in text(rotate(mona, key, "10y"))
    assert not AuditEntry.objects.filter(action="logger_key.rotated").exists()


# --- Revoked -------------------------------------------------------------------------------------------------------


def test_a_key_is_revoked_with_a_reason_after_its_name_was_typed(mona: Client, made: tuple[LoggerKey, str]):
    key, secret = made
    page = page_of(key, "revoke")
    assert "This field is required." in text(mona.post(page, {"typed": "Cellar"}))
    wrong = mona.post(page, {"typed": "cellar", "reason": "Logger stolen"})
    assert "This is not “Cellar”. Nothing was changed." in text(wrong)
    assert 'value="Logger stolen"' in wrong.content.decode()
    assert keys.verify(secret) == key
    done = mona.post(page, {"typed": "Cellar", "reason": "Logger stolen"}, follow=True)
    assert "The key “Cellar” opens nothing any more." in text(done)
    assert keys.verify(secret) is None
    assert AuditEntry.objects.get(action="logger_key.revoked").reason == "Logger stolen"


def test_a_revoked_key_is_still_shown_and_nothing_can_be_done_to_it(mona: Client, key: LoggerKey):
    delivery(key, kind="file", name="days.js")
    keys.revoke_key(key, MONA)
    page = text(mona.get(page_of(key)))
    assert "days.js" in page
    assert "Rotate the secret" not in page
    assert "Set-up" not in page
    assert [mona.get(page_of(key, act)).status_code for act in ("rotate", "revoke")] == [404, 404]


# --- Who comes in, and where secrets are not -----------------------------------------------------------------------


@pytest.mark.parametrize("act", ["", "rotate", "revoke"])
def test_a_key_of_another_portal_is_as_unknown_as_none(mona: Client, cast: Cast, act: str):
    foreign, secret = keys.create_key(cast.plant_o, "Logger", MONA)
    everything = {"typed": "Logger", "reason": "x", "overlap": "now", "replaces": foreign.hint}
    assert mona.get(page_of(foreign, act)).status_code == 404
    if act:
        assert mona.post(page_of(foreign, act), everything).status_code == 404
    assert keys.verify(secret) == foreign


def test_no_key_is_made_for_a_plant_of_another_portal(mona: Client, cast: Cast):
    assert mona.get(new_page(cast.plant_o)).status_code == 404
    assert mona.post(new_page(cast.plant_o), {"name": "x", "opened": timezone.now().isoformat()}).status_code == 404
    assert not LoggerKey.objects.exists()


def test_an_owner_makes_no_key_even_for_their_own_plant(cast: Cast):
    answer = logged_in(cast.alice).post(new_page(cast.plant_a), {"name": "x", "opened": timezone.now().isoformat()})
    assert answer.status_code == 403
    assert not LoggerKey.objects.exists()


def test_what_shows_or_ends_a_secret_asks_for_the_password_first(cast: Cast, key: LoggerKey):
    stale = logged_in(cast.mona, confirmed_ago=3600)
    for page in (new_page(cast.plant_a), page_of(key, "rotate"), page_of(key, "revoke")):
        data = {"name": "x", "opened": timezone.now().isoformat(), "typed": "Cellar", "reason": "x"}
        for answer in (stale.get(page), stale.post(page, data)):
            assert answer.headers["Location"].startswith("/account/reauthenticate/")
    assert (LoggerKey.objects.count(), LoggerKey.objects.get().revoked_at) == (1, None)


def test_a_secret_is_in_no_session_message_log_or_record(
    mona: Client, cast: Cast, caplog: pytest.LogCaptureFixture, settings: Any
):
    caplog.set_level("DEBUG")
    first = shown_secret(create(mona, cast.plant_a))
    second = shown_secret(rotate(mona, LoggerKey.objects.get()))
    sessions = [session.get_decoded() for session in Session.objects.all()]
    kept = json.dumps([sessions, *AuditEntry.objects.values(), *LoggerKey.objects.values()], default=str) + str(
        mona.cookies
    )
    pages = "".join(mona.get(page).content.decode() for page in (LIST, page_of(LoggerKey.objects.get())))
    for secret in (first, second):
        assert secret not in kept
        assert secret not in pages
        assert secret not in caplog.text


def test_the_acts_have_words_in_the_audit_log(mona: Client, cast: Cast, key: LoggerKey):
    keys.rotate_key(key, MONA)
    keys.revoke_key(key, MONA, "x")
    page = text(mona.get("/p/sunny/console/audit"))
    for words in ("Logger key created", "Secret of a logger rotated", "Logger key revoked", "Old secret ends"):
        assert words in page


# --- In a browser --------------------------------------------------------------------------------------------------


def no_wider_than_the_screen(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.browser
def test_a_manager_makes_copies_and_revokes_a_key_in_the_browser(cast: Cast, visit: Any, assert_accessible: Any):
    browser = visit(cast.mona, confirmed=True)
    browser.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = browser.to(LIST)
    page.get_by_role("link", name="New key Plant A").click()
    page.get_by_label("Name").fill("Cellar")
    page.get_by_role("button", name="Create and show the secret").click()
    secret = page.locator("#shown-secret").inner_text()
    assert_accessible(page)
    page.locator("[data-copy='#shown-secret']").click()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    page.get_by_role("tab", name="Readings (curl)").click()
    expect(page.locator("#panel-readings")).to_contain_text(secret)
    expect(page.locator("#panel-ftp")).to_be_hidden()
    page.get_by_role("link", name="I have stored it").click()
    expect(page.get_by_role("heading", name="Cellar")).to_be_visible()
    assert secret not in page.content()
    assert_accessible(page)
    page.get_by_role("link", name="Revoke the key").click()
    button = page.get_by_role("button", name="Revoke the key")
    expect(button).to_be_disabled()
    page.get_by_label("Reason").fill("sold")
    page.get_by_label("Type “Cellar” to confirm").fill("Cellar")
    button.click()
    expect(page.get_by_text("The key “Cellar” opens nothing any more.")).to_be_visible()


@pytest.mark.browser
def test_the_secret_fits_a_phone_in_the_dark_in_german(cast: Cast, visit: Any, assert_accessible: Any):
    page = visit(cast.mona, screen=PHONE, scheme="dark", locale="de-DE", confirmed=True).to(new_page(cast.plant_a))
    page.locator("main form button.btn-primary").click()
    expect(page.locator("#shown-secret")).to_contain_text("hpl_")
    expect(page.locator("main")).to_contain_text("Es wird einmal gezeigt, jetzt.")
    expect(page.locator("#code-ftp")).to_contain_text("Passwort: hpl_")
    assert no_wider_than_the_screen(page)
    assert_accessible(page)
