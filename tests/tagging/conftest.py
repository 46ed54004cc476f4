"""A tiny tagger that knows the planted names, trained once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tagged_folders import HEAD, TAIL, alto, text_of

import planted
from ocr_neurons.cli import main
from ocr_neurons.text.hipe_tsv import write_hipe


@pytest.fixture(scope="session")
def tagger(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Callable[[str], Path]) -> Path:
    """The folder of a tagger that knows ``Liverpool`` and ``John Thornton``; read it, do not change it."""
    root = tmp_path_factory.mktemp("tagging")
    planted.write_planted(root / "data", train=24, dev=0, test=0)
    (root / "c.toml").write_text(planted.SETTINGS.replace("epochs = 8", "epochs = 12"))
    line = f"train {root}/data --model {tiny_folder('mistral')} --config {root}/c.toml --dtype float32 --quiet"
    assert main([*line.split(), "--out", str(root / "tagger")]) == 0
    return root / "tagger"


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A folder as OCR leaves it: text in several formats, images, an empty page, a broken one."""
    folder = tmp_path / "pages"
    (folder / "b").mkdir(parents=True)
    (folder / "1.txt").write_text(text_of(1))
    (folder / "2.xml").write_text(alto(text_of(2)))
    (folder / "b" / "3.xml").write_text(alto(text_of(3)))
    (folder / "b" / "blank.xml").write_text(HEAD + TAIL)
    (folder / "scan.png").write_bytes(b"\x89PNG\r\n\0")
    (folder / "mets.xml").write_text("<mets/>")
    write_hipe(folder / "4.tsv", planted.planted(3, 4))
    return folder
