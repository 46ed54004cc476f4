"""The page of several runs, and its figures and tables as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ocr_neurons.common.files import write_text
from ocr_neurons.report.files import write_charts, write_tables
from ocr_neurons.report.page import drawn, engine, style
from ocr_neurons.report.runs import Member, apart, groups, read_runs
from ocr_neurons.report.runs_charts import common_level, runs_charts, runs_overview, runs_table, seeds_table
from ocr_neurons.score.intervals import outranks


def write_comparison(folders: Sequence[Path], out: Path) -> Path:
    """Write the page that sets the runs of ``folders`` beside one another; ``out`` may be a folder.

    Raises:
        UserError: a folder is no finished run, is given twice, or holds a wrong value.
    """
    text = render_comparison(read_runs(folders))
    path = out / "compare.html" if out.is_dir() else out
    write_text(path, text)
    return path


def render_comparison(members: Sequence[Member]) -> str:
    """The page as HTML; equal runs give equal text."""
    return (
        engine()
        .get_template("compare.html.j2")
        .render(
            members=members,
            css=style(),
            headline=headline(members),
            apart=apart(members),
            table=runs_overview(members),
            seeds=seeds_table(members),
            charts={name: drawn(chart) for name, chart in runs_charts(members).items()},
            level=common_level(members),
            several=len(groups(members)) > 1,
        )
    )


def headline(members: Sequence[Member]) -> str:
    """How many runs gained, in one sentence."""
    up = [m for m in members if m.run.edit and m.run.gain.better]
    down = [m for m in members if m.run.edit and m.run.gain.worse]
    over = [(m, m.run.gain_over_control) for m in up]
    beaten = [m for m, control in over if control and outranks(control.f1, control.p)]
    total = len(members)
    said = f"In {len(up) or 'none'} of {total} runs did the chosen edit gain what can be told from chance"
    if up:
        said += f", in {len(beaten) or 'none'} of them more than random neurons do"
    said += f"; in {len(down)} it did harm." if down else "; in none did it do harm."
    dear = [m for m in members if m.cost and m.cost.better]
    known = [m for m in members if m.cost]
    return said + (f" OCR errors cost F1 in {len(dear)} of {len(known)} with clean text." if known else "")


def write_comparison_figures(folders: Sequence[Path], folder: Path, wanted: Sequence[str] = ("png",)) -> list[Path]:
    """Draw the figures of the comparison into ``folder`` in each format ``wanted``.

    Raises:
        UserError: as :func:`write_comparison`.
    """
    return write_charts(runs_charts(read_runs(folders)), folder, wanted)


def write_comparison_tables(folders: Sequence[Path], folder: Path) -> list[Path]:
    """Write the tables of the comparison as CSV and LaTeX into ``folder``.

    Raises:
        UserError: as :func:`write_comparison`.
    """
    members = read_runs(folders)
    tables = {chart.name: (chart.table, chart.title) for chart in runs_charts(members).values()}
    tables["runs"] = (runs_table(members), "Runs side by side: strict F1 on test in points, with 95 % intervals.")
    seeds = seeds_table(members)
    if seeds:
        tables["seeds"] = (seeds, "Mean and range over seeds, in points of strict F1.")
    return write_tables(tables, folder)
