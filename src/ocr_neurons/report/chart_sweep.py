"""The heat maps of the sweep on dev: the sensitive neurons, and beside them random ones."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ocr_neurons.report.chart import Chart, Table
from ocr_neurons.report.inputs import Edit, Run, Trial
from ocr_neurons.report.phrase import NONE, bounds, factor, points, signed, whole
from ocr_neurons.report.style import CELL_INK, GRID, INK, MUTED, NARROW, canvas, short

LOSS_TO_GAIN = LinearSegmentedColormap.from_list("loss-gain", ["#b5452a", "#f0b69c", "#fbfaf6", "#a3c9e2", "#1f6ea8"])
FLOOR = 0.005
"""The colours reach full strength at this difference (half a point) at least, so that trifles look like trifles."""

TITLE = "Edits tried on dev: strict F1 and its difference to the tagger without an edit, in points."

Cells = dict[tuple[int, int], Trial]


@dataclass(frozen=True)
class Grid:
    """Trials laid out: rows are (region, count), columns (operation, factor); ``cells[row, column]``."""

    rows: list[tuple[str, int]]
    columns: list[tuple[str, float | None]]
    cells: Cells

    @property
    def labels(self) -> list[str]:
        """What stands before each row."""
        return [f"{short(region)} · {whole(count)}" for region, count in self.rows]

    @property
    def heads(self) -> list[str]:
        """What stands over each column."""
        return [factor(value, operation) for operation, value in self.columns]


def lay_out(trials: Sequence[Trial], regions: Mapping[str, tuple[int, ...]]) -> Grid:
    """Rows by region, in the order of ``regions`` and then of layers, then count; columns by operation, then factor.

    A second trial of the same setting gets a row of its own rather than hiding the first.
    """
    order = {name: index for index, name in enumerate(regions)}
    columns = sorted(
        {(t.operation, t.factor) for t in trials}, key=lambda c: (c[0] != "scale", c[0], -1.0 if c[1] is None else c[1])
    )
    seen: dict[tuple[str, int, str, float | None], int] = {}
    placed: list[tuple[tuple[int, str, int, int], str, Trial]] = []
    for trial in trials:
        setting = (trial.region, trial.count, trial.operation, trial.factor)
        again = seen[setting] = seen.get(setting, -1) + 1
        key = (order.get(trial.region, len(order)), _padded(trial.region), trial.count, again)
        placed.append((key, trial.region, trial))
    rows = sorted({(key, region) for key, region, _ in placed})
    cells = {(rows.index((key, name)), columns.index((t.operation, t.factor))): t for key, name, t in placed}
    return Grid([(region, key[2]) for key, region in rows], columns, cells)


def _padded(region: str) -> str:
    """A region's name by which layer 2 sorts before layer 10."""
    return re.sub(r"[0-9]+", lambda number: number[0].zfill(6), region)


def sweep_chart(run: Run) -> Chart | None:
    """The sweep of a run and its random control, or ``None`` when nothing was tried."""
    return tried_chart(run.trials, run.dev_f1, run.layers.regions, run.edit) if run.trials else None


def tried_chart(
    trials: Sequence[Trial], dev_f1: float, regions: Mapping[str, tuple[int, ...]], edit: Edit | None
) -> Chart:
    """Trials on dev beside their random draws; ``dev_f1`` is that without an edit, ``edit`` what was chosen."""
    grid = lay_out(trials, regions)
    outlined = chosen_cell(grid, edit)
    draws = sorted({len(trial.random) for trial in trials})
    many = f"mean of {draws[0]}" if len(draws) == 1 else f"mean of {draws[0]} to {draws[-1]}"
    many = {0: "none drawn", 1: "one draw"}.get(draws[-1], many)
    caption = (
        "Each cell is one edit tried on the development data: so many neurons of a region of layers (row), "
        "multiplied by a factor (column). The number is strict F1 minus that of the tagger without an edit "
        f"({points(dev_f1)}), in F1 points: positive, blue, is better; negative, red, is worse. Bold with an "
        "asterisk: the 95 % interval leaves 0 out, before allowing for how many cells were tried. The first map is "
        "of the sensitive neurons; the second, in the same colours, of as many random neurons of the same layers "
        f"({many}; a dash: none). Where both look alike, it is not the sensitivity that matters. "
        + ("The outlined cell was chosen." if outlined else "No cell was chosen.")
    )
    best = max(trials, key=lambda trial: trial.difference)
    alt = (
        f"Heat maps of {len(trials)} edits on dev. Best: {best.region}, {best.count} neurons, "
        f"{factor(best.factor, best.operation)}: {signed(best.difference)} F1 points."
    )
    rows = [
        (
            f"{t.region} · {whole(t.count)}",
            factor(t.factor, t.operation),
            points(t.f1),
            signed(t.difference),
            bounds(t.interval),
            signed(_mean(t)),
            ", ".join(map(signed, t.random)) or NONE,
        )
        for _, t in sorted(grid.cells.items())
    ]
    header = ("region · neurons", "factor", "F1", "difference", "95 % interval", "random, mean", "random, each")
    return Chart("sweep", caption, alt, lambda width: _draw(grid, outlined, width, many), Table(header, rows), TITLE)


