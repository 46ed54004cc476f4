"""The comparison as a job: what is trained, files, going on after a stop, and what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import planted
from ocr_neurons.cli import main
from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import Reporter
from ocr_neurons.config import Comparing, Config, Pairing, load_config
from ocr_neurons.ner.recipe import Recipe
from ocr_neurons.ner.tagger import Prepared
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.neutralise.edits import Edits
from ocr_neurons.strategies import job
from ocr_neurons.strategies.bench import Bench
from ocr_neurons.strategies.job import compare_strategies
from ocr_neurons.strategies.strategy import EDIT, NOTHING, Made, Strategy
from ocr_neurons.strategies.table import STRATEGIES, selected
from ocr_neurons.strategies.tested import score_test
from ocr_neurons.text.datasets import load_dataset

RECIPE = Recipe(epochs=1, rank=4, alpha=8, learning_rate=5e-3, batch=8, max_length=64, context=8)
MANY = ["damp", "shift", "gains-all", "longer", "noise", "stable", "noise-gains"]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Callable[[str], Path]) -> Config:
    data = planted.write_planted(tmp_path_factory.mktemp("data"), train=6, dev=3, test=3)
    return Config(
        data=str(data),
        model=str(tiny_folder("llama")),
        dtype="float32",
        device="cpu",
        seed=3,
        train=RECIPE,
        pairs=Pairing(words=8),
        strategies=Comparing(shares=(0.1,), damp=(0.0,), strengths=(1.0,), gain_epochs=1, draws=2),
    )


@pytest.fixture(scope="module")
def first(config: Config, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("out") / "first"
    return out, compare_strategies(config, out, only=MANY)


@pytest.fixture
def tagged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The id of the first document of whatever is tagged."""
    seen: list[str] = []
    run = Prepared.run

    def watched(self: Prepared, *args: Any, **more: Any) -> Any:
        seen.append(self.documents[0].id)
        return run(self, *args, **more)

    monkeypatch.setattr(Prepared, "run", watched)
    return seen


def test_everything_is_trained_alike(first, config):
    out, value = first
    names = ["nothing", *MANY]
    assert [row["name"] for row in value["strategies"]] == names
    cards = {
        n: json.loads((out / n / "tagger" / "ocr_neurons.json").read_text())
        for n in ("nothing", "longer", "noise", "stable")
    }
    plain = cards["nothing"]["recipe"]
    assert plain["noise_share"] == 0
    changes = {
        "longer": {"epochs": 2 * plain["epochs"]},
        "noise": {"noise_share": 0.5},
        "stable": {"noise_share": 0.5, "stability": 1.0},
    }
    for name, change in changes.items():
        assert cards[name]["recipe"] == plain | change
        same = ("base", "labels", "seed", "documents", "attention", "encoding", "dtype")
        assert [cards[name][key] for key in same] == [cards["nothing"][key] for key in same]
    assert {cards[name]["seed"] for name in cards} == {3}
    made = {name: json.loads((out / name / "made.json").read_text()) for name in names}
    assert made["noise-gains"]["tagger"] == "noise"
    assert {made[name]["tagger"] for name in ("damp", "shift", "gains-all")} == {"nothing"}


def test_the_folder(first, config):
    out, value = first
    assert load_config(out / "strategies.toml") == config
    assert json.loads((out / "strategies.json").read_text()) == value
    page = (out / "strategies.md").read_text()
    assert f"**{value['recommendation']}**" in page
    assert all(f"| {row['title']} |" in page for row in value["strategies"])
    assert "There are 3 documents; with fewer than some twenty, intervals are too narrow." in page
    assert "Clean text: not known" in page
    assert (out / "strategies.png").read_bytes()[:4] == b"\x89PNG"
    assert not list(out.glob("*/predictions-clean.tsv"))
    assert all(row["clean_difference"] is None for row in value["strategies"])
    assert value["strategies"][0]["minutes"] > 0


