"""What surrounds every page: the entries of the rail, the portals to change to, light or dark."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.accounts.access import Role
from apps.accounts.models import Membership

from .session import home_of, memberships

THEMES = ("light", "dark")


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the rail. `in_bar`: also in the bar at the foot of a phone, which has room for five."""

    label: str | Promise
    icon: str
    url: str
    active: bool
    in_bar: bool = True


_EVERYBODY = (("plants", _("Plants"), "plants", True),)
_MANAGERS = (
    ("fleets", _("Fleets"), "fleets", False),
    ("users", _("Users"), "users", False),
    ("console", _("Console"), "console", True),
)
_PROGRAMS = (
    ("api_access", _("API access"), "key", True),
    ("docs", _("Documentation"), "book", True),
)


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor of all pages. Asks the database only for somebody who is logged in."""
    theme = request.COOKIES.get("theme")
    context: dict[str, Any] = {"theme": theme if theme in THEMES else None}
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return context
    home = getattr(request, "membership", None) or home_of(request)
    return {
        **context,
        "home": home,
        "portal": home.portal if home else None,
        "portals": [one.portal for one in memberships(request)],
        "is_manager": home is not None and home.role == Role.MANAGER,
        "entries": list(_entries(home, request.path)) if home else [],
    }


def _entries(home: Membership, path: str) -> Iterator[Entry]:
    rows = (*_EVERYBODY, *(_MANAGERS if home.role == Role.MANAGER else ()), *_PROGRAMS)
    urls = {name: reverse(f"web:{name}", args=[home.portal.slug]) for name, *_rest in rows}
    here = max(
        (name for name, url in urls.items() if f"{path}/".startswith(f"{url}/")),
        key=lambda name: len(urls[name]),
        default="",
    )
    for name, label, icon, in_bar in rows:
        yield Entry(label, icon, urls[name], name == here, in_bar)
