"""Gains that are trained: they start as nothing, alone learn, undo planted damage, and become an edit."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.neutralise.gains import LearnedGains
from planted import hooks
from tiny_families import FAMILIES, made, states

CHOSEN = NeuronSet("x", "neuron", 3, 48, {0: (3, 1, 47), 2: (8, 30)})


def hidden(model: Any) -> torch.Tensor:
    return states(model).last_hidden_state


def loss(model: Any, wanted: torch.Tensor) -> torch.Tensor:
    ids = torch.arange(3, 13)[None]
    return (model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state - wanted).square().mean()


def test_before_training_nothing_is_changed_to_the_bit() -> None:
    model = made(FAMILIES["llama"].config)
    gains, bare = LearnedGains(CHOSEN), hidden(model)
    with gains.on(model):
        assert torch.equal(hidden(model), bare)
    assert hooks(model) == []
    assert [tuple(parameter.shape) for parameter in gains.parameters()] == [(3,), (2,)]
    assert gains.edit() == Edit.of_gains(CHOSEN, {0: [1, 1, 1], 2: [1, 1]})


@pytest.mark.parametrize("family", ["llama", "bert", "distilbert"])
def test_training_finds_the_gains_that_were_planted(family: str) -> None:
    """The columns of some neurons are made too large or small; gains on them alone undo it, and nothing else moves."""
    model = made(FAMILIES[family].config)
    wanted = hidden(model)
    planted = {0: (2.0, 0.5, 1.25), 2: (0.4, 1.0)}
    damaged: Any = Edit.of_gains(CHOSEN, planted).bake(model)
    weights = {name: value.clone() for name, value in damaged.state_dict().items()}
    asked = [parameter.requires_grad for parameter in damaged.parameters()]
    gains = LearnedGains(CHOSEN)
    optimiser = torch.optim.LBFGS(gains.parameters(), line_search_fn="strong_wolfe")

    def slope() -> torch.Tensor:
        optimiser.zero_grad()
        value = loss(damaged, wanted)
        value.backward()
        return value

    with gains.on(damaged):
        assert not any(parameter.requires_grad for parameter in damaged.parameters())
        start = float(loss(damaged, wanted).detach())
        for _ in range(10):
            optimiser.step(slope)
        assert float(loss(damaged, wanted).detach()) < 1e-4 * start
    assert [parameter.requires_grad for parameter in damaged.parameters()] == asked
    assert all(parameter.grad is None for parameter in damaged.parameters())
    assert all(torch.equal(value, weights[name]) for name, value in damaged.state_dict().items())
    edit = gains.edit()
    for layer, members in planted.items():
        assert edit.values[layer] == pytest.approx([1 / gain for gain in members], abs=0.02)
    with gains.on(damaged):
        trained = hidden(damaged)
    with edit.on(damaged):
        assert torch.equal(hidden(damaged), trained)
    assert (hidden(edit.bake(damaged)) - wanted).abs().max() < 0.02 * wanted.abs().max()


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # PEFT 0.21
def test_with_others_in_training() -> None:
    """Not alone: an adapter learns beside the gains."""
    model = get_peft_model(made(FAMILIES["llama"].config), LoraConfig(r=2, target_modules=["up_proj"]))
    gains, wanted = LearnedGains(CHOSEN), torch.zeros(())
    with gains.on(model, alone=False):
        loss(model, wanted).backward()
    assert all(parameter.grad is not None for parameter in gains.parameters())
    learnt = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert learnt
    assert all("lora_" in name for name in learnt)


def test_gradients_of_gains_are_measured_ones() -> None:
    model = made(FAMILIES["bert"].config).double()
    gains, wanted = LearnedGains(CHOSEN).double(), torch.zeros(())
    with gains.on(model):
        loss(model, wanted).backward()
        with torch.no_grad():
            values = []
            for step in (1e-4, -2e-4):
                gains.by_layer["2"][1] += step
                values.append(float(loss(model, wanted)))
    assert float(gains.by_layer["2"].grad[1]) == pytest.approx((values[0] - values[1]) / 2e-4, rel=1e-4)


def test_half_precision_keeps_gains_in_float32() -> None:
    model = made(FAMILIES["llama"].config).to(torch.bfloat16)
    gains = LearnedGains(CHOSEN)
    with gains.on(model):
        assert hidden(model).dtype == torch.bfloat16
        loss(model, torch.zeros(())).backward()
    assert {parameter.grad.dtype for parameter in gains.parameters() if parameter.grad is not None} == {torch.float32}


def test_errors_leave_the_model_as_it_was() -> None:
    model = made(FAMILIES["llama"].config)
    next(model.parameters()).requires_grad_(False)
    asked = [parameter.requires_grad for parameter in model.parameters()]
    with pytest.raises(RuntimeError, match="planned"), LearnedGains(CHOSEN).on(model):
        raise RuntimeError("planned")
    with (
        pytest.raises(UserError, match="this model has 3 x 48"),
        LearnedGains(NeuronSet("x", "neuron", 2, 48, {})).on(model),
    ):
        pytest.fail("entered")
    assert [parameter.requires_grad for parameter in model.parameters()] == asked
    assert hooks(model) == []
