"""What was tagged, written: read back by json, csv, spaCy and our own reader."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import naive_pages as naive
import pytest

from ocr_neurons.common.errors import UserError
from ocr_neurons.text.document import Document, Token
from ocr_neurons.text.formats import docbin
from ocr_neurons.text.formats.alto import read_alto
from ocr_neurons.text.formats.plain import read_plain
from ocr_neurons.text.formats.running import read_tokens
from ocr_neurons.text.formats.tagged import Tagged
from ocr_neurons.text.formats.write import CSV_COLUMNS, write_tagged
from ocr_neurons.text.hipe_tsv import read_hipe

BLOCKS: naive.Blocks = [
    [
        [("Mr.", (10, 10, 30, 20)), ("John", (50, 10, 40, 20))],
        [("Brown,", (10, 40, 60, 20)), ("Liver-", (80, 40, 50, 20))],
        [("pool", (10, 70, 40, 22)), ('"No."', (60, 70, 40, 20))],
    ]
]


@pytest.fixture
def tagged() -> list[Tagged]:
    reading = read_alto(naive.alto(BLOCKS), "p.xml", "p.xml")
    assert [t.text for t in reading.document.tokens] == [
        "Mr", ".", "John", "Brown", ",", "Liverpool", '"', "No", ".", '"',
    ]  # fmt: skip
    labels = ["O", "O", "B-pers", "I-pers", "O", "B-loc", *["O"] * 4]
    return [Tagged(reading, reading.document.with_labels(labels), (0.91234, 0.5))]


def test_json_lines(tagged, tmp_path):
    write_tagged(tmp_path / "x.jsonl", "jsonl", tagged)
    (line,) = (tmp_path / "x.jsonl").read_text().splitlines()
    value = json.loads(line)
    assert value["text"] == 'Mr. John\nBrown, Liver-\npool "No."'
    john, liverpool = value["entities"]
    assert {key: john[key] for key in ("type", "form", "surface", "confidence")} == {
        "type": "pers", "form": "John Brown", "surface": "John\nBrown", "confidence": 0.9123,
    }  # fmt: skip
    assert (liverpool["form"], liverpool["surface"]) == ("Liverpool", "Liver-\npool")
    for entity in value["entities"]:
        assert value["text"][entity["start"] : entity["end"]] == entity["surface"]
        assert "\n".join(value["text"][p["start"] : p["end"]] for p in entity["parts"]) == entity["surface"]
    assert [(p["page"], p["box"], p["box_of"]) for p in liverpool["parts"]] == [
        (1, [80, 40, 50, 20], "word"),
        (1, [10, 70, 40, 22], "word"),
    ]
    assert value["pages"] == [{"page": 1, "id": "p1", "image": "p.png", "width": 900, "height": 1200, "unit": "pixel"}]


def test_csv(tagged, tmp_path):
    write_tagged(tmp_path / "x.csv", "csv", tagged)
    with (tmp_path / "x.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert [row["form"] for row in rows] == ["John Brown", "Liverpool"]
    assert rows[1]["surface"] == "Liver-\npool"
    assert rows[1]["xywh"] == "80,40,50,20;10,70,40,22"
    assert (rows[1]["page"], rows[1]["image"], rows[1]["confidence"]) == ("1", "p.png", "0.5")


def test_csv_of_any_line_ends(tmp_path):
    """A lone CR must be quoted too, and rows end in LF."""
    reading = read_plain(b"From Mr.\rJohn, Mr.\r\nJohn, Mr.\nJohn", "p.txt", "p.txt")
    assert [t.text for t in reading.document.tokens] == ["From", *["Mr", ".", "John", ","] * 2, "Mr", ".", "John"]
    labels = ["O", *["B-pers", "I-pers", "I-pers", "O"] * 2, "B-pers", "I-pers", "I-pers"]
    write_tagged(tmp_path / "x.csv", "csv", [Tagged(reading, reading.document.with_labels(labels), (1.0,) * 3)])
    with (tmp_path / "x.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["surface"] for row in rows] == ["Mr.\rJohn", "Mr.\r\nJohn", "Mr.\nJohn"]
    data = (tmp_path / "x.csv").read_bytes()
    assert (data.count(b"\r\n"), data.count(b'"Mr.\rJohn"'), data[-2:-1]) == (1, 1, b",")


def test_hipe_tsv(tagged, tmp_path):
    """Whole words, line ends and sentence ends marked."""
    write_tagged(tmp_path / "x.tsv", "tsv", tagged)
    (document,) = read_hipe(tmp_path / "x.tsv")
    assert [t.text for t in document.tokens] == [t.text for t in tagged[0].document.tokens]
    assert document.labels() == tagged[0].document.labels()
    assert document.text() == tagged[0].document.text() == 'Mr. John Brown, Liverpool "No."'
    assert [t.line_end for t in document.tokens] == [t.line_end for t in tagged[0].document.tokens]


def test_hipe_tsv_of_joined_tokens_has_the_rows_of_the_source(tmp_path):
    rows = [Token("verlän", False, fields=("verlän", "O", *"_" * 7, "NoSpaceAfter")), Token("¬", line_end=True)]
    source = Document("d", (*rows, Token("gernden")), metadata=("# a = b",))
    reading = read_tokens(source, "hipe", join=True)
    write_tagged(tmp_path / "x.tsv", "tsv", [Tagged(reading, reading.document.with_labels(["B-x"]), (1.0,))])
    (document,) = read_hipe(tmp_path / "x.tsv")
    assert [(t.text, t.label) for t in document.tokens] == [("verlän", "B-x"), ("¬", "I-x"), ("gernden", "I-x")]
    assert document.metadata == ("# a = b",)


def test_docbin_is_read_by_spacy(tagged, tmp_path):
    spacy = pytest.importorskip("spacy", reason="spaCy is not installed: pip install '.[spacy]'")
    write_tagged(tmp_path / "x.spacy", "spacy", tagged)
    vocab = spacy.blank("xx").vocab
    (doc,) = spacy.tokens.DocBin().from_disk(tmp_path / "x.spacy").get_docs(vocab)
    assert doc.text == tagged[0].document.text()
    assert [(e.text, e.label_) for e in doc.ents] == [("John Brown", "pers"), ("Liverpool", "loc")]
    assert [s.text for s in doc.sents] == ['Mr. John Brown, Liverpool "No."']
    kept = doc.user_data[docbin.USER_KEY]
    assert kept["entities"][1]["parts"][1]["box"] == (10, 70, 40, 22)  # msgpack has no lists


def test_spacy_may_be_absent(tagged, tmp_path, monkeypatch):
    monkeypatch.setattr(docbin, "find_spec", lambda _: None)
    with pytest.raises(UserError, match="spaCy is not installed; run: pip install"):
        write_tagged(tmp_path / "x.spacy", "spacy", tagged)
    with pytest.raises(UserError, match="format 'xml'; wanted one of tsv, jsonl, csv, spacy"):
        write_tagged(tmp_path / "x.xml", "xml", tagged)
    assert not list(tmp_path.iterdir())


def test_nothing_tagged_is_written_too(tmp_path: Path):
    reading = read_alto(naive.alto([]), "p.xml", "p.xml")
    blank = [Tagged(reading, reading.document, ())]
    for name in ("tsv", "jsonl", "csv", "spacy"):
        write_tagged(tmp_path / f"x.{name}", name, blank)
    assert json.loads((tmp_path / "x.jsonl").read_text())["entities"] == []
    assert (tmp_path / "x.csv").read_text().strip() == ",".join(CSV_COLUMNS)
    assert read_hipe(tmp_path / "x.tsv")[0].tokens == ()
