"""The page that shows a run: one HTML file that opens anywhere, without a network.

Everything that comes from data or files is escaped by the template engine; the page's own policy forbids scripts and
anything from outside.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ocr_neurons.common.files import read_text, write_text
from ocr_neurons.report import phrase, words
from ocr_neurons.report.chart import Chart
from ocr_neurons.report.chart_cost import damaged, recall_lost
from ocr_neurons.report.chart_placebo import sentence
from ocr_neurons.report.examples import show
from ocr_neurons.report.figures import charts
from ocr_neurons.report.inputs import Run, read_run
from ocr_neurons.report.made import data_table, fact_tables
from ocr_neurons.report.ranked import paper_rule, ranked
from ocr_neurons.report.scores import opposite_words, score_rows
from ocr_neurons.report.strategies import FILE, FOLDER, Strategies, read_strategies

HERE = Path(__file__).parent
NOT_READ = "cannot be read from a tagger that gets next to nothing right; the numbers are below"


@dataclass(frozen=True)
class Tile:
    """A key number."""

    title: str
    value: str
    unit: str
    detail: str
    meaning: str = ""


def write_report(run_dir: Path, out: Path | None = None, strategies: Path | None = None) -> Path:
    """Write the page of a run folder to ``out`` (default ``report.html`` in it; a folder gets that name) and return it.

    ``strategies`` is the folder of a comparison to show (default: ``strategies`` in the run folder, if it is there).

    Raises:
        UserError: ``summary.json`` or ``details.json`` is missing, or a key of theirs is missing or wrong.
    """
    run = read_run(run_dir)
    path = out or run_dir
    if path.is_dir():
        path = path / "report.html"
    write_text(path, render(run, strategies_of(run_dir, strategies)))
    return path


def strategies_of(run_dir: Path, given: Path | None) -> Strategies | None:
    """The comparison ``given``, or that in the run folder, or None.

    Raises:
        UserError: the folder holds none, or one that cannot be read.
    """
    if given is not None:
        return read_strategies(given)
    inside = run_dir / FOLDER
    return read_strategies(inside) if (inside / FILE).is_file() else None


def render(run: Run, strategies: Strategies | None = None) -> str:
    """The page as HTML; equal runs give equal text."""
    return (
        engine()
        .get_template("page.html.j2")
        .render(
            run=run,
            css=style(),
            question=words.QUESTION,
            tiles=tiles(run),
            charts={name: drawn(chart) for name, chart in charts(run, strategies).items()},
            placebo=sentence(run.layers.placebo) if run.layers.placebo else "",
            damaged=damaged(run.bins),
            ranked=ranked(run),
            paper_rule=paper_rule(run),
            scores=score_rows(run),
            opposite=opposite_words(run),
            again=words.again(run.again) if run.again else "",
            luck=words.luck(run.random_best) if run.random_best else "",
            size=words.size(run),
            strategies=strategies,
            shown=show(run.examples),
            clean_known=any(example.clean for example in run.examples),
            data=data_table(run.described),
            facts=fact_tables(run),
            test_documents=run.test_documents,
            languages=run.described.get("languages") or [],
            command=run.manifest.get("command"),
            started=run.manifest.get("started"),
        )
    )


def engine(folder: Path = HERE) -> Environment:
    """The templates of the pages in ``folder``."""
    made = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "points": phrase.points,
        "difference": phrase.difference,
        "whole": phrase.whole,
        "printed": phrase.printed,
        "shell": shlex.quote,
    }
    return made


def style() -> Markup:
    """The style that all pages share."""
    return Markup(read_text(HERE / "page.css", "the page's style"))  # noqa: S704 - our own file


def tiles(run: Run) -> list[Tile]:
    """The three key numbers: how good the tagger is, what noise costs, what the edit gains."""
    strict = run.baseline.strict
    inside = f"95 % interval {phrase.bounds(strict.interval)}, " if strict.interval else ""
    return [
        Tile(
            "The tagger as it is",
            phrase.points(strict.f1),
            "strict F1",
            f"{inside}on the test data" + (f"; {words.size(run)}" if words.size(run) else ""),
            words.baseline(run),
        ),
        _cost_tile(run),
        _gain_tile(run),
    ]


def _cost_tile(run: Run) -> Tile:
    title = "What OCR errors cost"
    if run.weak:
        return Tile(title, phrase.NONE, "", NOT_READ)
    if run.twin:
        change = run.twin.difference
        what = "clean twin" if run.twin.whole else "entities as printed"
        detail = f"{what} minus OCR text: {phrase.difference(change)}"
        return Tile(title, phrase.points(change.f1), "F1 points", detail, words.cost(run))
    lost = recall_lost(run.bins)
    if lost is None:
        return Tile(title, phrase.NONE, "", "not measured: no clean twin, and no entities of known noise to compare")
    clean, overall = lost
    return Tile(
        title,
        phrase.points(clean - overall),
        "points of recall",
        f"{phrase.points(clean)} on entities that OCR left clean, {phrase.points(overall)} on all of known noise: "
        "what entities lose by their own errors",
    )


def _gain_tile(run: Run) -> Tile:
    title = "What the edit gains"
    if run.weak:
        return Tile(title, phrase.NONE, "", NOT_READ)
    if run.edit is None:
        return Tile(title, "0.0", "F1 points", "no edit beat the baseline on the development data, so none was made")
    detail = f"chosen minus baseline: {phrase.difference(run.gain)}"
    if run.gain_over_control:
        detail += f"; chosen minus random neurons: {phrase.difference(run.gain_over_control)}"
    return Tile(title, phrase.signed(run.gain.f1), "F1 points", detail, words.gain(run))


def drawn(chart: Chart) -> dict[str, Any]:
    """A chart and its two drawings, ready for the template."""
    wide, narrow = chart.svgs()
    return {
        "chart": chart,
        "wide": Markup(wide),  # noqa: S704 - matplotlib escapes text, to_svg the alternative text
        "narrow": Markup(narrow),  # noqa: S704
    }
