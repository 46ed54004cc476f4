"""A tagger, and strategies that start from it, in two folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import planted
from ocr_neurons.cli import main
from ocr_neurons.config import Comparing, Config, Pairing
from ocr_neurons.strategies.job import compare_strategies

RECIPE = "[train]\nepochs = 1\nrank = 4\nmax_length = 64\ncontext = 8\n"


@pytest.fixture(scope="session")
def comparison(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Callable[[str], Path]) -> Config:
    root = tmp_path_factory.mktemp("join")
    data = planted.write_planted(root / "data", train=6, dev=3, test=3)
    (root / "c.toml").write_text(RECIPE)
    line = f"train {data} --model {tiny_folder('llama')} --config {root}/c.toml --dtype float32 --out {root}/tagger"
    assert main([*line.split(), "--quiet"]) == 0
    return Config(
        data=str(data), model=str(root / "tagger"), dtype="float32", device="cpu", pairs=Pairing(words=8),
        strategies=Comparing(shares=(0.1,), damp=(0.0,), gain_epochs=1, draws=2),
    )  # fmt: skip


@pytest.fixture(scope="session")
def parts(comparison: Config, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    place = tmp_path_factory.mktemp("parts")
    compare_strategies(comparison, place / "edits", only=["damp"])
    compare_strategies(comparison, place / "taggers", only=["noise-gains"])
    return [place / "edits", place / "taggers"]
