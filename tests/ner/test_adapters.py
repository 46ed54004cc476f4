"""The quick forward pass of adapters beside PEFT's own."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from peft.tuners.lora import Linear
from torch import Tensor, nn

from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.ner.adapters import quick_adapters
from ocr_neurons.ner.model import merged
from ocr_neurons.neutralise.edit import Edit
from tiny_families import FAMILIES, made

# PEFT 0.21 reads what transformers 5 has renamed
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
IDS = torch.tensor([[5, 6, 7, 8, 9, 10], [11, 12, 13, 14, 15, 16]])


def wrapped(family: str, **more: Any) -> nn.Module:
    """A tiny model in float64 whose adapters do something."""
    config = LoraConfig(r=3, lora_alpha=7, target_modules="all-linear", **more)
    model = get_peft_model(made(FAMILIES[family].config).double(), config, autocast_adapter_dtype=False)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_" in name:
                weight.copy_(0.2 * torch.randn(weight.shape, generator=generator, dtype=weight.dtype))
    return model


def run(model: nn.Module) -> tuple[Tensor, dict[str, Tensor]]:
    """Last states, and the gradient of their weighed sum for every weight that is trained; dropout drawn alike."""
    torch.manual_seed(3)
    model.zero_grad()
    states = model(input_ids=IDS).last_hidden_state
    (states.double() * torch.arange(states[0].numel()).view_as(states[0]).sin()).sum().backward()
    return states.detach(), {
        name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None
    }


def quick(model: nn.Module) -> list[nn.Module]:
    """The layers that go the quick way now."""
    return [module for module in model.modules() if isinstance(module, Linear) and "forward" in vars(module)]


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("family", ["llama", "mistral", "gemma3"])
def test_outputs_and_gradients_are_those_of_peft(family: str, dropout: float) -> None:
    model = wrapped(family, lora_dropout=dropout).train()
    wanted, gradients = run(model)
    with quick_adapters(model):
        assert len(quick(model)) == sum(isinstance(module, Linear) for module in model.modules()) > 0
        found, ours = run(model)
    torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-12)
    assert ours.keys() == gradients.keys()
    assert any(name.endswith("lora_A.default.weight") for name in ours)
    for name, gradient in gradients.items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-9, atol=1e-12, msg=name)


@pytest.mark.parametrize("autocast", [False, True])  # the Trainer's way is with it
def test_in_bfloat16_no_farther_from_the_truth_than_peft(autocast: bool) -> None:
    exact = wrapped("llama")
    truth, gradients = run(exact)
    half = copy.deepcopy(exact)
    for name, weight in half.named_parameters():
        weight.data = weight.data.to(torch.float32 if "lora_" in name else torch.bfloat16)

    def off(found: Tensor, ours: dict[str, Tensor]) -> tuple[float, float]:
        square = sum(((ours[name] - gradients[name]) ** 2).sum().item() for name in gradients if "lora_" in name)
        return (found - truth).norm().item(), square**0.5

    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        theirs = off(*run(half))
        with quick_adapters(half):
            found, ours = run(half)
    assert all(ours[name].dtype == torch.float32 for name in ours if "lora_" in name), "what is trained is float32"
    assert found.dtype == torch.bfloat16
    for mine, other in zip(off(found, ours), theirs, strict=True):
        assert 0 < mine < 1.5 * other


@pytest.mark.filterwarnings("ignore:fan_in_fan_out is set to False:UserWarning")  # of GPT-2; PEFT sets it right
@pytest.mark.parametrize("more", [{}, {"use_dora": True}])
@pytest.mark.parametrize("family", ["llama", "gemma3", "gpt2"])
def test_merged_weights_are_those_of_peft(family: str, more: dict[str, bool]) -> None:
    model = wrapped(family, **more)
    theirs = copy.deepcopy(model).merge_and_unload()  # type: ignore[operator]
    ours = merged(model)
    assert not any("lora" in name for name, _ in ours.named_modules())
    named = dict(theirs.named_parameters())
    assert named.keys() == {name for name, _ in ours.named_parameters()}
    base = dict(made(FAMILIES[family].config).double().named_parameters())
    for name, weight in ours.named_parameters():
        # sums are rounded to float32, so that they are the same everywhere
        torch.testing.assert_close(weight, named[name], rtol=1e-6, atol=1e-7, msg=name)
    assert any(not torch.equal(weight, base[name]) for name, weight in ours.named_parameters())


def test_all_is_as_before_after_an_error() -> None:
    model = wrapped("llama")
    wanted, _ = run(model)

    def stop() -> None:
        with quick_adapters(model):
            assert quick(model)
            raise KeyError

    with pytest.raises(KeyError):
        stop()
    assert not quick(model)
    assert torch.equal(run(model)[0], wanted)


def test_edits_act_as_before() -> None:
    model = wrapped("llama").eval()
    edit = Edit(NeuronSet("x", "neuron", 3, 48, {0: (3, 1, 47), 2: tuple(range(0, 48, 5))}), 0.0)
    with edit.on(model):
        wanted, _ = run(model)
    with edit.on(model), quick_adapters(model):
        found, _ = run(model)
    torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-12)
    assert not torch.allclose(run(model)[0], wanted)


@pytest.mark.filterwarnings("ignore:`lora_bias=True` was passed:UserWarning")
@pytest.mark.parametrize("more", [{"use_dora": True}, {"lora_bias": True}])
def test_other_kinds_of_layers_keep_their_own_way(more: dict[str, bool]) -> None:
    model = wrapped("llama", **more)
    wanted, _ = run(model)
    with quick_adapters(model):
        assert not quick(model)
        assert torch.equal(run(model)[0], wanted)
