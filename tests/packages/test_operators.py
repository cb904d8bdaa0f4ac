"""The operators' commands that look after APIs: clients, suspension, approval, limits, settings, terms."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.models import AuditEntry
from apps.packages import clients, subscriptions
from apps.packages.models import ApiClient, PackageSettings, Subscription, Terms
from tests.clients_cast import ROBOT, Key, user_key
from tests.packages.test_commands import ALICE, MONA, PORTAL, USER, refused, run


@pytest.fixture
def key(cast) -> Key:
    return user_key(cast.alice, cast.sunny)


def works(printed: dict[str, Any]) -> bool:
    return clients.verify(printed["client_id"], printed["client_secret"]) is not None


# --- api_client -----------------------------------------------------------------------------------------


def test_a_client_is_created_with_its_limits_and_a_working_secret(cast, key):
    limits = ("--plants", str(cast.plant_a.pk), "--networks", "192.0.2.0/24", "2001:db8::1", "--expires", "2100-01-01")
    printed = run("api_client", "create", *USER, "--name", "dashboard", *limits)
    assert works(printed)
    assert (printed["portal"], printed["api"], printed["name"]) == ("sunny", "user", "dashboard")
    client = ApiClient.objects.get(name="dashboard")
    assert client.plant_ids == [str(cast.plant_a.pk)]
    assert client.networks == ["192.0.2.0/24", "2001:db8::1/128"]
    assert client.expires_at is not None
    assert client.expires_at.isoformat() == "2100-01-01T00:00:00+00:00"


def test_a_client_of_the_portal_api_is_created_by_its_manager(cast):
    run("activate_api", *PORTAL, "--package", "basic")
    assert works(run("api_client", "create", *PORTAL, "--name", "dashboard"))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--name", " "), "--name: A client needs a name of 1 to 255 characters."),
        (("--name", "default"), "--name: There is a client named “default” already."),
        (("--name", "x", "--plants", "roof"), "--plants: “roof” is not an id (UUID)."),
        (("--name", "x", "--plants", "FOREIGN"), "--plants: Choose at least one plant, and only plants you see."),
        (
            ("--name", "x", "--networks", "office"),
            "--networks: “office” is not a network such as 192.0.2.0/24 or 2001:db8::/32.",
        ),
        (("--name", "x", "--expires", "2020-01-01"), "--expires: The expiry lies in the past."),
        (
            ("--name", "x", "--expires", "soon"),
            "--expires: “soon” is not a day such as 2027-01-31, or a moment in ISO 8601.",
        ),
    ],
)
def test_a_client_that_cannot_be_is_refused_by_its_option(cast, key, arguments, complaint):
    given = [str(cast.plant_b.pk) if argument == "FOREIGN" else argument for argument in arguments]
    before = AuditEntry.objects.count()
    assert refused("api_client", "create", *USER, *given) == complaint
    assert (ApiClient.objects.count(), AuditEntry.objects.count()) == (1, before)


def test_the_list_tells_everything_but_secrets(cast, key):
    clients.rotate(key.client, ROBOT, "1h")
    printed = run("api_client", "list", *USER)
    [client] = printed["clients"]
    assert (client["name"], client["client_id"], client["enabled"]) == ("default", key.client.client_id, True)
    assert (client["plants"], client["networks"], client["expires"]) == (None, [], None)
    new, old = client["secrets"]
    assert (new["expires"], new["revoked"], old["revoked"], old["hint"]) == (None, None, None, key.secret[-4:])
    assert old["expires"] is not None
    assert key.secret not in str(printed)


@pytest.mark.parametrize("by", ["client_id", "name"])
def test_rotation_prints_a_working_secret_and_ends_the_old_one(key, by):
    printed = run("api_client", "rotate", *USER, "--client", getattr(key.client, by), "--overlap", "now")
    assert works(printed)
    assert clients.verify(key.client.client_id, key.secret) is None
    assert refused("api_client", "rotate", *USER, "--client", "default", "--overlap", "ever").startswith("--overlap: ")


def test_one_secret_all_secrets_or_the_client_is_revoked(key):
    second = clients.issue_secret(key.client, ROBOT)
    one = ("api_client", "revoke", *USER, "--client", "default")
    assert run(*one, "--secret", key.secret[-4:], "--reason", "mailed")["revoked"] == "secret"
    assert clients.verify(key.client.client_id, key.secret) is None
    assert clients.verify(key.client.client_id, second) == key.client
    assert refused(*one, "--secret", key.secret[-4:]) == "--secret: This secret was revoked or has expired before."
    assert refused(*one, "--secret", "none") == "--secret: The client has no secret that ends with “none”."
    assert run(*one, "--leaked")["revoked"] == "secrets and tokens"
    assert clients.verify(key.client.client_id, second) is None
    assert run(*one, "--reason", "gone")["revoked"] == "client"
    assert refused(*one) == "--client: There is no client “default”."
    assert AuditEntry.objects.latest("id").reason == "gone"


def test_the_client_of_somebody_else_is_unknown(cast, key):
    other = user_key(cast.bob, cast.sunny)
    for action in ("rotate", "revoke"):
        complaint = refused("api_client", action, *USER, "--client", other.client.client_id)
        assert complaint == f"--client: There is no client “{other.client.client_id}”."
    assert clients.verify(other.client.client_id, other.secret) == other.client


def test_rotation_of_an_ended_client_is_refused_and_changes_nothing(key):
    clients.end_client(key.client, ROBOT)
    complaint = refused("api_client", "rotate", *USER, "--client", key.client.client_id)
    assert complaint == "--user: This client is disabled."
    assert key.client.secrets.count() == 1


# --- Suspension and approval -------------------------------------------------------------------------------


def test_suspension_needs_a_reason_and_resuming_ends_it(key):
    assert refused("suspend_api", *USER, "--reason", " ") == "--reason: Say why."
    with pytest.raises(CommandError, match="--reason"):
        call_command("suspend_api", *USER)
    assert run("suspend_api", *USER, "--reason", "unpaid") == {"portal": "sunny", "api": "user", "status": "suspended"}
    assert Subscription.objects.get().reason == "unpaid"
    assert refused("suspend_api", *USER, "--reason", "x") == "--user: API access is suspended: unpaid"
    assert run("resume_api", *USER, "--reason", "paid")["status"] == "active"
    assert refused("resume_api", *USER) == "--user: API access is not suspended."


def test_approval_and_rejection(cast):
    run("package_settings", "--portal", "sunny", "--package", "basic", "--by", MONA, "--approval", "manager")
    assert run("activate_api", *USER, "--package", "basic")["status"] == "awaiting"
    assert run("reject_api", *USER, "--reason", "unpaid") == {"portal": "sunny", "api": "user", "status": "off"}
    assert run("activate_api", *USER, "--package", "basic")["status"] == "awaiting"
    assert run("approve_api", *USER)["status"] == "active"
    assert refused("approve_api", *USER) == "--user: API access does not await approval."


def test_a_package_that_needs_approval_says_so(cast, key):
    run("package_settings", "--portal", "sunny", "--package", "advanced", "--by", MONA, "--approval", "manager")
    complaint = "--package: The package advanced is given by a manager of the portal only."
    assert refused("set_package", *USER, "--package", "advanced") == complaint
    assert run("set_package", *USER, "--package", "advanced", "--approved")["package"] == "advanced"


# --- Limits and settings -------------------------------------------------------------------------------------


def test_limits_of_ones_own_are_set_and_taken_back(key):
    limits = ("--per-minute", "600", "--per-day", "90000", "--until", "2100-01-01T12:00:00+02:00")
    assert run("set_limits", *USER, *limits, "--reason", "migration") == {
        "portal": "sunny",
        "api": "user",
        "per_minute": 600,
        "per_day": 90_000,
        "until": "2100-01-01T12:00:00+02:00",
    }
    assert refused("set_limits", *USER, "--per-day", "0", "--reason", "x") == (
        "--per-day: A limit is a whole number of at least 1."
    )
    assert refused("set_limits", *USER, "--per-day", "1", "--until", "2020-01-01", "--reason", "x") == (
        "--until: The end lies in the past."
    )
    assert Subscription.objects.get().override_per_day == 90_000
    assert run("set_limits", *USER, "--reason", "done")["per_day"] is None
    assert Subscription.objects.get().override_until is None


def test_settings_are_shown_to_everybody_and_changed_by_a_manager(cast):
    show = ("package_settings", "--portal", "sunny", "--package", "basic")
    assert run(*show) == {
        "portal": "sunny",
        "package": "basic",
        "per_minute": 60,
        "per_day": 5_000,
        "max_clients": 5,
        "approval": "automatic",
    }
    assert refused(*show, "--max-clients", "9") == "--by: Say which manager of the portal wants this: --by EMAIL."
    assert "not a manager" in refused(*show, "--max-clients", "9", "--by", ALICE)
    assert not PackageSettings.objects.exists()
    assert run(*show, "--max-clients", "9", "--by", MONA)["max_clients"] == 9
    assert run(*show)["max_clients"] == 9


# --- Terms ---------------------------------------------------------------------------------------------------


def test_published_terms_have_to_be_accepted_by_their_version(cast, tmp_path: Path):
    file = tmp_path / "terms.txt"
    file.write_text("Be nice.")
    publish = ("publish_terms", "--portal", "sunny", "--by", MONA, "--version-name", "2025-01", "--text", str(file))
    assert run(*publish)["version"] == "2025-01"
    assert Terms.objects.get().text == "Be nice."
    assert refused(*publish) == "--version-name: The version “2025-01” has been published before."
    activate = ("activate_api", *USER, "--package", "basic")
    complaint = "--accept-terms: Accept the terms of use first; their present version is “2025-01”."
    assert refused(*activate) == refused(*activate, "--accept-terms", "2024") == complaint
    assert not Subscription.objects.exists()
    assert run(*activate, "--accept-terms", "2025-01")["status"] == "active"
    assert Subscription.objects.get().terms_version == "2025-01"


def test_terms_from_a_file_that_is_not_there_are_refused(cast):
    publish = ("publish_terms", "--portal", "sunny", "--by", MONA, "--version-name", "1", "--text", "/nowhere")
    assert refused(*publish).startswith("--text: /nowhere cannot be read")


def test_what_never_was_active_is_refused(cast):
    for command in (("suspend_api", "--reason", "x"), ("resume_api",), ("approve_api",), ("api_client", "list")):
        assert refused(*command, *USER) == "--user: API access is not active."


def test_subscriptions_are_untouched_by_a_refused_command(key):
    before = list(Subscription.objects.values())
    subscriptions.find_package("basic")
    refused("set_package", *USER, "--package", "gold")
    refused("activate_api", *USER, "--package", "basic")
    assert list(Subscription.objects.values()) == before
