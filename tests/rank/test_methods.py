"""The table of methods, and its methods against planted truth on a real model through the real probing."""

from __future__ import annotations

from functools import cache

import numpy as np
import planted_neurons as truth
import pytest
import torch
from planted_profiles import profile_of, words_at_levels
from scipy import stats

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.seeds import generator
from ocr_neurons.lm.sites import neuron_maps
from ocr_neurons.probe.profile import Profile
from ocr_neurons.rank.beyond import scored as beyond
from ocr_neurons.rank.choose import choose, discovered
from ocr_neurons.rank.methods import HALVES, PROFILED, method, score
from ocr_neurons.rank.scored import Scored
from ocr_neurons.rank.specific import specific

SEEDS = range(3)
KNOWING = ("paper", "effect", "size", "auroc")
"""Methods that look for neurons that react; ``dose`` looks for those that react more to more."""


@cache
def model(seed: int) -> truth.Planted:
    return truth.build(seed)


@cache
def profile(seed: int, kind: str) -> Profile:
    if kind == "null":
        return truth.probed(model(seed), truth.null_pairs(100, seed))
    return truth.probed(model(seed), truth.pairs(truth.words(100, generator(seed, "words")), kind, seed))


def recall(scored: Scored, seed: int) -> float:
    chosen = choose(scored, count=truth.COUNT)
    cells = {(layer, i) for layer, members in chosen.indices.items() for i in members}
    return len(cells & model(seed).neurons) / truth.COUNT


def test_planted_neurons_fire_on_digits_and_others_cannot_tell_them_from_their_twins() -> None:
    planted = model(0)
    seen: list[torch.Tensor] = []
    hooks = [
        m.register_forward_pre_hook(lambda _, x: seen.append(x[0][0].detach())) for m in neuron_maps(planted.trunk)
    ]
    words = truth.words(60, generator(9, "look"))
    values: dict[str, list[np.ndarray]] = {"letter": [], "digit": []}
    others: list[float] = []
    for one in truth.pairs(words, "digits", 0):
        twin = "".join(truth.TWIN.get(sign, sign) for sign in one.noisy)
        activations = []
        for text in (one.noisy, twin):
            seen.clear()
            with torch.inference_mode():
                planted.trunk(**planted.tokenizer("<s>" + text, return_tensors="pt"))
            activations.append(torch.stack(seen).numpy())  # [layers, sub-words, width]
        signs = planted.tokenizer.tokenize("<s>" + one.noisy)
        digit = np.array([sign in truth.TWIN for sign in signs])
        assert digit.sum() == truth.CHANGES[one.level]
        own = activations[0].transpose(0, 2, 1)[planted.mask]
        values["digit"].append(own[:, digit])
        values["letter"].append(own[:, ~digit][:, 1:])
        others.append(np.abs(activations[0] - activations[1]).transpose(0, 2, 1)[~planted.mask].max())
        assert np.abs(activations[0] - activations[1])[:, ~digit].max() < 1e-4  # nor do planted ones, off the digits
    for hook in hooks:
        hook.remove()
    assert max(others) < 1e-4
    digits, letters = (np.concatenate(values[name], axis=1) for name in ("digit", "letter"))
    # all planted neurons together, and most of them one by one
    assert digits.mean() > letters.mean() + 2 * letters.std()
    areas = [stats.mannwhitneyu(a, b).statistic / (a.size * b.size) for a, b in zip(digits, letters, strict=True)]
    assert np.median(areas) > 0.75


def test_every_method_finds_planted_neurons_and_specificity_finds_more() -> None:
    chance = truth.COUNT / (truth.LAYERS * truth.WIDTH)
    for name in PROFILED:
        plain = np.mean([recall(score(name, profile(seed, "digits")), seed) for seed in SEEDS])
        assert plain > 3 * chance, name
        if name in KNOWING:
            beside = np.mean(
                [
                    recall(specific(score(name, profile(seed, "digits")), score(name, profile(seed, "twins"))), seed)
                    for seed in SEEDS
                ]
            )
            assert beside > plain, name
            assert beside > 0.8, name


def test_the_ranking_of_a_run_finds_planted_neurons_and_is_surer_than_two_profiles() -> None:
    """Word by word, what a word itself does to a neuron falls out: more of the planted ones are told from chance."""
    recalls, surer, false, discoveries = [], 0, 0, 0
    for seed in SEEDS:
        words = truth.words(100, generator(seed, "words"))
        given, control = (truth.pairs(words, kind, seed) for kind in ("digits", "twins"))
        found = beyond("effect", truth.probed_beside(model(seed), given, control))
        apart = specific(score("effect", profile(seed, "digits")), score("effect", profile(seed, "twins")))
        recalls.append(recall(found, seed))
        chosen, less = discovered(found, 0.05), discovered(apart, 0.05)
        surer += int((chosen & model(seed).mask).sum()) - int((less & model(seed).mask).sum())
        discoveries, false = discoveries + int(chosen.sum()), false + int((chosen & ~model(seed).mask).sum())
    assert np.mean(recalls) > 0.85
    assert surer > 0
    assert discoveries >= 30
    assert stats.binomtest(false, discoveries, 0.05, alternative="greater").pvalue > 0.001


