"""Scores in the layout of the HIPE scorer's TSV, byte for byte, so that the two can be compared with ``diff``."""

from __future__ import annotations

from collections.abc import Sequence

from ocr_neurons.score.bins import Bin, evaluate_bin
from ocr_neurons.score.counts import Counts
from ocr_neurons.score.evaluate import MODES, Mode, Scores, evaluate
from ocr_neurons.score.periods import Period, scores_by_period
from ocr_neurons.score.reading import COARSE, Reading
from ocr_neurons.text.document import Document

HEADER = ("System", "Evaluation", "Label", "P", "R", "F1", "F1_std", "P_std", "R_std", "TP", "FP", "FN")
LINE_END = "\r\n"
"""What the scorer ends its lines with, on every system."""
WHOLE = "ALL"


def hipe_table(
    gold: Sequence[Document],
    predicted: Sequence[Document],
    system: str,
    *,
    reading: Reading = COARSE,
    suffix: str = "",
    bins: Sequence[Bin] = (),
    periods: Sequence[Period] = (),
) -> str:
    """The file that the scorer writes for one column: every period and noise bin, micro and macro, fuzzy and strict.

    ``system`` is the name in the first column; the scorer takes that of the predictions' file in lower case.
    ``suffix`` is what it was called with as ``--suffix``. A bin is scored as the scorer does it: false positives on
    unlabelled tokens count in every bin, so only its recall means something.
    """
    rows: list[tuple[str, ...]] = [HEADER]
    by_noise = {WHOLE: evaluate(gold, predicted, reading)}
    for low, high in bins:
        by_noise[f"{float(low)}-{float(high)}"] = evaluate_bin(gold, predicted, low, high, reading)
    for time in (WHOLE, *(f"{first}-{second}" for first, second in periods)):
        for led, scores in by_noise.items():
            part = scores if time == WHOLE else scores_by_period(scores, gold, periods)[time]
            rows += _rows(part, system, [reading.column], [*([suffix] if suffix else []), f"TIME-{time}", f"LED-{led}"])
    return "".join("\t".join(row) + LINE_END for row in rows)


def _rows(scores: Scores, system: str, before: list[str], after: list[str]) -> list[tuple[str, ...]]:
    rows = []
    for aggregation in ("micro", "macro_doc"):
        for mode in reversed(MODES):
            evaluation = "-".join([*before, aggregation, mode, *after])
            by_type = scores.by_type(mode)
            for label in sorted([*by_type, WHOLE]):
                if aggregation == "micro":
                    cells = _micro_cells(scores.total(mode) if label == WHOLE else by_type[label])
                else:
                    cells = _macro_cells(scores, mode, label)
                rows.append((system, evaluation, label, *cells))
    return rows


def _micro_cells(counts: Counts) -> list[str]:
    # The scorer prints an integer 0 for what is undefined, and for an F1 without a hit.
    precision = str(round(counts.precision, 3)) if counts.tp + counts.fp else "0"
    recall = str(round(counts.recall, 3)) if counts.tp + counts.fn else "0"
    f1 = str(round(counts.f1, 3)) if counts.tp else "0"
    return [precision, recall, f1, "", "", "", str(counts.tp), str(counts.fp), str(counts.fn)]


def _macro_cells(scores: Scores, mode: Mode, label: str) -> list[str]:
    """Empty cells: not defined."""
    m = scores.macro(mode, None if label == WHOLE else label)
    values = (m.precision, m.recall, m.f1, m.f1_std, m.precision_std, m.recall_std)
    return [*("" if value is None else str(round(value, 3)) for value in values), "", "", ""]
