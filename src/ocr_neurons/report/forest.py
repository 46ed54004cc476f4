"""Forest plots: differences with their intervals, one below the other, around a line at nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ocr_neurons.report.inputs import Interval
from ocr_neurons.report.style import INK, LEVELS, MARKERS, MUTED, STRONG, canvas, legend_above


@dataclass(frozen=True, slots=True)
class Effect:
    """A difference as a share (positive: better), its 95 % interval where there is one, and where it is drawn.

    ``place`` counts rows from 0; ``series`` picks colour, marker and name in the legend.
    """

    place: float
    value: float
    interval: Interval | None
    series: int = 0


def forest(labels: Sequence[str], effects: Sequence[Effect], series: Sequence[str], axis: str, width: float) -> Figure:
    """Draw ``effects`` over rows of ``labels``; ``series`` are named in a legend where there are several.

    The first series is filled, the others hollow, and each has a marker of its own.
    """
    lines = max(label.count("\n") + 1 for label in labels)
    figure = canvas(width, 0.75 + 0.3 * (len(series) > 1) + len(labels) * (0.25 + 0.17 * lines))
    axes = figure.subplots()
    axes.axvline(0, color=MUTED, linewidth=1.0, zorder=1)
    handles = [_series(axes, [e for e in effects if e.series == index], index) for index in range(len(series))]
    axes.set_yticks(range(len(labels)), list(labels))
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    ends = [100 * x for e in effects for x in (e.value, *(e.interval or ()))]
    margin = 0.06 * max(1.0, max([0.0, *ends]) - min([0.0, *ends]))
    axes.set_xlim(min([0.0, *ends]) - margin, max([0.0, *ends]) + margin)
    axes.set_xlabel(axis)
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    if len(series) > 1:
        legend_above(figure, handles, list(series), 2 if width > 5 else 1)
    return figure


def _series(axes: Axes, effects: Sequence[Effect], index: int) -> Any:  # noqa: ANN401 - matplotlib's line
    colour = (STRONG, *LEVELS[1:])[index % len(LEVELS)]
    for effect in effects:
        if effect.interval:
            ends = [100 * bound for bound in effect.interval]
            axes.plot(ends, [effect.place] * 2, color=colour, linewidth=1.8, zorder=2)
    return axes.plot(
        [100 * effect.value for effect in effects],
        [effect.place for effect in effects],
        linestyle="none",
        marker=MARKERS[index % len(MARKERS)],
        markersize=6.5,
        color=colour,
        markerfacecolor="white" if index else colour,
        markeredgewidth=1.3,
        zorder=3,
    )[0]