def test_plain_discoveries_are_mostly_not_planted_and_specific_ones_are() -> None:
    """Any neuron reacts to any change: without a control nearly all that is found has nothing to do with digits."""
    for name in KNOWING:
        found = false = 0
        for seed in SEEDS:
            digits, twins = score(name, profile(seed, "digits")), score(name, profile(seed, "twins"))
            if digits.p is not None:
                plain = discovered(digits, 0.05)
                assert (plain & ~model(seed).mask).sum() > plain.sum() / 2, name
            chosen = discovered(specific(digits, twins), 0.05)
            found, false = found + int(chosen.sum()), false + int((chosen & ~model(seed).mask).sum())
        assert found >= 10, name
        assert stats.binomtest(false, found, 0.05, alternative="greater").pvalue > 0.001, name


def test_nothing_is_found_between_clean_words() -> None:
    """Expected once in twenty at most; all of a few seeds would be one in ten thousand."""
    for name, known in PROFILED.items():
        if known.p and name != "dose":
            seen = [discovered(score(name, profile(seed, "null")), 0.05).any() for seed in SEEDS]
            assert not all(seen), name
    dealt = [
        truth.dealt(model(seed), truth.pairs(truth.words(100, generator(seed, "words")), "digits", seed), seed)
        for seed in SEEDS
    ]
    assert not all(discovered(score("dose", one), 0.05).any() for one in dealt)
    # and the same profile with its own doses is full of them
    assert all(discovered(score("dose", profile(seed, "digits")), 0.05).sum() > 20 for seed in SEEDS)


@pytest.mark.parametrize("name", PROFILED)
def test_every_method_says_what_it_rests_on(name: str) -> None:
    clean, noisy, level, word, dose = words_at_levels(30, 0)
    about = {"read": [3, 5], "depth": 9, "protocol": "words", "seed": 4}
    scored = score(name, profile_of(clean, noisy, level=level, word=word, dose=dose, about=about))
    assert scored.name == name
    assert scored.score.shape == scored.sign.shape == (2, 12)
    assert scored.score.dtype == scored.sign.dtype == np.float64
    assert np.isfinite(scored.score).all()
    assert set(np.unique(scored.sign)) <= {-1, 0, 1}
    assert scored.error is not None
    assert (scored.error > 0).all()
    assert (scored.p is not None) == PROFILED[name].p
    expected = {"fingerprint": "f00d", "site": "neuron", "read": [3, 5], "depth": 9, "protocol": "words"}
    parameters = {"threshold": 1.0} if name == "paper" else {}
    assert scored.about == expected | {"parameters": parameters, "pairs": len(word), "words": 30}
    one = score(name, profile_of(clean, noisy, level=level, word=word, dose=dose), "high")
    assert not np.array_equal(one.score, scored.score)


def test_scores_do_not_depend_on_the_scale_of_a_neuron_or_its_layer() -> None:
    """Nor, beside the paper's, on its neighbours."""
    clean, noisy, level, word, dose = words_at_levels(30, 1)
    scale = np.array([1, 1000.0])[:, None]
    for name in PROFILED:
        one, two = (
            score(name, profile_of(a, b, level=level, word=word, dose=dose))
            for a, b in ((clean, noisy), (clean * scale, noisy * scale))
        )
        np.testing.assert_allclose(one.score, two.score, rtol=1e-7, atol=1e-9, err_msg=name)


def test_two_halves_of_the_words_agree_where_a_method_scores_halves() -> None:
    digits = profile(0, "digits")
    for name in HALVES:
        one, two = (score(name, digits, half).score.ravel() for half in ("half-1", "half-2"))
        assert stats.spearmanr(one, two).pvalue < 1e-6, name
    for name in ("paper", "auroc"):  # counted by pair alone
        with pytest.raises(UserError, match="group 'half-1'"):
            score(name, digits, "half-1")


def test_unknown_names() -> None:
    with pytest.raises(UserError, match=r"method 'efect' given; wanted one of paper, effect, .*nearest: effect"):
        method("efect")
    clean, noisy, *_ = words_at_levels(10, 0)
    with pytest.raises(UserError, match="group 'medium' given; this profile has low, high, poor"):
        score("effect", profile_of(clean, noisy), "medium")
