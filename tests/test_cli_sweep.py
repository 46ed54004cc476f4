"""The command ``sweep``: lists, rankings, presets, workers, screening, and input that makes no sense."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch

import planted
from ocr_neurons.cli import main
from ocr_neurons.commands_sweep import Found, gain_on_dev
from ocr_neurons.ner.model import load_tagger, save_whole
from ocr_neurons.rank.gains import Gains
from ocr_neurons.score.counts import Counts
from ocr_neurons.score.evaluate import Scores, evaluate
from ocr_neurons.score.intervals import compare
from ocr_neurons.sweep import sweep as sweep_room
from ocr_neurons.sweep.choose import choose
from ocr_neurons.sweep.confirm import Confirmation
from ocr_neurons.sweep.database import file_url
from ocr_neurons.sweep.grid import Setting
from ocr_neurons.sweep.store import Trial


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Callable[[str], Path]) -> Path:
    """A tagger that was never trained, data, two rankings, a list of settings."""
    root = tmp_path_factory.mktemp("sweep")
    tagger = planted.untrained(tiny_folder("mistral"), seed=7)  # one that finds something
    encoding = tagger.encoding.to_json()
    card = {"labels": planted.LABELS, "attention": "bidirectional", "base": "tiny", "encoding": encoding}
    save_whole(tagger, root / "tagger", card)
    planted.write_planted(root / "data", train=0, dev=6, test=4)
    for number, name in enumerate(("one", "two")):
        planted.everything_ranked(seed=number).save(root / f"{name}.json")
    listed = [{"region": "layer-1", "count": 20, "factor": 0}, {"region": "last", "count": 9, "factor": 3.0, "draw": 4}]
    (root / "list.json").write_text(json.dumps(listed))
    (root / "mean.json").write_text(json.dumps([listed[0] | {"factor": 1, "operation": "mean"}]))
    return root


@pytest.fixture
def swept(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run ``sweep`` with more options; its JSON, or the one line of its error."""

    def run(*more: object, status: int = 0) -> Any:
        options = list(map(str, more))
        if "--neurons" not in options:
            options += ["--neurons", str(place / "one.json")]
        line = ["sweep", str(place / "tagger"), str(place / "data"), "--store", str(tmp_path / "s.db"), "--json"]
        assert main([*line, "--dtype", "float32", "--quiet", *options]) == status
        out, err = capsys.readouterr()
        if not status:
            return json.loads(out)
        assert out == ""
        lines = [line for line in err.splitlines() if not line.startswith("warning: ")]
        assert len(lines) == 1
        return lines[0]

    return run


def test_a_list_of_settings(swept, place, tmp_path):
    found = swept("--settings", place / "list.json")
    assert [(row["region"], row["count"], row["factor"]) for row in found["settings"]] == [("layer-1", 20, 0.0)]
    assert found["best"]["region"] == "layer-1"
    trials = optuna.load_study(study_name="sweep", storage=file_url(tmp_path / "s.db")).trials
    assert sorted((trial.params["count"], trial.params["draw"]) for trial in trials) == [(9, 4), (20, -1)]


def test_layers_of_a_list_of_settings(swept, place, tmp_path):
    (tmp_path / "some.json").write_text(json.dumps([{"region": "layers-0-1,3", "count": 30, "factor": 0}]))
    found = swept("--settings", tmp_path / "some.json")
    setting = Setting(found["best"]["region"], 30, 0.0)
    ranked = planted.everything_ranked(seed=0)
    assert set(setting.neurons(ranked, 1).indices) == {0, 1, 3}
    assert setting.describe(4) == "30 most sensitive neurons of layers 0-1, 3 times 0"


def test_random_sets_beside_a_list_when_asked(swept, place, tmp_path):
    found = swept("--settings", place / "list.json", "--draws", 2)
    assert [(row["count"], row["random_draws"]) for row in found["settings"]] == [(20, 2)]
    trials = optuna.load_study(study_name="sweep", storage=file_url(tmp_path / "s.db")).trials
    assert sorted((trial.params["count"], trial.params["draw"]) for trial in trials) == [
        (9, 4),
        (20, -1),
        (20, 0),
        (20, 1),
    ]
    assert "--draws -1 given; wanted 0 or more" in swept("--settings", place / "list.json", "--draws", -1, status=2)


def test_two_rankings_beside_each_other(swept, place):
    found = swept(
        "--preset", "every-layer", "--draws", 0, "--neurons", place / "one.json", "--neurons", place / "two.json"
    )
    assert [row["ranking"] for row in found["settings"]].count("one") == 12
    assert len(found["settings"]) == 24
    by_ranking = [[row["f1"] for row in found["settings"] if row["ranking"] == name] for name in ("one", "two")]
    assert by_ranking[0] != by_ranking[1]


