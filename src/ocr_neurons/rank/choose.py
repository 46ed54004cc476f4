"""From scores to a set of neurons: so many, such a share of them, or as many as are sure."""

from __future__ import annotations

from typing import Any

import numpy as np

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.rank.discovery import discoveries
from ocr_neurons.rank.scored import Array, Scored

REPEATED = ("pairs", "words", "documents", "control", "protocol")
"""What a set says of the scores it was chosen by, besides their parameters."""


def choose(
    scored: Scored, *, count: int | None = None, q: float | None = None, share: float | None = None
) -> NeuronSet:
    """The best neurons by score, best first in each layer.

    Args:
        scored: what a method says of every neuron.
        count: so many, whatever their scores.
        q: all with a score above 0 among the discoveries at this false-discovery rate (Benjamini & Hochberg 1995).
        share: this share of all scored neurons, rounded, at least one.

    Raises:
        UserError: not exactly one of the three, one out of range, or ``q`` and scores without p-values.
    """
    total = scored.score.size
    given = {name: value for name, value in (("count", count), ("q", q), ("share", share)) if value is not None}
    if len(given) != 1:
        raise UserError(f"{' and '.join(given) or 'neither count, q nor share'} given; wanted one of count, q, share")
    if share is not None:
        if not 0 < share <= 1:
            raise UserError(f"share {share:g} given; wanted a part of all neurons, above 0 and at most 1")
        count = max(1, round(share * total))
    if count is not None:
        if not 1 <= count <= total:
            raise UserError(f"count {count} given; wanted 1 to {total}, the neurons of the model")
        chosen = np.zeros(total, dtype=bool)
        chosen[np.argsort(-np.nan_to_num(scored.score, nan=-np.inf), axis=None, kind="stable")[:count]] = True
        chosen = chosen.reshape(scored.score.shape)
    else:
        chosen = discovered(scored, 0.0 if q is None else q)
    return neuron_set(chosen, scored, **given)


def discovered(scored: Scored, q: float) -> Array:
    """``[layers, width]`` of bool: found at the false-discovery rate ``q``, with a score above 0.

    Raises:
        UserError: ``q`` out of range, or the method has no p-values.
    """
    if scored.p is None:
        raise UserError(
            f"method {scored.name!r} has no p-values, so no false-discovery rate; choose by count, such as --count 100"
        )
    found: Array = discoveries(scored.p, q).mask & (scored.score > 0)
    return found


def neuron_set(chosen: Array, scored: Scored, **given: Any) -> NeuronSet:  # noqa: ANN401 - JSON values
    """The neurons chosen by ``given``, ``[layers, width]`` of bool, with their scores.

    Where the scores do not say of how many layers the model is, the last layer read counts as its last.
    """
    about, score = scored.about, scored.score
    layers = [int(layer) for layer in about.get("read", range(len(score)))]
    indices: dict[int, tuple[int, ...]] = {}
    scores: dict[int, tuple[float, ...]] = {}
    for row, layer in enumerate(layers):
        members = np.flatnonzero(chosen[row])
        members = members[np.argsort(-score[row, members], kind="stable")]
        if len(members):
            indices[layer] = tuple(int(i) for i in members)
            scores[layer] = tuple(float(s) for s in score[row, members])
    repeated = {name: about[name] for name in REPEATED if name in about}
    return NeuronSet(
        model=str(about.get("fingerprint", "")),
        site=str(about.get("site", "neuron")),
        layers=int(about.get("depth", max(layers) + 1)),
        width=int(score.shape[1]),
        indices=indices,
        scores=scores,
        method={"name": scored.name, **about.get("parameters", {}), **given, **repeated},
    )
