"""Agreement of rankings: scipy, loops and counting as oracles; the parts that layers alone explain."""

from __future__ import annotations

import json
from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom, kstest, spearmanr

from ocr_neurons.common.errors import UserError
from ocr_neurons.rank.agreement import agreement, spearman_brown, split_half


def pair(seed: int, shape: tuple[int, int], share: float, ties: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Two score arrays with a common part of weight ``share``; in few distinct values when ``ties``."""
    rng = np.random.default_rng(seed)
    common, *own = rng.standard_normal((3, *shape))
    a, b = (np.sqrt(share) * common + np.sqrt(1 - share) * part for part in own)
    return (np.round(a), np.round(b * 2)) if ties else (a, b)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.tuples(st.integers(1, 5), st.integers(4, 40)),
    st.floats(0, 1),
    st.booleans(),
    st.booleans(),
)
def test_rank_correlations_are_scipys(
    seed: int, shape: tuple[int, int], share: float, ties: bool, missing: bool
) -> None:
    a, b = pair(seed, shape, share, ties)
    if missing:
        a[0, 0] = b[-1, -1] = np.nan
    known = np.isfinite(a) & np.isfinite(b)
    found = agreement(a, b)
    assert (found.compared, found.left_out) == (known.sum(), (~known).sum())
    constant = np.ptp(a[known]) == 0 or np.ptp(b[known]) == 0
    if not constant:
        assert found.spearman == pytest.approx(spearmanr(a[known], b[known]).statistic, abs=1e-12)
    layers = [
        spearmanr(a[i][known[i]], b[i][known[i]]).statistic
        for i in range(shape[0])
        if known[i].sum() > 1 and np.ptp(a[i][known[i]]) > 0 and np.ptp(b[i][known[i]]) > 0
    ]
    assert found.layers_compared == len(layers)
    assert found.within == pytest.approx(np.mean(layers) if layers else np.nan, abs=1e-12, nan_ok=True)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 1), st.sampled_from([1, 7, 30, 59, 60]))
def test_overlap_counted_by_hand(seed: int, share: float, k: int) -> None:
    a, b = pair(seed, (4, 15), share)
    tops = [set(sorted(np.ndindex(x.shape), key=lambda cell: -x[cell])[:k]) for x in (a, b)]
    (found,) = agreement(a, b, [k], [], seed=seed).overlaps
    assert found.k == k
    common = len(tops[0] & tops[1])
    assert found.overlap == pytest.approx(common / k)
    assert found.expected == pytest.approx(k / 60)
    ways = sum(comb(k, i) * comb(60 - k, k - i) for i in range(common, k + 1))
    assert found.p == pytest.approx(ways / comb(60, k))
    by_layer = [[sum(cell[0] == layer for cell in top) for layer in range(4)] for top in tops]
    assert found.layers == pytest.approx(sum(map(min, *by_layer)) / k)
    assert found.expected_in_layers == pytest.approx(sum(x * y / 15 for x, y in zip(*by_layer, strict=True)) / k)
    assert found.tied == 0
    assert hypergeom.cdf(round(found.high * k), 60, k, k) >= 0.975 - 1e-12
    assert hypergeom.sf(round(found.low * k) - 1, 60, k, k) >= 0.975 - 1e-12


def test_p_in_layers_is_the_share_of_all_draws() -> None:
    """All ways to place two of five in one layer and one of four in another, beside a fixed set of as many in each."""
    a, b = np.array([[9.0, 8, 1, 2, 3], [7, 0.1, 0.2, 0.3, np.nan]]), np.array([[9.0, 1, 8, 2, 3], [7, 0, 0, 0, 0]])
    (found,) = agreement(a, b, [3], []).overlaps
    assert found.overlap == pytest.approx(2 / 3)
    fixed = {(0, 0), (0, 1), (1, 0)}
    draws = [len(fixed & {(0, i), (0, j), (1, m)}) >= 2 for i, j in combinations(range(5), 2) for m in range(4)]
    assert found.p_in_layers == pytest.approx(np.mean(draws))
    assert found.expected_in_layers == pytest.approx((2 * 2 / 5 + 1 / 4) / 3)


def test_rankings_that_share_only_their_layers() -> None:
    """Both put their best in the last layer, each its own: far above chance over all, at chance within layers."""
    a, b = pair(1, (6, 200), 0)
    a[-1] += 3
    b[-1] += 3
    found = agreement(a, b, [100], [])
    (best,) = found.overlaps
    assert best.p < 1e-6
    assert best.overlap > best.high
    assert best.p_in_layers > 0.01
    assert best.overlap == pytest.approx(best.expected_in_layers, abs=0.15)
    assert best.layers > 0.9
    assert found.spearman > 0.3
    assert abs(found.within) < 0.1


def test_p_values_are_uniform_at_most_for_unrelated_rankings() -> None:
    """Discrete, so stochastically larger than uniform, but not by much."""
    found = [agreement(*pair(seed, (5, 100), 0), [100], []).overlaps[0] for seed in range(150)]
    for values in ([o.p for o in found], [o.p_in_layers for o in found]):
        assert kstest(values, "uniform", alternative="greater").pvalue > 0.001
        assert np.mean(values) < 0.65
    inside = [o.low <= o.overlap <= o.high for o in found]
    assert np.mean(inside) > 0.9
    assert np.mean([o.overlap for o in found]) == pytest.approx(0.2, abs=0.015)


def test_ties_are_no_agreement() -> None:
    """Equal scores are no order: ranked by lot, not by position in both."""
    level = np.zeros((5, 100))
    found = agreement(level, level, [50], [])
    assert np.isnan(found.spearman)
    assert np.isnan(found.within)
    assert found.layers_compared == 0
    (best,) = found.overlaps
    assert best.overlap < 0.4
    assert best.tied == 450
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["spearman"] is None
    over = np.mean([agreement(level, level, [50], [], seed=seed).overlaps[0].overlap for seed in range(60)])
    assert over == pytest.approx(0.1, abs=0.025)
    # three are better than the rest, which tie: those three are always shared
    level[2, :3] = 1
    assert agreement(level, level, [3], []).overlaps[0].overlap == 1
    assert agreement(level, level, [3], []).overlaps[0].tied == 0


def test_a_ranking_agrees_with_itself_and_its_monotone_images() -> None:
    a, _ = pair(0, (5, 300), 0)
    same, image, turned = (agreement(a, b) for b in (a, np.exp(a) * 7, -a))
    assert same == image
    assert (same.spearman, same.within) == (pytest.approx(1), pytest.approx(1))
    assert [o.k for o in same.overlaps] == [10, 15, 100, 1000]  # 1 % of 1500, and 1000 of them
    assert all(o.overlap == o.layers == 1 for o in same.overlaps)
    assert (turned.spearman, turned.within) == (pytest.approx(-1), pytest.approx(-1))
    assert turned.overlaps[0].overlap == 0
    assert turned.overlaps[0].p == 1
    value = json.loads(json.dumps(same.to_json(), allow_nan=False))
    assert value["overlaps"][0]["k"] == 10
    assert value["spearman_ci95"] == [pytest.approx(1), pytest.approx(1)]


def test_intervals_cover_over_models_of_other_layers() -> None:
    """Layers are drawn with their own strength of agreement: the interval holds the expectation in some 95 of 100."""
    inside = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        strength = rng.uniform(0, 0.8, (30, 1))
        common, *own = rng.standard_normal((3, 30, 60))
        a, b = (np.sqrt(strength) * common + np.sqrt(1 - strength) * part for part in own)
        found = agreement(a, b, [], [])
        # rank correlation of normal variables: 6 / pi arcsin(r / 2)
        truth = np.mean(6 / np.pi * np.arcsin(np.linspace(0, 0.8, 10001) / 2))
        inside.append([low <= truth <= high for low, high in (found.within_ci95, found.spearman_ci95)])
    assert (np.mean(inside, axis=0) > 0.87).all()
    assert agreement(a[:1], b[:1]).within_ci95 == agreement(a[:1], b[:1]).spearman_ci95 == (-1, 1)


def test_spearman_brown_predicts_twice_the_data() -> None:
    """Scores are truth plus the mean of so many noisy measures: halves predict what two full samples agree."""
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((10, 2000))
    quarters = truth + rng.standard_normal((4, 10, 2000)) * 1.5
    found = split_half(quarters[0], quarters[1])
    full = agreement(quarters[:2].mean(0), quarters[2:].mean(0))
    assert found.halves == agreement(quarters[0], quarters[1])
    assert found.spearman_full == pytest.approx(full.spearman, abs=0.02)
    assert found.within_full == pytest.approx(full.within, abs=0.02)
    assert found.spearman_full > found.halves.spearman + 0.1
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["spearman_full"] == found.spearman_full


@given(st.floats(0.001, 1), st.floats(1, 8))
def test_spearman_brown(r: float, times: float) -> None:
    """The reliability of a sum of parts, from variances: parts of true variance r and error variance 1 - r."""
    assert spearman_brown(r, times) == pytest.approx(times**2 * r / (times**2 * r + times * (1 - r)))
    assert spearman_brown(-r) == -r


def test_the_seed_decides() -> None:
    a, b = pair(4, (6, 50), 0.3, ties=True)
    assert agreement(a, b, seed=3) == agreement(a, b, seed=3)
    assert agreement(a, b, seed=3) != agreement(a, b, seed=4)
    assert agreement(a, b, seed=3).spearman == agreement(a, b, seed=4).spearman


@pytest.mark.parametrize(
    ("message", "a", "b", "more"),
    [
        (r"shape \[2, 3\] and \[3, 2\] given; wanted two of the same", np.zeros((2, 3)), np.zeros((3, 2)), {}),
        (r"shape \[3\] and \[3\] given", np.zeros(3), np.zeros(3), {}),
        ("1 neurons with a score in both", np.array([[0, np.nan]]), np.zeros((1, 2)), {}),
        ("count or share 0 given", np.zeros((2, 3)), np.zeros((2, 3)), {"counts": [0]}),
        ("count or share 2 given", np.zeros((2, 3)), np.zeros((2, 3)), {"shares": [2]}),
    ],
)
def test_bad_input(message: str, a: np.ndarray, b: np.ndarray, more: dict) -> None:
    with pytest.raises(UserError, match=message):
        agreement(a, b, **more)
