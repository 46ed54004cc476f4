"""Noise against a control: the difference, its error, and how often it deceives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_profiles import Array, profile_of
from scipy.stats import ttest_1samp

from ocr_neurons.common.errors import UserError
from ocr_neurons.probe.profile import Profile
from ocr_neurons.rank.effect_size import effect, size
from ocr_neurons.rank.methods import PROFILED, score
from ocr_neurons.rank.scored import Scored
from ocr_neurons.rank.specific import paired, specific


def moved(rng: np.random.Generator, clean: Array, by: Array | float) -> Profile:
    doses = rng.uniform(0.1, 0.9, len(clean))
    return profile_of(clean, clean + by + rng.normal(0, 1, clean.shape), dose=doses)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_difference_error_and_p(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = (2, 5)
    one, two = rng.uniform(0, 1, shape), rng.uniform(0, 1, shape)
    e, f = rng.uniform(0.01, 1, shape), rng.uniform(0.01, 1, shape)
    sign = rng.choice([-1.0, 1.0], shape)
    found = specific(Scored("effect", one, sign, e), Scored("effect", two, -sign, f))
    np.testing.assert_allclose(found.score, one - two)
    np.testing.assert_array_equal(found.sign, sign)
    np.testing.assert_allclose(found.error, np.sqrt(e**2 + f**2))
    # drawn from the normal distribution itself
    drawn = np.abs(rng.standard_normal(40_000))
    z = np.abs(one - two) / np.sqrt(e**2 + f**2)
    assert found.p is not None
    np.testing.assert_allclose(found.p, (drawn[:, None, None] >= z).mean(0), atol=0.015)


def test_of_every_method_a_profile_against_itself_is_nothing() -> None:
    rng = np.random.default_rng(0)
    profile = moved(rng, rng.normal(size=(40, 2, 20)), rng.normal(size=(2, 20)))
    for name, method in PROFILED.items():
        assert method.needs == "profile", name
        found = specific(score(name, profile), score(name, profile))
        assert not found.score.any(), name
        assert found.p is not None
        assert (found.p == 1).all(), name


def test_finds_what_only_noise_does_and_not_what_any_change_does() -> None:
    rng = np.random.default_rng(1)
    clean = rng.normal(size=(80, 2, 50))
    anything = np.zeros((2, 50))
    anything[0, :10] = 4.0  # these react to any change
    only = anything.copy()
    only[1, :5] = 1.5  # these to noise alone
    noise, control = moved(rng, clean, only), moved(rng, clean, anything)
    plain = effect(noise)
    assert set(np.argsort(-plain.score.ravel())[:10]) == set(range(10))
    found = specific(plain, effect(control))
    assert set(np.argsort(-found.score.ravel())[:5]) == set(range(50, 55))


@pytest.mark.parametrize(("score", "low", "high"), [(effect, 0.03, 0.07), (size, 0.01, 0.055)])
def test_the_same_change_twice_passes_at_most_at_the_nominal_rate(score: object, low: float, high: float) -> None:
    """On other words at about the nominal rate (below it for the size), on the same words far below."""
    rng = np.random.default_rng(2)
    assert callable(score)
    clean = rng.normal(size=(60, 1, 4000))
    common = rng.normal(0, 1, clean.shape)  # how much a word changes is its own matter, whatever the change
    same = []
    for _ in range(2):
        noisy = clean + 0.7 + common + 0.3 * rng.normal(size=clean.shape)
        same.append(score(profile_of(clean, noisy)))
    other = [score(moved(rng, rng.normal(size=clean.shape), 0.7)) for _ in range(2)]
    assert low < (specific(*other).p < 0.05).mean() < high
    assert (specific(*same).p < 0.05).mean() < 0.01


def test_scores_that_cannot_be_compared() -> None:
    rng = np.random.default_rng(3)
    clean = rng.normal(size=(20, 1, 6))
    profile = moved(rng, clean, 1.0)
    one = effect(profile)
    with pytest.raises(UserError, match="scores by 'effect' and by 'size' given; wanted the same method twice"):
        specific(one, size(profile))
    other = replace(one, about=one.about | {"fingerprint": "beef"})
    with pytest.raises(UserError, match="fingerprint 'f00d' and 'beef' given; wanted the same model"):
        specific(one, other)
    with pytest.raises(UserError, match="no standard error"):
        specific(replace(one, error=None), one)
    with pytest.raises(UserError, match=r"parameters \{'group': 'high'\} and \{\} given"):
        specific(effect(profile, "high"), one)


def test_word_by_word_finds_what_two_profiles_hide() -> None:
    """Words move these neurons far in any spelling: apart, that drowns what the noise does beyond the placebo."""
    rng = np.random.default_rng(5)
    clean = rng.normal(size=(60, 1, 40))
    word = rng.normal(1.0, 3.0, clean.shape)
    placebo, noisy = (clean + word + rng.normal(0, 0.3, clean.shape) for _ in range(2))
    noisy[:, 0, :10] += 0.5
    noisy[:, 0, 10:20] -= 0.5
    dose = np.full(60, 0.3)
    noise, control, contrast = (
        effect(profile_of(one, other, dose=dose)) for one, other in ((clean, noisy), (clean, placebo), (placebo, noisy))
    )
    both = (noisy + placebo - 2 * clean).mean(0)
    found = paired(noise, contrast, both)
    assert found.p is not None
    sure = found.p[0] < 0.05 / 40
    assert sure[:20].all()
    assert not sure[20:].any()
    apart = specific(noise, control)
    assert apart.p is not None
    assert not (apart.p[0] < 0.05 / 40).any()
    further = np.abs((noisy - clean).mean(0)) > np.abs((placebo - clean).mean(0))
    np.testing.assert_array_equal(found.score > 0, further)
    # an independent formula: Student's t of the differences, and Hedges' small-sample factor
    d = (noisy - placebo)[:, 0]
    t = d.mean(0) / (d.std(0, ddof=1) / np.sqrt(60))
    np.testing.assert_allclose(np.abs(found.score[0]), np.abs(t) / np.sqrt(60) * (1 - 3 / (4 * 59 - 1)), rtol=1e-9)
    np.testing.assert_allclose(found.p[0], ttest_1samp(d, 0).pvalue, rtol=1e-9)


def test_word_by_word_wants_effects_of_one_model() -> None:
    one = np.ones((1, 2))
    with pytest.raises(UserError, match="'size' and 'effect' given; word by word only 'effect' compares"):
        paired(Scored("size", one, one, one), Scored("effect", one, one, one), one)
    with pytest.raises(UserError, match="wanted the same model"):
        paired(Scored("effect", one, one, one, about={"site": "up"}), Scored("effect", one, one, one), one)
