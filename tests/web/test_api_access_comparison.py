"""The table of packages says what the mission promises: a matrix written by hand, not drawn from the catalog."""

import html
import re

import pytest

from apps.packages import offers
from apps.packages.catalog import FUNCTIONS, Approval, Package
from tests.cast import Cast
from tests.clients_cast import ROBOT, membership
from tests.web.api_pages import PORTAL, USER, logged_in

TOTALS, BOTH = "plant totals only", "plant totals and single devices"
# mission.md, "Feature table": Basic, Advanced; the same for both APIs.
DATA = {
    "Production values": (TOTALS, BOTH),
    "Consumption values": (TOTALS, BOTH),
    "Battery storage values": (TOTALS, BOTH),
    "Meter values": ("no", BOTH),
    "Sensor values": ("no", BOTH),
    "Key performance indicators": ("no", BOTH),
}
EVERYWHERE = ("yes", "yes")
ADVANCED = ("no", "yes")
CALLS = {
    "Plants you may read": EVERYWHERE,
    "A plant's master data": EVERYWHERE,
    "A plant's address": EVERYWHERE,
    "A plant's contacts": EVERYWHERE,
    "Components built in on a day": EVERYWHERE,
    "The configuration that holds on a day": EVERYWHERE,
    "Inverters built in on a day": EVERYWHERE,
    "Events of the components": EVERYWHERE,
    "A plant's state in short": EVERYWHERE,
    "5-minute totals of a plant": EVERYWHERE,
    "5-minute values of components": ADVANCED,
    "5-minute values of MPP trackers and strings": ADVANCED,
    "5-minute values of devices across configurations": ADVANCED,
    "Daily totals of a month": EVERYWHERE,
    "Daily values of devices in a month": ADVANCED,
    "Monthly totals of a year": EVERYWHERE,
    "Monthly values of devices in a year": ADVANCED,
    "Yearly totals since the start": EVERYWHERE,
    "Yearly values of devices since the start": ADVANCED,
    "Key performance indicators with their inputs": ADVANCED,
    "Your package, its functions and what is left of the quota": EVERYWHERE,
}
FLEETS = ("Plants you may read, of one fleet", "Fleets of the portal", "A fleet", "Plants of a fleet")
LIMITS = {
    "Calls per minute": ("60", "300"),
    "Calls per day": ("5,000", "50,000"),
    "Clients at most": ("5", "5"),
    "Starts": ("at once", "at once"),
    "History": ("all data since the start", "all data since the start"),
    "Records of your calls": ("kept for 400 days", "kept for 400 days"),
}


def rows(cast: Cast, base: str) -> dict[str, tuple[str, ...]]:
    """Each line of the table: its label, and what its cells say."""
    page = logged_in(cast.mona).get(base).content.decode()
    found = {}
    for line in re.findall(r"<tr>\s*<th scope=\"row\">(.*?)</tr>", page, re.DOTALL):
        label, cells = line.split("</th>", 1)
        found[plain(label)] = tuple(map(plain, re.findall(r"<td[^>]*>(.*?)</td>", cells, re.DOTALL)))
    return found


def plain(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def test_the_user_api_has_exactly_its_columns_of_the_mission(cast: Cast):
    fleets = {f"{name} Only in: Portal API Advanced": ("no", "no") for name in FLEETS}
    assert rows(cast, USER) == {**LIMITS, **DATA, **CALLS, **fleets}


def test_the_portal_api_has_exactly_its_columns_of_the_mission(cast: Cast):
    assert rows(cast, PORTAL) == {**LIMITS, **DATA, **CALLS, **dict.fromkeys(FLEETS, ADVANCED)}


def test_every_function_has_its_line():
    assert len(CALLS) + len(FLEETS) == len(FUNCTIONS)


@pytest.mark.parametrize(
    ("base", "starts"), [(USER, ("at once", "after approval by a manager")), (PORTAL, ("at once", "at once"))]
)
def test_the_limits_are_those_of_this_portal(cast: Cast, base: str, starts: tuple[str, str]):
    by = membership(cast.mona, cast.sunny)
    offers.edit_settings(
        cast.sunny,
        Package("advanced"),
        by,
        ROBOT,
        per_minute=77,
        per_day=7_777,
        max_clients=9,
        approval=Approval.MANAGER,
    )
    table = rows(cast, base)
    assert table["Calls per minute"] == ("60", "77")
    assert table["Calls per day"] == ("5,000", "7,777")
    assert table["Clients at most"] == ("5", "9")
    assert table["Starts"] == starts
