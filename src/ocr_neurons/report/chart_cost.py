"""The chart of what OCR errors cost: recall by how much OCR damaged the entity."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from ocr_neurons.report.chart import Chart, Table
from ocr_neurons.report.inputs import NoiseBin
from ocr_neurons.report.phrase import bounds, points, whole
from ocr_neurons.report.style import BAR, INK, MUTED, canvas, legend_above

CAPTION = (
    "Each bar is the share of gold entities that the tagger found with the right type and the exact span (strict); "
    "the line across its end is the 95 % interval, the diamond counts overlapping spans as found too (fuzzy). Entities "
    "are grouped by how much OCR changed them: the edit distance to what the page says, divided by length, 0 for clean. "
    "Bars that shorten downwards mean that OCR errors cost recall. n is the number of gold entities; with few of them "
    "the interval is wide and the bar says little."
)


def cost_chart(bins: Sequence[NoiseBin]) -> Chart | None:
    """Recall by noise bin, or ``None`` when nothing was binned."""
    if not bins:
        return None
    said = "; ".join(f"{bin.label}: {points(bin.strict)} of {bin.entities} entities" for bin in bins)
    rows = [
        (bin.label, whole(bin.entities), points(bin.strict), bounds(bin.interval), points(bin.fuzzy)) for bin in bins
    ]
    return Chart(
        name="noise-cost",
        caption=CAPTION,
        alt=f"Bar chart of strict recall in per cent by OCR damage. {said}.",
        draw=lambda width: _draw(bins, width),
        table=Table(("OCR damage", "entities", "recall strict", "95 % interval", "recall fuzzy"), rows),
    )


def _draw(bins: Sequence[NoiseBin], width: float) -> Figure:
    figure = canvas(width, 0.8 + 0.46 * len(bins))
    axes = figure.subplots()
    rows = range(len(bins))
    bars = axes.barh(rows, [100 * (bin.strict or 0) for bin in bins], height=0.56, color=BAR)
    for row, bin in enumerate(bins):
        if bin.strict is None:
            axes.text(1, row, "no such entities", va="center", color=MUTED, fontsize=8.5)
            continue
        if bin.interval is not None:
            low, high = (100 * bound for bound in bin.interval)
            axes.plot([low, high], [row, row], color=INK, linewidth=1.6, solid_capstyle="butt")
            axes.plot([low, high], [row, row], color=INK, marker="|", markersize=7, linestyle="none")
        inside = bin.interval is None or bin.interval[0] > 0.16
        if inside:
            axes.text(1.5, row, points(bin.strict), va="center", color=INK, fontsize=9, fontweight="bold")
    found = [(100 * bin.fuzzy, row) for row, bin in enumerate(bins) if bin.fuzzy is not None]
    fuzzy = axes.plot(
        [x for x, _ in found],
        [y for _, y in found],
        linestyle="none",
        marker="D",
        markersize=5.5,
        markerfacecolor="white",
        markeredgecolor=INK,
        markeredgewidth=1.2,
        zorder=4,
    )[0]
    axes.set_yticks(rows, [f"{bin.label}\nn = {whole(bin.entities)}" for bin in bins])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.invert_yaxis()
    axes.set_xlim(0, 101)
    axes.set_xlabel("Recall (%)")
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    legend_above(figure, [bars, fuzzy], ["strict, with 95 % interval", "fuzzy"], 2)
    return figure


def gap(bins: Sequence[NoiseBin]) -> tuple[NoiseBin, NoiseBin] | None:
    """The least and the most damaged bin that hold entities, or ``None`` when fewer than two do."""
    filled = sorted(
        (bin for bin in bins if bin.strict is not None and bin.low is not None), key=lambda bin: bin.low or 0
    )
    return (filled[0], filled[-1]) if len(filled) > 1 else None


def damaged(bins: Sequence[NoiseBin]) -> str | None:
    """Which part of the entities of known noise OCR damaged, in words; ``None`` without a bin of clean ones."""
    known = [bin for bin in bins if bin.low is not None]
    total = sum(bin.entities for bin in known)
    if not total or not any(bin.low == bin.high == 0 for bin in known):
        return None
    hurt = sum(bin.entities for bin in known if not bin.low == bin.high == 0)
    return f"{whole(hurt)} of {whole(total)} ({100 * hurt / total:.0f} %)"
