"""Gate and up told apart by what they do, whatever their names and order; and refused where they cannot be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers.models.llama.modeling_llama import LlamaMLP
from transformers.models.phi3.modeling_phi3 import Phi3MLP

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.gates import Entrances
from ocr_neurons.lm.sites import readings
from tiny_families import FAMILIES, made, read


class GateLast(Phi3MLP):
    def forward(self, hidden_states: Tensor) -> Tensor:
        up, gate = self.gate_up_proj(hidden_states).chunk(2, dim=-1)
        return self.down_proj(up * self.activation_fn(gate))


class Interleaved(Phi3MLP):
    def forward(self, hidden_states: Tensor) -> Tensor:
        both = self.gate_up_proj(hidden_states)
        return self.down_proj(both[..., ::2] * self.activation_fn(both[..., 1::2]))


class Swapped(LlamaMLP):
    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(self.gate_proj(x) * self.act_fn(self.up_proj(x)))


class Hungry(LlamaMLP):
    def forward(self, x: Tensor, scale: Tensor) -> Tensor:
        return self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x) * scale)


def with_mlp(family: str, kind: type[nn.Module]) -> Any:
    """The family's model with the forward of ``kind`` in every feed-forward."""
    model = made(FAMILIES[family].config)
    for layer in model.layers:
        layer.mlp.__class__ = kind
    return model


def test_a_fused_map_with_the_gate_last() -> None:
    model = with_mlp("phi3", GateLast)
    (up,), (gate,) = readings(model, "up", [1]), readings(model, "gate", [1])
    assert up.module is gate.module is model.layers[1].mlp.gate_up_proj
    assert (up.part, gate.part) == (slice(0, 48), slice(48, 96))
    neuron = read(model, readings(model, "neuron", [1]))[0]
    torch.testing.assert_close(neuron, read(model, [up])[0] * nn.functional.silu(read(model, [gate])[0]))


def test_names_do_not_decide() -> None:
    model = with_mlp("llama", Swapped)
    assert readings(model, "up", [2])[0].module is model.layers[2].mlp.gate_proj
    assert readings(model, "gate", [2])[0].module is model.layers[2].mlp.up_proj


@pytest.mark.parametrize("act", [nn.ReLU(), nn.Sigmoid(), nn.GELU(), nn.SiLU()])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0])
def test_any_activation_at_any_scale(act: nn.Module, scale: float) -> None:
    model = made(FAMILIES["llama"].config)
    for layer in model.layers:
        layer.mlp.act_fn = act
        with torch.no_grad():
            layer.mlp.gate_proj.weight *= scale
            layer.mlp.up_proj.weight *= scale
    assert [reading.module for reading in readings(model, "up")] == [layer.mlp.up_proj for layer in model.layers]


@pytest.mark.parametrize("act", [nn.Tanh(), nn.Identity()])
def test_an_odd_activation_cannot_be_told(act: nn.Module) -> None:
    model = made(FAMILIES["llama"].config)
    model.layers[0].mlp.act_fn = act
    with pytest.raises(UserError, match="llama, layer 0: which of its two first maps is the gate cannot be told"):
        readings(model, "up")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            lambda: with_mlp("phi3", Interleaved),
            "phi3, layer 0: which of its two first maps is the gate cannot be told",
        ),
        (lambda: with_mlp("llama", Hungry), r"layer 0: its feed-forward cannot be run by itself \(TypeError\)"),
    ],
)
def test_what_cannot_be_tried_is_refused(change: Callable[[], Any], why: str) -> None:
    model = change()
    for site in ("up", "gate"):
        with pytest.raises(UserError, match=why) as caught:
            readings(model, site)
        assert "\n" not in str(caught.value)
    for module in model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks


def test_none_and_three_first_maps_are_refused() -> None:
    model = made(FAMILIES["llama"].config)
    model.layers[1].mlp.third = nn.Linear(32, 48)
    with pytest.raises(UserError, match=r"llama, layer 1: .*found gate_proj, up_proj, third; use site neuron"):
        readings(model, "up")
    with pytest.raises(UserError, match=r"here: wanted one or two linear maps from 32 .* found none"):
        Entrances(32, 48).of(nn.ModuleDict({"last": nn.Linear(48, 32)}), "last", "here")
