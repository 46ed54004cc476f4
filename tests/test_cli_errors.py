"""The command line and bad input: one line on standard error, status 2, nothing written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import planted
from ocr_neurons.cli import main
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.text.hipe_tsv import write_hipe


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Callable[[str], Path]) -> Path:
    return planted.workplace(tmp_path_factory.mktemp("cli"), tiny_folder("mistral"))


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must end with status 2, one line on standard error and nothing else; return the line."""

    def run(*arguments: object) -> str:
        capsys.readouterr()
        try:
            status: object = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            status = stop.code
        out, err = capsys.readouterr()
        assert status == 2
        assert out == ""
        assert err.startswith("ocr-neurons: ")
        assert err.count("\n") == 1, err
        assert err.endswith("\n")
        return err

    return run


def listing(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


COMMANDS_THAT_READ = {
    "probe": "probe {x} --model {p}/model --out {o}",
    "rank": "rank {x} --out {o}",
    "tag": "tag {p}/tagger {x} --out {o}",
    "tagger": "tag {x} {p}/gold.tsv --out {o}",
    "edit": "tag {p}/tagger {p}/gold.tsv --edit {x} --out {o}",
    "bake": "bake {p}/tagger {x} --out {o}",
    "bake run": "bake {p}/tagger {p}/edit.json --run {x} --out {o}",
    "edit neurons": "edit {x} --factor 0.5 --out {o}",
    "edit profile": "edit {p}/n.json --operation mean --profile {x} --out {o}",
    "edit after": "edit {p}/n.json --factor 0.5 --after {x} --out {o}",
    "score gold": "score {x} {p}/gold.tsv",
    "score pred": "score {p}/gold.tsv {x}",
    "score against": "score {p}/gold.tsv {p}/gold.tsv --against {x}",
    "sweep": "sweep {p}/tagger {p}/data --neurons {x} --store {o}",
    "train": "train {x} --model {p}/model --out {o}",
    "train model": "train {p}/data --model {x} --out {o}",
    "train config": "train {p}/data --model {p}/model --config {x} --out {o}",
    "pairs": "pairs {x} --out {o}",
    "run config": "run --config {x} --out {o}",
    "run data": "run --data {x} --model {p}/model --out {o}",
    "run model": "run --data {p}/data --model {x} --out {o}",
    "report": "report {x}",
    "show": "data show {x}",
}


JUNK = {"empty": b"", "text": b"shipping news\nof the day\n", "bytes": bytes(range(256)), "json": b'{"a": []}'}


@pytest.fixture(scope="module")
def gold(place: Path) -> Path:
    shutil.copy(next((place / "data").glob("*-test-*")), place / "gold.tsv")
    return place / "gold.tsv"


@pytest.mark.parametrize(
    ("command", "junk"),
    [
        (command, junk)
        for command in COMMANDS_THAT_READ
        for junk in ["absent", "folder", *JUNK]
        # an empty file of settings is one: everything keeps its default
        if not (command.endswith("config") and junk == "empty")
    ],
)
def test_missing_files_and_junk(place, gold, fails, tmp_path, command, junk):
    x = tmp_path / "x.dat"
    if junk == "folder":
        x.mkdir()
    elif junk != "absent":
        content = {
            "empty": b"",
            "text": b"shipping news\nof the day\n",
            "bytes": bytes(range(256)),
            "json": b'{"a": []}',
        }
        x.write_bytes(content[junk])
    before = listing(place)
    line = fails(*COMMANDS_THAT_READ[command].format(x=x, p=place, o=tmp_path / "out").split())
    assert "x.dat" in line
    assert not (tmp_path / "out").exists()
    assert listing(tmp_path) <= {"x.dat"}
    assert listing(place) == before


def test_a_wrong_number_of_columns(place, fails, tmp_path):
    text = (next((place / "data").glob("*-test-*"))).read_text().split("\n")
    text[5] = text[5].rpartition("\t")[0]
    (tmp_path / "bad.tsv").write_text("\n".join(text))
    line = fails("tag", place / "tagger", tmp_path / "bad.tsv", "--out", tmp_path / "out.tsv")
    assert "bad.tsv, line 6: 9 columns; wanted 10" in line
    assert listing(tmp_path) == {"bad.tsv"}


def test_an_unknown_hub_model(place, fails, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for line in (
        ["run", "--data", place / "data", "--model", "nobody/no-such-model-here", "--out", tmp_path / "out"],
        ["train", place / "data", "--model", "nobody/no-such-model-here", "--out", tmp_path / "out"],
        ["probe", place / "p.jsonl", "--model", "nobody/no-such-model-here", "--out", tmp_path / "out"],
    ):
        assert "nobody/no-such-model-here" in fails(*line)
        assert listing(tmp_path) == set()


def test_labels_that_the_tagger_lacks(place, fails, tmp_path):
    data = planted.write_planted(tmp_path / "data", train=1)
    for path in data.iterdir():
        path.write_text(path.read_text().replace("B-loc", "B-port"))
    line = fails("sweep", place / "tagger", data, "--neurons", place / "n.json", "--store", tmp_path / "s.db")
    assert "entity types port are unknown to the tagger (it knows loc, pers)" in line
    assert not (tmp_path / "s.db").exists()


def test_data_without_entities_and_empty_splits(place, fails, tmp_path):
    bare = [document.with_labels(["O"] * len(document.tokens)) for document in planted.planted(3, 0)]
    write_hipe(tmp_path / "bare" / "x-train-en.tsv", bare)
    shutil.copytree(place / "data", tmp_path / "gap")
    next((tmp_path / "gap").glob("*-dev-*")).unlink()
    neurons = ["--neurons", place / "n.json", "--store", tmp_path / "s.db"]
    train = ["--model", place / "model", "--out", tmp_path / "out"]
    assert "no entity in the 3 documents" in fails("train", tmp_path / "bare", *train)
    assert "no entity in the 3 documents" in fails("run", "--data", tmp_path / "bare", *train)
    assert "no train split" in fails("train", next((place / "data").glob("*-dev-*")), *train)
    assert "no dev split" in fails("sweep", place / "tagger", tmp_path / "gap", *neurons)
    assert "no dev split" in fails("run", "--data", tmp_path / "gap", *train)
    assert listing(tmp_path) == {"bare", "bare/x-train-en.tsv", "gap"} | {f"gap/{p}" for p in listing(tmp_path / "gap")}


def test_predictions_for_other_documents(place, gold, fails):
    assert "wanted the same documents" in fails("score", gold, next((place / "data").glob("*-dev-*")))


def test_an_edit_of_another_model(place, gold, fails, tmp_path):
    Edit(NeuronSet("x", "neuron", 30, 1536, {3: (1, 2)}), 0.5).save(tmp_path / "edit.json")
    for line in (
        ["tag", place / "tagger", gold, "--edit", tmp_path / "edit.json", "--out", tmp_path / "out"],
        ["bake", place / "tagger", tmp_path / "edit.json", "--out", tmp_path / "out"],
    ):
        assert "neurons of a model of 30 layers x 1536 given, this model has 4 x 48" in fails(*line)
        assert listing(tmp_path) == {"edit.json"}


def test_too_few_ranked_neurons(place, fails, tmp_path):
    NeuronSet.load(place / "n.json").top(5).save(tmp_path / "n.json")
    line = fails("sweep", place / "tagger", place / "data", "--neurons", tmp_path / "n.json", "--store", tmp_path / "s")
    assert "rank more" in line
    assert listing(tmp_path) == {"n.json"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "COMMAND"),
        (["sing"], "invalid choice: 'sing'"),
        (["run", "--colour", "red"], "unrecognized arguments: --colour red"),
        (["run", "--seed", "one"], "invalid int value: 'one'"),
        (["rank", "p"], "required: --out"),
        (["rank", "p", "--method", "magic", "--out", "o"], "method 'magic' given"),
        (["data", "show"], "arguments are required: name"),
        (["data", "burn"], "invalid choice: 'burn'"),
        (["pairs", "gazette", "--noise", "loud", "--out", "o"], "noise model 'loud': no such file; nearest: de"),
        (["pairs", "gazette", "--protocol", "loud", "--out", "o"], "protocol 'loud' is unknown"),
        (["pairs", "gazette", "--split", "loud", "--out", "o"], "split 'loud'"),
        (["pairs", "gazette", "--words", "0", "--out", "o"], "0 words"),
        (["run", "--data", "gazete"], "nearest: gazette"),
    ],
)
def test_options_that_make_no_sense(fails, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert message in fails(*arguments)
    assert listing(tmp_path) == set()


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--count", "0"], "count 0 given; wanted 1 to 192"),
        (["--count", "193"], "count 193 given; wanted 1 to 192"),
        (["--share", "2"], "share 2.0 given"),
        (["--threshold", "1.3"], "threshold 1.3 given"),
        (["--group", "faint"], "'faint'"),
        (
            ["--method", "effect", "--threshold", "2"],
            "--threshold 2.0 given, which does nothing here (ranking by effect)",
        ),
        (["--count", "9", "--share", "0.5"], "--share 0.5 given, which does nothing here"),
    ],
)
def test_ranking_out_of_range(place, fails, tmp_path, extra, message):
    assert message in fails("rank", place / "p.safetensors", "--out", tmp_path / "n.json", *extra)
    assert listing(tmp_path) == set()


def test_places_that_cannot_be_written(place, gold, fails, tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter").write_text("mine")
    before = listing(tmp_path)
    tagger = place / "tagger"
    for line in (
        ["pairs", place / "data", "--words", "3", "--out", tmp_path / "file" / "p.jsonl"],
        ["pairs", place / "data", "--words", "3", "--out", tmp_path / "full"],
        ["tag", tagger, gold, "--out", tmp_path / "full"],
        ["bake", tagger, place / "edit.json", "--out", tmp_path / "full"],
        ["bake", tagger, place / "edit.json", "--out", tmp_path / "file"],
        ["train", place / "data", "--model", place / "model", "--out", tmp_path / "full"],
        ["train", place / "data", "--model", place / "model", "--out", tmp_path / "file"],
        ["run", "--data", place / "data", "--model", tagger, "--out", tmp_path / "full"],
        ["run", "--data", place / "data", "--model", tagger, "--out", tmp_path / "file"],
    ):
        message = fails(*line)
        assert str(tmp_path) in message
        assert ".part" not in message
        assert listing(tmp_path) == before
