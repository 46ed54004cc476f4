"""Streaming statistics against the whole in float64: unequal chunks, shifted means, merges."""

from __future__ import annotations

from typing import Any

import naive_neurons as naive
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_neurons import LEVELS, Sample, chunked, fed, grid, sample

from ocr_neurons.probe.accumulate import Accumulator, Rows
from ocr_neurons.probe.fields import BINS, CURVES, EDGES, THRESHOLDS
from ocr_neurons.probe.profile import Profile, freeze

GROUPS = (None, *LEVELS, *BINS)


def check_moments(profile: Profile, whole: Sample, rtol: float = 1e-9) -> None:
    for group in GROUPS:
        units = naive.units(whole, group, LEVELS)
        assert profile.units(group) == len(units.dose)
        if len(units.dose) < 2:
            continue
        expected = naive.moments(units)
        for name, value in naive.asked(profile, group).items():
            np.testing.assert_allclose(value, expected[name], rtol, rtol, err_msg=f"{name} of {group}")


def check_by_pair(profile: Profile, whole: Sample, rtol: float = 1e-9) -> None:
    """What is counted pair by pair: the paper's passes, histograms and their AUROC, curves."""
    for group in GROUPS:
        pairs = whole if group is None else naive.units(whole, group, LEVELS)
        if not len(pairs.dose):
            continue
        for k in THRESHOLDS:
            expected = naive.passes(pairs.clean, pairs.noisy, k) / len(pairs.dose)
            np.testing.assert_array_equal(profile.share(k, group), expected)
        for name, values in naive.curves(pairs.clean, pairs.noisy).items():
            mean, _ = profile.curve(name, group)
            np.testing.assert_allclose(mean, values.mean(0), rtol, rtol)
        if group in BINS:
            continue
        assert profile.edges is not None
        clean, noisy = (naive.above(profile.edges, side) for side in (pairs.clean, pairs.noisy))
        for counts, numbers in zip(profile.histogram(group), (clean, noisy), strict=True):
            expected = np.stack([(numbers == number).sum(0) for number in range(EDGES + 1)])
            np.testing.assert_array_equal(counts, expected)
        np.testing.assert_allclose(profile.auroc(group), naive.auroc(clean, noisy), rtol=1e-12)


@pytest.mark.parametrize("offset", [0.0, 1e3, -1e3])
@pytest.mark.parametrize("shifted", [False, True])
def test_streamed_equals_whole(offset: float, shifted: bool) -> None:
    whole = sample(1, 40, offset=offset)
    near = torch.from_numpy(whole.clean[:5].mean(0)) if shifted else None
    profile = freeze(fed(chunked(whole, [17, 1, 9, 2, 11]), shift=near, edges=grid(whole)), {})
    # without a shift, squares of 1e3 take 6 of 16 digits from variances of about 1
    check_moments(profile, whole, 1e-10 if shifted or not offset else 1e-7)
    check_by_pair(profile, whole)
    assert profile.pairs.tolist() == [(whole.level == number).sum() for number in (0, 1)]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(0, 9))
def test_any_chunks_equal_the_whole_and_one_another(seed: int, sizes: list[int], other: int) -> None:
    whole = sample(seed, sum(sizes), layers=2, width=5, offset=50.0)
    edges = grid(whole)
    profile = freeze(fed(chunked(whole, sizes, other), edges=edges), {})
    check_moments(profile, whole, 1e-7)
    check_by_pair(profile, whole)
    at_once = freeze(fed([whole], edges=edges), {})
    for name, array in at_once.arrays.items():
        if name not in ("hsic", "hsic_pairs", "replicates"):  # those of the CKA are by chunk
            np.testing.assert_allclose(profile.arrays[name], array, rtol=1e-9, atol=1e-9, err_msg=name)
    for name in CURVES:
        np.testing.assert_allclose(profile.replicates(name), at_once.replicates(name), rtol=1e-9)


def test_float32_is_within_a_ten_thousandth() -> None:
    whole = sample(5, 60, offset=20.0)
    near = torch.from_numpy(whole.clean[:9].mean(0))
    profile = freeze(fed(chunked(whole, [30, 20, 10]), torch.float32, shift=near), {})
    check_moments(profile, whole, 1e-4)
    exact = naive.curves(whole.clean, whole.noisy)
    for name, values in exact.items():
        np.testing.assert_allclose(profile.curve(name)[0], values.mean(0), rtol=1e-4)


def test_a_small_difference_on_a_large_offset_survives() -> None:
    """Activations of 2 ** 12 and differences of 2 ** -11, one float32 step: nothing may be lost in the sums."""
    clean = np.full((40, 3, 7), 4096.0)
    noisy = clean.copy()
    noisy[::2, :, 0] += 2.0**-11
    whole = Sample(clean, noisy, np.zeros(40, int), np.array([f"{i}" for i in range(40)]), np.full(40, 0.3))
    profile = freeze(fed([whole.part(slice(9)), whole.part(slice(9, 40))], torch.float32), {})
    for group in (None, "low"):
        np.testing.assert_array_equal(profile.mean(group)[:, 0], 2.0**-12)
        np.testing.assert_allclose(profile.deviation(group)[:, 0], 2.0**-12 * np.sqrt(40 / 39), rtol=1e-12)
        assert not profile.mean(group)[:, 1:].any()
        assert not profile.clean_deviation(group).any()
    np.testing.assert_array_equal(profile.share(2.0)[:, 0], 0.5)


