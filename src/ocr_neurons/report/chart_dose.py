"""The dose curves of the sweep: what each factor does, for each region and count, beside random neurons."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ocr_neurons.report.chart import Chart, Table
from ocr_neurons.report.chart_sweep import lay_out
from ocr_neurons.report.inputs import Run, Trial
from ocr_neurons.report.phrase import bounds, signed, whole
from ocr_neurons.report.style import INK, MUTED, STRONG, WEAK, canvas, legend_above, short

MOST = 12
"""Panels in the figure; of more, those that differ most from the baseline."""

Curve = tuple[str, list[tuple[float, Trial]]]


def dose_chart(run: Run) -> Chart | None:
    """Difference on dev against the factor; None where no region was tried with two factors."""
    curves = [curve for curve in _curves(run) if len(curve[1]) > 1]
    if not curves:
        return None
    shown = _strongest(curves)
    draws = max(len(trial.random) for _, points in curves for _, trial in points)
    caption = (
        "How the score on the development data changes with the factor on the activation, for each region and number "
        "of neurons: 0 silences, 1 changes nothing (the curves pass through 0 there by definition), above 1 amplifies. "
        "Up is better. Line with circles: the sensitive neurons, with 95 % intervals over documents. "
        + _band_words(draws)
        + " Where the line stays within or near it, it is the number of neurons and not their sensitivity that acts."
        + (f" Shown are the {len(shown)} of {len(curves)} that change most; the table has all." if curves != shown
           else "")
    )  # fmt: skip
    said = "; ".join(
        f"{name}: " + ", ".join(f"times {factor:g} {signed(trial.difference)}" for factor, trial in points)
        for name, points in shown[:6]
    )
    rows = [
        (
            name,
            f"{factor:g}",
            signed(t.difference),
            bounds(t.interval),
            signed(min(t.random, default=None)),
            signed(max(t.random, default=None)),
            whole(len(t.random)),
        )
        for name, points in curves
        for factor, t in points
    ]
    header = ("region · neurons", "factor", "difference", "95 % interval", "random, least", "random, most", "draws")
    return Chart(
        "dose", caption, f"Dose curves on dev, points of F1 against factor. {said}.",
        lambda width: _draw(shown, width, draws), Table(header, rows),
        "Difference of strict F1 on dev to the tagger without an edit, in points, by factor.",
    )  # fmt: skip


def _band_words(draws: int) -> str:
    if not draws:
        return "No random neurons were drawn."
    if draws == 1:
        return "Dashed with crosses: one draw of as many random neurons of the same layers."
    return f"Grey band with a dashed mean: the range of {draws} draws of as many random neurons of the same layers."


def _curves(run: Run) -> list[Curve]:
    """By region and count in the order of the heat map: (factor, trial) of the trials that multiply."""
    grid = lay_out(run.trials, run.layers.regions)
    found: list[Curve] = []
    for row, (region, count) in enumerate(grid.rows):
        points = [
            (0.0 if trial.operation == "zero" else trial.factor, trial)
            for (at, _), trial in sorted(grid.cells.items())
            if at == row and trial.operation in ("scale", "zero")
        ]
        known = sorted(((f, t) for f, t in points if f is not None), key=lambda point: point[0])
        if known:
            found.append((f"{short(region)} · {whole(count)}", known))
    return found


def _strongest(curves: list[Curve]) -> list[Curve]:
    if len(curves) <= MOST:
        return curves
    ranked = sorted(range(len(curves)), key=lambda i: -max(abs(t.difference) for _, t in curves[i][1]))
    return [curves[i] for i in sorted(ranked[:MOST])]


def _draw(curves: Sequence[Curve], width: float, draws: int) -> Figure:
    columns = min(len(curves), 3 if width > 5 else 1 if len(curves) < 3 else 2)
    rows = math.ceil(len(curves) / columns)
    figure = canvas(width, 0.85 + 1.5 * rows, gap=0.06)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    handles: list[object] = []
    labels = ["sensitive, with 95 % interval", f"random, {draws} draws" if draws > 1 else "random, one draw"]
    for index, axes in enumerate(panels.flat):
        if index >= len(curves):
            axes.set_visible(False)
            continue
        handles = _panel(axes, *curves[index])
        if index + columns >= len(curves):
            axes.tick_params(labelbottom=True)
    figure.supxlabel("Factor on the activation", fontsize=9, color=MUTED)
    figure.supylabel("Points of strict F1 on dev", fontsize=9, color=MUTED)
    legend_above(figure, handles, labels[: len(handles)], 2 if width > 5 else 1)
    return figure


def _panel(axes: Axes, name: str, points: Sequence[tuple[float, Trial]]) -> list[object]:
    axes.axhline(0, color=MUTED, linewidth=0.8, zorder=1)
    axes.set_title(name, fontsize=8.5)
    axes.grid(axis="y")
    handles: list[object] = []
    random = [(factor, trial.random) for factor, trial in points if trial.random]
    if random:
        random = sorted([*((f, values) for f, values in random if f != 1), (1.0, (0.0,))])
        factors = [factor for factor, _ in random]
        low, high = ([100 * of(values) for _, values in random] for of in (min, max))
        axes.fill_between(factors, low, high, color=WEAK, alpha=0.35, linewidth=0)
        means = [100 * sum(values) / len(values) for _, values in random]
        handles += axes.plot(factors, means, color=INK, linestyle="--", marker="x", markersize=4, linewidth=1.0)
    own = sorted([*((f, t.difference, t.interval) for f, t in points if f != 1), (1.0, 0.0, None)], key=lambda p: p[0])
    for factor, _, interval in own:
        if interval:
            axes.plot([factor] * 2, [100 * bound for bound in interval], color=STRONG, linewidth=1.3, alpha=0.8)
    line = axes.plot([f for f, _, _ in own], [100 * d for _, d, _ in own], color=STRONG, marker="o", markersize=4.5)
    axes.plot([1.0], [0.0], marker="o", markersize=4.5, color=STRONG, markerfacecolor="white", linestyle="none")
    axes.margins(x=0.08)
    return [*line, *handles]
