"""The figures of the paper's protocol, over relative depth: 0 the first layer, 1 the last."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from PIL import Image

from ocr_neurons.common.files import replacing
from ocr_neurons.rank.published import DEPTH, FALLS_AFTER, PEAKS, Counts, depth
from ocr_neurons.report.chart_common import DEPTH_LABEL, common_chart
from ocr_neurons.report.style import BAND, MARKERS, MUTED, STRONG, WEAK, WIDE, canvas, legend_above, styled, to_png
from ocr_neurons.report.style import LEVELS as COLOURS
from paper_cka import BINS, FEWEST, LEVELS


def _save(figure: Figure, path: Path) -> None:
    """A PNG of 256 colours, a third of the size."""
    to_png(figure, path)
    with Image.open(path) as drawn, replacing(path) as temporary:
        drawn.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(temporary, format="PNG", optimize=True)


def common_figure(models: Sequence[Counts], path: Path) -> None:
    """Where the common neurons are, one panel a model."""
    with styled():
        _save(common_chart(models).draw(WIDE), path)


def cka_figure(found: Sequence[dict[str, Any]], path: Path) -> None:
    """Debiased CKA by level and by bin, a row a model, with twice the standard error."""
    with styled():
        figure = canvas(WIDE, 2.35 * len(found) + 0.7, gap=0.05)
        panels = figure.subplots(len(found), 2, sharex=True, sharey=True, squeeze=False)
        for row, model in zip(panels, found, strict=True):
            for axes, groups, what in zip(row, (LEVELS, BINS), ("noise level", "similarity"), strict=True):
                _paper_claims(axes)
                for number, group in enumerate(groups):
                    if group in model["cka"]:
                        _curve(axes, model["cka"][group], f"{group} ({model['cka'][group]['n']} words)", number)
                axes.set_title(f"{model['model']}, by {what}")
                axes.grid(axis="y")
                if axes.get_legend_handles_labels()[0]:
                    axes.legend(loc="upper right", fontsize=7.5, handlelength=1.2, borderaxespad=0.1)
                else:
                    axes.text(0.5, 0.5, f"fewer than {FEWEST} words in each", transform=axes.transAxes, ha="center")
        for axes in panels[-1]:
            axes.set_xlabel(DEPTH_LABEL)
        for row in panels:
            row[0].set_ylabel("Debiased CKA")
        claims = [Line2D([], [], color=MUTED, linestyle=":"), Patch(color=BAND)]
        legend_above(figure, claims, ["the paper: falls after here", "the paper: peaks here"], 2)
        _save(figure, path)


def _paper_claims(axes: Axes) -> None:
    axes.axvline(depth(FALLS_AFTER, DEPTH), color=MUTED, linestyle=":", linewidth=1)
    for first, last in PEAKS:
        axes.axvspan(depth(first - 0.5, DEPTH), depth(last + 0.5, DEPTH), color=BAND, linewidth=0, zorder=0)


def _curve(axes: Axes, group: dict[str, Any], label: str, number: int) -> None:
    values, error = (np.asarray(group[name], dtype=float) for name in ("debiased", "error"))
    places = [depth(layer, len(values)) for layer in range(len(values))]
    colour = COLOURS[number % len(COLOURS)]
    axes.fill_between(places, values - 2 * error, values + 2 * error, color=colour, alpha=0.13, linewidth=0)
    axes.plot(places, values, color=colour, marker=MARKERS[number], markersize=2.8, linewidth=1.3, label=label)


def swapped_figure(found: Sequence[dict[str, Any]], group: str, path: Path) -> None:
    """The same activations by three formulas."""
    with styled():
        figure = canvas(WIDE, 2.9)
        panels = np.atleast_1d(figure.subplots(1, len(found), sharey=True))
        kinds = (("swapped", COLOURS[1], "^"), ("plain", WEAK, "s"), ("debiased", STRONG, "o"))
        lines: list[Line2D] = []
        for axes, model in zip(panels, found, strict=True):
            curves = model["cka"][group]
            places = [depth(layer, model["layers"]) for layer in range(model["layers"])]
            lines = [
                axes.plot(places, np.asarray(curves[kind], dtype=float), color=colour, marker=mark, markersize=3)[0]
                for kind, colour, mark in kinds
            ]
            axes.set_title(f"{model['model']}, {group} noise, {curves['n']} words")
            axes.set_xlabel(DEPTH_LABEL)
            axes.grid(axis="y")
        panels[0].set_ylabel("CKA of clean and noisy")
        panels[0].set_ylim(top=1.04)
        names = ["axes swapped (neurons as examples)", "right way, plain (biased)", "right way, debiased"]
        legend_above(figure, lines, names, 3)
        _save(figure, path)
