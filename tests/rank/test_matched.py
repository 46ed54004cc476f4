"""Random neurons matched in layer and activation: as loud as the chosen, otherwise drawn by lot."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.rank.controls import random_like
from ocr_neurons.rank.matched import matched_like, runs_of

LAYERS, WIDTH = 4, 400
ACTIVATION = np.random.default_rng(0).lognormal(0, 1, (LAYERS, WIDTH)) * [[1], [30], [0.1], [5]]
"""Skewed, as real mean activations are, and of another scale in each layer."""


def chosen(indices: dict[int, tuple[int, ...]], width: int = WIDTH) -> NeuronSet:
    return NeuronSet("f00d", "neuron", LAYERS, width, indices, {}, {"name": "paper"})


def loud(seed: int, count: int = 24) -> NeuronSet:
    """Neurons of two layers, the louder the likelier."""
    rng = np.random.default_rng(seed)
    ranks = ACTIVATION.argsort(1).argsort(1) + 1.0
    weight = ranks**3 / (ranks**3).sum(1, keepdims=True)
    return chosen({k: tuple(map(int, rng.choice(WIDTH, count, False, weight[k]))) for k in (1, 3)})


def log_activation(neurons: NeuronSet) -> float:
    """Mean logarithm: no single neuron decides."""
    values = [np.log(ACTIVATION[layer, list(members)]) for layer, members in neurons.indices.items()]
    return float(np.concatenate(values).mean() - np.log(ACTIVATION[list(neurons.indices)]).mean())


def test_as_loud_as_the_chosen_where_plain_draws_are_not() -> None:
    """In mean log activation (standard deviation 1): within 0.15 on average, each within 0.35; plain: off by 0.4."""
    for seed in range(5):
        neurons = loud(seed)
        own = log_activation(neurons)
        matched = [log_activation(matched_like(neurons, ACTIVATION, 1, draw)) for draw in range(20)]
        plain = [log_activation(random_like(neurons, 1, draw)) for draw in range(20)]
        assert abs(np.mean(matched) - own) < 0.15
        assert max(abs(m - own) for m in matched) < 0.35
        assert own - np.mean(plain) > 0.4


def test_each_has_a_partner_of_its_rank() -> None:
    """Sorted by activation, the i-th drawn stands within 5 % of the layer from the i-th chosen."""
    ranks = ACTIVATION.argsort(1).argsort(1)
    for draw in range(20):
        neurons = loud(draw)
        drawn = matched_like(neurons, ACTIVATION, 2, draw)
        for layer, members in neurons.indices.items():
            pairs = zip(
                sorted(ranks[layer, list(members)]), sorted(ranks[layer, list(drawn.indices[layer])]), strict=True
            )
            assert all(abs(int(x) - int(y)) < 0.05 * WIDTH for x, y in pairs)


sets = st.dictionaries(st.integers(0, LAYERS - 1), st.sets(st.integers(0, WIDTH - 1)), max_size=3)


@given(sets, st.integers(0, 10**9), st.integers(0, 100), st.sampled_from([0.01, 0.05, 0.3, 1.0]))
def test_counts_distinct_and_method(members: dict[int, set[int]], seed: int, draw: int, share: float) -> None:
    neurons = chosen({layer: tuple(m) for layer, m in members.items()})
    drawn = matched_like(neurons, ACTIVATION, seed, draw, share)
    assert drawn.counts() == neurons.counts()
    assert (drawn.model, drawn.site, drawn.layers, drawn.width) == ("f00d", "neuron", LAYERS, WIDTH)
    assert all(len(set(m)) == len(m) and all(type(i) is int for i in m) for m in drawn.indices.values())
    cells = [{(layer, i) for layer, m in s.indices.items() for i in m} for s in (neurons, drawn)]
    means = [np.mean([ACTIVATION[c] for c in some]) if some else 0.0 for some in cells]
    assert drawn.method == {
        "name": "matched",
        "like": {"name": "paper"},
        "seed": seed,
        "draw": draw,
        "share": share,
        "activation": {"chosen": pytest.approx(means[0]), "drawn": pytest.approx(means[1])},
        "kept": len(cells[0] & cells[1]),
    }
    assert NeuronSet.from_json(drawn.to_json()) == drawn
    assert matched_like(neurons, -ACTIVATION, seed, draw, share) == drawn  # only size counts


def test_deterministic_whatever_was_drawn_before() -> None:
    neurons = loud(3)
    forwards = [matched_like(neurons, ACTIVATION, 1, draw) for draw in range(10)]
    matched_like(loud(4), ACTIVATION, 9, 2)
    assert [matched_like(neurons, ACTIVATION, 1, draw) for draw in reversed(range(10))][::-1] == forwards
    others = [matched_like(neurons, ACTIVATION, 2, draw) for draw in range(10)]
    assert len({str(drawn.indices) for drawn in forwards + others}) == 20


def test_the_loudest_of_a_layer() -> None:
    """At the edge: few of the loudest get partners from the loudest 5 %; where they fill it, they are all kept."""
    order = np.argsort(-ACTIVATION[2])
    few = chosen({2: tuple(map(int, order[:6]))})
    drawn = [matched_like(few, ACTIVATION, 1, draw) for draw in range(30)]
    assert all(set(d.indices[2]) <= set(map(int, order[:20])) for d in drawn)
    assert {i for d in drawn for i in d.indices[2]} == set(map(int, order[:20]))
    full = chosen({2: tuple(map(int, order[:20]))})
    assert sorted(matched_like(full, ACTIVATION, 1, 0).indices[2]) == sorted(full.indices[2])
    assert matched_like(full, ACTIVATION, 1, 0).method["kept"] == 20
    most = chosen({2: tuple(map(int, order[:390]))})
    assert matched_like(most, ACTIVATION, 1, 0).counts() == {2: 390}
    every = chosen({0: tuple(range(WIDTH))})
    assert matched_like(every, ACTIVATION, 1, 0).indices[0] == tuple(range(WIDTH))


def test_all_equally_active_are_equally_likely() -> None:
    """So the chosen set is one draw among its controls."""
    draws, counts = 3000, np.zeros(WIDTH)
    neurons = chosen({1: tuple(map(int, np.argsort(ACTIVATION[1])[100:105]))})
    for draw in range(draws):
        counts[list(matched_like(neurons, ACTIVATION, 5, draw).indices[1])] += 1
    run = np.argsort(ACTIVATION[1])[100:120]
    assert counts.sum() == counts[run].sum() == 5 * draws
    deviation = (draws * 0.25 * 0.75) ** 0.5
    assert (np.abs(counts[run] - draws * 0.25) < 4.5 * deviation).all()


@given(st.integers(1, 120), st.sampled_from([0.01, 0.05, 0.2, 1.0]), st.integers(0, 10**6))
def test_runs_are_even_and_in_order(width: int, share: float, seed: int) -> None:
    activation = np.random.default_rng(seed).integers(0, 30, width) / 3
    runs = runs_of(activation, share)
    sizes = np.bincount(runs)
    assert sizes.max() - sizes.min() <= 1
    assert sizes.min() >= min(width, 10)
    assert sizes.min() >= int(share * width) - 1
    for quiet, noisy in zip(range(len(sizes)), range(1, len(sizes)), strict=False):
        assert activation[runs == quiet].max() <= activation[runs == noisy].min()


def test_bad_input() -> None:
    with pytest.raises(UserError, match=r"activations of shape \[4, 399\] given; wanted \[4, 400\]"):
        matched_like(loud(0), ACTIVATION[:, 1:], 1, 0)
    with pytest.raises(UserError, match="share 0 given"):
        matched_like(loud(0), ACTIVATION, 1, 0, 0)
    broken = ACTIVATION.copy()
    broken[1, 7] = np.nan
    with pytest.raises(UserError, match="activation of neuron 7 is nan; wanted finite means"):
        matched_like(loud(0), broken, 1, 0)
    broken[1, 7], broken[0, 0] = 1, np.nan  # no neuron is chosen there
    assert matched_like(loud(0), broken, 1, 0).count == 48
