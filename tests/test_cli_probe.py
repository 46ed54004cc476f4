"""The commands of probing and ranking: parts and wholes, controls, methods, bad input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

import planted
from ocr_neurons.cli import main
from ocr_neurons.commands_probe import layers, shard
from ocr_neurons.common.errors import UserError
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.ner.model import save_whole
from ocr_neurons.probe import chunks
from ocr_neurons.probe.profile_file import load_profile
from ocr_neurons.probe.profiles import Profiles
from ocr_neurons.rank.beyond import scored
from ocr_neurons.rank.methods import score
from ocr_neurons.rank.scored_file import load_scored
from ocr_neurons.text.pairs import TextPair, read_pairs, write_pairs


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Callable[[str], Path]) -> Path:
    root = tmp_path_factory.mktemp("probing")
    (root / "model").symlink_to(tiny_folder("llama"))
    planted.write_planted(root / "data")
    assert do("pairs", root / "data", "--words", 20, out=root / "p.jsonl") == 0
    assert probe(root, root / "p.st") == 0
    return root


def do(*arguments: object, out: Path) -> int:
    return main([*map(str, arguments), "--out", str(out), "--quiet"])


def probe(place: Path, out: Path, *more: object, pairs: Path | None = None) -> int:
    given = pairs or place / "p.jsonl"
    return do("probe", given, "--model", place / "model", "--dtype", "float32", "--device", "cpu", *more, out=out)


def test_parts_merge_into_the_whole(place, tmp_path, monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK", 12)
    assert probe(place, tmp_path / "whole") == 0
    for part in ("1/2", "2/2"):
        assert probe(place, tmp_path / part[0], "--shard", part) == 0
    assert do("merge", tmp_path / "2", tmp_path / "1", out=tmp_path / "both") == 0
    whole, both = load_profile(tmp_path / "whole"), load_profile(tmp_path / "both")
    assert 0 < load_profile(tmp_path / "1").pairs.sum() < 60
    for name, array in whole.arrays.items():
        np.testing.assert_allclose(both.arrays[name], array, rtol=1e-9, atol=1e-12, err_msg=name)


def test_one_part_twice_is_refused(place, tmp_path, capsys):
    assert do("merge", place / "p.st", place / "p.st", out=tmp_path / "both") == 2
    assert "given twice" in capsys.readouterr().err
    assert not (tmp_path / "both").exists()


def test_some_layers_of_another_site(place, tmp_path):
    assert probe(place, tmp_path / "up", "--site", "up", "--layers", "1-2") == 0
    profile = load_profile(tmp_path / "up")
    assert (profile.layers, profile.width, profile.about["read"], profile.about["site"]) == (2, 48, [1, 2], "up")
    assert do("rank", tmp_path / "up", "--method", "size", "--count", 5, out=tmp_path / "n.json") == 0
    found = NeuronSet.load(tmp_path / "n.json")
    assert (found.layers, found.count, found.site) == (4, 5, "up")
    assert set(found.counts()) <= {1, 2}


def test_regions_are_those_of_the_whole_model(place, tmp_path, capsys):
    assert probe(place, tmp_path / "up", "--site", "up", "--layers", "2-3") == 0
    capsys.readouterr()
    line = ["rank", str(tmp_path / "up"), "--method", "size", "--count", "40", "--out", str(tmp_path / "n.json")]
    assert main(line) == 0
    said = capsys.readouterr().err
    counts = NeuronSet.load(tmp_path / "n.json").counts()
    assert f"last (layers 3): {counts.get(3, 0)}" in said
    assert f"all (layers 0-3): {sum(counts.values())}" in said
    assert "first (layers 0)" not in said


def test_the_papers_rule_within_one_level(place, tmp_path):
    profile = load_profile(place / "p.st")
    for level in profile.levels:
        assert do("rank", place / "p.st", "--group", level, "--share", 0.5, out=tmp_path / f"{level}.json") == 0
        wanted = profile.share(1.0, level) >= 0.5
        found = NeuronSet.load(tmp_path / f"{level}.json")
        assert found.counts() == {layer: int(row.sum()) for layer, row in enumerate(wanted) if row.any()}


def test_a_control_is_another_change_of_the_same_words(place, tmp_path):
    assert do("control", place / "p.jsonl", out=tmp_path / "c.jsonl") == 0
    real, other = read_pairs(place / "p.jsonl"), read_pairs(tmp_path / "c.jsonl")
    by_key = {(p.clean, p.level, p.left): p.noisy for p in real}
    assert len(other) == len(real)
    assert all(by_key[p.clean, p.level, p.left] not in (p.noisy, p.clean) for p in other)
    assert probe(place, tmp_path / "c.st", pairs=tmp_path / "c.jsonl") == 0
    line = ("rank", place / "p.st", "--method", "effect", "--control", tmp_path / "c.st", "--count", 10)
    assert do(*line, out=tmp_path / "n.json") == 0
    chosen = NeuronSet.load(tmp_path / "n.json")
    assert (chosen.count, chosen.method["name"]) == (10, "specific effect")
    gain = np.abs(load_profile(place / "p.st").effect()) - np.abs(load_profile(tmp_path / "c.st").effect())
    ((layer, (neuron,)),) = chosen.top(1).indices.items()
    assert (layer, neuron) == np.unravel_index(gain.argmax(), gain.shape)


@pytest.mark.parametrize("method", ["paper", "effect", "size", "auroc", "dose"])
def test_every_method_ranks_all_neurons(place, tmp_path, method):
    assert do("rank", place / "p.st", "--method", method, "--count", 192, out=tmp_path / "n.json") == 0
    assert NeuronSet.load(tmp_path / "n.json").counts() == dict.fromkeys(range(4), 48)


def test_what_the_originals_code_would_edit(place, tmp_path):
    line = ("rank", place / "p.st", "--method", "size", "--count", 20)
    assert do(*line, out=tmp_path / "n.json") == 0
    assert do(*line, "--legacy", "random-neurons", "--seed", 4, out=tmp_path / "r.json") == 0
    found, drawn = NeuronSet.load(tmp_path / "n.json"), NeuronSet.load(tmp_path / "r.json")
    assert drawn.counts() == found.counts()
    assert drawn.indices != found.indices
    layer = max(found.counts())
    assert do(*line, "--legacy", f"every-layer:{layer}", out=tmp_path / "e.json") == 0
    assert set(NeuronSet.load(tmp_path / "e.json").indices.values()) == {found.indices[layer]}
    assert do(*line, "--legacy", "truncated", out=tmp_path / "t.json") == 2
    assert do(*line, "--legacy", "every-layer", out=tmp_path / "t.json") == 2
    assert not (tmp_path / "t.json").exists()


def test_whole_texts_are_read_word_by_word(place, tmp_path, capsys):
    clean = "The ship arrived at the harbour of Liverpool on Monday. Mr. Thornton was present in the court. " * 4
    write_pairs(tmp_path / "t.jsonl", [TextPair(clean, clean.replace("ship", "fhip"), "real", "text/1")])
    assert probe(place, tmp_path / "t.st", "--protocol", "aligned", pairs=tmp_path / "t.jsonl") == 0
    profile = load_profile(tmp_path / "t.st")
    assert profile.levels == ("changed", "unchanged")
    assert profile.pairs.tolist() == [4, 4 * 17 - 4 - 1]  # 17 words a repetition, the first of the text left out
    assert profile.about["skipped"] == {"first of a text": 1}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["--site", "down"], "site 'down' given"),
        (["--protocol", "loud"], "protocol 'loud' given"),
        (["--pool", "sum"], "pool 'sum' given"),
        (["--layers", "3-x"], "layers '3-x' given; wanted numbers from 0 on, such as 0-3,8"),
        (["--layers", "9"], "layer 9 given"),
        (["--shard", "3/2"], "shard '3/2' given"),
        (["--like", "absent"], "absent: no such file"),
    ],
)
def test_bad_input_is_one_line(place, tmp_path, capsys, line, message):
    try:
        status = probe(place, tmp_path / "o.st", *line)
    except SystemExit as stop:  # argparse's own
        status = int(str(stop.code))
    assert status == 2
    said = capsys.readouterr().err.strip()
    assert message in said
    assert "\n" not in said
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def tagger(place: Path, tiny_folder: Callable[[str], Path]) -> Path:
    made = planted.untrained(tiny_folder("llama"))
    save_whole(
        made,
        place / "tagger",
        {"base": str(tiny_folder("llama")), "labels": made.labels, "encoding": made.encoding.to_json()},
    )
    return place / "tagger"


def test_scores_by_the_loss_become_neurons(place, tagger, tmp_path):
    line = ("attribute", tagger, place / "data", "--split", "dev", "--dtype", "float32", "--device", "cpu")
    assert do(*line, "--method", "predicted", out=tmp_path / "s.st") == 0
    scored = load_scored(tmp_path / "s.st")
    assert (scored.name, scored.score.shape, scored.about["documents"]) == ("gain-predicted", (4, 48), 5)
    assert do("rank", tmp_path / "s.st", "--count", 7, out=tmp_path / "n.json") == 0
    chosen = NeuronSet.load(tmp_path / "n.json")
    assert chosen.count == 7
    assert chosen.method["documents"] == 5
    best = sorted(scored.score.ravel(), reverse=True)[:7]
    assert sorted((s for row in chosen.scores.values() for s in row), reverse=True) == pytest.approx(best)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("patching", "no clean twins; method 'patching' needs them; use gain"),
        ("paper", "method 'paper' works from a profile: use `ocr-neurons rank`"),
        ("magic", "method 'magic' given"),
    ],
)
def test_losses_that_cannot_be_taken(place, tagger, tmp_path, capsys, method, message):
    assert do("attribute", tagger, place / "data", "--method", method, out=tmp_path / "s.st") == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_profile_is_not_ranked_by_a_loss(place, tmp_path, capsys):
    assert do("rank", place / "p.st", "--method", "gain", out=tmp_path / "n.json") == 2
    assert "make its scores with `ocr-neurons attribute`" in capsys.readouterr().err


def test_without_p_values_a_count_is_wanted(place, tmp_path, capsys):
    assert do("rank", place / "p.st", "--method", "size", out=tmp_path / "n.json") == 2
    said = capsys.readouterr().err.strip()
    assert said.endswith(
        "method 'size' has no p-values, so no false-discovery rate; choose by count, such as --count 100"
    )
    assert do("rank", place / "p.st", "--method", "size", "--count", 100, out=tmp_path / "n.json") == 0


def test_whole_texts_are_no_words(place, tmp_path, capsys):
    text = "The ship arrived at the harbour of Liverpool."
    write_pairs(
        tmp_path / "t.jsonl", [TextPair(text, text.replace("ship", "fhip"), "real", f"t/{n}") for n in range(3)]
    )
    assert probe(place, tmp_path / "t.st", pairs=tmp_path / "t.jsonl") == 2
    assert "pairs of 8 words each given (the median); wanted pairs of single words; use --protocol aligned" in (
        capsys.readouterr().err
    )
    assert not (tmp_path / "t.st").exists()


def test_lists_of_layers_and_parts():
    assert layers("0-2,5, 1") == (0, 1, 2, 5)
    assert shard("2/8") == (1, 8)
    for wrong in ("", "a", "1-", "-1"):
        with pytest.raises(UserError):
            layers(wrong)
    for wrong in ("", "2", "0/2", "3/2", "a/b"):
        with pytest.raises(UserError):
            shard(wrong)


def test_beside_a_placebo_and_ranked_by_the_contrast(place, tmp_path, capsys):
    assert do("control", place / "p.jsonl", out=tmp_path / "c.jsonl") == 0
    assert probe(place, tmp_path / "p.st", "--control", tmp_path / "c.jsonl") == 0
    assert {path.name for path in tmp_path.glob("*.st")} == {"p.st", "p-control.st", "p-contrast.st"}
    line = ["rank", tmp_path / "p.st", "--method", "effect", "--count", 9, "--control", tmp_path / "p-contrast.st"]
    assert do(*line, out=tmp_path / "n.json") == 0
    noise, placebo, contrast = (load_profile(tmp_path / f"p{end}.st") for end in ("", "-control", "-contrast"))
    further = np.where(np.abs(noise.mean()) > np.abs(placebo.mean()), 1, -1)
    best = np.sort((further * score("effect", contrast).score).ravel())[::-1][:9]
    found = NeuronSet.load(tmp_path / "n.json")
    assert sorted((s for row in found.scores.values() for s in row), reverse=True) == pytest.approx(best.tolist())
    halves = [scored("effect", Profiles(noise, placebo, contrast), half).score for half in ("half-1", "half-2")]
    capsys.readouterr()
    assert main([*map(str, line), "--out", str(tmp_path / "n.json")]) == 0
    rho = np.mean([spearmanr(one, other).statistic for one, other in zip(*halves, strict=True)])
    assert f"{rho:.2f} within layers" in capsys.readouterr().err
    line[line.index("effect")] = "size"
    assert do(*line, out=tmp_path / "m.json") == 2
    assert "a contrast given with method 'size'; wanted the profile of the placebo" in capsys.readouterr().err
    assert not (tmp_path / "m.json").exists()
    # a contrast is no second part of the pairs
    assert do("merge", tmp_path / "p.st", tmp_path / "p-contrast.st", out=tmp_path / "both") == 2
    assert "view None and 'contrast' given" in capsys.readouterr().err
    assert probe(place, tmp_path / "q.st", "--control", tmp_path / "c.jsonl", "--like", tmp_path / "p.st") == 2
    assert "--control and --like given" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "cut", "message"),
    [
        (["--layers", "1-2"], None, "noise and control: read [0, 1, 2, 3] and [1, 2] given; wanted the same model"),
        (["--site", "up"], None, "noise and control: site 'neuron' and 'up' given; wanted the same model"),
        (["--seed", 2], None, "profile and contrast of other halves of the words: seed 1 and 2 given; wanted both"),
        ([], slice(1, None), "profile and contrast of other pairs: shards ['1/1 of "),
    ],
)
def test_a_contrast_of_another_profile_is_refused(place, tmp_path, capsys, more, cut, message):
    write_pairs(tmp_path / "p.jsonl", read_pairs(place / "p.jsonl")[cut or slice(None)])
    assert do("control", tmp_path / "p.jsonl", out=tmp_path / "c.jsonl") == 0
    given = ("--control", tmp_path / "c.jsonl", *more)
    assert probe(place, tmp_path / "q.st", *given, pairs=tmp_path / "p.jsonl") == 0
    capsys.readouterr()
    contrast = tmp_path / "q-contrast.st"
    assert do("rank", place / "p.st", "--method", "effect", "--control", contrast, out=tmp_path / "n.json") == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "n.json").exists()
