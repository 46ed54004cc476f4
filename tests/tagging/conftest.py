"""A tiny tagger that knows the planted names, trained once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import planted
from ocr_neurons.cli import main


@pytest.fixture(scope="session")
def tagger(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Callable[[str], Path]) -> Path:
    """The folder of a tagger that knows ``Liverpool`` and ``John Thornton``; read it, do not change it."""
    root = tmp_path_factory.mktemp("tagging")
    planted.write_planted(root / "data", train=24, dev=0, test=0)
    (root / "c.toml").write_text(planted.SETTINGS.replace("epochs = 8", "epochs = 12"))
    line = f"train {root}/data --model {tiny_folder('mistral')} --config {root}/c.toml --dtype float32 --quiet"
    assert main([*line.split(), "--out", str(root / "tagger")]) == 0
    return root / "tagger"
