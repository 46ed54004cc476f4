"""The command ``cost``, with a tiny tagger from its folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import planted
from ocr_neurons.cli import main
from ocr_neurons.cost.cost import Plan, noise_cost
from ocr_neurons.ner.model import load_tagger, save_whole
from ocr_neurons.text.datasets import load_dataset


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Callable[[str], Path]) -> Path:
    folder = tmp_path_factory.mktemp("cost")
    planted.write_planted(folder / "data", train=0, dev=2, test=4)
    tagger = planted.untrained(tiny_folder("mistral"))
    card = {"labels": tagger.labels, "base": "tiny", "encoding": tagger.encoding.to_json()}
    save_whole(tagger, folder / "tagger", card)
    return folder


def line(place: Path, *more: object) -> list[str]:
    fixed = ["cost", place / "tagger", place / "data", "--dtype", "float32", "--device", "cpu", "--draws", 1]
    return [*map(str, [*fixed, *more])]


def test_figures_files_and_sentence(place, tmp_path, capsys):
    assert main(line(place, "--cer", "0.1,0.2", "--at", "0.12", "--out", tmp_path / "c", "--quiet")) == 0
    said = capsys.readouterr()
    value = json.loads((tmp_path / "c" / "cost.json").read_text())
    assert said.err == ""
    assert value["answer"] in said.out
    few = "There are 4 documents; with fewer than some twenty, intervals are too narrow."
    assert value["too_narrow"] == few
    assert said.out.endswith(f"\n{few}\n")
    assert "When 12.0 more of 100 characters are misread" in value["answer"]
    assert (tmp_path / "c" / "cost.png").read_bytes().startswith(b"\x89PNG")
    tagger = load_tagger(place / "tagger", dtype=torch.float32, device=torch.device("cpu"))
    found = noise_cost(tagger.tag, load_dataset(str(place / "data")), plan=Plan(rates=(0.1, 0.2), draws=1, at=0.12))
    assert {name: value[name] for name in found.entry()} == json.loads(json.dumps(found.entry()))
    assert value["scores"]["strict"]["tp"] + value["scores"]["strict"]["fn"] == 3 * 4
    assert main(line(place, "--cer", "0.1,0.2", "--at", "0.12", "--json", "--quiet")) == 0
    assert json.loads(capsys.readouterr().out) == value


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--split", "train"], "no train split"),
        (
            ["--at", "5"],
            "--at 5; wanted a rate within those of the curve, 0 to 0.2, such as 0.05 for 5 %; --cer with higher rates "
            "makes the curve longer",
        ),
        (["--cer", "2"], "rates 2; wanted"),
        (["--draws", "0"], "0 draws of noise"),
        (["--noise", "xx"], "noise model 'xx'"),
        (["--cer", "much"], "'much'; wanted error rates"),
    ],
)
def test_bad_input_is_one_line(place, tmp_path, capsys, more, message):
    try:
        status: object = main(line(place, "--out", tmp_path / "c", "--quiet", *more))
    except SystemExit as stop:
        status = stop.code
    said = capsys.readouterr()
    assert (status, said.out) == (2, "")
    assert message in said.err
    assert said.err.count("\n") == 1
    assert not (tmp_path / "c").exists()
