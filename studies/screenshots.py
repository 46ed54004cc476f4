"""Pictures of a page as people see it: on a laptop by day and by night, and on a telephone.

    python studies/screenshots.py RUN --out DIR

Takes the ``report.html`` of a run folder, or any HTML file, in a headless Chromium: ``apt-get install chromium`` and
``pip install playwright``. Nothing is fetched. Each picture has 256 colours and stays below 300 kB.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import replacing

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic",
]  # fmt: skip
LIMIT = 300_000
"""Bytes a picture may have."""


class Screen(NamedTuple):
    """A screen: its size in CSS pixels, how many of its own pixels make one, its colour scheme."""

    width: int
    height: int
    scale: float
    scheme: str


SCREENS = {
    "laptop-light": Screen(1280, 800, 1, "light"),
    "laptop-dark": Screen(1280, 800, 1, "dark"),
    "phone": Screen(390, 844, 2, "light"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="run folder, or an HTML file")
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--at", default="", metavar="ID", help="part of the page to show, such as where (default: top)")
    parser.add_argument("--pdf", action="store_true", help="also print the page to PDF (A4)")
    given = parser.parse_args(arguments)
    try:
        for path in shoot(given.run, given.out, given.at, pdf=given.pdf):
            print(path)
    except UserError as error:
        print(f"screenshots: {error}", file=sys.stderr)
        return 2
    return 0


def shoot(run: Path, out: Path, at: str = "", *, pdf: bool = False) -> list[Path]:
    """Take the pictures of a page; ``at`` is the id of the element to scroll to.

    Raises:
        UserError: no page there, no such element, no browser.
    """
    page = run / "report.html" if run.is_dir() else run
    if not page.is_file():
        raise UserError(f"{page}: no such file; wanted a page; write it with `ocr-neurons report {run}`")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise UserError("no playwright; wanted the Python package: pip install playwright") from None
    if not Path(CHROMIUM).exists():
        raise UserError(f"no {CHROMIUM}; wanted a Chromium: apt-get install chromium")
    paths = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            for name, screen in SCREENS.items():
                path = out / f"{name}{f'-{at}' if at else ''}.png"
                _picture(browser, page, screen, at, path)
                paths.append(path)
            if pdf:
                paths.append(_print(browser, page, out / f"{page.stem}.pdf"))
        finally:
            browser.close()
    return paths


def _picture(browser: Any, page: Path, screen: Screen, at: str, path: Path) -> None:  # noqa: ANN401 - playwright's
    tab = browser.new_page(
        viewport={"width": screen.width, "height": screen.height},
        device_scale_factor=screen.scale,
        color_scheme=screen.scheme,
    )
    tab.goto(page.resolve().as_uri())
    if at and not tab.evaluate("id => { const e = document.getElementById(id); e?.scrollIntoView(); return !!e }", at):
        raise UserError(f"{page}: no element with the id {at!r} in it; wanted one such as where, edits or sweep")
    small = quantised(tab.screenshot())
    tab.close()
    if len(small) > LIMIT:
        raise UserError(f"{path}: {len(small)} bytes; wanted at most {LIMIT}")
    with replacing(path) as temporary:
        temporary.write_bytes(small)


def _print(browser: Any, page: Path, path: Path) -> Path:  # noqa: ANN401 - playwright's
    tab = browser.new_page()
    tab.goto(page.resolve().as_uri())
    with replacing(path) as temporary:
        tab.pdf(path=str(temporary), prefer_css_page_size=True, print_background=True)
    tab.close()
    return path


def quantised(png: bytes, colours: int = 256) -> bytes:
    """The picture with so many colours, chosen for it."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        small = image.convert("RGB").quantize(colours, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    stream = io.BytesIO()
    small.save(stream, format="PNG", optimize=True)
    return stream.getvalue()


if __name__ == "__main__":
    sys.exit(main())
