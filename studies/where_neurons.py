"""Neurons: how many react, how many of these to a placebo as well, and which react more to noise than to that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ocr_neurons.rank.agreement import agreement, split_half
from ocr_neurons.rank.discovery import discoveries
from ocr_neurons.rank.scored import Scored
from ocr_neurons.rank.specific import specific
from where_conditions import CONDITIONS, INSIDE, INSIDE_PLACEBO, LEARNED, LETTERS, PLACEBO, REAL
from where_probes import Array, Reading

RATE = 0.05
"""False-discovery rate q (Benjamini & Hochberg)."""
COMPARED = ((REAL, PLACEBO), (INSIDE, INSIDE_PLACEBO), (LEARNED, LETTERS), (LEARNED, "case"), (LEARNED, "words"))
"""Noise and what it is held against."""
TOP = 20
SHARES = (0.9, 0.5)
"""Of the pairs, in the paper's rule: its own, and its milder variant."""
Z = 1.96

Json = dict[str, Any]


def neuron_numbers(readings: Mapping[str, Reading], seed: int) -> Json:
    """All that is said of neurons, as JSON values."""
    found = {name: specificity(readings[noise], readings[control]) for name, (noise, control) in _named().items()}
    of_learned = [_more(found[name]) for name, (noise, _) in _named().items() if noise == LEARNED]
    return {
        "rate": RATE,
        "neurons": readings[REAL].layers * readings[REAL].width,
        "conditions": [_condition(readings[condition.name]) for condition in CONDITIONS],
        "compared": [
            _compared(readings[noise], readings[control], found[name], seed)
            for name, (noise, control) in _named().items()
        ],
        "against all controls": int(np.all(of_learned, axis=0).sum()),
        "both designs": _both(found[_name(INSIDE, INSIDE_PLACEBO)], found[_name(LEARNED, LETTERS)], seed),
    }


def specificity(noise: Reading, control: Reading) -> Scored:
    """``specific effect``: the effect size on noise less that on the control."""
    return specific(noise.scores["effect"], control.scores["effect"])


def found_by(reading: Reading) -> Array:
    """``[layers, width]`` of bool: neurons whose effect size is a discovery."""
    return _discovered(reading.scores["effect"])


def _named() -> dict[str, tuple[str, str]]:
    return {_name(noise, control): (noise, control) for noise, control in COMPARED}


def _name(noise: str, control: str) -> str:
    return f"{noise} against {control}"


def _discovered(scored: Scored) -> Array:
    mask: Array = discoveries(_known(scored.p), RATE).mask
    return mask


def _known(array: Array | None) -> Array:
    """What effect sizes always have: errors, p-values."""
    if array is None:
        raise ValueError("scores without errors or p-values")
    return array


def _z(scored: Scored) -> Array:
    """The score in units of its error; minus infinity where it is not above 0."""
    error = np.maximum(_known(scored.error), np.finfo(float).tiny)
    z: Array = np.where(scored.score > 0, scored.score / error, -np.inf)
    return z


def _more(scored: Scored) -> Array:
    """Found to react more to the noise than to the control."""
    mask: Array = _discovered(scored) & (scored.score > 0)
    return mask


def _condition(reading: Reading) -> Json:
    found = found_by(reading)
    return {
        "condition": reading.condition.name,
        "says": reading.condition.says,
        "independent": reading.independent,
        "pairs": reading.pairs,
        "dose": reading.dose,
        "skipped": reading.skipped,
        "found": int(found.sum()),
        "by layer": _by_layer(found),
        "median effect": float(np.median(reading.scores["effect"].score)),
    }


def _compared(noise: Reading, control: Reading, scored: Scored, seed: int) -> Json:
    one, other = found_by(noise), found_by(control)
    both, more = one & other, _more(scored)
    less = _discovered(scored) & (scored.score < 0)
    same = both & (noise.scores["effect"].sign == control.scores["effect"].sign)
    return {
        "noise": noise.condition.name,
        "control": control.condition.name,
        "found": int(one.sum()),
        "found by control": int(other.sum()),
        "both": int(both.sum()),
        "both, same direction": int(same.sum()),
        "both expected": _expected(one, other),
        "found again": _found_again(noise, control),
        "specific": int(more.sum()),
        "specific and found by noise alone": int((more & one & ~other).sum()),
        "reverse": int(less.sum()),
        "layers": {
            "found": _by_layer(one),
            "both": _by_layer(both),
            "specific": _by_layer(more),
            "reverse": _by_layer(less),
        },
        "top": _top(noise, control, scored),
        "again": _again(noise, control, seed),
        "paper": [_paper_rule(noise, control, more, share) for share in SHARES],
    }


