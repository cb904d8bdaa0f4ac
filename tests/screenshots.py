"""`make screenshots`: every page of the demo portal as PNG, on a desktop and on a phone, in light and dark.

They land in screenshots/, which git ignores. `--readme` also renews the pictures of the README in docs/images/.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tests.live import end, free_port, wait_until_ready  # noqa: E402

PORT = free_port()
URL = f"http://127.0.0.1:{PORT}"
# The address in the examples of the pages is one that tells nothing of this machine.
os.environ.update(
    DEBUG="1",
    BASE_URL="https://portal.example.org",
    DJANGO_SETTINGS_MODULE="portal.settings",
    DJANGO_ALLOW_ASYNC_UNSAFE="1",
)

import django  # noqa: E402

django.setup()

from django.utils import timezone  # noqa: E402
from playwright.sync_api import Browser, sync_playwright  # noqa: E402

from apps.accounts.models import Membership, User  # noqa: E402
from apps.demo.people import MANAGER, PEOPLE  # noqa: E402
from apps.demo.seeding import SLUG  # noqa: E402
from apps.measurements import grid  # noqa: E402
from apps.packages.models import Subscription  # noqa: E402
from apps.plants.models import Fleet, Plant  # noqa: E402
from tests.web.conftest import DESKTOP, PHONE, logged_in  # noqa: E402

FOLDER = ROOT / "screenshots"
README = ROOT / "docs" / "images"
BEST = ("plants", "plant", "api-access", "documentation")
OWNER = next(person for person in PEOPLE if person.package and len(person.plants) > 1)


@dataclass(frozen=True, slots=True)
class Picture:
    """A page: its name, who looks at it (nobody at public ones), and its address below the portal's."""

    name: str
    email: str
    path: str
    public: bool = False

    @property
    def address(self) -> str:
        return URL + (self.path if self.public else f"/p/{SLUG}/{self.path}")


def pictures() -> Iterator[Picture]:
    """Every page, as the manager or as an owner of the demo portal sees it."""
    plants = Plant.objects.filter(portal__slug=SLUG).order_by("size")
    plant, subscription = plants[1], Subscription.objects.get(membership__user__email=OWNER.email)
    client = subscription.clients.programs().order_by("created")[0]
    yesterday = grid.today(plant.zone, timezone.now()) - grid.SLOT * 288
    member = Membership.objects.get(user__email=OWNER.email, portal__slug=SLUG)
    fleet = Fleet.objects.filter(portal__slug=SLUG)[0]
    yield Picture("landing", "", "/", public=True)
    yield Picture("log-in", "", "/account/login/", public=True)
    yield Picture("password-reset", "", "/account/password/reset/", public=True)
    yield Picture("not-found", "", "/no-such-page", public=True)
    yield Picture("account", OWNER.email, "/account", public=True)
    yield Picture("second-factors", OWNER.email, "/account/2fa/", public=True)
    yield Picture("plants", MANAGER.email, "plants")
    yield Picture("plants-table", MANAGER.email, "plants?view=table")
    base = f"plants/{plant.pk}"
    yield Picture("plant", OWNER.email, f"{base}?period=day&date={yesterday}")
    yield Picture("plant-month", OWNER.email, f"{base}?period=month")
    yield Picture("plant-year", OWNER.email, f"{base}?period=year")
    for part in ("components", "events", "kpis", "about"):
        yield Picture(f"plant-{part}", OWNER.email, f"{base}/{part}")
    yield Picture("api-access", OWNER.email, "api")
    yield Picture("api-client", OWNER.email, f"api/user/clients/{client.client_id}")
    yield Picture("api-choice", "mona@demo.example.org", "api")
    yield Picture("documentation", OWNER.email, "docs/guide")
    yield Picture("documentation-start", OWNER.email, "docs")
    yield Picture("documentation-reference", OWNER.email, "docs/reference")
    yield Picture("documentation-channels", OWNER.email, "docs/channels")
    yield Picture("console", MANAGER.email, "console")
    yield Picture("console-user", MANAGER.email, f"console/users/{member.pk}")
    yield Picture("console-fleet", MANAGER.email, f"console/fleets/{fleet.pk}")
    yield Picture("console-subscription", MANAGER.email, f"console/subscriptions/{subscription.pk}")
    for part in (
        "users",
        "users/invite",
        "assignments",
        "fleets",
        "subscriptions",
        "packages",
        "packages/terms",
        "audit",
    ):
        yield Picture(f"console-{part.replace('/', '-')}", MANAGER.email, f"console/{part}")


@contextmanager
def serving() -> Iterator[None]:
    """The demo portal on PORT."""
    log = FOLDER / "server.log"
    with log.open("w") as output:
        command = [sys.executable, "manage.py", "serve", "--port", str(PORT), "--workers", "1"]
        server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        try:
            wait_until_ready(server, URL, log)
            yield
        finally:
            end(server)


def shoot(browser: Browser, wanted: Picture, screen: tuple[int, int], scheme: Any) -> Path:
    """One picture of one page; the whole page on a phone, what a screen shows on a desktop."""
    size = {"width": screen[0], "height": screen[1]}
    context = browser.new_context(viewport=size, color_scheme=scheme, locale="en-GB", device_scale_factor=1)  # type: ignore[arg-type]
    if wanted.email:
        client = logged_in(User.objects.get(email=wanted.email))
        context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": URL}])
    page = context.new_page()
    page.goto(wanted.address, wait_until="networkidle")
    device = "phone" if screen == PHONE else "desktop"
    file = FOLDER / f"{wanted.name}-{device}-{scheme}.png"
    page.screenshot(path=file, full_page=screen == PHONE)
    context.close()
    return file


def main() -> None:
    """Take them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readme", action="store_true", help="renew the pictures of the README too")
    parser.add_argument("--only", help="the name of one page")
    options = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    chromium = shutil.which("chromium") or sys.exit("needs Chromium: install the package chromium")
    with serving(), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for wanted in pictures():
            if options.only not in (None, wanted.name):
                continue
            for screen in (DESKTOP, PHONE):
                for scheme in ("light", "dark"):
                    sys.stdout.write(f"{shoot(browser, wanted, screen, scheme).name}\n")
            if options.readme and wanted.name in BEST:
                README.mkdir(exist_ok=True)
                shutil.copy2(FOLDER / f"{wanted.name}-desktop-light.png", README / f"{wanted.name}.png")
        browser.close()


if __name__ == "__main__":
    main()
