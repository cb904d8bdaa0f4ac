"""Logging in, second factors and invitations in a real browser, as people do it."""

import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core import mail
from django.core.cache import cache
from playwright.sync_api import expect

from apps.accounts import invitations
from apps.accounts.access import Role
from apps.accounts.audit import Actor
from apps.accounts.models import AuditEntry
from tests.cast import PASSWORD
from tests.web.conftest import PHONE

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def _own_origin_and_no_limits_from_before(settings, live_server, cast):
    """Passkeys belong to the host of BASE_URL; the table of the cache is not emptied between tests."""
    settings.BASE_URL = live_server.url
    cache.clear()


def code_of(secret, ahead=0):
    """What the app shows now, or `ahead` periods later."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + ahead))


def link_in(letter):
    return next(line for line in letter.body.splitlines() if line.startswith("http"))


def log_in(page, email="alice@sunny.example"):
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()


def log_out(page):
    page.get_by_role("button", name="Log out").first.click()
    page.wait_for_url("**/")


def confirm(page):
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()


def has_no_horizontal_scroll(page):
    return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.fixture
def check(assert_accessible):
    """Waits for the page with this heading and asks axe about it."""

    def check(page, heading):
        expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
        assert_accessible(page)

    return check


@pytest.fixture
def authenticator():
    """A function that gives a page's browser a virtual device for passkeys."""

    def plug_in(visit):
        devtools = visit.context.new_cdp_session(visit.page)
        devtools.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        return devtools, devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    return plug_in


# --- Password ------------------------------------------------------------------------------------------------


def test_the_keyboard_alone_logs_in(visit, check):
    page = visit().to("/account/login/")
    check(page, "Log in")
    expect(page.get_by_label("E-mail")).to_be_focused()
    page.keyboard.type("alice@sunny.example")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    page.wait_for_url("**/p/sunny/plants")


def test_a_wrong_password_keeps_the_address(visit, check):
    page = visit(screen=PHONE, scheme="dark", locale="de-DE").to("/account/login/")
    page.get_by_label("E-Mail").fill("alice@sunny.example")
    page.get_by_label("Passwort", exact=True).fill("falsch")
    page.get_by_role("button", name="Anmelden", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("E-Mail und Passwort passen nicht zusammen")
    expect(page.get_by_label("E-Mail")).to_have_value("alice@sunny.example")
    assert has_no_horizontal_scroll(page)
    check(page, "Anmelden")


def test_the_way_to_a_new_password(visit, check):
    page = visit().to("/account/login/")
    page.get_by_role("link", name="Forgot your password?").click()
    check(page, "Reset the password")
    page.get_by_label("E-mail").fill("alice@sunny.example")
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
    check(page, "Check your mail")
    for _ in range(50):
        if mail.outbox:
            break
        page.wait_for_timeout(20)
    page.goto(link_in(mail.outbox[0]))
    check(page, "Choose a new password")
    page.get_by_label("New password", exact=True).fill("a loud morning in the rain")
    page.get_by_label("New password, once more").fill("a loud morning in the rain")
    page.get_by_role("button", name="Save the password").click()
    page.wait_for_url("**/p/sunny/plants")


# --- Second factors ------------------------------------------------------------------------------------------


def on_record(user):
    acts = AuditEntry.objects.filter(actor=user.email).order_by("at")
    return list(acts.values_list("action", flat=True))


def test_an_app_is_set_up_and_asked_for_and_a_recovery_code_stands_in(visit, alice, check):
    page = visit(alice).to("/account/2fa/")
    check(page, "Second factors")
    page.get_by_role("link", name="Set up an app").click()
    check(page, "Confirm that it is you")
    confirm(page)
    page.get_by_text("Scanning is not possible").click()
    secret = page.locator("#totp-key").inner_text()
    page.get_by_label("Code from the app").fill("000000")
    page.get_by_role("button", name="Switch on").click()
    expect(page.locator(".field-error")).to_contain_text("This code does not work.")
    check(page, "Set up an app")
    page.get_by_label("Code from the app").fill(code_of(secret))
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    codes = page.locator(".codes code").all_inner_texts()
    assert len(codes) == 10
    check(page, "Recovery codes")
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_text("switched on")).to_be_visible()
    check(page, "Second factors")
    kept = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in kept

    log_out(page)
    page.goto(page.url + "account/login/?next=/account")
    log_in(page)
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    check(page, "Second factor")
    used = code_of(secret, ahead=1)
    page.get_by_label("Code").fill(used)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url("**/account")
    expect(page.get_by_text("Authenticator app")).to_be_visible()

    log_out(page)
    page.goto(page.url + "account/login/")
    log_in(page)
    page.get_by_label("Code").fill(used)
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.locator(".field-error").first).to_contain_text("This code does not work.")
    page.get_by_label("Code").fill(codes[0])
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url("**/p/sunny/plants")
    page.goto(page.url.replace("/p/sunny/plants", "/account/2fa/"))
    expect(page.get_by_text("9 codes are left.")).to_be_visible()
    page.get_by_role("link", name="Remove Authenticator app").click()
    expect(page.get_by_role("heading", name="Remove the app")).to_be_visible()
    check(page, "Remove the app")
    page.get_by_role("button", name="Remove the app").click()
    expect(page.get_by_text("The authenticator app is removed.")).to_be_visible()
    assert not Authenticator.objects.exists()
    assert on_record(alice) == ["user.totp_added", "user.totp_removed"]


