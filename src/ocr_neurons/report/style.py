"""The look of the figures, and their way into files: SVG inside a page, PNG beside it.

Colours: Okabe and Ito's palette for kinds, blue to red for gain to loss; all tell apart under the common forms of
colour blindness, and nothing is said by colour alone. Colours that must follow the page's light or dark scheme are
drawn in the light scheme's value and become CSS variables in the SVG.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from ocr_neurons.common.files import replacing

INK = "#1d1d20"
MUTED = "#5d5d66"
GRID = "#dcdce0"
BAND = "#f2f1ec"
STRONG = "#00639c"
BAR = "#8fbbdb"
WEAK = "#9a9aa2"
CELL_INK = "#161616"
LEVELS = ("#c98a00", "#c04a00", "#7a2a80", "#006e50", "#2060a0", "#606010")
MARKERS = ("o", "s", "^", "D", "v", "P")

VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--line",
    BAND: "--band",
    STRONG: "--strong",
    BAR: "--bar",
    WEAK: "--weak",
} | {colour: f"--level{index}" for index, colour in enumerate(LEVELS)}

WIDE, NARROW = 7.1, 3.4
"""Widths in inches: for the page's text column and for a telephone; at 96 pixels an inch both show true to size."""

_SETTINGS: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.parse_math": False,  # labels come from data: a dollar sign is a dollar sign
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 9,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "legend.handlelength": 1.6,
    "legend.columnspacing": 1.4,
    "svg.fonttype": "none",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw in this look, whatever the user's own matplotlib settings say; they are put back."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def canvas(width: float, height: float, gap: float = 0.02) -> Figure:
    """An empty figure in inches that lays itself out; ``gap`` stands between rows, as a share of their height."""
    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(hspace=gap))


def legend_above(figure: Figure, handles: Sequence[Any], labels: Sequence[str], columns: int, title: str = "") -> None:
    """A legend over the figure, which overlaps nothing."""
    made = figure.legend(
        list(handles),
        list(labels),
        loc="outside upper left",
        ncols=columns,
        borderaxespad=0.2,
        title=title or None,
        title_fontsize=8.5,
        alignment="left",
    )
    made.get_title().set_color(MUTED)


def short(text: str, most: int = 16) -> str:
    """A name cut to fit a figure; tables and captions have it whole."""
    return text if len(text) <= most else text[: most - 1] + "…"


def to_svg(figure: Figure, name: str, alt: str) -> str:
    """An ``<svg>`` element to stand inside HTML: no prolog, namespaces, styles or links; equal input, equal text.

    ``name`` sets this figure's internal ids apart from those of others in the page; ``alt`` is what it says.
    """
    stream = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    for waste in (r"<metadata>.*?</metadata>", r"<style.*?</style>", r"<!--.*?-->"):
        text = re.sub(waste, "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="[^"]*"', "<g", text).replace("xlink:href", "href")
    for colour, variable in VARIABLES.items():
        text = text.replace(f": {colour}", f": var({variable})")
    box = re.search(r'viewBox="([^"]*)"', text)
    if box is None:
        raise RuntimeError("matplotlib wrote an SVG without a viewBox")
    head = f'<svg viewBox="{box[1]}" role="img" aria-label="{html.escape(alt)}">'
    text = head + text[text.index(">") + 1 :].strip()
    return re.sub(r"\n\s*", "\n", text)


def to_png(figure: Figure, path: Path) -> None:
    """Write a PNG of 200 dots an inch, whole or not at all."""
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=200, metadata={"Software": None})
