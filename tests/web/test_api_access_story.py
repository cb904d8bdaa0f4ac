"""From the log-in page to a call that works, in a real browser; and the examples a page shows, run as they stand."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import yaml
from django.core import mail
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.accounts.models import User
from apps.measurements import grid, store
from apps.packages import usage
from apps.packages.catalog import Package
from apps.packages.models import ApiClient
from apps.plants.models import Component, ModuleString, Plant
from apps.web.api_access import examples
from tests.cast import PASSWORD, Cast, make_plant
from tests.clients_cast import TOKEN_URL, user_key
from tests.web.api_pages import USER, cookie
from tests.web.conftest import PHONE, Visit

SHELL = "/bin/sh"


@pytest.fixture
def at_live_server(settings: Any, live_server: LiveServer) -> str:
    """Pages name the server that runs here."""
    settings.BASE_URL = live_server.url
    settings.CSRF_TRUSTED_ORIGINS = [live_server.url]
    url: str = live_server.url
    return url


def token(base: str, client_id: str, secret: str) -> httpx.Response:
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    return httpx.post(base + TOKEN_URL, data=form)


def strings_of(plant: Plant) -> str:
    string = ModuleString.objects.filter(component__epoch__plant=plant).first()
    assert string
    query = f"dateFrom=today&dateTo=today&channelNames=ProdPdc&mppTrackerIds={string.pk}"
    return f"/api/v1/sunny/visualization/plant/{plant.pk}/channels?{query}"


def log_in(page: Page, email: str) -> None:
    page.fill("input[name=login]", email)
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()


def confirm(page: Page, word: str) -> None:
    button = page.locator("#confirm")
    assert button.is_disabled()
    page.fill("input[name=typed]", word)
    button.click()


# --- The story -------------------------------------------------------------------------------------------------------


def invite(visit: Callable[..., Visit], email: str, manager: User, plant: Plant) -> str:
    """The manager invites somebody and assigns them a plant; the link in their letter."""
    page = visit(manager).to("/p/sunny/console")
    page.get_by_role("link", name="Invite people").click()
    page.get_by_label("E-mail addresses").fill(email)
    page.get_by_role("checkbox", name=plant.label).check()
    page.get_by_role("button", name="Send invitations").click()
    page.get_by_text("invited").first.wait_for()
    [letter] = [letter for letter in mail.outbox if letter.to == [email]]
    [link] = re.findall(r"http\S+/account/invitation/\S+", str(letter.body))
    return str(link)


@pytest.mark.browser
def test_from_the_invitation_to_a_call_and_to_its_end(cast: Cast, visit, at_live_server: str):
    link = invite(visit, "ines@sunny.example", cast.mona, cast.plant_a)
    seen: Visit = visit()
    seen.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = seen.to(link.removeprefix(at_live_server))
    page.locator("input[type=password]").first.fill(PASSWORD)
    page.get_by_role("button", name="Save and log in").click()
    page.get_by_role("link", name="Plant A").first.wait_for()
    page.get_by_role("button", name="Log out").click()

    page = seen.to("/p/sunny/api")
    log_in(page, "ines@sunny.example")
    page.get_by_role("link", name="Choose Basic").click()
    page.get_by_role("button", name="Switch on").click()
    page.get_by_role("button", name="Create and show the secret").click()

    client_id, secret = page.inner_text("#shown-id"), page.inner_text("#shown-secret")
    page.locator(".credential").nth(1).get_by_role("button").click()
    page.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    granted = token(at_live_server, client_id, secret)
    bearer = {"Authorization": f"Bearer {granted.json()['access_token']}"}

    def calls(path: str) -> httpx.Response:
        return httpx.get(at_live_server + path, headers=bearer)

    assert calls("/api/v1/sunny/administration/plants").json()[0]["label"] == "Plant A"
    refused = calls(strings_of(cast.plant_a))
    assert (refused.status_code, refused.json()["code"]) == (403, "package_required")

    page.reload()
    assert "This secret was shown once" in page.inner_text("h1")
    seen.problems[:] = [problem for problem in seen.problems if "409" not in problem]
    page.get_by_role("link", name="To the client").click()
    assert secret not in page.content()

    page.get_by_role("link", name="API access").first.click()
    page.get_by_role("link", name="Change to Advanced").click()
    page.get_by_role("button", name="Change to Advanced").click()
    assert calls(strings_of(cast.plant_a)).status_code == 200
    usage.flush()
    page.get_by_role("link", name="Change to Basic").click()
    assert "You called “5-minute values of MPP trackers and strings” 1 time" in page.inner_text("main")
    page.get_by_role("link", name="Cancel").click()

    page.get_by_role("link", name="Rotate the secret My program").click()
    page.get_by_label("After 1 hour").check()
    page.get_by_role("button", name="Make and show the new secret").click()
    new_secret = page.inner_text("#shown-secret")
    assert [token(at_live_server, client_id, one).status_code for one in (secret, new_secret)] == [200, 200]
    page.get_by_role("link", name="I have stored it").click()
    page.get_by_text(re.compile(r"in 00:59:\d\d")).wait_for()

    page.get_by_role("link", name="API access").first.click()
    page.get_by_role("link", name="Switch off").click()
    confirm(page, "sunny")
    page.get_by_text("It is switched off. Its clients, secrets and tokens are dead.").wait_for()
    assert calls("/api/v1/sunny/me").status_code == 401
    assert token(at_live_server, client_id, new_secret).status_code == 401


# --- The examples run ------------------------------------------------------------------------------------------------


@pytest.fixture
def shown(cast: Cast, visit, at_live_server: str) -> dict[str, str]:
    """The examples as they stand on the screen with the secret."""
    measure_today(cast.plant_a)
    user_key(cast.alice, cast.sunny)
    seen: Visit = visit()
    seen.context.add_cookies([cookie(cast.alice, at_live_server)])
    page = seen.to(f"{USER}/clients/new")
    page.get_by_role("button", name="Create and show the secret").click()
    page.wait_for_selector("#shown-secret")
    return {key: page.text_content(f"#code-{key}") or "" for key in ("curl", "python", "javascript", "homeassistant")}


def measure_today(plant: Plant) -> None:
    """4200 W at the beginning of today, nothing since."""
    inverter = Component.objects.get(epoch__plant=plant, type=Component.Type.INVERTER).cross_epoch_id
    today = grid.today(plant.zone, timezone.now())
    values = np.full(grid.slots(plant.zone, today), np.nan)
    values[0] = 4200
    store.write(plant, [store.DayReadings(inverter, today, {("ProdPac", 0): values})])


def output_of(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.browser
@pytest.mark.node
def test_the_examples_run_as_they_stand(cast: Cast, shown: dict[str, str], tmp_path: Path, node: str):
    (tmp_path / "first_call.py").write_text(shown["python"])
    (tmp_path / "first-call.mjs").write_text(shown["javascript"])
    curl = output_of(SHELL, "-c", shown["curl"])
    assert re.match(r"HTTP/1\.\d 200 ", curl)
    assert '"name":"ProdPac"' in curl
    for answer in (
        output_of("python3", str(tmp_path / "first_call.py")),
        output_of(node, str(tmp_path / "first-call.mjs")),
    ):
        assert answer.startswith("200 [")
        assert '"name": "ProdPac"' in answer
    (sensor,) = (one["sensor"] for one in yaml.safe_load(shown["homeassistant"])["command_line"])
    assert (sensor["name"], sensor["unit_of_measurement"]) == ("Plant A", "W")
    assert "{{" not in sensor["command"]
    assert "{%" not in sensor["command"]  # Home Assistant would read it as a template
    (series,) = json.loads(output_of(SHELL, "-c", sensor["command"]))
    assert isinstance(series["dataPoints"], dict)
    # As Home Assistant's Jinja reads it: the first series' last value that is not null.
    assert [value for value in series["dataPoints"].values() if value is not None][-1] == 4200
    assert sensor["value_template"] == "{{ value_json[0].dataPoints.values() | reject('none') | list | last }}"


# --- The examples are safe and honest --------------------------------------------------------------------------------

EVIL = "Roof\n$(touch owned) '; \"`touch owned`\u2028*/ {{ 1 }}"


def text_of(client: ApiClient, key: str) -> str:
    return next(one.text for one in examples.first_calls(client) if one.key == key)


def test_a_plants_label_cannot_run_anything(cast: Cast):
    Plant.objects.filter(pk=cast.plant_a.pk).update(label=EVIL)
    client = user_key(cast.alice, cast.sunny).client
    first_line = text_of(client, "curl").splitlines()[0]
    assert (
        first_line == "# Get a token, then read the power of “Roof $(touch owned) '; \"`touch owned` */ {{ 1 }}” today"
    )
    assert "owned" not in "".join(text_of(client, "curl").splitlines()[1:])
    assert "owned" not in "".join(text_of(client, "python").splitlines()[1:])
    assert "owned" not in "".join(text_of(client, "javascript").splitlines()[1:])
    (sensor,) = (one["sensor"] for one in yaml.safe_load(text_of(client, "homeassistant"))["command_line"])
    assert sensor["name"] == "Roof $(touch owned) '; \"`touch owned` */ (( 1 ))"
    assert "owned" not in sensor["command"]


def test_the_examples_name_a_plant_the_client_may_read_and_channels_of_its_package(cast: Cast):
    make_plant(cast.sunny, "A foreign plant")
    for package, names in (("basic", 17), ("advanced", 29)):
        client = user_key(cast.alice, cast.sunny, package).client
        assert str(cast.plant_a.pk) in text_of(client, "curl")
        assert "&channelNames=ProdPac&channelNames=" in text_of(client, "curl")
        found = examples.channel_names(client.subscription.api, Package(package))
        assert len(found) == names
        assert ("GridPacIn" in found) == (package == "advanced")
        client.subscription.delete()


def test_who_has_no_plant_yet_gets_a_call_that_works_all_the_same(cast: Cast):
    client = user_key(cast.charlie, cast.sunny).client
    assert "'http://testserver/api/v1/sunny/administration/plants'" in text_of(client, "curl")
    assert text_of(client, "homeassistant").startswith("# A sensor needs a plant.")


# --- Seen ------------------------------------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.parametrize(("screen", "scheme"), [((1366, 900), "light"), (PHONE, "dark")])
def test_the_pages_are_accessible_and_fit(cast: Cast, visit, at_live_server: str, assert_accessible, screen, scheme):
    off: Visit = visit(cast.mona, screen=screen, scheme=scheme)
    assert_fits(off.to("/p/sunny/api"), assert_accessible)
    key = user_key(cast.alice, cast.sunny, networks=["127.0.0.0/8", "::1"])
    on: Visit = visit(screen=screen, scheme=scheme)
    on.context.add_cookies([cookie(cast.alice, at_live_server)])
    httpx.get(f"{at_live_server}/api/v1/sunny/me", headers={"Authorization": f"Bearer {key.token()}"})
    usage.flush()
    for path in ("", f"/clients/{key.client.client_id}", "/package/advanced", "/deactivate"):
        assert_fits(on.to(USER + path), assert_accessible)
    page = on.to(f"{USER}/clients/new")
    page.get_by_text("Limit what it may do").click()
    assert_fits(page, assert_accessible)
    page.get_by_role("button", name="Create and show the secret").click()
    page.wait_for_selector("#shown-secret")
    assert_fits(page, assert_accessible)


def assert_fits(page: Page, assert_accessible: Any) -> None:
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url


@pytest.mark.browser
def test_keys_move_between_the_examples_and_the_search_finds_plants(cast: Cast, visit, at_live_server: str):
    key = user_key(cast.alice, cast.sunny)
    seen: Visit = visit()
    seen.context.add_cookies([cookie(cast.alice, at_live_server)])
    page = seen.to(f"{USER}/clients/{key.client.client_id}")
    page.get_by_role("tab", name="curl").focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("tab", name="Python").get_attribute("aria-selected") == "true"
    expect(page.locator("#code-python")).to_be_visible()
    expect(page.locator("#code-curl")).to_be_hidden()
    page.keyboard.press("End")
    expect(page.locator("#code-homeassistant")).to_be_visible()
    page = seen.to(f"{USER}/clients/new")
    page.get_by_text("Limit what it may do").click()
    with page.expect_response("**/clients/plants?**"):
        page.get_by_label("Search plants").press_sequentially("nowhere")
    page.get_by_text("No plant matches.").wait_for()
    with page.expect_response("**/clients/plants?**"):
        page.get_by_label("Search plants").fill("plant a")
    page.get_by_label("Plant A").check()
    assert page.get_by_label("Only these:").is_checked()


@pytest.mark.browser
def test_without_scripts_every_example_stands_open(cast: Cast, visit, at_live_server: str, chromium):
    key = user_key(cast.alice, cast.sunny)
    context = chromium.new_context(java_script_enabled=False)
    context.add_cookies([cookie(cast.alice, at_live_server)])
    page = context.new_page()
    page.goto(f"{at_live_server}{USER}/clients/{key.client.client_id}")
    assert [page.locator(f"#code-{one}").is_visible() for one in ("curl", "homeassistant")] == [True, True]
    assert page.locator("[role=tablist]").is_hidden()
    context.close()
