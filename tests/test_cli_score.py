"""The command ``score``: what it prints, what it writes, what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import planted
from ocr_neurons.cli import main
from ocr_neurons.score.by_type import compare_by_type, holm
from ocr_neurons.score.evaluate import evaluate
from ocr_neurons.text.datasets import load_dataset
from ocr_neurons.text.document import Document
from ocr_neurons.text.hipe_tsv import read_hipe, write_hipe

Run = Callable[..., tuple[int, str, str]]
FEW = "There are 8 documents; with fewer than some twenty, intervals are too narrow."


def without(documents: list[Document], label: str) -> list[Document]:
    return [d.with_labels(["O" if x.endswith(label) else x for x in d.labels()]) for d in documents]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gold, predictions that lack persons, predictions with a type that gold has not."""
    folder = tmp_path_factory.mktemp("score")
    write_hipe(folder / "gold.tsv", planted.planted(8, 1))
    gold = read_hipe(folder / "gold.tsv")
    write_hipe(folder / "Places.tsv", without(gold, "pers"))
    write_hipe(folder / "persons.tsv", without(gold, "loc"))
    write_hipe(folder / "other.tsv", [d.with_labels([x.replace("loc", "place") for x in d.labels()]) for d in gold])
    return folder


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(["score", *map(str, arguments)])
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


def test_an_interval_of_one_document_is_null_in_json(run, tmp_path):
    write_hipe(tmp_path / "gold.tsv", planted.planted(1, 1))
    write_hipe(tmp_path / "pred.tsv", without(read_hipe(tmp_path / "gold.tsv"), "pers"))
    _, out, _ = run(
        tmp_path / "gold.tsv", tmp_path / "pred.tsv", "--against", tmp_path / "gold.tsv", "--json", "--noise-bins"
    )
    value = json.loads(out)
    (against,) = value["against"].values()
    assert [value["strict"]["ci95"], value["by_type"]["LOC"]["strict"]["ci95"], against["strict"]["ALL"]["ci95"]] == [
        None
    ] * 3
    assert value["strict"]["f1"] > 0


def test_json_holds_all_that_was_asked(place, run):
    gold, pred, other = place / "gold.tsv", place / "Places.tsv", place / "persons.tsv"
    status, out, _ = run(
        gold, pred, "--against", other, "--against", gold, "--json", "--draws", 200, "--time-bins", "1810-1814",
        "--noise-bins", "0-0,0.01-1.1",
    )  # fmt: skip
    value = json.loads(out)
    assert status == 0
    assert (value["column"], value["documents"], value["notes"]) == ("NE-COARSE-LIT", 8, [FEW])
    assert (value["strict"]["recall"], value["by_type"]["PERS"]["strict"]["precision"]) == (2 / 3, None)
    assert {name: part["documents"] for name, part in value["time_bins"].items()} == {"1810-1814": 4, "outside": 4}
    assert [entry["entities"] for entry in value["noise_bins"]] == [6, 12, 6]
    read = [read_hipe(path) for path in (gold, pred, other)]
    scores = [evaluate(read[0], side) for side in (read[1], read[2], read[0])]
    found = [compare_by_type(scores[0], one, draws=200) for one in scores[1:]]
    adjusted = holm([one.difference.p for one in (*found[0], *found[1])])
    assert value["against"][str(other)]["strict"]["ALL"]["p"] == found[0][0].difference.p
    assert value["against"][str(other)]["strict"]["ALL"]["p_holm"] == adjusted[0]
    assert value["against"][str(gold)]["fuzzy"]["PERS"]["p_holm"] == adjusted[-1]


def test_ids_that_come_from_file_names_need_not_agree(place, run, tmp_path):
    for name in ("gold", "persons"):
        text = (place / f"{name}.tsv").read_text()
        kept = [line for line in text.splitlines(keepends=True) if "document_id" not in line]
        (tmp_path / f"{name}.tsv").write_text("".join(kept))
    status, out, _ = run(tmp_path / "gold.tsv", tmp_path / "persons.tsv", "--json", "--draws", 100)
    assert status == 0
    assert json.loads(out) == json.loads(run(place / "gold.tsv", place / "persons.tsv", "--json", "--draws", 100)[1])


def test_tables_say_how_to_read_them(place, run):
    _, out, _ = run(
        place / "gold.tsv", place / "Places.tsv", "--against", place / "persons.tsv", "--draws", 100, "--noise-bins",
        "--time-bins",
    )  # fmt: skip
    assert "Recall alone" in out
    assert "corrected for all 6 comparisons" in out
    assert "1810-1820    strict" in out
    assert "–: not defined" in out


def test_predictions_of_unknown_types_are_told(place, run):
    _, out, _ = run(place / "gold.tsv", place / "other.tsv", "--draws", 50)
    assert "Note: 16 predictions of types that the gold standard lacks (PLACE 16) do not count" in out
    assert "where they are the gold standard's under other names, rename them with --map" in out


