"""What is fixed from the first chunk: where clean activations lie, and the edges of their histograms."""

from __future__ import annotations

import torch
from torch import Tensor

from ocr_neurons.probe.fields import EDGES


def shift(clean: Tensor) -> Tensor:
    """The mean clean activation ``[layers, width]`` of ``[layers, pairs, width]``, float64."""
    return clean.double().mean(1)


def edges(clean: Tensor, noisy: Tensor) -> Tensor:
    """``[EDGES, layers, width]``: quantiles of both sides together, so that bins hold about equally many values."""
    levels = torch.arange(1, EDGES + 1, device=clean.device, dtype=clean.dtype) / (EDGES + 1)
    layers = [torch.quantile(torch.cat(sides), levels, dim=0) for sides in zip(clean, noisy, strict=True)]
    return torch.stack(layers, dim=1)
