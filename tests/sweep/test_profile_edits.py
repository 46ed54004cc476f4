"""Edits from profiles: the means are those of the activations that were profiled; what does not fit is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.neutralise.edits import Edits
from ocr_neurons.probe.accumulate import Accumulator, Rows
from ocr_neurons.probe.profile import Profile, freeze
from ocr_neurons.sweep.grid import EditMaker, Setting
from ocr_neurons.sweep.profile_edits import edit_from_profile, legacy_edit

LAYERS, WIDTH, PAIRS = 3, 8, 10
ABOUT: dict[str, Any] = {"fingerprint": "f00d", "site": "neuron", "depth": 5, "read": [0, 2, 3]}
CHOSEN = NeuronSet("f00d", "neuron", 5, WIDTH, {0: (7, 1), 3: (4,)})


def sides() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    rng = np.random.default_rng(5)
    clean = rng.normal(3, 2, (PAIRS, LAYERS, WIDTH))
    return clean, clean + rng.normal(-1, 0.5, clean.shape)


def profile(about: dict[str, Any] | None = None) -> Profile:
    """Of ten words, one pair each, the first four at level ``low``."""
    accumulator = Accumulator(LAYERS, WIDTH, ["low", "high"], shift=torch.zeros(LAYERS, WIDTH))
    clean, noisy = (torch.from_numpy(side).transpose(0, 1) for side in sides())
    rows = Rows([0] * 4 + [1] * 6, [f"word {n}" for n in range(PAIRS)], [0.5] * PAIRS, "0")
    accumulator.update(clean, noisy, rows)
    return freeze(accumulator, ABOUT | (about or {}))


@pytest.mark.parametrize(("group", "part"), [(None, slice(None)), ("low", slice(4)), ("high", slice(4, None))])
def test_values_are_the_means_of_what_was_read(group: str | None, part: slice) -> None:
    clean, noisy = (side[part].mean(0) for side in sides())
    mean = edit_from_profile(CHOSEN, profile(), "mean", group=group)
    shift = edit_from_profile(CHOSEN, profile(), "shift", 0.5, group=group)
    # row 2 of the profile is layer 3
    for values, wanted in ((mean.values, clean), (shift.values, clean - noisy)):
        assert values[0] == pytest.approx([wanted[0, 7], wanted[0, 1]])
        assert values[3] == pytest.approx([wanted[2, 4]])
    assert (mean.operation, mean.factor, shift.operation, shift.factor) == ("mean", 1.0, "shift", 0.5)
    assert mean.neurons == CHOSEN


def test_at_strength_1_a_shift_gives_noisy_words_the_clean_mean() -> None:
    clean, noisy = sides()
    moved = edit_from_profile(CHOSEN, profile(), "shift").offsets(torch.device("cpu"), torch.float64)
    assert (noisy[:, 2] + moved[3].numpy())[:, 4].mean() == pytest.approx(clean[:, 2, 4].mean())
    assert moved[3].count_nonzero() == 1


@pytest.mark.parametrize(
    ("neurons", "about", "operation", "message"),
    [
        (CHOSEN, {}, "scale", "operation 'scale' given; a profile has values for mean and shift"),
        (CHOSEN, {"site": "up"}, "mean", "a profile of 8 ups a layer in model f00d"),
        (CHOSEN, {"fingerprint": "beef"}, "mean", "in model beef and neurons of 8 neurons in model f00d given"),
        (NeuronSet("f00d", "neuron", 5, 9, {0: (8,)}), {}, "mean", "neurons of 9 neurons"),
        (NeuronSet("f00d", "neuron", 5, WIDTH, {1: (1,)}), {}, "mean", "has not read layer 1, where there are neurons"),
    ],
)
def test_what_does_not_fit(neurons: NeuronSet, about: dict[str, Any], operation: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        edit_from_profile(neurons, profile(about), operation)


def test_groups_without_words() -> None:
    with pytest.raises(UserError, match="no mean of 2 neurons of layer 0; too few words"):
        edit_from_profile(CHOSEN, profile(), "mean", group="good")
    with pytest.raises(UserError, match="group 'loud' given"):
        edit_from_profile(CHOSEN, profile(), "mean", group="loud")


# --- the original's way


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=torch.arange(20, 44).reshape(2, 12)).logits


def test_two_layers_never_compound_and_do_under_legacy(tiny_folder: Callable[[str], Path]) -> None:
    """Each layer's neurons are multiplied once, as by hand; the original's loop multiplies twice, as legacy does."""
    model: Any = AutoModelForCausalLM.from_pretrained(tiny_folder("llama")).eval()
    chosen = NeuronSet("x", "neuron", 4, 48, {1: tuple(range(24)), 3: tuple(range(0, 48, 2))})

    def by_hand(times: int) -> torch.Tensor:
        handles = []
        for layer, members in chosen.indices.items():

            def scale(_module: Any, inputs: Any, columns: tuple[int, ...] = members) -> Any:
                x = inputs[0].clone()
                for column in columns:
                    x[..., column] *= 0.5**times
                return (x,)

            handles.append(model.model.layers[layer].mlp.down_proj.register_forward_pre_hook(scale))
        found = logits(model)
        for handle in handles:
            handle.remove()
        return found

    once, twice = by_hand(1), by_hand(2)
    assert (once - twice).abs().max() > 1e-3
    with Edit.scale(chosen, 0.5).on(model):
        assert torch.equal(logits(model), once)
    torch.testing.assert_close(logits(Edit.scale(chosen, 0.5).bake(model)), once, rtol=1e-5, atol=1e-6)
    one, other = (Edit.scale(chosen.within([layer]), 0.5) for layer in (1, 3))
    with Edits([one, other]).on(model):
        assert torch.equal(logits(model), once)
    legacy = legacy_edit(chosen, 0.5)
    assert (legacy.operation, legacy.factor, legacy.neurons.indices) == ("scale", 0.25, chosen.indices)
    assert legacy.neurons.method == {"legacy": "compounded-factor", "asked_factor": 0.5}  # it says what it is
    with legacy.on(model):
        assert torch.equal(logits(model), twice)
    with Edits([Edit.scale(chosen, 0.5)] * 2).on(model):  # the original's loop
        assert torch.equal(logits(model), twice)
    assert legacy_edit(chosen.within([1]), 0.5).factor == 0.5  # one layer: no quirk
    with pytest.raises(UserError, match="at least one"):
        legacy_edit(chosen.within([]), 0.5)


@given(st.dictionaries(st.integers(0, 30), st.just((1, 2)), min_size=1, max_size=6), st.floats(0.25, 2, width=16))
def test_legacy_is_the_loop_over_layers(indices: dict[int, tuple[int, ...]], factor: float) -> None:
    chosen = NeuronSet("x", "neuron", 31, 4, indices)
    wanted = 1.0
    for _ in indices:
        wanted *= factor
    assert legacy_edit(chosen, factor).factor == pytest.approx(wanted)


def test_a_sweep_with_a_profile_makes_the_same_edits() -> None:
    ranked = NeuronSet("f00d", "neuron", 5, WIDTH, {0: (7, 1), 3: (4,)}, {0: (3.0, 1.0), 3: (2.0,)})
    edits = EditMaker(ranked, 1, profile())
    for operation in ("mean", "shift"):
        made = edits.of(Setting("all", 2, 0.5, operation=operation))
        assert made == edit_from_profile(ranked.top(2), profile(), operation, 0.5)
    drawn = edits.of(Setting("layer-3", 1, 1.0, 0, "mean"))
    (number,) = drawn.neurons.indices[3]
    assert drawn.values[3] == pytest.approx([sides()[0][:, 2, number].mean()])
