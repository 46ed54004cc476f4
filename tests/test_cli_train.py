"""The ``train`` command: recipes, seeds, edits, noise, and what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest

import planted
from ocr_neurons.cli import main
from ocr_neurons.ner.model import CARD
from ocr_neurons.neutralise.edit import Edit

SETTINGS = "[train]\nepochs = 1\nrank = 4\nmax_length = 64\ncontext = 8\nbatch = 1\n"


@pytest.fixture
def place(tiny_folder, tmp_path):
    planted.write_planted(tmp_path / "data", train=6, dev=2, test=2)
    (tmp_path / "c.toml").write_text(SETTINGS)
    return tmp_path, f"{tmp_path}/data --model {tiny_folder('llama')} --dtype float32 --out {tmp_path}/out".split()


def card(folder):
    return json.loads((folder / CARD).read_text())


def test_a_tagger_for_each_seed(place, capsys):
    root, args = place
    assert main(["train", *args, "--config", str(root / "c.toml"), "--seeds", "3,5", "--patience", "1"]) == 0
    assert sorted(path.name for path in (root / "out").iterdir()) == ["seed-3", "seed-5"]
    found = [card(root / "out" / f"seed-{seed}") for seed in (3, 5)]
    assert [one["seed"] for one in found] == [3, 5]
    assert found[0]["losses"] != found[1]["losses"]
    assert found[0]["recipe"]["rank"] == 4
    said = capsys.readouterr().err
    assert f"strict F1 on dev {found[1]['dev_f1'][0]:.3f}: {root}/out/seed-5" in said


def test_recipes_are_taken_by_name_and_changed(place, monkeypatch):
    args = place[1]
    seen = []
    monkeypatch.setattr(
        "ocr_neurons.ner.train.train", lambda *_, **how: seen.append(how) or {"labels": [], "seconds": 0}
    )
    assert main(["train", *args, "--recipe", "stable", "--epochs", "7", "--noise", "fr", "--quiet"]) == 0
    (how,) = seen
    assert (how["recipe"].stability, how["recipe"].epochs, how["recipe"].noise) == (1.0, 7, "fr")
    document = planted.planted(1, 0)[0]
    assert how["corrupt"](document, np.random.default_rng(0)).document.text()
    assert how["during"] is None
    assert [document.id for document in how["dev"]] == ["1-0", "1-1"]


def test_an_edit_is_on_while_training(place):
    root, args = place
    Edit(planted.everything_ranked().top(100), 0.0).save(root / "edit.json")
    settings = ["--config", str(root / "c.toml"), "--quiet"]
    assert main(["train", *args, *settings, "--edit", str(root / "edit.json")]) == 0
    edited = card(root / "out")
    assert main(["train", *args, *settings]) == 0
    assert "edit" in edited
    assert edited["losses"] != card(root / "out")["losses"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("--recipe papr", "recipe 'papr' is unknown; nearest:"),
        ("--seeds 1-x", "seeds '1-x' given; wanted numbers"),
        ("--epochs 0", "recipe: epochs = 0 given; wanted at least 1"),
        ("--edit no.json", "no.json: no such file; wanted an edit"),
        ("--recipe noise --noise zz", "noise model 'zz': no such file"),
    ],
)
def test_bad_input_is_one_line(place, capsys, more, message):
    root, args = place
    try:
        status = main(["train", *args, *more.split(), "--quiet"])
    except SystemExit as end:  # argparse's own
        status = end.code
    said = capsys.readouterr().err
    assert status == 2
    assert message in said
    assert said.count("\n") == 1
    assert not (root / "out").exists()
