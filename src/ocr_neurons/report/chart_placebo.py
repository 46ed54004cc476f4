"""The chart of OCR noise beside a placebo: how far layers move, and which neurons react to more than any change."""

from __future__ import annotations

from matplotlib.figure import Figure

from ocr_neurons.report.chart import Chart, Table
from ocr_neurons.report.chart_layers import three
from ocr_neurons.report.inputs_layers import Layers, Placebo
from ocr_neurons.report.layer_axes import banded_line, over_layers
from ocr_neurons.report.phrase import whole
from ocr_neurons.report.style import LEVELS, NARROW, STRONG, WEAK, canvas, legend_above

SAYS = {
    "letters": "random letters at random places of the same words, as many changes as the noise makes",
    "cased-letters": (
        "random letters at random places of the same words, as many changes as the noise makes, capitals only where "
        "one stood"
    ),
    "signs": "the signs that the noise put in, at random places of the same words, as many changes as it makes",
    "case": "capitals for small letters and the reverse in the same words, as many as the noise makes changes",
    "words": "another clean word in the place of each",
}
TITLE = "OCR noise beside a placebo, by layer: distance, and neurons that move steadily."
CURVES = ("OCR noise", "placebo")
COMPARED = {True: ", compared word by word", False: " (two profiles compared, which sees less than word by word)"}


def placebo_chart(layers: Layers) -> Chart | None:
    """Relative distance by layer under noise and placebo, and the neurons found; None where no placebo was read."""
    placebo = layers.placebo
    if placebo is None:
        return None
    caption = (
        f"The placebo is {SAYS.get(placebo.kind, placebo.kind)}. Top: how far a layer's activations move from those of "
        f"the clean word, as a share of their own length, over {whole(placebo.words)} words; bands are 95 % intervals "
        "by bootstrap over words. Where the two curves lie on one another, the layer reacts to a changed word, not to "
        "OCR. Bottom: neurons that move steadily in one direction (paired effect size over words, false-discovery rate "
        f"{placebo.rate:.0%}): under the noise, under the placebo as well, and those that noise moves further than the "
        f"placebo does{COMPARED[placebo.paired]}."
    )
    alt = sentence(placebo)
    less = placebo.less_found
    header = ["layer", *(f"distance, {name}" for name in CURVES), "found", "found by placebo too"]
    header += ["further under noise", *(["less far"] if less else [])]
    rows = [
        (
            str(layer),
            three(placebo.distance["mean"][layer]),
            three(placebo.placebo_distance["mean"][layer]),
            whole(placebo.noise_found[layer]),
            whole(placebo.both_found[layer]),
            whole(placebo.specific_found[layer]),
            *([whole(less[layer])] if less else []),
        )
        for layer in range(layers.count)
    ]
    return Chart("placebo", caption, alt, lambda width: _draw(layers, placebo, width), Table(header, rows), TITLE)


def sentence(placebo: Placebo) -> str:
    """What came out, in one or two sentences."""
    found, both, more = (sum(row) for row in (placebo.noise_found, placebo.both_found, placebo.specific_found))
    if not found:
        return (
            f"No neuron moves steadily in one direction under the noise (over {whole(placebo.words)} words, "
            f"false-discovery rate {placebo.rate:.0%})."
        )
    agreed = "" if placebo.correlation is None else f" (rank correlation of their effects: {placebo.correlation:.2f})"
    said = (
        f"Of {whole(found)} neurons that move steadily under the noise, {whole(both)} move steadily under the placebo "
        f"too{agreed}; {whole(more)} of all neurons move further under noise than under the placebo"
    )
    if placebo.less_found is None:
        return f"{said}."
    return f"{said}, {whole(sum(placebo.less_found))} less far or the other way."


def _draw(layers: Layers, placebo: Placebo, width: float) -> Figure:
    figure = canvas(width, 4.6 if width > NARROW else 5.0)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(1.1, 1))
    pair = (placebo.distance, STRONG), (placebo.placebo_distance, LEVELS[1])
    lines = [banded_line(top, curves, index, colour=colour) for index, (curves, colour) in enumerate(pair)]
    top.set_ylim(bottom=0)
    top.set_title("Distance from the clean word")
    places = range(layers.count)
    for name, found, broad, colour in (
        ("under noise", placebo.noise_found, 0.8, WEAK),
        ("under the placebo too", placebo.both_found, 0.8, LEVELS[1]),
        ("further under noise", placebo.specific_found, 0.36, STRONG),
    ):
        bottom.bar(places, found, width=broad, color=colour, label=f"{name} ({whole(sum(found))})")
    columns = 3 if width > NARROW else 1  # over the axes, under their title
    bottom.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, ncols=columns, fontsize=8)
    bottom.set_title("Neurons that move steadily (number)", pad=8 + 14 * 3 / columns)
    bottom.set_ylim(bottom=0, top=1.05 * max((*placebo.noise_found, *placebo.specific_found, 1)))
    for axes in (top, bottom):
        axes.grid(axis="y")
    over_layers(bottom, layers.count, width)
    legend_above(figure, lines, list(CURVES), 2, "")
    return figure
