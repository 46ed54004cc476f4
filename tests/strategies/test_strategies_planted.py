"""Planted truth: harmful neurons are found and damped, and that is recommended; without any, nothing is."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import harmful
import pytest
import torch

import planted
from ocr_neurons.common.progress import QUIET
from ocr_neurons.config import Comparing, Config, Pairing
from ocr_neurons.ner.model import load_tagger
from ocr_neurons.ner.tagger import Tagger
from ocr_neurons.neutralise.edits import Edits
from ocr_neurons.score.evaluate import evaluate
from ocr_neurons.score.intervals import compare
from ocr_neurons.strategies.job import compare_strategies
from ocr_neurons.text.hipe_tsv import read_hipe

DATA = harmful.dataset()
SHARES, GRID = (0.1, 0.2), {"damp": (0.0, 0.5), "amplify": (1.5, 2.0)}


def settings(tagger: Path) -> Config:
    return Config(
        data="harmful",
        model=str(tagger),
        device="cpu",
        dtype="float32",
        pairs=Pairing(noise="paper", words=30),  # its digits are what the planted neurons fire on
        strategies=Comparing(shares=SHARES, gain_epochs=2, gain_rate=0.1, gain_share=0.1, **GRID),
    )


def loaded(folder: Path) -> Tagger:
    return load_tagger(folder, dtype=torch.float32, device=harmful.CPU)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tagger whose planted neurons write nothing."""
    return harmful.tagger(tmp_path_factory.mktemp("healthy"), DATA, harm=0.0)


