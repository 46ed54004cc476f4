"""`edit` and `bake` on a tiny tagger: what they write, what the model card says, and what they refuse."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import planted
import sample
from ocr_neurons.cli import main
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.lm.sites import neuron_maps
from ocr_neurons.ner.model import load_tagger
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.neutralise.edits import Edits
from ocr_neurons.probe.profile_file import load_profile
from ocr_neurons.sweep.profile_edits import edit_from_profile, legacy_edit
from ocr_neurons.text.hipe_tsv import read_hipe


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Callable[[str], Path]) -> Path:
    return planted.workplace(tmp_path_factory.mktemp("edits"), tiny_folder("llama"))


def run(*line: Any) -> int:
    return main([*map(str, line)])


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def call(*line: Any) -> str:
        capsys.readouterr()
        assert run(*line) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.count("\n") == 1
        return said.err

    return call


def test_edits_of_every_kind(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ranked = NeuronSet.load(place / "n.json")
    best, profile = ranked.within([1, 2]).top(10), load_profile(place / "p.safetensors")
    some = ["--layers", "1-2", "--count", 10]
    lines: list[tuple[list[Any], Edit]] = [
        ([*some, "--factor", 0.5], Edit.scale(best, 0.5)),
        (["--operation", "zero"], Edit.zero(ranked)),
        ([*some, "--factor", 0.5, "--flip"], Edit.scale(best, 1.5)),
        ([*some, "--factor", 0.5, "--legacy"], legacy_edit(best, 0.5)),
        (
            [*some, "--operation", "mean", "--profile", place / "p.safetensors"],
            edit_from_profile(best, profile, "mean"),
        ),
        (
            [*some, "--operation", "shift", "--profile", place / "p.safetensors", "--strength", 0.5, "--group", "high"],
            edit_from_profile(best, profile, "shift", 0.5, group="high"),
        ),
    ]
    for options, wanted in lines:
        assert run("edit", place / "n.json", *options, "--out", tmp_path / "e.json") == 0
        assert Edit.load(tmp_path / "e.json") == wanted
        assert wanted.describe() in capsys.readouterr().err
    assert set(best.counts()) == {1, 2}, "compounding needs two layers to show"
    more = ["--operation", "zero", "--after", tmp_path / "e.json", "--out", tmp_path / "two.json", "--quiet"]
    assert run("edit", place / "n.json", *more) == 0
    assert Edits.load(tmp_path / "two.json") == Edits([lines[-1][1], Edit.zero(ranked)])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--operation", "scale"], "operation scale wants a --factor"),
        (["--operation", "zero", "--factor", "0"], "operation zero takes no --factor"),
        (["--operation", "mean"], "operation mean needs --profile"),
        (["--operation", "gains"], "gains are learned"),
        (["--operation", "mend"], "operation 'mend' given; wanted one of scale"),
        (["--factor", "0.5", "--strength", "1"], "are for mean and shift, not scale"),
        (["--operation", "zero", "--legacy"], "the original only scales"),
        (["--factor", "inf"], "wanted a finite float32 number"),
        (["--factor", "0.5", "--layers", "7"], "no neurons in layers 7"),
        (["--factor", "0.5", "--count", "1000"], "1000 neurons asked for"),
    ],
)
def test_edits_that_make_no_sense(
    place: Path, tmp_path: Path, fails: Callable[..., str], options: list[str], message: str
) -> None:
    assert message in fails("edit", place / "n.json", *options, "--out", tmp_path / "e.json")
    assert list(tmp_path.iterdir()) == []


def test_no_neurons_are_no_edit(place: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    """The paper's rule may find none; an edit of nothing would look like one that does nothing."""
    ranked = NeuronSet.load(place / "n.json")
    ranked.within([]).save(tmp_path / "none.json")
    said = fails("edit", tmp_path / "none.json", "--operation", "zero", "--out", tmp_path / "e.json")
    assert "none.json: no neurons in it; rank with --count" in said
    assert not (tmp_path / "e.json").exists()


def header(card: str) -> dict[str, Any]:
    return yaml.safe_load(card.split("---\n")[1])


def finished(place: Path, root: Path) -> Path:
    """A run folder that chose the edit of ``place`` in its tagger."""
    folder = sample.write_run(root / "run", sample.summary(), sample.details())
    shutil.copytree(place / "tagger", folder / "tagger")
    shutil.copy(place / "edit.json", folder / "edit.json")
    return folder


