"""The JSON Lines of ``tag`` as predictions: scored as the HIPE TSV of the same tagging is."""

from __future__ import annotations

import json

import pytest
from tagged_folders import tag

import planted
from ocr_neurons.cli import main
from ocr_neurons.common.errors import UserError
from ocr_neurons.text.formats.tagged_lines import read_tagged
from ocr_neurons.text.hipe_tsv import read_hipe, write_hipe


@pytest.fixture
def gold(tmp_path):
    write_hipe(tmp_path / "gold.tsv", planted.planted(6, 4))
    return tmp_path / "gold.tsv"


def scored(capsys, *line) -> dict:
    capsys.readouterr()
    assert main(["score", *map(str, line), "--json", "--draws", "50"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("more", [[], ["--join-hyphens"]])
def test_they_are_scored_as_hipe_tsv_is(tagger, gold, tmp_path, capsys, more):
    for ending in ("tsv", "jsonl"):
        assert tag(tagger, gold, "--out", tmp_path / f"p.{ending}", *more) == 0
    assert read_tagged(tmp_path / "p.jsonl", read_hipe(gold)) == read_hipe(tmp_path / "p.tsv")
    lines, columns = (scored(capsys, gold, tmp_path / f"p.{ending}") for ending in ("jsonl", "tsv"))
    assert lines == columns
    assert lines["strict"]["tp"] + lines["strict"]["fp"] > 0
    against = scored(capsys, gold, tmp_path / "p.jsonl", "--against", tmp_path / "p.tsv")
    (found,) = against["against"].values()
    assert found["strict"]["ALL"]["f1"] == 0.0


def test_what_is_not_of_the_gold_file_is_refused_in_one_line(tagger, gold, tmp_path, capsys):
    assert tag(tagger, gold, "--out", tmp_path / "p.jsonl") == 0
    lines = (tmp_path / "p.jsonl").read_text().splitlines()
    first = json.loads(lines[0])
    del first["entities"]
    wrong = {
        "5 documents, the gold standard has 6": lines[1:],
        "line 1: the text of document .* is not that of": [lines[1], lines[0], *lines[2:]],
        "line 1: no 'entities'": [json.dumps(first), *lines[1:]],
        "line 3: Expecting value": [*lines[:2], "x", *lines[3:]],
    }
    for said, rows in wrong.items():
        (tmp_path / "q.jsonl").write_text("\n".join(rows) + "\n")
        with pytest.raises(UserError, match=said) as error:
            read_tagged(tmp_path / "q.jsonl", read_hipe(gold))
        assert "\n" not in str(error.value)
    assert main(["score", str(gold), str(tmp_path / "p.jsonl"), "--column", "fine"]) == 2
    assert "has coarse types alone; wanted HIPE TSV" in capsys.readouterr().err
