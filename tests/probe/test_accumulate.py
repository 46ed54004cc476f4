"""Streaming statistics against the whole in float64: unequal batches, shifted means, merges."""

from __future__ import annotations

from typing import Any

import naive_neurons as naive
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_neurons.probe.accumulate import THRESHOLDS, Accumulator
from ocr_neurons.probe.profile import Profile, freeze

LAYERS, WIDTH = 3, 17
LEVELS = ("low", "high")
Batch = tuple[str, np.ndarray[Any, Any], np.ndarray[Any, Any]]


def batch(seed: int, level: str, pairs: int, shift: float) -> Batch:
    """``[pairs, layers, width]`` float32 each side, every neuron around its own mean, plus ``shift``."""
    rng = np.random.default_rng(seed)
    centre = shift + rng.normal(0, 3, (1, LAYERS, WIDTH))
    clean = centre + rng.normal(0, 1, (pairs, LAYERS, WIDTH))
    noisy = clean + rng.standard_t(3, (pairs, LAYERS, WIDTH))
    return level, clean.astype(np.float32), noisy.astype(np.float32)


def fed(batches: list[Batch]) -> Accumulator:
    accumulator = Accumulator(LAYERS, WIDTH, LEVELS)
    for level, clean, noisy in batches:
        accumulator.update(level, torch.from_numpy(clean).transpose(0, 1), torch.from_numpy(noisy).transpose(0, 1))
    return accumulator


def whole(batches: list[Batch], level: str | None) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    chosen = [(c, n) for name, c, n in batches if level in (None, name)]
    clean, noisy = (np.concatenate([pair[side] for pair in chosen]).astype(np.float64) for side in (0, 1))
    return clean, noisy


def check_profile(profile: Profile, batches: list[Batch]) -> None:
    for level in (None, *LEVELS):
        if level is not None and all(name != level for name, _, _ in batches):
            continue
        clean, noisy = whole(batches, level)
        d = noisy - clean
        tight: dict[str, float] = {"rtol": 1e-9, "atol": 1e-10}
        np.testing.assert_allclose(profile.mean(level), d.mean(0), **tight)
        np.testing.assert_allclose(profile.mean_absolute(level), np.abs(d).mean(0), **tight)
        np.testing.assert_allclose(profile.deviation(level), d.std(0), rtol=1e-6, atol=1e-7)
        for k in THRESHOLDS:
            np.testing.assert_array_equal(profile.share(k, level), naive.passes(clean, noisy, k) / len(d))
    clean, _ = whole(batches, None)
    np.testing.assert_allclose(profile.clean_deviation(), clean.std(0), rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(
        profile.pairs, [sum(len(c) for name, c, _ in batches if name == level) for level in LEVELS]
    )


def test_streamed_equals_whole_with_unequal_batches_and_shifted_means() -> None:
    batches = [
        batch(1, "low", 31, 0.0),
        batch(2, "high", 1, 50.0),
        batch(3, "low", 2, -200.0),
        batch(4, "low", 7, 1000.0),
        batch(5, "high", 12, 0.0),
        batch(6, "high", 5, -40.0),
    ]
    check_profile(freeze(fed(batches), {}), batches)


sizes = st.lists(
    st.tuples(st.integers(0, 10**6), st.sampled_from(LEVELS), st.integers(1, 9), st.floats(-100, 100)),
    min_size=1,
    max_size=5,
)


@settings(max_examples=25, deadline=None)
@given(sizes, st.integers(0, 5))
def test_streamed_and_merged_equal_whole(plan: list[tuple[int, str, int, float]], cut: int) -> None:
    batches = [batch(*row) for row in plan]
    check_profile(freeze(fed(batches), {}), batches)
    merged = fed(batches[:cut])
    merged.merge(fed(batches[cut:]))
    one, two = freeze(fed(batches), {}), freeze(merged, {})
    check_profile(two, batches)
    np.testing.assert_allclose(two.cka, one.cka, rtol=1e-9)
    np.testing.assert_array_equal(two.cka_pairs, one.cka_pairs)


def test_a_small_difference_on_a_large_offset_survives() -> None:
    """Activations of 2 ** 12 and differences of 2 ** -11, one float32 step: nothing may be lost in the sums."""
    clean = np.full((40, LAYERS, WIDTH), 4096.0, dtype=np.float32)
    noisy = clean.copy()
    noisy[::2, :, 0] += np.float32(2**-11)
    profile = freeze(fed([("low", clean[:9], noisy[:9]), ("low", clean[9:], noisy[9:])]), {})
    np.testing.assert_array_equal(profile.mean("low")[:, 0], 2**-12)
    np.testing.assert_allclose(profile.deviation("low")[:, 0], 2**-12, rtol=1e-12)
    np.testing.assert_array_equal(profile.share(3.0, "low")[:, 0], 0.5)
    assert np.count_nonzero(profile.mean("low")[:, 1:]) == 0
    assert np.count_nonzero(profile.clean_deviation()) == 0


def test_cka_is_a_ratio_of_batch_averages_weighted_by_pairs() -> None:
    batches = [batch(1, "low", 12, 3.0), batch(2, "low", 5, -9.0), batch(3, "low", 3, 0.0), batch(4, "low", 4, 0.0)]
    profile = freeze(fed(batches), {})
    assert profile.cka_pairs.tolist() == [21, 0]  # three pairs are too few
    assert np.isnan(profile.cka[1]).all()
    for layer in range(LAYERS):
        sums = np.zeros(3)
        for _, clean, noisy in batches:
            if len(clean) >= 4:
                x, y = (side[:, layer].astype(np.float64) for side in (clean, noisy))
                k, m = x @ x.T, y @ y.T
                sums += len(clean) * np.array([naive.hsic(k, m), naive.hsic(k, k), naive.hsic(m, m)])
        np.testing.assert_allclose(profile.cka[0, layer], sums[0] / np.sqrt(sums[1] * sums[2]), rtol=1e-8)


def test_memory_does_not_grow_with_pairs() -> None:
    def numbers(accumulator: Accumulator) -> int:
        return sum(s.sums.size + s.passes.size + s.cka.sums.size for s in accumulator.levels.values())

    once = fed([batch(1, "low", 8, 0.0)])
    often = fed([batch(i, "low", 8, 0.0) for i in range(20)])
    assert numbers(once) == numbers(often)
    held = {k for s in often.levels.values() for k, v in vars(s).items() if isinstance(v, torch.Tensor | list)}
    assert not held


def test_inputs_are_left_alone_and_wrong_shapes_refused() -> None:
    _, clean, noisy = batch(1, "low", 6, 0.0)
    a, b = torch.from_numpy(clean).transpose(0, 1), torch.from_numpy(noisy).transpose(0, 1)
    before = a.clone(), b.clone()
    accumulator = Accumulator(LAYERS, WIDTH, LEVELS)
    accumulator.update("low", a, b)
    assert torch.equal(a, before[0])
    assert torch.equal(b, before[1])
    for x, y in ((a, b[:, :5]), (a[:2], b[:2]), (a[..., :3], b[..., :3])):
        with pytest.raises(ValueError, match="wanted"):
            accumulator.update("low", x, y)
    with pytest.raises(ValueError, match="cannot be merged"):
        accumulator.merge(Accumulator(LAYERS, WIDTH, ["low"]))
    with pytest.raises(ValueError, match="cannot be merged"):
        accumulator.merge(Accumulator(LAYERS, WIDTH + 1, LEVELS))
    assert accumulator.levels["low"].pairs == 6
