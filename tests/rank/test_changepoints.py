"""Change points on layer curves: exact against all segmentations; planted steps found; flat noise left whole."""

from __future__ import annotations

import json
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from ocr_neurons.common.errors import UserError
from ocr_neurons.rank.changepoints import Segmentation, boundary_penalty, segment, stability

SEEDS = 200
STEPS = (8, 20)
"""Planted boundaries in 30 layers."""


def stepped(seed: int, size: float, curves: int = 1, layers: int = 30) -> np.ndarray:
    """Noise of standard deviation 1 around 0, ``size``, ``-size / 2``."""
    noise = np.random.default_rng(seed).standard_normal((curves, layers))
    noise[:, STEPS[0] : STEPS[1]] += size
    noise[:, STEPS[1] :] -= size / 2
    return noise


def squares(curves: np.ndarray, errors: np.ndarray, boundaries: tuple[int, ...]) -> float:
    """What a segmentation leaves, in noise variances, written as loops."""
    total = 0.0
    for curve, error in zip(curves, errors, strict=True):
        for a, b in pairwise((0, *boundaries, len(curve))):
            mean = np.average(curve[a:b], weights=error[a:b] ** -2)
            total += sum(((x - mean) / e) ** 2 for x, e in zip(curve[a:b], error[a:b], strict=True))
    return float(total)


def all_boundaries(layers: int, min_length: int) -> list[tuple[int, ...]]:
    """Every way to cut the layers."""
    ways = (cuts for count in range(layers) for cuts in combinations(range(1, layers), count))
    return [cuts for cuts in ways if all(b - a >= min_length for a, b in pairwise((0, *cuts, layers))) or not cuts]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3), st.sampled_from([1, 2, 3]), st.booleans(), st.floats(0, 8))
def test_exact_among_all_segmentations(seed: int, curves: int, min_length: int, known: bool, size: float) -> None:
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((curves, 10)) + size * rng.integers(0, 2, (curves, 3))[:, [0] * 4 + [1] * 3 + [2] * 3]
    values = values * rng.uniform(0.01, 100, (curves, 1)) + rng.normal(0, 50, (curves, 1))
    if known:
        errors = np.std(values, axis=1, keepdims=True) * rng.uniform(0.3, 1, values.shape)
    else:
        noise = 1.4826 * np.median(np.abs(np.diff(values, axis=1)), axis=1) / np.sqrt(2)
        errors = np.repeat(noise[:, None], 10, axis=1)
    left = {cuts: squares(values, errors, cuts) for cuts in all_boundaries(10, min_length)}

    given_errors = errors if known else None
    found = segment(values, given_errors, min_length=min_length)
    assert found.penalty is not None
    criterion = {cuts: rest + found.penalty * len(cuts) for cuts, rest in left.items()}
    assert criterion[found.boundaries] == pytest.approx(min(criterion.values()), rel=1e-6)
    assert found.saved == pytest.approx(left[()] - left[found.boundaries], rel=1e-6, abs=1e-6)
    for wanted in range(1, 10 // min_length + 1):
        fixed = segment(values, given_errors, min_length=min_length, segments=wanted)
        assert len(fixed.boundaries) == wanted - 1
        best = min(rest for cuts, rest in left.items() if len(cuts) == wanted - 1)
        assert left[fixed.boundaries] == pytest.approx(best, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("size", "curves"), [(6.0, 1), (4.0, 2)])
def test_planted_steps_are_found(size: float, curves: int, known: bool) -> None:
    """Steps of 6 standard deviations and more in one curve, or of 4 in each of two: every boundary, to the layer."""
    errors = np.ones((curves, 30)) if known else None
    found = [segment(stepped(seed, size, curves), errors).boundaries for seed in range(SEEDS)]
    assert sum(set(STEPS) <= set(cuts) for cuts in found) >= 0.95 * SEEDS
    assert sum(cuts == STEPS for cuts in found) >= 0.9 * SEEDS


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("layers", "curves", "shared", "min_length"), [(30, 1, 0, 1), (12, 1, 0, 2), (12, 2, 0.9, 1)])
def test_flat_noise_is_left_whole(layers: int, curves: int, shared: float, min_length: int, known: bool) -> None:
    """At most one in ten is cut, whatever the scale, and where the noise of two curves is nearly the same."""
    cut = 0
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        noise = np.sqrt(shared) * rng.standard_normal(layers) + np.sqrt(1 - shared) * rng.standard_normal(
            (curves, layers)
        )
        scale = np.array([[0.01], [700]])[:curves]
        errors = np.broadcast_to(scale, noise.shape) if known else None
        cut += bool(segment(noise * scale + 5, errors, min_length=min_length).boundaries)
    assert 1 <= cut <= 0.1 * SEEDS


