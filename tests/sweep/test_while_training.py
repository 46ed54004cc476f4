"""Settings that are damped while training: what `train --edit` and `tag --edit` make of the same edit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import planted
from ocr_neurons.cli import main
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.score.evaluate import evaluate
from ocr_neurons.sweep.grid import Setting
from ocr_neurons.sweep.retraining import Retraining
from ocr_neurons.text.hipe_tsv import read_hipe

SWEEP = '[sweep]\nregions = ["first"]\nshares = [0.2]\nfactors = [0.0]\ndraws = 1\ntest_draws = 2\n'
LISTED = [{"region": "first", "count": 20, "factor": 0}, {"region": "all", "count": 190, "factor": 3.0}]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Callable[[str], Path]) -> Path:
    root = tmp_path_factory.mktemp("while")
    planted.write_planted(root / "data", train=12, dev=6, test=4)
    (root / "c.toml").write_text(planted.SETTINGS.replace("epochs = 8", "epochs = 3"))
    (root / "sweep.toml").write_text(SWEEP)
    line = f"train {root}/data --model {tiny_folder('llama')} --config {root}/c.toml --dtype float32 --seed 3"
    assert main([*line.split(), "--out", str(root / "tagger"), "--quiet"]) == 0
    planted.everything_ranked().save(root / "n.json")
    (root / "list.json").write_text(json.dumps(LISTED))
    return root


@pytest.fixture
def swept(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    def run(*more: object, tagger: str = "tagger", status: int = 0) -> Any:
        line = f"sweep {place}/{tagger} {place}/data --neurons {place}/n.json"
        line += f" --store {tmp_path}/s.db --dtype float32 --while-training --json --quiet"
        assert main([*line.split(), *map(str, more)]) == status
        out, err = capsys.readouterr()
        return err if status else json.loads(out)

    return run


def trained_so(place: Path, out: Path, setting: Setting, split: str, tiny: Path) -> float:
    """Strict F1 by the commands that train and tag under an edit."""
    ranked = NeuronSet.load(place / "n.json")
    setting.edit(ranked, 1).save(out / "edit.json")
    line = f"train {place}/data --model {tiny} --config {place}/c.toml --dtype float32 --seed 3 --edit {out}/edit.json"
    assert main([*line.split(), "--out", str(out / "tagger"), "--quiet"]) == 0
    (gold,) = (place / "data").glob(f"*-{split}-*.tsv")
    line = f"tag {out}/tagger {gold} --edit {out}/edit.json --dtype float32 --out {out}/{split}.tsv --quiet"
    assert main(line.split()) == 0
    return evaluate(read_hipe(gold), read_hipe(out / f"{split}.tsv")).total("strict").f1


def test_a_setting_is_a_tagger_trained_under_its_edit(swept, place, tmp_path, tiny_folder):
    found = swept("--settings", place / "list.json", "--workers", 2, "--draws", 1)
    assert found["while_training"] is True
    assert len(found["settings"]) == 2
    (row,) = (row for row in found["settings"] if row["region"] == "all")
    wanted = trained_so(place, tmp_path, Setting("all", 190, 3.0), "dev", tiny_folder("llama"))
    assert row["f1"] == wanted
    assert 0 < wanted != found["baseline"]["strict"]["f1"], "the edit changes nothing, so this shows nothing"
    assert row["random_draws"] == 1


def test_test_is_scored_once_with_taggers_trained_so(swept, place, tmp_path, tiny_folder, monkeypatch):
    found = swept("--config", place / "sweep.toml", "--confirm")
    best = Setting.from_json(found["test"]["setting"])
    wanted = trained_so(place, tmp_path, best, "test", tiny_folder("llama"))
    assert found["test"]["chosen"]["strict"]["f1"] == wanted
    assert len(found["test"]["random_f1s"]) == 2
    monkeypatch.setattr(Retraining, "tag", lambda *_: pytest.fail("a tagger was trained again"))
    assert swept("--config", place / "sweep.toml", "--confirm") == found


def test_what_cannot_be_trained_so_is_refused(swept, place):
    for option in (["--prune"], ["--screen", place / "n.json"]):
        assert "--while-training given with --prune or --screen" in swept(*option, status=2)
    baked = shutil.copytree(place / "tagger", place / "baked")
    card = json.loads((baked / "ocr_neurons.json").read_text())
    (baked / "ocr_neurons.json").write_text(json.dumps(card | {"edits": [{"description": "x"}]}))
    assert "baked: an edit is folded into its weights" in swept(tagger="baked", status=2)
    (baked / "ocr_neurons.json").write_text(json.dumps({k: v for k, v in card.items() if k != "recipe"}))
    assert "does not say by which recipe and seed the tagger was trained" in swept(tagger="baked", status=2)
    (baked / "ocr_neurons.json").write_text(json.dumps(card | {"dtype": "bfloat16"}))
    assert "was trained in bfloat16; float32 would be used here; say --dtype bfloat16" in swept(
        tagger="baked", status=2
    )
    noisy = card | {"recipe": card["recipe"] | {"noise_share": 0.5}, "noise_hash": "x"}
    (baked / "ocr_neurons.json").write_text(json.dumps(noisy))
    assert "the noise model auto is not the one it was trained with" in swept(tagger="baked", status=2)
