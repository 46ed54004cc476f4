"""The chart of F1 against the character error rate, with the text's own OCR beside it where its clean twin is known."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from ocr_neurons.cost.cost import NoiseCost
from ocr_neurons.report.chart import Chart, Table
from ocr_neurons.report.phrase import bounds, points, signed
from ocr_neurons.report.style import BAR, INK, LEVELS, MUTED, STRONG, canvas, legend_above
from ocr_neurons.score.evaluate import Scores
from ocr_neurons.score.intervals import f1_interval

CAPTION = (
    "F1 of the tagger when learned noise of a given character error rate is added. Solid with a band: strict (exact "
    "spans), with its 95 % interval over documents; small dots are single draws of the noise. Dashed: fuzzy "
    "(overlapping spans). The vertical line is the rate that the answer is given for."
)
OWN = " The star is the text as OCR really read it, at its own error rate: near the line, learned noise is like it."


def curve_chart(cost: NoiseCost) -> Chart:
    """F1 against the rate of added noise."""
    rows = []
    for point in cost.curve.points:
        strict, fuzzy = (point.scores.total(mode).f1 for mode in ("strict", "fuzzy"))
        change = cost.curve.difference(point).f1
        rows.append(
            (f"{points(point.reached)} %", points(strict), bounds(_interval(cost, point.scores)), signed(change),
             points(fuzzy))
        )  # fmt: skip
    said = "; ".join(f"{row[0]}: {row[1]}" for row in rows)
    return Chart(
        name="cost",
        caption=CAPTION + (OWN if _own(cost) else "") + f" Noise is added to {cost.base}.",
        alt=f"Line of strict F1 in points by character error rate. {said}.",
        draw=lambda width: _draw(cost, width),
        table=Table(("CER", "strict F1", "95 % interval", "minus without noise", "fuzzy F1"), rows),
    )


def _interval(cost: NoiseCost, scores: Scores) -> tuple[float, float]:
    return f1_interval(scores, seed=cost.curve.seed)


def _own(cost: NoiseCost) -> tuple[float, Scores] | None:
    """The text's own error rate and the scores on it, where its clean twins tell."""
    twin = cost.measured.twin
    return None if twin is None or twin.cer is None else (twin.cer, cost.measured.scores)


def _draw(cost: NoiseCost, width: float) -> Figure:
    figure = canvas(width, 3.6)
    axes = figure.subplots()
    curve = cost.curve.points
    rates = [100 * point.reached for point in curve]
    intervals = [_interval(cost, point.scores) for point in curve]
    low, high = ([100 * interval[side] for interval in intervals] for side in (0, 1))
    axes.fill_between(rates, low, high, color=BAR, alpha=0.45, linewidth=0)
    fuzzy = _line(axes, rates, [point.scores.total("fuzzy").f1 for point in curve], LEVELS[1], "s", "--")
    strict = _line(axes, rates, [point.scores.total().f1 for point in curve], STRONG, "o", "-")
    for rate, point in zip(rates, curve, strict=True):
        axes.plot([rate] * len(point.f1s), [100 * f1 for f1 in point.f1s], ".", color=MUTED, markersize=3.5, zorder=3)
    axes.axvline(100 * cost.at.cer, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    handles, labels = [strict, fuzzy], ["strict, with 95 % interval", "fuzzy"]
    own = _own(cost)
    if own is not None:
        rate, f1, bar = 100 * own[0], 100 * own[1].total().f1, [100 * bound for bound in _interval(cost, own[1])]
        axes.plot([rate, rate], bar, color=INK, linewidth=1.2, zorder=4)
        star = axes.plot(rate, f1, "*", color=INK, markersize=11, linestyle="none", zorder=5)[0]
        handles, labels = [*handles, star], [*labels, "as OCR read it, strict"]
    axes.set_xlim(left=-0.02 * max(rates))
    axes.set_ylim(0, 102)
    axes.set_xlabel("Character error rate added (%)")
    axes.set_ylabel("F1 (points)")
    axes.grid(axis="y")
    legend_above(figure, handles, labels, 3)
    return figure


def _line(axes: Any, x: list[float], shares: list[float], colour: str, marker: str, style: str) -> Any:  # noqa: ANN401 - matplotlib's axes
    marks = {"marker": marker, "markersize": 5, "color": colour, "linestyle": style, "linewidth": 1.6}
    return axes.plot(x, [100 * share for share in shares], **marks)[0]
