"""The paper's rule: a neuron is common when it passes the threshold in most pairs (arXiv 2409.16934)."""

from __future__ import annotations

import numpy as np

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.probe.profile import Profile


def rank_paper(profile: Profile, *, threshold: float = 1.0, share: float = 0.9, count: int | None = None) -> NeuronSet:
    """Neurons that pass the threshold in at least ``share`` of the pairs; or the best ``count``, whatever their share.

    In one pair a neuron passes when ``|d|`` exceeds the mean plus ``threshold`` standard deviations of ``|d|`` over
    the neurons of its layer. The score is the share of pairs; equal shares are told apart by the mean ``|d|`` in units
    of its layer's mean (scaled to stay below one pair's worth).

    Raises:
        UserError: a parameter out of range, or a threshold that the profile did not count.
    """
    if not 0 <= share <= 1:
        raise UserError(f"share {share} given; wanted a number from 0 to 1")
    total = profile.layers * profile.width
    if count is not None and not 1 <= count <= total:
        raise UserError(f"count {count} given; wanted 1 to {total}, the neurons of the model")
    shares = profile.share(threshold)
    size = profile.mean_absolute()
    relative = size / np.maximum(size.mean(axis=1, keepdims=True), np.finfo(float).tiny)
    score = shares + relative / (relative.max() + 1) / (profile.pairs.sum() + 1)
    if count is None:
        chosen = shares >= share
    else:
        chosen = np.zeros(total, dtype=bool)
        chosen[np.argsort(-score, axis=None, kind="stable")[:count]] = True
        chosen = chosen.reshape(score.shape)
    indices: dict[int, tuple[int, ...]] = {}
    scores: dict[int, tuple[float, ...]] = {}
    for layer in range(profile.layers):
        members = np.flatnonzero(chosen[layer])
        members = members[np.argsort(-score[layer, members], kind="stable")]
        if len(members):
            indices[layer] = tuple(int(i) for i in members)
            scores[layer] = tuple(float(s) for s in score[layer, members])
    return NeuronSet(
        model=str(profile.about.get("fingerprint", "")),
        site=str(profile.about.get("site", "neuron")),
        layers=profile.layers,
        width=profile.width,
        indices=indices,
        scores=scores,
        method={
            "name": "paper",
            "threshold": threshold,
            **({"share": share} if count is None else {"count": count}),
            "pairs": int(profile.pairs.sum()),
        },
    )
