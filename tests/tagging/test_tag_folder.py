"""``tag`` on files and folders: everything once, nothing silently, what is done stays done."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from tagged_folders import OUTPUTS, alto, listing, records, tag, text_of

import planted
from ocr_neurons.ner.model import CARD, load_tagger
from ocr_neurons.tagging import job
from ocr_neurons.text.hipe_tsv import HEADER, read_hipe


def test_a_folder_into_a_folder(tagger, pages, tmp_path, capsys):
    assert tag(tagger, pages, "--out", tmp_path / "out") == 0
    assert listing(tmp_path / "out") == sorted([*OUTPUTS, "report.html"])
    said = capsys.readouterr().err
    found = [records(tmp_path / "out" / name) for name in OUTPUTS[:-1]]
    documents = [document for file in found for document in file]
    entities = [entity for document in documents for entity in document["entities"]]
    given = [*planted.planted(3, 4), *(planted.planted(1, seed)[0] for seed in (1, 2, 3))]
    words = sum(token.text.isalnum() for document in given for token in document.tokens)
    assert f"{len(entities)} entities in 7 documents (5 files, 3 pages, {words} words): {tmp_path / 'out'}" in said
    assert "without a word: 1 file (b/blank.xml)" in said
    assert "left aside, of a kind that is not read: 2 files (mets.xml, scan.png)" in said
    assert "refused" not in said
    for document in documents:
        for entity in document["entities"]:
            assert document["text"][entity["start"] : entity["end"]] == entity["surface"]
            assert 0 < entity["confidence"] <= 1
    forms = {(entity["type"], entity["form"]) for entity in entities}
    assert {("loc", "Liverpool"), ("pers", "John Thornton")} <= forms
    (page,) = records(tmp_path / "out" / "2.xml.jsonl")
    (person,) = (e for e in page["entities"] if e["form"] == "John Thornton")
    left = page["text"].split().index("John") * 10
    assert person["parts"] == [
        {"start": person["start"], "end": person["end"], "page": 1, "box": [left, 5, 19, 8], "box_of": "word"}
    ]


def test_the_record_says_what_the_tagger_is_for(tagger, pages, tmp_path):
    assert tag(tagger, pages, "--out", tmp_path / "out") == 0
    record = json.loads((tmp_path / "out" / "tagging.json").read_text())
    card = json.loads((tagger / CARD).read_text())
    assert record["types"] == sorted({label[2:] for label in card["labels"] if label != "O"}) != []
    assert record["trained_on"] == card.get("data", "")


def test_formats_say_the_same(tagger, pages, tmp_path):
    """The entities of one page, whichever way it came in and goes out."""
    (pages / "2.txt").write_text(text_of(2))
    wanted = [(e["type"], e["form"]) for e in _entities(tagger, pages / "2.xml", tmp_path / "a.jsonl")]
    assert [(e["type"], e["form"]) for e in _entities(tagger, pages / "2.txt", tmp_path / "b.jsonl")] == wanted
    assert tag(tagger, pages / "2.xml", "--out", tmp_path / "c.tsv", "--quiet") == 0
    (document,) = read_hipe(tmp_path / "c.tsv")
    running = document.running_text()
    forms = [(e.type, running.text[running.starts[e.start] : running.ends[e.end - 1]]) for e in document.entities()]
    assert forms == wanted


def _entities(tagger: Path, given: Path, out: Path) -> list[dict[str, object]]:
    assert tag(tagger, given, "--out", out, "--quiet") == 0
    return records(out)[0]["entities"]


def test_confidences_are_those_of_the_tagger(tagger, pages, tmp_path):
    loaded = load_tagger(tagger, dtype=torch.float32, device=torch.device("cpu"))
    given = read_hipe(pages / "4.tsv")
    results = loaded.tag_with_confidence(given)
    assert [document for document, _ in results] == loaded.tag(given)
    assert tag(tagger, pages / "4.tsv", "--out", tmp_path / "x.jsonl", "--quiet") == 0
    said = [[e["confidence"] for e in document["entities"]] for document in records(tmp_path / "x.jsonl")]
    assert said == [pytest.approx(confidences, abs=6e-5) for _, confidences in results]


def test_a_file_given_twice_is_one_input(tagger, pages, tmp_path, capsys):
    one = pages / "1.txt"
    assert tag(tagger, pages, one, pages / "b" / ".." / "1.txt", "--out", tmp_path / "all.jsonl") == 0
    assert "(5 files" in capsys.readouterr().err
    assert tag(tagger, pages, pages, "--out", tmp_path / "out") == 0
    assert "(5 files" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("names", "line"),
    [
        (
            "alto/2.xml alto/3.xml text/2.txt text/9.txt",
            "1 page perhaps in several formats, by their names (alto/2.xml and text/2.txt): ",
        ),
        ("P1.alto.xml p1.txt p2.xml", "1 page perhaps in several formats, by their names (P1.alto.xml and p1.txt): "),
        (
            "a/1.xml a/1.txt b/1.xml b/1.txt",
            "2 pages perhaps in several formats, by their names (a/1.txt and a/1.xml …): ",
        ),
        (
            "alto/v1/p.xml alto/v2/p.xml alto/stray.txt text/v1/p.txt text/v2/p.txt",
            "2 pages perhaps in several formats, by their names (alto/v1/p.xml and text/v1/p.txt …): ",
        ),
        ("vol.1.xml vol.2.txt", ""),
        ("a/1.xml b/1.xml", ""),
    ],
)
def test_pages_in_several_formats_are_told(tagger, tmp_path, capsys, names, line):
    for name in names.split():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text(text_of(2) if name.endswith("txt") else alto(text_of(2)))
    assert tag(tagger, tmp_path / "in", "--out", tmp_path / "a.jsonl") == 0
    said = capsys.readouterr().err
    assert "several formats" in said if line else "several formats" not in said
    assert line in said
    if line:
        assert "entities are counted in each; to count them once, give one kind alone" in said


def test_a_file_where_a_folder_is_to_be_written(tagger, pages, tmp_path, capsys):
    (tmp_path / "out").write_text("mine")
    assert tag(tagger, pages, "--out", tmp_path / "out") == 2
    assert f"--out {tmp_path / 'out'}: is a file; wanted a folder" in capsys.readouterr().err
    assert (tmp_path / "out").read_text() == "mine"


def test_a_refused_file_does_not_lose_the_rest(tagger, pages, tmp_path, capsys):
    (pages / "broken.xml").write_text("<alto><Layout>")
    (pages / "empty.xml").write_text("")
    (pages / "latin.txt").write_bytes(b"caf\xe9")
    (pages / "bomb.xml").write_text("<!DOCTYPE alto [<!ENTITY a 'b'>]><alto>&a;</alto>")
    for out in (tmp_path / "out", tmp_path / "all.jsonl"):
        assert tag(tagger, pages, "--out", out, "--quiet") == 1
        refused = capsys.readouterr().err.splitlines()
        assert len(refused) == 4, refused
        for name, reason in {
            "broken.xml, line 1": "broken XML (no element found)",
            "empty.xml": "the file is empty",
            "latin.txt": "not UTF-8 (byte 3)",
            "bomb.xml, line 1": "an entity declaration",
        }.items():
            assert sum(f"refused: {pages / name}: {reason}" in line for line in refused) == 1, refused
    assert listing(tmp_path / "out") == sorted([*OUTPUTS, "report.html"])
    assert len(records(tmp_path / "all.jsonl")) == 7
    assert set(json.loads((tmp_path / "out" / "tagging.json").read_text())["refused"]) == {
        "broken.xml", "empty.xml", "latin.txt", "bomb.xml",
    }  # fmt: skip


def test_an_empty_text_file_is_a_page_without_a_word(tagger, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    for name, text in {"1.txt": "Mr. Brown came to Leith.", "2.txt": "", "3.txt": "\n\n"}.items():
        (tmp_path / "in" / name).write_text(text)
    assert tag(tagger, tmp_path / "in", "--out", tmp_path / "out") == 0
    said = capsys.readouterr().err
    assert "without a word: 2 files (2.txt, 3.txt)" in said
    assert "refused" not in said


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a.xml": "<alto>"}, "a.xml, line 1: broken XML"),
        ({"a.xml": "<alto>", "b.xml": "<alto"}, "(and 1 more files refused)"),
        ({"a.png": "x", "b.csv": "y"}, "2 files (a.png, b.csv), of no kind that is read; wanted one of plain text"),
        ({}, "no file in this folder"),
    ],
)
def test_nothing_that_can_be_tagged(tagger, tmp_path, capsys, content, message):
    folder = tmp_path / "in"
    folder.mkdir()
    for name, text in content.items():
        (folder / name).write_text(text)
    for out in (tmp_path / "out", tmp_path / "out.csv"):
        assert tag(tagger, folder, "--out", out) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
        assert not out.exists()


def test_outputs_inside_the_input_are_no_inputs(tagger, pages, capsys):
    for _ in range(2):
        assert tag(tagger, pages, "--out", pages / "tagged", "--format", "tsv") == 0
        assert "(5 files" in capsys.readouterr().err
        assert tag(tagger, pages, "--out", pages / "all.csv") == 0
        said = capsys.readouterr().err
        assert "(5 files" in said
        assert "3 files (mets.xml, scan.png, tagged/ – output of an earlier run)" in said
    assert listing(pages / "tagged") == [
        "1.txt.tsv", "2.xml.tsv", "4.tsv", "b/3.xml.tsv", "b/blank.xml.tsv", "tagging.json",
    ]  # fmt: skip


def test_a_folder_of_something_else_is_not_touched(tagger, pages, tmp_path, capsys):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter").write_text("mine")
    assert tag(tagger, pages, "--out", tmp_path / "full") == 2
    assert "is not empty, and `ocr-neurons tag` did not write it" in capsys.readouterr().err
    assert listing(tmp_path / "full") == ["letter"]
    shutil.copytree(pages, tmp_path / "again")
    assert tag(tagger, pages, tmp_path / "again", "--out", tmp_path / "out") == 2
    assert "1.txt: given 2 times" in capsys.readouterr().err
    assert tag(tagger, pages, "--out", tmp_path / "out", "--format", "xml") == 2
    assert "format 'xml'; wanted one of tsv, jsonl, csv, spacy" in capsys.readouterr().err


def test_an_input_is_never_written_over(tagger, pages, tmp_path, capsys):
    before = (pages / "4.tsv").read_bytes()
    assert tag(tagger, pages / "1.txt", pages / "4.tsv", "--out", pages / "4.tsv") == 2
    assert f"--out {pages / '4.tsv'}: it is an input, and would be lost" in capsys.readouterr().err
    assert (pages / "4.tsv").read_bytes() == before
    inside = listing(pages)
    assert tag(tagger, pages, "--out", pages) == 2
    assert f"{pages}: given as input and as --out" in capsys.readouterr().err
    assert listing(pages) == inside


def test_an_ending_of_a_format_that_is_not_written(tagger, pages, tmp_path, capsys):
    assert tag(tagger, pages / "1.txt", "--out", tmp_path / "x.json") == 2
    assert (
        ".json is not written; wanted a name in .tsv, .jsonl, .csv, .spacy, or say --format" in capsys.readouterr().err
    )
    assert tag(tagger, pages, "--out", tmp_path / "x.xlsx") == 2
    assert ".xlsx is not written" in capsys.readouterr().err
    assert tag(tagger, pages / "1.txt", "--out", tmp_path / "x.json", "--format", "jsonl", "--quiet") == 0
    assert len(records(tmp_path / "x.json")) == 1


def test_names_of_files_that_are_not_utf8(tagger, tmp_path, capsys):
    folder = tmp_path / "pages"
    folder.mkdir()
    odd = [os.fsdecode(b"m\xfcnchen.txt"), "two\nlines.txt"]
    for name in (*odd, "köln am rhein.txt"):
        (folder / name).write_text(text_of(1))
    assert tag(tagger, folder, "--out", tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert "m\\udcfcnchen.txt': a name that is not UTF-8, or not of one line; rename it" in said
    assert said.count("refused: ") == 2
    assert listing(tmp_path / "out") == ["köln am rhein.txt.jsonl", "report.html", "tagging.json"]


def test_a_pipe_is_refused(tagger, tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe.txt")
    assert tag(tagger, tmp_path / "pipe.txt", "--out", tmp_path / "x.jsonl") == 2
    assert "pipe.txt: neither a file nor a folder" in capsys.readouterr().err


def test_the_folder_of_a_run_is_no_tagger(tagger, pages, tmp_path, capsys):
    assert tag(tagger.parent, pages, "--out", tmp_path / "out") == 2
    assert f"{tagger.parent}: not a tagger's folder itself; wanted one, such as {tagger}" in capsys.readouterr().err


def test_cut_words_of_hipe_files(tagger, tmp_path):
    """``Liver`` ``¬`` ``pool`` is a place once its parts are joined; the rows of the file stay as they are."""
    (document,) = planted.planted(1, 9)
    at = next(i for i, t in enumerate(document.tokens) if t.text == "Liverpool")
    rows = [f"{t.text}\tO" + "\t_" * 8 for t in document.tokens]
    cut = (("Liver", "NoSpaceAfter"), ("¬", "EndOfLine"), ("pool", "_"))
    rows[at : at + 1] = [f"{word}\tO" + "\t_" * 7 + f"\t{flag}" for word, flag in cut]
    (tmp_path / "in.tsv").write_text("\n".join([HEADER, "# hipe2022:document_id = d", *rows]) + "\n")
    assert tag(tagger, tmp_path / "in.tsv", "--out", tmp_path / "out.tsv", "--join-hyphens", "--quiet") == 0
    (tagged,) = read_hipe(tmp_path / "out.tsv")
    assert [t.text for t in tagged.tokens] == [t.text for t in read_hipe(tmp_path / "in.tsv")[0].tokens]
    assert tagged.labels()[at : at + 3] == ["B-loc", "I-loc", "I-loc"]


def test_outputs_that_cannot_be_written_do_not_lose_the_rest(tagger, tmp_path, capsys, monkeypatch):
    pages, out = tmp_path / "pages", tmp_path / "out"
    pages.mkdir()
    monkeypatch.setattr(job, "GROUP", 1)
    for name in ("1.txt", "3.txt", "2" * 240 + ".txt", "2" * 250 + ".txt"):
        (pages / name).write_text(text_of(1))
    (pages / "2.jsonl").write_text('{"tokens":["in","\\ud800x"],"tags":["O","O"]}\n')
    for _ in range(2):
        assert tag(tagger, pages, "--out", out, "--quiet") == 1
        said = capsys.readouterr().err.splitlines()
        assert len(said) == 2
        assert any("is too long for a file's name; rename the file" in line for line in said)
        assert any("half a character" in line for line in said)
        assert {"1.txt.jsonl", "3.txt.jsonl", "2" * 240 + ".txt.jsonl"} < set(listing(out))


def test_files_of_one_name_from_other_folders(tagger, tmp_path, capsys):
    out = tmp_path / "out"
    for number, name in enumerate(("one", "two")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "y.txt").write_text(text_of(number))
        (tmp_path / name / "x.xml").write_text("<alto>")
    assert tag(tagger, tmp_path / "one", "--out", out) == 1
    (out / "y.txt.jsonl").write_text((out / "y.txt.jsonl").read_text() + "\n")  # corrected by hand
    kept = (out / "y.txt.jsonl").read_bytes()
    capsys.readouterr()
    assert tag(tagger, tmp_path / "two", "--out", out) == 2
    assert f"was made from {tmp_path / 'one' / 'y.txt'}; choose another --out" in capsys.readouterr().err
    assert (out / "y.txt.jsonl").read_bytes() == kept
    # into one file: both, told apart, and both refusals
    assert tag(tagger, tmp_path / "one", tmp_path / "two", "--out", tmp_path / "all.jsonl") == 1
    assert capsys.readouterr().err.count("x.xml, line 1: broken XML") == 2
    assert len({record["file"] for record in records(tmp_path / "all.jsonl")}) == 2


def test_outputs_that_were_corrected_are_read(tagger, tmp_path):
    pages, out = tmp_path / "pages", tmp_path / "out"
    pages.mkdir()
    (pages / "a.txt").write_text("Mr. Zachary went to Oldham.")
    assert tag(tagger, pages, "--out", out) == 0
    (record,) = records(out / "a.txt.jsonl")
    record["entities"] = [{"type": "PERS", "start": 4, "end": 11}]
    (out / "a.txt.jsonl").write_text(json.dumps(record) + "\n\n")
    assert tag(tagger, pages, "--out", out) == 0
    assert "Zachary" in (out / "report.html").read_text()
