"""Comparing with a tagger that is given: whether it was trained on these data, with which seed, and under what edit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import planted
from ocr_neurons.cli import main
from ocr_neurons.common.errors import UserError
from ocr_neurons.config import Comparing, Config, Pairing
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.strategies.job import compare_strategies
from ocr_neurons.text.hipe_tsv import write_hipe

RECIPE = """
[train]
epochs = 1
rank = 4
max_length = 64
context = 8
"""
OTHER_HASH = "By the hash in its card, the data that the tagger was trained on"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Callable[[str], Path]) -> Path:
    """A folder with ``data``, and a ``tagger`` that ``train`` made of it."""
    root = tmp_path_factory.mktemp("given")
    planted.write_planted(root / "data", train=6, dev=3, test=3)
    (root / "c.toml").write_text(RECIPE)
    train(root, tiny_folder("llama"), "tagger")
    return root


def train(root: Path, model: Path, out: str, *more: str) -> None:
    line = f"train {root}/data --model {model} --config {root}/c.toml --dtype float32 --quiet --out {root}/{out}"
    assert main([*line.split(), *more]) == 0


def given(place: Path, data: Path | str, seed: int = 1) -> Config:
    return Config(
        data=str(data), model=str(place / "tagger"), dtype="float32", device="cpu", seed=seed,
        pairs=Pairing(words=8), strategies=Comparing(shares=(0.1,), damp=(0.0,)),
    )  # fmt: skip


def notes(config: Config, out: Path) -> str:
    """Those of the page, where they must stand, as one text."""
    said = compare_strategies(config, out, only=["nothing"])["notes"]
    assert all(note in (out / "strategies.md").read_text() for note in said)
    return " ".join(said)


def test_the_same_data_by_another_path_are_the_same(place, tmp_path, monkeypatch):
    monkeypatch.chdir(place)
    assert "trained on" not in notes(given(place, "data"), tmp_path / "out")


def test_other_data_in_the_same_place_are_told(tmp_path, tiny_folder):
    """A document of train is moved into test, so that the tagger is asked what it was told."""
    (tmp_path / "c.toml").write_text(RECIPE)
    data = planted.write_planted(tmp_path / "data", train=6, dev=3, test=3)
    train(tmp_path, tiny_folder("llama"), "tagger")
    here = given(tmp_path, data)
    assert OTHER_HASH not in notes(here, tmp_path / "same")
    before = planted.planted(6, 0)
    write_hipe(data / "planted-test-en.tsv", [*planted.planted(3, 2), before[0]])
    write_hipe(data / "planted-train-en.tsv", before[1:])
    assert f"{OTHER_HASH} ({data}) are not those here ({data})" in notes(here, tmp_path / "other")


def test_names_decide_where_a_card_has_no_hash(place, tmp_path, monkeypatch):
    card = place / "tagger" / "ocr_neurons.json"
    whole = card.read_text()
    value = json.loads(whole)
    del value["data_hash"]
    monkeypatch.chdir(place)
    card.write_text(json.dumps(value))
    try:
        assert "Unless these are the same documents" in notes(given(place, "data"), tmp_path / "relative")
        assert "trained on" not in notes(given(place, place / "data"), tmp_path / "absolute")
    finally:
        card.write_text(whole)


def test_what_the_seed_decides_beside_a_given_tagger_is_told_and_true(place, tmp_path):
    pairs = {}
    for seed in (1, 2):
        out = tmp_path / str(seed)
        found = compare_strategies(given(place, place / "data", seed), out, only=["damp"])
        pairs[seed] = (out / "pairs.jsonl").read_bytes()
        assert (
            "trained with the seed of its card, 1; `--seed` decides pairs, ranking, gains and random draws, not the "
            "training of taggers."
        ) in found["notes"][0]
    assert pairs[1] != pairs[2]


def test_a_tagger_trained_under_an_edit_is_refused(place, tmp_path, tiny_folder):
    Edit(planted.everything_ranked().top(20), 0.0).save(place / "edit.json")
    train(place, tiny_folder("llama"), "edited", "--edit", str(place / "edit.json"))
    config = replace(given(place, place / "data"), model=str(place / "edited"))
    with pytest.raises(UserError, match="edited: this tagger was trained with an edit active") as caught:
        compare_strategies(config, tmp_path / "out", only=["nothing"])
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()
