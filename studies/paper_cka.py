"""CKA of the paper's pairs, read as the paper reads them: debiased, plain, and with its axes swapped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ocr_neurons.common.seeds import generator
from ocr_neurons.lm.sites import readings, site_width
from ocr_neurons.noise.presets import similarity_bin
from ocr_neurons.probe.batching import pool
from ocr_neurons.probe.cka import SMALLEST, cka, gram, hsic
from ocr_neurons.probe.words import encode_as_paper
from ocr_neurons.rank.legacy import cka_swapped, linear_cka
from ocr_neurons.rank.published import depth
from ocr_neurons.text.pairs import TextPair

LEVELS, BINS = ("low", "medium", "high"), ("poor", "average", "good")
FEWEST = 20
"""A group of fewer words has no curve."""
BUDGET = 2048

Array = np.ndarray[Any, np.dtype[Any]]


def curves(trunk: Any, tokenizer: Any, pairs: Sequence[TextPair], seed: int) -> dict[str, Any]:  # noqa: ANN401
    """For each level and similarity bin: ``n`` words and the curves over layers, as JSON values."""
    maps, width = readings(trunk, "up"), site_width(trunk, "up")
    units = encode_as_paper(pairs, tokenizer)
    clean, noisy = pool(trunk, maps, width, units, budget=BUDGET, pad_id=int(tokenizer.pad_token_id or 0))
    found = {}
    for group in (*LEVELS, *BINS):
        rows = torch.tensor(members(pairs, group, seed))
        if len(rows) >= max(FEWEST, SMALLEST + 1):
            found[group] = _group(clean[:, rows].cpu(), noisy[:, rows].cpu())
    return found


def members(pairs: Sequence[TextPair], group: str, seed: int) -> list[int]:
    """One pair of each word that has any in the group, drawn by the seed.

    The same clean word twice would look like itself on both sides, whatever noise does.
    """
    rows: dict[str, list[int]] = {}
    for number, pair in enumerate(pairs):
        if group in (pair.level, similarity_bin(pair.similarity)):
            rows.setdefault(pair.clean, []).append(number)
    return [int(generator(seed, "one pair", group, word).choice(numbers)) for word, numbers in rows.items()]


def _group(clean: torch.Tensor, noisy: torch.Tensor) -> dict[str, Any]:
    """Curves of ``[layers, words, width]`` on both sides."""
    layers = [(clean[layer], noisy[layer]) for layer in range(len(clean))]
    debiased = [_debiased(one, other) for one, other in layers]
    return {
        "n": int(clean.shape[1]),
        "debiased": [value for value, _ in debiased],
        "error": [error for _, error in debiased],
        "plain": [linear_cka(one.numpy(), other.numpy()) for one, other in layers],
        "swapped": [cka_swapped(one.numpy(), other.numpy()) for one, other in layers],
    }


def _debiased(clean: torch.Tensor, noisy: torch.Tensor) -> tuple[float, float]:
    """Debiased CKA of ``[words, width]``, and its standard error by the jackknife over words."""
    k, m = gram(clean), gram(noisy)
    n = len(k)
    others = torch.tensor([[j for j in range(n) if j != i] for i in range(n)])
    left, right = (side[others[:, :, None], others[:, None, :]] for side in (k, m))
    without = _ratio(left, right)
    error = float(np.sqrt((n - 1) / n * np.square(without - without.mean()).sum()))
    return float(_ratio(k[None], m[None])[0]), error


def _ratio(k: torch.Tensor, m: torch.Tensor) -> Array:
    found: Array = cka(torch.stack([hsic(k, m), hsic(k, k), hsic(m, m)]).numpy())
    return found


def shape(group: dict[str, Any]) -> dict[str, Any]:
    """Where a debiased curve falls and peaks: layers, and their relative depth.

    ``fall``: the layer after which it falls most, and by how much. ``peaks``: layers higher than their neighbourhood by
    more than two median standard errors (the prominence of SciPy's ``find_peaks``).
    """
    from scipy.signal import find_peaks

    values = np.asarray(group["debiased"])
    drops = values[:-1] - values[1:]
    fall, low = int(np.argmax(drops)), int(np.argmin(values))
    prominent = find_peaks(values, prominence=2 * float(np.median(group["error"])))[0]
    return {
        "fall": fall,
        "fall_depth": depth(fall, len(values)),
        "fall_size": float(drops[fall]),
        "lowest": low,
        "lowest_value": float(values[low]),
        "peaks": [int(layer) for layer in prominent],
        "peak_depths": [depth(int(layer), len(values)) for layer in prominent],
    }