def test_a_small_angle_is_not_lost_in_rounding() -> None:
    """1 - cosine of about 1e-10 is mostly rounding when computed as written, even in float64."""
    clean, noisy = np.full((6, 3, 7), 4096.0), np.full((6, 3, 7), 4096.0)
    noisy[:, :, 0] += 4096 * 2.0**-16
    whole = Sample(clean, noisy, np.zeros(6, int), np.array([*"abcdef"]), np.full(6, 0.3))
    # seven equal numbers against the same with the first larger by a share s: s ** 2 x 6 / 49 / 2, and terms in s ** 3
    np.testing.assert_allclose(freeze(fed([whole]), {}).curve("angle")[0], 2.0**-32 * 6 / 49 / 2, rtol=1e-4)


# --- merging


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(0, 2), min_size=3, max_size=7))
def test_merging_is_associative_and_commutative(seed: int, owners: list[int]) -> None:
    whole = sample(seed, 3 * len(owners), layers=2, width=5)
    edges = grid(whole)
    chunks = chunked(whole, [3] * len(owners), seed)

    def part(owner: int) -> Accumulator:
        accumulator = Accumulator(2, 5, LEVELS, edges=edges)
        for number, (chunk, own) in enumerate(zip(chunks, owners, strict=True)):
            if own == owner:
                accumulator.merge(fed([chunk], first=number, edges=edges))
        accumulator.skip("no sub-word", owner + 1)
        return accumulator

    left, right, swapped = part(0), part(1), part(2)
    left.merge(part(1))
    left.merge(part(2))
    right.merge(part(2))
    first = part(0)
    first.merge(right)
    swapped.merge(part(1))
    swapped.merge(part(0))
    direct = fed(chunks, edges=edges)
    for merged in (left, first, swapped):
        assert merged.skipped == {"no sub-word": 6}
        for name, tensor in direct.state.items():
            torch.testing.assert_close(merged.state[name], tensor, rtol=1e-10, atol=1e-10)


def test_accumulators_of_different_kinds_do_not_merge() -> None:
    base = Accumulator(2, 5, LEVELS, edges=torch.zeros(EDGES, 2, 5))
    for other in (
        Accumulator(2, 5, ("low",), edges=torch.zeros(EDGES, 2, 5)),
        Accumulator(2, 6, LEVELS, edges=torch.zeros(EDGES, 2, 6)),
        Accumulator(2, 5, LEVELS, edges=torch.ones(EDGES, 2, 5)),
        Accumulator(2, 5, LEVELS),
        Accumulator(2, 5, LEVELS, edges=torch.zeros(EDGES, 2, 5), shift=torch.ones(2, 5)),
    ):
        with pytest.raises(ValueError, match="cannot be merged"):
            base.merge(other)


# --- what is random


@pytest.fixture(scope="module")
def alone() -> tuple[Sample, dict[str, Accumulator]]:
    """A sample, and every word of it that was made noisy in an accumulator of its own."""
    whole = sample(8, 30)
    noisy = whole.part(whole.dose > 0)
    return whole, {word: fed([noisy.of([word])], edges=grid(whole)) for word in noisy.words}


def test_each_word_is_in_one_half_and_the_halves_are_all_words(alone: Any) -> None:
    whole, singles = alone
    halves: dict[str, list[str]] = {"half-1": [], "half-2": []}
    for word, accumulator in singles.items():
        counts = freeze(accumulator, {}).arrays["units"][-2:].tolist()
        assert sorted(counts) == [0, 1]
        halves[f"half-{1 + counts.index(1)}"].append(word)
    profile = freeze(fed(chunked(whole, [11, 19])), {})
    for half, words in halves.items():
        expected = naive.moments(naive.units(whole, None, LEVELS, words))
        assert profile.units(half) == len(words) > 5
        for name, value in naive.asked(profile, half).items():
            np.testing.assert_allclose(value, expected[name], rtol=1e-8, atol=1e-9, err_msg=f"{name} of {half}")


