"""Profiles with known sensitive neurons."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from ocr_neurons.probe import pilot
from ocr_neurons.probe.accumulate import Accumulator, Rows
from ocr_neurons.probe.profile import Profile, freeze

Array = np.ndarray[Any, np.dtype[np.float64]]
ABOUT = {"fingerprint": "f00d", "site": "neuron"}


def profile_of(
    clean: Array,
    noisy: Array,
    *,
    level: Sequence[int] | None = None,
    word: Sequence[int] | None = None,
    dose: Sequence[float] | Array | None = None,
    about: dict[str, Any] | None = None,
) -> Profile:
    """The Profile of activations ``[pairs, layers, width]``, fed in float64 in three unequal chunks.

    By default a third of the pairs are of level ``low`` and dose 0.25, the others of ``high`` and 0.5, and every pair
    is a word of its own. A word's pairs must stand together; no chunk ends between them.
    """
    pairs, layers, width = clean.shape
    level = [0 if i < pairs // 3 else 1 for i in range(pairs)] if level is None else level
    word = range(pairs) if word is None else word
    dose = [0.25 if number == 0 else 0.5 for number in level] if dose is None else dose
    sides = [torch.from_numpy(side).transpose(0, 1) for side in (clean, noisy)]
    accumulator = Accumulator(
        layers, width, ["low", "high"], shift=pilot.shift(sides[0]), edges=pilot.edges(sides[0], sides[1])
    )
    starts = [0, *(i for i in range(1, pairs) if word[i] != word[i - 1]), pairs]
    cuts = [starts[len(starts) * part // 10] for part in (0, 2, 7)] + [pairs]
    for number, (first, last) in enumerate(pairwise(cuts)):
        if first == last:
            continue
        part = slice(first, last)
        rows = Rows(level[part], [f"word {name}" for name in word[part]], [float(x) for x in dose[part]], str(number))
        accumulator.update(sides[0][:, part], sides[1][:, part], rows)
    return freeze(accumulator, ABOUT | (about or {}))


def planted(
    neurons: dict[tuple[int, int], float], pairs: int = 40, layers: int = 6, width: int = 50, seed: int = 0
) -> tuple[Array, Array]:
    """Clean and noisy activations: small change everywhere; ``neurons[layer, i]`` jump in that share of the pairs.

    The jumps have either sign: it is their size that counts.
    """
    rng = np.random.default_rng(seed)
    clean = rng.normal(0, 1, (pairs, layers, width)) * np.array([1, 10, 0.1, 3, 1, 100])[:layers, None]
    scale = np.array([1, 10, 0.1, 3, 1, 100])[:layers, None]
    noisy = clean + rng.uniform(-0.1, 0.1, clean.shape) * scale
    for (layer, neuron), share in neurons.items():
        jumping = rng.permutation(pairs)[: round(share * pairs)]
        noisy[jumping, layer, neuron] += rng.choice([-5, 5], len(jumping)) * scale[layer, 0]
    return clean, noisy


def words_at_levels(
    words: int, seed: int, layers: int = 2, width: int = 12
) -> tuple[Array, Array, list[int], list[int], Array]:
    """Clean, noisy, level, word and dose of words that each have one to three noisy pairs; the clean side is shared.

    Neurons differ in how far they move, in which direction and with how heavy tails.
    """
    rng = np.random.default_rng([seed, words])
    word = [number for number in range(words) for _ in range(int(rng.integers(1, 4)))]
    pairs = len(word)
    level = [int(x) for x in rng.integers(2, size=pairs)]
    dose = rng.uniform(0.05, 1, pairs)
    clean = rng.normal(3, 1, (words, layers, width))[word]
    drift = rng.normal(0, 0.5, (layers, width))
    own = rng.normal(0, 0.3, (words, layers, width))[word]
    grows = rng.normal(0, 1, (layers, width)) * dose[:, None, None]
    noisy = clean + drift + own + grows + 0.2 * rng.standard_t(3, clean.shape)
    return clean, noisy, level, word, dose
