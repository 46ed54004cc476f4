"""The file of a profile: what is written comes back; what is no profile is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from naive_neurons import chunked, fed, grid, sample
from safetensors.numpy import load_file, save_file

from ocr_neurons.common.errors import UserError
from ocr_neurons.probe import fields
from ocr_neurons.probe.profile import Profile, freeze
from ocr_neurons.probe.profile_file import HEADER, VERSION, load_profile, load_with_header, save_profile


def made(edges: bool = True) -> Profile:
    whole = sample(1, 20)
    accumulator = fed(chunked(whole, [9, 11]), edges=grid(whole) if edges else None)
    accumulator.skip("no sub-word", 2)
    return freeze(accumulator, {"model": "tiny", "seed": 3, "note": "naïve — ſ", "read": [0, 1, 2]})


def check_same(one: Profile, two: Profile) -> None:
    assert one.arrays.keys() == two.arrays.keys()
    for name, array in one.arrays.items():
        assert array.dtype == two.arrays[name].dtype
        np.testing.assert_array_equal(array, two.arrays[name], err_msg=name)
    np.testing.assert_array_equal(one.shift, two.shift)
    assert (one.edges is None) == (two.edges is None)
    if one.edges is not None and two.edges is not None:
        np.testing.assert_array_equal(one.edges, two.edges)
    assert (one.levels, one.about) == (two.levels, two.about)


@pytest.mark.parametrize("edges", [True, False])
def test_round_trip(tmp_path: Path, edges: bool) -> None:
    path = tmp_path / "deep" / "p.safetensors"
    profile = made(edges)
    for _ in range(2):  # the second time over the first
        save_profile(profile, path)
        check_same(load_profile(path), profile)
    assert [p.name for p in path.parent.iterdir()] == ["p.safetensors"]


def test_more_can_stand_in_the_header(tmp_path: Path) -> None:
    save_profile(made(), tmp_path / "p", identity="x", next=7)
    profile, header = load_with_header(tmp_path / "p")
    check_same(profile, made())
    assert (header["identity"], header["next"], header["version"]) == ("x", 7, VERSION)


# --- what is no profile


def check_refused(path: Path, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        load_profile(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "ocr-neurons probe" in str(caught.value)
    assert "\n" not in str(caught.value)


def rewritten(tmp_path: Path, header: Any = None, **change: Any) -> Path:
    """A good file, but for another header and other arrays (None: left out)."""
    path = tmp_path / "p.safetensors"
    save_profile(made(), path)
    tensors = {name: array for name, array in (load_file(path) | change).items() if array is not None}
    good = {"version": VERSION, "levels": ["low", "high"], "about": {}}
    save_file(tensors, path, metadata={HEADER: json.dumps(good if header is None else header)})
    return path


def test_the_file_made_here_is_right_but_for_the_change(tmp_path: Path) -> None:
    assert load_profile(rewritten(tmp_path)).levels == ("low", "high")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ([1], "not a profile"),
        ({"levels": ["low", "high"], "about": {}}, f"of version 1, wanted {VERSION}"),
        ({"version": VERSION + 1, "levels": ["low", "high"], "about": {}}, f"of version {VERSION + 1}"),
        ({"version": VERSION, "about": {}}, "levels is missing"),
        ({"version": VERSION, "levels": ["low", "high"]}, "about is missing"),
        ({"version": VERSION, "levels": 3, "about": {}}, "not a profile"),
        ({"version": VERSION, "levels": ["low"], "about": {}}, r"units of shape \[7\], wanted \[6\]"),
        ({"version": VERSION, "levels": ["low", "high"], "about": "x"}, "not a profile"),
    ],
)
def test_other_headers(tmp_path: Path, header: Any, message: str) -> None:
    check_refused(rewritten(tmp_path, header), message)


@pytest.mark.parametrize("name", [*fields.zeros(1, 1, 1), "shift"])
def test_an_array_is_missing_or_of_another_shape(tmp_path: Path, name: str) -> None:
    check_refused(rewritten(tmp_path, **{name: None}), name)
    check_refused(rewritten(tmp_path, **{name: np.zeros((3, 3, 3))}), "not a profile")


def test_edges_of_another_shape(tmp_path: Path) -> None:
    check_refused(rewritten(tmp_path, edges=np.zeros((4, 3, 7))), r"edges of shape \[4, 3, 7\]")


def test_a_safetensors_file_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"weight": np.zeros((2, 2))}, path)
    check_refused(path, f"{HEADER} is missing")
    save_file({"weight": np.zeros((2, 2))}, path, metadata={HEADER: "{"})
    check_refused(path, "not a profile")


@pytest.mark.parametrize("content", [b"", b"junk", b"\x80\x04pickle.", b"\xff" * 64, b"{}" * 40])
def test_junk(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "p.safetensors"
    path.write_bytes(content)
    check_refused(path, "not a profile")


def test_a_cut_off_file_an_absent_one_and_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "p.safetensors"
    save_profile(made(), path)
    path.write_bytes(path.read_bytes()[:-100])
    check_refused(path, "not a profile")
    for absent in (tmp_path / "absent", tmp_path):
        check_refused(absent, "no such file")


def test_a_failed_save_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "p"
    save_profile(made(), path)
    before = path.read_bytes()
    profile = made()
    profile.about["not json"] = object()
    with pytest.raises(TypeError):
        save_profile(profile, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["p"]
