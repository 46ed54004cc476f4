"""An oracle: neuron activations computed from a bare model's weights in float64, one text at a time, unpadded."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

Array = np.ndarray[Any, np.dtype[np.float64]]


def neurons(trunk: Any, ids: tuple[int, ...]) -> Array:
    """``[layers, sub-words, width]``: act(gate(x)) * up(x), or act(dense(x)) for BERT, x recorded on the way."""
    bert = trunk.config.model_type == "bert"
    modules = [b.intermediate for b in trunk.encoder.layer] if bert else [b.mlp for b in trunk.layers]
    inputs: dict[int, torch.Tensor] = {}

    def recorder(layer: int) -> Any:
        return lambda _module, given: inputs.__setitem__(layer, given[0][0].double())

    handles = [module.register_forward_pre_hook(recorder(layer)) for layer, module in enumerate(modules)]
    with torch.no_grad():
        trunk(input_ids=torch.tensor([ids]))
    for handle in handles:
        handle.remove()
    found = []
    for layer, module in enumerate(modules):
        x = inputs[layer].numpy()
        if bert:
            z = x @ weights(module.dense.weight).T + weights(module.dense.bias)
            found.append(z * 0.5 * (1 + torch.erf(torch.from_numpy(z / np.sqrt(2))).numpy()))
        else:
            gate = x @ weights(module.gate_proj.weight).T
            found.append(gate / (1 + np.exp(-gate)) * (x @ weights(module.up_proj.weight).T))
    return np.stack(found)


def pooled(trunk: Any, ids: tuple[int, ...], first: int, last: int) -> Array:
    """``[layers, width]``: the mean over positions first … last - 1."""
    mean: Array = neurons(trunk, ids)[:, first:last].mean(1)
    return mean


def weights(parameter: torch.Tensor) -> Array:
    """A parameter in float64."""
    values: Array = parameter.detach().double().numpy()
    return values


def passes(clean: Array, noisy: Array, k: float) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The paper's rule, one pair and one layer at a time; ``[pairs, layers, width]`` in, ``[layers, width]`` out."""
    count = np.zeros(clean.shape[1:], dtype=np.int64)
    for pair in range(clean.shape[0]):
        for layer in range(clean.shape[1]):
            size = [abs(float(b) - float(a)) for a, b in zip(clean[pair, layer], noisy[pair, layer], strict=True)]
            mean = sum(size) / len(size)
            deviation = (sum((s - mean) ** 2 for s in size) / len(size)) ** 0.5
            for neuron, value in enumerate(size):
                if value > mean + k * deviation:
                    count[layer, neuron] += 1
    return count


def hsic(k: Array, m: Array) -> float:
    """Song et al. (2012), eq. 5, written out: ``k`` and ``m`` are Gram matrices ``[n, n]``."""
    n = len(k)
    k, m = k.copy(), m.copy()
    np.fill_diagonal(k, 0)
    np.fill_diagonal(m, 0)
    one = np.ones(n)
    trace = np.trace(k @ m)
    total = (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
    cross = 2 / (n - 2) * (one @ k @ m @ one)
    return float((trace + total - cross) / (n * (n - 3)))


def debiased_cka(x: Array, y: Array) -> float:
    """Debiased linear CKA of ``[n, width]`` each, from one batch."""
    k, m = x @ x.T, y @ y.T
    return hsic(k, m) / float(np.sqrt(hsic(k, k) * hsic(m, m)))


def plain_cka(x: Array, y: Array) -> float:
    """Linear CKA as first published: biased, near 1 for few examples and many neurons."""
    x, y = x - x.mean(0), y - y.mean(0)
    cross = np.linalg.norm(x.T @ y) ** 2
    return float(cross / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)))