@pytest.fixture(scope="module")
def repaired(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("harmed")
    tagger = harmful.tagger(folder, DATA, harm=harmful.HARM)
    return folder / "out", compare_strategies(settings(tagger), folder / "out", only=["damp"], data=DATA)


def f1(tagger: Tagger) -> float:
    return evaluate(DATA.test, tagger.tag(DATA.test)).total("strict").f1


def named(value: dict[str, Any]) -> dict[str, Any]:
    return {row["name"]: row for row in value["strategies"]}


def test_damping_repairs_the_tagger_and_is_recommended(repaired, healthy):
    out, value = repaired
    whole, rows = f1(loaded(healthy)), named(value)
    assert rows["nothing"]["ocr"]["strict"]["f1"] < whole - 0.2, "the planted neurons do no harm"
    assert rows["damp"]["ocr"]["strict"]["f1"] == pytest.approx(whole, abs=0.01)
    assert value["recommended"] == "damp"
    said = value["recommendation"]
    assert said.startswith("Recommended: damp sensitive neurons. Against doing nothing strict F1 changes by +")
    assert "It did better than 20 draws of random neurons treated alike." in said
    (edit,) = Edits.load(out / "damp" / "edit.json").edits
    assert edit.factor == 0
    members = {(layer, i) for layer, row in edit.neurons.indices.items() for i in row}
    planted_ones = harmful.planted_neurons.build(3, count=harmful.COUNT, strength=harmful.STRENGTH).neurons
    assert planted_ones <= members
    assert len(members) <= 0.2 * 192


def test_without_random_neurons_beside_it_a_gain_is_recommended_with_that_said(repaired, tmp_path):
    config = settings(Path(repaired[1]["model"]))
    config = replace(config, strategies=replace(config.strategies, draws=0))
    value = compare_strategies(config, tmp_path / "out", only=["damp"], data=DATA)
    assert value["recommended"] == "damp"
    assert (
        " It was not compared with random neurons, so other neurons may bring the gain as well."
        in (value["recommendation"])
    )
    assert "; its gain was not compared with random neurons." in (tmp_path / "out" / "strategies.md").read_text()


def test_without_harmful_neurons_nothing_is_gained(healthy, tmp_path):
    value = compare_strategies(settings(healthy), tmp_path / "out", only=["damp", "amplify"], data=DATA)
    assert value["recommended"] is None
    told = r"(on dev no strategy does better|\w+ sensitive neurons, the best on dev, cannot be told)"
    assert re.match(f"Nothing is recommended: {told}", value["recommendation"])
    assert [row["name"] for row in value["strategies"]] == ["nothing", "damp", "amplify"]
    assert all(row["random_control"] is None for row in value["strategies"]), "no gain, so no random draws on test"


def test_the_numbers_are_those_of_the_predictions(repaired):
    out, value = repaired
    found = {}
    for side, gold in (("predictions", DATA.test), ("predictions-clean", DATA.clean_twins["test"])):
        for name in ("nothing", "damp"):
            found[side, name] = evaluate(gold, read_hipe(out / name / f"{side}.tsv"))
    rows = named(value)
    for side, key in (("predictions", "difference"), ("predictions-clean", "clean_difference")):
        wanted = compare(found[side, "damp"], found[side, "nothing"], seed=1)
        got = rows["damp"][key]
        assert got == {"f1": wanted.f1, "ci95": [wanted.low, wanted.high], "p": wanted.p, "p_holm": wanted.p}
        assert rows["nothing"][key] is None
    for name, row in rows.items():
        counts = found["predictions", name].total("strict")
        assert (row["ocr"]["strict"]["tp"], row["ocr"]["strict"]["fp"]) == (counts.tp, counts.fp)
        assert row["ocr"]["strict"]["f1"] == pytest.approx(2 * counts.tp / (2 * counts.tp + counts.fp + counts.fn))
        clean = row["noise_cost"]["clean_twin"]["strict"]["f1"]
        assert clean == found["predictions-clean", name].total("strict").f1
        assert sum(one["entities"] for one in row["noise_cost"]["recall_by_bin"]) == counts.tp + counts.fn
    recalls = [{b["label"]: b["recall_strict"] for b in row["noise_cost"]["recall_by_bin"]} for row in rows.values()]
    changed = {one["label"]: one for one in rows["damp"]["recall_differences"]}
    assert changed.keys() == {label for label, recall in recalls[0].items() if recall is not None}
    for label, change in changed.items():
        assert change["recall"] == pytest.approx(recalls[1][label] - recalls[0][label])
        assert change["ci95"][0] <= change["recall"] <= change["ci95"][1]
    assert rows["nothing"]["recall_differences"] == []
    control = rows["damp"]["random_control"]
    over = rows["damp"]["ocr"]["strict"]["f1"] - sum(control["f1s"]) / 20
    assert control["chosen_minus_random_control"]["f1"] == pytest.approx(over)


def test_learned_gains_change_nothing_but_gains_and_undo_the_harm(repaired, tmp_path, monkeypatch):
    """In the same folder: test is tagged for the new strategies alone, and the old ones stay in the table."""
    out, before = repaired
    tagger = Path(before["model"])
    weights = {path.name: path.read_bytes() for path in tagger.iterdir()}
    kept: list[Tagger] = []

    def remembered(*args: Any, **more: Any) -> Tagger:
        kept.append(load_tagger(*args, **more))
        return kept[-1]

    monkeypatch.setattr("ocr_neurons.strategies.bench.load_tagger", remembered)
    value = compare_strategies(settings(tagger), out, QUIET, only=["gains-sensitive", "gains-random"], data=DATA)
    rows = named(value)
    assert list(rows) == ["nothing", "damp", "gains-sensitive", "gains-random"]
    assert {**rows["damp"], "difference": None, "clean_difference": None} == {
        **named(before)["damp"], "difference": None, "clean_difference": None,
    }  # fmt: skip
    assert rows["damp"]["difference"]["p_holm"] == pytest.approx(3 * rows["damp"]["difference"]["p"])
    assert rows["gains-sensitive"]["difference"]["ci95"][0] > 0.2
    assert rows["gains-random"]["difference"]["ci95"][0] <= 0.02
    assert rows["gains-sensitive"]["minus_rival"]["ci95"][0] > 0.2
    edits = {name: Edits.load(out / f"gains-{name}" / "edit.json").edits[0] for name in ("sensitive", "random")}
    assert edits["random"].neurons.counts() == edits["sensitive"].neurons.counts()
    assert {edit.operation for edit in edits.values()} == {"gains"}
    for name in ("damp", "gains-sensitive", "gains-random"):
        model, made = loaded(tagger), json.loads((out / name / "made.json").read_text())
        with Edits.load(out / name / "edit.json").on(model.model):
            on_dev = evaluate(DATA.dev, model.tag(DATA.dev)).total("strict").f1
        assert made["dev_f1"] == on_dev == max([*made["dev_f1s"], on_dev]), "not the best on dev was kept"
    assert {path.name: path.read_bytes() for path in tagger.iterdir()} == weights
    fresh = loaded(tagger).model.state_dict()
    for one in kept:
        assert planted.hooks(one.model) == []
        assert not any(parameter.requires_grad for parameter in one.model.parameters())
        assert all(torch.equal(value, fresh[name]) for name, value in one.model.state_dict().items())