def test_given_again_nothing_is_repeated_and_test_is_not_scored(first, config, tagged):
    out, value = first
    assert compare_strategies(config, out, only=MANY) == value
    assert compare_strategies(config, out, only=["noise"]) == value, "what was made before stays in the table"
    assert tagged == []


def test_a_stopped_comparison_goes_on_strategy_by_strategy(config, tmp_path, tagged, monkeypatch):
    test = load_dataset(config.data).test[0].id

    def stopped(bench: Any, name: str, made: Any) -> None:
        if name == "damp":
            raise KeyboardInterrupt
        score_test(bench, name, made)

    with monkeypatch.context() as patch:
        patch.setattr(job, "score_test", stopped)
        with pytest.raises(KeyboardInterrupt):
            compare_strategies(config, tmp_path / "out", only=["damp", "gains-all"])
    assert tagged.count(test) == 1
    assert not (tmp_path / "out" / "strategies.json").exists()
    tagged.clear()
    value = compare_strategies(config, tmp_path / "out", only=["damp", "gains-all"])
    gained = sum(row["random_control"] is not None for row in value["strategies"])
    assert tagged == [test] * (2 + 2 * gained), "dev was tagged again, or test for a strategy that had been scored"
    changed = replace(config, strategies=replace(config.strategies, gain_rate=0.5))
    tagged.clear()
    again = compare_strategies(changed, tmp_path / "out", only=["damp", "gains-all"])
    assert tagged.count(test) == 1, "of the two strategies one depends on the rate"
    damp, gains = again["strategies"][1:]
    assert damp["ocr"] == value["strategies"][1]["ocr"]
    assert gains["what"] != value["strategies"][2]["what"]


def test_old_results_do_not_stand_under_new_settings(config, tmp_path, capsys):
    """A file in the place of a strategy's folder stops the second comparison, after the settings are written."""
    out, names = tmp_path / "out", ["strategies.json", "strategies.md", "strategies.png"]
    before = [name.replace(".", "-before.") for name in names]
    compare_strategies(config, out, only=["damp"])
    old = [(out / name).read_bytes() for name in names]
    (out / "gains-all").write_text("in the way")
    changed = replace(config, strategies=replace(config.strategies, damp=(0.5,)))
    capsys.readouterr()
    with pytest.raises(OSError, match="gains-all"):
        compare_strategies(changed, out, Reporter(), only=["damp", "gains-all"])
    said = capsys.readouterr().err
    assert f"the results of before are in {', '.join(before)} until this comparison is finished" in said
    assert "damp: done before with other data, settings, weights or another version; done anew" in said
    assert load_config(out / "strategies.toml") == changed
    assert not [name for name in names if (out / name).exists()]
    assert [(out / name).read_bytes() for name in before] == old
    (out / "gains-all").unlink()
    value = compare_strategies(changed, out, only=["damp", "gains-all"])
    assert json.loads((out / "strategies.json").read_text()) == value
    assert not list(out.glob("*-before.*"))


def test_minutes_of_what_was_stopped_in_between_are_not_known(config, tmp_path, monkeypatch):
    def stopped(self: Bench, name: str, edit: Edit | None = None) -> float:
        raise KeyboardInterrupt

    def minutes(settings: Config, *only: str) -> dict[str, float | None]:
        found = compare_strategies(settings, tmp_path / "out", only=only)
        return {row["name"]: row["minutes"] for row in found["strategies"]}

    assert minutes(config, "nothing")["nothing"]
    with monkeypatch.context() as patch:
        patch.setattr(Bench, "dev_f1", stopped)
        with pytest.raises(KeyboardInterrupt):
            compare_strategies(config, tmp_path / "out", only=["noise"])
    found = minutes(config, "longer", "noise-gains")
    assert [name for name in found if found[name] is None] == ["noise", "noise-gains"], "which rests on noise"
    page = (tmp_path / "out" / "strategies.md").read_text()
    assert re.search(r"^\| noise-augmented training \|.*\| – \|$", page, flags=re.MULTILINE)
    once = replace(config, strategies=replace(config.strategies, noise_share=0.4))
    assert minutes(once, "noise")["noise"], "made anew in one go"


