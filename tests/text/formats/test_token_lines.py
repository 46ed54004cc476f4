"""JSON Lines of tokens and tags: OntoNotes numbers, other names, label lists, documents; what cannot be read."""

from __future__ import annotations

import json

import pytest

from ocr_neurons.common.errors import UserError
from ocr_neurons.text.formats.detect import detect
from ocr_neurons.text.formats.token_lines import ONTONOTES, label_names, read_token_lines

# the example on the data set's own card
CARD = {
    "tags": [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 5, 0, 0, 0, 0, 11, 12, 12, 12, 12, 0, 0, 7, 0, 0, 0, 0, 0],
    "tokens": [
        "``", "It", "'s", "very", "costly", "and", "time", "-", "consuming", ",", "''", "says", "Phil", "Rosen", ",",
        "a", "partner", "in", "Fleet", "&", "Leasing", "Management", "Inc.", ",", "a", "Boston", "car", "-", "leasing",
        "company", ".",
    ],
}  # fmt: skip


def lines(*values: object) -> bytes:
    return "\n".join(json.dumps(value) for value in values).encode()


def test_the_published_example():
    data = lines(CARD)
    (document,) = read_token_lines(data, "x", "test")
    words = [t.text for t in document.tokens]
    assert [(e.type, " ".join(words[e.start : e.end])) for e in document.entities()] == [
        ("PERSON", "Phil Rosen"),
        ("ORG", "Fleet & Leasing Management Inc."),
        ("GPE", "Boston"),
    ]
    assert document.sentences() == [(0, 31)]
    assert detect(data, "test.json") == detect(data[:-40], "test.json") == "tokens"


def test_the_published_numbers():
    """18 types; numbers as the card lists them."""
    assert (len(ONTONOTES), len(set(ONTONOTES)), len({label[2:] for label in ONTONOTES} - {""})) == (37, 37, 18)
    known = {"O": 0, "B-CARDINAL": 1, "I-ORG": 12, "B-FAC": 20, "I-NORP": 26, "I-FAC": 32, "I-LANGUAGE": 36}
    assert {label: ONTONOTES.index(label) for label in known} == known


def test_names_documents_and_labels_as_text():
    rows = [
        {"doc_id": "a", "words": ["In", "Paris"], "ner": ["O", "I-LOC"]},
        {"doc_id": "a", "words": ["Paris"], "ner": ["I-LOC"]},
        {"doc_id": "b", "words": ["x"], "ner": ["O"]},
        {"words": ["y"], "ner_tags": ["O"]},
    ]
    a, b, c = read_token_lines(lines(*rows), "x", "f")
    assert (a.labels(), a.sentences(), b.id, c.id) == (["O", "B-LOC", "B-LOC"], [(0, 2), (2, 3)], "b", "f-4")


def test_label_lists():
    names = ["O", "B-X", "I-X"]
    for value in ({"O": 0, "I-X": 2, "B-X": 1}, {"0": "O", "1": "B-X", "2": "I-X"}, names):
        assert label_names(value) == names
    (document,) = read_token_lines(lines({"tokens": ["a", "b"], "tags": [1, 2]}), "x", "x", "", names)
    assert document.labels() == ["B-X", "I-X"]
    for bad in ({"O": 0, "B": 2}, 3, {"a": "b"}):
        with pytest.raises(ValueError):
            label_names(bad)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"tokens": ["a"], "tags": [0, 0]}', "line 1: 1 tokens and 2 tags"),
        (b'{"tokens": ["a"], "tags": [37]}', "label number 37 of 37 known; put a label.json"),
        (b'{"tokens": ["a"], "tags": [-1]}', "label number -1"),
        (b'{"tokens": ["a"], "tags": ["PER"]}', "label 'PER'"),
        (b'{"tokens": [" "], "tags": [0]}', "a token that is no text"),
        (b'{"tokens": ["a"], "tags": [0]}\n{"tokens": ["a"', "line 2: not JSON"),
        (b'{"tokens": ["a"], "tags": [0]}\n{"tokens": ["a"]}', "line 2: "),
        (b"[" * 100_000, "line 1: not JSON"),
        (b'{"tokens": ["a"], "tags": [0]}\n7', "line 2: "),
        (b"\n", "no line in it"),
    ],
)
def test_what_cannot_be_read(data, message):
    with pytest.raises(UserError, match=message) as error:
        read_token_lines(data, "x", "x")
    assert "\n" not in str(error.value)


def test_documents_without_an_id_stay_apart():
    given = lines(*[{"document_id": None, "tokens": ["a", "b"], "tags": ["O", "B-loc"]}] * 3)
    assert [len(d.tokens) for d in read_token_lines(given, "x", "x")] == [2, 2, 2]


def test_numbers_without_a_list_are_read_with_a_warning(capsys):
    """CoNLL-2003 as Hugging Face numbers it: not the list that is taken here."""
    sentence = {"tokens": ["EU", "rejects", "German", "call"], "ner_tags": [3, 0, 7, 0]}
    for _ in range(2):
        (document, _) = read_token_lines(lines(sentence, sentence), "folder/eng.json", "eng.json")
        assert document.labels() == ["B-DATE", "O", "B-GPE", "O"]
    (warned,) = capsys.readouterr().err.splitlines()
    assert warned.startswith("warning: folder/eng.json: labels are numbers, and no label.json stands beside the file; ")
    assert "read as tner/ontonotes5 numbers OntoNotes 5 (0 O, 1 B-CARDINAL, 2 B-DATE, 3 I-DATE …); for other" in warned
    conll = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-MISC", "I-MISC"]
    (document,) = read_token_lines(lines(sentence), "folder/other.json", "x", "", conll)
    assert document.labels() == ["B-ORG", "O", "B-MISC", "O"]
    read_token_lines(lines({"tokens": ["a"], "tags": ["O"]}), "folder/texts.json", "x")
    assert capsys.readouterr().err == ""