def test_a_passkey_logs_in_without_a_password_and_confirms(visit, alice, authenticator, check):
    made = visit(alice)
    authenticator(made)
    page = made.to("/account/2fa/webauthn/add/")
    confirm(page)
    check(page, "Add a passkey")
    page.get_by_label("Name of this passkey").fill("My laptop")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.goto(made.origin + "/account/2fa/")
    expect(page.get_by_text("My laptop").first).to_be_visible()
    check(page, "Second factors")

    log_out(page)
    page.goto(made.origin + "/account/login/?next=/account")
    page.get_by_role("button", name="Log in with a passkey").click()
    page.wait_for_url("**/account")
    expect(page.get_by_text("1 passkey")).to_be_visible()

    log_out(page)
    page.goto(made.origin + "/account/login/?next=/account")
    log_in(page)
    check(page, "Second factor")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/account")

    page.goto(made.origin + "/account/2fa/webauthn/reauthenticate/?next=/account/2fa/")
    check(page, "Confirm that it is you")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/account/2fa/")
    page.get_by_role("link", name="Rename My laptop").click()
    page.get_by_label("Name of this passkey").fill("Old laptop")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Remove Old laptop").click()
    expect(page.get_by_text("“Old laptop” can no longer log you in.")).to_be_visible()
    check(page, "Remove the passkey")
    page.get_by_role("button", name="Remove the passkey").click()
    expect(page.get_by_text("The passkey is removed.")).to_be_visible()
    assert on_record(alice) == ["user.passkey_added", "user.passkey_removed"]


def test_a_device_without_a_passkey_is_told_so(visit, authenticator):
    made = visit()
    page = made.to("/account/login/")
    devtools, device = authenticator(made)
    devtools.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    page.get_by_role("button", name="Log in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("The passkey was not used")


# --- The account page ----------------------------------------------------------------------------------------


def test_the_account_page_on_a_phone_has_language_brightness_and_log_out(visit, alice, check):
    page = visit(alice, screen=PHONE, scheme="dark", locale="de-DE").to("/account")
    check(page, "Konto")
    assert has_no_horizontal_scroll(page)
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Where you are logged in")).to_be_visible()
    page.get_by_role("button", name="Light").click()
    assert page.locator("html").get_attribute("data-theme") == "light"
    check(page, "Account")
    log_out(page)


def test_log_out_elsewhere(visit, alice, check):
    there = visit(alice, screen=PHONE).to("/account")
    here = visit(alice).to("/account")
    check(here, "Account")
    here.get_by_role("button", name="Log out everywhere else").click()
    expect(here.get_by_text("Logged out on 1 device.")).to_be_visible()
    there.reload()
    expect(there.get_by_role("heading", name="Log in")).to_be_visible()


def test_a_password_is_changed(visit, alice, check):
    page = visit(alice).to("/account")
    page.get_by_role("link", name="Change Password").click()
    check(page, "Change the password")
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill("a loud morning in the rain")
    page.get_by_label("New password, once more").fill("a loud morning in the rain")
    page.get_by_role("button", name="Save the password").click()
    expect(page.get_by_text("Your password is changed.")).to_be_visible()


# --- Invitations ---------------------------------------------------------------------------------------------


def test_an_invitation_leads_to_the_plants(visit, sunny, check):
    invitations.invite("nora@sunny.example", sunny, Role.OWNER, Actor("mona@sunny.example"), language="de")
    link = link_in(mail.outbox[0])
    made = visit(screen=PHONE, locale="de-DE")
    page = made.to(link.removeprefix(made.origin))
    check(page, "Willkommen bei Sunny Co-operative")
    assert has_no_horizontal_scroll(page)
    expect(page.get_by_role("heading", name="Willkommen bei Sunny Co-operative")).to_be_visible()
    page.get_by_label("Name").fill("Nora Neu")
    page.get_by_label("Passwort").fill(PASSWORD)
    page.get_by_role("button", name="Speichern und anmelden").click()
    page.wait_for_url("**/p/sunny/plants")
