"""Repair or suffer, the figure: what silencing a tenth of each layer costs on either text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.ticker import MaxNLocator

from neutralising_repair import SERIES, Costs
from ocr_neurons.report.style import MUTED, canvas, legend_above, styled, to_png

TOP = 10
"""Costs above this, in points, are drawn on an axis that is logarithmic from 5 on."""


def figure(one: Costs, path: Path) -> None:
    """The four costs by layer."""
    with styled():
        drawn = canvas(7.2, 3.4)
        axes = drawn.subplots()
        for who, text, label, colour, marker, line in SERIES:
            axes.plot(
                one.layers,
                one.cost[who, text][0],
                line,
                color=colour,
                marker=marker,
                ms=3.5,
                lw=1.3,
                label=label,
            )
        axes.axhline(0, color=MUTED, lw=0.8)
        axes.grid(axis="y")
        values = np.concatenate([rows[0] for rows in one.cost.values()])
        if values.max() > TOP:
            axes.set_yscale("symlog", linthresh=5)
            axes.set_yticks([-5, -2, 0, 2, 5, 10, 20, 50], ["−5", "−2", "0", "2", "5", "10", "20", "50"])
            axes.minorticks_off()
        axes.xaxis.set_major_locator(MaxNLocator(15, integer=True))
        axes.set_xlabel("Layer (0 is nearest the input)")
        axes.set_ylabel("Points of F1 lost")
        legend_above(drawn, *axes.get_legend_handles_labels(), columns=2)
        to_png(drawn, path)
