"""What one asks of a Profile: figures derived from formulas, groups without units, refusals; freezing and thawing."""

from __future__ import annotations

import warnings
from typing import Any

import naive_neurons as naive
import numpy as np
import pytest
import torch
from naive_neurons import LEVELS, Sample, chunked, fed, grid, sample

from ocr_neurons.common.errors import UserError
from ocr_neurons.probe.accumulate import Accumulator
from ocr_neurons.probe.fields import BINS, REPLICATES, size
from ocr_neurons.probe.profile import Profile, freeze, thaw

MOMENTS = ("mean", "mean_absolute", "variance", "deviation", "size_deviation", "clean_mean", "clean_deviation")
MORE = ("noisy_mean", "noisy_deviation", "effect", "standardised_curve")


def profile_of(whole: Sample, **how: Any) -> Profile:
    return freeze(fed([whole], **how), {"model": "tiny"})


def test_shape_groups_and_counts() -> None:
    whole = sample(1, 20)
    accumulator = fed([whole])
    accumulator.skip("no sub-word", 2)
    accumulator.skip("no sub-word")
    accumulator.skip("lost", 0)
    profile = freeze(accumulator, {"model": "tiny"})
    assert (profile.layers, profile.width, profile.levels) == (3, 7, LEVELS)
    assert profile.groups == (*LEVELS, *BINS, "half-1", "half-2")
    assert profile.about == {"model": "tiny", "skipped": {"no sub-word": 3}}
    assert profile.units() == len(set(whole.word[whole.dose > 0]))
    # pairs of two equal words are in a level, in no bin
    assert sum(profile.units(name) for name in BINS) == (whole.dose > 0).sum() < profile.pairs.sum() == len(whole.dose)


def test_the_bins_are_cut_as_the_paper_cuts_them() -> None:
    similarities = [0.0, 0.59, 0.6, 0.61, 0.79, 0.8, 0.81, 0.99, 1.0]
    base = sample(1, 9)
    dose = 1 - np.array(similarities)
    whole = Sample(base.clean[:9], base.noisy[:9], base.level[:9], np.array([*"abcdefghi"]), dose)
    profile = profile_of(whole)
    assert [profile.units(name) for name in BINS] == [3, 3, 2]  # poor <= 0.6 < average <= 0.8 < good
    d = whole.noisy - whole.clean
    np.testing.assert_allclose(profile.mean("average"), d[3:6].mean(0), rtol=1e-12)


