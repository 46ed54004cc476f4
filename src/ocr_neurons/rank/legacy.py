"""What the released code of the original study does otherwise than its paper, each difference a switch of its own.

The paper is "Investigating OCR-Sensitive Neurons to Improve Entity Recognition in Historical Documents" (Boros &
Ehrmann 2024, arXiv 2409.16934). Nothing here is a method to use: the functions are there so that the effect of each
difference can be measured beside the paper's own way. They are pure; what is random takes a seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerBase

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.lm.sites import SITE
from ocr_neurons.rank.controls import random_like
from ocr_neurons.text.document import Document

Array = np.ndarray[Any, np.dtype[Any]]

LEGACY: dict[str, str] = {
    "random-neurons": "neurons drawn at random, without a seed, are edited in the place of those that were found",
    "every-layer": "the neuron numbers found in one layer are edited in every layer, where they are other neurons",
    "compounded-factor": "each layer that is named multiplies by the factor in all that are: with two it is squared",
    "cka-swapped": "CKA takes neurons as the examples and pairs as their features",
    "chosen-on-test": "the best checkpoint and the best setting are those that score best on the test set",
    "truncated": "what stands behind the longest input is in neither gold nor prediction, so it cannot be missed",
}
"""The switches, and what each changes."""


def random_neurons(neurons: NeuronSet, seed: int, draw: int = 0) -> NeuronSet:
    """``random-neurons``: as many neurons as ``neurons`` has in each layer, drawn from all of that layer.

    The original seeds nothing, so its sets cannot be drawn again; here ``seed`` and ``draw`` decide.
    """
    drawn = random_like(neurons, seed, draw)
    return replace(drawn, method={**drawn.method, "legacy": "random-neurons"})


def same_in_every_layer(neurons: NeuronSet, layer: int) -> NeuronSet:
    """``every-layer``: the neuron numbers of ``layer``, in all layers of the model.

    A number means another neuron in another layer: but for ``layer`` itself this is an arbitrary choice, and as many
    times larger as the model has layers. Scores are dropped, as they belong to one layer.

    Raises:
        UserError: ``neurons`` has none in ``layer``.
    """
    members = neurons.indices.get(layer, ())
    if not members:
        have = ", ".join(map(str, neurons.counts())) or "none"
        raise UserError(f"layer {layer} given; the set has neurons in layers {have}; choose one of these")
    method = {**neurons.method, "legacy": "every-layer", "layer": layer}
    return replace(neurons, indices=dict.fromkeys(range(neurons.layers), members), scores={}, method=method)


def compounded_factor(factor: float, named: Sequence[int]) -> float:
    """``compounded-factor``: what the neurons of the ``named`` layers are really multiplied by.

    The original runs once over all named layers for each of them: 0.5 asked for with two layers named is 0.25.

    Raises:
        UserError: no layer, or one named twice.
    """
    if not named or len(set(named)) != len(named):
        raise UserError(f"layers {list(named)} given; wanted at least one, each once")
    return float(factor) ** len(named)


def linear_cka(left: Array, right: Array) -> float:
    """Plain linear CKA of ``[examples, features]`` twice, 0 to 1 (Kornblith et al. 2019); NaN where a side is constant.

    Biased: near 1 for unrelated sides of few examples and many features.

    Raises:
        UserError: sides of different length.
    """
    x, y = (np.asarray(side, dtype=np.float64) for side in (left, right))
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y):
        raise UserError(f"activations {x.shape} and {y.shape} given; wanted [examples, features] of the same examples")
    x, y = x - x.mean(0), y - y.mean(0)
    if min(x.shape[1], y.shape[1]) > len(x):  # the smaller product, the same number
        a, b = x @ x.T, y @ y.T
        cross, own, other = (a * b).sum(), np.linalg.norm(a), np.linalg.norm(b)
    else:
        cross = np.square(x.T @ y).sum()
        own, other = np.linalg.norm(x.T @ x), np.linalg.norm(y.T @ y)
    return float(cross / (own * other)) if own > 0 and other > 0 else float("nan")


def cka_swapped(clean: Array, noisy: Array) -> float:
    """``cka-swapped``: linear CKA of ``[pairs, neurons]`` twice with the two axes swapped.

    Each neuron is an example, its activations in the pairs are its features; what is centred is the mean over neurons,
    in each pair. So it asks whether the same neurons are loud on both sides, which large neurons decide that are loud
    on every text; noise hardly enters. Right is ``linear_cka(clean, noisy)``, or its debiased form in ``probe.cka``.
    """
    return linear_cka(np.asarray(clean).T, np.asarray(noisy).T)


@dataclass(frozen=True, slots=True)
class Choice:
    """Test gains of two choices among the same settings: ``honest`` is chosen on dev, ``on_test`` on test itself."""

    honest: float
    on_test: float

    @property
    def optimism(self) -> float:
        """What choosing on test adds to the figure that is reported; never negative."""
        return self.on_test - self.honest


def chosen_on_test(dev: Sequence[float], test: Sequence[float]) -> Choice:
    """``chosen-on-test``: gains of the same settings on dev and on test; the first of equal ones is taken.

    Raises:
        UserError: no setting, or not one gain of each kind for each.
    """
    if not len(dev) or len(dev) != len(test):
        raise UserError(f"{len(dev)} gains on dev and {len(test)} on test given; wanted one of each for each setting")
    return Choice(float(test[int(np.argmax(dev))]), float(np.max(test)))


def kept_by_truncation(document: Document, tokenizer: PreTrainedTokenizerBase, max_length: int) -> int:
    """``truncated``: how many tokens of ``document``, counted from its beginning, are left to be scored.

    The document is one example, cut by the tokenizer at ``max_length`` sub-words, special tokens included; a token is
    left if its first sub-word is.

    Raises:
        UserError: ``max_length`` below 1.
    """
    if max_length < 1:
        raise UserError(f"{max_length} sub-words given; wanted a length of at least 1")
    running = document.running_text()
    encoded = tokenizer(
        running.text, truncation=True, max_length=max_length, return_offsets_mapping=True, verbose=False
    )
    seen = max((end for _, end in encoded["offset_mapping"]), default=0)
    return sum(start < seen for start in running.starts)


def scaled_at_up(neurons: NeuronSet) -> NeuronSet:
    """The set to edit for a set found at ``up``: no switch, but what makes the original's edit one of ours.

    The original multiplies the output of ``up_proj``. In a gated feed-forward a neuron is ``act(gate) * up``: either
    product is the same. Without a gate it is not, as the activation stands between.

    Raises:
        UserError: a set of another site.
    """
    if neurons.site != "up":
        raise UserError(f"neurons of site {neurons.site!r} given; wanted site 'up'")
    return replace(neurons, site=SITE)
