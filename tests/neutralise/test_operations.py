"""What the operations do to numbers, how edits flip, combine and refuse, and their files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.neutralise.bake import combined
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.neutralise.edits import Edits
from ocr_neurons.neutralise.operations import OPERATIONS

WIDTH, LAYERS = 12, 3
CPU = torch.device("cpu")
numbers = st.floats(-4, 4, width=32)


@st.composite
def edits(draw: st.DrawFn) -> Edit:
    name = draw(st.sampled_from(sorted(OPERATIONS)))
    indices = draw(
        st.dictionaries(
            st.integers(0, LAYERS - 1),
            st.lists(st.integers(0, WIDTH - 1), unique=True, max_size=5).map(tuple),
            max_size=3,
        )
    )
    row = OPERATIONS[name]
    values = {
        layer: tuple(draw(st.lists(numbers, min_size=len(members), max_size=len(members))))
        for layer, members in indices.items()
        if row.value and members
    }
    number = draw(numbers) if row.number else 1.0
    return Edit(NeuronSet("x", "neuron", LAYERS, WIDTH, indices), number, name, values)


def naive(edit: Edit, x: np.ndarray[Any, Any], layer: int) -> np.ndarray[Any, Any]:
    """Neuron by neuron, as the names of the operations say."""
    out, number = x.astype(np.float64), edit.factor
    for place, neuron in enumerate(edit.neurons.indices.get(layer, ())):
        value = edit.values[layer][place] if edit.values.get(layer) else None
        out[..., neuron] = {
            "scale": lambda a, v: number * a,
            "zero": lambda a, v: 0 * a,
            "mean": lambda a, v: a + number * (v - a),
            "shift": lambda a, v: a + number * v,
            "gains": lambda a, v: a + number * (v * a - a),
        }[edit.operation](out[..., neuron], value)
    return out


class Layer(nn.Module):
    """Under an edit, gives what the last map is given."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(WIDTH, 5, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(x)


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.config = type("Config", (), {"num_hidden_layers": LAYERS, "hidden_size": 5, "intermediate_size": WIDTH})()
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))


def activations(edit: Edit | Edits, x: torch.Tensor, layer: int) -> np.ndarray[Any, Any]:
    model, kept = Model(), []
    with edit.on(model):
        handle = model.layers[layer].last.register_forward_pre_hook(lambda _m, given: kept.append(given[0]))
        model.layers[layer](x)
        handle.remove()
    return kept[0].numpy()


def sample(seed: int = 0) -> torch.Tensor:
    return torch.randn(2, 4, WIDTH, generator=torch.Generator().manual_seed(seed))


@given(edits(), st.integers(0, LAYERS - 1))
def test_the_hook_does_what_the_name_says(edit: Edit, layer: int) -> None:
    x = sample()
    found = activations(edit, x, layer)
    np.testing.assert_allclose(found, naive(edit, x.numpy(), layer), rtol=1e-5, atol=1e-5)
    others = [i for i in range(WIDTH) if i not in edit.neurons.indices.get(layer, ())]
    np.testing.assert_array_equal(found[..., others], x[..., others])


@given(edits(), st.integers(0, LAYERS - 1))
def test_flipped_is_the_mirror_image(edit: Edit, layer: int) -> None:
    x = sample()
    there, back = activations(edit, x, layer), activations(edit.flipped(), x, layer)
    np.testing.assert_allclose(there + back, 2 * x.numpy(), rtol=1e-5, atol=2e-5)
    np.testing.assert_allclose(activations(edit.flipped().flipped(), x, layer), there, rtol=1e-5, atol=1e-5)
    assert edit.flipped().neurons == edit.neurons


def test_flipped_by_name() -> None:
    chosen = NeuronSet("x", "neuron", LAYERS, WIDTH, {1: (3, 4)})
    means = {1: (1.0, 2.0)}
    assert Edit.scale(chosen, 0.5).flipped() == Edit.scale(chosen, 1.5)
    assert Edit.zero(chosen).flipped() == Edit.scale(chosen, 2)
    assert Edit.shift(chosen, means, 0.7).flipped() == Edit.shift(chosen, means, -0.7)
    assert Edit.mean(chosen, means).flipped() == Edit.mean(chosen, means, -1)
    assert Edit.of_gains(chosen, means).flipped() == Edit.of_gains(chosen, means, -1)
    both = Edits([Edit.scale(chosen, 0.5), Edit.zero(chosen)])
    assert both.flipped() == Edits([Edit.scale(chosen, 1.5), Edit.scale(chosen, 2)])


@given(st.lists(edits(), min_size=1, max_size=4), st.integers(0, LAYERS - 1))
def test_several_are_applied_in_order(several: list[Edit], layer: int) -> None:
    x = sample()
    wanted = x.numpy()
    for edit in several:
        wanted = naive(edit, wanted, layer)
    scale = max(1, np.abs(wanted).max())
    np.testing.assert_allclose(activations(Edits(several), x, layer), wanted, rtol=0, atol=1e-5 * scale)
    gain, offset = combined(several).get(layer, (torch.ones(WIDTH), torch.zeros(WIDTH)))
    np.testing.assert_allclose(x.double() * gain + offset, wanted, rtol=0, atol=1e-5 * scale)


@given(edits(), edits())
def test_files_give_back_what_was_saved(tmp_path_factory: pytest.TempPathFactory, one: Edit, two: Edit) -> None:
    path = tmp_path_factory.mktemp("edit") / "edit.json"
    one.save(path)
    assert Edit.load(path) == one
    assert Edits.load(path) == Edits([one])
    Edits([one]).save(path)
    assert Edit.load(path) == one
    Edits([one, two]).save(path)
    assert Edits.load(path) == Edits([one, two])


