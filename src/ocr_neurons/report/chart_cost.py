"""The chart of what OCR errors cost: recall by how much OCR damaged the entity."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from ocr_neurons.report.chart import Chart, Table
from ocr_neurons.report.inputs import NoiseBin
from ocr_neurons.report.phrase import bounds, points, whole
from ocr_neurons.report.style import BAR, INK, MUTED, canvas, legend_above, short

CAPTION = (
    "Each bar is the share of gold entities that the tagger found with the right type and the exact span (strict); "
    "the line across its end is the 95 % interval, the diamond counts overlapping spans as found too (fuzzy). Entities "
    "are grouped by how much OCR changed them: the edit distance to what the page says, divided by length, 0 for clean."
    " Bars that shorten downwards mean that OCR errors cost recall. n is the number of gold entities; with few of them "
    "the interval is wide and the bar says little."
)


def cost_chart(bins: Sequence[NoiseBin]) -> Chart | None:
    """Recall by noise bin, or ``None`` where the noise of no entity is known."""
    if not any(entry.entities for entry in bins if entry.low is not None):
        return None
    said = "; ".join(f"{entry.label}: {points(entry.strict)} of {entry.entities} entities" for entry in bins)
    rows = [
        (entry.label, whole(entry.entities), points(entry.strict), bounds(entry.interval), points(entry.fuzzy))
        for entry in bins
    ]
    return Chart(
        name="noise-cost",
        caption=CAPTION + _ranges(bins),
        alt=f"Bar chart of strict recall in per cent by OCR damage. {said}.",
        draw=lambda width: _draw(bins, width),
        table=Table(("OCR damage", "entities", "recall strict", "95 % interval", "recall fuzzy"), rows),
        title="Recall on test in per cent, by how much OCR damaged the entity.",
    )


def _ranges(bins: Sequence[NoiseBin]) -> str:
    named = [
        f"{entry.label} {entry.low:g}" + (f" to {entry.high:g}" if entry.high != entry.low else "")
        for entry in bins
        if entry.low is not None and entry.high is not None
    ]
    return f" The groups: {', '.join(named)}." if named else ""


def _draw(bins: Sequence[NoiseBin], width: float) -> Figure:
    figure = canvas(width, 0.8 + 0.46 * len(bins))
    axes = figure.subplots()
    rows = range(len(bins))
    bars = axes.barh(rows, [100 * (entry.strict or 0) for entry in bins], height=0.56, color=BAR)
    for row, entry in enumerate(bins):
        if entry.strict is None:
            axes.text(1, row, "no such entities", va="center", color=MUTED, fontsize=8.5)
            continue
        if entry.interval is not None:
            low, high = (100 * bound for bound in entry.interval)
            axes.plot([low, high], [row, row], color=INK, linewidth=1.6, solid_capstyle="butt")
            axes.plot([low, high], [row, row], color=INK, marker="|", markersize=7, linestyle="none")
        inside = entry.interval is None or entry.interval[0] > 0.16
        if inside:
            axes.text(1.5, row, points(entry.strict), va="center", color=INK, fontsize=9, fontweight="bold")
    found = [(100 * entry.fuzzy, row) for row, entry in enumerate(bins) if entry.fuzzy is not None]
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
    axes.set_yticks(rows, [f"{short(entry.label)}\nn = {whole(entry.entities)}" for entry in bins])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.invert_yaxis()
    axes.set_xlim(0, 101)
    axes.set_xlabel("Recall (%)")
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    legend_above(figure, [bars, fuzzy], ["strict, with 95 % interval", "fuzzy"], 2)
    return figure


def recall_lost(bins: Sequence[NoiseBin]) -> tuple[float, float] | None:
    """Strict recall of the clean entities and of all whose noise is known, or ``None`` when either has none.

    Their difference is what recall would gain if damaged entities were found as often as clean ones. It leaves out
    errors in the words around an entity.
    """
    known = [entry for entry in bins if entry.low is not None and entry.strict is not None]
    clean = next((entry for entry in known if entry.low == entry.high == 0), None)
    if clean is None or clean.strict is None or len(known) < 2:
        return None
    total = sum(entry.entities for entry in known)
    return clean.strict, sum((entry.strict or 0) * entry.entities for entry in known) / total


def damaged(bins: Sequence[NoiseBin]) -> str | None:
    """Which part of the entities of known noise OCR damaged, in words; ``None`` without a bin of clean ones."""
    known = [entry for entry in bins if entry.low is not None]
    total = sum(entry.entities for entry in known)
    if not total or not any(entry.low == entry.high == 0 for entry in known):
        return None
    hurt = sum(entry.entities for entry in known if not entry.low == entry.high == 0)
    return f"{whole(hurt)} of {whole(total)} ({100 * hurt / total:.0f} %)"
