"""Effect sizes against scipy and plain NumPy on the activations themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_profiles import Array, profile_of, words_at_levels
from scipy import stats

from ocr_neurons.common.errors import UserError
from ocr_neurons.rank.effect_size import LARGEST, effect, size


def by_word(values: Array, word: list[int]) -> Array:
    """The mean over each word's pairs."""
    names = np.asarray(word)
    return np.stack([values[names == name].mean(0) for name in dict.fromkeys(word)])


@settings(max_examples=20, deadline=None)
@given(st.integers(4, 40), st.integers(0, 10**6))
def test_effect_is_the_paired_t_test_over_words(words: int, seed: int) -> None:
    clean, noisy, level, word, dose = words_at_levels(words, seed)
    scored = effect(profile_of(clean, noisy, level=level, word=word, dose=dose))
    one, two = by_word(clean, word), by_word(noisy, word)
    oracle = stats.ttest_rel(two, one)
    assert scored.p is not None
    np.testing.assert_allclose(scored.p, oracle.pvalue, rtol=1e-6)
    d_z = oracle.statistic / np.sqrt(words)
    np.testing.assert_allclose(scored.score, np.abs(d_z) * (1 - 3 / (4 * words - 5)), rtol=1e-6)
    assert np.array_equal(scored.sign, np.sign((two - one).mean(0)))


def test_a_level_is_taken_by_its_pairs() -> None:
    clean, noisy, level, word, dose = words_at_levels(40, 3)
    chosen = np.asarray(level) == 1
    assert chosen.sum() <= 40  # no more pairs than words, so all of them count
    scored = effect(profile_of(clean, noisy, level=level, word=word, dose=dose), "high")
    assert scored.p is not None
    np.testing.assert_allclose(scored.p, stats.ttest_rel(noisy[chosen], clean[chosen]).pvalue, rtol=1e-6)
    assert scored.about["parameters"] == {"group": "high"}


def test_pairs_of_one_word_do_not_make_it_surer() -> None:
    """Three copies of every pair: more pairs, no more words."""
    clean, noisy, _, _, _ = words_at_levels(20, 4)
    clean, noisy = clean[:20], noisy[:20]
    once = profile_of(clean, noisy, level=[1] * 20)
    thrice = profile_of(
        clean.repeat(3, 0), noisy.repeat(3, 0), level=[1] * 60, word=[i // 3 for i in range(60)]
    )  # fmt: skip
    for score in (effect, size):
        few, many = score(once), score(thrice)
        np.testing.assert_allclose(many.score, few.score, rtol=1e-8)
        np.testing.assert_allclose(many.error, few.error, rtol=1e-8)
        # by level each pair is a unit of the mean, but n stays that of the words
        np.testing.assert_array_less(few.error * 0.9, score(thrice, "high").error)


def test_the_standard_error_is_that_of_repeated_samples() -> None:
    """Over many samples of normal differences: the spread of the signed effect, its mean with Hedges' correction."""
    rng = np.random.default_rng(0)
    words, neurons = 25, 20_000
    for true in (0.0, 0.4, 1.2):
        clean = rng.normal(size=(words, 1, neurons))
        noisy = clean + rng.normal(true, 1, clean.shape)
        scored = effect(profile_of(clean, noisy))
        assert scored.error is not None
        signed = scored.score * scored.sign
        assert signed.std() == pytest.approx(scored.error.mean(), rel=0.05)
        assert signed.mean() == pytest.approx(true, abs=4 * signed.std() / np.sqrt(neurons))


@settings(max_examples=20, deadline=None)
@given(st.integers(4, 40), st.integers(0, 10**6))
def test_size_is_the_mean_change_of_words_in_deviations_of_both_sides(words: int, seed: int) -> None:
    clean, noisy, level, word, dose = words_at_levels(words, seed)
    scored = size(profile_of(clean, noisy, level=level, word=word, dose=dose))
    one, two = by_word(clean, word), by_word(noisy, word)
    spread = np.concatenate([one, two]).std(0)
    changes = np.abs(two - one) / spread
    np.testing.assert_allclose(scored.score, changes.mean(0), rtol=1e-7)
    np.testing.assert_allclose(
        scored.error, np.hypot(stats.sem(changes), changes.mean(0) / (4 * words) ** 0.5), rtol=1e-6
    )
    assert scored.p is None
    assert scored.score.max() <= 2


def test_a_jump_of_either_sign_has_size_and_no_effect() -> None:
    rng = np.random.default_rng(1)
    clean = rng.normal(size=(60, 1, 30))
    noisy = clean + rng.normal(0, 0.1, clean.shape)
    noisy[:, 0, 7] += np.where(np.arange(60) % 2 == 0, 4, -4)
    profile = profile_of(clean, noisy)
    assert size(profile).score.argmax() == 7
    assert effect(profile).score[0, 7] < 0.1
    assert effect(profile).p[0, 7] > 0.5  # type: ignore[index]


def test_neurons_that_do_not_move_or_always_move_alike() -> None:
    clean = np.random.default_rng(2).normal(size=(12, 1, 3)).round(2)
    noisy = clean.copy()
    noisy[:, 0, 1] += 0.5
    clean[:, 0, 2] = noisy[:, 0, 2] = 1.0
    profile = profile_of(clean, noisy)
    scored = effect(profile)
    assert scored.score[0].tolist() == [0.0, pytest.approx(LARGEST * (1 - 3 / 43)), 0.0]
    assert scored.p is not None
    assert scored.p[0].tolist() == [1.0, pytest.approx(0, abs=1e-50), 1.0]
    assert np.isfinite(scored.error).all()  # type: ignore[arg-type]
    assert size(profile).score[0, [0, 2]].tolist() == [0.0, 0.0]


def test_too_few_words() -> None:
    clean = np.random.default_rng(3).normal(size=(2, 1, 3))
    with pytest.raises(UserError, match="the profile rests on 2 independent words; wanted at least 3"):
        effect(profile_of(clean, clean + 1))
