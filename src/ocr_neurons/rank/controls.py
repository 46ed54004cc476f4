"""Controls: random neurons in the place of the chosen ones."""

from __future__ import annotations

from ocr_neurons.common.seeds import generator
from ocr_neurons.lm.neurons import NeuronSet


def random_like(neurons: NeuronSet, seed: int, draw: int, ranking: str = "") -> NeuronSet:
    """As many neurons as ``neurons`` has in each layer, drawn uniformly from all of that layer.

    The chosen ones may be among them: under the hypothesis that it does not matter which neurons are taken, the chosen
    set is one such draw. Rankings of other names have other draws, so that several bring as many random sets.
    """
    named = [ranking] if ranking else []
    rng = generator(seed, "random neurons", draw, neurons.count, sorted(neurons.counts().items()), *named)
    indices = {
        layer: tuple(int(i) for i in sorted(rng.choice(neurons.width, size=size, replace=False)))
        for layer, size in neurons.counts().items()
    }
    method = {"name": "random", "like": dict(neurons.method), "seed": seed, "draw": draw}
    return NeuronSet(neurons.model, neurons.site, neurons.layers, neurons.width, indices, {}, method)
