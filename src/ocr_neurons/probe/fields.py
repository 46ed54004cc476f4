"""The arrays of a profile: their names, what they hold, and how large they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

THRESHOLDS = (0.5, 1.0, 1.5, 2.0, 3.0)
"""Multiples of the standard deviation for which passes are counted; the paper uses 1."""
BINS = ("poor", "average", "good")
"""Bins of similarity, as the paper cuts them: up to 0.6, up to 0.8, above."""
BIN_EDGES = (0.6, 0.8)
GROUPS = (*BINS, "half-1", "half-2")
"""Names of the groups that every profile has besides its levels."""
SUMS = ("d", "size", "clean", "d d", "clean clean", "clean d", "dose d", "dose size")
"""What ``sums`` adds up, in order: ``d`` is noisy - clean, ``size`` is |d|, ``clean`` is counted from ``shift`` on."""
CURVES = ("distance", "angle")
"""What is known of each pair and layer: |d| / |clean| as vectors over neurons, and 1 - cosine of the two sides."""
EDGES = 15
"""Edges of the histograms behind the AUROC: sixteen bins a neuron, of equal mass in a pilot sample."""
EDGES_RTOL, EDGES_ATOL = 1e-3, 1e-5
"""How far edges may lie apart that were drawn by two machines from one pilot sample."""
REPLICATES = 200
"""Bootstrap replicates of the layer curves."""
FLOAT, COUNT = np.dtype(np.float64), np.dtype(np.int32)


def shapes(levels: int, layers: int, width: int) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Name, shape and type of every array that grows with what is seen.

    Rows of ``pairs``, ``passes``, ``hsic`` … are the levels, then the similarity bins. ``sums`` and ``units`` have two
    rows more, the halves: there a unit is a word (the mean over the levels at which it was made noisy), each word in
    one half, so that the two together are all words, independent of one another.
    """
    rows, grid = levels + len(BINS), (layers, width)
    return {
        "units": ((rows + 2,), np.dtype(np.int64)),
        "dose": ((rows + 2, 2), FLOAT),  # sum, sum of squares
        "sums": ((rows + 2, len(SUMS), *grid), FLOAT),
        "shuffled": (grid, FLOAT),  # sum over words of d, the sides swapped at random
        "passes": ((rows, len(THRESHOLDS), *grid), COUNT),
        "exceeding": ((levels + 1, 2, EDGES, *grid), COUNT),  # clean, noisy values above each edge; last: shuffled
        "hsic": ((rows, 3, layers), FLOAT),
        "hsic_pairs": ((rows,), np.dtype(np.int64)),
        "curves": ((rows, len(CURVES), 2, layers), FLOAT),  # sum, sum of squares over pairs
        "replicates": ((REPLICATES, rows, len(CURVES) + 3, layers), FLOAT),  # sums of the curves, then hsic
        "weights": ((REPLICATES, rows), FLOAT),
    }


def zeros(levels: int, layers: int, width: int) -> dict[str, Array]:
    """All of them, empty."""
    return {name: np.zeros(shape, kind) for name, (shape, kind) in shapes(levels, layers, width).items()}


def size(levels: int, layers: int, width: int) -> int:
    """Bytes that all of them take, the edges and the shift of a profile included."""
    own = sum(int(np.prod(shape)) * kind.itemsize for shape, kind in shapes(levels, layers, width).values())
    return own + layers * width * (4 * EDGES + 8)


def check(arrays: Mapping[str, Array], levels: int, layers: int, width: int) -> None:
    """Raise ValueError where an array has another shape than it should."""
    for name, (shape, _) in shapes(levels, layers, width).items():
        if arrays[name].shape != shape:
            raise ValueError(f"{name} of shape {list(arrays[name].shape)}, wanted {list(shape)}")
