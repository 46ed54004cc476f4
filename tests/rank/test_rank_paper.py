"""The paper's rule: planted neurons are found, no others; shares, counts, order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_profiles import Array, planted, profile_of

from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.rank.paper import paper, rank_paper

ALWAYS = {(0, 3): 1.0, (2, 7): 1.0, (2, 40): 1.0, (5, 0): 1.0, (5, 49): 1.0}
OFTEN = {(1, 11): 0.9, (4, 12): 0.95}
HALF = {(3, 21): 0.6, (3, 22): 0.5}


def cells(neurons: NeuronSet) -> set[tuple[int, int]]:
    return {(layer, i) for layer, members in neurons.indices.items() for i in members}


def shares(clean: Array, noisy: Array, k: float) -> dict[tuple[int, int], float]:
    """The rule as the paper says it, written as loops."""
    pairs, layers, width = clean.shape
    found = {(layer, i): 0 for layer in range(layers) for i in range(width)}
    for p in range(pairs):
        for layer in range(layers):
            size = np.abs(noisy[p, layer] - clean[p, layer])
            limit = size.mean() + k * size.std()
            for i in range(width):
                found[layer, i] += bool(size[i] > limit)
    return {cell: count / pairs for cell, count in found.items()}


def test_planted_neurons_are_found_and_no_others() -> None:
    profile = profile_of(*planted(ALWAYS | OFTEN | HALF))
    assert cells(rank_paper(profile, threshold=3.0, share=0.9)) == set(ALWAYS | OFTEN)
    assert cells(rank_paper(profile, threshold=3.0, share=0.91)) == set(ALWAYS) | {(4, 12)}
    assert cells(rank_paper(profile, threshold=3.0, share=0.5)) == set(ALWAYS | OFTEN | HALF)
    # at one standard deviation, too; layers differ a thousandfold in scale, and the rule is relative to the layer
    assert set(ALWAYS | OFTEN) <= cells(rank_paper(profile))


def test_nothing_planted_nothing_found() -> None:
    assert rank_paper(profile_of(*planted({}))).count == 0


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.5, 1.0, 1.5, 2.0, 3.0]), st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]))
def test_the_set_is_the_rule_written_as_loops(seed: int, threshold: float, share: float) -> None:
    rng = np.random.default_rng(seed)
    clean = rng.normal(size=(10, 2, 12))
    noisy = clean + rng.standard_t(2, size=(10, 2, 12)) * rng.uniform(0, 3, (2, 12))
    expected = shares(clean, noisy, threshold)
    ranked = rank_paper(profile_of(clean, noisy), threshold=threshold, share=share)
    assert cells(ranked) == {cell for cell, s in expected.items() if s >= share}
    # the score is the share, plus less than one pair's worth to tell equals apart
    for layer, members in ranked.indices.items():
        for i, score in zip(members, ranked.scores[layer], strict=True):
            assert expected[layer, i] <= score < expected[layer, i] + 1 / 10


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 24))
def test_count_takes_the_best_by_share_then_by_size(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    clean = rng.normal(size=(10, 2, 12))
    noisy = clean + rng.standard_t(2, size=(10, 2, 12)) * rng.uniform(0, 3, (2, 12))
    share, size = shares(clean, noisy, 1.0), np.abs(noisy - clean).mean(0)
    size = size / size.mean(1, keepdims=True)
    order = sorted(share, key=lambda cell: (-share[cell], -size[cell]))
    ranked = rank_paper(profile_of(clean, noisy), count=count)
    assert ranked.count == count
    assert cells(ranked) == set(order[:count])
    for layer, members in ranked.indices.items():
        assert list(members) == [i for where, i in order[:count] if where == layer]
    for fewer in range(count + 1):
        assert cells(ranked.top(fewer)) == set(order[:fewer])


def test_top_of_many_is_count_of_few() -> None:
    profile = profile_of(*planted(ALWAYS | OFTEN | HALF))
    many = rank_paper(profile, threshold=3.0, count=300)
    for few in (1, 5, 7, 9, 60):
        assert many.top(few).indices == rank_paper(profile, threshold=3.0, count=few).indices
    assert cells(many.top(9)) == set(ALWAYS | OFTEN | HALF)
    assert cells(many.within([3]).top(2)) == set(HALF)
    assert [i for i in many.indices[3] if i in (21, 22)] == [21, 22]


def test_what_the_set_says_of_itself() -> None:
    profile = profile_of(*planted(ALWAYS))
    ranked = rank_paper(profile, threshold=2.0, share=0.8)
    assert (ranked.model, ranked.site, ranked.layers, ranked.width) == ("f00d", "neuron", 6, 50)
    assert ranked.method == {"name": "paper", "threshold": 2.0, "share": 0.8, "pairs": 40, "words": 40}
    few = rank_paper(profile, count=3)
    assert few.method == {"name": "paper", "threshold": 1.0, "count": 3, "pairs": 40, "words": 40}


def test_unchanged_words_are_left_out() -> None:
    """Of aligned texts most words have no error; a neuron is common by what it does where there is one."""
    clean, noisy = planted(ALWAYS)
    level, dose = [0] * 28 + [1] * 12, [0.0] * 28 + [0.5] * 12
    noisy[:28] = clean[:28]
    profile = profile_of(clean, noisy, level=level, dose=dose)
    assert cells(rank_paper(profile, threshold=3.0)) == set(ALWAYS)
    alone = profile_of(clean[28:], noisy[28:])
    np.testing.assert_allclose(paper(profile).score, paper(alone).score, rtol=1e-9)


@pytest.mark.parametrize("group", [None, "low", "average"])
def test_scores_signs_and_errors(group: str | None) -> None:
    rng = np.random.default_rng(0)
    clean = rng.normal(size=(30, 2, 12))
    noisy = clean + rng.standard_t(2, size=clean.shape) * rng.uniform(0, 3, (2, 12))
    scored = paper(profile_of(clean, noisy), group, threshold=1.5)
    # the first ten are low, with a similarity of 0.75: average; the others are high and poor
    part = slice(None) if group is None else slice(10)
    expected = shares(clean[part], noisy[part], 1.5)
    n = len(clean[part])
    assert np.array_equal(scored.sign, np.sign((noisy - clean)[part].mean(0)))
    for cell, share in expected.items():
        assert share <= scored.score[cell] < share + 1 / n
        likely = (share * n + 2) / (n + 4)
        assert scored.error is not None
        assert scored.error[cell] == pytest.approx(np.sqrt(likely * (1 - likely) / (n + 4)))
    assert scored.p is None


def test_halves_have_no_shares() -> None:
    with pytest.raises(UserError, match="group 'half-1' given; this profile has low, high, poor, average, good"):
        paper(profile_of(*planted({})), "half-1")


def test_profile_without_any_change() -> None:
    clean, _ = planted({})
    profile = profile_of(clean, clean)
    assert rank_paper(profile).count == 0
    assert cells(rank_paper(profile, count=3)) == {(0, 0), (0, 1), (0, 2)}  # all equal: the lowest come first


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"share": 1.1}, "share 1.1 given; wanted a number from 0 to 1"),
        ({"share": -0.1}, "share -0.1 given"),
        ({"share": float("nan")}, "share nan given"),
        ({"count": 0}, "count 0 given; wanted 1 to 300"),
        ({"count": 301}, "count 301 given; wanted 1 to 300"),
        ({"threshold": 0.9}, "threshold 0.9 given; profiles count 0.5, 1, 1.5, 2, 3"),
    ],
)
def test_parameters_out_of_range(parameters: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        rank_paper(profile_of(*planted({})), **parameters)  # type: ignore[arg-type]
