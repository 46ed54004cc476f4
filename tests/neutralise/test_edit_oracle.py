"""The feed-forward written out in NumPy, edited neuron by neuron, beside the hook and the baked weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.neutralise.edits import Edits
from tiny_families import FAMILIES, made, states

Array = np.ndarray[Any, np.dtype[np.float64]]
MEMBERS = (7, 0, 31, 12)
VALUES = (0.5, -1.25, 3.0, 0.0)
BEFORE: dict[str, str] = {"llama": "layers.1.mlp", "gpt2": "h.1.mlp", "bert": "encoder.layer.1.intermediate"}
"""What reads the state that the feed-forward of layer 1 is computed from."""


def one_by_one(change: Callable[[float, float], float]) -> Callable[[Array], Array]:
    """Change each neuron of the set alone, in loops."""

    def apply(activations: Array) -> Array:
        out = activations.copy()
        for position in range(len(out)):
            for neuron, value in zip(MEMBERS, VALUES, strict=True):
                out[position, neuron] = change(float(activations[position, neuron]), value)
        return out

    return apply


CASES: dict[str, tuple[Callable[[NeuronSet, dict[int, tuple[float, ...]]], Edit | Edits], Callable[..., float]]] = {
    "scale": (lambda n, v: Edit.scale(n, 0.25), lambda x, v: 0.25 * x),
    "zero": (lambda n, v: Edit.zero(n), lambda x, v: 0.0),
    "mean": (lambda n, v: Edit.mean(n, v), lambda x, v: v),
    "mean, beyond": (lambda n, v: Edit.mean(n, v, 1.5), lambda x, v: x + 1.5 * (v - x)),
    "shift": (lambda n, v: Edit.shift(n, v, 2.0), lambda x, v: x + 2 * v),
    "gains": (lambda n, v: Edit.of_gains(n, v), lambda x, v: v * x),
    "gains, half": (lambda n, v: Edit.of_gains(n, v, 0.5), lambda x, v: x + 0.5 * (v * x - x)),
    "shift, then scale": (lambda n, v: Edits([Edit.shift(n, v), Edit.scale(n, 3)]), lambda x, v: 3 * (x + v)),
    "scale, then shift": (lambda n, v: Edits([Edit.scale(n, 3), Edit.shift(n, v)]), lambda x, v: 3 * x + v),
}


def array(tensor: torch.Tensor) -> Array:
    return tensor.detach().double().numpy().reshape(-1, tensor.shape[-1])


def gelu_new(x: Array) -> Array:
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def neurons_by_hand(family: str, model: Any, x: Array) -> Array:
    weights = {name: array(value) for name, value in model.state_dict().items() if value.ndim}
    if family == "llama":
        gate = x @ weights["layers.1.mlp.gate_proj.weight"].T
        return gate / (1 + np.exp(-gate)) * (x @ weights["layers.1.mlp.up_proj.weight"].T)
    if family == "gpt2":
        return gelu_new(x @ weights["h.1.mlp.c_fc.weight"] + weights["h.1.mlp.c_fc.bias"])
    inner = (
        x @ weights["encoder.layer.1.intermediate.dense.weight"].T + weights["encoder.layer.1.intermediate.dense.bias"]
    )
    erf = torch.special.erf(torch.from_numpy(inner / np.sqrt(2))).numpy()
    return 0.5 * inner * (1 + erf)


def written_by_hand(family: str, model: Any, activations: Array) -> Array:
    weights = {name: array(value) for name, value in model.state_dict().items() if value.ndim}
    if family == "llama":
        return activations @ weights["layers.1.mlp.down_proj.weight"].T
    if family == "gpt2":
        return activations @ weights["h.1.mlp.c_proj.weight"] + weights["h.1.mlp.c_proj.bias"]
    return activations @ weights["encoder.layer.1.output.dense.weight"].T + weights["encoder.layer.1.output.dense.bias"]


def seen(model: Any, family: str) -> tuple[Array, Array]:
    """What enters the feed-forward of layer 1, and what its last map gives."""
    kept: dict[str, torch.Tensor] = {}
    first: nn.Module = model.get_submodule(BEFORE[family])
    last: nn.Module = model.get_submodule(FAMILIES[family].last)
    handles = [
        first.register_forward_pre_hook(lambda _m, x: kept.update(x=x[0])),
        last.register_forward_hook(lambda _m, _x, y: kept.update(y=y)),
    ]
    states(model)
    for handle in handles:
        handle.remove()
    return array(kept["x"]), array(kept["y"])


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("family", BEFORE)
def test_the_feed_forward_by_hand(family: str, case: str) -> None:
    model = made(FAMILIES[family].config)
    make, change = CASES[case]
    chosen = NeuronSet("x", "neuron", 3, FAMILIES[family].width, {1: MEMBERS})
    edit = make(chosen, {1: VALUES})
    x, plain = seen(model, family)
    activations = neurons_by_hand(family, model, x)
    np.testing.assert_allclose(
        written_by_hand(family, model, activations), plain, rtol=0, atol=2e-6 * np.abs(plain).max()
    )
    wanted = written_by_hand(family, model, one_by_one(change)(activations))
    assert np.abs(wanted - plain).max() > 0.01 * np.abs(plain).max()
    with edit.on(model):
        hooked = seen(model, family)
    baked = seen(edit.bake(model), family)
    for entered, given in (hooked, baked):
        np.testing.assert_array_equal(entered, x)  # nothing before the map has changed
        np.testing.assert_allclose(given, wanted, rtol=0, atol=2e-6 * np.abs(wanted).max())
