"""The forest plot: what each strategy changed on OCR text and on clean text, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from ocr_neurons.report.chart import Chart, Table
from ocr_neurons.report.files import write_chart
from ocr_neurons.report.phrase import NONE, bounds, signed
from ocr_neurons.report.style import INK, LEVELS, MUTED, STRONG, canvas, legend_above
from ocr_neurons.score.intervals import Difference
from ocr_neurons.strategies.compare import Row

CAPTION = (
    "Points of strict F1 on test over doing nothing, with 95 % intervals paired by document: filled circles on the "
    "text as OCR read it, hollow squares on clean twins of the same documents. An interval across the line cannot be "
    "told from doing nothing."
)


def forest_chart(rows: Sequence[Row]) -> Chart | None:
    """Differences of all strategies but doing nothing; None where there is no other."""
    shown = [row for row in rows if row.change]
    if not shown:
        return None
    cells = [(row.strategy.title, *_cells(row.change), *_cells(row.clean_change)) for row in shown]
    said = "; ".join(f"{row[0]}: {row[1]} {row[2]}" for row in cells)
    header = ("strategy", "OCR text", "95 % interval", "clean text", "95 % interval")
    return Chart(
        "strategies",
        CAPTION,
        f"Forest plot of differences in strict F1 on OCR text. {said}.",
        lambda width: _draw(shown, width),
        Table(header, cells),
    )


def write_forest(rows: Sequence[Row], path: Path) -> None:
    """Draw the chart; an older one is removed where there is nothing to draw."""
    chart = forest_chart(rows)
    if chart is None:
        path.unlink(missing_ok=True)
        return
    write_chart(chart, path)


def _cells(value: Difference | None) -> tuple[str, str]:
    return (NONE, NONE) if value is None else (signed(value.f1), bounds((value.low, value.high)))


def _draw(rows: Sequence[Row], width: float) -> Figure:
    figure = canvas(width, 0.95 + 0.4 * len(rows))
    axes = figure.subplots()
    axes.axvline(0, color=MUTED, linewidth=1.0, zorder=1)
    clean = any(row.clean_change for row in rows)
    series = [("OCR text", STRONG, "o", STRONG, -0.14 * clean, [row.change for row in rows])]
    if clean:
        series.append(("clean text", LEVELS[1], "s", "white", 0.14, [row.clean_change for row in rows]))
    handles = []
    for _, colour, marker, fill, offset, values in series:
        known = [(place + offset, value) for place, value in enumerate(values) if value]
        for y, value in known:
            axes.plot([100 * value.low, 100 * value.high], [y, y], color=colour, linewidth=1.6, zorder=2)
        handles += axes.plot(
            [100 * value.f1 for _, value in known],
            [y for y, _ in known],
            linestyle="none",
            marker=marker,
            markersize=6,
            color=colour,
            markerfacecolor=fill,
            markeredgewidth=1.3,
            zorder=3,
        )
    titles = [row.strategy.title if width > 5 else row.name for row in rows]
    axes.set_yticks(range(len(rows)), titles)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel("Strict F1 on test minus that of doing nothing (points)")
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    legend_above(figure, handles, [f"{one[0]}, with 95 % interval" for one in series], 2)
    return figure
