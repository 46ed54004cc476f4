"""The figures of the study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from PIL import Image

from ocr_neurons.common.files import replacing
from ocr_neurons.probe.aligned import CHANGED, UNCHANGED
from ocr_neurons.report.style import (
    BAND,
    BAR,
    CELL_INK,
    INK,
    MUTED,
    STRONG,
    WEAK,
    WIDE,
    canvas,
    legend_above,
    styled,
    to_png,
)
from ocr_neurons.report.style import LEVELS as COLOURS
from where_agreement import between
from where_conditions import EVERYWHERE, INSIDE, INSIDE_PLACEBO, LEARNED, LETTERS, PLACEBO, REAL
from where_meaning import compared

LABEL = "Layer (0 is nearest the input)"
DRAWN = (
    (REAL, CHANGED, "real OCR, changed words", STRONG, "o", "-"),
    (PLACEBO, CHANGED, "random letters, changed words", COLOURS[1], "s", "-"),
    (INSIDE, CHANGED, "real OCR inside words", COLOURS[3], "v", "-"),
    (EVERYWHERE, CHANGED, "learned noise, changed words", COLOURS[2], "^", "-"),
    (REAL, UNCHANGED, "real OCR, unchanged words", WEAK, "D", "--"),
)
"""Condition, words, label, colour, marker, line."""
HEAT = LinearSegmentedColormap.from_list("agreement", ["#ffffff", BAR, STRONG])
SHOWN = ("effect", "paper")
"""Methods drawn; the others are in the tables."""

Json = dict[str, Any]


def _save(figure: Figure, path: Path) -> None:
    """A PNG of 256 colours, a third of the size."""
    to_png(figure, path)
    with Image.open(path) as drawn, replacing(path) as temporary:
        drawn.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(temporary, format="PNG", optimize=True)


def _numbers(values: Sequence[float | None]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([np.nan if value is None else value for value in values])


def layers_figure(found: Json, path: Path) -> None:
    """Distance, its ratio to the placebo, and CKA over layers, with 95 % bands."""
    curves = {(row["condition"], row["words"]): row for row in found["layers"]["curves"]}
    with styled():
        figure = canvas(WIDE, 7.6)
        top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=(1.2, 1, 1.1))
        for name, words, _, colour, mark, line in DRAWN:
            row = curves[name, words]
            _curve(top, row["distance"], colour, mark, line)
            _curve(bottom, row["cka"], colour, mark, line)
        _changes(top, found["layers"]["change points"][REAL])
        top.set_ylim(bottom=0)
        top.set_title(
            "Distance |noisy − clean| / |clean|; dotted: change points of real OCR, with bootstrap support", pad=14
        )
        _ratios(middle, found["layers"]["ratios"])
        bottom.set_title("Debiased CKA of clean and noisy (1: geometry unchanged)")
        for axes in (top, middle, bottom):
            axes.grid(axis="y")
        bottom.set_xlabel(LABEL)
        bottom.set_xlim(-0.6, found["model"]["layers"] - 0.4)
        bottom.xaxis.set_major_locator(MaxNLocator(15, integer=True))
        handles = [Line2D([], [], color=c, marker=m, linestyle=s, markersize=3.6) for _, _, _, c, m, s in DRAWN]
        legend_above(figure, handles, [label for _, _, label, _, _, _ in DRAWN], 3)
        _save(figure, path)


def _curve(axes: Axes, row: Json, colour: str, mark: str, line: str) -> None:
    values, low, high = (_numbers(row[name]) for name in ("values", "low", "high"))
    places = np.arange(len(values))
    axes.fill_between(places, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.plot(places, values, color=colour, marker=mark, linestyle=line, markersize=3, linewidth=1.3)


def _changes(axes: Axes, found: Json | None) -> None:
    for boundary, support in zip(*(found[k] for k in ("boundaries", "support")), strict=True) if found else ():
        axes.axvline(boundary - 0.5, color=MUTED, linestyle=":", linewidth=1)
        axes.text(
            boundary - 0.5, 1.01, f"{support:.0%}", transform=axes.get_xaxis_transform(), ha="center", va="bottom",
            fontsize=7.5, color=MUTED,
        )  # fmt: skip


def _ratios(axes: Axes, rows: Sequence[Json]) -> None:
    axes.axhline(1, color=MUTED, linewidth=0.9)
    names = {
        REAL: "real OCR",
        INSIDE: "real OCR inside words",
        EVERYWHERE: "learned noise",
        LEARNED: "learned, chosen words",
    }
    looks = ((STRONG, "o"), (COLOURS[3], "v"), (COLOURS[2], "^"), (COLOURS[0], "D"))
    for row, (colour, mark) in zip(rows, looks, strict=True):
        _curve(axes, {"values": row["ratio"], "low": row["low"], "high": row["high"]}, colour, mark, "-")
        axes.plot([], [], color=colour, marker=mark, markersize=3, label=names[row["noise"]])
    axes.legend(loc="best", ncols=4, fontsize=7.5, handlelength=1.2)
    axes.set_title("Distance under noise / under random letters (1: no difference)")


def specific_figure(found: Json, path: Path) -> None:
    """Neurons by layer: found, found by the placebo too, specific."""
    with styled():
        figure = canvas(WIDE, 7.2, gap=0.06)
        panels = figure.subplots(3, 1, sharex=True)
        for axes, (noise, control, title) in zip(
            panels,
            (
                (REAL, PLACEBO, "Real OCR on pages, against random letters on the same pages"),
                (INSIDE, INSIDE_PLACEBO, "Real OCR inside words, against random letters, as many edits"),
                (LEARNED, LETTERS, "Learned noise on chosen words, against random letters on the same words"),
            ),
            strict=True,
        ):
            _by_layer(axes, compared(found, noise, control)["layers"])
            axes.set_title(title)
            axes.set_ylabel("Neurons")
        panels[-1].set_xlabel(LABEL)
        panels[-1].set_xlim(-0.7, found["model"]["layers"] - 0.3)
        panels[-1].xaxis.set_major_locator(MaxNLocator(15, integer=True))
        handles = [
            Patch(color=BAR),
            Patch(color=WEAK),
            Line2D([], [], color=COLOURS[1], marker="o", markersize=4),
            Line2D([], [], color=INK, marker="s", markersize=3.4, linestyle="--", linewidth=1),
        ]
        labels = ["found by noise", "… and by its placebo", "react more to the noise", "react more to the placebo"]
        legend_above(figure, handles, labels, 4)
        _save(figure, path)


def _by_layer(axes: Axes, counts: Json) -> None:
    places = np.arange(len(counts["found"]))
    axes.bar(places, counts["found"], width=0.8, color=BAR)
    axes.bar(places, counts["both"], width=0.8, color=WEAK)
    axes.plot(places, counts["specific"], color=COLOURS[1], marker="o", markersize=3.6, linewidth=1.3)
    axes.plot(places, counts["reverse"], color=INK, marker="s", markersize=3, linewidth=0.9, linestyle="--")
    axes.set_ylim(bottom=0, top=None if any(counts["found"]) or any(counts["specific"]) else 1)
    axes.grid(axis="y")


def agreement_figure(found: Json, path: Path) -> None:
    """Heatmaps over other text: Spearman in layers below the diagonal, overlap of the best above, halves on it."""
    agreed = found["agreement"]
    with styled():
        figure = canvas(WIDE, 10.6, gap=0.05)
        for axes, method in zip(figure.subplots(2, 1), SHOWN, strict=True):
            _heat(axes, _table(agreed, method), agreed["conditions"])
            axes.set_title(f"{method.capitalize()}: {_says(agreed['share'])}", fontsize=8.2)
        _save(figure, path)


def _says(share: float) -> str:
    return f"Spearman within layers below, overlap of the best {share:.0%} above (chance {share:.2f}); diagonal, halves"


def _table(agreed: Json, method: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    names = agreed["conditions"]
    halves = agreed["methods"][method]["halves"]
    table = np.full((len(names), len(names)), np.nan)
    for i, one in enumerate(names):
        table[i, i] = _numbers([halves[one]["within"]])[0]
        for j, other in enumerate(names[:i]):
            row = between(agreed, method, one, other)["other text"]
            table[i, j], table[j, i] = _numbers([row["within"], row["at share"][0]])
    return table


def _heat(axes: Axes, table: np.ndarray[Any, np.dtype[np.float64]], names: Sequence[str]) -> None:
    axes.imshow(np.clip(table, 0, 1), cmap=HEAT, vmin=0, vmax=1, aspect="auto")
    places = range(len(names))
    axes.set_xticks(places, names, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(places, names)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    for i in places:
        for j in places:
            value = table[i, j]
            text = "–" if np.isnan(value) else f"{value:.2f}".replace("-", "−")
            dark = value > 0.72
            axes.text(
                j, i, text, ha="center", va="center", fontsize=8, color=BAND if dark else CELL_INK,
                fontweight="bold" if i == j else "normal",
            )  # fmt: skip
