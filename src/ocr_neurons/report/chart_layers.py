"""The chart of where in the network the noise shows: three curves over the layers."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ocr_neurons.report.chart import Chart, Table
from ocr_neurons.report.inputs_layers import Layers
from ocr_neurons.report.phrase import NONE, runs, whole
from ocr_neurons.report.style import BAND, LEVELS, MARKERS, MUTED, NARROW, STRONG, canvas, legend_above, short


def layers_chart(layers: Layers) -> Chart:
    """CKA by level, mean difference by level, and count of sensitive neurons over one axis of layers."""
    bands = disjoint(layers.regions)
    holes = sum(value is None for curve in layers.cka.values() for value in curve)
    caption = (
        "Read from left, the layer nearest the input, to right, the layer nearest the output, over "
        f"{whole(layers.pairs)} pairs of a clean and a noisy word. Top: debiased linear CKA, the likeness of a "
        "layer's activations on clean and on noisy words; 1 means that noise leaves their geometry as it was, near "
        "0 (it may fall below) means that nothing of it is left. Middle: mean size, sign left out, of the "
        "difference noisy minus clean of a neuron, in standard deviations of its clean activation; higher means "
        f"that noise moves the layer more. Bottom: how many of the layer's {whole(layers.width)} neurons count as "
        f"sensitive ({layers.rule}). "
        + (f"Shaded and named: the regions {_named(bands)}. " if bands else "")
        + "All three tell what changes with noise, not what causes a wrong entity."
        + (f" Undefined CKA values, left out: {holes}." if holes else "")
    )
    peak = max(range(layers.count), key=lambda i: layers.sensitive[i])
    lows = [
        f"{level} noise lowest in layer {low[1]} ({low[0]:.2f})"
        for level in layers.levels
        if (low := min(((v, i) for i, v in enumerate(layers.cka[level]) if v is not None), default=None))
    ]
    alt = (
        f"Three curves over {layers.count} layers. CKA: {'; '.join(lows) or 'undefined'}. "
        f"Sensitive neurons: {sum(layers.sensitive)} in all, most in layer {peak} ({layers.sensitive[peak]})."
    )
    header = ["layer", *(f"CKA {x}" for x in layers.levels), *(f"shift {x}" for x in layers.levels), "sensitive"]
    rows = [
        (
            str(i),
            *(_short(layers.cka[level][i]) for level in layers.levels),
            *(_short(layers.shift[level][i]) for level in layers.levels),
            whole(layers.sensitive[i]),
        )
        for i in range(layers.count)
    ]
    return Chart("layers", caption, alt, lambda width: _draw(layers, bands, width), Table(header, rows))


def disjoint(regions: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Regions in their order, without those that share a layer with one before or are empty."""
    kept: dict[str, tuple[int, ...]] = {}
    for name, members in regions.items():
        if members and not any(set(members) & set(other) for other in kept.values()):
            kept[name] = members
    return kept


def _draw(layers: Layers, bands: dict[str, tuple[int, ...]], width: float) -> Figure:
    figure = canvas(width, 5.6)
    top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=(1.15, 1, 0.9))
    lines = [_line(top, layers.cka[level], index) for index, level in enumerate(layers.levels)]
    for index, level in enumerate(layers.levels):
        _line(middle, layers.shift[level], index)
    bottom.bar(range(layers.count), layers.sensitive, width=0.72, color=STRONG)
    titles = (
        "CKA of clean and noisy (1 = unchanged)",
        "Mean shift of a neuron (clean st. dev.)",
        "Sensitive neurons (number)",
    )
    for axes, title in zip((top, middle, bottom), titles, strict=True):
        axes.set_title(title, pad=16 if axes is top and bands else 6)
        axes.grid(axis="y")
        for index, members in enumerate(bands.values()):
            if index % 2 == 0:
                axes.axvspan(min(members) - 0.5, max(members) + 0.5, color=BAND, linewidth=0, zorder=0)
    values = [value for curve in layers.cka.values() for value in curve if value is not None]
    low = min([0.0, *values])
    top.set_ylim(low - 0.04 * (1 - low), max(1.04, *values, 1.04))
    middle.set_ylim(0, 1.1 * max((v for curve in layers.shift.values() for v in curve if v), default=1.0))
    bottom.set_ylim(bottom=0, top=None if any(layers.sensitive) else 1)
    bottom.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    bottom.set_xticks(range(0, layers.count, math.ceil(layers.count / (8 if width <= NARROW else 15))))
    bottom.set_xlim(-0.6, layers.count - 0.4)
    bottom.set_xlabel("Layer (0 is nearest the input)")
    for name, members in bands.items():
        top.text(
            (min(members) + max(members)) / 2,
            1.02,
            short(name),
            transform=top.get_xaxis_transform(),
            ha="center",
            va="bottom",
            color=MUTED,
            fontsize=8,
        )
    legend_above(
        figure, lines, [short(level) for level in layers.levels], 3 if width <= NARROW else 6, "Level of noise"
    )
    return figure


def _line(axes: Axes, curve: tuple[float | None, ...], index: int) -> Line2D:
    return axes.plot(
        range(len(curve)),
        [float("nan") if value is None else value for value in curve],
        color=LEVELS[index % len(LEVELS)],
        marker=MARKERS[index % len(MARKERS)],
        markersize=3.6,
        linewidth=1.5,
    )[0]


def _named(bands: dict[str, tuple[int, ...]]) -> str:
    return "; ".join(
        f"{name} ({'layers' if len(members) > 1 else 'layer'} {runs(members)})" for name, members in bands.items()
    )


def _short(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}".replace("-", "\u2212")
