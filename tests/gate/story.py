"""A whole story with known secrets, told over HTTP by any client: for test_secrets_stay_secret.py.

As a process (`python -m tests.gate.story`) it prepares the database of its environment and prints what it made.
"""

import base64
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

TOKEN = "/auth/realms/quotaapi/protocol/openid-connect/token"
REVOKE = "/auth/realms/quotaapi/protocol/openid-connect/revoke"
PASSWORD = "Sonnenschein & Schatten 4711"
WRONG_PASSWORD = "Mondschein & Regen 0815"
MOST_PAGES = 60


def prepare() -> dict[str, str]:
    """The cast with an operator and an API client of two rotations; its credentials and a page's worth of ids."""
    from apps.accounts.access import Role
    from apps.accounts.audit import Actor
    from apps.accounts.changes import create_user
    from apps.accounts.models import Membership, User
    from apps.packages import clients, subscriptions
    from apps.packages.catalog import Package
    from apps.packages.models import ClientSecret
    from tests.cast import make_cast

    actor, cast = Actor("story@test.example", "192.0.2.7"), make_cast()
    User.objects.create_superuser("root@helioport.example", PASSWORD)
    create_user("new@sunny.example", cast.sunny, Role.OWNER, actor, PASSWORD)
    subscription = subscriptions.activate_user_api(Membership.objects.get(user=cast.alice), Package("basic"), actor)
    client, first = clients.create_client(subscription, "default", actor)
    second = clients.rotate(client, actor)
    clients.revoke_secret(ClientSecret.objects.get(hint=first[-4:]), actor, "sent by mail")
    third = clients.rotate(client, actor, "1h")
    leaked, lost = clients.create_client(subscription, "leaked", actor)
    clients.revoke_as_leaked(leaked, actor, "on GitHub")
    secrets = {"first": first, "second": second, "third": third, "lost": lost}
    return {"id": client.client_id, "plant": str(cast.plant_a.pk), "foreign": str(cast.plant_b.pk), **secrets}


@dataclass(frozen=True)
class Answer:
    """A response as text: status line, headers and body; `shows` is what it alone may hold."""

    request: str
    status: int
    text: str
    shows: str = ""


Send = Callable[[str, str, dict[str, str], str], tuple[int, str, str]]  # method, path, headers, body -> status, ...


