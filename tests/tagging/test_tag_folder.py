"""``tag`` on files and folders: everything once, nothing silently, what is done stays done."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import torch

import planted
from ocr_neurons.cli import main
from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.ner.model import CARD, load_tagger
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.tagging import job
from ocr_neurons.text.hipe_tsv import HEADER, read_hipe, write_hipe

HEAD = "<alto xmlns='http://www.loc.gov/standards/alto/ns-v4#'><Layout><Page ID='p'><PrintSpace>"
TAIL = "</PrintSpace></Page></Layout></alto>"


def text_of(seed: int) -> str:
    return planted.planted(1, seed)[0].text()


def alto(text: str) -> str:
    strings = "<SP/>".join(
        f"<String CONTENT='{word}' HPOS='{10 * i}' VPOS='5' WIDTH='9' HEIGHT='8'/>"
        for i, word in enumerate(text.split())
    )
    return f"{HEAD}<TextBlock><TextLine>{strings}</TextLine></TextBlock>{TAIL}"


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A folder as OCR leaves it: text in several formats, images, an empty page, a broken one."""
    folder = tmp_path / "pages"
    (folder / "b").mkdir(parents=True)
    (folder / "1.txt").write_text(text_of(1))
    (folder / "2.xml").write_text(alto(text_of(2)))
    (folder / "b" / "3.xml").write_text(alto(text_of(3)))
    (folder / "b" / "blank.xml").write_text(HEAD + TAIL)
    (folder / "scan.png").write_bytes(b"\x89PNG\r\n\0")
    (folder / "mets.xml").write_text("<mets/>")
    write_hipe(folder / "4.tsv", planted.planted(3, 4))
    return folder


def tag(*arguments: object) -> int:
    return main(["tag", *map(str, arguments), "--dtype", "float32"])