def test_documents_may_have_no_ids(first, config, tmp_path):
    """They are named after their file then, which is another one for predictions."""
    for path in Path(config.data).iterdir():
        text = re.sub("^# hipe2022:document_id = .*\n", "", path.read_text(), flags=re.MULTILINE)
        assert "# hipe2022:language = en" in text
        (tmp_path / path.name).write_text(text)
    data = load_dataset(str(tmp_path))
    assert [document.id for document in data.test] == [f"planted-test-en-{n}" for n in (1, 2, 3)]
    value = compare_strategies(replace(config, data=str(tmp_path)), tmp_path / "out", only=["nothing"])
    assert value["strategies"][0]["ocr"] == first[1]["strategies"][0]["ocr"]


def test_selection_sees_no_test(first, config, tmp_path):
    """With other test documents everything is made as before, to the byte."""
    out, _ = first
    data = load_dataset(config.data)
    other = replace(data, test=tuple(planted.planted(3, 77)))
    compare_strategies(config, tmp_path / "out", only=["damp", "gains-all"], data=other)
    for name in ("damp", "gains-all"):
        assert (tmp_path / "out" / name / "edit.json").read_bytes() == (out / name / "edit.json").read_bytes()


def test_names_bring_what_they_need():
    assert [one.name for one in selected(["noise-gains"])] == ["nothing", "noise", "noise-gains"]
    assert [one.name for one in selected(["all"])] == list(STRATEGIES)
    assert all(STRATEGIES[n].rival in ("", *STRATEGIES) for n in STRATEGIES)


@pytest.mark.parametrize(
    ("changes", "only", "message"),
    [
        ({}, ["damq"], "strategy 'damq' given; wanted all, or some of nothing, damp, .*nearest: damp"),
        ({"strategies": Comparing(which=("nois",))}, [], "strategy 'nois' given"),
        ({"train": replace(RECIPE, noise_share=0.3)}, ["noise"], "base recipe has noise_share = 0.3 already"),
        ({"train": replace(RECIPE, noise="xx")}, ["stable"], "xx"),
        ({"pairs": Pairing(words=10_000)}, ["damp"], "10000 words wanted"),
        ({"model": "no/such/folder"}, ["gains-all"], "no/such/folder"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(config, tmp_path, changes, only, message):
    with pytest.raises(UserError, match=message) as caught:
        compare_strategies(replace(config, **changes), tmp_path / "out", only=only)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"damp": (1.5,)}, "damp = .* wanted factors below 1"),
        ({"amplify": (0.5,)}, "amplify = .* wanted factors above 1"),
        ({"strengths": (0.0,)}, "other than 0"),
        ({"shares": (2.0,)}, "shares above 0 up to 1"),
        ({"gain_share": 0.0}, "gain_share = 0.0 given"),
        ({"gain_epochs": 0}, "gain_epochs = 0 given"),
        ({"gain_rate": -1.0}, "gain_rate = -1.0 given"),
        ({"draws": -1}, "draws of 0 or more"),
    ],
)
def test_settings_out_of_range(values, message):
    with pytest.raises(UserError, match=message):
        Comparing(**values)