def test_baked_with_the_scores_of_its_run(place: Path, tmp_path: Path) -> None:
    folder = finished(place, tmp_path)
    assert run("bake", folder / "tagger", folder / "edit.json", "--out", tmp_path / "out", "--quiet") == 0
    assert run("bake", place / "tagger", place / "edit.json", "--run", folder, "--out", tmp_path / "b", "--quiet") == 0
    card = (tmp_path / "out" / "README.md").read_text()
    assert card.replace("# out", "# b") == (tmp_path / "b" / "README.md").read_text()
    assert header(card) == {
        "language": ["en"],
        "datasets": ["data"],
        "pipeline_tag": "token-classification",
        "library_name": "transformers",
        "tags": ["token-classification", "named-entity-recognition", "ocr", "historical-documents", "ocr-neurons"],
    }
    edit = Edits.load(place / "edit.json")
    assert f"- {edit.describe()}\n" in card
    assert "100 neurons of layers 0-3 times 100" in card
    # the figures of the sample run, in points
    assert f"**{sample.summary()['verdict']}**" in card
    assert "| without the edit, gazette test | 76.1 | 73.8 | 74.9 | [71.4, 78.4] | 83.9 |" in card
    assert "| with it, gazette test | 76.5 | 74.2 | 75.3 | [71.8, 78.8] | 84.3 |" in card
    assert "+0.4 [−0.6, 1.3], p\xa0=\xa00.42" in card
    assert "On dev, where it was chosen: 73.1 without" in card
    assert "(16 documents), seed 1. The edit was chosen on the dev split of gazette; test was scored once" in card
    assert "`is_causal: false`" in card
    assert str(tmp_path) not in card
    assert str(place) not in card
    assert not re.search(r"\bNone\b|\{|nan", card.split("## Loading")[0])
    # the folder
    assert Edits.load(tmp_path / "out" / "edit.json") == edit
    facts = json.loads((tmp_path / "out" / "ocr_neurons.json").read_text())
    assert facts["edits"] == [{"description": edit.describe()}]
    assert facts["labels"] == json.loads((place / "tagger" / "ocr_neurons.json").read_text())["labels"]
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"README.md", "config.json", "edit.json", "model.safetensors", "ocr_neurons.json", "tokenizer.json"} <= names


def test_scores_of_another_edit_or_tagger_are_left_out_or_refused(
    place: Path, tmp_path: Path, fails: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = finished(place, tmp_path)
    Edit.zero(NeuronSet.load(place / "n.json")).save(folder / "other.json")
    out = ["--out", tmp_path / "out"]
    assert "its edit.json is another edit" in fails(
        "bake", place / "tagger", folder / "other.json", "--run", folder, *out
    )
    assert run("bake", place / "tagger", folder / "other.json", *out) == 0
    said = capsys.readouterr().err
    assert "scores are left out of the model card" in said
    assert "it states no scores" in said
    assert "None are stated" in (tmp_path / "out" / "README.md").read_text()
    # the tagger's head has another weight
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "tagger" / "adapter_model.safetensors")
    name = next(iter(weights))
    save_file(weights | {name: weights[name] + 1}, folder / "tagger" / "adapter_model.safetensors")
    line = ["bake", place / "tagger", place / "edit.json", "--run", folder, "--out", tmp_path / "again"]
    assert "scores are those of another tagger" in fails(*line)
    line[4] = tmp_path / "nothing"
    assert "summary.json" in fails(*line)
    assert not (tmp_path / "again").exists()


def test_a_baked_tagger_can_be_baked_again(place: Path, tmp_path: Path) -> None:
    """Both edits are in the weights, the newer one acting first, and the card tells of both."""
    (gold,) = (place / "data").glob("*-test-*")
    ranked = NeuronSet.load(place / "n.json")
    profile = load_profile(place / "p.safetensors")
    second = edit_from_profile(ranked.within([0, 2]), profile, "mean")
    second.save(tmp_path / "second.json")
    Edits([second, *Edits.load(place / "edit.json").edits]).save(tmp_path / "both.json")
    quiet = ["--dtype", "float32", "--quiet"]
    assert run("bake", place / "tagger", place / "edit.json", "--out", tmp_path / "one", "--quiet") == 0
    assert run("bake", tmp_path / "one", tmp_path / "second.json", "--out", tmp_path / "two", "--quiet") == 0
    assert run("bake", place / "tagger", tmp_path / "both.json", "--out", tmp_path / "both", "--quiet") == 0
    assert (
        run("tag", place / "tagger", gold, "--edit", tmp_path / "both.json", "--out", tmp_path / "t.tsv", *quiet) == 0
    )
    for name in ("two", "both"):
        assert run("tag", tmp_path / name, gold, "--out", tmp_path / f"{name}.tsv", *quiet) == 0
        assert read_hipe(tmp_path / f"{name}.tsv") == read_hipe(tmp_path / "t.tsv")
    card = (tmp_path / "two" / "README.md").read_text()
    assert "then, folded in earlier: 100 neurons of layers 0-3 times 100" in card
    loaded = load_tagger(tmp_path / "two", dtype=torch.float32, device=torch.device("cpu"))
    # both parts of the edit ended in the same maps, in another order of rounding
    other = load_tagger(tmp_path / "both", dtype=torch.float32, device=torch.device("cpu"))
    for left, right in zip(neuron_maps(loaded.model), neuron_maps(other.model), strict=True):
        torch.testing.assert_close(left.weight, right.weight)
        torch.testing.assert_close(left.bias, right.bias, rtol=1e-4, atol=1e-5)
