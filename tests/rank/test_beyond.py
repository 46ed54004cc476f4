"""Scores beyond a placebo, and whether other words would name the same neurons: planted reliability."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from planted_profiles import Array, profile_of

from ocr_neurons.common.errors import UserError
from ocr_neurons.probe.profile import Profile
from ocr_neurons.probe.profiles import Profiles
from ocr_neurons.rank.beyond import again, scored
from ocr_neurons.rank.methods import score
from ocr_neurons.rank.specific import paired, specific

WIDTH, WORDS = 400, 120


def profiles(signal: float, seed: int = 0, contrast: bool = True) -> Profiles:
    """Neurons that go further under noise by as much as is drawn for each, ``signal`` times as large as the luck."""
    rng = np.random.default_rng(seed)
    clean = rng.normal(size=(WORDS, 2, WIDTH))
    own: Array = rng.normal(size=(2, WIDTH))
    placebo = clean + 3 + rng.normal(size=clean.shape)
    noisy = placebo + signal * own + rng.normal(size=clean.shape)

    def profile(one: Array, other: Array) -> Profile:
        return profile_of(one, other, dose=np.full(WORDS, 0.3))

    return Profiles(profile(clean, noisy), profile(clean, placebo), profile(placebo, noisy) if contrast else None)


def test_scores_are_those_of_the_way_that_the_profiles_allow() -> None:
    full = profiles(0.3)
    assert full.control is not None
    assert full.contrast is not None
    for name, given, expected in (
        (
            "effect",
            full,
            paired(
                score("effect", full.noise), score("effect", full.contrast), full.noise.mean() + full.control.mean()
            ),
        ),
        ("size", full, specific(score("size", full.noise), score("size", full.control))),
        (
            "effect",
            Profiles(full.noise, full.control),
            specific(score("effect", full.noise), score("effect", full.control)),
        ),
        ("effect", Profiles(full.noise), score("effect", full.noise)),
    ):
        found = scored(name, given)
        np.testing.assert_allclose(found.score, expected.score, rtol=1e-12)
        assert found.name == expected.name


def test_halves_agree_as_much_as_was_planted() -> None:
    """Of n words a score has the variance s² + 1/n, s² of it its own: two halves correlate at s² / (s² + 2/n)."""
    signal = 0.2
    found = [again("effect", profiles(signal, seed), 0.1) for seed in range(4)]
    half = signal**2 / (signal**2 + 2 / WORDS)
    within = np.mean([one.within for one in found if one])
    whole = np.mean([one.whole for one in found if one])
    assert within == pytest.approx(half, abs=0.05)
    assert whole == pytest.approx(signal**2 / (signal**2 + 1 / WORDS), abs=0.05)
    assert found[0] is not None
    assert (found[0].words, found[0].share, found[0].method) == (WORDS, 0.1, "effect")
    assert all(one and one.overlap > 3 * one.expected for one in found)


def test_where_there_is_nothing_to_find_halves_agree_by_chance() -> None:
    found = [again("effect", profiles(0.0, seed), 0.1) for seed in range(4)]
    assert np.mean([one.within for one in found if one]) == pytest.approx(0, abs=0.06)
    for one in found:
        assert one is not None
        assert one.expected == pytest.approx(0.1, abs=0.02)
        assert one.overlap == pytest.approx(0.1, abs=0.08)


def test_methods_without_halves_and_few_words_say_nothing() -> None:
    assert again("paper", profiles(0.3), 0.1) is None
    few = profile_of(np.zeros((3, 1, 5)), np.ones((3, 1, 5)), dose=np.full(3, 0.2))
    assert again("effect", Profiles(few), 0.2) is None


def test_a_contrast_of_other_words_is_refused() -> None:
    """Parts merged in another order are the same words; fewer words, as without those that have no placebo, are not."""
    full = profiles(0.3)
    assert full.contrast is not None

    def told(profile: Profile, *shards: str) -> Profile:
        return replace(profile, about=profile.about | {"shards": list(shards)})

    scored(
        "effect", Profiles(told(full.noise, "1/2 of a", "2/2 of a"), None, told(full.contrast, "2/2 of a", "1/2 of a"))
    )
    with pytest.raises(UserError, match=r"contrast of other pairs: shards \['1/1 of a'\] and \['1/1 of b'\] given"):
        scored("effect", Profiles(told(full.noise, "1/1 of a"), None, told(full.contrast, "1/1 of b")))
    fewer = profile_of(np.zeros((5, 2, WIDTH)), np.ones((5, 2, WIDTH)), dose=np.full(5, 0.3))
    with pytest.raises(
        UserError, match=f"profile of {WORDS} words and contrast of 5 given; wanted both of the same words"
    ):
        scored("effect", Profiles(full.noise, None, fewer))
    with pytest.raises(UserError, match="site 'neuron' and 'up' given; wanted the same model"):
        scored("effect", Profiles(full.noise, None, replace(fewer, about=fewer.about | {"site": "up"})))


def test_neurons_that_hardly_move_are_as_often_further_as_less_far() -> None:
    """Noise and placebo are drawn alike; counted in the direction of the noise, three in four would be further."""
    found = [scored("effect", still(seed)).score > 0 for seed in range(6)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.03)


def still(seed: int) -> Profiles:
    """Nothing moves but by luck."""
    rng = np.random.default_rng(seed)
    clean, placebo, noisy = (rng.normal(size=(WORDS, 2, WIDTH)) for _ in range(3))
    dose = np.full(WORDS, 0.3)
    noisy, placebo = clean + 0.01 * noisy, clean + 0.01 * placebo
    pairs = ((clean, noisy), (clean, placebo), (placebo, noisy))
    return Profiles(*(profile_of(one, other, dose=dose) for one, other in pairs))
