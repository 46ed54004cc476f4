"""Charts and tables as files for papers: PNG, SVG, PDF; CSV, LaTeX. Equal runs give equal bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

from ocr_neurons.common.arguments import FIGURE_FORMATS
from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import replacing, write_text
from ocr_neurons.report.chart import Chart, Table
from ocr_neurons.report.style import WIDE, styled, to_png
from ocr_neurons.report.tables import to_csv, to_latex

FORMATS = FIGURE_FORMATS


def formats(given: str) -> tuple[str, ...]:
    """Formats such as ``svg,pdf``.

    Raises:
        UserError: one that there is not.
    """
    wanted = tuple(dict.fromkeys(name.strip().lower() for name in given.split(",")))
    for name in wanted:
        if name not in FORMATS:
            raise UserError(f"format {name!r} given; wanted some of {', '.join(FORMATS)}, such as --format svg,pdf")
    return wanted


def write_charts(charts: Mapping[str, Chart], folder: Path, wanted: Sequence[str] = ("png",)) -> list[Path]:
    """Draw charts, as wide as the page's text column (7.1 inches), into ``folder``; return the paths.

    Text stays text in SVG and PDF, so that it can be searched, read aloud and set in another type.
    """
    paths = []
    for name, chart in charts.items():
        for kind in wanted:
            path = folder / f"{name}.{kind}"
            write_chart(chart, path)
            paths.append(path)
    return paths


def write_chart(chart: Chart, path: Path) -> None:
    """Draw one chart as the file's ending, one of :data:`FORMATS`, says; see :func:`write_charts`."""
    kind = path.suffix.removeprefix(".").lower()
    with styled():
        figure = chart.draw(WIDE)
        if kind == "png":
            to_png(figure, path)
        else:
            _vector(figure, chart, path, kind)


def write_tables(tables: Mapping[str, tuple[Table, str]], folder: Path) -> list[Path]:
    """Write each table, given with its caption, as ``NAME.csv`` and ``NAME.tex`` into ``folder``; return the paths."""
    paths = []
    for name, (table, caption) in tables.items():
        for ending, text in (("csv", to_csv(table)), ("tex", to_latex(table, caption, name))):
            path = folder / f"{name}.{ending}"
            write_text(path, text)
            paths.append(path)
    return paths


def _vector(figure: Any, chart: Chart, path: Path, kind: str) -> None:  # noqa: ANN401 - matplotlib's figure
    about = (
        {"Title": chart.name, "Description": chart.alt, "Date": None, "Creator": None}
        if kind == "svg"
        else {"Title": chart.name, "Subject": chart.alt, "CreationDate": None, "Creator": None, "Producer": None}
    )
    settings = {"svg.hashsalt": chart.name, "svg.fonttype": "none", "pdf.fonttype": 42}
    with replacing(path) as temporary, mpl.rc_context(settings):
        figure.savefig(temporary, format=kind, metadata=about)
