"""Every operation in every architecture: baked equals hooked, no trace is left, and what cannot be baked says why."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.neutralise.edits import Edits
from planted import hooks
from tiny_families import FAMILIES, GROUPED, made, states

NO_BIAS = {"mistral", "qwen2", "qwen3", "gemma2", "gemma3", "olmo2", "phi3", "t5", "t5 gated"}
"""Families whose last map can have no bias, read off transformers' modelling code."""
BIAS_ON_REQUEST = {"llama": "mlp_bias", "modernbert": "mlp_bias", "falcon": "bias", "falcon new": "bias"}


def neurons(width: int) -> NeuronSet:
    return NeuronSet("x", "neuron", 3, width, {0: (3, 1, 47), 2: tuple(range(0, width, 5))})


def drawn(chosen: NeuronSet, seed: int = 0) -> dict[int, tuple[float, ...]]:
    rng = np.random.default_rng(seed)
    return {layer: tuple(rng.normal(0, 1, count).tolist()) for layer, count in chosen.counts().items()}


OPERATIONS: dict[str, Callable[[NeuronSet], Edit | Edits]] = {
    "scale": lambda chosen: Edit.scale(chosen, 0.3),
    "negative": lambda chosen: Edit.scale(chosen, -1.5),
    "zero": Edit.zero,
    "mean": lambda chosen: Edit.mean(chosen, drawn(chosen)),
    "half way": lambda chosen: Edit.mean(chosen, drawn(chosen), 0.5),
    "shift": lambda chosen: Edit.shift(chosen, drawn(chosen), 0.7),
    "gains": lambda chosen: Edit.of_gains(chosen, drawn(chosen)),
    "several": lambda chosen: Edits(
        [
            Edit.mean(chosen, drawn(chosen)),
            Edit.of_gains(chosen, drawn(chosen, 1)),
            Edit.shift(chosen, drawn(chosen, 2)),
        ]
    ),
}
ADDING = {"mean", "half way", "shift", "several"}


@cache
def model_of(family: str) -> Any:
    """Shared by the tests of this file, none of which changes it."""
    return made(FAMILIES[family].config)


def hidden(model: Any) -> torch.Tensor:
    return states(model).last_hidden_state


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("family", FAMILIES)
def test_baked_equals_hooked_to_a_millionth(family: str, operation: str) -> None:
    model = model_of(family)
    edit = OPERATIONS[operation](neurons(FAMILIES[family].width))
    bare, weights, config = hidden(model), copy.deepcopy(model.state_dict()), model.config.to_dict()
    with edit.on(model):
        hooked = hidden(model)
    assert hooks(model) == []
    assert (hooked - bare).abs().max() > 0.01 * bare.abs().max()
    if operation in ADDING and family in NO_BIAS:
        with pytest.raises(UserError, match="have no bias to keep what this edit adds"):
            edit.bake(model)
    else:
        baked = edit.bake(model)
        assert (hidden(baked) - hooked).abs().max() <= 1e-6 * hooked.abs().max()
        assert hooks(baked) == []
        assert type(baked) is type(model)
        switch = BIAS_ON_REQUEST.get(family) if operation in ADDING else None
        assert {key for key, value in baked.config.to_dict().items() if config.get(key) != value} == (
            {switch} if switch else set()
        )
    # the model is as it was
    assert torch.equal(hidden(model), bare)
    assert list(model.state_dict()) == list(weights)
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert model.config.to_dict() == config


@pytest.mark.parametrize("family", ["llama", "gpt2", "bert", "falcon"])
def test_in_float64_they_are_equal_to_the_last_digits(family: str) -> None:
    """So that what is left in float32 is rounding."""
    model = made(FAMILIES[family].config).double()
    edit = OPERATIONS["several"](neurons(FAMILIES[family].width))
    with edit.on(model):
        hooked = hidden(model)
    assert hooked.dtype == torch.float64
    torch.testing.assert_close(hidden(edit.bake(model)), hooked, rtol=0, atol=1e-13)


@pytest.mark.parametrize("family", BIAS_ON_REQUEST)
def test_new_biases_change_nothing_by_themselves_and_come_back_from_disk(family: str, tmp_path: Path) -> None:
    model = model_of(family)
    chosen = neurons(FAMILIES[family].width)
    tiny = Edit.shift(chosen, {layer: [1e-30] * count for layer, count in chosen.counts().items()})
    baked: Any = tiny.bake(model)
    torch.testing.assert_close(hidden(baked), hidden(model), rtol=0, atol=1e-6)
    state = torch.random.get_rng_state()
    baked = Edit.shift(chosen, drawn(chosen)).bake(model)
    assert torch.equal(torch.random.get_rng_state(), state)
    baked.save_pretrained(tmp_path)
    again, found = transformers.AutoModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not found["missing_keys"]
    assert not found["unexpected_keys"]
    difference = hidden(again.eval()) - hidden(baked)  # of another implementation of attention, for one of them
    assert difference.abs().max() <= 1e-6 * hidden(baked).abs().max()
    added = set(baked.state_dict()) - set(model.state_dict())
    assert added
    moved = {name for name in added if baked.state_dict()[name].any()}
    last = FAMILIES[family].last
    assert moved == {f"{last.replace('.1.', f'.{layer}.', 1)}.bias" for layer in (0, 2)}


@pytest.mark.parametrize(
    "config",
    [
        transformers.MistralConfig(**GROUPED, mlp_bias=False),  # which Mistral does not know
        transformers.InternLM3Config(**GROUPED, head_dim=8),  # which can have biases everywhere or nowhere
    ],
    ids=["alien", "not alone"],
)
def test_a_setting_that_does_not_give_these_biases_is_left_alone(config: Any) -> None:
    model = transformers.AutoModel.from_config(config).eval()
    chosen = neurons(48)
    with pytest.raises(UserError, match=f"last linear maps of {config.model_type} have no bias"):
        Edit.mean(chosen, drawn(chosen)).bake(model)
    assert model.config.mlp_bias is False
    Edit.zero(chosen).bake(model)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_no_layer_below_sees_is_to_the_bit(family: str) -> None:
    """Unedited layers carry no hook: all below the first edited one is the bare model."""
    model, width = made(FAMILIES[family].config), FAMILIES[family].width
    bare = states(model, output_hidden_states=True).hidden_states
    own = hooks(model)  # transformers collects hidden states by hooks that stay
    edit = Edit.zero(NeuronSet("x", "neuron", 3, width, {2: (0, 5)}))
    with edit.on(model):
        assert len(hooks(model)) == len(own) + 1
        edited = states(model, output_hidden_states=True).hidden_states
    assert all(torch.equal(left, right) for left, right in zip(bare[:3], edited[:3], strict=True))
    assert hooks(model) == own
    assert not torch.equal(bare[3], edited[3])
