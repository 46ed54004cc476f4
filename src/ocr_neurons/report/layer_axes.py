"""Curves over the layers: a line with its interval, one axis of layers, shaded regions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ocr_neurons.report.inputs_layers import Banded
from ocr_neurons.report.style import BAND, LEVELS, MARKERS, MUTED, NARROW, short

AXIS = "Layer (0 is nearest the input)"


def banded_line(
    axes: Axes, curve: Banded, index: int, places: Sequence[float] | None = None, colour: str = ""
) -> Line2D:
    """A curve in the look of the series ``index``, with its interval as a band; gaps where a value is undefined."""
    mean, low, high = (numbers(curve[part]) for part in ("mean", "low", "high"))
    where = list(range(len(mean))) if places is None else list(places)
    colour = colour or LEVELS[index % len(LEVELS)]
    axes.fill_between(where, low, high, color=colour, alpha=0.18, linewidth=0)
    return line(axes, curve["mean"], index, where, colour)


def line(
    axes: Axes, curve: Sequence[float | None], index: int, places: Sequence[float] | None = None, colour: str = ""
) -> Line2D:
    """A curve without an interval."""
    return axes.plot(
        range(len(curve)) if places is None else places,
        numbers(curve),
        color=colour or LEVELS[index % len(LEVELS)],
        marker=MARKERS[index % len(MARKERS)],
        markersize=3.6,
        linewidth=1.5,
    )[0]


def numbers(curve: Sequence[float | None]) -> list[float]:
    """With NaN for what is undefined, as matplotlib wants gaps."""
    return [float("nan") if value is None else value for value in curve]


def over_layers(axes: Axes, count: int, width: float) -> None:
    """Ticks and name of the axis of ``count`` layers."""
    axes.set_xticks(range(0, count, math.ceil(count / (8 if width <= NARROW else 15))))
    axes.set_xlim(-0.6, count - 0.4)
    axes.set_xlabel(AXIS)


def shade(axes: Axes, regions: Mapping[str, tuple[int, ...]]) -> None:
    """Shade every other region."""
    for members in list(regions.values())[::2]:
        axes.axvspan(min(members) - 0.5, max(members) + 0.5, color=BAND, linewidth=0, zorder=0)


def name_regions(axes: Axes, regions: Mapping[str, tuple[int, ...]]) -> None:
    """The regions' names over the axes."""
    for name, members in regions.items():
        axes.text(
            (min(members) + max(members)) / 2, 1.02, short(name), transform=axes.get_xaxis_transform(),
            ha="center", va="bottom", color=MUTED, fontsize=8,
        )  # fmt: skip


def cka_limits(axes: Axes, curves: Sequence[Sequence[float | None]]) -> None:
    """From 0, or what lies below it, to 1."""
    values = [value for curve in curves for value in curve if value is not None]
    low = min([0.0, *values])
    axes.set_ylim(low - 0.04 * (1 - low), max([1.04, *values]))
