"""Accumulating what pairs do to neurons, to be frozen into a Profile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ocr_neurons.probe.cka import SMALLEST, StreamingCKA

THRESHOLDS = (0.5, 1.0, 1.5, 2.0, 3.0)
"""Multiples of the standard deviation for which passes are counted; the paper uses 1."""


class LevelSums:
    """Sums over the pairs of one noise level, float64, ``[layers, width]`` each (``passes``: one a threshold)."""

    def __init__(self, layers: int, width: int) -> None:
        self.pairs = 0
        self.sums = np.zeros((5, layers, width))  # d, d², |d|, clean, clean²
        self.passes = np.zeros((len(THRESHOLDS), layers, width), dtype=np.int64)
        self.cka = StreamingCKA(layers)

    def update(self, clean: Tensor, noisy: Tensor) -> None:
        """Add pairs: pooled activations ``[layers, n, width]`` of both sides."""
        wide = clean.double()
        difference = noisy.double() - wide
        size = difference.abs()
        parts = (difference, difference.square(), size, wide, wide.square())
        self.sums += np.stack([part.sum(1).cpu().numpy() for part in parts])
        # the paper's threshold: mean and standard deviation of |d| over the neurons of the layer, pair by pair
        mean, deviation = size.mean(2, keepdim=True), size.std(2, correction=0, keepdim=True)
        for number, k in enumerate(THRESHOLDS):
            self.passes[number] += (size > mean + k * deviation).sum(1).cpu().numpy()
        self.pairs += clean.shape[1]
        if clean.shape[1] >= SMALLEST:
            self.cka.update(clean, noisy)

    def merge(self, other: LevelSums) -> None:
        """Add what another accumulator has seen."""
        self.pairs += other.pairs
        self.sums += other.sums
        self.passes += other.passes
        self.cka.merge(other.cka)


class Accumulator:
    """What is known of each noise level so far. :func:`ocr_neurons.probe.profile.freeze` makes a Profile of it."""

    def __init__(self, layers: int, width: int, levels: Sequence[str]) -> None:
        self.layers, self.width = layers, width
        self.levels = {level: LevelSums(layers, width) for level in levels}
        self.skipped = 0

    def update(self, level: str, clean: Tensor, noisy: Tensor) -> None:
        """Add pairs of one level: ``[layers, n, width]`` each side. They also form one mini-batch of the CKA."""
        if clean.shape != noisy.shape or clean.shape[::2] != (self.layers, self.width):
            raise ValueError(
                f"activations {tuple(clean.shape)} and {tuple(noisy.shape)} given; "
                f"wanted [{self.layers}, pairs, {self.width}] twice"
            )
        with torch.inference_mode():
            self.levels[level].update(clean, noisy)

    def merge(self, other: Accumulator) -> None:
        """Add what another accumulator of the same shape and levels has seen."""
        if (self.layers, self.width, list(self.levels)) != (other.layers, other.width, list(other.levels)):
            raise ValueError("accumulators of different models or levels cannot be merged")
        for level, sums in self.levels.items():
            sums.merge(other.levels[level])
        self.skipped += other.skipped

    def stacked(self, name: str) -> np.ndarray[Any, Any]:
        """One attribute of all levels, stacked along a new first axis."""
        return np.stack([getattr(sums, name) for sums in self.levels.values()])
