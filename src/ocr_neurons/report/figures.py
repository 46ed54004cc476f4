"""The figures of a run, in the order in which the page shows them; figures and tables as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ocr_neurons.report.chart import Chart
from ocr_neurons.report.chart_bins import bins_chart
from ocr_neurons.report.chart_control import control_chart
from ocr_neurons.report.chart_cost import cost_chart
from ocr_neurons.report.chart_dose import dose_chart
from ocr_neurons.report.chart_layers import layers_chart
from ocr_neurons.report.chart_placebo import placebo_chart
from ocr_neurons.report.chart_regions import regions_chart
from ocr_neurons.report.chart_sweep import sweep_chart
from ocr_neurons.report.chart_test import differences_chart
from ocr_neurons.report.files import write_charts, write_tables
from ocr_neurons.report.inputs import Run, read_run
from ocr_neurons.report.made import data_table
from ocr_neurons.report.scores import SCORES, score_table
from ocr_neurons.report.strategies import Strategies


def charts(run: Run, strategies: Strategies | None = None) -> dict[str, Chart]:
    """The charts that this run has data for, by name; those without data are not there."""
    made = (
        cost_chart(run.bins),
        layers_chart(run.layers),
        bins_chart(run.layers),
        placebo_chart(run.layers),
        regions_chart(run.layers),
        sweep_chart(run),
        dose_chart(run),
        differences_chart(run),
        control_chart(run),
        strategies.chart() if strategies else None,
    )
    return {chart.name: chart for chart in made if chart is not None}


def write_figures(
    run_dir: Path, folder: Path, wanted: Sequence[str] = ("png",), strategies: Strategies | None = None
) -> list[Path]:
    """Draw a run's figures into ``folder``, in each format ``wanted`` (PNG has 200 dots an inch); return their paths.

    Raises:
        UserError: the run folder lacks a file or a key.
    """
    return write_charts(charts(read_run(run_dir), strategies), folder, wanted)


def write_run_tables(run_dir: Path, folder: Path, strategies: Strategies | None = None) -> list[Path]:
    """Write the tables of a run as CSV and LaTeX into ``folder``: those behind its figures, scores, data.

    Raises:
        UserError: as :func:`write_figures`.
    """
    run = read_run(run_dir)
    tables = {chart.name: (chart.table, chart.title or chart.caption) for chart in charts(run, strategies).values()}
    tables["scores"] = (score_table(run), SCORES)
    tables["data"] = (data_table(run.described), "Documents, sentences, tokens and entities of the data.")
    return write_tables(tables, folder)
