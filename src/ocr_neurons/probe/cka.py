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


def gram(values: Tensor) -> Tensor:
    """Inner products ``[n, n]`` of the rows of ``[n, width]``, in float64.

    HSIC does not depend on the mean; taking it off keeps it exact where activations have large offsets.
    """
    wide = values.double()
    # sum / n is exact for a constant on every device; mean() may multiply by 1 / n, and leave rounding to be compared
    centred = wide - wide.sum(0) / len(wide)
    return centred @ centred.T


def cka(hsics: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """CKA ``[layers]`` from sums of HSIC ``[3, layers]``: of both sides, of the clean with itself, of the noisy.

    At most about 1; NaN where activations do not vary or nothing was seen.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: np.ndarray[Any, np.dtype[np.float64]] = hsics[0] / np.sqrt(hsics[1] * hsics[2])
    return np.where(np.isfinite(ratio), ratio, np.nan)
