"""From scores to sets of neurons."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.rank.choose import choose
from ocr_neurons.rank.scored import Scored

ABOUT = {"fingerprint": "f00d", "site": "up", "parameters": {"group": "low"}, "pairs": 40, "words": 20, "depth": 6}


def scores(seed: int, layers: int = 3, width: int = 10) -> Scored:
    """Rounded, so that some are equal; a third with small p-values, some of them with a negative score."""
    rng = np.random.default_rng(seed)
    score = rng.normal(0.5, 1, (layers, width)).round(1)
    p = np.where(rng.random(score.shape) < 0.3, rng.random(score.shape) * 1e-3, rng.random(score.shape))
    return Scored("effect", score, np.sign(score), None, p, ABOUT)


def cells(neurons: NeuronSet) -> set[tuple[int, int]]:
    return {(layer, i) for layer, members in neurons.indices.items() for i in members}


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 30))
def test_the_best_by_score_best_first(seed: int, count: int) -> None:
    scored = scores(seed)
    chosen = choose(scored, count=count)
    order = sorted(np.ndindex(scored.score.shape), key=lambda cell: -scored.score[cell])  # stable: lower ones first
    assert cells(chosen) == set(order[:count])
    for layer, members in chosen.indices.items():
        assert list(members) == [i for where, i in order[:count] if where == layer]
        assert list(chosen.scores[layer]) == [scored.score[layer, i] for i in members]
    assert choose(scored, share=count / 30).indices == chosen.indices


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.01, 0.05, 0.2]))
def test_discoveries_that_react_more(seed: int, q: float) -> None:
    scored = scores(seed)
    q_values = false_discovery_control(scored.p, axis=None).reshape(scored.score.shape)
    expected = (q_values <= q) & (scored.score > 0)
    assert cells(choose(scored, q=q)) == set(zip(*map(list, np.nonzero(expected)), strict=True))


def test_untested_neurons_are_never_found() -> None:
    scored = scores(0)
    assert scored.p is not None
    scored.p[:] = 1e-9
    scored.p[1] = np.nan
    scored.score[:] = 1
    assert choose(scored, q=0.05).counts() == {0: 10, 2: 10}


def test_what_the_set_says_of_itself(tmp_path: Path) -> None:
    chosen = choose(scores(1), q=0.05)
    assert (chosen.model, chosen.site, chosen.layers, chosen.width) == ("f00d", "up", 6, 10)
    assert chosen.method == {"name": "effect", "group": "low", "q": 0.05, "pairs": 40, "words": 20}
    chosen.save(tmp_path / "neurons.json")
    assert NeuronSet.load(tmp_path / "neurons.json") == chosen


def test_numbers_of_layers_are_those_of_the_model() -> None:
    """Where some layers alone were read."""
    one = scores(2)
    scored = Scored("effect", one.score, one.sign, None, one.p, ABOUT | {"read": [1, 4, 5]})
    for layer, row in zip((1, 4, 5), range(3), strict=True):
        assert choose(scored, count=12).indices.get(layer) == choose(one, count=12).indices.get(row)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "neither count, q nor share given; wanted one of count, q, share"),
        ({"count": 3, "q": 0.1}, "count and q given; wanted one of"),
        ({"count": 0}, "count 0 given; wanted 1 to 30"),
        ({"count": 31}, "count 31 given; wanted 1 to 30"),
        ({"share": 0.0}, "share 0 given; wanted a part of all neurons"),
        ({"share": float("nan")}, "share nan given"),
        ({"q": 0.0}, "rate 0.0 given; wanted a number between 0 and 1"),
    ],
)
def test_parameters_out_of_range(parameters: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        choose(scores(3), **parameters)  # type: ignore[arg-type]


def test_no_p_values_no_rate() -> None:
    one = scores(4)
    with pytest.raises(UserError, match="method 'size' has no p-values"):
        choose(Scored("size", one.score, one.sign), q=0.05)