def test_files_of_older_runs_are_read(tmp_path: Path) -> None:
    chosen = {"model": "abc", "site": "neuron", "layers": 3, "width": 12, "method": {"name": "paper"},
              "indices": {"1": [4, 2]}, "scores": {"1": [0.5, 0.25]}}  # fmt: skip
    path = tmp_path / "edit.json"
    path.write_text(json.dumps({"operation": "scale", "factor": 0.9, "neurons": chosen}))
    wanted = Edit(NeuronSet("abc", "neuron", 3, 12, {1: (4, 2)}, {1: (0.5, 0.25)}, {"name": "paper"}), 0.9)
    assert Edit.load(path) == wanted
    assert Edits.load(path) == Edits([wanted])
    assert wanted.to_json() == json.loads(path.read_text())  # and such are still written


CHOSEN = NeuronSet("x", "neuron", LAYERS, WIDTH, {0: (1, 2), 2: (5,)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"operation": "mean"}, "mean wants its mean on clean words for each neuron"),
        ({"operation": "shift", "values": {0: (1.0,), 2: (1.0,)}}, r"given, wanted \{0: 2, 2: 1\}"),
        ({"operation": "mean", "values": {0: (1.0, float("nan")), 2: (1.0,)}}, "layer 0: wanted finite float32 values"),
        ({"operation": "gains", "values": {0: (1.0, 1e39), 2: (1.0,)}}, "layer 0: wanted finite float32 values"),
        ({"operation": "shift", "factor": 3e38, "values": {0: (1.0, 2.0), 2: (1.0,)}}, "layer 0: wanted finite"),
        ({"values": {0: (1.0, 2.0), 2: (1.0,)}}, "scale wants no values"),
        ({"operation": "zero", "factor": 0.5}, "zero takes no number, 0.5 given"),
        ({"operation": "erase"}, "operation 'erase' given; wanted one of scale, zero, mean, shift, gains"),
        ({"operation": "shift", "factor": float("nan")}, "strength nan given"),
    ],
)
def test_edits_that_are_none(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Edit(CHOSEN, **change)


def test_junk_files_name_themselves(tmp_path: Path) -> None:
    path = tmp_path / "edit.json"
    good = Edit.mean(CHOSEN, {0: (1.0, 2.0), 2: (3.0,)}).to_json()
    for value, message in (
        ({**good, "values": {"0": [1.0, 2.0]}}, r"edit\.json: edit: mean wants its mean"),
        ({**good, "values": {"0": [1.0, "x"], "2": [3]}}, r"edit\.json: not an edit"),
        ({**good, "values": 3}, r"edit\.json: not an edit"),
        ({k: v for k, v in good.items() if k != "strength"}, r"edit\.json: not an edit \(KeyError\('strength'\)\)"),
        ({"edits": []}, r"edit\.json: not edits"),
        ({"edits": good}, r"edit\.json: not edits"),
        ({"edits": [good, 3]}, r"edit\.json, edit 2: not an edit"),
        ({"edits": [good, {**good, "operation": "mend"}]}, r"edit\.json, edit 2: edit: operation 'mend' given"),
    ):
        path.write_text(json.dumps(value))
        with pytest.raises(UserError, match=message) as caught:
            Edits.load(path)
        assert "\n" not in str(caught.value)


def test_edits_in_words() -> None:
    means = {0: (1.0, 0.5), 2: (3.0,)}
    lines = [
        (Edit.scale(CHOSEN, 0.5), "3 neurons of layers 0, 2 times 0.5"),
        (Edit.zero(CHOSEN.within([2])), "1 neuron of layer 2 set to zero"),
        (Edit.mean(CHOSEN, means), "3 neurons of layers 0, 2 replaced by their mean on clean words"),
        (
            Edit.mean(CHOSEN, means, 0.5),
            "3 neurons of layers 0, 2 replaced by their mean on clean words, at strength 0.5",
        ),
        (Edit.shift(CHOSEN, means, -1), "3 neurons of layers 0, 2 moved by -1 x (clean mean - noisy mean)"),
        (
            Edit.of_gains(CHOSEN, means),
            "3 neurons of layers 0, 2 each times a gain of its own (0.50 to 3.00, mean 1.50)",
        ),
        (Edit.of_gains(CHOSEN.within([]), {}), "0 neurons of no layer each times a gain of its own"),
    ]
    for edit, line in lines:
        assert edit.describe() == line
    assert Edits([lines[0][0], lines[1][0]]).describe() == f"{lines[0][1]}; then {lines[1][1]}"


def test_half_precision_is_rounded_once() -> None:
    """A factor of 0.1 is not rounded to bfloat16 first, which would be off by 0.1 % everywhere."""
    x = sample().to(torch.bfloat16)
    chosen = NeuronSet("x", "neuron", LAYERS, WIDTH, {0: tuple(range(0, WIDTH, 2))})
    model, kept = Model().to(torch.bfloat16), []
    with Edits([Edit.scale(chosen, 0.1)]).on(model):
        model.layers[0].last.register_forward_pre_hook(lambda _m, given: kept.append(given[0]))
        model.layers[0](x)
    assert torch.equal(kept[0][..., ::2], (x[..., ::2].double() * 0.1).to(torch.bfloat16))
    assert torch.equal(kept[0][..., 1::2], x[..., 1::2])