def test_standardised_curve_is_the_mean_over_live_neurons() -> None:
    whole = sample(2, 40)
    whole.clean[:, 1, 4] = whole.noisy[:, 1, 4] = 0.1  # silent on the clean side and on the noisy one
    whole.clean[:, 2] = 0.1  # a whole layer without life, which 0.1 makes hard to see: its square is no binary number
    words, high = naive.units(whole, None, LEVELS), naive.units(whole, "high", LEVELS)
    spread = words.clean.std(0, ddof=1)
    ratio = np.abs((high.noisy - high.clean).mean(0)) / np.where(spread > 1e-9, spread, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        curve = profile_of(whole).standardised_curve("high")
    np.testing.assert_allclose(curve[:2], [ratio[0].mean(), np.delete(ratio[1], 4).mean()], rtol=1e-9)
    assert np.isnan(curve[2])


def test_the_effect_of_what_does_not_vary() -> None:
    base = sample(3, 10)
    whole = Sample(base.clean, base.noisy, base.level, base.word, np.full(len(base.dose), 0.3))
    whole.noisy[:, 0] = whole.clean[:, 0]  # never a difference
    whole.clean[:, 1], whole.noisy[:, 1] = 2.0, -1.0  # always the same
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        effect = profile_of(whole).effect()
    assert (effect[0] == 0).all()
    assert (effect[1] == -np.inf).all()
    assert np.isfinite(effect[2]).all()


@pytest.mark.parametrize("pairs", [0, 1])
def test_too_few_units_are_nan_without_a_warning(pairs: int) -> None:
    whole = sample(4, 12).part(slice(6))
    level = np.array([1] * pairs + [0] * (6 - pairs))
    whole = Sample(whole.clean, whole.noisy, level, whole.word, np.full(6, 0.1))
    profile = profile_of(whole, edges=grid(whole))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for group in ("high", *(["poor"] if not pairs else [])):
            figures = {name: getattr(profile, name)(group) for name in (*MOMENTS, *MORE, "cka")}
            figures["dose_covariance"] = profile.dose_covariance("size", group)
            figures["replicates"] = profile.replicates("cka", group)
            figures["dose"], figures["error"] = np.array(profile.dose(group)[1]), profile.curve("angle", group)[1]
            figures["share"], figures["curve"] = profile.share(1.0, group), profile.curve("angle", group)[0]
            if group == "high":
                figures["auroc"] = profile.auroc(group)
            # one pair has a mean, and each of its activations a place
            known = (
                "mean",
                "mean_absolute",
                "clean_mean",
                "noisy_mean",
                "standardised_curve",
                "share",
                "curve",
                "auroc",
            )
            for name, values in figures.items():
                assert np.isfinite(values).all() if pairs and name in known else np.isnan(values).all(), name
    assert profile.units("high") == pairs


def test_a_replicate_that_draws_no_pair_is_nan() -> None:
    whole = sample(5, 1).part([0])
    whole = Sample(whole.clean, whole.noisy, whole.level * 0, whole.word, np.array([0.5]))
    drawn = profile_of(whole).replicates("distance", "low")
    share = np.isnan(drawn[:, 0]).mean()
    assert drawn.shape == (REPLICATES, 3)
    assert share == pytest.approx(np.exp(-1), abs=0.12)  # a Poisson number with mean 1 is 0
    expected = naive.curves(whole.clean, whole.noisy)["distance"][0]
    for row in drawn[np.isfinite(drawn[:, 0])]:
        np.testing.assert_allclose(row, expected, rtol=1e-12)


def test_what_is_not_there_is_named() -> None:
    whole = sample(6, 9)
    profile = profile_of(whole)
    with pytest.raises(UserError, match=r"'medium' given; this profile has low, high, poor, average, good, half-1"):
        profile.mean("medium")
    with pytest.raises(UserError, match=r"threshold 0\.7 given; profiles count 0\.5, 1, 1\.5, 2, 3"):
        profile.share(0.7)
    for name, arguments in (("share", (1.0, "half-1")), ("cka", ("half-2",)), ("curve", ("angle", "half-1"))):
        with pytest.raises(UserError, match=r"'half-\d' given; this profile has low, high, poor, average, good$"):
            getattr(profile, name)(*arguments)
    with pytest.raises(UserError, match="without histograms"):
        profile.auroc("low")
    with pytest.raises(UserError, match="'good' has no histogram; wanted one of low, high, shuffled"):
        profile_of(whole, edges=grid(whole)).auroc("good")


def test_thawing_goes_on_where_freezing_stopped() -> None:
    whole = sample(7, 40)
    chunks = chunked(whole, [20, 12, 8])
    how: dict[str, Any] = {"edges": grid(whole), "shift": torch.from_numpy(whole.clean[0].copy()), "seed": 5}
    straight = fed(chunks, **how)
    accumulator = fed(chunks[:2], **how)
    accumulator.skip("lost", 3)
    thawed = thaw(freeze(accumulator, {}), seed=5)
    kept = {name: tensor.clone() for name, tensor in accumulator.state.items()}
    thawed.merge(Accumulator(3, 7, LEVELS, edges=how["edges"], shift=how["shift"]))
    thawed.merge(fed(chunks[2:], first=2, **how))
    for name, tensor in straight.state.items():
        torch.testing.assert_close(thawed.state[name], tensor, rtol=1e-12, atol=1e-12)
    assert thawed.skipped == {"lost": 3}
    assert thawed.seed == 5
    assert all(torch.equal(accumulator.state[name], tensor) for name, tensor in kept.items())  # nothing is shared


def test_its_size_is_known_beforehand() -> None:
    whole = sample(8, 9)
    profile = profile_of(whole, edges=grid(whole).float())
    assert profile.edges is not None
    held = sum(array.nbytes for array in (*profile.arrays.values(), profile.edges, profile.shift))
    assert size(2, 3, 7) == held