def _found_again(noise: Reading, control: Reading) -> Json:
    """Of what noise finds in one half of the documents: the share that noise, and that the control, find in the other.

    Means of both directions, weighted by what is found. The first is the yardstick for the second: where noise does not
    find its own neurons again, a control that does not find them says nothing.
    """
    ours, theirs = ([_discovered(half) for half in reading.halves["effect"]] for reading in (noise, control))
    total = sum(int(mask.sum()) for mask in ours)
    by = {"noise": ours, "control": theirs}
    shares = {name: sum(int((ours[i] & masks[1 - i]).sum()) for i in (0, 1)) for name, masks in by.items()}
    chance = {name: sum(_expected(ours[i], masks[1 - i]) for i in (0, 1)) for name, masks in by.items()}
    return {
        "found": [int(mask.sum()) for mask in ours],
        "by control": [int(mask.sum()) for mask in theirs],
        "share": {name: count / total if total else None for name, count in shares.items()},
        "chance": {name: count / total if total else None for name, count in chance.items()},
    }


def _expected(one: Array, other: Array) -> float:
    """Neurons in both sets, were each layer's drawn at random in it."""
    return float((one.sum(1) * other.sum(1) / one.shape[1]).sum())


def _top(noise: Reading, control: Reading, scored: Scored) -> list[Json]:
    """The neurons with the largest difference in units of its error, among those that react more to noise."""
    z, q = _z(scored), discoveries(_known(scored.p), RATE).q_values
    sides = {"noise": noise.scores["effect"], "control": control.scores["effect"]}
    rows = []
    for place in np.argsort(-z, axis=None, kind="stable")[:TOP]:
        layer, neuron = (int(i) for i in np.unravel_index(place, z.shape))
        rows.append(
            {
                "layer": layer,
                "neuron": neuron,
                "difference": _interval(scored, layer, neuron),
                "q": float(q[layer, neuron]),
            }
            | {name: _interval(side, layer, neuron, signed=True) for name, side in sides.items()}
        )
    return rows


def _interval(scored: Scored, layer: int, neuron: int, signed: bool = False) -> list[float]:
    """Value and 95 % interval; ``signed``: of d_z with its direction."""
    value = float(scored.score[layer, neuron]) * (float(scored.sign[layer, neuron]) if signed else 1.0)
    margin = Z * float(_known(scored.error)[layer, neuron])
    return [value, value - margin, value + margin]


def _again(noise: Reading, control: Reading, seed: int) -> Json:
    """Specificity measured twice, on two halves of the documents: do they agree, and what are the best of one later?"""
    first, second = (specific(noise.halves["effect"][half], control.halves["effect"][half]) for half in (0, 1))
    found = split_half(first.score, second.score, (100,), (0.01,), seed=seed)
    best = np.argsort(-_z(first), axis=None, kind="stable")[:TOP]
    at = [side.score.ravel()[best] for side in (first, second)]
    error = float(at[1].std(ddof=1) / np.sqrt(len(best)))
    return {
        "within": found.halves.within,
        "within full": found.within_full,
        "top": [float(values.mean()) for values in at],
        "top error": error,
        "top positive": int((at[1] > 0).sum()),
    }


def _paper_rule(noise: Reading, control: Reading, more: Array, share: float) -> Json:
    chosen, placebo = noise.shares >= share, control.shares >= share
    return {
        "share": share,
        "found": int(chosen.sum()),
        "by layer": _by_layer(chosen),
        "by control": int(placebo.sum()),
        "both": int((chosen & placebo).sum()),
        "specific": int((chosen & more).sum()),
        "expected specific": _expected(chosen, more),
    }


def _both(real: Scored, learned: Scored, seed: int) -> Json:
    """Whether real OCR inside words on pages and learned noise on words find the same specific neurons."""
    one, other = _more(real), _more(learned)
    agreed = agreement(real.score, learned.score, (100,), (0.01,), seed=seed)
    return {
        "both": int((one & other).sum()),
        "expected": _expected(one, other),
        "agreement": agreed.to_json(),
    }


def _by_layer(mask: Array) -> list[int]:
    return [int(n) for n in mask.sum(1)]
