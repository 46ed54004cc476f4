"""Controls matched in layer and in mean activation: does it matter which of the equally loud neurons are taken?"""

from __future__ import annotations

from typing import Any

import numpy as np

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.seeds import generator
from ocr_neurons.lm.neurons import NeuronSet

Array = np.ndarray[Any, np.dtype[np.float64]]

SHARE = 0.05
"""Share of a layer that counts as equally active."""
SMALLEST = 10
"""Least number of neurons that count as equally active, in a layer that has as many."""


def matched_like(neurons: NeuronSet, activation: Array, seed: int, draw: int, share: float = SHARE) -> NeuronSet:
    """For each neuron of ``neurons`` one of its layer that is about as active; none twice.

    ``activation`` is the mean absolute activation ``[layers, width]`` (signs are ignored). The neurons of a layer,
    sorted by it, are cut into runs of about ``share`` of the layer; as many as are chosen in a run are drawn from all
    of that run, uniformly. The chosen ones may be among them: under the hypothesis that only layer and activation
    matter, the chosen set is one such draw, so its rank among draws is a valid p-value.

    ``method`` says how close it came: mean ``activation`` of the chosen and the drawn, and how many are in both
    (``kept``). Where the chosen fill a run, as the loudest of a layer may, all of them are kept, and the control says
    little; within the loudest run itself activations may still differ much.

    Raises:
        UserError: ``activation`` of another shape, or not finite in a layer that has chosen neurons; a share out of
            range.
    """
    if not 0 < share <= 1:
        raise UserError(f"share {share} given; wanted a number above 0, at most 1, such as {SHARE}")
    size = np.abs(np.asarray(activation, dtype=np.float64))
    if size.shape != (neurons.layers, neurons.width):
        raise UserError(
            f"activations of shape {list(size.shape)} given; wanted {[neurons.layers, neurons.width]}, "
            "as the set of neurons has; take those of the same model and site"
        )
    wanted = {layer: runs_of(size[layer], share)[list(neurons.indices[layer])] for layer in neurons.counts()}
    counts = {layer: np.bincount(chosen) for layer, chosen in wanted.items()}
    rng = generator(seed, "matched neurons", draw, share, [(layer, c.tolist()) for layer, c in counts.items()])
    indices: dict[int, tuple[int, ...]] = {}
    for layer, in_run in counts.items():
        runs = runs_of(size[layer], share)
        drawn = [rng.choice(np.flatnonzero(runs == run), count, replace=False) for run, count in enumerate(in_run)]
        indices[layer] = tuple(sorted(int(i) for i in np.concatenate(drawn)))
    kept = sum(len(set(members) & set(neurons.indices[layer])) for layer, members in indices.items())
    loudness = {"chosen": _mean(size, dict(neurons.indices)), "drawn": _mean(size, indices)}
    method = {
        "name": "matched",
        "like": dict(neurons.method),
        "seed": seed,
        "draw": draw,
        "share": share,
        "activation": loudness,
        "kept": kept,
    }
    return NeuronSet(neurons.model, neurons.site, neurons.layers, neurons.width, indices, {}, method)


def runs_of(activation: Array, share: float = SHARE) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Which run of equally active neurons each of a layer is in, ``[width]``; 0 is the quietest.

    Runs differ in size by one at most; neurons of equal activation are told apart by their number.

    Raises:
        UserError: an activation that is not finite.
    """
    if not np.isfinite(activation).all():
        where = int(np.flatnonzero(~np.isfinite(activation))[0])
        raise UserError(
            f"activation of neuron {where} is {activation[where]}; wanted finite means; probe some text first"
        )
    width = len(activation)
    count = max(1, min(round(1 / share), width // SMALLEST))
    runs = np.empty(width, dtype=np.intp)
    runs[np.argsort(activation, kind="stable")] = np.arange(width) * count // width
    return runs


def _mean(size: Array, indices: dict[int, tuple[int, ...]]) -> float:
    values = [size[layer, list(members)] for layer, members in indices.items() if members]
    return float(np.concatenate(values).mean()) if values else 0.0
