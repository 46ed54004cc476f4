"""Screenshots of the explorer on a run: `python studies/explorer_screenshot.py RUN_DIR OUT_DIR`.

Writes `explorer.png` (1280 wide, light) and `explorer-phone.png` into OUT_DIR, each below 300 kB. Needs Chromium and
the `test` extra.
"""

from __future__ import annotations

import argparse
import io
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

ARGUMENTS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic",
]  # fmt: skip
LARGEST = 300_000
VIEW = "#on=1&factor=0"
SHAPES = {"explorer": (1280, 900, 2100), "explorer-phone": (390, 844, 2600)}
"""Name: width and height of the screen, and how much of the page is kept from its top."""


def shoot(run: Path, out: Path, view: str = VIEW, chromium: str = "") -> list[Path]:
    """Start the explorer on ``run``, write its screenshots into ``out``, stop it; their paths."""
    out.mkdir(parents=True, exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "ocr_neurons", "explore", str(run), "--port", str(port), "--no-open", "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as explorer:
        try:
            assert explorer.stdout is not None
            address = explorer.stdout.readline().strip()
            if not address:
                raise SystemExit(explorer.wait())
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=chromium or shutil.which("chromium") or "/usr/bin/chromium", args=ARGUMENTS
                )
                return [_shot(browser, address + view, out / f"{name}.png", *shape) for name, shape in SHAPES.items()]
        finally:
            explorer.terminate()


def _shot(browser: Browser, address: str, path: Path, width: int, height: int, kept: int) -> Path:
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme="light")
    page = context.new_page()
    page.goto(address)
    for _ in range(600):  # the page's policy forbids what Playwright's own waiting for an expression does
        page.wait_for_timeout(200)
        if page.evaluate("document.documentElement.dataset.open === '0' && !!document.querySelector('#neurons table')"):
            break
    image = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    context.close()
    image = image.crop((0, 0, image.width, min(kept, image.height)))
    for colours in (128, 64, 32, 16):
        stream = io.BytesIO()
        image.quantize(colours, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
        if stream.tell() < LARGEST:
            break
    path.write_bytes(stream.getvalue())
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--view", default=VIEW, help="what is set, as in the address of the page")
    given = parser.parse_args()
    for made in shoot(given.run, given.out, given.view):
        print(f"{made}: {made.stat().st_size:,} bytes")
