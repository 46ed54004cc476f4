"""Dose and response against scipy's correlation over the pairs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_profiles import profile_of, words_at_levels
from scipy import stats

from ocr_neurons.common.errors import UserError
from ocr_neurons.rank.dose import dose as scores


@settings(max_examples=20, deadline=None)
@given(st.integers(5, 40), st.integers(0, 10**6))
def test_score_and_p_are_those_of_pearson(pairs: int, seed: int) -> None:
    clean, noisy, level, _, dose = words_at_levels(pairs, seed)
    clean, noisy, level, dose = clean[:pairs], noisy[:pairs], level[:pairs], dose[:pairs]
    scored = scores(profile_of(clean, noisy, level=level, dose=dose))
    size = np.abs(noisy - clean)
    oracle = stats.pearsonr(size, np.broadcast_to(dose[:, None, None], size.shape), axis=0)
    np.testing.assert_allclose(scored.score, oracle.statistic, atol=1e-9)
    assert scored.p is not None
    np.testing.assert_allclose(scored.p, oracle.pvalue, rtol=1e-6)
    np.testing.assert_allclose(scored.error, (1 - oracle.statistic**2) / np.sqrt(pairs - 3), rtol=1e-6)
    assert np.array_equal(scored.sign, np.sign((noisy - clean).mean(0)))


def test_all_pairs_of_a_word_count_in_the_score_and_once_in_the_error() -> None:
    clean, noisy, level, word, dose = words_at_levels(30, 1)
    scored = scores(profile_of(clean, noisy, level=level, word=word, dose=dose))
    size = np.abs(noisy - clean)
    oracle = stats.pearsonr(size, np.broadcast_to(dose[:, None, None], size.shape), axis=0).statistic
    np.testing.assert_allclose(scored.score, oracle, atol=1e-9)
    np.testing.assert_allclose(scored.error, (1 - oracle**2) / np.sqrt(27), rtol=1e-6)


def test_one_level_alone() -> None:
    clean, noisy, level, word, dose = words_at_levels(40, 2)
    low = np.asarray(level) == 0
    scored = scores(profile_of(clean, noisy, level=level, word=word, dose=dose), "low")
    size = np.abs(noisy - clean)[low]
    oracle = stats.pearsonr(size, np.broadcast_to(dose[low][:, None, None], size.shape), axis=0).statistic
    np.testing.assert_allclose(scored.score, oracle, atol=1e-9)


def test_unchanged_pairs_are_left_out() -> None:
    clean, noisy, level, _, dose = words_at_levels(30, 3)
    clean, noisy, dose, level = clean[:30], noisy[:30], dose[:30].copy(), level[:30]
    changed = np.arange(30) >= 12
    dose[~changed] = 0
    noisy[~changed] = clean[~changed]
    all_pairs = scores(profile_of(clean, noisy, level=level, dose=dose))
    only = scores(
        profile_of(clean[changed], noisy[changed], level=list(np.asarray(level)[changed]), dose=dose[changed])
    )
    np.testing.assert_allclose(all_pairs.score, only.score, atol=1e-9)
    np.testing.assert_allclose(all_pairs.p, only.p, rtol=1e-6)  # type: ignore[arg-type]


def test_words_that_react_alike_at_all_levels_do_not_deceive() -> None:
    """Dose and reaction both differ between words and not within: taking pairs as independent would find too much."""
    rng = np.random.default_rng(4)
    words, copies, neurons = 40, 3, 5_000
    dose = rng.uniform(0.1, 0.9, words).repeat(copies)
    clean = rng.normal(size=(words, 1, neurons)).repeat(copies, 0)
    noisy = clean + rng.normal(size=(words, 1, neurons)).repeat(copies, 0)
    word = [i // copies for i in range(words * copies)]
    scored = scores(profile_of(clean, noisy, word=word, dose=dose))
    assert scored.p is not None
    assert (scored.p < 0.05).mean() == pytest.approx(0.05, abs=0.02)
    naive = 2 * stats.t.sf(
        np.abs(scored.score) * np.sqrt((words * copies - 2) / (1 - scored.score**2)), words * copies - 2
    )
    assert (naive < 0.05).mean() > 0.2


def test_a_steady_neuron_has_no_dose() -> None:
    clean = np.random.default_rng(5).normal(size=(20, 1, 2))
    noisy = clean.copy()
    noisy[:, 0, 1] = clean[:, 0, 1] + np.linspace(0.1, 0.9, 20) * np.where(np.arange(20) % 2, 1, -1)
    scored = scores(profile_of(clean, noisy, dose=np.linspace(0.1, 0.9, 20)))
    assert scored.score[0].tolist() == [0.0, pytest.approx(1.0)]
    assert scored.p is not None
    assert scored.p[0].tolist() == [1.0, pytest.approx(0.0, abs=1e-50)]


def test_one_dose_or_too_few_words() -> None:
    clean = np.random.default_rng(6).normal(size=(20, 1, 2))
    with pytest.raises(UserError, match="all 20 pairs have the same similarity; wanted pairs of several noise levels"):
        scores(profile_of(clean, clean + 1, dose=[0.3] * 20))
    with pytest.raises(UserError, match="rests on 3 independent words; wanted at least 4"):
        scores(profile_of(clean[:3], clean[:3] + 1))


def test_levels_may_have_the_names_of_similarity_bins() -> None:
    clean, noisy, level, word, dose = words_at_levels(40, 4)
    dose[::5], noisy[::5] = 0, clean[::5]  # unchanged pairs are in a level and in no bin
    given = profile_of(clean, noisy, level=level, word=word, dose=dose)
    renamed = replace(given, levels=("good", "poor"))
    np.testing.assert_array_equal(scores(renamed).score, scores(given).score)