def test_two_workers_score_what_one_would(swept, place):
    found = swept("--preset", "every-layer", "--workers", 2)
    tagger = load_tagger(place / "tagger", dtype=torch.float32, device=torch.device("cpu"))
    dev = planted.planted(6, 1)
    ranked = planted.everything_ranked(seed=0)
    assert len(found["settings"]) == 12
    for row in found["settings"]:
        setting = Setting(row["region"], row["count"], row["factor"])
        with setting.edit(ranked, 1).on(tagger.model):
            assert row["f1"] == evaluate(dev, tagger.tag(dev)).total().f1
        assert row["random_draws"] == 1


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(("gigabytes", "place_of"), [("0", "on disk"), ("1", "of memory")])
def test_memory_is_told_beforehand(place, tmp_path, capsys, monkeypatch, workers, gigabytes, place_of):
    """Workers are left out here; what they are told is in the job."""
    jobs: list[Any] = []
    monkeypatch.setattr("ocr_neurons.sweep.workers.run_workers", lambda job, *_: jobs.append(job))
    line = f"sweep {place}/tagger {place}/data --neurons {place}/one.json --store {tmp_path}/s.db --dtype float32"
    more = f"--settings {place}/list.json --workers {workers} --memory {gigabytes} --prune --json"
    assert main([*line.split(), *more.split()]) == 0
    said = capsys.readouterr().err.splitlines()
    tagger = load_tagger(place / "tagger", dtype=torch.float32, device=torch.device("cpu"))
    cells = sum(batch.ids.numel() for batch in tagger.prepare(planted.planted(6, 1)).batches)
    told = f"states kept between settings take {cells * 32 * 4 / 1e6:,.1f} MB {place_of}"
    each = {1: f"sweep: {told}", 2: f"sweep: 2 workers; {told} in each"}
    assert each[workers] in said
    assert [(job.prune, job.memory) for job in jobs] == [(True, int(float(gigabytes) * 1e9))] * (workers - 1)


def test_prune_reaches_the_sweep(place, tmp_path, capsys, monkeypatch):
    asked: list[bool] = []
    score = sweep_room.sweep
    monkeypatch.setattr(sweep_room, "sweep", lambda *a, **k: asked.append(k.get("prune", False)) or score(*a, **k))
    line = f"sweep {place}/tagger {place}/data --neurons {place}/one.json --dtype float32 --quiet"
    for number, more in enumerate(([], ["--prune"])):
        where = ["--settings", str(place / "list.json"), "--store", str(tmp_path / f"{number}.db")]
        assert main([*line.split(), *where, *more]) == 0
    assert asked == [False, True]


def test_screening_scores_a_part_and_says_how_well_it_predicted(swept, place, tmp_path, capsys):
    gains = tmp_path / "g.safetensors"
    line = ["attribute", place / "tagger", place / "data", "--split", "dev", "--gains", gains]
    assert main([*map(str, line), "--dtype", "float32", "--quiet", "--out", str(tmp_path / "a.safetensors")]) == 0
    capsys.readouterr()
    found = swept("--preset", "every-layer", "--screen", gains, "--screen-share", 0.5)
    assert len(found["settings"]) == 6
    assert -1 <= found["screening"] <= 1


def test_screening_by_test_is_refused_and_by_another_tagger_warned_of(place, tmp_path, capsys):
    made = []
    for split in ("test", "dev"):
        gains = tmp_path / f"{split}.safetensors"
        line = ["attribute", place / "tagger", place / "data", "--split", split, "--gains", gains]
        assert main([*map(str, line), "--dtype", "float32", "--quiet", "--out", str(tmp_path / split)]) == 0
        made += [gains, tmp_path / split]
    line = (
        f"sweep {place}/tagger {place}/data --preset thirds --neurons {place}/one.json --dtype float32 --quiet".split()
    )
    for path in made[:2]:
        capsys.readouterr()
        assert main([*line, "--store", str(tmp_path / "s.db"), "--screen", str(path)]) == 2
        assert f"{path}: made on test, which must not choose what is scored" in capsys.readouterr().err
    other = Gains.load(made[2])
    replace(other, about=other.about | {"fingerprint": "0123456789abcdef"}).save(tmp_path / "other.safetensors")
    for path, warned in ((made[2], False), (made[3], False), (tmp_path / "other.safetensors", True)):
        assert main([*line, "--store", str(tmp_path / "s.db"), "--screen", str(path), "--screen-share", "0.1"]) == 0
        assert ("made with another tagger than this one" in capsys.readouterr().err) is warned


def test_what_a_grid_names_twice_is_one_setting(swept, place, tmp_path):
    (tmp_path / "c.toml").write_text('[sweep]\nregions = ["last", "last"]\nshares = [0.1]\nfactors = [0.5, 2, 0.5]\n')
    found = swept("--config", tmp_path / "c.toml")
    assert [(row["region"], row["factor"]) for row in found["settings"]] == [("last", 0.5), ("last", 2.0)]


@pytest.mark.parametrize("more", [[], ["--workers", 2]])
def test_neurons_of_a_deeper_model_are_one_line(swept, place, tmp_path, more):
    ranked = planted.everything_ranked(seed=0)
    deeper = replace(
        ranked,
        layers=8,
        indices={n: ranked.indices[n % 4] for n in range(8)},
        scores={n: ranked.scores[n % 4] for n in range(8)},
    )
    deeper.save(tmp_path / "deep.json")
    said = swept("--preset", "layer-25", "--neurons", tmp_path / "deep.json", *more, status=2)
    assert "neurons of a model of 8 layers x 48 given, this model has 4 x 48" in said


