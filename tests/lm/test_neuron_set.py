"""Sets of neurons: top, within, mask, the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.neurons import NeuronSet, mask

LAYERS, WIDTH = 5, 9


@st.composite
def neuron_sets(draw: st.DrawFn) -> NeuronSet:
    cells = draw(st.sets(st.tuples(st.integers(0, LAYERS - 1), st.integers(0, WIDTH - 1))))
    # few distinct scores, so that ties are common
    scored = [
        (draw(st.sampled_from([0.1, 1 / 3, 0.5, 1 / 3 + 1e-12])), layer, neuron) for layer, neuron in sorted(cells)
    ]
    indices: dict[int, tuple[int, ...]] = {}
    scores: dict[int, tuple[float, ...]] = {}
    for layer in sorted({layer for _, layer, _ in scored}):
        rows = sorted((-score, neuron) for score, where, neuron in scored if where == layer)
        indices[layer] = tuple(neuron for _, neuron in rows)
        scores[layer] = tuple(-score for score, _ in rows)
    return NeuronSet("abc", "neuron", LAYERS, WIDTH, indices, scores, {"name": "planted"})


def cells(neurons: NeuronSet) -> set[tuple[int, int]]:
    return {(layer, i) for layer, members in neurons.indices.items() for i in members}


@given(neuron_sets(), st.integers(0, LAYERS * WIDTH))
def test_top_is_a_plain_sort(neurons: NeuronSet, count: int) -> None:
    if count > neurons.count:
        with pytest.raises(UserError, match=f"{count} neurons asked for, the set holds {neurons.count}"):
            neurons.top(count)
        return
    score = {
        (layer, i): s
        for layer, members in neurons.indices.items()
        for i, s in zip(members, neurons.scores[layer], strict=True)
    }
    expected = sorted(score, key=lambda cell: (-score[cell], *cell))[:count]
    top = neurons.top(count)
    assert cells(top) == set(expected)
    assert top.count == count == sum(top.counts().values())
    for layer, members in top.indices.items():
        assert top.scores[layer] == tuple(score[layer, i] for i in members)
        assert list(top.scores[layer]) == sorted(top.scores[layer], reverse=True)


@given(neuron_sets(), st.sets(st.integers(0, LAYERS - 1)))
def test_within_and_mask(neurons: NeuronSet, layers: set[int]) -> None:
    part = neurons.within(layers)
    assert cells(part) == {cell for cell in cells(neurons) if cell[0] in layers}
    assert all(part.indices[layer] == neurons.indices[layer] for layer in part.indices)
    expected = np.array([[(layer, i) in cells(part) for i in range(WIDTH)] for layer in range(LAYERS)])
    np.testing.assert_array_equal(mask(part), expected)


@given(neuron_sets())
def test_json_round_trip_is_exact(neurons: NeuronSet) -> None:
    back = NeuronSet.from_json(json.loads(json.dumps(neurons.to_json())))
    assert back == neurons
    half = neurons.count // 2
    assert back.top(half) == neurons.top(half)


def test_file(tmp_path: Path) -> None:
    neurons = NeuronSet("abc", "neuron", 3, 4, {2: (3, 0)}, {2: (0.9, 0.1)}, {"name": "paper", "share": 0.9})
    neurons.save(tmp_path / "n.json")
    assert NeuronSet.load(tmp_path / "n.json") == neurons
    assert [path.name for path in tmp_path.iterdir()] == ["n.json"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"indices": {"3": [0]}}, "layer 3 given, the model has layers 0 to 2"),
        ({"indices": {"-1": [0]}}, "layer -1 given"),
        ({"indices": {"0": [4]}}, "layer 0: wanted distinct neurons from 0 to 3"),
        ({"indices": {"0": [-1]}}, "wanted distinct neurons"),
        ({"indices": {"0": [1, 1]}}, "wanted distinct neurons"),
        ({"indices": {"0": [1, 2]}, "scores": {"0": [0.5]}}, "1 scores for 2 neurons"),
        ({"indices": [1]}, "not a set of neurons"),
        ({"indices": {"first": [1]}}, "not a set of neurons"),
        ({"width": None}, "not a set of neurons"),
    ],
)
def test_a_wrong_file_is_one_clear_line(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    value = NeuronSet("abc", "neuron", 3, 4, {2: (3, 0)}).to_json() | change
    path = tmp_path / "n.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(UserError, match=message) as caught:
        NeuronSet.load(path)
    assert "\n" not in str(caught.value)


def test_a_file_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "n.json"
    for text in ("[]", "{}", "not json", ""):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match=r"n\.json"):
            NeuronSet.load(path)
    with pytest.raises(UserError, match="no such file"):
        NeuronSet.load(tmp_path / "absent.json")


def test_top_of_a_set_without_scores_says_so() -> None:
    with pytest.raises(UserError, match="the set has no scores"):
        NeuronSet("abc", "neuron", 3, 4, {1: (0, 2)}).top(1)
    with pytest.raises(UserError, match="-1 neurons asked for"):
        NeuronSet("abc", "neuron", 3, 4, {1: (0, 2)}, {1: (1.0, 0.5)}).top(-1)
