"""The page of a run, and that of several, in Chromium: nobody is asked, no error, nothing cut on a telephone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import ARGUMENTS, CHROMIUM

import sample
from ocr_neurons.report.page import write_report
from ocr_neurons.report.runs_page import write_comparison

sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install playwright")
if not Path(CHROMIUM).exists():
    pytest.skip("no Chromium: apt-get install chromium", allow_module_level=True)

REAL = os.environ.get("OCR_NEURONS_RUN")
"""A folder of a finished run to look at as well."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("pages")
    one = sample.write_run(root / "one", sample.summary(), sample.details(), sample.manifest())
    two = sample.write_run(root / "two", sample.summary() | {"seed": 2}, sample.details())
    found = {"run": write_report(one), "comparison": write_comparison([one, two], root / "compare.html")}
    if REAL:
        found["real"] = write_report(Path(REAL), root / "real.html")
    return found


class Seen:
    """A page in a browser of some size and scheme, what its console said and what it asked for."""

    def __init__(self, browser: Any, path: Path, **settings: Any) -> None:
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page = browser.new_page(**settings)
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())

    def colour(self, selector: str, name: str) -> str:
        found: str = self.page.evaluate(f"getComputedStyle(document.querySelector('{selector}')).{name}")
        return found


NAMES = ["run", "comparison", *(["real"] if REAL else [])]


@pytest.mark.parametrize("name", NAMES)
def test_it_asks_nobody_and_says_nothing(browser: Any, pages: dict[str, Path], name: str) -> None:
    seen = Seen(browser, pages[name], viewport={"width": 1280, "height": 800})
    assert seen.asked == [pages[name].as_uri()]
    assert seen.said == []
    assert pages[name].stat().st_size < 3_000_000


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_is_wider_than_the_screen(browser: Any, pages: dict[str, Path], name: str, width: int) -> None:
    seen = Seen(browser, pages[name], viewport={"width": width, "height": 800})
    seen.page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    assert seen.page.evaluate("document.documentElement.scrollWidth") == width
    narrow = seen.page.evaluate("[...document.querySelectorAll('.narrow')].filter(e => e.offsetHeight > 0).length")
    assert (narrow > 0) == (width < 608)  # 38 rem


def test_dark_and_light_differ_and_both_can_be_read(browser: Any, pages: dict[str, Path]) -> None:
    for scheme, dark in (("light", False), ("dark", True)):
        seen = Seen(browser, pages["run"], color_scheme=scheme)
        paper, ink = (luminance(seen.colour("body", name)) for name in ("backgroundColor", "color"))
        assert (paper < ink) == dark
        assert (max(paper, ink) + 0.05) / (min(paper, ink) + 0.05) >= 7  # WCAG AAA
        muted = luminance(seen.colour(".note", "color"))
        assert (max(paper, muted) + 0.05) / (min(paper, muted) + 0.05) >= 4.5


def luminance(colour: str) -> float:
    """Relative luminance of ``rgb(r, g, b)`` by WCAG."""
    parts = [int(x) / 255 for x in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_on_paper_the_numbers_stand_open_and_the_figures_are_wide(browser: Any, pages: dict[str, Path]) -> None:
    seen = Seen(browser, pages["run"], viewport={"width": 360, "height": 800})
    hidden = (
        "[...document.querySelectorAll('details table')]"
        ".filter(e => !e.checkVisibility({contentVisibilityAuto: true})).length"
    )
    assert seen.page.evaluate(hidden) > 5
    seen.page.emulate_media(media="print")
    seen.page.wait_for_function(f"{hidden} === 0")  # a busy machine lays the page out a moment later
    assert seen.page.evaluate("[...document.querySelectorAll('.narrow')].every(e => e.offsetHeight === 0)")
    assert seen.page.evaluate("[...document.querySelectorAll('.wide')].every(e => e.offsetHeight > 0)")
    assert seen.page.pdf(prefer_css_page_size=True).startswith(b"%PDF-")


def test_every_figure_says_what_it_shows_to_who_cannot_see_it(browser: Any, pages: dict[str, Path]) -> None:
    seen = Seen(browser, pages["run"], viewport={"width": 1280, "height": 800})
    figures = seen.page.get_by_role("img").all()
    assert len(figures) == 9
    assert all(len(figure.get_attribute("aria-label") or "") > 40 for figure in figures)
    seen.page.get_by_role("link", name="What neutralising does").click()
    assert seen.page.url.endswith("#edits")
    assert abs(seen.page.locator("#edits").bounding_box()["y"]) < 50