@pytest.mark.parametrize(("documents", "warned"), [(1, False), (2, True), (19, True), (20, False)])
def test_intervals_over_few_documents_are_said_to_be_too_narrow(run, tmp_path, documents, warned):
    gold = tmp_path / "gold.tsv"
    write_hipe(gold, planted.planted(documents, 1))
    note = f"There are {documents} documents; with fewer than some twenty, intervals are too narrow."
    assert (f"Note: {note}\n" in run(gold, gold, "--draws", 50)[1]) is warned
    assert (note in json.loads(run(gold, gold, "--draws", 50, "--json")[1])["notes"]) is warned


def test_the_gold_standard_may_be_a_data_set(run, tmp_path, monkeypatch):
    """By name or folder, its test split; a file of that name comes before it."""
    monkeypatch.chdir(tmp_path)
    test = load_dataset("gazette").test
    write_hipe(tmp_path / "pred.tsv", test)
    planted.write_planted(tmp_path / "data", train=1, dev=1, test=3)
    status, out, _ = run("gazette", "pred.tsv", "--json", "--draws", 50)
    value = json.loads(out)
    assert (status, value["documents"], value["strict"]["f1"]) == (0, len(test), 1.0)
    assert value["strict"]["tp"] == sum(len(document.entities()) for document in test)
    (folder_test,) = (tmp_path / "data").glob("*-test-*.tsv")
    assert json.loads(run("data", folder_test, "--json", "--draws", 50)[1])["documents"] == 3
    write_hipe(tmp_path / "gazette", planted.planted(2, 1))
    assert json.loads(run("gazette", "gazette", "--json", "--draws", 50)[1])["documents"] == 2
    status, _, err = run("gazete", "pred.tsv")
    assert status == 2
    assert "gazete: neither a data set's name nor a file or folder; nearest: gazette" in err


def test_data_without_led_are_told(run, tmp_path):
    plain = [Document(d.id, tuple(replace(t, led=None) for t in d.tokens)) for d in planted.planted(3, 1)]
    write_hipe(tmp_path / "gold.tsv", plain)
    _, out, _ = run(tmp_path / "gold.tsv", tmp_path / "gold.tsv", "--noise-bins", "--draws", 50)
    assert "Note: no entity falls into a noise bin" in out


def test_types_are_mapped(place, run, tmp_path):
    (tmp_path / "map.tsv").write_text("place\tloc\n")
    _, out, _ = run(place / "gold.tsv", place / "other.tsv", "--map", tmp_path / "map.tsv", "--json", "--draws", 50)
    value = json.loads(out)
    assert value["strict"]["f1"] == 1.0
    assert value["notes"] == [FEW, f"{tmp_path / 'map.tsv'} does not name PERS: kept as they are."]


def test_errors_and_the_hipe_table_are_written(place, run, tmp_path):
    errors, table = tmp_path / "e.jsonl", tmp_path / "t.tsv"
    _, _, err = run(
        place / "gold.tsv", place / "Places.tsv", "--errors", errors, "--tsv", table, "--suffix", "x", "--draws", 50
    )
    lines = [json.loads(line) for line in errors.read_text().splitlines()]
    assert {line["kind"] for line in lines} == {"missed"}
    assert {line["gold_text"] for line in lines} == {"John Thornton"}
    assert (
        f"8 errors (8 missed, 0 spurious, 0 wrong type, 0 wrong boundary, 0 wrong type and boundary): {errors}" in err
    )
    rows = [row.split("\t") for row in table.read_bytes().decode().split("\r\n")]
    assert rows[1][:3] == ["places", "NE-COARSE-LIT-micro-fuzzy-x-TIME-ALL-LED-ALL", "ALL"]


def test_columns_that_predictions_only_copied_are_told(place, run, tmp_path):
    rows = [line.split("\t") for line in (place / "gold.tsv").read_text().splitlines()]
    for row in rows:
        if row[0] == "Liverpool":
            row[3] = "B-loc.adm"
    fine = ["\t".join(row) for row in rows]
    for name in ("gold.tsv", "pred.tsv"):
        (tmp_path / name).write_text("\n".join(fine) + "\n")
    _, out, _ = run(tmp_path / "gold.tsv", tmp_path / "pred.tsv", "--column", "fine", "--draws", 50)
    assert "LOC.ADM" in out
    assert "has the gold standard's labels in NE-FINE-LIT" in out


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--column", "nested"], "NE-NESTED is not annotated in any of the 8"),
        (["--column", "x"], "column 'x'"),
        (["--errors", "e.csv"], "'.csv'; wanted"),
        (["--suffix", "x"], "without --tsv"),
        (["--noise-bins", "a-b"], "noise bins 'a-b'"),
        (["--time-bins", "19th"], "time bins '19th'"),
        (["--map", "nothing.tsv"], "nothing.tsv: no such file"),
        (["--draws", "0"], "0 draws"),
        (["--against", "nothing.tsv"], "nothing.tsv: no such file"),
        (["--against", "a.tsv", "--against", "a.tsv"], "the same file twice"),
    ],
)
def test_bad_input_is_one_line(place, run, tmp_path, monkeypatch, more, message):
    monkeypatch.chdir(tmp_path)
    status, out, err = run(place / "gold.tsv", place / "Places.tsv", *more)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
