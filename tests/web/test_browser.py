"""The landing page in a real browser: readable in light and dark, on a desktop and on a phone, without an error."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.live import LiveServer

pytestmark = pytest.mark.browser

CONTRAST = """selectors => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgb = colour => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = colour => rgb(colour).slice(0, 3)
    .map(part => part / 255)
    .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = element => {
    const colour = getComputedStyle(element).backgroundColor;
    return rgb(colour)[3] ? colour : ground(element.parentElement);
  };
  return Object.fromEntries(selectors.map(selector => {
    const element = document.querySelector(selector);
    const pair = [light(getComputedStyle(element).color), light(ground(element))].sort((a, b) => b - a);
    return [selector, (pair[0] + 0.05) / (pair[1] + 0.05)];
  }));
}"""
TEXTS = [
    "body",
    ".eyebrow",
    ".lead-text",
    ".btn-primary",
    ".btn-outline-primary",
    "dt",
    "dd code",
    "dd a",
    ".quiet-button",
]


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def problems() -> list[str]:
    """What the browser complained about."""
    return []


@pytest.fixture(params=[(1366, 900), (360, 740)], ids=["desktop", "phone"])
def home(
    request: pytest.FixtureRequest, chromium: Browser, live: LiveServer, scheme: str, problems: list[str]
) -> Iterator[Page]:
    """The landing page; console errors (a broken policy among them) and missing files are collected."""
    width, height = request.param
    context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.on("console", lambda message: problems.append(message.text))
    page.on("requestfailed", lambda call: problems.append(call.url))
    page.goto(live.url, wait_until="networkidle")
    yield page
    context.close()


def test_the_page_is_without_errors_and_fits_the_screen(home: Page, problems: list[str]):
    assert problems == []
    assert home.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert home.evaluate("document.fonts.check('16px \"Inter Variable\"')")


def test_every_text_has_a_contrast_of_4_5(home: Page):
    contrasts: dict[str, float] = home.evaluate(CONTRAST, TEXTS)
    assert {selector: ratio for selector, ratio in contrasts.items() if ratio < 4.5} == {}


def test_the_systems_preference_decides_between_light_and_dark(home: Page, scheme: str):
    red = int(home.evaluate("getComputedStyle(document.body).backgroundColor").split("(")[1].split(",")[0])
    assert (red > 200) == (scheme == "light")


def test_the_keyboard_reaches_the_content_first(home: Page):
    home.keyboard.press("Tab")
    assert home.evaluate("document.activeElement.className") == "skip-link"
    home.keyboard.press("Enter")
    assert home.evaluate("document.activeElement.id") == "content"
