"""`var/demo.json`: what a demo has to remember to greet again: its days, passwords and client secrets.

Made per installation, readable by its owner only, ignored by git. A portal in production has no such file: there
a secret is shown once and kept nowhere.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from django.conf import settings


@dataclass(slots=True)
class Login:
    """A demo user's first password; `user` is the id, which tells one database's users from another's."""

    user: str
    password: str


@dataclass(slots=True)
class Key:
    """The credentials of an API client."""

    client_id: str
    client_secret: str


@dataclass(slots=True)
class Notebook:
    """`logins` by e-mail, `keys` by the name of the API; `days` is the length of the demo's story."""

    days: int = 0
    logins: dict[str, Login] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)

    @classmethod
    def open(cls) -> Self:
        """What the file holds; a new notebook where there is none, or one cut short."""
        try:
            known = json.loads(path().read_text())
            logins = {name: Login(**login) for name, login in known["logins"].items()}
            return cls(known["days"], logins, {name: Key(**key) for name, key in known["keys"].items()})
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return cls()

    def save(self) -> None:
        """Replace the file in one step."""
        draft = path().with_suffix(".new")
        draft.parent.mkdir(exist_ok=True)
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(asdict(self), indent=2))
        draft.replace(path())


def path() -> Path:
    """Where the file is."""
    folder: Path = settings.VAR_DIR
    return folder / "demo.json"