def test_test_is_confirmed_in_the_precision_of_dev(swept, place):
    """Scores of two precisions are not compared, even when dev is done and nothing of it is left to score."""
    assert swept("--preset", "thirds")["settings"]
    said = swept("--preset", "thirds", "--confirm", "--dtype", "bfloat16", status=2)
    assert "holds trials of weights of another precision (dtype); say --dtype float32, or choose another store" in said
    assert swept("--preset", "thirds", "--confirm")["test"]["verdict"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--preset", "each-layer"], "preset 'each-layer' given; wanted one of .*nearest: every-layer"),
        (["--absolute"], "--absolute given without --preset"),
        (["--preset", "thirds", "--settings", "{0}/list.json"], "--settings and --preset given; wanted one of them"),
        (["--settings", "{}/none.json"], "none.json: no such file; wanted a list of settings"),
        (["--settings", "{}/one.json"], "one.json: wanted a list of settings"),
        (["--settings", "{}/mean.json"], "operation 'mean' given without a profile"),
        (["--memory", "inf"], "--memory inf, .*wanted .*memory of 0 or more GB"),
        (["--memory", "nan"], "--memory nan, "),
        (["--workers", "0"], "--workers 0, .*wanted at least 1 worker"),
        (["--heartbeat", "9", "--grace", "5"], "--heartbeat 9, --grace 5 given; .*a grace above the heartbeat"),
        (["--preset", "thirds", "--draws", "-2"], "-2 draws given"),
        (["--preset", "thirds", "--screen", "{}/one.json"], "not gain gradients"),
        (["--preset", "thirds", "--neurons", "{0}/one.json", "--neurons", "{0}/one.json"], "two files of one name"),
    ],
)
def test_input_that_makes_no_sense(swept, place, tmp_path, options, message):
    assert re.search(message, swept(*(option.format(place) for option in options), status=2))
    assert not (tmp_path / "s.db").exists()


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        ([], "wanted a list of settings"),
        ([{"region": "last", "count": 1}], "1: not a setting .*missing.*factor"),
        ([{"region": "last", "count": 1, "factor": 1, "colour": 2}], "not a setting .*colour"),
        ([{"region": "end", "count": 1, "factor": 1}], "region 'end' given"),
        ([{"region": "layer-4", "count": 1, "factor": 1}], "wanted layer-0 to layer-3"),
        ([{"region": "last", "count": 0, "factor": 1}], "count 0, draw -1; wanted whole numbers"),
        ([{"region": "last", "count": 1.5, "factor": 1}], "count 1.5"),
        ([{"region": "last", "count": 1, "factor": -1}], "factor -1; wanted a finite number"),
        ([{"region": "last", "count": "1", "factor": 1}], "wanted numbers"),
        ([{"region": "last", "count": 1, "factor": 1, "operation": "melt"}], "operation 'melt' given"),
        ([{"region": "last", "count": 1, "factor": 1, "ranking": "two"}], "ranking 'two' given; wanted one of ''"),
        ([{"region": "last", "count": 999, "factor": 1}], "999 neurons asked for"),
        (
            [{"region": "last", "count": 9, "factor": 1e39}, {"region": "last", "count": 9, "factor": 2}],
            "factor 1e\\+39",
        ),
        ([{"region": "last", "count": 9, "factor": 2, "draw": 0}], "random draws alone; wanted settings of ranked"),
    ],
)
def test_lists_that_make_no_sense(swept, tmp_path, listed, message):
    (tmp_path / "list.json").write_text(json.dumps(listed))
    assert re.search(message, swept("--settings", tmp_path / "list.json", status=2))
    assert not (tmp_path / "s.db").exists()


def test_the_verdict_speaks_of_the_setting_that_was_scored():
    """Test was scored for a setting that lost on dev; a later call to the same store found one that gains."""

    def scores(hits):
        table = tuple({"LOC": Counts(n, 1, 10 - n)} for n in hits)
        return Scores(("a", "b"), table, table)

    baseline = scores((5, 5))
    then, now = Trial(Setting("last", 10, 4.0), scores((4, 4))), Trial(Setting("last", 10, 0.0), scores((8, 8)))
    best, gain = choose([then, now], baseline, 1)
    confirmed = Confirmation(then.setting, baseline, scores((5, 5)), (), baseline)
    lost = gain_on_dev(then.setting, [then, now], baseline, 1)
    assert (best, lost.f1) == (now, compare(then.scores, baseline).f1)
    found = Found(baseline, [], best, gain, confirmed, 4, 1, None, lost)
    said = (
        "Nothing was gained: no setting improved dev, and the one that lost least, 10 most sensitive neurons of layer 3"
    )
    assert found.text().splitlines()[-1].startswith(said)
    assert found.to_json()["test"]["verdict"].startswith(said)
    assert gain_on_dev(Setting("first", 1, 0.0), [then, now], baseline, 1) is None
