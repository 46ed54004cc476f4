"""The chart of regions found in the curves: how sure each boundary is, and what lies between the boundaries."""

from __future__ import annotations

from matplotlib.figure import Figure

from ocr_neurons.report.chart import Chart, Table
from ocr_neurons.report.chart_layers import three
from ocr_neurons.report.inputs_layers import Cut, Layers
from ocr_neurons.report.layer_axes import banded_line, over_layers, shade
from ocr_neurons.report.phrase import NONE, runs, whole
from ocr_neurons.report.style import BAR, STRONG, canvas, legend_above, short


def regions_chart(layers: Layers) -> Chart | None:
    """The distance curves cut into regions; None where the run has no cut."""
    cut = layers.cut
    if cut is None or not layers.by_level:
        return None
    found = regions_of(cut, layers.count)
    near = f" (or at most {cut.tolerance} beside it)" if cut.tolerance else ""
    caption = (
        "Regions that the data draw, rather than thirds: the layers are cut where the curves of distance, all levels "
        "together, change for good; a flat curve would be cut in one case of twenty, a slow drift is cut into steps. "
        "Top: the curves, every other region shaded. Bottom: the share of "
        f"{whole(cut.replicates)} bootstrap draws over words that begin a region at a layer{near}; bars at the "
        "boundaries kept are dark. A boundary with a low bar would lie elsewhere with other words."
    )
    said = ", ".join(f"layers {runs(members)}" for members in found.values())
    return Chart(
        "regions",
        caption,
        f"{len(found)} regions: {said}."
        + "".join(
            f" Layer {at} begins one in {share:.0%} of the draws."
            for at, share in zip(cut.boundaries, cut.support, strict=True)
        ),
        lambda width: _draw(layers, cut, found, width),
        Table(_header(layers), _rows(layers, cut, found)),
        "Regions of layers found in the curves of distance, and what lies in them.",
    )


def regions_of(cut: Cut, layers: int) -> dict[str, tuple[int, ...]]:
    """``found-1`` … and their layers, which together are all."""
    edges = [0, *cut.boundaries, layers]
    return {f"found-{i + 1}": tuple(range(edges[i], edges[i + 1])) for i in range(len(edges) - 1)}


def _header(layers: Layers) -> list[str]:
    more = ["steady under noise", "under the placebo too", "more under noise"] if layers.placebo else []
    return ["region", "layers", "begins in", *(f"distance {level}" for level in layers.by_level), "paper's rule", *more]


def _rows(layers: Layers, cut: Cut, found: dict[str, tuple[int, ...]]) -> list[list[str]]:
    support = dict(zip(cut.boundaries, cut.support, strict=True))
    rows = []
    for name, members in found.items():
        sure = f"{support[members[0]]:.0%} of draws" if members[0] in support else NONE
        means = []
        for group in layers.by_level.values():
            known = [value for i in members if (value := group.distance["mean"][i]) is not None]
            means.append(three(sum(known) / len(known) if known else None))
        counts = [layers.sensitive]
        if layers.placebo:
            counts += [layers.placebo.noise_found, layers.placebo.both_found, layers.placebo.specific_found]
        sums = [whole(sum(of[i] for i in members)) for of in counts]
        rows.append([name, runs(members), sure, *means, *sums])
    return rows


def _draw(layers: Layers, cut: Cut, found: dict[str, tuple[int, ...]], width: float) -> Figure:
    figure = canvas(width, 3.8)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(1.5, 1))
    lines = [banded_line(top, group.distance, index) for index, group in enumerate(layers.by_level.values())]
    top.set_title("Distance from the clean word")
    top.set_ylim(bottom=0)
    colours = [STRONG if layer in cut.boundaries else BAR for layer in range(layers.count)]
    shares = [100 * share for share in cut.share]
    bottom.bar(range(layers.count), shares, width=0.72, color=colours)
    bottom.set_title("Draws that begin a region here (%)")
    bottom.set_ylim(0, 100)
    for axes in (top, bottom):
        axes.grid(axis="y")
        shade(axes, found)
    for boundary in cut.boundaries:
        top.axvline(boundary - 0.5, color=STRONG, linewidth=1.2, linestyle=(0, (4, 2)))
    over_layers(bottom, layers.count, width)
    legend_above(figure, lines, [short(level) for level in layers.by_level], 3 if width < 5 else 6, "Level of noise")
    return figure
