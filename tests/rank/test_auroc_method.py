"""AUROC against brute force and scipy's Mann-Whitney test."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_profiles import Array, profile_of, words_at_levels
from scipy import stats

from ocr_neurons.common.errors import UserError
from ocr_neurons.probe.profile import Profile
from ocr_neurons.rank.auroc import auroc, hanley_mcneil


def area(clean: Array, noisy: Array) -> Array:
    """Over all pairs of a noisy and a clean value, ties half."""
    one, two = clean[:, None], noisy[None]
    return ((two > one) + 0.5 * (two == one)).mean((0, 1))


def binned(values: Array, profile: Profile) -> Array:
    """The number of the bin of each value."""
    assert profile.edges is not None
    return (values[:, None] > profile.edges[None]).sum(1)


@settings(max_examples=20, deadline=None)
@given(st.integers(5, 40), st.integers(0, 10**6))
def test_score_and_p_are_those_of_the_binned_values(pairs: int, seed: int) -> None:
    clean, noisy, *_ = words_at_levels(pairs, seed)
    clean, noisy = clean[:pairs], noisy[:pairs]
    profile = profile_of(clean, noisy)
    scored = auroc(profile)
    one, two = binned(clean, profile), binned(noisy, profile)
    expected = area(one, two)
    np.testing.assert_allclose(scored.score, np.abs(expected - 0.5), atol=1e-12)
    assert np.array_equal(scored.sign, np.sign(np.round(expected - 0.5, 12)))
    oracle = stats.mannwhitneyu(one, two, method="asymptotic", use_continuity=False)
    assert scored.p is not None
    np.testing.assert_allclose(scored.p, oracle.pvalue, rtol=1e-8)


def test_sixteen_bins_are_close_to_the_exact_area() -> None:
    rng = np.random.default_rng(0)
    clean = rng.standard_t(3, (300, 2, 40))
    noisy = clean * rng.uniform(0.3, 1, clean.shape) + rng.normal(0, 1, (2, 40))
    np.testing.assert_allclose(auroc(profile_of(clean, noisy)).score, np.abs(area(clean, noisy) - 0.5), atol=0.01)


def test_pairs_of_one_word_do_not_make_it_surer() -> None:
    clean, noisy, *_ = words_at_levels(30, 5)
    clean, noisy = clean[:30], noisy[:30]
    once = auroc(profile_of(clean, noisy, level=[1] * 30))
    many = auroc(profile_of(clean.repeat(4, 0), noisy.repeat(4, 0), level=[1] * 120, word=[i // 4 for i in range(120)]))
    np.testing.assert_allclose(many.score, once.score, atol=0.04)  # the edges of the bins lie elsewhere
    np.testing.assert_allclose(many.error, once.error, rtol=0.1)
    np.testing.assert_allclose(np.log(many.p), np.log(once.p), rtol=0.3, atol=0.2)  # type: ignore[arg-type]


def test_unchanged_words_are_left_out() -> None:
    """Nine of ten words of aligned texts have no error; the method asks about the others."""
    clean, noisy, *_ = words_at_levels(40, 6)
    clean, noisy = clean[:40], noisy[:40]
    level, dose = [0] * 30 + [1] * 10, [0.0] * 30 + [0.5] * 10
    noisy[:30] = clean[:30]
    profile = profile_of(clean, noisy, level=level, dose=dose)
    np.testing.assert_array_equal(auroc(profile).score, auroc(profile, "high").score)
    np.testing.assert_array_equal(auroc(profile).p, auroc(profile, "high").p)  # type: ignore[arg-type]


def test_published_standard_error() -> None:
    """Hanley & McNeil 1982: an area of 0.893 of 58 normal and 51 abnormal has 0.032; here both sides have n."""
    assert hanley_mcneil(np.array(0.893), 54) == pytest.approx(0.032, abs=0.001)
    assert hanley_mcneil(np.array(0.107), 54) == pytest.approx(hanley_mcneil(np.array(0.893), 54))


def test_the_standard_error_is_that_of_repeated_samples() -> None:
    rng = np.random.default_rng(1)
    words, neurons = 40, 5_000
    for move in (0.0, 1.0):
        clean = rng.normal(size=(words, 1, neurons))
        noisy = rng.normal(move, 1, clean.shape)
        scored = auroc(profile_of(clean, noisy))
        assert scored.error is not None
        assert (scored.score * scored.sign).std() == pytest.approx(scored.error.mean(), rel=0.06)


def test_independent_sides_pass_at_the_nominal_rate_and_paired_ones_seldom() -> None:
    rng = np.random.default_rng(2)
    clean = rng.normal(size=(50, 1, 4_000))
    loose = auroc(profile_of(clean, rng.normal(size=clean.shape))).p
    tied = auroc(profile_of(clean, clean + 0.3 * rng.normal(size=clean.shape))).p
    assert loose is not None
    assert tied is not None
    assert (loose < 0.05).mean() == pytest.approx(0.05, abs=0.014)
    assert (tied < 0.05).mean() < 0.001


def test_a_constant_neuron_tells_nothing() -> None:
    clean = np.ones((10, 1, 2))
    scored = auroc(profile_of(clean, clean))
    assert scored.score.tolist() == [[0, 0]]
    assert scored.p is not None
    assert scored.p.tolist() == [[1, 1]]


def test_groups_without_histogram() -> None:
    clean = np.random.default_rng(3).normal(size=(10, 1, 2))
    with pytest.raises(UserError, match="group 'poor' has no histogram; wanted one of low, high, shuffled"):
        auroc(profile_of(clean, clean + 1), "poor")
    assert auroc(profile_of(clean, clean + 100), "shuffled").score.max() < 0.5
