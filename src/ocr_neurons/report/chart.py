"""A chart: what is drawn, said and tabulated of one result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from ocr_neurons.report.style import NARROW, WIDE, styled, to_svg


@dataclass(frozen=True)
class Table:
    """A header and rows of text; the first column names the row."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Chart:
    """One figure of the report.

    Attributes:
        name: its file name without the ending.
        caption: how to read it and what the signs mean.
        alt: what it shows, for those who cannot see it.
        draw: makes it, for a width in inches.
        table: the numbers it is drawn from.
        title: what the table holds, in one line, for where it stands alone; empty: the caption says it.
    """

    name: str
    caption: str
    alt: str
    draw: Callable[[float], Figure]
    table: Table
    title: str = ""

    def svgs(self) -> tuple[str, str]:
        """The figure for a wide and for a narrow page."""
        with styled():
            wide = to_svg(self.draw(WIDE), f"{self.name}-wide", self.alt)
            return wide, to_svg(self.draw(NARROW), f"{self.name}-narrow", self.alt)
