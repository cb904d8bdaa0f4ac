"""The operators' commands about the APIs: one JSON object, or a refusal that names the option and changes nothing."""

import json
import subprocess
import sys
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.access import Role
from apps.accounts.models import Membership
from apps.packages import clients, subscriptions
from apps.packages.models import ApiClient, Subscription
from tests.clients_cast import ROBOT, user_key
from tests.live import ROOT

ALICE, MONA, OSKAR = "alice@sunny.example", "mona@sunny.example", "oskar@other.example"
USER = ("--user", ALICE)
PORTAL = ("--portal", "sunny", "--by", MONA)


def run(*arguments: str) -> dict[str, Any]:
    """What a command printed."""
    out = StringIO()
    call_command(*arguments, stdout=out)
    printed: dict[str, Any] = json.loads(out.getvalue())
    return printed


def refused(*arguments: str) -> str:
    """What a command complained about, with status 1."""
    with pytest.raises(CommandError) as error:
        call_command(*arguments)
    assert error.value.returncode == 1
    return str(error.value)


@pytest.fixture
def alice_in_both(cast) -> None:
    Membership.objects.create(portal=cast.other, user=cast.alice, role=Role.OWNER)


# --- activate_api -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("selectors", "api"), [(USER, "user"), (PORTAL, "portal")])
def test_activation_prints_working_credentials(cast, selectors, api):
    printed = run("activate_api", *selectors, "--package", "advanced")
    client_id, secret = printed.pop("client_id"), printed.pop("client_secret")
    assert printed == {"portal": "sunny", "api": api, "package": "advanced", "status": "active"}
    client = clients.verify(client_id, secret)
    assert client is not None
    assert (client.name, client.subscription.api.value, client.subscription.status) == ("default", api, "active")


def test_a_second_activation_says_so_and_changes_nothing(cast):
    run("activate_api", *USER, "--package", "basic")
    complaint = refused("activate_api", *USER, "--package", "advanced")
    assert complaint == "--user: API access is already active, with the package basic."
    assert Subscription.objects.get().package == "basic"
    assert ApiClient.objects.count() == 1


def test_activation_after_deactivation_makes_a_new_client(cast):
    first = run("activate_api", *USER, "--package", "basic")
    run("deactivate_api", *USER)
    second = run("activate_api", *USER, "--package", "basic")
    assert second["client_id"] != first["client_id"]
    assert clients.verify(first["client_id"], first["client_secret"]) is None
    assert clients.verify(second["client_id"], second["client_secret"]) is not None


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((*USER, "--package", "gold"), "--package: “gold” is none of basic, advanced."),
        (("--user", "nobody@sunny.example", "--package", "basic"), "--user: There is no user “nobody@sunny.example”."),
        ((*USER, "--portal", "moony", "--package", "basic"), "--portal: There is no portal “moony”."),
        ((*USER, "--portal", "other", "--package", "basic"), f"--user: {ALICE} is not a member of the portal other."),
        (("--portal", "moony", "--by", MONA, "--package", "basic"), "--portal: There is no portal “moony”."),
        (
            ("--portal", "sunny", "--by", "nobody@sunny.example", "--package", "basic"),
            "--by: There is no user “nobody@sunny.example”.",
        ),
        (
            ("--portal", "sunny", "--by", ALICE, "--package", "basic"),
            f"--by: {ALICE} is not a manager of the portal Sunny Co-operative.",
        ),
        (
            ("--portal", "sunny", "--by", OSKAR, "--package", "basic"),
            f"--by: {OSKAR} is not a manager of the portal Sunny Co-operative.",
        ),
        (("--portal", "sunny", "--package", "basic"), "--by: Say which manager of the portal wants this: --by EMAIL."),
        (("--package", "basic"), "--user: Say whose API: --user EMAIL, or --portal SLUG --by EMAIL."),
        (
            (*USER, "--by", MONA, "--package", "basic"),
            "--by: It goes with --portal alone: --user is for a User API, --by for a Portal API.",
        ),
    ],
)
def test_bad_input_is_refused_by_its_option(cast, arguments, complaint):
    assert refused("activate_api", *arguments) == complaint
    assert not Subscription.objects.exists()


def test_a_disabled_user_is_refused(cast):
    cast.alice.is_active = False
    cast.alice.save()
    assert refused("activate_api", *USER, "--package", "basic") == f"--user: The account {ALICE} is disabled."


def test_a_user_of_several_portals_must_name_one(alice_in_both):
    complaint = f"--portal: {ALICE} belongs to several portals; choose one of other, sunny."
    assert refused("activate_api", *USER, "--package", "basic") == complaint
    assert run("activate_api", *USER, "--portal", "other", "--package", "basic")["portal"] == "other"
    assert refused("deactivate_api", *USER) == complaint
    assert refused("set_package", *USER, "--package", "advanced") == complaint


# --- deactivate_api ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("selectors", "api"), [(USER, "user"), (PORTAL, "portal")])
def test_deactivation_says_what_it_ended(cast, selectors, api):
    run("activate_api", *selectors, "--package", "basic")
    assert run("deactivate_api", *selectors) == {
        "portal": "sunny",
        "api": api,
        "status": "off",
        "secrets_revoked": 1,
    }


@pytest.mark.parametrize(("selectors", "option"), [(USER, "--user"), (PORTAL, "--portal")])
@pytest.mark.parametrize("command", [("deactivate_api",), ("set_package", "--package", "basic")])
def test_what_was_never_active_is_refused(cast, selectors, option, command):
    assert refused(*command, *selectors) == f"{option}: API access is not active."


def test_only_a_manager_may_switch_the_portal_api_off(cast):
    run("activate_api", *PORTAL, "--package", "basic")
    assert "not a manager" in refused("deactivate_api", "--portal", "sunny", "--by", ALICE)
    assert Subscription.objects.get().status == "active"


def test_what_is_off_or_suspended_is_refused(cast):
    key = user_key(cast.alice, cast.sunny)
    subscriptions.suspend(key.subscription, ROBOT, "unpaid")
    assert refused("deactivate_api", *USER) == "--user: API access is suspended: unpaid"
    subscriptions.resume(key.subscription, ROBOT)
    run("deactivate_api", *USER)
    assert refused("deactivate_api", *USER) == "--user: API access is not active."


# --- set_package ------------------------------------------------------------------------------------


def test_another_package_names_the_functions_gained_and_lost(cast):
    run("activate_api", *PORTAL, "--package", "basic")
    up = run("set_package", *PORTAL, "--package", "advanced")
    assert (up["portal"], up["api"], up["package"], up["lost"]) == ("sunny", "portal", "advanced", [])
    assert {"fleets", "kpis", "component_channels"} < set(up["gained"])
    down = run("set_package", *PORTAL, "--package", "basic")
    assert (down["gained"], down["lost"]) == ([], up["gained"])


def test_the_same_package_again_changes_nothing(cast):
    run("activate_api", *USER, "--package", "basic")
    assert run("set_package", *USER, "--package", "basic")["gained"] == []


def test_an_unknown_package_is_refused_before_anything_else(cast):
    run("activate_api", *USER, "--package", "basic")
    assert refused("set_package", *USER, "--package", "gold") == "--package: “gold” is none of basic, advanced."


# --- As a process -----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_on_the_shell_a_refusal_is_status_1_with_nothing_on_stdout(cast, process_environment):
    command = [sys.executable, "manage.py", "activate_api", *USER, "--package", "gold"]
    done = subprocess.run(command, cwd=ROOT, env=process_environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "--package: “gold” is none of basic, advanced." in done.stderr
