"""Parts of one comparison that were made in folders of their own, brought together."""

from __future__ import annotations

import json
import shutil
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ocr_neurons.cli import main
from ocr_neurons.common.errors import UserError
from ocr_neurons.common.files import alone_in
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
    assert f"{parts[0]}: nothing new taken over\n  damp is not taken over: made with other settings\n" in said
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


def copied(part: Path, to: Path, forget: str, begun: bool = False) -> Path:
    """A part in which one step was not finished, or not begun."""
    folder = shutil.copytree(part, to)
    manifest = json.loads((folder / "manifest.json").read_text())
    key = manifest["steps"].pop(forget)["key"]
    if begun:
        manifest["begun"].append(f"{forget} {key}")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_how_the_taggers_path_is_written_makes_no_difference(comparison, parts, tmp_path, monkeypatch):
    monkeypatch.setattr(Bench, "doing", lambda self, name, key: pytest.fail(f"{name} was made or scored again"))
    monkeypatch.chdir(Path(comparison.model).parent)
    for spelled in ("tagger", "./tagger"):
        found = compare_strategies(replace(comparison, model=spelled), parts[0], only=["damp"])
        assert [row["name"] for row in found["strategies"]] == ["nothing", "damp"]
    joined = compare_strategies(replace(comparison, model="./tagger"), tmp_path / "out", only=["nothing"], join=parts)
    assert [row["name"] for row in joined["strategies"]] == ["nothing", "damp", "noise", "noise-gains"]


def test_where_the_base_stands_makes_no_difference(comparison, parts, tmp_path, monkeypatch):
    """As somebody corrects it whose base model lies elsewhere."""
    tagger = shutil.copytree(comparison.model, tmp_path / "moved")
    card = json.loads((tagger / "ocr_neurons.json").read_text())
    base = shutil.copytree(card["base"], tmp_path / "elsewhere")
    (tagger / "ocr_neurons.json").write_text(json.dumps(card | {"base": str(base), "base_from_here": "../elsewhere"}))
    monkeypatch.setattr(Bench, "doing", lambda self, name, key: pytest.fail(f"{name} was made or scored again"))
    found = compare_strategies(replace(comparison, model=str(tagger)), parts[0], only=["damp"])
    assert [row["name"] for row in found["strategies"]] == ["nothing", "damp"]


def test_a_part_made_in_and_not_tested_is_tested(comparison, parts, tmp_path):
    part = copied(parts[0], tmp_path / "part", "test damp")
    found = compare_strategies(comparison, tmp_path / "out", only=["nothing"], join=[part, parts[1]])
    whole = compare_strategies(comparison, tmp_path / "whole", only=["nothing"], join=parts)
    assert known(found) == known(whole)


def test_what_a_part_says_of_its_order_stays(comparison, tmp_path):
    for only in ("damp", "gains-all"):
        compare_strategies(comparison, tmp_path / "part", only=[only])
    compare_strategies(comparison, tmp_path / "other", only=["amplify"])
    joined = compare_strategies(
        comparison, tmp_path / "out", only=["nothing"], join=[tmp_path / "part", tmp_path / "other"]
    )
    (note,) = (note for note in joined["notes"] if " had been shown" in note)
    assert note.startswith("`gains-all`: made after test scores of `damp` had been shown")


def test_what_was_not_finished_is_called_so(comparison, parts, tmp_path, capsys):
    part = copied(parts[0], tmp_path / "part", "damp", begun=True)
    found = compare_strategies(comparison, tmp_path / "out", Reporter(), only=["nothing"], join=[part])
    assert "  damp is not taken over: not finished there\n" in capsys.readouterr().err
    assert [row["name"] for row in found["strategies"]] == ["nothing"]


@pytest.mark.parametrize("how", ["foreign", "locked"])
def test_a_refused_part_leaves_all_as_it_was(comparison, parts, tmp_path, how):
    out = shutil.copytree(parts[0], tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    foreign = copied(copied(parts[1], tmp_path / "one", "nothing"), tmp_path / "two", "noise")
    with alone_in(parts[1]) if how == "locked" else nullcontext(), pytest.raises(UserError) as caught:
        compare_strategies(comparison, out, only=["damp"], join=[foreign if how == "foreign" else parts[1]])
    assert ("nothing in it was made" if how == "foreign" else "is at work in it") in str(caught.value)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_a_file_that_cannot_be_copied_is_one_line(comparison, parts, tmp_path):
    part = shutil.copytree(parts[0], tmp_path / "part")
    (part / "damp" / "lost").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError, match="damp/lost: cannot be copied") as caught:
        compare_strategies(comparison, tmp_path / "out", only=["nothing"], join=[part])
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out" / "damp").exists()


def test_a_comparison_goes_on_in_its_own_precision_alone(comparison, parts):
    before = {path: path.stat().st_mtime_ns for path in parts[0].rglob("*")}
    with pytest.raises(UserError, match="made in float32, which would be lost in bfloat16; go on with --dtype float32"):
        compare_strategies(comparison.changed(dtype="bfloat16"), parts[0], only=["damp"])
    assert {path: path.stat().st_mtime_ns for path in parts[0].rglob("*")} == before
