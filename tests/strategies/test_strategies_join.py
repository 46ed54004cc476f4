"""Parts of one comparison that were made in folders of their own, brought together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ocr_neurons.cli import main
from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import Reporter
from ocr_neurons.strategies.bench import Bench
from ocr_neurons.strategies.job import compare_strategies


def known(value: dict[str, Any]) -> dict[str, Any]:
    """All but how long it took."""
    assert all(row["minutes"] for row in value["strategies"][1:]), "what was taken over took its time too"
    return value | {"strategies": [row | {"minutes": None} for row in value["strategies"]]}


def test_parts_together_are_the_whole(comparison, parts, tmp_path, monkeypatch):
    whole = compare_strategies(comparison, tmp_path / "whole", only=["damp", "gains-all", "noise-gains"])
    made = []
    doing = Bench.doing
    monkeypatch.setattr(Bench, "doing", lambda self, name, key: made.append(name) or doing(self, name, key))
    joined = compare_strategies(comparison, tmp_path / "joined", only=["gains-all"], join=parts)
    assert made == ["gains-all", "test gains-all"], "what the parts hold was made or scored again"
    assert [row["name"] for row in joined["strategies"]] == ["nothing", "damp", "gains-all", "noise", "noise-gains"]
    assert known(joined) == known(whole)
    weights = Path("noise", "tagger", "adapter_model.safetensors")
    assert (tmp_path / "joined" / weights).read_bytes() == (parts[1] / weights).read_bytes()
    made.clear()
    assert (
        compare_strategies(comparison, tmp_path / "joined", only=["nothing"], join=[tmp_path / "joined", *parts])
        == joined
    )
    assert made == []


def test_what_does_not_fit_is_left_and_named(comparison, parts, tmp_path, capsys):
    other = replace(comparison, strategies=replace(comparison.strategies, damp=(0.5,)))
    found = compare_strategies(other, tmp_path / "out", Reporter(), only=["nothing"], join=parts)
    said = capsys.readouterr().err
    assert f"{parts[0]}: nothing new taken over\n  not taken over, made with other settings: damp\n" in said
    assert f"{parts[1]}: noise, noise-gains taken over\n" in said
    assert [row["name"] for row in found["strategies"]] == ["nothing", "noise", "noise-gains"]


@pytest.mark.parametrize(
    ("changes", "folder", "message"),
    [
        ({"seed": 2}, "edits", "edits: nothing in it was made from .*tagger and .* these settings"),
        ({}, "letters", "letters: no comparison of strategies; wanted a folder that was --out of one"),
        ({}, "absent", "absent: no comparison of strategies"),
    ],
)
def test_foreign_folders_are_refused(comparison, parts, tmp_path, changes, folder, message):
    (parts[0].parent / "letters").mkdir(exist_ok=True)
    with pytest.raises(UserError, match=message) as caught:
        compare_strategies(
            replace(comparison, **changes), tmp_path / "out", only=["nothing"], join=[parts[0].parent / folder]
        )
    assert "\n" not in str(caught.value)


def test_a_model_in_the_place_of_a_tagger_is_refused(comparison, parts, tiny_folder, tmp_path, capsys):
    line = f"strategies {tiny_folder('llama')} {comparison.data} --out {tmp_path}/out --only nothing --join {parts[0]}"
    assert main(line.split()) == 2
    said = capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert "train one with ocr-neurons train, and give its folder to all calls" in said
    assert said.count("\n") == 1
