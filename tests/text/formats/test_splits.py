"""Data sets in CoNLL columns and JSON Lines, loaded as the other data sets are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocr_neurons.common.errors import UserError
from ocr_neurons.text.datasets import load_dataset
from ocr_neurons.text.formats.token_lines import ONTONOTES

SENTENCE = "{0} NNP I-NP I-PER\nspoke VBD I-VP O\n\n"


def test_conll_2003(tmp_path: Path):
    for name, words in {"eng.train": ["Ann", "Bea"], "eng.testa": ["Cay"], "eng.testb": ["Dot"]}.items():
        start = "-DOCSTART- -X- -X- O\n\n"
        (tmp_path / name).write_text("".join(start + SENTENCE.format(word) for word in words))
    (tmp_path / "README.train.md").write_text("how to train")
    dataset = load_dataset(str(tmp_path))
    assert dataset.name == tmp_path.name
    assert [[d.tokens[0].text for d in dataset.split(s)] for s in ("train", "dev", "test")] == [
        ["Ann", "Bea"], ["Cay"], ["Dot"],
    ]  # fmt: skip
    assert dataset.require("train")[0].labels() == ["B-PER", "O"]


def test_ontonotes(tmp_path: Path):
    def line(word: str) -> str:
        return json.dumps({"tokens": [word, "spoke"], "tags": [4, 0]}) + "\n"

    for name in ("train01", "train00", "valid", "test"):
        (tmp_path / f"{name}.json").write_text(line(name) + line(name))
    (tmp_path / "label.json").write_text(json.dumps({label: number for number, label in enumerate(ONTONOTES)}))
    dataset = load_dataset(str(tmp_path))
    assert [d.tokens[0].text for d in dataset.train] == ["train00", "train00", "train01", "train01"]
    assert dataset.dev[0].labels() == dataset.test[1].labels() == ["B-PERSON", "O"]
    other = {"O": 0, **{label: i for i, label in enumerate(["B-X", "I-X", "B-Y", "I-Y"], 1)}}
    (tmp_path / "label.json").write_text(json.dumps(other))
    assert load_dataset(str(tmp_path)).dev[0].labels() == ["B-Y", "O"]


def test_one_file_is_a_test_set(tmp_path: Path):
    (tmp_path / "x.conll").write_text(SENTENCE.format("Ann"))
    assert load_dataset(str(tmp_path / "x.conll")).test[0].labels() == ["B-PER", "O"]


def test_what_cannot_be_loaded(tmp_path: Path):
    (tmp_path / "train.txt").write_text("no labels here")
    with pytest.raises(UserError, match="or train, dev and test in CoNLL columns or JSON Lines, found none"):
        load_dataset(str(tmp_path))
    for name in ("a.train", "b.train"):
        (tmp_path / name).write_text(SENTENCE.format("Ann"))
    with pytest.raises(UserError, match=r"2 train files \(a.train, b.train\)"):
        load_dataset(str(tmp_path))
    (tmp_path / "b.train").unlink()
    (tmp_path / "a.train").write_text(SENTENCE.format("Ann") * 9 + "broken\n")
    with pytest.raises(UserError, match=r"a\.train, line 28: 1 columns, 4 before"):
        load_dataset(str(tmp_path))
