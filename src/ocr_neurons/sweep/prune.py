"""Giving up early on settings that lose for sure: documents in parts, a paired test after each.

A setting of ranked neurons is tagged on a quarter of the documents, then on another, then on the rest. After each part
but the last its counts are compared with the baseline's by Wilcoxon's signed-rank test over documents, one-sided. Micro
F1 is no mean over documents; what is ranked is each document's part in the difference of two micro F1 to first order,
``(2 tp - F (2 tp + fp + fn)) edited - the same without edit``, F being the baseline's F1. Two looks at 0.01 give up a
setting that is no worse in at most 2 of 100 cases; one that gains is hardly ever given up, so the choice stays.

Random draws are never given up: controls that were picked by their scores would be none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wilcoxon

from ocr_neurons.common.seeds import generator
from ocr_neurons.score.evaluate import Scores
from ocr_neurons.text.document import Document

LEVEL = 0.01
LEAST = 8
"""Documents in the first part at least; with fewer no test could reach the level."""


def parts(documents: int, seed: int) -> list[list[int]]:
    """Positions of the documents of each part: a quarter, a quarter, the rest; one part where there are too few."""
    quarter = documents // 4
    if quarter < LEAST:
        return [list(range(documents))]
    order = [int(place) for place in generator(seed, "parts of documents").permutation(documents)]
    return [sorted(order[:quarter]), sorted(order[quarter : 2 * quarter]), sorted(order[2 * quarter :])]


def contributions(scores: Scores, baseline: Scores, seen: Sequence[int]) -> NDArray[np.float64]:
    """Each document's part in the difference to the baseline; they add up to it times ``2 tp + fp + fn``."""
    ours, plain = (side.document_totals("strict")[list(seen)].astype(np.float64) for side in (scores, baseline))
    tp, fp, fn = plain.sum(0)
    f1 = 2 * tp / max(2 * tp + fp + fn, 1)
    parts: NDArray[np.float64] = (ours - plain) @ np.array([2 - 2 * f1, -f1, -f1])
    return parts


def p_worse(scores: Scores, baseline: Scores, seen: Sequence[int]) -> float:
    """One-sided p-value of being no worse than the baseline on the documents at ``seen``; 1 without any change."""
    differences = contributions(scores, baseline, seen)
    return float(wilcoxon(differences, alternative="less").pvalue) if differences.any() else 1.0


def filled(gold: Sequence[Document], tagged: dict[int, Document]) -> list[Document]:
    """All documents, those not tagged yet as in the gold standard: their counts are not to be looked at."""
    return [tagged.get(place, document) for place, document in enumerate(gold)]
