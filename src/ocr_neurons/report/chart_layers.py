"""The chart of where in the network the noise shows: curves over the layers by level, neurons by the paper's rule."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ocr_neurons.report.chart import Chart, Table
from ocr_neurons.report.inputs_layers import Banded, Layers
from ocr_neurons.report.layer_axes import banded_line, cka_limits, line, name_regions, over_layers, shade
from ocr_neurons.report.phrase import NONE, runs, whole
from ocr_neurons.report.style import NARROW, STRONG, WEAK, canvas, legend_above, short

TITLE = "Where the noise shows, by layer and level of noise; 95 % intervals by bootstrap."
OLD = " This run was made by an earlier version, which kept no intervals of these curves: make it again to have them."


def layers_chart(layers: Layers) -> Chart:
    """CKA and distance by level with their intervals, and neurons by the paper's rule, over one axis of layers."""
    bands = disjoint(layers.regions)
    holes = sum(value is None for curve in layers.cka.values() for value in curve)
    counts = ", ".join(f"{whole(group.pairs)} {level}" for level, group in layers.by_level.items())
    passed = layers.placebo.sensitive if layers.placebo else None
    caption = (
        "Read from left, the layer nearest the input, to right, the layer nearest the output, over "
        f"{whole(layers.pairs)} pairs of a clean and a noisy word{f' ({counts})' if counts else ''}. Top: debiased "
        "linear CKA, the likeness of a layer's activations on clean and on noisy words; 1 means that noise leaves "
        "their geometry as it was, near 0 (it may fall below) means that nothing of it is left. Middle: "
        + (
            "how far the layer's activations move, as a share of their own length; higher means that noise moves the "
            "layer more. Bands are 95 % intervals by bootstrap, over words (distance) and over batches of them (CKA)."
            if layers.by_level
            else "mean size, sign left out, of the difference noisy minus clean of a neuron, in standard deviations "
            "of its clean activation; higher means that noise moves the layer more."
        )
        + f" Bottom: how many of the layer's {whole(layers.width)} neurons pass the paper's rule ({layers.rule})"
        + (", and in grey how many do when random changes take the place of OCR noise. " if passed else ". ")
        + (f"Shaded and named: the regions {_named(bands)}. " if bands else "")
        + "All of them tell what changes with noise, not what causes a wrong entity."
        + (f" Undefined CKA values, left out: {holes}." if holes else "")
        + ("" if layers.by_level else OLD)
    )
    peak = max(range(layers.count), key=lambda i: layers.sensitive[i])
    lows = [
        f"{level} noise lowest in layer {low[1]} ({low[0]:.2f})"
        for level in layers.levels
        if (low := min(((v, i) for i, v in enumerate(layers.cka[level]) if v is not None), default=None))
    ]
    alt = (
        f"Three curves over {layers.count} layers. CKA: {'; '.join(lows) or 'undefined'}. "
        f"By the paper's rule: {whole(sum(layers.sensitive))} neurons in all, most in layer {peak} "
        f"({layers.sensitive[peak]})" + (f"; {sum(passed)} under the placebo." if passed else ".")
    )
    return Chart("layers", caption, alt, lambda width: _draw(layers, bands, width), _table(layers), TITLE)


def _table(layers: Layers) -> Table:
    """CKA and distance with their intervals, shift, neurons that pass the paper's rule; a row a layer."""
    header = ["layer"]
    columns: list[list[str]] = [[str(i) for i in range(layers.count)]]
    for level in layers.levels:
        header.append(f"CKA {level}")
        columns.append([three(value) for value in layers.cka[level]])
        if level in layers.by_level:
            group = layers.by_level[level]
            header += [f"CKA {level}, 95 %", f"distance {level}", f"distance {level}, 95 %"]
            columns += [spans(group.cka), [three(value) for value in group.distance["mean"]], spans(group.distance)]
        else:
            header.append(f"shift {level}")
            columns.append([three(value) for value in layers.shift[level]])
    header.append("paper's rule")
    columns.append([whole(count) for count in layers.sensitive])
    if layers.placebo and layers.placebo.sensitive:
        header.append("paper's rule, placebo")
        columns.append([whole(count) for count in layers.placebo.sensitive])
    return Table(header, list(zip(*columns, strict=True)))


def spans(curve: Banded) -> list[str]:
    """``[0.12, 0.34]`` for each layer."""
    return [
        NONE if low is None or high is None else f"[{three(low)}, {three(high)}]"
        for low, high in zip(curve["low"], curve["high"], strict=True)
    ]


def three(value: float | None) -> str:
    """Three decimals, with a real minus sign; a dash for None."""
    return NONE if value is None else f"{value:.3f}".replace("-", "\u2212")


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
    if layers.by_level:
        groups = [layers.by_level[level] for level in layers.levels]
        lines = [banded_line(top, group.cka, index) for index, group in enumerate(groups)]
        for index, group in enumerate(groups):
            banded_line(middle, group.distance, index)
        highest = [value for group in groups for value in group.distance["high"] if value]
    else:
        lines = [line(top, layers.cka[level], index) for index, level in enumerate(layers.levels)]
        for index, level in enumerate(layers.levels):
            line(middle, layers.shift[level], index)
        highest = [value for curve in layers.shift.values() for value in curve if value]
    bottom.bar(range(layers.count), layers.sensitive, width=0.72, color=STRONG, label="OCR noise")
    if layers.placebo and layers.placebo.sensitive:
        bottom.bar(range(layers.count), layers.placebo.sensitive, width=0.3, color=WEAK, label="placebo")
        bottom.legend(loc="upper left", fontsize=8)
    titles = (
        "CKA of clean and noisy (1 = unchanged)",
        "Distance from the clean word" if layers.by_level else "Mean shift of a neuron (clean st. dev.)",
        "Neurons by the paper's rule",
    )
    for axes, title in zip((top, middle, bottom), titles, strict=True):
        axes.set_title(title, pad=16 if axes is top and bands else 6)
        axes.grid(axis="y")
        shade(axes, bands)
    cka_limits(top, [*layers.cka.values(), *(group.cka["low"] for group in layers.by_level.values())])
    middle.set_ylim(0, 1.1 * max(highest, default=1.0))
    bottom.set_ylim(bottom=0, top=None if any(layers.sensitive) else 1)
    bottom.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    over_layers(bottom, layers.count, width)
    name_regions(top, bands)
    legend_above(
        figure, lines, [short(level) for level in layers.levels], 3 if width <= NARROW else 6, "Level of noise"
    )
    return figure


def _named(bands: dict[str, tuple[int, ...]]) -> str:
    return "; ".join(
        f"{name} ({'layers' if len(members) > 1 else 'layer'} {runs(members)})" for name, members in bands.items()
    )
