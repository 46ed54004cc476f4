"""Hooks read what the weights say, stop where nothing more is read, and leave nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import naive_neurons as naive
import numpy as np
import pytest
import torch
from torch import nn
from transformers import AutoModel, LongformerConfig, LongformerModel

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.batches import pad
from ocr_neurons.lm.sites import blocks, readings
from ocr_neurons.probe.batching import pool
from ocr_neurons.probe.capture import POOLS, Pooled, _Stop, capture, reading_mode, run
from ocr_neurons.probe.units import Side, Unit
from planted import hooks

Folder = Callable[[str], Path]
LAYERS, WIDTH = 4, 48
CPU = torch.device("cpu")
SIDE = Side((5, 9, 200, 7, 31, 8), 2, 5)
UNITS = [Unit(SIDE, Side((5, 9, 7, 31, 8), 2, 4), "low", "a", 0.5)]


@pytest.fixture(params=["llama", "mistral", "bert"])
def trunk(request: pytest.FixtureRequest, tiny_folder: Folder) -> Any:
    return AutoModel.from_pretrained(tiny_folder(request.param)).eval()


def read(model: Any, site: str = "neuron", layers: Any = None, units: Any = UNITS, how: str = "mean") -> torch.Tensor:
    clean, _ = pool(model, readings(model, site, layers), WIDTH, units, budget=100, pad_id=0, how=how)
    return clean


# --- what is read


@pytest.mark.parametrize("how", POOLS)
def test_one_span_equals_weights_times_inputs(trunk: Any, how: str) -> None:
    expected = naive.pooled(trunk, SIDE.ids, SIDE.first, SIDE.last, how)
    np.testing.assert_allclose(read(trunk, how=how)[:, 0].numpy(), expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("kind", ["llama", "mistral"])
def test_the_site_up_is_the_output_of_the_up_projection(tiny_folder: Folder, kind: str) -> None:
    model = AutoModel.from_pretrained(tiny_folder(kind)).eval()
    expected = naive.pooled(model, SIDE.ids, SIDE.first, SIDE.last, site="up")
    np.testing.assert_allclose(read(model, "up")[:, 0].numpy(), expected, rtol=1e-4, atol=1e-7)


def test_the_residual_is_what_the_model_itself_gives_between_its_blocks(trunk: Any) -> None:
    with torch.no_grad():
        states = trunk(input_ids=torch.tensor([SIDE.ids]), output_hidden_states=True).hidden_states
    clean, _ = pool(trunk, readings(trunk, "residual"), 32, UNITS, budget=100, pad_id=0)
    for layer in range(LAYERS - 1):  # a final norm follows the last block in what the model gives
        torch.testing.assert_close(clean[layer, 0], states[layer + 1][0, 2:5].mean(0), rtol=1e-5, atol=1e-7)


def test_columns_of_a_fused_map() -> None:
    pooled = Pooled(1, 2, 3, CPU)
    pooled.aim([(0, 1, Side((0,) * 4, 1, 3)), (1, 0, Side((0,) * 2, 0, 2))], 2, 4)
    activations = torch.arange(64.0).view(2, 4, 8)
    pooled.take(0, activations, slice(5, 8))
    expected = torch.stack([activations[1, 0:2, 5:8].mean(0), activations[0, 1:3, 5:8].mean(0)])
    torch.testing.assert_close(pooled.values[0], expected)


def test_bfloat16_is_pooled_in_float32(trunk: Any) -> None:
    exact = read(trunk)
    values = read(trunk.to(torch.bfloat16))
    assert values.dtype == torch.float32
    # a mean of bfloat16 numbers need not be one: rounding it again would make it so
    assert not torch.equal(values, values.to(torch.bfloat16).float())
    assert (values - exact).abs().max() < 0.1 * exact.abs().max()


def test_a_model_that_pads_inside_is_refused() -> None:
    """Longformer fills its windows up, so that positions are no longer those of the batch."""
    config = LongformerConfig(
        vocab_size=300,
        hidden_size=32,
        intermediate_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        attention_window=[8, 8],
    )
    model = LongformerModel(config).eval()
    with pytest.raises(UserError, match="computes 8 positions where 6 were given") as caught:
        read(model, units=[Unit(SIDE, SIDE, "low", "a", 0.0)])
    assert "\n" not in str(caught.value)
    assert hooks(model) == []


def left_padded(trunk: Any, sides: list[Side], masked: bool) -> torch.Tensor:
    """Pool a batch padded on the left by hand."""
    longest = max(len(side.ids) for side in sides)
    ids = torch.full((len(sides), longest), 9)
    attention, position = torch.zeros_like(ids), torch.zeros_like(ids)
    lines = []
    for line, side in enumerate(sides):
        shift = longest - len(side.ids)
        ids[line, shift:] = torch.tensor(side.ids)
        attention[line, shift:] = 1
        position[line, shift:] = torch.arange(len(side.ids))
        lines.append((line, line, Side(side.ids, side.first + shift, side.last + shift)))
    pooled = Pooled(LAYERS, len(sides), WIDTH, CPU)
    pooled.aim(lines, len(sides), longest)
    more = {"attention_mask": attention, "position_ids": position} if masked else {}
    with torch.inference_mode(), capture(readings(trunk), pooled), suppress(_Stop):
        trunk(input_ids=ids, **more)
    return pooled.values


def test_left_padding_equals_no_padding(trunk: Any) -> None:
    sides = [SIDE, Side((7, 8, 9), 1, 3), Side(tuple(range(20, 43)), 4, 6), Side((44,), 0, 1)]
    alone = torch.cat([read(trunk, units=[Unit(s, s, "low", "a", 0.0)]) for s in sides], 1)
    torch.testing.assert_close(left_padded(trunk, sides, masked=True), alone, rtol=1e-5, atol=1e-7)
    # the comparison can fail: without mask and positions the padding is read, and the values are others
    far = (left_padded(trunk, sides, masked=False) - alone).abs().max()
    assert far > 100 * (left_padded(trunk, sides, masked=True) - alone).abs().max()
    assert far > 1e-4


# --- how far the pass goes


@pytest.mark.parametrize("layers", [[0], [1, 2], [2, 0], [3]])
def test_no_block_after_the_last_layer_asked_for_is_run(trunk: Any, layers: list[int]) -> None:
    whole = read(trunk)
    ran: list[int] = []
    handles = [
        block.register_forward_pre_hook(lambda *_, number=number: ran.append(number))
        for number, block in enumerate(blocks(trunk))
    ]
    last_map = readings(trunk)[max(layers)].module
    handles.append(last_map.register_forward_hook(lambda *_: ran.append(-1)))
    found = read(trunk, layers=layers)
    for handle in handles:
        handle.remove()
    # the last map itself is not run either: its input is all that is wanted
    assert ran == list(range(max(layers) + 1))
    assert torch.equal(found, whole[sorted(layers)])


# --- what stays as it was


def test_the_outputs_are_the_same_bit_for_bit(trunk: Any) -> None:
    ids = torch.tensor([SIDE.ids])
    with torch.no_grad():
        before = trunk(input_ids=ids).last_hidden_state
        for site in ("neuron", "up", "residual"):
            pool(trunk, readings(trunk, site), 32 if site == "residual" else WIDTH, UNITS, budget=9, pad_id=0)
            assert torch.equal(trunk(input_ids=ids).last_hidden_state, before)


def crash(*_: object) -> None:
    raise ArithmeticError("planned")


def test_no_hook_outlives_its_block(trunk: Any) -> None:
    assert hooks(trunk) == []
    pooled = Pooled(LAYERS, 1, WIDTH, CPU)
    with capture(readings(trunk), pooled):
        assert len(hooks(trunk)) == LAYERS
    assert hooks(trunk) == []
    read(trunk)  # success
    assert hooks(trunk) == []
    with pytest.raises(ValueError, match="pooling 'median' given; wanted one of mean, max, last"):
        read(trunk, how="median")
    with pytest.raises(ValueError, match="span 3 to 3 given"):
        read(trunk, units=[Unit(Side((5, 6, 7, 8), 3, 3), SIDE, "low", "a", 0.5)])
    with pytest.raises(IndexError):  # no such sub-word in the model's vocabulary
        read(trunk, units=[Unit(Side((5, 10**6), 0, 1), SIDE, "low", "a", 0.5)])
    with pytest.raises((AttributeError, TypeError)):  # a bad reading among good ones
        pool(trunk, [*readings(trunk)[:2], None], WIDTH, UNITS, budget=9, pad_id=0)  # type: ignore[list-item]
    assert hooks(trunk) == []
    handle = blocks(trunk)[2].register_forward_hook(crash)  # a crash within the model
    with pytest.raises(ArithmeticError, match="planned"):
        read(trunk)
    handle.remove()
    assert hooks(trunk) == []


def test_a_crash_inside_the_with_block_is_not_swallowed(trunk: Any) -> None:
    pooled = Pooled(LAYERS, 1, WIDTH, CPU)
    with pytest.raises(RuntimeError, match="planned"), capture(readings(trunk), pooled):
        raise RuntimeError("planned")
    assert hooks(trunk) == []


def test_modes_and_gradients_come_back_also_mixed_ones_and_after_an_error(trunk: Any) -> None:
    trunk.train()
    next(m for m in trunk.modules() if isinstance(m, nn.Linear)).eval()
    next(trunk.parameters()).requires_grad_(False)

    def state() -> list[bool]:
        return [m.training for m in trunk.modules()] + [p.requires_grad for p in trunk.parameters()]

    before = state()
    assert len(set(before)) == 2
    read(trunk)
    assert state() == before
    with pytest.raises(IndexError):
        read(trunk, units=[Unit(Side((5, 10**6), 0, 1), SIDE, "low", "a", 0.5)])
    assert state() == before
    with reading_mode(trunk):
        assert not any(m.training for m in trunk.modules())
        assert torch.is_inference_mode_enabled()
    assert state() == before
    assert all(p.grad is None for p in trunk.parameters())


def test_training_mode_does_not_shake_the_values(tiny_folder: Folder) -> None:
    model = AutoModel.from_pretrained(tiny_folder("bert"))
    assert model.config.hidden_dropout_prob > 0
    quiet = read(model.eval())
    assert torch.equal(read(model.train()), quiet)


def test_a_pass_that_is_not_captured_runs_through(trunk: Any) -> None:
    ran: list[int] = []
    handle = blocks(trunk)[-1].register_forward_hook(lambda *_: ran.append(1))
    run(trunk, pad([SIDE.ids], [0], 0, CPU))
    handle.remove()
    assert ran == [1]
