"""Pooled neurons equal those computed from the weights, whatever the batch and the padding; hooks are gone after."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import naive_neurons as naive
import numpy as np
import pytest
import torch
from torch import nn
from transformers import AutoModel

from ocr_neurons.probe.capture import capture, pool
from ocr_neurons.probe.words import Side

Folder = Callable[[str], Path]
LAYERS, WIDTH = 4, 48
TIGHT: dict[str, float] = {"rtol": 1e-5, "atol": 1e-7}


@pytest.fixture(params=["llama", "mistral", "bert"])
def trunk(request: pytest.FixtureRequest, tiny_folder: Folder) -> Any:
    return AutoModel.from_pretrained(tiny_folder(request.param)).eval()


@pytest.fixture
def sides() -> list[Side]:
    """Lengths 1 to 23, spans at the start, in the middle, at the end, and the whole."""
    rng = np.random.default_rng(11)
    made = []
    for length in (1, 5, 9, 9, 23, 2, 14, 7):
        first = int(rng.integers(0, length))
        last = int(rng.integers(first + 1, length + 1))
        made.append(Side(tuple(int(i) for i in rng.integers(2, 290, length)), first, last))
    whole = made[4]
    return [*made, Side(whole.ids, 0, len(whole.ids)), Side(whole.ids, len(whole.ids) - 1, len(whole.ids))]


def hooks(model: nn.Module) -> int:
    return sum(len(m._forward_pre_hooks) + len(m._forward_hooks) for m in model.modules())


def test_pooled_equals_weights_times_inputs(trunk: Any, sides: list[Side]) -> None:
    values = pool(trunk, sides, 64, 0)
    assert values.shape == (LAYERS, len(sides), WIDTH)
    assert values.dtype == torch.float32
    expected = np.stack([naive.pooled(trunk, side.ids, side.first, side.last) for side in sides], 1)
    np.testing.assert_allclose(values.numpy(), expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("budget", [1, 23, 50, 64, 10_000])
def test_batched_equals_one_by_one(trunk: Any, sides: list[Side], budget: int) -> None:
    alone = torch.cat([pool(trunk, [side], 10_000, 0) for side in sides], 1)
    torch.testing.assert_close(pool(trunk, sides, budget, 0), alone, **TIGHT)
    # the token that pads does not matter either
    torch.testing.assert_close(pool(trunk, sides, budget, 77), alone, **TIGHT)


def test_repeated_sides_run_once_and_come_back_in_place(trunk: Any, sides: list[Side]) -> None:
    order = [3, 0, 3, 7, 0, 1]
    sizes: list[int] = []
    handle = trunk.register_forward_pre_hook(
        lambda _m, _a, kwargs: sizes.append(kwargs["input_ids"].shape[0]), with_kwargs=True
    )
    values = pool(trunk, [sides[i] for i in order], 40, 0)
    handle.remove()
    assert sum(sizes) == 4
    alone = torch.cat([pool(trunk, [sides[i]], 100, 0) for i in order], 1)
    torch.testing.assert_close(values, alone, **TIGHT)


def left_padded(trunk: Any, sides: list[Side], masked: bool) -> torch.Tensor:
    """Pool a batch padded on the left by hand."""
    longest = max(len(side.ids) for side in sides)
    ids = torch.full((len(sides), longest), 9)
    attention, position = torch.zeros_like(ids), torch.zeros_like(ids)
    shifted = []
    for line, side in enumerate(sides):
        shift = longest - len(side.ids)
        ids[line, shift:] = torch.tensor(side.ids)
        attention[line, shift:] = 1
        position[line, shift:] = torch.arange(len(side.ids))
        shifted.append(Side(side.ids, side.first + shift, side.last + shift))
    with torch.inference_mode(), capture(trunk, len(sides)) as pooled:
        pooled.aim(range(len(sides)), shifted)
        if masked:
            trunk(input_ids=ids, attention_mask=attention, position_ids=position)
        else:
            trunk(input_ids=ids)
    return pooled.values


def test_left_padding_equals_no_padding(trunk: Any, sides: list[Side]) -> None:
    alone = torch.cat([pool(trunk, [side], 10_000, 0) for side in sides], 1)
    torch.testing.assert_close(left_padded(trunk, sides, masked=True), alone, **TIGHT)
    # the comparison can fail: without mask and positions the padding is read, and the values are others
    far = (left_padded(trunk, sides, masked=False) - alone).abs().max()
    assert far > 100 * (left_padded(trunk, sides, masked=True) - alone).abs().max()
    assert far > 1e-4


def test_padding_is_never_pooled(trunk: Any, sides: list[Side]) -> None:
    """Only the aimed positions: a side without a word stays zero among others."""
    empty = Side(sides[2].ids, 0, 0)
    values = pool(trunk, [sides[4], empty, sides[2]], 100, 0)
    assert torch.count_nonzero(values[:, 1]) == 0
    torch.testing.assert_close(values[:, 2:], pool(trunk, [sides[2]], 100, 0), **TIGHT)


def test_capturing_leaves_the_forward_pass_alone(trunk: Any, sides: list[Side]) -> None:
    ids = torch.tensor([sides[4].ids])
    with torch.no_grad():
        bare = trunk(input_ids=ids).last_hidden_state
        with capture(trunk, 1) as pooled:
            pooled.aim([0], [sides[4]])
            assert torch.equal(trunk(input_ids=ids).last_hidden_state, bare)
        assert torch.equal(trunk(input_ids=ids).last_hidden_state, bare)


def test_no_hook_outlives_its_block(trunk: Any, sides: list[Side]) -> None:
    with capture(trunk, 1):
        assert hooks(trunk) == LAYERS
    assert hooks(trunk) == 0
    with pytest.raises(RuntimeError, match="planned"), capture(trunk, 1):
        raise RuntimeError("planned")
    assert hooks(trunk) == 0
    with pytest.raises(IndexError):
        pool(trunk, [*sides, Side((5, 10**6), 0, 1)], 40, 0)
    assert hooks(trunk) == 0
    pool(trunk, sides, 40, 0)
    assert hooks(trunk) == 0


def test_modes_come_back_also_mixed_ones_and_after_an_error(trunk: Any, sides: list[Side]) -> None:
    trunk.train()
    next(m for m in trunk.modules() if isinstance(m, nn.Linear)).eval()
    before = [m.training for m in trunk.modules()]
    assert len(set(before)) == 2
    pool(trunk, sides[:2], 40, 0)
    assert [m.training for m in trunk.modules()] == before
    with pytest.raises(IndexError):
        pool(trunk, [Side((5, 10**6), 0, 1)], 40, 0)
    assert [m.training for m in trunk.modules()] == before


def test_training_mode_does_not_shake_the_values(tiny_folder: Folder, sides: list[Side]) -> None:
    model = AutoModel.from_pretrained(tiny_folder("bert"))
    assert model.config.hidden_dropout_prob > 0
    quiet = pool(model.eval(), sides, 40, 0)
    torch.testing.assert_close(pool(model.train(), sides, 40, 0), quiet, rtol=0, atol=0)


def test_bfloat16_is_pooled_in_float32(trunk: Any, sides: list[Side]) -> None:
    exact = pool(trunk, sides, 64, 0)
    values = pool(trunk.to(torch.bfloat16), sides, 64, 0)
    assert values.dtype == torch.float32
    # a mean of bfloat16 numbers need not be one: rounding it again would make it so
    assert not torch.equal(values, values.to(torch.bfloat16).float())
    assert (values - exact).abs().max() < 0.1 * exact.abs().max()
