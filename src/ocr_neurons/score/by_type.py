"""Precision, recall and F1 of all types together and of each, with intervals; and two systems compared so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ocr_neurons.score.counts import Counts
from ocr_neurons.score.evaluate import MODES, Mode, Scores
from ocr_neurons.score.intervals import (
    Difference,
    Floats,
    Interval,
    check_comparable,
    check_draws,
    paired_differences,
    percentile_interval,
    resamples,
    share,
    weighed,
)

ALL = "ALL"
"""The name of all types together, as the HIPE scorer has it."""


@dataclass(frozen=True, slots=True)
class Row:
    """Counts of one type (or ``ALL``) and the intervals of their scores.

    An interval is ``None`` where fewer than two documents can say anything about the score.
    """

    type: str
    counts: Counts
    precision: Interval | None
    recall: Interval | None
    f1: Interval | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One system minus another in one mode and type; ``adjusted`` is the p-value corrected for all that were asked.

    ``documents``: how many documents have anything of the type, gold or predicted by either.
    """

    mode: Mode
    type: str
    documents: int
    difference: Difference
    adjusted: float


def rows_by_type(
    scores: Scores, mode: Mode = "strict", draws: int = 10_000, seed: int = 0, level: float = 0.95
) -> list[Row]:
    """All types together, then each, with percentile bootstrap intervals over documents.

    All scores of a draw come from the same drawn documents. Draws in which a score is not defined are left out.
    """
    check_draws(draws, level)
    table = _with_all(scores, mode)
    sums = table.sum(axis=0)
    pieces = [
        _precision_recall_f1(weighed(weights, table))
        for weights in resamples(len(table), draws, seed, width=table[0].size)
    ]
    drawn = np.concatenate(pieces)
    # how many documents can say something: with predictions, with gold entities, with either
    holders = np.stack([table[..., 0] + table[..., 1], table[..., 0] + table[..., 2], table.sum(axis=2)], axis=-1)
    enough = (holders > 0).sum(axis=0) >= 2
    rows = []
    for place, kind in enumerate((ALL, *scores.types)):
        found = [_interval(drawn[:, place, score], bool(enough[place, score]), level) for score in range(3)]
        rows.append(Row(kind, Counts(*(int(number) for number in sums[place])), *found))
    return rows


def compare_by_type(a: Scores, b: Scores, draws: int = 10_000, seed: int = 0, level: float = 0.95) -> list[Comparison]:
    """``a`` minus ``b``, strict and fuzzy, all types together and each: paired bootstrap, approximate randomisation.

    ``adjusted`` is Holm's over the comparisons returned here; :func:`holm_adjusted` redoes it over several systems.

    Raises:
        UserError: the two are not scores of the same documents.
    """
    check_comparable(a, b)
    kinds = sorted({*a.types, *b.types})
    found: list[Comparison] = []
    for mode in MODES:
        ours, theirs = _with_all(a, mode, kinds), _with_all(b, mode, kinds)
        documents = ((ours + theirs).sum(axis=2) > 0).sum(axis=0)
        differences = paired_differences(ours, theirs, draws, seed, level)
        for kind, number, difference in zip((ALL, *kinds), documents, differences, strict=True):
            found.append(Comparison(mode, kind, int(number), difference, difference.p))
    return holm_adjusted([found])[0]


def holm_adjusted(families: Sequence[Sequence[Comparison]]) -> list[list[Comparison]]:
    """The same comparisons with their p-values adjusted over all of them together."""
    adjusted = iter(holm([one.difference.p for family in families for one in family]))
    return [[replace(one, adjusted=next(adjusted)) for one in family] for family in families]


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment: keeps the chance of any false alarm among all of them below the level read off."""
    count = len(p_values)
    adjusted = [0.0] * count
    highest = 0.0
    for rank, place in enumerate(sorted(range(count), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (count - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def _with_all(scores: Scores, mode: Mode, kinds: Sequence[str] | None = None) -> NDArray[np.int64]:
    """``[documents, 1 + types, 3]``: all types together first, then ``kinds`` (the scores' own unless given)."""
    own = scores.table(mode)
    wanted = scores.types if kinds is None else kinds
    table = np.zeros((len(own), 1 + len(wanted), 3), dtype=np.int64)
    table[:, 0] = own.sum(axis=1)
    for place, kind in enumerate(scores.types):
        table[:, 1 + list(wanted).index(kind)] = own[:, place]
    return table


def _precision_recall_f1(sums: Floats) -> Floats:
    """``[..., 3]`` tp, fp, fn to ``[..., 3]`` scores, NaN where there is nothing to divide by."""
    tp, fp, fn = (sums[..., column] for column in range(3))
    return np.stack([share(tp, tp + fp), share(tp, tp + fn), share(2 * tp, 2 * tp + fp + fn)], axis=-1)


def _interval(values: Floats, enough: bool, level: float) -> Interval | None:
    known = values[~np.isnan(values)]
    return percentile_interval(known, level) if enough and len(known) else None