def records(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def listing(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


OUTPUTS = ["1.txt.jsonl", "2.xml.jsonl", "4.tsv.jsonl", "b/3.xml.jsonl", "b/blank.xml.jsonl", "tagging.json"]


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


def test_what_is_done_stays_done(tagger, pages, tmp_path, capsys, monkeypatch):
    out = tmp_path / "out"
    monkeypatch.setattr(job, "GROUP", 1)
    assert tag(tagger, pages, "--out", out) == 0
    first = {name: (out / name).read_bytes() for name in OUTPUTS}
    times = {name: (out / name).stat().st_mtime_ns for name in OUTPUTS}
    said = capsys.readouterr().err.splitlines()[-4]

    assert tag(tagger, pages, "--out", out) == 0
    again = capsys.readouterr().err
    assert "(5 files, 5 of them before, 3 pages" in again
    assert again.split(" words")[0].split(" entities")[0] == said.split(" entities")[0]
    assert all((out / name).stat().st_mtime_ns == times[name] for name in OUTPUTS[:-1])

    (pages / "1.txt").write_text("Liverpool again.")
    (out / "b" / "3.xml.jsonl").unlink()
    (pages / "b" / "5.txt").write_text(text_of(5))
    assert tag(tagger, pages, "--out", out) == 0
    assert "(6 files, 3 of them before" in capsys.readouterr().err
    changed = {name for name in OUTPUTS[:-1] if (out / name).stat().st_mtime_ns != times[name]}
    assert changed == {"1.txt.jsonl", "b/3.xml.jsonl"}
    assert (out / "b" / "3.xml.jsonl").read_bytes() == first["b/3.xml.jsonl"]
    assert records(out / "1.txt.jsonl")[0]["text"] == "Liverpool again."

    (pages / "2.xml").unlink()
    (pages / "1.txt").write_bytes(b"caf\xe9")
    capsys.readouterr()
    assert tag(tagger, pages, "--out", out) == 1
    said = capsys.readouterr().err
    assert "(4 files, 4 of them before" in said
    assert "no longer among the inputs: 1 file (2.xml)" in said
    assert f"refused: {pages / '1.txt'}: not UTF-8" in said


def test_another_tagger_or_edit_tags_anew(tagger, pages, tmp_path, capsys):
    out = tmp_path / "out"
    assert tag(tagger, pages, "--out", out) == 0
    Edit(NeuronSet("x", "neuron", 4, 48, {3: tuple(range(48))}), 0.0).save(tmp_path / "edit.json")
    assert tag(tagger, pages, "--out", out, "--edit", tmp_path / "edit.json") == 0
    said = capsys.readouterr().err
    assert "tagger, edit, options or version differ from those of last time; all is tagged anew" in said
    assert "before" not in said
    shutil.copytree(tagger, tmp_path / "other")
    (tmp_path / "other" / "note").write_text("x")
    assert tag(tmp_path / "other", pages, "--out", out) == 0
    assert "tagged anew" in capsys.readouterr().err


def test_outputs_that_stay_from_before_are_named(tagger, pages, tmp_path, capsys):
    """Whoever reads the folder must know which files are not of the tagger that the record names."""
    out = tmp_path / "out"
    assert tag(tagger, pages, "--out", out) == 0
    (pages / "1.txt").unlink()
    shutil.copytree(tagger, tmp_path / "other")
    (tmp_path / "other" / "note").write_text("x")
    for before in ("", ", 4 of them before"):
        capsys.readouterr()
        assert tag(tmp_path / "other", pages, "--out", out) == 0
        said = capsys.readouterr().err
        assert f"(4 files{before}" in said
        assert "not of this tagger, options and text, but from before: 1 file (1.txt.jsonl)" in said
    assert "1.txt" not in (out / "report.html").read_text()
    assert tag(tmp_path / "other", pages, "--out", out, "--format", "csv") == 0
    assert "but from before: 5 files" in capsys.readouterr().err
    assert not (out / "report.html").exists()
    assert tag(tmp_path / "other", pages, "--out", out) == 0
    assert "but from before: 5 files (1.txt.jsonl" in capsys.readouterr().err  # and four of CSV


def test_an_input_that_is_refused_now_counts_no_more(tagger, pages, tmp_path, capsys):
    out = tmp_path / "out"
    assert tag(tagger, pages, "--out", out) == 0
    (pages / "1.txt").write_bytes(b"caf\xe9")
    capsys.readouterr()
    assert tag(tagger, pages, "--out", out) == 1
    said = capsys.readouterr().err
    assert "but from before: 1 file (1.txt.jsonl)" in said
    counted = said[: said.index(" entit")].split()[-1]
    page = (out / "report.html").read_text()
    assert f"{counted} entities in 4 files" in page
    assert "1.txt: not UTF-8" in page
    (pages / "1.txt").write_text(text_of(1))
    assert tag(tagger, pages, "--out", out) == 0
    assert "from before" not in capsys.readouterr().err


def test_another_version_tags_anew(tagger, pages, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    assert tag(tagger, pages, "--out", out) == 0
    monkeypatch.setattr("ocr_neurons.__version__", "9.9.9")
    capsys.readouterr()
    assert tag(tagger, pages, "--out", out) == 0
    assert "all is tagged anew" in capsys.readouterr().err


def test_a_file_given_twice_is_one_input(tagger, pages, tmp_path, capsys):
    one = pages / "1.txt"
    assert tag(tagger, pages, one, pages / "b" / ".." / "1.txt", "--out", tmp_path / "all.jsonl") == 0
    assert "(5 files" in capsys.readouterr().err
    assert tag(tagger, pages, pages, "--out", tmp_path / "out") == 0
    assert "(5 files" in capsys.readouterr().err


def test_a_file_where_a_folder_is_to_be_written(tagger, pages, tmp_path, capsys):
    (tmp_path / "out").write_text("mine")
    assert tag(tagger, pages, "--out", tmp_path / "out") == 2
    assert f"--out {tmp_path / 'out'}: is a file; wanted a folder" in capsys.readouterr().err
    assert (tmp_path / "out").read_text() == "mine"


def test_an_interruption_loses_a_group_at_most(tagger, pages, tmp_path, monkeypatch, capsys):
    """Stopped at the third file, the next run does the others only, and all is as in a run without a stop."""
    whole, out = tmp_path / "whole", tmp_path / "out"
    monkeypatch.setattr(job, "GROUP", 1)
    assert tag(tagger, pages, "--out", whole) == 0
    written = job.write_tagged

    def stopping(path: Path, *rest: object) -> None:
        if path.name == "4.tsv.jsonl":
            raise KeyboardInterrupt
        written(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(job, "write_tagged", stopping)
    assert tag(tagger, pages, "--out", out) == 130
    assert listing(out) == ["1.txt.jsonl", "2.xml.jsonl", "tagging.json"]
    monkeypatch.setattr(job, "write_tagged", written)
    capsys.readouterr()
    assert tag(tagger, pages, "--out", out) == 0
    assert "(5 files, 2 of them before" in capsys.readouterr().err
    assert {name: (out / name).read_bytes() for name in OUTPUTS[:-1]} == {
        name: (whole / name).read_bytes() for name in OUTPUTS[:-1]
    }


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


def test_a_stop_while_the_first_outputs_are_written(tagger, pages, tmp_path, monkeypatch, capsys):
    """The folder is known as ours from the first output on, and outputs by another key are not taken for done."""
    out, write = tmp_path / "out", job.write_tagged
    left = 2

    def stops(path: Path, *rest: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        write(path, *rest)

    monkeypatch.setattr(job, "write_tagged", stops)
    assert tag(tagger, pages, "--out", out) == 130
    assert capsys.readouterr().err.endswith("stopped; the same command goes on from the last finished step\n")
    assert len([name for name in listing(out) if name != "tagging.json"]) == 2
    monkeypatch.setattr(job, "write_tagged", write)
    assert tag(tagger, pages, "--out", out) == 0
    plain = {name: (out / name).read_bytes() for name in OUTPUTS[:-1]}

    edit = tmp_path / "edit.json"
    Edit(NeuronSet("x", "neuron", 4, 48, {3: tuple(range(48))}), 100.0).save(edit)
    left = 2
    monkeypatch.setattr(job, "write_tagged", stops)
    assert tag(tagger, pages, "--out", out, "--edit", edit) == 130
    assert any((out / name).read_bytes() != plain[name] for name in OUTPUTS[:-1]), "nothing was edited"
    monkeypatch.setattr(job, "write_tagged", write)
    assert tag(tagger, pages, "--out", out) == 0
    assert {name: (out / name).read_bytes() for name in OUTPUTS[:-1]} == plain


def test_a_stop_of_what_cannot_go_on_promises_nothing(tagger, pages, tmp_path, monkeypatch, capsys):
    def stops(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "write_tagged", stops)
    assert tag(tagger, pages, "--out", tmp_path / "all.csv") == 130
    assert capsys.readouterr().err.endswith("ocr-neurons: stopped\n")


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


def test_a_file_that_changes_while_it_is_tagged_is_tagged_again(tagger, tmp_path, monkeypatch):
    pages, out = tmp_path / "pages", tmp_path / "out"
    pages.mkdir()
    (pages / "a.txt").write_text(text_of(1))
    plain = job._tag

    def meanwhile(*args):
        (pages / "a.txt").write_text(text_of(2))
        return plain(*args)

    with monkeypatch.context() as patch:
        patch.setattr(job, "_tag", meanwhile)
        assert tag(tagger, pages, "--out", out) == 0
    assert records(out / "a.txt.jsonl")[0]["text"] == text_of(1)
    assert tag(tagger, pages, "--out", out) == 0
    assert records(out / "a.txt.jsonl")[0]["text"] == text_of(2)


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
