"""Charts, figures and tables inside a notebook, small enough to be kept in its file. Needs IPython."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

from matplotlib.figure import Figure
from PIL import Image

from ocr_neurons.common.errors import UserError
from ocr_neurons.report.chart import Chart, Table
from ocr_neurons.report.style import WIDE, canvas, styled

DPI = 96
"""Dots an inch: as wide as a notebook's text on a plain screen."""
COLOURS = 64
"""Colours a picture: flat colours and grey letters need no more, and its file is a third as large."""


def show(drawn: Chart | Figure, caption: str = "") -> None:
    """Show a figure, and under it how to read it: the caption given, or the chart's own.

    Raises:
        UserError: IPython is not installed.
    """
    display, picture, words = _ipython()
    if isinstance(drawn, Chart):
        caption = caption or drawn.caption
        with styled():
            drawn = drawn.draw(WIDE)
    display(picture(data=png(drawn), format="png"))
    if caption:
        display(words(f"*How to read it.* {caption}"))


def show_table(table: Table) -> None:
    """Show a table; numbers stand as they are given."""
    display, _, words = _ipython()
    display(words(markdown(table.header, table.rows)))


def figure(draw: Callable[[Figure], None], height: float = 3.0) -> Figure:
    """A figure in the look of the reports, as wide as their column; ``draw`` fills it."""
    with styled():
        made = canvas(WIDE, height)
        draw(made)
        png(made)  # lay out and render while the style holds
    return made


def png(drawn: Figure) -> bytes:
    """The figure as a PNG of few colours."""
    stream = io.BytesIO()
    with styled():
        drawn.savefig(stream, format="png", dpi=DPI, metadata={"Software": None})
    small = io.BytesIO()
    with Image.open(stream) as image:
        image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(small, format="PNG", optimize=True)
    return small.getvalue()


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; a bar inside a cell is kept from ending it."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _ipython() -> tuple[Callable[..., object], Callable[..., object], Callable[..., object]]:
    try:
        from IPython.display import Image as Picture
        from IPython.display import Markdown, display
    except ImportError:
        raise UserError("IPython is not installed; figures need it: pip install 'ocr-neurons[notebooks]'") from None
    return display, Picture, Markdown
