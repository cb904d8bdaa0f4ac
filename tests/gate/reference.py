"""What the two APIs must do, as sets and times: the reference for test_state_machine.py.

Written from docs/threat-model.md and imports nothing of the portal. The portal tells living tokens from dead ones by
comparing stored moments; here a token is simply taken out of a set when something kills it.
"""

import datetime as dt
from dataclasses import dataclass, field

FOREVER = dt.datetime.max.replace(tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


@dataclass(eq=False)
class Subscriber:
    """Whoever an API belongs to. `user` may be disabled, and takes a User API along; plants are letters."""

    plants: set[str]
    has_user: bool
    status: str = "off"
    package: str = ""
    disabled: bool = False

    @property
    def calls(self) -> bool:
        return self.status == "active" and not (self.has_user and self.disabled)


@dataclass(eq=False)
class Program:
    """A client: secrets with the moment each of them ends, tokens with the moment each of them expires."""

    owner: Subscriber
    only: set[str] | None
    until: dt.datetime
    office: bool  # may call from one network only
    on: bool = True
    secrets: dict[str, dt.datetime] = field(default_factory=dict)
    tokens: dict[str, dt.datetime] = field(default_factory=dict)

    def live_secrets(self, now: dt.datetime) -> list[str]:
        return [secret for secret, end in self.secrets.items() if now < end]

    def usable(self, now: dt.datetime, in_office: bool) -> bool:
        return self.owner.calls and self.on and now < self.until and (in_office or not self.office)

    def rotate(self, new: str, now: dt.datetime, overlap: dt.timedelta) -> None:
        self.secrets = {secret: min(end, now + overlap) for secret, end in self.secrets.items()} | {new: FOREVER}

    def leaked(self) -> None:
        self.secrets, self.tokens = {}, {}

    def end(self) -> None:
        self.on = False
        self.leaked()

    def plants(self) -> set[str]:
        return self.owner.plants if self.only is None else self.owner.plants & self.only

    def answer(self, token: str, now: dt.datetime, in_office: bool, needs: str, plant: str) -> int:
        """The status of a call that `needs` a package, and asks about the plant of that letter ("" for none)."""
        if not (now < self.tokens.get(token, now) and self.usable(now, in_office)):
            return 401
        held = {"basic"} | ({"advanced"} if self.owner.package == "advanced" else set())
        held |= {"fleets"} if "advanced" in held and not self.owner.has_user else set()
        if needs not in held:
            return 403
        return 200 if not plant or plant in self.plants() else 404
