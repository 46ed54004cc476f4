"""Every site in every architecture: the maps that the modelling code names, and values that fit together."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from torch import nn

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.sites import SITES, Reading, blocks, neuron_maps, neuron_width, readings, site_width
from tiny_families import FAMILIES, GATED, made, read, states


@cache
def model_of(family: str) -> Any:
    """Shared by the tests of this file: read it, do not change it."""
    return made(FAMILIES[family].config)


def places(found: list[Reading]) -> list[tuple[int, int, str, slice | None]]:
    return [(reading.layer, id(reading.module), reading.where, reading.part) for reading in found]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_site_is_where_the_modelling_code_has_it(family: str) -> None:
    model, row = model_of(family), FAMILIES[family]

    def wanted(name: str, where: str, part: slice | None) -> list[tuple[int, int, str, slice | None]]:
        modules = [model.get_submodule(name.replace(".1.", f".{layer}.", 1)) for layer in range(3)]
        return [(layer, id(module), where, part) for layer, module in enumerate(modules)]

    assert places(readings(model)) == wanted(row.last, "input", None)
    assert [id(module) for module in neuron_maps(model)] == [module for _, module, *_ in wanted(row.last, "", None)]
    assert places(readings(model, "up")) == wanted(row.up, "output", row.up_part)
    if row.gate:
        assert places(readings(model, "gate")) == wanted(row.gate, "output", row.gate_part)
    assert [id(reading.module) for reading in readings(model, "residual")] == [id(block) for block in blocks(model)]
    assert [site_width(model, site) for site in SITES] == [row.width, row.width, row.width, 32]
    assert neuron_width(model) == row.width


@pytest.mark.parametrize("family", FAMILIES)
def test_neurons_are_made_of_what_is_read_before_them(family: str) -> None:
    model, row = model_of(family), FAMILIES[family]
    neurons, up = read(model, readings(model)), read(model, readings(model, "up"))
    gate = read(model, readings(model, "gate")) if row.gate else None
    for layer in range(3):
        made_of = row.act(gate[layer]) * up[layer] if gate else row.act(up[layer])
        assert neurons[layer].shape == (10, row.width)
        assert neurons[layer].std() > 0.01
        torch.testing.assert_close(neurons[layer], made_of, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_residual_is_the_hidden_state(family: str) -> None:
    model = model_of(family)
    given = states(model, output_hidden_states=True).hidden_states
    found = read(model, readings(model, "residual"))
    assert len(given) == 4
    # DeBERTa has a convolution after its first block, many decoders a norm after their last
    for layer in range(family == "deberta-v2", 2):
        torch.testing.assert_close(found[layer], given[layer + 1][0], rtol=0, atol=0)
    norm = getattr(model, "norm", nn.Identity())
    if family in ("llama", "bert", "qwen3"):
        torch.testing.assert_close(norm(found[2]), given[3][0])


@pytest.mark.parametrize("family", FAMILIES)
def test_zeroing_a_neuron_by_hook_is_zeroing_its_weights(family: str) -> None:
    row = FAMILIES[family]
    model = made(row.config)
    untouched = states(model).last_hidden_state
    module, neuron = neuron_maps(model)[1], 17

    def silence(_module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        assert inputs[0].shape[-1] == row.width
        silenced = inputs[0].clone()
        silenced[..., neuron] = 0
        return (silenced, *inputs[1:])

    handle = module.register_forward_pre_hook(silence)
    hooked = states(model).last_hidden_state
    handle.remove()
    weight = module.weight
    with torch.no_grad():
        (weight if weight.shape[0] == row.width else weight.T)[neuron] = 0  # Conv1D keeps [in, out], Linear [out, in]
    assert (hooked - untouched).abs().max() > 1e-4
    torch.testing.assert_close(states(model).last_hidden_state, hooked, rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", [name for name in FAMILIES if name not in GATED])
def test_no_gate_is_said_so(family: str) -> None:
    with pytest.raises(UserError, match="layer 0: site gate given, but its feed-forward has no gate; use site up"):
        readings(model_of(family), "gate")


@pytest.mark.parametrize("family", ["llama", "phi3", "t5 gated", "modernbert"])
def test_looking_for_the_gate_leaves_no_trace(family: str) -> None:
    model = made(FAMILIES[family].config)
    before = states(model).last_hidden_state
    model.train()
    blocks(model)[1].eval()
    modes = [module.training for module in model.modules()]
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    readings(model, "gate")
    assert torch.equal(torch.random.get_rng_state(), state)
    assert [module.training for module in model.modules()] == modes
    for module in model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
    assert torch.equal(states(model.eval()).last_hidden_state, before)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("family", GATED)
def test_the_gate_is_found_in_half_precision(family: str, dtype: torch.dtype) -> None:
    model, row = made(FAMILIES[family].config).to(dtype), FAMILIES[family]
    found = readings(model, "up", [1])
    assert places(found) == [(1, id(model.get_submodule(row.up)), "output", row.up_part)]


def test_layers_are_chosen_once_and_in_order() -> None:
    model = model_of("llama")
    assert [reading.layer for reading in readings(model, "up", [2, 0, 2])] == [0, 2]
    assert [reading.layer for reading in readings(model, "residual", range(1, 3))] == [1, 2]
    for layers, given in (([0, 3, 7], "layer 3, 7"), ([-1], "layer -1"), ([], "no layer")):
        with pytest.raises(UserError, match=f"{given} given; llama has 3 layers; wanted some of 0 to 2"):
            readings(model, "neuron", layers)


def test_an_unknown_site_is_refused() -> None:
    for ask in (readings, site_width):
        with pytest.raises(UserError, match="site 'mlp': unknown; wanted one of neuron, up, gate, residual"):
            ask(model_of("llama"), "mlp")
