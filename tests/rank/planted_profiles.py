"""Profiles with known sensitive neurons."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ocr_neurons.probe.accumulate import Accumulator
from ocr_neurons.probe.profile import Profile, freeze

Array = np.ndarray[Any, np.dtype[np.float64]]


def profile_of(clean: Array, noisy: Array) -> Profile:
    """The Profile of activations ``[pairs, layers, width]``, fed in two unequal batches of two levels."""
    _, layers, width = clean.shape
    accumulator = Accumulator(layers, width, ["low", "high"])
    cut = len(clean) // 3
    for level, part in (("low", slice(0, cut)), ("high", slice(cut, None))):
        sides = (torch.from_numpy(side[part]).transpose(0, 1) for side in (clean, noisy))
        accumulator.update(level, *sides)
    return freeze(accumulator, {"fingerprint": "f00d", "site": "neuron"})


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