@pytest.mark.parametrize("rate", [0.01, 0.2])
def test_the_false_rate_is_the_one_asked_for(rate: float) -> None:
    cut = sum(
        bool(segment(stepped(seed, 0, layers=20), np.ones((1, 20)), false_rate=rate).boundaries) for seed in range(400)
    )
    assert binom.ppf(0.001, 400, rate / 2) <= cut <= binom.ppf(0.999, 400, rate * 1.3)


def test_penalty_grows_slowly_with_layers_and_with_ignorance() -> None:
    by_layers = [boundary_penalty(layers) for layers in (10, 20, 40)]
    assert by_layers == sorted(by_layers)
    # doubling the layers costs some 2 log 2 noise variances
    assert all(0.3 < b - a < 2.5 for a, b in pairwise(by_layers))
    assert boundary_penalty(20, errors=False) > boundary_penalty(20)
    together = ((1.0, 1.0), (1.0, 1.0))
    # two curves that are the same one count double
    assert boundary_penalty(20, together) == pytest.approx(2 * boundary_penalty(20), rel=0.1)


def test_curves_add_up_and_none_drowns_another() -> None:
    """Steps that one curve does not show well are found in two; a curve of another scale changes nothing."""
    found = [
        [segment(stepped(seed, 3, 2)[:count], np.ones((count, 30))).boundaries == STEPS for count in (1, 2)]
        for seed in range(100)
    ]
    alone, together = np.sum(found, axis=0)
    assert together >= alone + 10
    curves = stepped(3, 5, 3)
    assert segment(curves * [[1], [1e6], [1e-6]]).boundaries == segment(curves).boundaries == STEPS


def test_noise_free_steps_ramps_and_constants() -> None:
    steps = [0.1] * 7 + [0.3] * 9 + [0.2] * 14
    assert segment(np.array(steps)).boundaries == (7, 16)
    assert segment(np.full(30, 0.3) + np.tile([0, 5e-17], 15)).boundaries == ()
    assert segment(np.zeros((2, 30)), np.ones((2, 30))).boundaries == ()
    assert segment(np.array([1.0])).regions() == {"found-1": [0]}
    assert segment(np.array([1.0, 2.0, 3.0]), min_length=2).penalty is None
    # a steady drift: no step stands out from the usual change as far as a region's worth, and so few regions
    assert len(segment(np.arange(30.0)).boundaries) < len(segment(np.arange(30.0), np.full(30, 0.1)).boundaries)


def test_errors_weigh_the_layers() -> None:
    """One wild layer is a region of its own only when it is measured well."""
    curve = np.zeros(20)
    curve[9] = 8.0
    errors = np.ones(20)
    assert segment(curve, errors).boundaries == (9, 10)
    errors[9] = 8.0
    assert segment(curve, errors).boundaries == ()
    assert segment(curve, np.where(np.arange(20) == 0, 0, errors)).boundaries == ()  # an error of 0 is not believed


def test_regions_and_json() -> None:
    found = segment(np.array([[0.0] * 4 + [9.0] * 6, [1.0] * 4 + [3.0] * 6]))
    assert found.regions() == {"found-1": [0, 1, 2, 3], "found-2": [4, 5, 6, 7, 8, 9]}
    assert list(found.regions("cka")) == ["cka-1", "cka-2"]
    assert found.means == ((0.0, 9.0), (1.0, 3.0))
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["boundaries"] == [4]
    assert Segmentation(3, (), ((1.0,),), None, 0.0).regions() == {"found-1": [0, 1, 2]}