def test_foreign_folders_and_other_labels(first, config, tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(UserError, match="no comparison of strategies"):
        compare_strategies(config, tmp_path, only=["noise"])
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
    given = replace(config, model=str(first[0] / "nothing" / "tagger"))
    data = load_dataset(config.data)
    ports = tuple(
        replace(d, tokens=tuple(replace(t, label=t.label.replace("loc", "port")) for t in d.tokens)) for d in data.test
    )
    with pytest.raises(UserError, match="planted-en, test: entity types port are unknown to the tagger"):
        compare_strategies(given, tmp_path / "out", only=["damp"], data=replace(data, test=ports))
    assert not (tmp_path / "out").exists()


def test_a_given_tagger_is_trained_again_as_it_was(first, config, tmp_path):
    """Its base, recipe and seed come from its card, whatever the settings say; so the taggers are the same."""
    tagger = first[0] / "nothing" / "tagger"
    given = replace(config, model=str(tagger), seed=8, train=Recipe())
    value = compare_strategies(given, tmp_path / "out", only=["noise"])
    rows = {row["name"]: row for row in value["strategies"]}
    before = {row["name"]: row for row in first[1]["strategies"]}
    assert rows["nothing"]["minutes"] is None
    for name in ("nothing", "noise"):
        assert rows[name]["ocr"]["strict"]["tp"] == before[name]["ocr"]["strict"]["tp"]
    assert (tmp_path / "out" / "noise" / "tagger" / "adapter_model.safetensors").read_bytes() == (
        first[0] / "noise" / "tagger" / "adapter_model.safetensors"
    ).read_bytes()


def make_quiet(bench: Bench, folder: Path) -> Made:
    ranking, _profile = bench.ranked
    edit = Edit.scale(ranking.top(20), 0.5)
    edit.save(folder / EDIT)
    return Made(edit.describe(), NOTHING, bench.dev_f1(NOTHING, edit), edited=True)


def test_a_strategy_more_is_a_function_and_a_row(first, config, monkeypatch, tagged):
    out, value = first
    quiet = Strategy("quiet", "a little less of them", make_quiet, lambda _: 0.5, probes=True)
    monkeypatch.setitem(STRATEGIES, "quiet", quiet)
    found = compare_strategies(config, out, only=["quiet"])
    assert [row["name"] for row in found["strategies"]] == [*(row["name"] for row in value["strategies"]), "quiet"]
    dev, test = (load_dataset(config.data).split(split)[0].id for split in ("dev", "test"))
    assert tagged == [dev, test]
    assert found["strategies"][-1]["what"].startswith("20 neurons of layers ")
    (gains,) = Edits.load(out / "gains-all" / EDIT).edits
    assert gains.neurons.model == Edits.load(out / "quiet" / EDIT).edits[0].neurons.model
    monkeypatch.undo()
    assert compare_strategies(config, out, only=MANY) == value


def test_the_command(first, config, tmp_path, capsys):
    out, value = first
    config.save(tmp_path / "c.toml")
    line = ["strategies", config.model, config.data, "--config", str(tmp_path / "c.toml"), "--quiet"]
    assert main([*line, "--out", str(out), "--only", "noise", "damp"]) == 0
    said = capsys.readouterr()
    assert (said.out.strip(), said.err) == (value["recommendation"], "")
    assert main([*line[:-1], "--out", str(out), "--only", "noise"]) == 0
    said = capsys.readouterr()
    assert [one.split("  ")[0] for one in said.out.splitlines()[1 : len(MANY) + 2]] == [
        row["title"] for row in value["strategies"]
    ]
    assert said.out.endswith(f"\n\n{value['recommendation']}\n")
    assert main([*line, "--out", str(tmp_path / "new"), "--only", "damn"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("ocr-neurons: strategy 'damn' given")
    assert said.err.count("\n") == 1


def test_what_is_added_after_a_look_at_test_is_named(config, tmp_path):
    def late(found: dict[str, Any]) -> list[str]:
        return [note.partition(" had been shown")[0] for note in found["notes"] if " had been shown" in note]

    out = tmp_path / "out"
    assert late(compare_strategies(config, out, only=["nothing"])) == []
    assert late(compare_strategies(config, out, only=["gains-all"])) == [], "the plain tagger's score tells nothing"
    added = ["`damp`: made after test scores of `gains-all`"]
    assert late(compare_strategies(config, out, only=["damp"])) == added
    assert late(compare_strategies(config, out, only=["gains-all", "damp"])) == added
    changed = replace(config, strategies=replace(config.strategies, gain_rate=0.5))
    found = compare_strategies(changed, out, only=["gains-all"])
    assert late(found) == [*added, "`gains-all`: made after test scores of `damp`, `gains-all`"]
    assert found["notes"][-1] in (out / "strategies.md").read_text()
    back = compare_strategies(config, out, only=["gains-all"])
    assert late(back) == late(found), "who goes back to what was better on test chooses on test"
