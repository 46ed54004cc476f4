"""Debiased CKA: the estimator against its definitions, from mini-batches, and what a similarity has to satisfy."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import naive_neurons as naive
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_neurons import LEVELS, Sample, chunked, fed, sample

from ocr_neurons.probe.accumulate import Accumulator, Rows
from ocr_neurons.probe.cka import gram, hsic
from ocr_neurons.probe.fields import BINS
from ocr_neurons.probe.profile import freeze

Array = np.ndarray[Any, Any]


def streamed(*batches: tuple[Array, Array], dtype: torch.dtype = torch.float64) -> Array:
    """CKA of a level from mini-batches of ``[layers, n, width]`` sides."""
    layers, _, width = batches[0][0].shape
    accumulator = Accumulator(layers, width, ["low"])
    for x, y in batches:
        n = x.shape[1]
        rows = Rows([0] * n, [str(i) for i in range(n)], [0.5] * n)
        accumulator.update(torch.from_numpy(x).to(dtype), torch.from_numpy(y).to(dtype), rows)
    return freeze(accumulator, {}).cka("low")


def cka(*batches: tuple[Array, Array]) -> float:
    """CKA of one layer from batches of ``[n, width]`` sides."""
    return float(streamed(*[(x[None], y[None]) for x, y in batches])[0])


def draw(seed: int, n: int, width: int) -> Array:
    return np.random.default_rng(seed).normal(size=(n, width))


# --- the estimator


@given(st.integers(0, 10**6), st.integers(4, 20))
def test_hsic_is_equation_5_of_song(seed: int, n: int) -> None:
    x, y = draw(seed, n, 6), draw(seed + 1, n, 3)
    k, m = x @ x.T, y @ y.T
    got = hsic(torch.from_numpy(k), torch.from_numpy(m))
    np.testing.assert_allclose(float(got), naive.hsic(k, m), rtol=1e-9, atol=1e-12)


def test_hsic_is_the_u_statistic_over_distinct_quadruples() -> None:
    """The definition behind equation 5: the mean of K_ij (L_ij + L_qr - 2 L_iq) over distinct i, j, q, r."""
    x, y = draw(1, 7, 4), draw(2, 7, 5)
    k, m = x @ x.T, y @ y.T
    terms = [k[i, j] * (m[i, j] + m[q, r] - 2 * m[i, q]) for i, j, q, r in permutations(range(7), 4)]
    np.testing.assert_allclose(float(hsic(torch.from_numpy(k), torch.from_numpy(m))), np.mean(terms), rtol=1e-10)


def test_hsic_takes_all_layers_at_once() -> None:
    k = torch.stack([torch.from_numpy(draw(i, 6, 9) @ draw(i, 6, 9).T) for i in range(5)])
    m = torch.stack([torch.from_numpy(draw(i + 9, 6, 9) @ draw(i + 9, 6, 9).T) for i in range(5)])
    expected = [naive.hsic(a.numpy(), b.numpy()) for a, b in zip(k, m, strict=True)]
    np.testing.assert_allclose(hsic(k, m).numpy(), expected, rtol=1e-9)


def test_fewer_than_four_examples_are_refused() -> None:
    for n in range(4):
        with pytest.raises(ValueError, match=f"of {n} examples"):
            hsic(torch.ones(n, n), torch.ones(n, n))


def test_gram_is_of_centred_rows_in_float64_whatever_the_offset() -> None:
    x = draw(3, 9, 5).astype(np.float32) + np.float32(4096)
    found = gram(torch.from_numpy(x))
    assert found.dtype == torch.float64
    centred = x.astype(np.float64) - x.astype(np.float64).mean(0)
    np.testing.assert_allclose(found.numpy(), centred @ centred.T, rtol=1e-9, atol=1e-12)
    assert not gram(torch.full((9, 5), 0.1)).any()  # constants leave no rounding to be compared


def test_one_batch_is_the_ratio() -> None:
    x = draw(1, 30, 12)
    y = x + 0.7 * draw(2, 30, 12)
    np.testing.assert_allclose(cka((x, y)), naive.debiased_cka(x, y), rtol=1e-10)


# --- what a similarity has to satisfy


def test_unrelated_data_is_near_zero_where_plain_cka_is_near_one() -> None:
    x, y = draw(1, 6, 2000), draw(2, 6, 2000)
    assert naive.plain_cka(x, y) > 0.8
    values = [cka((draw(2 * s, 6, 2000), draw(2 * s + 1, 6, 2000))) for s in range(40)]
    assert abs(np.mean(values)) < 0.15
    batches = [(draw(2 * s, 16, 500), draw(2 * s + 1, 16, 500)) for s in range(20)]
    assert abs(cka(*batches)) < 0.05


def test_identical_data_is_one() -> None:
    for n, width in ((4, 3), (6, 2000), (50, 8)):
        x = draw(n, n, width)
        np.testing.assert_allclose(cka((x, x)), 1, rtol=1e-12)
    np.testing.assert_allclose(cka((draw(1, 9, 5), draw(1, 9, 5)), (draw(2, 4, 5), draw(2, 4, 5))), 1, rtol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_rotation_scale_and_offset_do_not_matter_and_sides_may_swap(seed: int, scale: float, offset: float) -> None:
    x = draw(seed, 12, 9)
    y = x + draw(seed + 1, 12, 9)
    rotation, _ = np.linalg.qr(draw(seed + 2, 9, 9))
    base = cka((x, y))
    np.testing.assert_allclose(cka((x, y @ rotation * scale + offset)), base, rtol=1e-7)
    np.testing.assert_allclose(cka((x @ rotation * scale + offset, y)), base, rtol=1e-7)
    np.testing.assert_allclose(cka((y, x)), base, rtol=1e-9)


def test_more_noise_less_similarity() -> None:
    x = draw(1, 40, 30)
    values = [cka((x, x + level * draw(2, 40, 30))) for level in (0.0, 0.3, 1.0, 3.0)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 0.999
    assert values[-1] < 0.5


def test_layers_do_not_mix() -> None:
    x, y = draw(1, 8, 5), draw(2, 8, 5)
    value = streamed((np.stack([x, x, y]), np.stack([x, y, y])))
    np.testing.assert_allclose(value[[0, 2]], 1, rtol=1e-12)
    np.testing.assert_allclose(value[1], naive.debiased_cka(x, y), rtol=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.floats(-1e4, 1e4, width=32), st.integers(4, 40))
def test_activations_that_do_not_vary_are_nan(constant: float, n: int) -> None:
    still, moving = np.full((1, n, 7), constant), draw(n, n, 7)[None]
    for x, y in ((still, moving), (moving, still), (still, still)):
        assert np.isnan(streamed((x, y), dtype=torch.float32)[0])


# --- from mini-batches, by group


def test_cka_is_a_ratio_of_sums_over_mini_batches_weighted_by_pairs() -> None:
    whole = sample(3, 60)
    chunks = chunked(whole, [25, 20, 12, 3])
    profile = freeze(fed(chunks), {})
    for group in (*LEVELS, *BINS):
        sums, pairs = np.zeros((3, 3)), 0
        for chunk in chunks:
            part = naive.units(chunk, group, LEVELS)
            if len(part.dose) < 4:  # the unbiased estimator divides by n - 3
                continue
            pairs += len(part.dose)
            each = [naive.hsics(part.clean[:, layer], part.noisy[:, layer]) for layer in range(3)]
            sums += len(part.dose) * np.stack(each, 1)
        assert profile.cka_pairs(group) == pairs
        np.testing.assert_allclose(profile.cka(group), sums[0] / np.sqrt(sums[1] * sums[2]), rtol=1e-8)
    assert profile.cka_pairs("low") < profile.units("low")  # some mini-batch was too small
    assert profile.cka_pairs(None) == profile.cka_pairs("low") + profile.cka_pairs("high")


def test_cka_of_one_chunk_is_the_formula_and_of_few_pairs_is_nothing() -> None:
    whole = sample(4, 9, offset=1e3)
    level = np.array([1, 1, 1, *[0] * (len(whole.level) - 3)])
    whole = Sample(whole.clean, whole.noisy, level, whole.word, whole.dose)
    profile = freeze(fed([whole]), {})
    low = whole.part(level == 0)
    expected = [naive.debiased_cka(low.clean[:, layer] - 1e3, low.noisy[:, layer] - 1e3) for layer in range(3)]
    np.testing.assert_allclose(profile.cka("low"), expected, rtol=1e-7)
    assert np.isnan(profile.cka("high")).all()
    assert (profile.cka_pairs("low"), profile.cka_pairs("high")) == (len(low.dose), 0)


def test_cka_replicates_draw_mini_batches() -> None:
    whole = sample(6, 60)
    chunks = chunked(whole, [20, 20, 20])
    parts = [fed([chunk], first=number).state for number, chunk in enumerate(chunks)]
    drawn = np.stack([(p["replicates"][:, 0, 2:] / p["hsic"][0]).numpy() for p in parts])
    weights = drawn[:, :, 0, 0]
    np.testing.assert_allclose(drawn, np.broadcast_to(weights[:, :, None, None], drawn.shape), rtol=1e-9)
    np.testing.assert_allclose(weights, weights.round(), atol=1e-9)
    sums = np.einsum("cr,csl->rsl", weights, np.stack([p["hsic"][0].numpy() for p in parts]))
    with np.errstate(invalid="ignore"):
        expected = sums[:, 0] / np.sqrt(sums[:, 1] * sums[:, 2])
    found = freeze(fed(chunks), {}).replicates("cka", "low")
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert len(np.unique(weights, axis=1).T) > 10


def test_of_pairs_with_the_same_clean_side_one_is_drawn() -> None:
    """Twins look alike on both sides whatever noise does: six pairs of three examples, and four of their own."""
    clean, noisy = np.repeat(draw(1, 7, 9), [2, 2, 2, 1, 1, 1, 1], axis=0), draw(2, 10, 9)
    example = [0, 0, 1, 1, 2, 2, 3, 4, 5, 6]
    choices = {
        naive.debiased_cka(clean[rows], noisy[rows]): rows
        for rows in ([a, b, c, 6, 7, 8, 9] for a in (0, 1) for b in (2, 3) for c in (4, 5))
    }
    found = set()
    for name in range(20):
        accumulator = Accumulator(1, 9, ["low"])
        rows = Rows([0] * 10, [*"abcdefghij"], [0.5] * 10, str(name), example)
        accumulator.update(torch.from_numpy(clean)[None], torch.from_numpy(noisy)[None], rows)
        profile = freeze(accumulator, {})
        assert profile.cka_pairs("low") == 7
        value = profile.cka("low")[0]
        nearest = min(choices, key=lambda choice: abs(choice - value))
        np.testing.assert_allclose(value, nearest, rtol=1e-9)
        found.add(nearest)
        assert profile.units("low") == 10  # the other figures rest on all
    assert len(found) > 4