def test_stability_counts_the_replicates_that_agree() -> None:
    """By hand: of five replicates one has a NaN, three step at layer 10, one at 11."""
    at = {place: np.where(np.arange(20) < place, 0.0, 9.0) for place in (10, 11)}
    broken = at[10].copy()
    broken[4] = np.nan
    replicates = np.stack([at[10], at[10], at[10], at[11], broken])[:, None]
    found = stability(replicates, errors=np.ones((1, 20)))
    assert (found.replicates, found.undefined) == (4, 1)
    assert found.consensus.boundaries == (10,)
    assert found.support == (0.75,)
    assert dict(enumerate(found.share)) == {layer: {10: 0.75, 11: 0.25}.get(layer, 0.0) for layer in range(20)}
    near = stability(replicates, errors=np.ones((1, 20)), tolerance=1)
    assert near.support == (1.0,)
    assert [near.share[layer] for layer in (8, 9, 10, 11, 12, 13)] == [0, 0.75, 1, 1, 0.25, 0]
    assert stability(replicates[:, 0], errors=np.ones(20)) == found  # a single curve needs no axis
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["support"] == [0.75]


@pytest.mark.parametrize("known", [True, False])
def test_replicates_are_cut_as_each_alone(known: bool) -> None:
    replicates = np.stack([stepped(seed, 2.5, 2) for seed in range(12)])
    errors = np.ones((2, 30)) if known else None
    found = stability(replicates, errors=errors)
    count = np.zeros(30)
    for replicate in replicates:
        noise = np.ones((2, 30))
        if not known:
            noise *= 1.4826 * np.median(np.abs(np.diff(replicate, axis=1)), axis=1, keepdims=True) / np.sqrt(2)
        # the penalty is the mean curve's; so is the choice here, among each replicate's own best cuts
        fixed = [segment(replicate, errors, segments=wanted) for wanted in range(1, 12)]
        cost = [squares(replicate, noise, f.boundaries) + found.consensus.penalty * len(f.boundaries) for f in fixed]
        count[list(fixed[int(np.argmin(cost))].boundaries)] += 1
    assert list(found.share) == list(count / 12)


def test_support_follows_the_evidence() -> None:
    """Bootstrap of curves with a large step and a small one: the large one is found by nearly all replicates."""
    rng = np.random.default_rng(5)
    truth = np.repeat([0.0, 8.0, 10.5], [10, 10, 10])
    curve = truth + rng.standard_normal(30) * 0.3
    found = stability(curve + rng.standard_normal((200, 30)), curve, np.ones(30))
    assert found.share[10] > 0.95
    assert 0.2 < found.share[20] < 0.9
    elsewhere = [share for layer, share in enumerate(found.share) if min(abs(layer - 10), abs(layer - 20)) > 2]
    assert max(elsewhere) < 0.1
    assert 10 in found.consensus.boundaries


@pytest.mark.parametrize(
    ("message", "arguments", "more"),
    [
        ("curve 0, layer 2: nan given; wanted a number", (np.array([0, 1, np.nan]),), {}),
        (r"curves of shape \[1, 1, 3\] given; wanted \[layers\] or", (np.zeros((1, 1, 3)),), {}),
        (r"errors of shape \[1, 3\] given; wanted \[1, 4\]", (np.zeros(4), np.ones(3)), {}),
        ("standard errors that are NaN, negative or mostly 0", (np.zeros(4), np.zeros(4)), {}),
        ("least length 0 given", (np.zeros(4),), {"min_length": 0}),
        ("3 segments asked for; wanted 1 to 2 for 4 layers of 2", (np.zeros(4),), {"min_length": 2, "segments": 3}),
        ("false rate 0 given", (np.zeros(4),), {"false_rate": 0}),
    ],
)
def test_bad_input(message: str, arguments: tuple, more: dict) -> None:
    with pytest.raises(UserError, match=message):
        segment(*arguments, **more)


def test_bad_replicates() -> None:
    with pytest.raises(UserError, match="2 replicates given, each with a NaN"):
        stability(np.full((2, 1, 5), np.nan))
    with pytest.raises(UserError, match=r"curves \[1, 4\] given; wanted \[1, 5\], as in the replicates"):
        stability(np.zeros((2, 1, 5)), np.zeros(4))
    with pytest.raises(UserError, match=r"replicates of shape \[5\] given"):
        stability(np.zeros(5))
    with pytest.raises(UserError, match="tolerance -1 given"):
        stability(np.zeros((2, 5)), tolerance=-1)
