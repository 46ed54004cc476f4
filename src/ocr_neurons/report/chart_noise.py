"""The chart of how near synthetic noise is to real: what is read as what, and how errors cluster."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from ocr_neurons.noise.measured.compare import NoiseComparison
from ocr_neurons.report.chart import Chart, Table
from ocr_neurons.report.style import (
    GRID,
    INK,
    LEVELS,
    MUTED,
    NARROW,
    STRONG,
    canvas,
    legend_above,
)

SHOWN = 20
"""Confusions in the figure; the table has all that were compared."""
LEAST = 10
"""The figure is as high as for so many at least, for the second panel's sake."""

CAPTION = (
    "First: the most frequent changes of the real set, clean → noisy (␣ a space, ∅ nothing), each with its share of "
    "all changed places in real (dot) and synthetic noise (square), on a logarithmic scale; a hollow square at the "
    "left edge means never. Squares on their dots are what to hope for. Second: how much more often than on average an "
    "error stands so many characters after an error; 1 is chance, and what remains at long distances is the "
    "difference between good and bad documents."
)

Shares = Sequence[tuple[str, str, float, float]]
Curve = Mapping[int, float | None]


def noise_chart(comparison: NoiseComparison, name: str = "noise-comparison") -> Chart:
    """Frequencies of the real set's most frequent confusions in both sets, and both lag curves."""
    shares = comparison.frequencies()
    curves = comparison.real.lag_curve(), comparison.synthetic.lag_curve()
    distance = f"Total-variation distance of kinds of edits {comparison.kinds.value:.3f}, "
    distance += f"of shapes {comparison.shapes.value:.3f}, of confusions {comparison.confusions.value:.3f}."
    said = "; ".join(f"{_label(a, b)} {p:.1%} and {q:.1%}" for a, b, p, q in shares[:5])
    lags = "; ".join(f"{lag}: {_times(a)} and {_times(curves[1][lag])}" for lag, a in curves[0].items())
    return Chart(
        name=name,
        caption=f"{CAPTION} {distance}",
        alt=f"Shares of confusions, real and synthetic: {said}. Errors after errors, by distance: {lags} the average.",
        draw=lambda width: _draw(shares[:SHOWN], curves, width),
        table=Table(
            ("confusion", "real", "synthetic"), [(_label(a, b), f"{p:.2%}", f"{q:.2%}") for a, b, p, q in shares]
        ),
    )


def _label(source: str, target: str) -> str:
    return f"{_visible(source)} → {_visible(target)}"


def _visible(text: str) -> str:
    """Text whose spaces and control characters can be seen."""
    shown = text.replace(" ", "␣").replace("\n", "⏎")
    return "".join(_glyph(c) for c in shown) or "∅"


def _glyph(character: str) -> str:
    """The character, or its code where it has no shape of its own (control and combining ones)."""
    drawn = character.isprintable() and not unicodedata.category(character).startswith("M")
    return character if drawn else f"U+{ord(character):04X}"


def _times(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1f}"


def _draw(shares: Shares, curves: tuple[Curve, Curve], width: float) -> Figure:
    rows = max(LEAST, len(shares))
    height = 0.9 + 0.19 * rows
    if width > NARROW:
        figure = canvas(width, height)
        left, right = figure.subplots(1, 2)
    else:
        figure = canvas(width, height + 2.6, 0.06)
        left, right = figure.subplots(2, 1, height_ratios=(height, 2.3))
    handles = _draw_shares(left, shares)
    _draw_curves(right, curves)
    legend_above(figure, handles, ["real", "synthetic"], 2)
    return figure


def _draw_shares(axes: Any, shares: Shares) -> list[Any]:  # noqa: ANN401 - matplotlib's axes
    positive = [share for *_, p, q in shares for share in (p, q) if share]
    never = min(positive, default=0.01) / 2
    for row, (_, _, p, q) in enumerate(shares):
        axes.plot([100 * p, 100 * (q or never)], [row, row], color=GRID, linewidth=1.4, zorder=1)
    marks = {"linestyle": "none", "markersize": 5}
    real = axes.plot([100 * p for *_, p, _ in shares], range(len(shares)), marker="o", color=STRONG, **marks)[0]
    square = marks | {"marker": "s", "color": LEVELS[1]}
    met = [(100 * q, row) for row, (*_, q) in enumerate(shares) if q]
    synthetic = axes.plot([x for x, _ in met], [y for _, y in met], **square)[0]
    missed = [row for row, (*_, q) in enumerate(shares) if not q]
    axes.plot([100 * never] * len(missed), missed, markerfacecolor="white", **square)
    axes.set_yticks(range(len(shares)), [_label(a, b) for a, b, _, _ in shares])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set_ylim(max(LEAST, len(shares)) - 0.4, -0.6)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.minorticks_off()
    axes.set_xlabel("Share of changed places (%)")
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    return [real, synthetic]


def _draw_curves(axes: Any, curves: tuple[Curve, Curve]) -> None:  # noqa: ANN401 - matplotlib's axes
    axes.axhline(1, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    for curve, marker, colour in zip(curves, ("o", "s"), (STRONG, LEVELS[1]), strict=True):
        known = [(lag, value) for lag, value in curve.items() if value is not None]
        axes.plot(
            [x for x, _ in known], [y for _, y in known], marker=marker, markersize=5, color=colour, clip_on=False
        )
    axes.set_xscale("log")
    axes.set_xticks(list(curves[0]), [str(lag) for lag in curves[0]])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set_xlabel("Characters after an error")
    axes.set_ylabel("Errors (× the average)")
    axes.grid(axis="y")
