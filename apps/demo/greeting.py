"""What a demo prints at the end: addresses, logins, API credentials, and calls ready to paste."""

from collections.abc import Iterable
from textwrap import indent

from django.conf import settings

from apps.packages.catalog import Package

from .notebook import Key
from .people import PEOPLE, PORTAL_KEY, PORTAL_PACKAGE, Person
from .seeding import SLUG, Seeded

TOKEN_PATH = "/auth/realms/quotaapi/protocol/openid-connect/token"  # noqa: S105  (an address)
EXAMPLE = next(person for person in PEOPLE if person.package is Package.ADVANCED)


Row = tuple[str, ...]


def greeting(seeded: Seeded) -> str:
    """The whole text."""
    parts = [
        _table("Addresses", _addresses()),
        _table("Logins", _logins(seeded)),
        _table("API credentials", _credentials(seeded)),
        _calls(seeded),
    ]
    title = "The Helioport demo portal: every plant is simulated, every name invented."
    return "\n\n".join([title, *filter(None, parts)])


def api_base() -> str:
    """Where the API of the demo portal is."""
    return f"{settings.BASE_URL}/api/v1/{SLUG}"


def token_url() -> str:
    """Where tokens are."""
    return settings.BASE_URL + TOKEN_PATH


def _addresses() -> list[Row]:
    base = settings.BASE_URL
    return [
        ("Portal", f"{base}/"),
        ("Administration", f"{base}/admin/"),
        ("API", api_base()),
        ("Tokens", token_url()),
    ]


def _logins(seeded: Seeded) -> list[Row]:
    logins = seeded.notebook.logins
    return [(person.email, logins[person.email].password, _role(person)) for person in PEOPLE]


def _role(person: Person) -> str:
    plants = ", ".join(plant.label.removesuffix(" (simulated)") for plant in person.plants)
    return f"{person.role.value} of {plants}" if plants else person.role.value


def _credentials(seeded: Seeded) -> list[Row]:
    named = {person.email: ("User API", person.package) for person in PEOPLE if person.package}
    named[PORTAL_KEY] = ("Portal API", PORTAL_PACKAGE)
    rows: list[Row] = []
    for name, (api, package) in named.items():
        key = seeded.notebook.keys.get(name)
        title = f"{api} {package.capitalize()}" + ("" if name == PORTAL_KEY else f" ({name})")
        rows += [(title, *pair) for pair in _key_lines(key)]
    return rows


def _key_lines(key: Key | None) -> list[tuple[str, str]]:
    if key is None:
        return [("", "switched off")]
    return [("client_id", key.client_id), ("client_secret", key.client_secret)]


def _calls(seeded: Seeded) -> str:
    """A token and two first calls, for a POSIX shell with curl and sed."""
    key = seeded.notebook.keys.get(EXAMPLE.email)
    if key is None:
        return ""
    wanted = EXAMPLE.plants[0].identifier
    plant = next(plant for plant in seeded.plants if plant.identifier == wanted)
    today = f"visualization/plant/{plant.pk}/channels?dateFrom=today&dateTo=today&channelNames=ProdPac"
    lines = [
        f"TOKEN=$(curl -s {token_url()} \\",
        f"  -d grant_type=client_credentials -d client_id={key.client_id} \\",
        f"  -d client_secret={key.client_secret} \\",
        """  | sed 's/.*"access_token": *"\\([^"]*\\)".*/\\1/')""",
        f'curl -s -H "Authorization: Bearer $TOKEN" {api_base()}/administration/plants; echo',
        f'curl -s -H "Authorization: Bearer $TOKEN" "{api_base()}/{today}"; echo',
    ]
    return f"A token and two first calls, as {EXAMPLE.email}\n" + indent("\n".join(lines), "  ")


def _table(title: str, rows: Iterable[Row]) -> str:
    """Aligned columns under a title; a first cell that repeats is left out."""
    cells = list(rows)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines, before = [title], ""
    for first, *others in cells:
        shown = ["" if first == before else first, *others]
        lines.append("  " + "  ".join(text.ljust(width) for text, width in zip(shown, widths, strict=True)).rstrip())
        before = first
    return "\n".join(lines)
