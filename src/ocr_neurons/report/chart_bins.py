"""The chart of where the noise shows by how badly a word is damaged: CKA and distance by bin of similarity."""

from __future__ import annotations

from matplotlib.figure import Figure

from ocr_neurons.report.chart import Chart, Table
from ocr_neurons.report.chart_layers import disjoint, spans, three
from ocr_neurons.report.inputs_layers import Layers
from ocr_neurons.report.layer_axes import banded_line, cka_limits, over_layers, shade
from ocr_neurons.report.phrase import whole
from ocr_neurons.report.style import canvas, legend_above

NAMES = {"poor": "poor (up to 0.6)", "average": "average (up to 0.8)", "good": "good (above 0.8)"}
"""Similarity is 1 − edit distance / longer length; the cuts are the paper's. The worst look like most noise."""


def bins_chart(layers: Layers) -> Chart | None:
    """CKA and relative distance by bin, with intervals; None where the run has none."""
    groups = layers.by_bin
    if not groups:
        return None
    counts = ", ".join(f"{name} n = {whole(group.pairs)}" for name, group in groups.items())
    caption = (
        "The same two curves, the pairs sorted by how much of the word is left: similarity is 1 − edit distance / "
        f"length of the longer word; poor up to 0.6, average up to 0.8, good above ({counts} pairs). Bands are 95 % "
        "intervals by bootstrap. If noise is what moves a layer, the worse the word, the lower its CKA and the "
        "greater its distance; where the curves lie on one another, the size of the damage does not matter there."
    )
    header = ["layer"]
    columns = [[str(i) for i in range(layers.count)]]
    for name, group in groups.items():
        header += [f"CKA {name}", f"CKA {name}, 95 %", f"distance {name}", f"distance {name}, 95 %"]
        for curve in (group.cka, group.distance):
            columns += [[three(value) for value in curve["mean"]], spans(curve)]
    ends = "; ".join(
        f"{name} {three(group.distance['mean'][0])} in the first layer, {three(group.distance['mean'][-1])} in the last"
        for name, group in groups.items()
    )
    return Chart(
        "layers-bins",
        caption,
        f"CKA and distance over {layers.count} layers by similarity of the word. Distance: {ends}.",
        lambda width: _draw(layers, width),
        Table(header, list(zip(*columns, strict=True))),
        "Where the noise shows, by layer and similarity of clean and noisy word; 95 % intervals by bootstrap.",
    )


def _draw(layers: Layers, width: float) -> Figure:
    figure = canvas(width, 4.2)
    top, bottom = figure.subplots(2, 1, sharex=True)
    groups = layers.by_bin
    lines = []
    for name, group in groups.items():
        look = list(reversed(NAMES)).index(name)
        lines.append(banded_line(top, group.cka, look))
        banded_line(bottom, group.distance, look)
    top.set_title("CKA of clean and noisy (1 = unchanged)")
    bottom.set_title("Distance from the clean word")
    cka_limits(top, [group.cka[part] for group in groups.values() for part in ("mean", "low")])
    bottom.set_ylim(bottom=0)
    for axes in (top, bottom):
        axes.grid(axis="y")
        shade(axes, disjoint(layers.regions))
    over_layers(bottom, layers.count, width)
    labels = [NAMES.get(name, name) if width > 5 else name for name in groups]
    legend_above(figure, lines, labels, 3, "Similarity of the word" if width > 5 else "Similarity")
    return figure