def test_shuffling_swaps_the_sides_of_a_word_at_random(alone: Any) -> None:
    whole, singles = alone
    units = naive.units(whole, None, LEVELS)
    d = units.noisy - units.clean
    signs = []
    for word, own in zip(units.word, d, strict=True):
        shuffled = singles[word].state["shuffled"].numpy()
        signs.append(float(np.sign(shuffled[0, 0] * own[0, 0])))
        np.testing.assert_allclose(shuffled, signs[-1] * own, rtol=1e-12)
    assert 5 < signs.count(-1.0) < len(signs) - 5
    profile = freeze(fed(chunked(whole, [11, 19]), edges=grid(whole)), {})
    np.testing.assert_allclose(profile.shuffled_mean(), (np.array(signs)[:, None, None] * d).mean(0), atol=1e-12)
    noisy = whole.part(whole.dose > 0)
    swapped = {word for word, sign in zip(units.word, signs, strict=True) if sign < 0}
    crossed = np.array([word in swapped for word in noisy.word])[:, None, None]
    sides = np.where(crossed, noisy.noisy, noisy.clean), np.where(crossed, noisy.clean, noisy.noisy)
    clean, changed = (naive.above(grid(whole).numpy(), side) for side in sides)
    np.testing.assert_allclose(profile.auroc("shuffled"), naive.auroc(clean, changed), rtol=1e-12)


def test_replicates_weight_words_by_poisson_numbers(alone: Any) -> None:
    whole, singles = alone
    # summed over levels and bins, the accumulator of one word has its weight times its pairs
    weights = {word: own.state["weights"].numpy() for word, own in singles.items()}
    pairs = {word: own.state["units"][:-2].sum().item() for word, own in singles.items()}
    drawn = np.stack([weights[word].sum(1) / pairs[word] for word in singles])
    np.testing.assert_allclose(drawn, drawn.round(), atol=1e-12)
    assert drawn.mean() == pytest.approx(1, abs=0.05)
    assert drawn.var() == pytest.approx(1, abs=0.1)
    assert abs(np.corrcoef(drawn)[np.triu_indices(len(drawn), 1)]).mean() < 0.1  # words are drawn independently
    noisy = whole.part(whole.dose > 0)
    by_word = dict(zip(singles, drawn, strict=True))
    weight = np.stack([by_word[word] for word in noisy.word], 1)
    profile = freeze(fed(chunked(noisy, [11, len(singles) - 11])), {})
    for name, values in naive.curves(noisy.clean, noisy.noisy).items():
        expected = weight @ values / weight.sum(1, keepdims=True)
        np.testing.assert_allclose(profile.replicates(name), expected, rtol=1e-9)


@pytest.mark.parametrize("copies", [1, 4])
def test_the_bootstrap_gives_the_standard_error_of_independent_words(copies: int) -> None:
    """Four copies of a word tell no more than one: the replicates know it, the error of pairs does not."""
    base = sample(9, 150, layers=2)
    base = base.part(np.unique(base.word, return_index=True)[1])
    whole = base.part(np.tile(np.arange(len(base.dose)), copies))
    profile = freeze(fed([whole]), {})
    for name, values in naive.curves(base.clean, base.noisy).items():
        error = values.std(0) / np.sqrt(len(values))
        np.testing.assert_allclose(profile.replicates(name).std(0), error, rtol=0.3)
        np.testing.assert_allclose(profile.curve(name)[1], error / np.sqrt(copies), rtol=0.01)


def test_another_seed_draws_other_halves_and_changes_nothing_else() -> None:
    whole = sample(2, 30)
    one, two = (freeze(fed([whole], edges=grid(whole), seed=seed), {}) for seed in (1, 2))
    check_moments(two, whole)
    assert one.units("half-1") + one.units("half-2") == two.units("half-1") + two.units("half-2")
    assert not np.allclose(one.mean("half-1"), two.mean("half-1"))
    assert not np.allclose(one.shuffled_mean(), two.shuffled_mean())
    assert not np.allclose(one.replicates("angle"), two.replicates("angle"))
    for name in ("passes", "hsic", "curves"):
        np.testing.assert_array_equal(one.arrays[name], two.arrays[name])


# --- what it takes


def test_memory_does_not_grow_with_pairs() -> None:
    def held(accumulator: Accumulator) -> int:
        tensors = [v for v in vars(accumulator).values() if isinstance(v, torch.Tensor)]
        lists = [v for v in vars(accumulator).values() if isinstance(v, list)]
        assert not lists
        return sum(t.numel() for t in [*tensors, *accumulator.state.values()])

    once, often = fed([sample(0, 8)]), fed([sample(i, 8) for i in range(20)])
    assert held(once) == held(often)


def test_inputs_are_left_alone_and_wrong_shapes_refused() -> None:
    whole = sample(1, 6)
    clean, noisy = (torch.from_numpy(side).transpose(0, 1).contiguous() for side in (whole.clean, whole.noisy))
    rows = Rows(whole.level.tolist(), whole.word.tolist(), whole.dose.tolist())
    before = clean.clone(), noisy.clone()
    accumulator = Accumulator(3, 7, LEVELS, edges=grid(whole))
    accumulator.update(clean, noisy, rows)
    assert torch.equal(clean, before[0])
    assert torch.equal(noisy, before[1])
    seen = {name: tensor.clone() for name, tensor in accumulator.state.items()}
    for x, y in ((clean, noisy[:, :5]), (clean[:2], noisy[:2]), (clean[..., :3], noisy[..., :3])):
        with pytest.raises(ValueError, match="wanted"):
            accumulator.update(x, y, rows)
    assert all(torch.equal(accumulator.state[name], tensor) for name, tensor in seen.items())
