"""Debiased linear CKA between clean and noisy activations, from mini-batches.

Plain linear CKA of few examples and many neurons is near 1 for unrelated data. The estimator here averages the
unbiased HSIC of Song et al. (2012) over mini-batches, as Nguyen, Raghu & Kornblith (2021) do, and then takes the ratio.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

SMALLEST = 4
"""Fewest examples of a mini-batch: the unbiased estimator divides by n (n - 3)."""


def hsic(left: Tensor, right: Tensor) -> Tensor:
    """Unbiased HSIC (Song et al. 2012, eq. 5) of Gram matrices ``[..., n, n]``; may be negative. Shape ``[...]``."""
    n = left.shape[-1]
    if n < SMALLEST:
        raise ValueError(f"unbiased HSIC of {n} examples asked for; wanted at least {SMALLEST}")
    off = 1 - torch.eye(n, dtype=left.dtype, device=left.device)
    left, right = left * off, right * off
    trace = (left * right).sum((-2, -1))
    total = left.sum((-2, -1)) * right.sum((-2, -1)) / ((n - 1) * (n - 2))
    cross = 2 * (left.sum(-1) * right.sum(-1)).sum(-1) / (n - 2)
    return (trace + total - cross) / (n * (n - 3))


class StreamingCKA:
    """Accumulates the three HSIC of each layer; :meth:`value` is the CKA. ``examples`` is the n it rests on."""

    def __init__(self, layers: int) -> None:
        self.sums = np.zeros((3, layers))
        self.examples = 0

    def update(self, clean: Tensor, noisy: Tensor) -> None:
        """Add one mini-batch: ``[layers, n, width]`` each. Fewer than four examples are refused."""
        x, y = (_centred(side) for side in (clean, noisy))
        k, m = x @ x.mT, y @ y.mT
        parts = torch.stack([hsic(k, m), hsic(k, k), hsic(m, m)])
        self.sums += parts.cpu().numpy() * clean.shape[1]
        self.examples += clean.shape[1]

    def merge(self, other: StreamingCKA) -> None:
        """Add what another accumulator has seen."""
        self.sums += other.sums
        self.examples += other.examples

    def value(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """CKA per layer, at most about 1; NaN where activations do not vary or nothing was seen."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio: np.ndarray[Any, np.dtype[np.float64]] = self.sums[0] / np.sqrt(self.sums[1] * self.sums[2])
        return np.where(np.isfinite(ratio), ratio, np.nan)


def _centred(side: Tensor) -> Tensor:
    """HSIC does not depend on the mean; taking it off keeps float64 exact where activations have large offsets."""
    wide = side.double()
    # sum / n is exact for a constant on every device; mean() may multiply by 1 / n, and leave rounding to be compared
    return wide - wide.sum(1, keepdim=True) / wide.shape[1]
