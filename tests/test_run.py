"""The main job from end to end on tiny models: its files, its repetition, its numbers."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import planted
from ocr_neurons.commands import run_name
from ocr_neurons.common.errors import UserError
from ocr_neurons.common.progress import Reporter
from ocr_neurons.config import Config, Pairing, Sweeping, load_config
from ocr_neurons.ner.recipe import Recipe
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.report.inputs import read_run
from ocr_neurons.run import run
from ocr_neurons.score.evaluate import evaluate
from ocr_neurons.score.table import to_dict
from ocr_neurons.text.hipe_tsv import read_hipe

FILES = {
    "run.toml", "manifest.json", "tagger", "pairs.jsonl", "profile.safetensors", "control.jsonl",
    "profile-control.safetensors", "profile-contrast.safetensors", "neurons.json", "ranking.json",
    "sweep.db", "edit.json", "predictions-baseline.tsv", "predictions-chosen.tsv", "details.json", "summary.json",
    "report.html",
}  # fmt: skip


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Callable[[str], Path]) -> Config:
    data = planted.write_planted(tmp_path_factory.mktemp("data"), train=16, dev=4, test=5)
    return Config(
        data=str(data),
        model=str(tiny_folder("mistral")),
        dtype="float32",
        device="cpu",
        seed=3,
        train=Recipe(epochs=8, rank=8, alpha=16, learning_rate=5e-3, batch=4, max_length=64, context=8),
        pairs=Pairing(words=12),
        sweep=Sweeping(regions=("first", "last"), shares=(0.2,), factors=(0.0, 4.0), draws=1, test_draws=3),
    )


@pytest.fixture(scope="module")
def first(config: Config, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("runs") / "first"
    return out, run(config, out)


def manifest(out: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((out / "manifest.json").read_text())
    return value


def timeless(value: dict[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key != "timings"}


def check_scores(value: dict[str, Any]) -> None:
    for mode in ("strict", "fuzzy"):
        low, high = value[mode]["ci95"]
        assert 0 <= low <= high <= 1
        assert all(0 <= value[mode][name] <= 1 for name in ("recall", "f1"))
        if value[mode]["precision"] is None:
            assert value[mode]["tp"] + value[mode]["fp"] == 0, "something was predicted, so precision is defined"
        else:
            assert 0 <= value[mode]["precision"] <= 1


def check_difference(value: dict[str, Any]) -> None:
    low, high = value["ci95"]
    assert low <= value["f1"] <= high
    assert 0 < value["p"] <= 1


def test_all_files_are_there(first):
    out, _ = first
    assert {path.name for path in out.iterdir()} == FILES


def test_the_summary_has_what_the_design_says(first, config):
    out, summary = first
    assert json.loads((out / "summary.json").read_text()) == summary
    assert (summary["model"], summary["seed"], summary["data"]) == (config.model, 3, "planted-en")
    for name in ("baseline", "chosen", "random_control", "random_best"):
        check_scores(summary[name])
    assert summary["random_control"]["draws"] == len(summary["random_control"]["f1s"]) == 3
    for name in ("chosen_minus_baseline", "chosen_minus_random_control"):
        check_difference(summary["difference"][name])
    for name in ("on_dev", "chosen_on_dev", "minus_baseline"):
        check_difference(summary["random_best"][name])
    details = json.loads((out / "details.json").read_text())
    assert summary["random_best"]["among"] == len(details["trials"])
    assert any(summary["random_best"]["on_dev"]["f1"] in trial["random_differences"] for trial in details["trials"])
    bins = {entry["label"]: entry["entities"] for entry in summary["noise_cost"]["recall_by_bin"]}
    assert bins["clean"] + bins["light"] + bins["medium"] + bins.get("unknown", 0) == 3 * 5
    assert summary["noise_cost"]["clean_twin"] is None
    assert summary["verdict"].strip().endswith(".")
    assert set(summary["timings"]) >= {"train", "probe", "sweep", "confirm"}


def test_the_summary_says_what_the_predictions_say(first, config):
    out, summary = first
    (gold,) = Path(config.data).glob("*-test-*.tsv")
    for name in ("baseline", "chosen"):
        scores = evaluate(read_hipe(gold), read_hipe(out / f"predictions-{name}.tsv"))
        assert summary[name] == {**summary[name], **to_dict(scores, seed=3)}
    difference = summary["chosen"]["strict"]["f1"] - summary["baseline"]["strict"]["f1"]
    assert summary["difference"]["chosen_minus_baseline"]["f1"] == pytest.approx(difference)
    assert summary["baseline"]["strict"]["f1"] > 0.5, "the planted pattern was not learnt"
    edit = Edit.load(out / "edit.json")
    assert edit.factor == summary["chosen"]["edit"]["factor"]
    assert edit.neurons.count == summary["chosen"]["edit"]["count"]
    assert set(edit.neurons.counts()) <= set(summary["chosen"]["edit"]["layers"])


def test_every_setting_of_the_grid_is_in_the_details(first):
    details = json.loads((first[0] / "details.json").read_text())
    found = sorted((trial["region"], trial["factor"]) for trial in details["trials"])
    assert found == [("first", 0.0), ("first", 4.0), ("last", 0.0), ("last", 4.0)]
    assert all(len(trial["random_differences"]) == 1 for trial in details["trials"])


def test_the_report_opens_offline(first):
    page = (first[0] / "report.html").read_text()
    assert first[1]["verdict"] in page
    assert "<script" not in page
    assert 'src="http' not in page


def test_the_settings_are_kept(first, config):
    assert load_config(first[0] / "run.toml") == config


def test_a_second_call_repeats_no_step(first, config):
    out, summary = first
    steps = manifest(out)["steps"]
    stamps = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    assert timeless(run(config, out)) == timeless(summary)
    again = manifest(out)["steps"]
    assert {name: again[name] for name in ("train", "probe", "sweep", "confirm")} == {
        name: steps[name] for name in ("train", "probe", "sweep", "confirm")
    }
    rewritten = {path.name for path, stamp in stamps.items() if path.stat().st_mtime_ns != stamp}
    assert rewritten <= {"run.toml", "manifest.json", "summary.json", "report.html"}


def test_only_what_depends_on_a_change_is_repeated(first, config, tmp_path):
    out = tmp_path / "copy"
    shutil.copytree(first[0], out)
    before = manifest(out)["steps"]
    wider = replace(config, sweep=replace(config.sweep, factors=(0.0, 4.0, 0.5)))
    said = io.StringIO()
    run(wider, out, Reporter(stream=said))
    assert "train: done before\n" in said.getvalue()
    assert "sweep: done before with other data, settings, weights or another version; done anew\n" in said.getvalue()
    after = manifest(out)["steps"]
    assert {name for name in before if name != "report" and before[name] != after[name]} == {"sweep", "confirm"}
    details = json.loads((out / "details.json").read_text())
    assert len(details["trials"]) == 6


def test_a_run_that_was_stopped_goes_on(config, tmp_path, monkeypatch):
    def crash(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    out, short = tmp_path / "out", replace(config, train=replace(config.train, epochs=1))
    with monkeypatch.context() as patch:
        patch.setattr("ocr_neurons.steps.probe_beside", crash)
        with pytest.raises(KeyboardInterrupt):
            run(short, out)
    done = manifest(out)["steps"]
    assert set(done) == {"train"}
    assert not (out / "summary.json").exists()
    run(short, out)
    assert manifest(out)["steps"]["train"] == done["train"]
    assert {path.name for path in out.iterdir()} == FILES


def test_a_run_begun_with_other_settings_and_stopped_is_not_finished(first, config, tmp_path, monkeypatch):
    def crash(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "out"
    shutil.copytree(first[0], out)
    before = (out / "summary.json").read_bytes()
    wider = replace(config, sweep=replace(config.sweep, factors=(4.0,)))
    with monkeypatch.context() as patch:
        patch.setattr("ocr_neurons.run.confirm", crash)
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                run(wider, out)
    with pytest.raises(UserError, match=r"summary\.json"):
        read_run(out)
    assert (out / "summary-before.json").read_bytes() == before
    run(wider, out)
    assert {path.name for path in out.iterdir()} == FILES


def test_other_attention_in_the_card_of_a_given_tagger_is_seen(first, config, tmp_path):
    tagger, out = tmp_path / "tagger", tmp_path / "given"
    shutil.copytree(first[0] / "tagger", tagger)
    given = replace(config, model=str(tagger))
    run(given, out)
    card = json.loads((tagger / "ocr_neurons.json").read_text())
    card["encoding"]["max_length"] //= 2
    (tagger / "ocr_neurons.json").write_text(json.dumps(card))
    said = io.StringIO()
    run(given, out, Reporter(stream=said))
    assert "every step was done before" not in said.getvalue()


def test_regions_that_the_model_lacks_show_before_it_is_trained(config, tmp_path):
    for region in ("layer-40", "layer-4"):
        other = replace(config, sweep=replace(config.sweep, regions=(region,)))
        with pytest.raises(UserError, match=f"4 layers; region '{region}' given"):
            run(other, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_equal_seeds_give_equal_numbers(first, config, tmp_path):
    out, summary = first
    assert timeless(run(config, tmp_path / "second")) == timeless(summary)
    for name in ("details.json", "pairs.jsonl", "neurons.json", "edit.json", "predictions-chosen.tsv"):
        assert (tmp_path / "second" / name).read_bytes() == (out / name).read_bytes()


def test_a_trained_tagger_can_be_given_as_the_model(first, config, tmp_path):
    given = replace(config, model=str(first[0] / "tagger"))
    summary = run(given, tmp_path / "given")
    assert summary["baseline"] == first[1]["baseline"]
    assert not (tmp_path / "given" / "tagger").exists()
    assert "train" not in summary["timings"]


def test_the_embedded_corpus_and_its_clean_twins_with_a_llama(config, tiny_folder, tmp_path):
    small = replace(
        config,
        data="gazette",
        model=str(tiny_folder("llama")),
        train=replace(config.train, epochs=1, max_length=192, batch=32),
        sweep=replace(config.sweep, regions=("all",), factors=(0.0,)),
    )
    said = io.StringIO()
    summary = run(small, tmp_path / "out", Reporter(stream=said))
    assert summary["data"] == "gazette"
    twin = summary["noise_cost"]["clean_twin"]
    plain, clean = (100 * scores["strict"]["f1"] for scores in (summary["baseline"], twin))
    assert f"on test: {plain:.1f} points of strict F1; without OCR errors {clean:.1f}\n" in said.getvalue()
    check_scores(twin)
    check_difference(twin["difference"])
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "no/such/folder"}, "no/such/folder"),
        ({"data": "no-such-data"}, "no-such-data"),
        ({"pairs": Pairing(words=10_000)}, "10000 words wanted, but the 16 documents hold"),
        ({"device": "gpu"}, "device gpu: unknown"),
        ({"dtype": "float8"}, "dtype float8: unknown"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_written(config, tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        run(replace(config, **changes), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_data_with_types_that_a_given_tagger_lacks(first, config, tmp_path):
    data = planted.write_planted(tmp_path / "data", train=16)
    (test,) = data.glob("*-test-*")
    test.write_text(test.read_text().replace("B-loc", "B-port"))
    with pytest.raises(UserError, match=r"planted-en, test: entity types port are unknown to the tagger"):
        run(replace(config, data=str(data), model=str(first[0] / "tagger")), tmp_path / "out")
    assert not (tmp_path / "out" / "summary.json").exists()


def test_a_foreign_folder_is_not_a_run_folder(config, tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(UserError, match="holds files that are not a run's"):
        run(config, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("change", ["model", "data", "seed"])
def test_a_run_of_another_model_data_set_or_seed_is_not_written_over(first, config, tiny_folder, tmp_path, change):
    """Its tagger may have taken days."""
    shutil.copytree(first[0], tmp_path / "run")
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()}
    shutil.copytree(config.data, tmp_path / "data")
    other = {"model": str(tiny_folder("llama")), "data": str(tmp_path / "data"), "seed": 4}[change]
    with pytest.raises(UserError, match=r"holds a run of .*mistral on .*, seed 3, which would be lost; choose another"):
        run(config.changed(**{change: other}), tmp_path / "run")
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()} == before


def test_a_run_goes_on_in_its_own_precision_alone(first, config, tmp_path):
    """As where a job is started again on a node with another kind of card."""
    shutil.copytree(first[0], tmp_path / "run")
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()}
    with pytest.raises(UserError, match="made in float32, which would be lost in bfloat16; go on with --dtype"):
        run(config.changed(dtype="bfloat16"), tmp_path / "run")
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()} == before


def test_names_of_run_folders_keep_runs_apart():
    usual = Config()
    assert run_name(usual.changed(data="gazette")) == "gazette"
    assert run_name(usual.changed(data="hipe2022:ajmc-en", model="org/Llama-7b")) == "hipe2022-ajmc-en-Llama-7b"
    assert run_name(usual.changed(data="my/pages", seed=2)) == "pages-seed-2"


@pytest.mark.parametrize("missing", ["train", "dev", "test"])
def test_every_split_is_needed(config, tmp_path, missing):
    data = planted.write_planted(tmp_path / "data", **{"train": 1, "dev": 1, "test": 1, missing: 0})
    with pytest.raises(UserError, match=f"no {missing} split"):
        run(replace(config, data=str(data)), tmp_path / "out")
    assert not (tmp_path / "out").exists()