def chosen_cell(grid: Grid, edit: Edit | None) -> tuple[int, int] | None:
    """Where the chosen edit stands, if it is among the trials."""
    for place, trial in grid.cells.items():
        same = edit and (trial.region, trial.count, trial.operation) == (edit.region, edit.count, edit.operation)
        if same and edit and trial.factor == edit.factor:
            return place
    return None


def _mean(trial: Trial) -> float | None:
    return float(np.mean(trial.random)) if trial.random else None


def _draw(grid: Grid, outlined: tuple[int, int] | None, width: float, many: str) -> Figure:
    values = [t.difference for t in grid.cells.values()] + [
        m for t in grid.cells.values() if (m := _mean(t)) is not None
    ]
    norm = mpl.colors.Normalize(-(limit := max(FLOOR, *map(abs, values))), limit)
    beside = width > NARROW and len(grid.columns) <= 7
    height = 0.75 + 0.32 * max(3, len(grid.rows))
    figure = canvas(width, height if beside else 2 * height, gap=0.08)
    left, right = figure.subplots(1, 2, sharey=True) if beside else figure.subplots(2, 1)
    own = {place: t.difference for place, t in grid.cells.items()}
    bold = {p for p, t in grid.cells.items() if t.interval and not t.interval[0] <= 0 <= t.interval[1]}
    control = {place: mean for place, t in grid.cells.items() if (mean := _mean(t)) is not None}
    _heat(left, grid, own, norm, bold, "Sensitive neurons")
    _heat(right, grid, control, norm, set(), f"Random neurons ({many})")
    for axes in (left,) if beside else (left, right):
        axes.set_ylabel("Region · neurons")
    if outlined:
        for axes, style in ((left, "-"), (right, ":")):
            row, column = outlined
            axes.add_patch(
                Rectangle(
                    (column - 0.5, row - 0.5),
                    1,
                    1,
                    fill=False,
                    edgecolor=CELL_INK,
                    linewidth=2.2,
                    linestyle=style,
                    zorder=5,
                )
            )
    return figure


def _heat(
    axes: Axes,
    grid: Grid,
    values: Mapping[tuple[int, int], float],
    norm: mpl.colors.Normalize,
    bold: set[tuple[int, int]],
    title: str,
) -> None:
    for row in range(len(grid.rows)):
        for column in range(len(grid.columns)):
            value = values.get((row, column))
            colour = "none" if value is None else LOSS_TO_GAIN(norm(value))
            axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=colour, edgecolor=GRID, linewidth=0.8))
            dark = value is not None and abs(norm(value) - 0.5) > 0.38
            strong = (row, column) in bold
            axes.text(
                column,
                row,
                signed(value) + ("*" if strong else ""),
                ha="center",
                va="center",
                fontsize=8 if len(grid.columns) <= 9 else 6.5,
                fontweight="bold" if strong else "normal",
                color=MUTED if value is None else "white" if dark else CELL_INK,
            )
    axes.set_xlim(-0.52, len(grid.columns) - 0.48)
    axes.set_ylim(len(grid.rows) - 0.48, -0.52)
    axes.set_xticks(range(len(grid.columns)), grid.heads)
    axes.set_yticks(range(len(grid.rows)), grid.labels)
    axes.tick_params(length=0, labelcolor=INK, top=False, labelsize=8.5)
    axes.set_title(title)
    axes.set_xlabel("Factor on the activation")
    for spine in axes.spines.values():
        spine.set_visible(False)
