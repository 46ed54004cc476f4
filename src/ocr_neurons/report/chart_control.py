"""The strip of random draws: is the chosen edit better than random neurons in its place?"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from ocr_neurons.report.chart import Chart, Table
from ocr_neurons.report.inputs import Control, Run
from ocr_neurons.report.phrase import points
from ocr_neurons.report.style import INK, LEVELS, MUTED, WEAK, canvas, legend_above


def control_chart(run: Run) -> Chart | None:
    """Strict test F1 of each random draw beside baseline and chosen, or ``None`` without a control."""
    control = run.control
    if control is None:
        return None
    baseline, chosen = run.baseline.strict.f1, run.chosen.strict.f1
    beaten = sum(f1 < chosen for f1 in control.f1s)
    caption = (
        f"Each dot is the strict F1 on test with one of {len(control.f1s)} draws of random neurons, as many and in the "
        "same layers as the chosen ones, treated alike; further right is better. The height of a dot means nothing. "
        "The triangle is their mean; the lines are the tagger without an edit and with the chosen edit. The chosen "
        f"edit beats {beaten} of {len(control.f1s)} draws; only far to the right of the dots would it "
        "owe its gain to which neurons were chosen. The random sets were drawn for the setting that dev chose, and "
        "took no part in the choosing: that favours the chosen edit."
    )
    alt = (
        f"Strip plot of {len(control.f1s)} random draws between {points(min(control.f1s))} and "
        f"{points(max(control.f1s))} F1; baseline {points(baseline)}, chosen {points(chosen)}."
    )
    rows = [("baseline", points(baseline)), ("chosen", points(chosen))]
    rows += [(f"random {index + 1}", points(f1)) for index, f1 in enumerate(control.f1s)]
    return Chart(
        "random-control",
        caption,
        alt,
        lambda width: _draw(control, baseline, chosen, width),
        Table(("tagger", "strict F1 on test"), rows),
        "Strict F1 on test of the tagger as it is, with the chosen edit and with random neurons in its place.",
    )


def spread(values: tuple[float, ...]) -> list[float]:
    """Heights for dots at ``values``: neighbours in rank stand on different heights, the same in each run."""
    heights = (0.0, 0.5, -0.5, 0.25, -0.25, 0.75, -0.75)
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    return [heights[int(rank) % len(heights)] for rank in ranks]


def _draw(control: Control, baseline: float, chosen: float, width: float) -> Figure:
    figure = canvas(width, 1.75)
    axes = figure.subplots()
    dots = axes.plot(
        [100 * f1 for f1 in control.f1s],
        spread(control.f1s),
        linestyle="none",
        marker="o",
        markersize=6,
        color=WEAK,
        markeredgecolor="white",
        markeredgewidth=0.6,
    )[0]
    mean = 100 * float(np.mean(control.f1s))
    triangle = axes.plot([mean], [-1.2], linestyle="none", marker="^", markersize=8, color=MUTED)[0]
    plain = axes.axvline(100 * baseline, color=INK, linestyle=(0, (4, 2)), linewidth=1.6)
    edited = axes.axvline(100 * chosen, color=LEVELS[1], linewidth=2.0)
    axes.set_ylim(-1.5, 1.3)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    shown = [100 * f1 for f1 in (*control.f1s, baseline, chosen)]
    margin = max(0.25, 0.08 * (max(shown) - min(shown)))
    axes.set_xlim(min(shown) - margin, max(shown) + margin)
    axes.set_xlabel("Strict F1 on test")
    legend_above(
        figure,
        [dots, triangle, plain, edited],
        ["random draw", f"their mean {mean:.1f}", f"baseline {points(baseline)}", f"chosen {points(chosen)}"],
        4 if width > 5 else 2,
    )
    return figure
