"""create_portal and create_user: one JSON object on stdout, or a message that names the option."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.models import Portal, User
from tests.cast import PASSWORD, Cast
from tests.live import manage


def run(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def test_create_portal_prints_what_it_made(db):
    answer = run("create_portal", "sunny", "--name", "Sunny Co-operative")
    portal = Portal.objects.get()
    assert answer == {"portal": str(portal.pk), "slug": "sunny", "name": "Sunny Co-operative"}


def test_create_portal_names_the_argument_at_fault(sunny: Portal):
    with pytest.raises(CommandError, match=r"SLUG: .*already exists"):
        run("create_portal", "sunny", "--name", "Sunny")
    with pytest.raises(CommandError, match="SLUG: "):
        run("create_portal", "not a slug", "--name", "Sunny")
    with pytest.raises(CommandError, match="--name: "):
        run("create_portal", "rainy", "--name", "")
    with pytest.raises(CommandError, match="--name"):
        run("create_portal", "rainy")


def test_create_user_prints_what_it_made(sunny: Portal):
    answer = run("create_user", "Nina@Sunny.example", "--portal", "sunny", "--role", "monitoring")
    user = User.objects.get(email="nina@sunny.example")
    assert answer == {
        "user": str(user.pk),
        "email": "nina@sunny.example",
        "portal": "sunny",
        "role": "monitoring",
        "has_password": False,
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nina@sunny.example", "--portal", "rainy", "--role", "owner"), "--portal: There is no portal “rainy”"),
        (("nina@sunny.example", "--portal", "sunny", "--role", "king"), "--role"),
        (("nina@sunny.example", "--portal", "sunny"), "--role"),
        (("nina", "--portal", "sunny", "--role", "owner"), "EMAIL: "),
        (("alice@sunny.example", "--portal", "sunny", "--role", "owner"), "EMAIL: .*already a member"),
    ],
)
def test_create_user_names_the_option_at_fault(cast: Cast, arguments: tuple[str, ...], message: str):
    with pytest.raises(CommandError, match=message):
        run("create_user", *arguments)
    assert User.objects.count() == 6


@pytest.mark.parametrize(("typed", "message"), [("", "is empty"), ("\n", "is empty"), ("secret\n", "too short")])
def test_a_password_that_cannot_be_used_is_refused(
    sunny: Portal, monkeypatch: pytest.MonkeyPatch, typed: str, message: str
):
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    with pytest.raises(CommandError, match=f"--password-stdin: .*{message}"):
        run("create_user", "nina@sunny.example", "--portal", "sunny", "--role", "owner", "--password-stdin")
    assert not User.objects.filter(email="nina@sunny.example").exists()


def test_from_the_shell_the_password_is_read_and_never_shown(sunny: Portal, process_environment: dict[str, str]):
    arguments = ("create_user", "nina@sunny.example", "--portal", "sunny", "--role", "owner", "--password-stdin")
    done = manage(*arguments, environment=process_environment, stdin=f"{PASSWORD}\n")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["has_password"]
    assert PASSWORD not in done.stdout + done.stderr
    assert User.objects.get(email="nina@sunny.example").is_active
    again = manage(*arguments[:-1], environment=process_environment)
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == "CommandError: EMAIL: nina@sunny.example is already a member of the portal sunny.\n"
