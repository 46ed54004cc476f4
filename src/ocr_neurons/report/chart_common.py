"""The chart of where the paper's common neurons are, one panel a model, over relative depth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ocr_neurons.rank.published import Counts, depth
from ocr_neurons.report.chart import Chart, Table
from ocr_neurons.report.phrase import NONE, whole
from ocr_neurons.report.style import LEVELS, MUTED, NARROW, STRONG, canvas, legend_above

DEPTH_LABEL = "Relative depth (0: first layer, 1: last)"

CAPTION = (
    "Each panel is a model; its layers run from left, nearest the input, to right. A bar says how much of all common "
    "neurons of the model lies in that layer; the line says the same of the neurons that pass in half of the pairs, "
    "which the paper does not report for its models. Panels of few neurons are all peaks: three neurons in three "
    "layers make three bars of a third each."
)


def common_chart(models: Sequence[Counts]) -> Chart:
    """Where the common neurons of each model are, as a share of all of them."""
    said = "; ".join(f"{model.model} {model.total} in {model.layers} layers" for model in models)
    rows = [
        (
            model.model,
            str(layer),
            f"{depth(layer, model.layers):.2f}",
            whole(model.common.get(layer, 0)),
            NONE if model.half is None else whole(model.half.get(layer, 0)),
        )
        for model in models
        for layer in range(model.layers)
        if model.common.get(layer) or (model.half or {}).get(layer)
    ]
    return Chart(
        "common",
        CAPTION,
        f"Common neurons by relative depth: {said}.",
        lambda width: _draw(models, width),
        Table(("model", "layer", "depth", "common to 90 %", "to 50 %"), rows),
    )


def _draw(models: Sequence[Counts], width: float) -> Figure:
    figure = canvas(width, 1.45 * len(models) + 0.6)
    panels = np.atleast_1d(figure.subplots(len(models), 1, sharex=True))
    for axes, model in zip(panels, models, strict=True):
        _bars(axes, model)
    panels[-1].set_xlabel(DEPTH_LABEL)
    figure.supylabel("Share of the model's common neurons (%)", fontsize=9, color=MUTED)
    handles = [Patch(color=STRONG), Line2D([], [], color=LEVELS[0], marker="o", markersize=3.2)]
    names = ["common to 90 % of the pairs", "common to 50 % (unknown for the paper's)"]
    legend_above(figure, handles, names, 1 if width <= NARROW else 2)
    return figure


def _bars(axes: Axes, model: Counts) -> None:
    places = [depth(layer, model.layers) for layer in range(model.layers)]
    total = max(1, model.total)
    shares = [100 * model.common.get(layer, 0) / total for layer in range(model.layers)]
    axes.bar(places, shares, width=0.8 / (model.layers - 1), color=STRONG)
    title = f"{model.model}: {model.total} of {model.pairs} pairs' common neurons"
    if model.half is not None:
        half = max(1, sum(model.half.values()))
        line = [100 * model.half.get(layer, 0) / half for layer in range(model.layers)]
        axes.plot(places, line, color=LEVELS[0], marker="o", markersize=3.2, linewidth=1.2)
        title = f"{model.model}, {model.layers} layers: {model.total} common neurons, {half:,} at 50 %"
    elif model.reported:
        title = f"{model.model}, {model.layers} layers: {model.total} common neurons, as its authors report"
    axes.set_title(title)
    axes.set_ylim(bottom=0, top=None if model.total or model.half else 1)
    axes.set_xlim(-0.03, 1.03)
    axes.grid(axis="y")
