"""The test scores of a run as a table: the tagger as it is, edited, edited otherwise, and on clean text."""

from __future__ import annotations

from dataclasses import dataclass

from ocr_neurons.report import phrase
from ocr_neurons.report.chart import Table
from ocr_neurons.report.inputs import Run, Scores

SCORES = (
    "Scores on test in points, with 95 % intervals of F1: over documents, but of random neurons where 95 % of the "
    "draws lie."
)


@dataclass(frozen=True)
class Row:
    """A row of the test table: precision, recall, F1, its interval; strict, then fuzzy."""

    name: str
    note: str
    cells: tuple[str, ...]


def score_rows(run: Run) -> list[Row]:
    """One row for each way in which test was tagged."""
    rows = [_row("baseline", "the tagger as it is, on OCR text", run.baseline)]
    rows.append(_row("chosen", run.edit.description if run.edit else "no edit was chosen: as baseline", run.chosen))
    if run.opposite:
        rows.append(_row("opposite", opposite_words(run), run.opposite.scores))
    if run.control:
        f1s = run.control.f1s
        note = f"mean of {len(f1s)} draws; strict F1 from {phrase.points(min(f1s))} to {phrase.points(max(f1s))}"
        if run.control.scores.strict.interval:
            note += "; in brackets not an interval over documents but where 95 % of the draws lie"
        rows.append(_row("random neurons", note, run.control.scores))
    if run.random_best:
        note = f"{run.random_best.edit.description}: what dev would have chosen among random neurons"
        rows.append(_row("random, best on dev", note, run.random_best.scores))
    if run.twin:
        clean = "on the text without OCR errors" if run.twin.whole else "on the text with its entities as printed"
        rows.append(_row("clean twin", f"the tagger as it is, {clean}", run.twin.scores))
    return rows


def opposite_words(run: Run) -> str:
    """What the opposite edit is."""
    if run.opposite is None or run.opposite.factor is None or run.edit is None or run.edit.operation != "scale":
        return "the same neurons, changed as much in the other direction"
    return (
        f"the same neurons, changed as much in the other direction: times {run.opposite.factor:g} in the place of "
        f"{run.edit.factor:g}"
    )


def score_table(run: Run) -> Table:
    """The rows as a plain table."""
    modes = ("strict", "fuzzy")
    header = ["tagger", *(f"{mode} {what}" for mode in modes for what in ("P", "R", "F1", "95 % of F1"))]
    return Table(header, [(row.name, *row.cells) for row in score_rows(run)])


def _row(name: str, note: str, scores: Scores) -> Row:
    cells: list[str] = []
    for score in (scores.strict, scores.fuzzy):
        if score is None:
            cells += [phrase.NONE] * 4
        else:
            cells += [phrase.points(x) for x in (score.precision, score.recall, score.f1)]
            cells.append(phrase.bounds(score.interval))
    return Row(name, note, tuple(cells))
