"""Edits under what is put around a model: adapters, packed weights, other blocks; and what they leave behind."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from peft import IA3Config, LoraConfig, PromptTuningConfig, TaskType, get_peft_model
from test_edit_families import OPERATIONS, drawn, neurons
from torch import nn

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.lm.sites import neuron_maps
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.neutralise.edits import Edits
from packing import CONFIGS, Packed, bits, pack
from planted import hooks
from tiny_families import FAMILIES, made, states

# PEFT 0.21 reads what transformers 5 has renamed
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
ADAPTED = ["llama", "gpt2", "bert", "falcon", "modernbert"]


def hidden(model: Any) -> torch.Tensor:
    return states(model).last_hidden_state


def adapted(family: str) -> Any:
    """A model with LoRA around every linear map of its feed-forwards, as training leaves it."""
    last = FAMILIES[family].last.rpartition(".")[2]
    fan_in = {"fan_in_fan_out": True} if family == "gpt2" else {}
    wrapped = get_peft_model(
        made(FAMILIES[family].config), LoraConfig(r=4, lora_alpha=8, target_modules=[last], **fan_in)
    ).eval()
    generator = torch.Generator().manual_seed(7)
    for name, parameter in wrapped.named_parameters():
        if "lora_" in name:
            parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator)
    return wrapped


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("family", ADAPTED)
def test_adapters_see_the_edit_and_are_merged_first(family: str, operation: str) -> None:
    wrapped = adapted(family)
    edit = OPERATIONS[operation](neurons(FAMILIES[family].width))
    bare, names = hidden(wrapped), list(wrapped.state_dict())
    with edit.on(wrapped):
        hooked = hidden(wrapped)
    # the same on the merged model, where there is no adapter to forget; adapter and base are added in another order:
    # more rounding than without, and not the same on every processor
    merged = copy.deepcopy(wrapped).merge_and_unload()
    with edit.on(merged):
        torch.testing.assert_close(hidden(merged), hooked, rtol=0, atol=5e-6 * float(hooked.abs().max()))
    baked = edit.bake(wrapped)
    assert (hidden(baked) - hooked).abs().max() <= 5e-6 * hooked.abs().max()
    assert torch.equal(hidden(wrapped), bare)
    assert list(wrapped.state_dict()) == names
    assert hooks(wrapped) == hooks(baked) == []


def test_ia3_is_merged_and_prompts_are_refused() -> None:
    model = made(FAMILIES["llama"].config)
    wrapped = get_peft_model(model, IA3Config(target_modules=["down_proj"], feedforward_modules=["down_proj"])).eval()
    with torch.no_grad():
        for name, parameter in wrapped.named_parameters():
            if "ia3_l" in name:
                parameter.uniform_(0.5, 1.5)
    edit = Edit.mean(neurons(48), drawn(neurons(48)))
    with edit.on(wrapped):
        hooked = hidden(wrapped)
    assert (hidden(edit.bake(wrapped)) - hooked).abs().max() <= 5e-6 * hooked.abs().max()
    prompt = PromptTuningConfig(
        task_type=TaskType.FEATURE_EXTRACTION, num_virtual_tokens=2, token_dim=32, num_layers=3, num_attention_heads=4
    )
    with pytest.raises(UserError, match=r"an adapter of type \S*PROMPT_TUNING cannot be merged into weights"):
        edit.bake(get_peft_model(made(FAMILIES["llama"].config), prompt))


@pytest.mark.filterwarnings("ignore:MatMul8bitLt")
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("family", ["llama", "phi3", "bert", "opt"])
@pytest.mark.parametrize("how", ["own", "int8", "nf4"])
def test_packed_models_are_edited_by_hook_and_not_baked(how: str, family: str, operation: str) -> None:
    model = pack(made(CONFIGS[family]), Packed if how == "own" else bits(how))
    edit = OPERATIONS[operation](neurons(128))
    last = neuron_maps(model)
    kept: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def watch(layer: int) -> Any:
        return last[layer].register_forward_pre_hook(lambda _m, x: kept.update({layer: x[0]}))

    before = [watch(0), watch(2)]
    bare = hidden(model)
    plain = kept[0].clone()
    for handle in before:
        handle.remove()
    with edit.on(model):
        after = watch(0)
        edited = hidden(model)
        after.remove()
    gains, offsets = torch.ones(128), torch.zeros(128)
    for one in edit.edits if isinstance(edit, Edits) else [edit]:
        gain = one.gains(torch.device("cpu"), torch.float32)[0]
        gains, offsets = gains * gain, offsets * gain + one.offsets(torch.device("cpu"), torch.float32).get(0, 0)
    torch.testing.assert_close(kept[0], plain * gains + offsets, rtol=1e-5, atol=1e-5)
    assert not torch.equal(edited, bare)
    assert torch.equal(hidden(model), bare)
    assert hooks(model) == []
    with pytest.raises(UserError, match=r"layer 0: weights are quantised \(.+\); load the model unquantised to bake"):
        edit.bake(model)


def test_no_hook_is_left_whatever_goes_wrong() -> None:
    model = made(FAMILIES["bert"].config)
    good = Edit.zero(neurons(48))
    alien = Edit.zero(NeuronSet("x", "neuron", 4, 48, {0: (1,)}))
    other = neuron_maps(model)[0].register_forward_pre_hook(lambda _m, x: None)
    own = hooks(model)

    def fail(error: type[BaseException]) -> None:
        with Edits([good, good]).on(model):
            assert len(hooks(model)) == len(own) + 4
            raise error

    for error in (RuntimeError, KeyboardInterrupt, GeneratorExit):
        with pytest.raises(error):
            fail(error)
        assert hooks(model) == own
    with pytest.raises(UserError, match="4 layers x 48 given"), Edits([good, alien]).on(model):
        pytest.fail("entered")  # the first one was on already
    assert hooks(model) == own
    with pytest.raises(UserError, match="4 layers x 48 given"):
        Edits([good, alien]).bake(model)
    with good.on(model), pytest.raises(UserError, match="leave its with block first"):
        good.bake(model)
    assert hooks(model) == own
    other.remove()


def test_blocks_inside_one_another() -> None:
    model = made(FAMILIES["gpt2"].config)
    chosen = neurons(128)
    scale, shift = Edit.scale(chosen, 3), Edit.shift(chosen, drawn(chosen))
    with scale.on(model), shift.on(model):
        nested = hidden(model)
    with Edits([scale, shift]).on(model):
        assert torch.equal(hidden(model), nested)
    with Edits([shift, scale]).on(model):
        assert (hidden(model) - nested).abs().max() > 0.01  # the order matters
    # blocks may also end in another order than they began
    first, second = scale.on(model), shift.on(model)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    left = hidden(model)
    second.__exit__(None, None, None)
    with shift.on(model):
        assert torch.equal(hidden(model), left)
    assert hooks(model) == []


def test_a_model_may_be_wrapped_inside_the_block() -> None:
    model = made(FAMILIES["llama"].config)
    with Edit.zero(neurons(48)).on(model):
        wrapped = get_peft_model(model, LoraConfig(r=2, target_modules=["up_proj"]))
        assert len(hooks(wrapped)) == 2
    assert hooks(wrapped) == []


def test_padding_is_edited_and_seen_by_no_one() -> None:
    """An edit acts at every position; what stands beside padding gives the same as alone."""
    model = made(FAMILIES["bert"].config)
    edit = Edit.mean(neurons(48), drawn(neurons(48)))
    ids = torch.arange(3, 11)[None]
    padded = torch.cat([ids, torch.zeros(1, 5, dtype=torch.long)], dim=1)
    attention = (torch.arange(13) < 8).long()[None]
    with edit.on(model), torch.no_grad():
        alone = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        beside = model(input_ids=padded, attention_mask=attention).last_hidden_state
    torch.testing.assert_close(beside[:, :8], alone, rtol=0, atol=1e-5)


def test_gradients_are_those_of_the_edited_model() -> None:
    """By finite differences, and equal to those of the baked weights."""
    model = made(FAMILIES["gpt2"].config).double()
    edit = OPERATIONS["several"](neurons(128))
    embedded = torch.randn(1, 4, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def loss(given: torch.Tensor, of: Any = model) -> torch.Tensor:
        return of(inputs_embeds=given).last_hidden_state.square().sum()

    given = embedded.clone().requires_grad_()
    with edit.on(model):
        (slope,) = torch.autograd.grad(loss(given), given)
        step = torch.zeros_like(embedded)
        step[0, 2, 5] = 1e-5
        with torch.no_grad():
            measured = (loss(embedded + step) - loss(embedded - step)) / 2e-5
    assert float(slope[0, 2, 5]) == pytest.approx(float(measured), rel=1e-5)
    (baked,) = torch.autograd.grad(loss(given, edit.bake(model)), given)
    torch.testing.assert_close(slope, baked, rtol=1e-9, atol=1e-9)
    (plain,) = torch.autograd.grad(loss(given), given)
    assert (plain - slope).abs().max() > 0.01 * slope.abs().max()


def test_training_under_an_edit_is_training_the_edited_model() -> None:
    model = made(FAMILIES["llama"].config).train()
    chosen = neurons(48)
    with Edit.zero(chosen).on(model):
        model(input_ids=torch.arange(3, 13)[None]).last_hidden_state.square().sum().backward()
    gradient: Any = neuron_maps(model)[0].weight.grad
    silenced = list(chosen.indices[0])
    assert not gradient[:, silenced].any()  # nothing to learn from a silent neuron
    assert gradient[:, [2, 4]].abs().min() > 0
    assert isinstance(model, nn.Module)
    assert model.training
