"""The figures of a run, in the order in which the page shows them; and as PNG files."""

from __future__ import annotations

from pathlib import Path

from ocr_neurons.report.chart import Chart
from ocr_neurons.report.chart_control import control_chart
from ocr_neurons.report.chart_cost import cost_chart
from ocr_neurons.report.chart_layers import layers_chart
from ocr_neurons.report.chart_placebo import placebo_chart
from ocr_neurons.report.chart_sweep import sweep_chart
from ocr_neurons.report.inputs import Run, read_run
from ocr_neurons.report.style import WIDE, styled, to_png


def charts(run: Run) -> dict[str, Chart]:
    """The charts that this run has data for, by name; those without data are not there."""
    made = (
        cost_chart(run.bins),
        layers_chart(run.layers),
        placebo_chart(run.layers),
        sweep_chart(run),
        control_chart(run),
    )
    return {chart.name: chart for chart in made if chart is not None}


def write_figures(run_dir: Path, folder: Path) -> list[Path]:
    """Draw a run's figures as PNG files of 200 dots an inch into ``folder``; return their paths.

    Raises:
        UserError: the run folder lacks a file or a key.
    """
    paths = []
    for name, chart in charts(read_run(run_dir)).items():
        path = folder / f"{name}.png"
        with styled():
            to_png(chart.draw(WIDE), path)
        paths.append(path)
    return paths
