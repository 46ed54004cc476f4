"""Accumulating what pairs do to neurons, to be frozen into a Profile.

Everything is a sum, so two accumulators that saw different pairs are merged by adding, in any order. Sums of a chunk
are taken in the precision of the activations and added in float64; clean activations are counted from a fixed
``shift`` near their mean, so that no variance drowns in a large mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ocr_neurons.common.seeds import generator
from ocr_neurons.probe import fields
from ocr_neurons.probe.cka import SMALLEST, gram, hsic
from ocr_neurons.probe.fields import BIN_EDGES, BINS, EDGES, REPLICATES, THRESHOLDS


@dataclass(frozen=True)
class Rows:
    """What is known of the pairs of one chunk besides their activations; ``[pairs]`` each.

    ``level`` is a number among the accumulator's levels; equal ``word`` marks pairs that are not independent (see
    ``Unit.cluster``); ``dose`` is 1 - similarity. ``name`` names the chunk: what is random derives from it. Equal
    ``example`` marks pairs with the very same clean activations: a mini-batch of the CKA takes one of them, since
    examples that come twice look alike on both sides whatever noise does. Empty: all are different.
    """

    level: Sequence[int]
    word: Sequence[str]
    dose: Sequence[float]
    name: str = ""
    example: Sequence[int] = ()


class Accumulator:
    """What is known so far. :func:`ocr_neurons.probe.profile.freeze` makes a Profile of it.

    Args:
        layers: number of layers read.
        width: numbers read a layer.
        levels: names of the noise levels.
        shift: ``[layers, width]``, near the mean of the clean activations; zero by default.
        edges: ``[EDGES, layers, width]`` edges of the histograms, rising; without them there is no AUROC.
        seed: decides the halves, the swapped sides and the bootstrap.
        device: where the sums live; float64 must be known there.
    """

    def __init__(
        self,
        layers: int,
        width: int,
        levels: Sequence[str],
        *,
        shift: Tensor | None = None,
        edges: Tensor | None = None,
        seed: int = 1,
        device: torch.device | None = None,
    ) -> None:
        self.layers, self.width, self.levels, self.seed = layers, width, tuple(levels), seed
        self.device = device or torch.device("cpu")
        self.shift = (torch.zeros(layers, width) if shift is None else shift).to(self.device, torch.float64)
        self.edges = None if edges is None else edges.to(self.device)
        self.state = {
            name: torch.from_numpy(array).to(self.device)
            for name, array in fields.zeros(len(self.levels), layers, width).items()
        }
        self.skipped: dict[str, int] = {}

    def skip(self, why: str, count: int = 1) -> None:
        """Count pairs that could not be read."""
        if count:
            self.skipped[why] = self.skipped.get(why, 0) + count

    def update(self, clean: Tensor, noisy: Tensor, rows: Rows) -> None:
        """Add one chunk: ``[layers, pairs, width]`` each side. Its pairs of one level form a mini-batch of the CKA.

        All pairs of a word should be in one chunk; a word that is spread over chunks counts once in each.
        """
        if clean.shape != noisy.shape or clean.shape[::2] != (self.layers, self.width):
            raise ValueError(
                f"activations {tuple(clean.shape)} and {tuple(noisy.shape)} given; "
                f"wanted [{self.layers}, pairs, {self.width}] twice"
            )
        with torch.inference_mode():
            chunk = _Chunk(self, rows, clean.dtype)
            for layer in range(self.layers):
                chunk.layer(layer, clean[layer], noisy[layer])
            chunk.finish()

    def merge(self, other: Accumulator) -> None:
        """Add what another accumulator of the same levels, shift and edges has seen."""
        same_edges = (self.edges is None) == (other.edges is None) and (
            self.edges is None or other.edges is None or torch.equal(self.edges, other.edges)
        )
        if self.levels != other.levels or not torch.equal(self.shift, other.shift) or not same_edges:
            raise ValueError("accumulators of different levels, shift or edges cannot be merged")
        for name, tensor in self.state.items():
            tensor += other.state[name]
        for why, count in other.skipped.items():
            self.skip(why, count)


class _Chunk:
    """The weights that pick out the rows of each group, and the sums of one chunk."""

    def __init__(self, owner: Accumulator, rows: Rows, kind: torch.dtype) -> None:
        self.owner, self.kind = owner, kind
        self.pairs = len(rows.level)
        self.dose = np.asarray(rows.dose, dtype=np.float64)
        self.groups = self._groups(np.asarray(rows.level))
        # what is random of a word derives from its name, whatever chunk it comes in
        draws = {word: generator(owner.seed, "word", word) for word in dict.fromkeys(rows.word)}
        coins = {word: (int(rng.integers(2)), bool(rng.integers(2))) for word, rng in draws.items()}
        weights = {word: rng.poisson(1.0, REPLICATES) for word, rng in draws.items()}
        words, self.averaging = self._averaging(rows.word)
        self.halves = np.array([[coins[word][0] == half for word in words] for half in (0, 1)], dtype=np.float64)
        self.word_dose = self.averaging @ self.dose
        self.drawn = np.stack([weights[word] for word in rows.word], axis=1).astype(np.float64)
        rng = generator(owner.seed, "chunk", rows.name)
        self.chunk_drawn = rng.poisson(1.0, REPLICATES).astype(np.float64)
        self.example, self.order = rows.example, rng.permutation(self.pairs)
        signs = np.array([[-1.0 if coins[word][1] else 1.0 for word in words]])
        self.pair_weights = self._on(np.concatenate([self.groups, self.groups * self.dose]))
        self.group_weights = self.pair_weights[: len(self.groups)]
        self.word_weights = self._on(np.concatenate([self.halves, self.halves * self.word_dose, signs]))
        self.averages = self._on(self.averaging)
        levels, nothing = self.groups[: len(owner.levels)], np.zeros((len(owner.levels), self.pairs))
        swapped = np.array([coins[word][1] for word in rows.word])
        straight, crossed = ((self.dose > 0) & ~swapped)[None], ((self.dose > 0) & swapped)[None]
        # rows: into the histograms of the clean side, then of the noisy side; each the levels, then the shuffled
        self.clean_counts = self._on(np.concatenate([levels, straight, nothing, crossed]))
        self.noisy_counts = self._on(np.concatenate([nothing, crossed, levels, straight]))
        wide: dict[str, Any] = {"dtype": torch.float64, "device": owner.device}
        self.scalars = torch.zeros(len(fields.CURVES), owner.layers, self.pairs, **wide)
        self.grams = torch.zeros(2, owner.layers, self.pairs, self.pairs, **wide)

    def _groups(self, level: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """``[levels + bins, pairs]`` of 0 and 1. A pair of two equal words is in no bin."""
        levels = [level == number for number in range(len(self.owner.levels))]
        bins = np.digitize(1 - self.dose, BIN_EDGES, right=True)  # poor <= 0.6 < average <= 0.8 < good
        binned = [(bins == number) & (self.dose > 0) for number in range(len(BINS))]
        return np.stack(levels + binned).astype(np.float64)

    def _averaging(self, names: Sequence[str]) -> tuple[list[str], np.ndarray[Any, Any]]:
        """The words that were made noisy, and ``[words, pairs]`` that averages the noisy pairs of each."""
        noisy = [(pair, name) for pair, name in enumerate(names) if self.dose[pair] > 0]
        words = list(dict.fromkeys(name for _, name in noisy))
        place = {name: number for number, name in enumerate(words)}
        weights = np.zeros((len(words), self.pairs))
        for pair, name in noisy:
            weights[place[name], pair] = 1
        return words, weights / np.maximum(weights.sum(1, keepdims=True), 1)

    def _on(self, weights: np.ndarray[Any, Any]) -> Tensor:
        return torch.from_numpy(weights).to(self.owner.device, self.kind)

    def layer(self, layer: int, clean: Tensor, noisy: Tensor) -> None:
        """Add one layer: ``[pairs, width]`` each side."""
        state, owner = self.owner.state, self.owner
        groups = len(self.groups)
        d = noisy - clean
        size = d.abs()
        moved = clean - owner.shift[layer].to(self.kind)
        _add_sums(state["sums"][:groups, :, layer], self.pair_weights, d, size, moved)
        word_d, word_moved = self.averages @ d, self.averages @ moved
        state["shuffled"][layer] += self.word_weights[-1] @ word_d
        _add_sums(state["sums"][groups:, :, layer], self.word_weights[:-1], word_d, word_d.abs(), word_moved)
        # the paper's threshold: mean and standard deviation of |d| over the neurons of the layer, pair by pair
        deviation, mean = torch.std_mean(size, dim=1, correction=0, keepdim=True)
        passing = torch.empty_like(size)
        for number, k in enumerate(THRESHOLDS):
            torch.gt(size, mean + k * deviation, out=passing)
            state["passes"][:, number, layer] += (self.group_weights @ passing).round().int()
        if owner.edges is not None:
            exceeding = state["exceeding"]
            for number in range(EDGES):
                edge = owner.edges[number, layer].to(self.kind)
                torch.gt(clean, edge, out=passing)
                counted = self.clean_counts @ passing
                torch.gt(noisy, edge, out=passing)
                counted.addmm_(self.noisy_counts, passing)
                exceeding[:, :, number, layer] += counted.round().int().view(2, -1, owner.width).transpose(0, 1)
        self._curves(layer, clean, noisy, d)

    def _curves(self, layer: int, clean: Tensor, noisy: Tensor, d: Tensor) -> None:
        length, other, change = (torch.linalg.vector_norm(side, dim=1).double() for side in (clean, noisy, d))
        tiny = torch.finfo(torch.float32).tiny
        # 1 - cos from the chord: exact where the two sides are nearly the same
        chord = (change.square() - (length - other).square()).clamp(min=0)
        self.scalars[0, layer] = change / length.clamp(min=tiny)
        self.scalars[1, layer] = chord / (2 * length * other).clamp(min=tiny)
        self.grams[0, layer], self.grams[1, layer] = gram(clean), gram(noisy)

    def finish(self) -> None:
        """Add what is not a matter of one layer."""
        state, owner = self.owner.state, self.owner
        groups = self.groups
        counts = np.concatenate([groups.sum(1), self.halves.sum(1)])
        doses = [[float(weights @ x), float(weights @ x**2)] for weights, x in self._dosed()]
        state["units"] += torch.from_numpy(counts).to(owner.device).round().long()
        state["dose"] += torch.tensor(doses, dtype=torch.float64, device=owner.device)
        weights = torch.from_numpy(groups).to(owner.device)
        for power in (1, 2):
            state["curves"][:, :, power - 1] += torch.einsum("gn,sln->gsl", weights, self.scalars**power)
        drawn = torch.from_numpy(self.drawn).to(owner.device)[:, None] * weights
        width = len(fields.CURVES)
        state["replicates"][:, :, :width] += torch.einsum("rgn,sln->rgsl", drawn, self.scalars)
        state["weights"] += drawn.sum(2)
        chunk_drawn = torch.from_numpy(self.chunk_drawn).to(owner.device)
        for group, chosen in enumerate(groups.astype(bool)):
            rows = torch.from_numpy(self._distinct(np.flatnonzero(chosen))).to(owner.device)
            if len(rows) < SMALLEST:
                continue
            k, m = self.grams[:, :, rows][..., rows]
            parts = torch.stack([hsic(k, m), hsic(k, k), hsic(m, m)]) * len(rows)
            state["hsic"][group] += parts
            state["hsic_pairs"][group] += len(rows)
            state["replicates"][:, group, width:] += chunk_drawn[:, None, None] * parts

    def _distinct(self, rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """One row of each example, drawn by the name of the chunk."""
        if not self.example:
            return rows
        mixed = rows[self.order[rows].argsort()]
        first = {self.example[row]: row for row in reversed(mixed.tolist())}
        return np.array(sorted(first.values()), dtype=np.int64)

    def _dosed(self) -> list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
        return [(row, self.dose) for row in self.groups] + [(row, self.word_dose) for row in self.halves]


def _add_sums(into: Tensor, weights: Tensor, d: Tensor, size: Tensor, clean: Tensor) -> None:
    """``into`` is ``[groups, sums, width]``; ``weights`` are those of the groups, then the same times the dose."""
    groups = len(into)
    plain = weights[:groups]
    with_d, with_size = weights @ d, weights @ size
    into[:, 0] += with_d[:groups]
    into[:, 1] += with_size[:groups]
    into[:, 2] += plain @ clean
    into[:, 3] += plain @ d.square()
    into[:, 4] += plain @ clean.square()
    into[:, 5] += plain @ (clean * d)
    into[:, 6] += with_d[groups:]
    into[:, 7] += with_size[groups:]
