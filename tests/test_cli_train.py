"""The ``train`` command: recipes, seeds, edits, noise, and what it refuses."""

from __future__ import annotations

import json
import shutil
from importlib.resources import files
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

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
    assert main(["train", *args, "--recipe", "stable", "--quiet"]) == 0
    assert seen[1]["recipe"].epochs == 0


def test_an_edit_is_on_while_training(place):
    root, args = place
    Edit(planted.everything_ranked().top(100), 0.0).save(root / "edit.json")
    settings = ["--config", str(root / "c.toml"), "--quiet"]
    assert main(["train", *args, *settings, "--edit", str(root / "edit.json")]) == 0
    edited = card(root / "out")
    assert "edit" in edited
    assert main(["train", *args[:-1], str(root / "plain"), *settings]) == 0
    assert edited["losses"] != card(root / "plain")["losses"]


def test_a_tagger_that_is_there_is_neither_made_again_nor_written_over(place, capsys):
    root, args = place
    settings = ["--config", str(root / "c.toml")]
    assert main(["train", *args, *settings, "--quiet"]) == 0
    weights = root / "out" / "adapter_model.safetensors"
    made = weights.stat().st_mtime_ns
    assert main(["train", *args, *settings]) == 0
    assert f"trained before with these settings: {root}/out" in capsys.readouterr().err
    for more, named in (("--seed 2", "seed"), ("--epochs 2", "recipe"), ("--dtype bfloat16", "dtype")):
        assert main(["train", *args, *settings, *more.split()]) == 2
        said = capsys.readouterr().err
        assert f"{root}/out: holds a tagger that was trained otherwise ({named}); choose another folder" in said
    text = next((root / "data").glob("*train*"))
    text.write_text(text.read_text().replace("B-pers", "B-loc", 1))
    assert main(["train", *args, *settings]) == 2
    assert "trained otherwise (data_hash)" in capsys.readouterr().err
    assert weights.stat().st_mtime_ns == made


def test_another_noise_model_or_base_of_the_same_name_is_another_tagger(place, tiny_folder, capsys):
    """What a file or folder holds decides, not what it is called."""
    root, args = place
    noise = root / "noise.json"
    shipped = files("ocr_neurons.resources").joinpath("noise")
    noise.write_text(shipped.joinpath("en.json").read_text("utf-8"))
    shutil.copytree(tiny_folder("llama"), root / "base")
    args[args.index("--model") + 1] = str(root / "base")
    (root / "c.toml").write_text(SETTINGS + "noise_share = 0.5\n")
    settings = ["--config", str(root / "c.toml"), "--noise", str(noise)]
    assert main(["train", *args, *settings, "--quiet"]) == 0
    assert main(["train", *args, *settings]) == 0
    assert "trained before with these settings" in capsys.readouterr().err
    noise.write_text(shipped.joinpath("fr.json").read_text("utf-8"))
    assert main(["train", *args, *settings]) == 2
    assert "trained otherwise (noise_hash)" in capsys.readouterr().err
    noise.write_text(shipped.joinpath("en.json").read_text("utf-8"))
    model = AutoModelForCausalLM.from_pretrained(root / "base")
    with torch.no_grad():
        model.get_input_embeddings().weight.mul_(1.5)
    model.save_pretrained(root / "base")
    assert main(["train", *args, *settings]) == 2
    assert "trained otherwise (base_hash)" in capsys.readouterr().err


def test_of_several_seeds_only_those_that_are_missing_are_made(place, capsys):
    root, args = place
    settings = ["--config", str(root / "c.toml")]
    assert main(["train", *args, *settings, "--seeds", "3", "--quiet"]) == 0
    assert main(["train", *args, *settings, "--seeds", "3,5"]) == 0
    assert f"trained before with these settings: {root}/out/seed-3" in capsys.readouterr().err
    assert [card(root / "out" / f"seed-{seed}")["seed"] for seed in (3, 5)] == [3, 5]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("--recipe papr", "recipe 'papr' is unknown; nearest:"),
        ("--seeds 1-x", "seeds '1-x' given; wanted numbers"),
        ("--epochs -1", "recipe: epochs = -1 given; wanted 0 (by the size of the data) or more"),
        ("--edit no.json", "no.json: no such file; wanted an edit"),
        ("--noise en", "--noise en: this recipe trains on no noise"),
        ("--seed 2 --seeds 1-2", "not allowed with argument --seed"),
        ("--recipe noise --noise zz", "noise model 'zz': no such file"),
        ("--report-to nonsense", "--report-to nonsense: no such logger; wanted some of "),
        pytest.param(
            "--report-to dvclive",
            "--report-to dvclive: it is not installed; pip install dvclive",
            marks=pytest.mark.skipif(find_spec("dvclive") is not None, reason="dvclive is installed"),
        ),
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
