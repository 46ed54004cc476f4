"""Curves with intervals and regions, from profiles whose truth is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from ocr_neurons.probe.accumulate import Accumulator, Rows
from ocr_neurons.probe.profile import Profile, freeze
from ocr_neurons.probe.profile_file import save_profile
from ocr_neurons.report.bands import banded, bands, found_regions
from ocr_neurons.report.fields import Field
from ocr_neurons.report.older import completed

WORDS, WIDTH, LAYERS = 80, 24, 12


def profile(words: int = WORDS) -> Profile:
    """Noise moves layers 0 to 5 by a tenth of their length or so, layers 6 to 11 by five times that."""
    rng = np.random.default_rng(5)
    accumulator = Accumulator(LAYERS, WIDTH, ["low", "high"])
    clean = rng.normal(size=(LAYERS, words, WIDTH))
    for level, (size, dose) in enumerate(((0.1, 0.1), (0.2, 0.5))):
        step = np.where(np.arange(LAYERS) < 6, size, 5 * size)[:, None, None]
        noisy = clean + step * rng.normal(size=clean.shape)
        rows = Rows([level] * words, [f"w{i}" for i in range(words)], [dose] * words, "c")
        accumulator.update(torch.from_numpy(clean), torch.from_numpy(noisy), rows)
    return freeze(accumulator, {"site": "neuron", "fingerprint": "f", "read": list(range(LAYERS)), "depth": LAYERS})


def test_means_lie_in_their_intervals_and_follow_the_truth() -> None:
    found = bands(profile())
    json.dumps(found, allow_nan=False)
    for level, size in (("low", 0.1), ("high", 0.2)):
        group = found["levels"][level]
        assert group["pairs"] == WORDS
        mean, low, high = (np.array(group["distance"][part]) for part in ("mean", "low", "high"))
        assert (low < mean).all()
        assert (mean < high).all()
        np.testing.assert_allclose(mean[:6], size, rtol=0.1)  # both are lengths of WIDTH normal numbers
        np.testing.assert_allclose(mean[6:], 5 * size, rtol=0.1)
    assert {name: group["pairs"] for name, group in found["bins"].items()} == {"poor": WORDS, "good": WORDS}


def test_the_region_is_found_where_it_was_put() -> None:
    found = found_regions(profile())
    assert found is not None
    assert found["boundaries"] == [6]
    assert found["support"] == [1.0]
    assert found["share"][6] == 1.0
    assert max(found["share"][0], found["share"][11]) < 0.2


def test_an_undefined_value_is_null_and_no_words_are_no_region() -> None:
    found = banded(np.array([np.nan, 1.0]), np.array([[np.nan, 0.9], [np.nan, 1.1]]))
    assert found["mean"] == [None, 1.0]
    assert found["low"][0] is None
    assert found_regions(freeze(Accumulator(5, 3, ["low"]), {})) is None


def test_older_runs_have_them_from_their_profile(tmp_path: Path) -> None:
    save_profile(profile(), tmp_path / "profile.safetensors")
    old = Field({"placebo": None}, tmp_path / "details.json", "layers")
    found = completed(tmp_path, old).value
    assert found == {"placebo": None, "bands": bands(profile()), "found": found_regions(profile())}
    assert completed(tmp_path / "elsewhere", old) is old
    new = Field(found, old.path, old.key)
    assert completed(tmp_path, new) is new
