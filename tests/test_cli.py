"""The command line: each command's way through."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import planted
from ocr_neurons.cli import main
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.ner.model import load_tagger
from ocr_neurons.probe.profile_file import load_profile
from ocr_neurons.score.evaluate import evaluate
from ocr_neurons.text.hipe_tsv import read_hipe
from ocr_neurons.text.pairs import read_pairs


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Callable[[str], Path]) -> Path:
    return planted.workplace(tmp_path_factory.mktemp("cli"), tiny_folder("mistral"))


def test_pairs_probe_and_rank(place):
    pairs = read_pairs(place / "p.jsonl")
    assert len(pairs) == 36
    assert len({pair.clean for pair in pairs}) == 12
    profile = load_profile(place / "p.safetensors")
    assert (profile.layers, profile.width, int(profile.pairs.sum())) == (4, 48, 36)
    ranked = NeuronSet.load(place / "n.json")
    assert ranked.counts() == dict.fromkeys(range(4), 48)
    assert ranked.model == profile.about["fingerprint"]


def test_probing_a_bare_model_differs_from_probing_the_tagger(place, tmp_path):
    line = ["probe", place / "p.jsonl", "--model", place / "model", "--out", tmp_path / "bare", "--quiet"]
    assert main([*map(str, line), "--dtype", "float32"]) == 0
    bare, own = load_profile(tmp_path / "bare"), load_profile(place / "p.safetensors")
    assert bare.arrays["sums"].shape == own.arrays["sums"].shape
    assert bare.about["fingerprint"] != own.about["fingerprint"]


def test_rank_by_the_papers_rule(place, tmp_path, capsys):
    assert main(["rank", str(place / "p.safetensors"), "--share", "0.5", "--out", str(tmp_path / "n.json")]) == 0
    chosen, shares = NeuronSet.load(tmp_path / "n.json"), load_profile(place / "p.safetensors").share(1.0)
    assert chosen.count == (shares >= 0.5).sum()
    assert f"{chosen.count} neurons" in capsys.readouterr().err


def test_sweep_and_confirm(place, tmp_path, capsys):
    line = ["sweep", place / "tagger", place / "data", "--neurons", place / "n.json", "--store", tmp_path / "s.db"]
    line += ["--config", place / "c.toml", "--dtype", "float32", "--quiet"]
    assert main([*map(str, line), "--confirm", "--csv", str(tmp_path / "s.csv")]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said.pop(0).startswith("Points of strict F1 on dev")
    assert [text.split()[:2] for text in said[:3]] == [["neurons", "where"], ["10", "last"], ["10", "last"]]
    assert [text.partition(":")[0] for text in said[4:-1]] == [
        "baseline on dev",
        "best on dev",
        "the best on dev of 2 settings of random neurons",
        "on test, minus baseline",
        "on test, minus the mean of 3 random draws",
        said[9].partition(":")[0],
        said[10].partition(":")[0],
    ]
    assert said[9].startswith("on test, the opposite edit (times ")
    drawn = said[6].split(": ")[1]
    assert drawn.startswith("10 random neurons of ")
    assert said[10].startswith(f"on test, {drawn}, the best random ones on dev, minus baseline: ")
    (dev,) = (place / "data").glob("*-dev-*")
    tagger = load_tagger(place / "tagger", dtype=torch.float32, device=torch.device("cpu"))
    gold = read_hipe(dev)
    f1 = 100 * evaluate(gold, tagger.tag(gold)).total().f1
    assert said[4] == f"baseline on dev: {f1:.1f} points of strict F1"
    # the same store again, given as a URL: nothing is scored anew, and another seed is refused
    line[line.index("--store") + 1] = f"sqlite:///{tmp_path / 's.db'}"
    assert main([*map(str, line)]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == said[:7]
    figure = ["--figure", str(tmp_path / "s.svg")]
    assert main([*map(str, line), "--confirm", "--json", *figure]) == 0
    assert "Random neurons (one draw)" in (tmp_path / "s.svg").read_text()
    value = json.loads(capsys.readouterr().out)
    assert value["test"]["verdict"] == said[-1]
    with (tmp_path / "s.csv").open() as stream:
        table = list(csv.DictReader(stream))
    assert [row["factor"] for row in table] == [str(row["factor"]) for row in value["settings"]] == ["0.0", "4.0"]
    assert [float(row["f1"]) for row in table] == [row["f1"] for row in value["settings"]]
    assert main([*map(str, line), "--seed", "2"]) == 2
    assert "holds trials of another model" in capsys.readouterr().err


def test_tag_score_and_bake(place, tmp_path, capsys):
    (gold,) = (place / "data").glob("*-test-*")
    for name, extra in (("plain", []), ("edited", ["--edit", str(place / "edit.json")])):
        line = ["tag", place / "tagger", gold, "--out", tmp_path / f"{name}.tsv", "--dtype", "float32", "--quiet"]
        assert main([*map(str, line), *extra]) == 0
    plain, edited = read_hipe(tmp_path / "plain.tsv"), read_hipe(tmp_path / "edited.tsv")
    assert [[t.text for t in d.tokens] for d in plain] == [[t.text for t in d.tokens] for d in read_hipe(gold)]
    assert plain != edited, "the edit changes nothing, so this shows nothing"

    capsys.readouterr()
    line = ["score", gold, tmp_path / "plain.tsv", "--against", tmp_path / "edited.tsv", "--noise-bins"]
    assert main([*map(str, line), "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    scores = [evaluate(read_hipe(gold), documents).total().f1 for documents in (plain, edited)]
    assert value["strict"]["f1"] == scores[0] > 0.5
    (against,) = value["against"].values()
    assert against["strict"]["ALL"]["f1"] == pytest.approx(scores[0] - scores[1])
    assert sum(entry["entities"] for entry in value["noise_bins"]) == 15
    assert main([*map(str, line)]) == 0
    table = capsys.readouterr().out
    assert f"{scores[0]:.3f}" in table
    assert "LED" in table
    assert "Holm" in table

    line = ["bake", place / "tagger", place / "edit.json", "--out", tmp_path / "baked", "--dtype", "float32"]
    assert main([*map(str, line), "--quiet"]) == 0
    line = ["tag", tmp_path / "baked", gold, "--out", tmp_path / "baked.tsv", "--dtype", "float32", "--quiet"]
    assert main([*map(str, line)]) == 0
    assert (tmp_path / "baked.tsv").read_bytes() == (tmp_path / "edited.tsv").read_bytes()


def test_several_files_are_tagged_into_one(place, tmp_path, capsys):
    files = sorted((place / "data").glob("*.tsv"))
    line = ["tag", place / "tagger", *files, "--out", tmp_path / "all.tsv", "--dtype", "float32"]
    assert main([*map(str, line)]) == 0
    assert "in 25 documents" in capsys.readouterr().err
    assert len(read_hipe(tmp_path / "all.tsv")) == 25


def test_run_and_report(place, tmp_path, capsys):
    out = tmp_path / "run"
    line = ["run", "--data", place / "data", "--model", place / "tagger", "--config", place / "c.toml", "--out", out]
    assert main([*map(str, line), "--quiet", "--seed", "4"]) == 0
    said = capsys.readouterr()
    summary = json.loads((out / "summary.json").read_text())
    assert (said.out.strip(), said.err) == (summary["verdict"], "")
    assert summary["seed"] == 4
    page = (out / "report.html").read_text()
    (out / "report.html").unlink()
    line = ["report", out, "--out", tmp_path / "page.html", "--figures", tmp_path / "figures"]
    assert main([*map(str, line)]) == 0
    assert (tmp_path / "page.html").read_text().count("<svg") == page.count("<svg") > 0
    assert list((tmp_path / "figures").glob("*.png"))


def test_a_page_is_not_written_over_what_it_is_made_from(place, tmp_path, capsys):
    out = tmp_path / "run"
    line = ["run", "--data", place / "data", "--model", place / "tagger", "--config", place / "c.toml", "--out", out]
    assert main([*map(str, line), "--quiet"]) == 0
    kept = (out / "summary.json").read_bytes()
    capsys.readouterr()
    assert main(["report", str(out), "--out", str(out / "summary.json")]) == 2
    assert "is there and no page" in capsys.readouterr().err
    assert (out / "summary.json").read_bytes() == kept
    # the tagger was given: settings of a training that did not happen are not shown, its own are
    page = (out / "report.html").read_text()
    assert "train.epochs" not in page
    assert "tagger.epochs" in page


def test_data_sets_are_listed_and_shown(place, capsys):
    assert main(["data", "list"]) == 0
    assert "gazette" in capsys.readouterr().out.split()
    assert main(["data", "show", str(place / "data"), "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert [value["facts"][name]["documents"] for name in ("train", "dev", "test")] == [16, 4, 5]


def test_version_and_help(capsys):
    for arguments in (["--version"], ["--help"], ["run", "--help"], ["sweep", "--help"]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 0
        assert "ocr-neurons" in capsys.readouterr().out


def test_as_a_program(place, tmp_path):
    """The exit status, the streams and a closed pipe, as the shell sees them."""

    def start(*arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "ocr_neurons.cli", *map(str, arguments)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    bad = start("rank", tmp_path / "absent", "--out", tmp_path / "n.json")
    reader = start("data", "show", place / "data")
    assert reader.stdout is not None
    reader.stdout.close()
    out, err = bad.communicate()
    assert (bad.returncode, out) == (2, "")
    assert (
        err == f"ocr-neurons: {tmp_path / 'absent'}: no such file; wanted a profile, as `ocr-neurons probe` writes it\n"
    )
    assert reader.stderr is not None
    assert reader.stderr.read() == ""
    reader.stderr.close()
    assert reader.wait() == 0
