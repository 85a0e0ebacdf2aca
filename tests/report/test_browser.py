"""The page in a real browser: silent, readable at every width, in both colour schemes, and by keyboard."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from copenet.report import write_report
from copenet.report.evidence import gather
from copenet.report.page import render
from tests.report.documents import SETTINGS, TRUTH, VERSIONS, documents, lay_out

CHROMIUM = os.environ.get("COPENET_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="Chromium is not installed: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is a development dependency")
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a finished demo, figures and all."""
    results = lay_out(tmp_path_factory.mktemp("browser") / "demo", documents())
    return write_report(results, results / "report.html", settings=SETTINGS, versions=VERSIONS, truth=TRUTH)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with a long unbroken title and hostile words."""
    hostile = "<img src=https://example.org/x onerror=alert(1)>" + "w" * 120
    results = lay_out(tmp_path_factory.mktemp("browser") / "bare", {"manifest": {hostile: hostile}}, figure=False)
    settings = {**SETTINGS, "study": {"title": hostile, "question": hostile, "seed": 7}}
    path = results / "report.html"
    path.write_text(render(gather(results, settings=settings, versions={hostile: hostile}, truth=None), {}))
    return path


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    context = browser.new_context()
    opened = context.new_page()
    opened.said, opened.asked = [], []
    opened.on("console", lambda message: opened.said.append(message.text))
    opened.on("pageerror", lambda error: opened.said.append(str(error)))
    opened.on("request", lambda request: opened.asked.append(request.url))
    yield opened
    context.close()


@pytest.mark.parametrize("which", ["full", "bare"])
def test_nothing_is_asked_of_the_network_and_nothing_complained_about(
    page: Any, which: str, request: pytest.FixtureRequest
) -> None:
    path: Path = request.getfixturevalue(which)
    page.goto(path.as_uri())
    page.wait_for_load_state("load")
    assert [url for url in page.asked if not url.startswith("data:")] == [path.as_uri()]
    assert page.said == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 375, 768, 1280])
@pytest.mark.parametrize("which", ["full", "bare"])
def test_no_width_scrolls_sideways(
    page: Any, which: str, width: int, scheme: str, request: pytest.FixtureRequest
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(request.getfixturevalue(which).as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def contrast(page: Any, selector: str) -> float:
    """Return the contrast of an element's text with the ground it stands on (WCAG 2)."""
    ratio = page.evaluate(
        """(selector) => {
          const light = (text) => {
            const [r, g, b] = text.match(/[\\d.]+/g).slice(0, 3).map(Number).map((v) => v / 255)
              .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const element = document.querySelector(selector);
          let ground = element;
          while (ground && /rgba\\(0, 0, 0, 0\\)/.test(getComputedStyle(ground).backgroundColor)) ground = ground.parentElement;
          const a = light(getComputedStyle(element).color);
          const b = light(getComputedStyle(ground || document.body).backgroundColor);
          return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        }""",
        selector,
    )
    return float(ratio)


STOPS = "[...document.querySelectorAll('a[href], summary, [tabindex=\"0\"]')].filter((e) => e.checkVisibility()).length"
WORDS = [".finding", ".question", "nav a", ".badge.pass", ".badge.warn", ".badge.refused", ".badge.not_informative"]
WORDS += ["figcaption", ".why", ".def", "summary", ".fig", ".tag", "footer p"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_their_ground(page: Any, full: Path, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(full.as_uri())
    weak = {selector: round(contrast(page, selector), 2) for selector in WORDS}
    assert {selector: ratio for selector, ratio in weak.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_drawings_follow_the_colour_scheme(page: Any, full: Path, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(full.as_uri())
    fill = page.evaluate("getComputedStyle(document.querySelector('#fig-effect_ladder svg text')).fill")
    channels = [int(part) for part in fill.removeprefix("rgb(").rstrip(")").split(",")]
    assert (min(channels) > 180) == (scheme == "dark")


def test_the_first_tab_is_the_skip_link_and_it_works(page: Any, full: Path) -> None:
    page.goto(full.as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    box = page.evaluate("document.activeElement.getBoundingClientRect().left")
    assert box >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#answer"
    assert page.evaluate("document.activeElement.id") == "answer"


def test_every_stop_of_the_keyboard_is_seen_and_nothing_traps_it(page: Any, full: Path) -> None:
    page.goto(full.as_uri())
    stops = int(page.evaluate(STOPS))
    seen = set()
    for number in range(stops):
        page.keyboard.press("Tab")
        name, outline = page.evaluate(
            "[document.activeElement.outerHTML.slice(0, 90), getComputedStyle(document.activeElement).outlineStyle]"
        )
        assert outline != "none", name
        seen.add((number, name))
    assert len(seen) == stops


def test_data_of_a_figure_opens_without_a_script(page: Any, full: Path) -> None:
    page.goto(full.as_uri())
    details = page.locator("#fig-effect_ladder details")
    details.locator("summary").focus()
    page.keyboard.press("Enter")
    assert details.locator("table").is_visible()
    assert "+0.090" in details.inner_text()


def test_headings_go_down_one_level_at_a_time(page: Any, full: Path) -> None:
    page.goto(full.as_uri())
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map((h) => Number(h.tagName[1]))")
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_it_prints_on_white_without_navigation(page: Any, full: Path) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    page.goto(full.as_uri())
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_every_figure_has_a_size(page: Any, full: Path) -> None:
    page.goto(full.as_uri())
    boxes = page.evaluate(
        "[...document.querySelectorAll('figure svg, figure img')].map((e) => e.getBoundingClientRect().height)"
    )
    assert len(boxes) >= 9
    assert min(boxes) > 80
