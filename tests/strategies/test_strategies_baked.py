"""A strategy's edit folded into the weights: the model card states what the comparison found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ocr_neurons.cli import main
from ocr_neurons.report.phrase import points


def bake(*line: object) -> int:
    return main(["bake", *map(str, line)])


def test_the_card_states_the_scores_of_the_comparison(comparison, parts, tmp_path):
    edit = parts[0] / "damp" / "edit.json"
    assert bake(comparison.model, edit, "--out", tmp_path / "out", "--quiet") == 0
    assert bake(comparison.model, edit, "--run", parts[0] / "damp", "--out", tmp_path / "b", "--quiet") == 0
    card = (tmp_path / "out" / "README.md").read_text()
    assert card.replace("# out", "# b") == (tmp_path / "b" / "README.md").read_text()
    plain, damp = json.loads((parts[0] / "strategies.json").read_text())["strategies"]
    for words, row in (("without the edit", plain), ("with it", damp)):
        strict, fuzzy = row["ocr"]["strict"], row["ocr"]["fuzzy"]
        values = [points(strict[name]) for name in ("precision", "recall", "f1")]
        (line,) = (line for line in card.splitlines() if line.startswith(f"| {words}, planted-en test | "))
        assert line.split(" | ")[1:4] == values
        assert line.endswith(f" | {points(fuzzy['f1'])} |")
    dev = [points(row["dev_f1"]) for row in (plain, damp)]
    assert f"On dev, where it was chosen: {dev[0]} without, {dev[1]} with it (" in card
    assert "; it was the only strategy that was compared there.**" in card
    assert "test was scored once, afterwards" in card


def test_a_gain_and_a_loss_are_called_so(comparison, parts, tmp_path):
    folder = shutil.copytree(parts[0], tmp_path / "compared")
    value = json.loads((folder / "strategies.json").read_text())
    value["strategies"].append(value["strategies"][1] | {"name": "amplify"})
    control = {"f1": 0.02, "ci95": [0.01, 0.03], "p": 1 / 21}
    for f1, word in ((0.031, "A gain"), (-0.031, "A loss")):
        value["strategies"][1] |= {
            "difference": {"f1": f1, "ci95": sorted([f1 / 3, f1 * 2]), "p": 0.01, "p_holm": 0.03},
            "random_control": {"draws": 20, "f1s": [], "chosen_minus_random_control": control},
        }
        (folder / "strategies.json").write_text(json.dumps(value))
        assert bake(comparison.model, folder / "damp" / "edit.json", "--out", tmp_path / word, "--quiet") == 0
        card = (tmp_path / word / "README.md").read_text()
        assert f"**{word} on test, asked by itself; one of 2 strategies" in card
        assert "corrected for all of them p\xa0=\xa00.030.**" in card
        assert "Minus the mean of random neurons of the same layers: +2.0 [1.0, 3.0]" in card


def test_scores_that_are_not_this_taggers_are_left_out(comparison, parts, tmp_path, capsys):
    lines = {
        "acts on the tagger of noise": (comparison.model, parts[1] / "noise-gains" / "edit.json"),
        "another tagger": (parts[1] / "noise" / "tagger", parts[0] / "damp" / "edit.json"),
    }
    for number, (reason, line) in enumerate(lines.items()):
        assert bake(*line, "--out", tmp_path / f"{number}") == 0
        said = capsys.readouterr().err
        assert "scores are left out of the model card: " in said
        assert reason in said
        assert "None are stated" in (tmp_path / f"{number}" / "README.md").read_text()


def test_a_tagger_that_is_not_seen_from_here_is_not_called_another(comparison, parts, tmp_path, capsys, monkeypatch):
    folder = shutil.copytree(parts[0], tmp_path / "compared")
    value = json.loads((folder / "strategies.json").read_text())
    (folder / "strategies.json").write_text(json.dumps(value | {"model": "tagger"}))
    edit = folder / "damp" / "edit.json"
    assert bake(comparison.model, edit, "--out", tmp_path / "there") == 0
    said = capsys.readouterr().err
    assert "its own tagger is not found (tagger, seen from here)" in said
    assert "another tagger" not in said
    monkeypatch.chdir(Path(comparison.model).parent)
    assert bake(comparison.model, edit, "--out", tmp_path / "here") == 0
    assert "left out" not in capsys.readouterr().err


def test_a_strategy_without_an_edit_is_named(comparison, parts, tmp_path, capsys):
    edit, run = parts[0] / "damp" / "edit.json", parts[1] / "noise"
    assert bake(comparison.model, edit, "--run", run, "--out", tmp_path / "out") == 2
    assert f"{run}: a strategy without an edit; wanted one with edit.json" in capsys.readouterr().err


@pytest.mark.parametrize("broken", ['{"strategies": []}', "[]"])
def test_a_comparison_that_is_none_is_one_line(comparison, parts, tmp_path, capsys, broken):
    folder = shutil.copytree(parts[0], tmp_path / "compared")
    (folder / "strategies.json").write_text(broken)
    line = [comparison.model, folder / "damp" / "edit.json", "--run", folder / "damp", "--out", tmp_path / "out"]
    assert bake(*line) == 2
    said = capsys.readouterr().err
    assert "strategies.json" in said
    assert said.count("\n") == 1
    assert not Path(tmp_path / "out").exists()
