"""Where the cache lies, and what is told when it cannot be written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ocr_neurons.common.cache import cache_root, megabytes, writing_cache
from ocr_neurons.common.errors import UserError


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OCR_NEURONS_CACHE", str(tmp_path / "mine"))
    assert cache_root() == tmp_path / "mine"
    monkeypatch.delenv("OCR_NEURONS_CACHE")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_root() == tmp_path / "ocr-neurons"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_root() == Path.home() / ".cache" / "ocr-neurons"


@pytest.mark.parametrize(
    ("count", "told"), [(0, "0.00 MB"), (21_000, "0.02 MB"), (1_425_638, "1.4 MB"), (542_000_000, "542 MB")]
)
def test_megabytes(count: int, told: str) -> None:
    assert megabytes(count) == told


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match=r"the disk is full; fetching ours needs about 1.4 MB.*OCR_NEURONS_CACHE"),
        writing_cache(tmp_path, "ours", 1_400_000),
        Path("/dev/full").open("wb", buffering=0) as full,
    ):
        full.write(b"x")


def test_cache_in_the_place_of_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="cannot be written"), writing_cache(tmp_path / "file", "ours", 1):
        (tmp_path / "file" / "data").mkdir(parents=True)


def test_other_errors_pass(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), writing_cache(tmp_path, "ours", 1):
        (tmp_path / "none").read_bytes()
