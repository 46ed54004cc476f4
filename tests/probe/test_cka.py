"""Debiased CKA: the estimator against its definitions, and what a similarity has to satisfy."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import naive_neurons as naive
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_neurons.probe.cka import StreamingCKA, hsic

Array = np.ndarray[Any, Any]


def cka(*batches: tuple[Array, Array]) -> float:
    """CKA of one layer from batches of ``[n, width]`` sides."""
    streaming = StreamingCKA(1)
    for x, y in batches:
        streaming.update(torch.from_numpy(x)[None], torch.from_numpy(y)[None])
    return float(streaming.value()[0])


def draw(seed: int, n: int, width: int) -> Array:
    return np.random.default_rng(seed).normal(size=(n, width))


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


def test_one_batch_is_the_ratio() -> None:
    x = draw(1, 30, 12)
    y = x + 0.7 * draw(2, 30, 12)
    np.testing.assert_allclose(cka((x, y)), naive.debiased_cka(x, y), rtol=1e-10)


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
    streaming = StreamingCKA(3)
    x, y = torch.from_numpy(draw(1, 8, 5)), torch.from_numpy(draw(2, 8, 5))
    streaming.update(torch.stack([x, x, y]), torch.stack([x, y, y]))
    value = streaming.value()
    np.testing.assert_allclose(value[[0, 2]], 1, rtol=1e-12)
    np.testing.assert_allclose(value[1], naive.debiased_cka(x.numpy(), y.numpy()), rtol=1e-9)


def test_merge_equals_whole() -> None:
    batches = [(draw(i, 4 + i, 6), draw(i + 50, 4 + i, 6)) for i in range(5)]
    first, second = StreamingCKA(1), StreamingCKA(1)
    for streaming, part in ((first, batches[:2]), (second, batches[2:])):
        for x, y in part:
            streaming.update(torch.from_numpy(x)[None], torch.from_numpy(y)[None])
    first.merge(second)
    np.testing.assert_allclose(first.value()[0], cka(*batches), rtol=1e-12)
    assert first.examples == sum(len(x) for x, _ in batches)


# --- no value


def test_nothing_seen_is_nan() -> None:
    assert np.isnan(StreamingCKA(3).value()).all()


@given(st.floats(-1e4, 1e4, width=32), st.integers(4, 40))
def test_activations_that_do_not_vary_are_nan(constant: float, n: int) -> None:
    still = torch.full((1, n, 7), constant)
    moving = torch.from_numpy(draw(n, n, 7)).float()[None]
    for x, y in ((still, moving), (moving, still), (still, still)):
        streaming = StreamingCKA(1)
        streaming.update(x, y)
        assert np.isnan(streaming.value()[0])


def test_fewer_than_four_examples_are_refused() -> None:
    for n in range(4):
        streaming = StreamingCKA(1)
        with pytest.raises(ValueError, match=f"of {n} examples"):
            streaming.update(torch.ones(1, n, 3), torch.ones(1, n, 3))
        assert streaming.examples == 0
        assert not streaming.sums.any()
