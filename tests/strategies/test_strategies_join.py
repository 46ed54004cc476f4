"""Parts of one comparison that were made in folders of their own, brought together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import planted
from ocr_neurons.cli import main
from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import Reporter
from ocr_neurons.config import Comparing, Config, Pairing
from ocr_neurons.strategies.bench import Bench
from ocr_neurons.strategies.job import compare_strategies

RECIPE = "[train]\nepochs = 1\nrank = 4\nmax_length = 64\ncontext = 8\n"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Callable[[str], Path]) -> Config:
    root = tmp_path_factory.mktemp("join")
    data = planted.write_planted(root / "data", train=6, dev=3, test=3)
    (root / "c.toml").write_text(RECIPE)
    line = f"train {data} --model {tiny_folder('llama')} --config {root}/c.toml --dtype float32 --out {root}/tagger"
    assert main([*line.split(), "--quiet"]) == 0
    return Config(
        data=str(data), model=str(root / "tagger"), dtype="float32", device="cpu", pairs=Pairing(words=8),
        strategies=Comparing(shares=(0.1,), damp=(0.0,), gain_epochs=1, draws=2),
    )  # fmt: skip


@pytest.fixture(scope="module")
def parts(config: Config, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    place = tmp_path_factory.mktemp("parts")
    compare_strategies(config, place / "edits", only=["damp"])
    compare_strategies(config, place / "taggers", only=["noise-gains"])
    return [place / "edits", place / "taggers"]


def known(value: dict[str, Any]) -> dict[str, Any]:
    """All but how long it took."""
    assert all(row["minutes"] for row in value["strategies"][1:]), "what was taken over took its time too"
    return value | {"strategies": [row | {"minutes": None} for row in value["strategies"]]}


def test_parts_together_are_the_whole(config, parts, tmp_path, monkeypatch):
    whole = compare_strategies(config, tmp_path / "whole", only=["damp", "gains-all", "noise-gains"])
    made = []
    doing = Bench.doing
    monkeypatch.setattr(Bench, "doing", lambda self, name, key: made.append(name) or doing(self, name, key))
    joined = compare_strategies(config, tmp_path / "joined", only=["gains-all"], join=parts)
    assert made == ["gains-all", "test gains-all"], "what the parts hold was made or scored again"
    assert [row["name"] for row in joined["strategies"]] == ["nothing", "damp", "gains-all", "noise", "noise-gains"]
    assert known(joined) == known(whole)
    weights = Path("noise", "tagger", "adapter_model.safetensors")
    assert (tmp_path / "joined" / weights).read_bytes() == (parts[1] / weights).read_bytes()
    made.clear()
    assert (
        compare_strategies(config, tmp_path / "joined", only=["nothing"], join=[tmp_path / "joined", *parts]) == joined
    )
    assert made == []


def test_what_does_not_fit_is_left_and_named(config, parts, tmp_path, capsys):
    other = replace(config, strategies=replace(config.strategies, damp=(0.5,)))
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
def test_foreign_folders_are_refused(config, parts, tmp_path, changes, folder, message):
    (parts[0].parent / "letters").mkdir(exist_ok=True)
    with pytest.raises(UserError, match=message) as caught:
        compare_strategies(
            replace(config, **changes), tmp_path / "out", only=["nothing"], join=[parts[0].parent / folder]
        )
    assert "\n" not in str(caught.value)


def test_a_model_in_the_place_of_a_tagger_is_refused(config, parts, tiny_folder, tmp_path, capsys):
    line = f"strategies {tiny_folder('llama')} {config.data} --out {tmp_path}/out --only nothing --join {parts[0]}"
    assert main(line.split()) == 2
    said = capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert "train one with ocr-neurons train, and give its folder to all calls" in said
    assert said.count("\n") == 1
