"""The Profile's derived figures against formulas; its file; and files that are no profile."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from ocr_neurons.common.errors import UserError
from ocr_neurons.probe.accumulate import THRESHOLDS, Accumulator
from ocr_neurons.probe.profile import Profile, freeze

LAYERS, WIDTH = 3, 11


@pytest.fixture
def sides() -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Clean and noisy ``[layers, pairs, width]`` of two levels."""
    rng = np.random.default_rng(4)
    made = {}
    for level, pairs in (("low", 9), ("high", 14)):
        clean = torch.from_numpy(rng.normal(1, 2, (LAYERS, pairs, WIDTH)))
        made[level] = (clean, clean + torch.from_numpy(rng.normal(0.3, 1, (LAYERS, pairs, WIDTH))))
    return made


def made(sides: dict[str, tuple[torch.Tensor, torch.Tensor]], *more: str) -> Profile:
    accumulator = Accumulator(LAYERS, WIDTH, [*sides, *more])
    for level, (clean, noisy) in sides.items():
        accumulator.update(level, clean, noisy)
    accumulator.skipped = 2
    return freeze(accumulator, {"model": "tiny", "site": "neuron", "seed": 3, "note": "naïve — ſ"})


def same(one: Profile, two: Profile) -> None:
    for name, value in vars(one).items():
        other = getattr(two, name)
        if isinstance(value, np.ndarray):
            assert value.dtype == other.dtype
            np.testing.assert_array_equal(value, other)
        else:
            assert value == other


def test_shape_and_counts(sides: dict[str, Any]) -> None:
    profile = made(sides)
    assert (profile.layers, profile.width, profile.levels) == (LAYERS, WIDTH, ("low", "high"))
    assert profile.pairs.tolist() == profile.cka_pairs.tolist() == [9, 14]
    assert profile.about["skipped"] == 2


def test_standardised_curve_is_the_mean_over_live_neurons(sides: dict[str, Any]) -> None:
    for clean, noisy in sides.values():
        clean[1, :, 4] = noisy[1, :, 4] = 0.1  # silent on the clean side and on the noisy one
        clean[2] = 0.1  # a whole layer without life, which 0.1 makes hard to see: its square is no binary number
    profile = made(sides)
    spread = torch.cat([clean for clean, _ in sides.values()], 1).std(1, correction=0).numpy()
    mean = (sides["high"][1] - sides["high"][0]).mean(1).numpy()
    live = [i for i in range(WIDTH) if i != 4]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        curve = profile.standardised_curve("high")
    np.testing.assert_allclose(curve[0], np.mean(np.abs(mean[0]) / spread[0]), rtol=1e-9)
    np.testing.assert_allclose(curve[1], np.mean(np.abs(mean[1, live]) / spread[1, live]), rtol=1e-9)
    assert np.isnan(curve[2])


def test_a_level_of_no_pairs_is_nan_without_a_warning(sides: dict[str, Any]) -> None:
    profile = made(sides, "empty")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for figure in (profile.mean, profile.mean_absolute, profile.deviation, profile.standardised_curve):
            assert np.isnan(figure("empty")).all()
        assert np.isnan(profile.share(1.0, "empty")).all()
        assert np.isnan(profile.cka[2]).all()
    np.testing.assert_array_equal(profile.mean(), made(sides).mean())


def test_unknown_levels_and_thresholds_are_named(sides: dict[str, Any]) -> None:
    profile = made(sides)
    with pytest.raises(UserError, match=r"'medium' given; this profile has low, high"):
        profile.mean("medium")
    with pytest.raises(UserError, match=r"threshold 0\.7 given; this profile counted 0\.5, 1, 1\.5, 2, 3"):
        profile.share(0.7)


# --- the file


def test_round_trip(tmp_path: Path, sides: dict[str, Any]) -> None:
    path = tmp_path / "deep" / "p.safetensors"
    profile = made(sides, "empty")
    profile.save(path)
    same(Profile.load(path), profile)
    profile.save(path)  # over an old one
    same(Profile.load(path), profile)
    assert [p.name for p in path.parent.iterdir()] == ["p.safetensors"]


def header(**change: Any) -> dict[str, str]:
    value = {"levels": ["low"], "thresholds": [1.0], "about": {}} | change
    return {"ocr_neurons_profile": json.dumps({k: v for k, v in value.items() if v is not None})}


def arrays(**change: Any) -> dict[str, np.ndarray[Any, Any]]:
    value = {
        "pairs": np.array([5]),
        "sums": np.zeros((1, 5, LAYERS, WIDTH)),
        "passes": np.zeros((1, 1, LAYERS, WIDTH), dtype=np.int64),
        "cka": np.zeros((1, LAYERS)),
        "cka_pairs": np.array([5]),
    } | change
    return {k: v for k, v in value.items() if v is not None}


def test_the_file_made_here_is_right_but_for_the_change(tmp_path: Path) -> None:
    save_file(arrays(), tmp_path / "p", metadata=header())
    assert Profile.load(tmp_path / "p").pairs.tolist() == [5]


@pytest.mark.parametrize(
    ("tensors", "metadata", "message"),
    [
        (arrays(), None, "ocr_neurons_profile is missing"),
        (arrays(), {"ocr_neurons_profile": "{"}, "not a profile"),
        (arrays(), {"ocr_neurons_profile": "[1]"}, "not a profile"),
        (arrays(), header(levels=None), "levels is missing"),
        (arrays(), header(levels=3), "not a profile"),
        (arrays(), header(about="x"), "not a profile"),
        (arrays(sums=None), header(), "not a profile"),
        (arrays(cka=None), header(), "not a profile"),
        (arrays(), header(levels=["low", "high"]), "wanted"),
        (arrays(), header(thresholds=list(THRESHOLDS)), "passes of shape"),
        (arrays(cka=np.zeros((1, LAYERS + 1))), header(), "cka of shape"),
        (arrays(sums=np.zeros(4)), header(), "wanted"),
        (arrays(sums=np.zeros((1, 4, LAYERS, WIDTH))), header(), "sums of shape"),
    ],
)
def test_a_safetensors_file_of_something_else(
    tmp_path: Path, tensors: dict[str, Any], metadata: dict[str, str] | None, message: str
) -> None:
    path = tmp_path / "p.safetensors"
    save_file(tensors, path, metadata=metadata)
    with pytest.raises(UserError, match=message) as caught:
        Profile.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"junk", b"\x80\x04pickle.", b"\xff" * 64, b"{}" * 40])
def test_junk(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "p.safetensors"
    path.write_bytes(content)
    with pytest.raises(UserError, match="not a profile"):
        Profile.load(path)


def test_a_cut_off_file_an_absent_one_and_a_folder(tmp_path: Path, sides: dict[str, Any]) -> None:
    path = tmp_path / "p.safetensors"
    made(sides).save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match="not a profile"):
        Profile.load(path)
    for absent in (tmp_path / "absent", tmp_path):
        with pytest.raises(UserError, match="no such file"):
            Profile.load(absent)
