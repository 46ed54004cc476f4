"""Scores of entity recognition, their intervals and paired tests: equal to the HIPE scorer's, and honest about chance.

From Python: :func:`score_labels` takes lists of labels, :func:`evaluate` takes documents; both give :class:`Scores`,
from which everything else derives: ``scores.total()``, ``scores.by_type()``, ``scores.macro()``,
:func:`rows_by_type` (intervals), :func:`compare` and :func:`compare_by_type` (two systems), :func:`recall_by_led`
(by OCR noise), :func:`scores_by_period` (by date), :func:`mistakes` (every error in its place).
"""

from ocr_neurons.score.bins import recall_by_led
from ocr_neurons.score.by_type import compare_by_type, rows_by_type
from ocr_neurons.score.counts import Counts
from ocr_neurons.score.evaluate import Scores, evaluate
from ocr_neurons.score.intervals import Difference, compare, f1_interval
from ocr_neurons.score.labels import score_labels
from ocr_neurons.score.mistakes import mistakes
from ocr_neurons.score.periods import scores_by_period
from ocr_neurons.score.reading import Reading, load_mapping

__all__ = [
    "Counts",
    "Difference",
    "Reading",
    "Scores",
    "compare",
    "compare_by_type",
    "evaluate",
    "f1_interval",
    "load_mapping",
    "mistakes",
    "recall_by_led",
    "rows_by_type",
    "score_labels",
    "scores_by_period",
]