@dataclass
class Story:
    """What is said over HTTP. `send` keeps cookies; it returns status, headers and body."""

    send: Send
    known: dict[str, str]
    answers: list[Answer] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)

    def tell(self) -> None:
        self.ask_for_tokens()
        self.call()
        self.revoke()
        self.log_in_and_look_round()

    def secrets(self) -> dict[str, str]:
        """Everything that nobody may find anywhere, by name."""
        found = {name: self.known[name] for name in ("first", "second", "third", "lost")}
        return {**found, **self.tokens, "password": PASSWORD, "wrong password": WRONG_PASSWORD}

    def in_answers(self) -> dict[str, bytes]:
        """Every answer as text, less the token it is there to show."""
        return {
            f"answer {number} to {answer.request}": answer.text.replace(answer.shows or "\0", "").encode()
            for number, answer in enumerate(self.answers)
        }

    def say(self, method: str, path: str, body: str = "", shows: str = "", **headers: str) -> str:
        status, received, text = self.send(method, path, headers, body)
        found = json.loads(text)["access_token"] if shows else ""
        if shows:
            self.tokens[shows] = found
        self.answers.append(Answer(f"{method} {path[:60]}", status, f"{received}\n{text}", found))
        return text

    def form(self, secret: str, **more: str) -> str:
        own = {"grant_type": "client_credentials", "client_id": self.known["id"], "client_secret": secret}
        return urlencode({**own, **more})

    def post(self, path: str, body: str, shows: str = "", **headers: str) -> str:
        return self.say("POST", path, body, shows, **{"Content-Type": "application/x-www-form-urlencoded", **headers})

    def ask_for_tokens(self) -> None:
        second, third = self.known["second"], self.known["third"]
        header = {"Authorization": f"Basic {self.pair(third)}"}
        self.post(TOKEN, self.form(second), shows="by body")
        self.post(TOKEN, "grant_type=client_credentials", shows="by header", **header)
        self.post(TOKEN, self.form(third), **header)  # both ways at once
        self.post(TOKEN, self.form(third, grant_type="password", password=PASSWORD))
        self.post(TOKEN, self.form(self.known["first"]))
        self.post(TOKEN, self.form(self.known["lost"]))
        self.post(f"{TOKEN}?{self.form(third)}", "")  # in the address
        self.post(TOKEN, f"{self.form(third)}&client_secret={third}")
        self.post(TOKEN, self.form(third, filler="x" * 20_000))
        self.say("POST", TOKEN, json.dumps({"client_secret": third}), **{"Content-Type": "application/json"})
        self.say("GET", f"{TOKEN}?client_secret={third}")

    def pair(self, secret: str) -> str:
        return base64.b64encode(f"{self.known['id']}:{secret}".encode()).decode()

    def call(self) -> None:
        token, plant, foreign = self.tokens["by body"], self.known["plant"], self.known["foreign"]
        header = {"Authorization": f"Bearer {token}"}
        base = "/api/v1/sunny"
        for path in (
            *("/me", "/administration/plants", f"/administration/plant/{plant}", f"/visualization/plant/{plant}"),
            *(f"/administration/plant/{foreign}", "/administration/fleets", "/nowhere", "/me?page=1"),
            f"/visualization/plant/{plant}/kpis?dateFrom=2025-06-21&dateTo=2025-06-21",
            f"/administration/plants?search={token}",
            f"/me?access_token={token}",
        ):
            self.say("GET", base + path, **header)
        self.say("GET", f"/api/v1/other/me?access_token={token}")
        self.say("POST", f"{base}/me", f"access_token={token}", **header)
        self.say("GET", f"{base}/me", Authorization=f"Basic {self.pair(self.known['third'])}")
        self.say("GET", f"{base}/me", Authorization=f"Bearer {self.known['third']}")
        self.say("GET", f"{base}/me", Accept="text/html", **header)

    def revoke(self) -> None:
        form = self.form(self.known["third"], token=self.tokens["by header"])
        self.post(REVOKE, form)
        self.post(REVOKE, f"{form}0", Authorization=f"Bearer {self.tokens['by body']}")
        self.say("GET", "/api/me", Authorization=f"Bearer {self.tokens['by header']}")

    def log_in_and_look_round(self) -> None:
        for password in (WRONG_PASSWORD, PASSWORD):
            page = self.say("GET", "/account/login/?next=/admin/")
            found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
            form = {"login": "root@helioport.example", "password": password, "next": "/admin/"}
            self.post("/account/login/", urlencode({**form, "csrfmiddlewaretoken": found[1] if found else ""}))
        assert self.answers[-1].status == 302, "the operator is not logged in"
        for path in self.pages():
            self.say("GET", path)

    def pages(self) -> Iterator[str]:
        """Pages of the administration by their links, each once."""
        seen, open_ = set[str](), ["/admin/", "/"]
        while open_ and len(seen) < MOST_PAGES:
            path = open_.pop(0)
            seen.add(path)
            yield path
            links = re.findall(r'href="(/admin/[^"?#]+)"', self.answers[-1].text)
            packages_first = sorted(links, key=lambda link: "packages" not in link)
            open_ += [link for link in dict.fromkeys(packages_first) if link not in seen and link not in open_]


def forms(value: str, client_id: str) -> set[bytes]:
    """All the ways to write a secret down."""
    pair = f"{client_id}:{value}".encode()
    plain = {value, quote(value), quote_plus(value), json.dumps(value)[1:-1], value.encode().hex()}
    coded = {
        encode(text).rstrip(b"=")
        for encode in (base64.b64encode, base64.urlsafe_b64encode)
        for text in (pair, value.encode())
    }
    return {text.encode() for text in plain} | coded


def leaks(where: dict[str, bytes], secrets: dict[str, str], client_id: str) -> list[tuple[str, str]]:
    """Which secret was found where."""
    return [
        (name, place)
        for name, value in secrets.items()
        for place, text in where.items()
        if any(form in text for form in forms(value, client_id))
    ]


def as_bytes(value: Any) -> bytes:
    """A value of a database column or a cache as it would be read."""
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()


if __name__ == "__main__":
    import django

    django.setup()
    print(json.dumps(prepare()))
