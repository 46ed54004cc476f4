"""Edits on tiny Llama, Mistral and BERT: nothing is nothing, hook equals weights, no hook outlives its block."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, GPT2Config, GPT2LMHeadModel

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.neutralise.edit import Edit

KINDS = ["llama", "mistral", "bert"]
FACTORS = [0.0, 0.1, 0.5, 0.9, 1.5, 2.0]
LAYERS, WIDTH = 4, 48
SOME = {0: (3, 1, 47), 2: (8,), 3: tuple(range(0, 48, 2))}
# PEFT 0.21 reads what transformers 5 has renamed
PEFT_WARNS = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


def neuron_set(indices: dict[int, tuple[int, ...]], layers: int = LAYERS, width: int = WIDTH) -> NeuronSet:
    return NeuronSet("abc", "neuron", layers, width, indices)


@pytest.fixture(params=KINDS)
def model(request: pytest.FixtureRequest, tiny_folder: Callable[[str], Path]) -> Any:
    kind = request.param
    family = AutoModelForMaskedLM if kind == "bert" else AutoModelForCausalLM
    return family.from_pretrained(tiny_folder(kind)).eval()


def batch() -> dict[str, torch.Tensor]:
    ids = torch.randint(2, 290, (3, 12), generator=torch.Generator().manual_seed(5))
    attention = torch.ones_like(ids)
    attention[1, 7:] = 0
    return {"input_ids": ids, "attention_mask": attention}


def logits(model: nn.Module) -> torch.Tensor:
    with torch.no_grad():
        return model(**batch()).logits


def hooks(model: nn.Module) -> int:
    return sum(len(m._forward_pre_hooks) + len(m._forward_hooks) for m in model.modules())


def last_maps(model: Any) -> list[nn.Linear]:
    """Named here by hand, not found by the code under test."""
    if model.config.model_type == "bert":
        return [block.output.dense for block in model.bert.encoder.layer]
    return [block.mlp.down_proj for block in model.model.layers]


# --- no edit


@pytest.mark.parametrize(
    "edit", [Edit(neuron_set({}), 0.0), Edit(neuron_set({1: ()}), 0.0), Edit(neuron_set(SOME), 1.0)]
)
def test_no_edit_is_the_bare_model_to_the_bit(model: Any, edit: Edit) -> None:
    bare = logits(model)
    with edit.on(model):
        assert torch.equal(logits(model), bare)
    assert torch.equal(logits(model), bare)
    assert torch.equal(logits(edit.bake(model)), bare)


def test_after_the_block_the_model_is_the_bare_one_to_the_bit(model: Any) -> None:
    bare, weights = logits(model), copy.deepcopy(model.state_dict())
    edit = Edit(neuron_set(SOME), 0.0)
    with edit.on(model):
        assert not torch.equal(logits(model), bare)
    edit.bake(model)
    assert torch.equal(logits(model), bare)
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert not model.training


# --- what an edit does


@pytest.mark.parametrize("factor", FACTORS)
def test_hook_and_bake_equal_columns_scaled_by_hand(model: Any, factor: float) -> None:
    edit = Edit(neuron_set(SOME), factor)
    by_hand = copy.deepcopy(model)
    with torch.no_grad():
        for layer, members in SOME.items():
            for neuron in members:
                last_maps(by_hand)[layer].weight[:, neuron] *= factor
    expected = logits(by_hand)
    with edit.on(model):
        hooked = logits(model)
    baked = edit.bake(model)
    exact: dict[str, float] = {"rtol": 0, "atol": 0} if factor == 0 else {"rtol": 1e-5, "atol": 1e-6}
    torch.testing.assert_close(hooked, expected, **exact)
    torch.testing.assert_close(logits(baked), expected, rtol=0, atol=0)
    assert hooks(baked) == 0
    bare = logits(model)
    assert (hooked - bare).abs().max() > 100 * (hooked - expected).abs().max()


def test_neurons_found_at_up_are_edited_where_there_is_a_gate(model: Any, tmp_path: Path) -> None:
    """The paper multiplies what leaves ``up_proj``: done by hand here, and where the edit does it."""
    at_up = replace(neuron_set(SOME), site="up")
    edit = Edit(at_up, 0.5)
    if model.config.model_type == "bert":
        with (
            pytest.raises(UserError, match="only 'neuron' can be edited, and 'up' where there is a gate"),
            edit.on(model),
        ):
            pass
        return
    with edit.on(model):
        found = logits(model)
    baked = logits(edit.bake(model))
    for layer, members in SOME.items():
        with torch.no_grad():
            model.model.layers[layer].mlp.up_proj.weight[list(members)] *= 0.5
    torch.testing.assert_close(found, logits(model), rtol=0, atol=2e-6 * float(found.abs().max()))
    torch.testing.assert_close(baked, found, rtol=0, atol=2e-6 * float(found.abs().max()))
    with pytest.raises(UserError, match="mean given for neurons of site 'up', whose values are not the neurons'"):
        Edit(at_up, 1.0, "mean", {layer: [0.0] * len(members) for layer, members in SOME.items()})
    with (
        pytest.raises(UserError, match="neurons of site 'residual' given"),
        Edit(replace(at_up, site="residual"), 0.5).on(model),
    ):
        pass


def test_edits_of_two_layers_do_not_compound(model: Any) -> None:
    both = Edit(neuron_set({0: (1,), 2: (2,)}), 0.5)
    first, second = Edit(neuron_set({0: (1,)}), 0.5), Edit(neuron_set({2: (2,)}), 0.5)
    with both.on(model):
        together = logits(model)
    with first.on(model), second.on(model):
        assert torch.equal(logits(model), together)
    gains = both.gains(torch.device("cpu"), torch.float64)
    assert sorted(gains) == [0, 2]
    assert gains[0].tolist() == [0.5 if i == 1 else 1.0 for i in range(WIDTH)]
    assert gains[2].tolist() == [0.5 if i == 2 else 1.0 for i in range(WIDTH)]


def test_conv1d_keeps_neurons_in_rows() -> None:
    torch.manual_seed(2)
    config = GPT2Config(vocab_size=300, n_embd=32, n_layer=4, n_head=4, n_inner=48, bos_token_id=0, eos_token_id=1)
    model = GPT2LMHeadModel(config).eval()
    edit = Edit(neuron_set(SOME), 0.0)
    by_hand = copy.deepcopy(model)
    with torch.no_grad():
        for layer, members in SOME.items():
            by_hand.transformer.h[layer].mlp.c_proj.weight[list(members)] = 0
    with edit.on(model):
        assert torch.equal(logits(model), logits(by_hand))
    assert torch.equal(logits(edit.bake(model)), logits(by_hand))


def test_bfloat16(model: Any) -> None:
    model.to(torch.bfloat16)
    edit = Edit(neuron_set(SOME), 0.5)  # a power of two: exact in every floating type
    with edit.on(model):
        hooked = logits(model)
    assert hooked.dtype == torch.bfloat16
    torch.testing.assert_close(logits(edit.bake(model)), hooked, rtol=0, atol=0)


@PEFT_WARNS
def test_an_adapter_sees_the_edit_and_is_merged_to_bake(model: Any) -> None:
    wrapped = get_peft_model(model, LoraConfig(r=4, lora_alpha=8, target_modules="all-linear")).eval()
    generator = torch.Generator().manual_seed(7)
    for name, parameter in wrapped.named_parameters():
        if "lora_" in name:
            parameter.data = 0.1 * torch.randn(parameter.shape, generator=generator)
    edit = Edit(neuron_set(SOME), 0.3)
    with edit.on(wrapped):
        hooked = logits(wrapped)
    before = logits(wrapped)
    merged = copy.deepcopy(wrapped).merge_and_unload()
    baked = edit.bake(wrapped)
    torch.testing.assert_close(logits(baked), hooked, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(logits(edit.bake(merged)), logits(baked), rtol=0, atol=0)
    assert not any("lora" in name for name, _ in baked.named_parameters())
    assert type(baked) is type(model)
    assert torch.equal(logits(wrapped), before)  # the adapter is still the caller's
    assert (before - hooked).abs().max() > 1e-3


@PEFT_WARNS
def test_adapters_without_their_wrapper_are_refused(model: Any) -> None:
    tuner = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear")).base_model.model
    with pytest.raises(UserError, match="is wrapped by an adapter without its PEFT model; merge it first"):
        Edit(neuron_set(SOME), 0.3).bake(tuner)


def test_training_under_an_edit_reaches_weights_also_after_inference_mode(model: Any) -> None:
    model.to(torch.bfloat16)  # another type than the gains: they are converted at the first forward pass
    with torch.inference_mode():
        entered = Edit(neuron_set(SOME), 0.0).on(model)
        entered.__enter__()
        model(**batch())
    model(**batch()).logits.float().square().mean().backward()
    entered.__exit__(None, None, None)
    gradient = last_maps(model)[2].weight.grad
    assert torch.count_nonzero(gradient[:, 8]) == 0  # silenced: nothing to learn from
    assert torch.count_nonzero(gradient[:, 9]) > 0


# --- hooks


def test_no_hook_outlives_its_block(model: Any) -> None:
    edit = Edit(neuron_set(SOME), 0.0)
    with edit.on(model):
        assert hooks(model) == 3
    assert hooks(model) == 0
    with pytest.raises(RuntimeError, match="planned"), edit.on(model):
        raise RuntimeError("planned")
    assert hooks(model) == 0
    with pytest.raises(IndexError), edit.on(model):
        model(input_ids=torch.tensor([[10**6]]))
    assert hooks(model) == 0
    with pytest.raises(KeyboardInterrupt), edit.on(model):
        raise KeyboardInterrupt
    assert hooks(model) == 0


def test_a_refused_edit_leaves_no_hook(model: Any) -> None:
    for wrong in (
        Edit(neuron_set(SOME, layers=5), 0.5),
        Edit(neuron_set(SOME, width=49), 0.5),
        Edit(NeuronSet("abc", "residual", LAYERS, WIDTH, SOME), 0.5),
    ):
        with pytest.raises(UserError), wrong.on(model):
            pytest.fail("entered")
        with pytest.raises(UserError):
            wrong.bake(model)
    assert hooks(model) == 0


def test_other_hooks_stay(model: Any) -> None:
    calls = []
    handle = last_maps(model)[0].register_forward_pre_hook(lambda _m, x: calls.append(x[0].shape))
    with Edit(neuron_set(SOME), 0.0).on(model):
        pass
    logits(model)
    handle.remove()
    assert len(calls) == 1


def test_baking_inside_the_block_is_refused(model: Any) -> None:
    edit = Edit(neuron_set(SOME), 0.5)
    with edit.on(model), pytest.raises(UserError, match="leave its with block first"):
        edit.bake(model)
    assert hooks(edit.bake(model)) == 0


# --- refusals and the file


@pytest.mark.parametrize("factor", [float("-inf"), float("nan"), float("inf"), 1e39])
def test_factors_out_of_range(factor: float) -> None:
    with pytest.raises(UserError, match="wanted a finite float32 number"):
        Edit(neuron_set(SOME), factor)


def test_baking_that_overflows_is_refused(model: Any) -> None:
    with torch.no_grad():
        last_maps(model)[0].weight[5, 1] = 100.0
    with pytest.raises(UserError, match="layer 0: weights are not finite after the edit"):
        Edit(neuron_set({0: (1,)}), 3e38).bake(model)
    assert torch.isfinite(logits(model)).all()


def test_first_layer() -> None:
    assert Edit(neuron_set({3: (1,), 2: (1,), 0: ()}), 0.5).first_layer() == 2
    assert Edit(neuron_set({}), 0.5).first_layer() == LAYERS


def test_file_round_trip_and_junk(tmp_path: Path) -> None:
    path = tmp_path / "edit.json"
    edit = Edit(NeuronSet("abc", "neuron", 4, 48, {2: (3, 0)}, {2: (1 / 3, 0.1)}, {"name": "paper"}), 0.1)
    edit.save(path)
    assert Edit.load(path) == edit
    good = edit.to_json()
    for change, message in (
        ({"operation": "mend"}, "operation 'mend' given"),
        ({"factor": "much"}, "not an edit"),
        ({"factor": 1e39}, "factor 1e\\+39 given"),
        ({"values": {"2": [1.0, 2.0]}}, "scale wants no values"),
        ({"values": [1.0]}, "not an edit"),
        ({"neurons": {}}, "not a set of neurons"),
        ({"neurons": 3}, "not a set of neurons"),
    ):
        path.write_text(json.dumps(good | change), encoding="utf-8")
        with pytest.raises(UserError, match=message) as caught:
            Edit.load(path)
        assert "\n" not in str(caught.value)
    for text in ("[]", "{}", "3", "not json"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match=r"edit\.json"):
            Edit.load(path)
