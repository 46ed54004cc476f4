"""How much the rankings from the conditions agree, beside what each ranking agrees with itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import sqrt
from typing import Any

import numpy as np

from ocr_neurons.rank.agreement import Agreement, agreement, spearman_brown
from where_probes import METHODS, Reading

COUNT, SHARE = 100, 0.01
"""The best neurons that are laid side by side."""
LEAST = 0.1
"""A ranking whose halves agree less than this is not told from chance: no share of its ceiling is given."""

Json = dict[str, Any]


def agreement_numbers(readings: Mapping[str, Reading], seed: int) -> Json:
    """For each method: the halves of each condition, and every two conditions; as JSON values."""
    names = list(readings)
    total = readings[names[0]].layers * readings[names[0]].width
    return {
        "conditions": names,
        "count": COUNT,
        "share": SHARE,
        "share count": max(1, round(SHARE * total)),
        "neurons": total,
        "methods": {method: _method(list(readings.values()), method, seed) for method in METHODS},
    }


def _method(readings: Sequence[Reading], method: str, seed: int) -> Json:
    halves = {reading.condition.name: _halves(reading, method, seed) for reading in readings}
    pairs = []
    for one, other in combinations(readings, 2):
        whole = agreement(one.scores[method].score, other.scores[method].score, (COUNT,), (SHARE,), seed=seed)
        row: Json = {"a": one.condition.name, "b": other.condition.name, "same text": _row(whole)}
        row["other text"] = _across(one, other, method, seed)
        row |= _corrected(row["other text"], halves[one.condition.name], halves[other.condition.name])
        pairs.append(row)
    return {"halves": halves, "pairs": pairs}


def _halves(reading: Reading, method: str, seed: int) -> Json:
    """The ranking from one half of the documents against that from the other."""
    first, second = (half.score for half in reading.halves[method])
    found = _row(agreement(first, second, (COUNT,), (SHARE,), seed=seed))
    return found | {"within full": spearman_brown(found["within"])}


def _across(one: Reading, other: Reading, method: str, seed: int) -> Json:
    """Each half of the one against the other half of the other: text in common does not count. Means of the two."""
    rows = [
        _row(
            agreement(
                one.halves[method][half].score, other.halves[method][1 - half].score, (COUNT,), (SHARE,), seed=seed
            )
        )
        for half in (0, 1)
    ]
    return {name: np.mean([row[name] for row in rows], axis=0).tolist() for name in rows[0]}


def _row(found: Agreement) -> Json:
    # counts above the number of neurons are left out by the comparison, which happens in toy models alone
    at = {overlap.k: overlap for overlap in found.overlaps}
    share = at[max(1, round(SHARE * found.compared))]
    count = at.get(COUNT, share)
    return {
        "within": found.within,
        "within ci95": list(found.within_ci95),
        "spearman": found.spearman,
        "spearman ci95": list(found.spearman_ci95),
        "at count": [count.overlap, count.expected, count.expected_in_layers, count.p_in_layers],
        "at share": [share.overlap, share.expected, share.expected_in_layers, share.p_in_layers],
    }


def _corrected(across: Json, one: Json, other: Json) -> Json:
    """The most that two rankings as unsteady as these can agree on other text, sqrt(r r'), and the part they reach.

    r is what the halves of a ranking agree within layers (Spearman 1904, correction for attenuation). The part may pass
    1 by chance. None where a ranking does not agree with itself.
    """
    if not min(one["within"], other["within"]) >= LEAST:
        return {"ceiling": None, "of ceiling": None}
    ceiling = sqrt(one["within"] * other["within"])
    return {"ceiling": ceiling, "of ceiling": across["within"] / ceiling}


def between(found: Json, method: str, one: str, other: str) -> Json:
    """The row of two conditions, in either order."""
    rows: list[Json] = found["methods"][method]["pairs"]
    return next(row for row in rows if {row["a"], row["b"]} == {one, other})
