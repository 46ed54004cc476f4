"""The list of errors: planted ones, and as many as the scores count."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.common.errors import UserError
from ocr_neurons.score.evaluate import evaluate
from ocr_neurons.score.mistakes import KINDS, count_kinds, mistakes, write_mistakes
from ocr_neurons.text.document import Document, Token

WORDS = ["Mr.", "Thorn", "ton", "of", "Lon#don", "and", "Paris", "saw", "Rome", "."]
LABELS = ["O", "B-pers", "I-pers", "O", "B-loc", "O", "B-loc", "O", "B-loc", "O"]
GUESS = ["O", "B-pers", "O", "B-loc", "O", "O", "B-pers", "O", "O", "B-pers"]
GOLD = Document(
    "d",
    tuple(Token(w, label=x, led=0.25 if w == "Paris" else None) for w, x in zip(WORDS, LABELS, strict=True)),
    date="1850-01-01",
)


def test_planted_errors_of_each_kind():
    found = mistakes([GOLD], [GOLD.with_labels(GUESS)])
    text = GOLD.text()
    assert [m.kind for m in found] == ["wrong boundary", "spurious", "wrong type", "missed", "spurious"]
    first, _, third, fourth, last = found
    assert (first.gold_text, first.predicted_text, first.gold_token) == ("Thorn ton", "Thorn", 1)
    assert (first.left, first.right.startswith(" of Lon#don")) == ("Mr. ", True)
    assert (third.gold_type, third.predicted_type, third.led) == ("LOC", "PERS", 0.25)
    assert (fourth.predicted_type, fourth.predicted_text, fourth.predicted_start) == ("", "", None)
    assert (last.gold_start, last.predicted_token, last.led) == (None, 9, None)
    for mistake in found:  # offsets are those of the running text, though a token does not count
        for start, end, surface in (
            (mistake.gold_start, mistake.gold_end, mistake.gold_text),
            (mistake.predicted_start, mistake.predicted_end, mistake.predicted_text),
        ):
            assert start is None or text[start:end] == surface
    assert count_kinds(found) == dict(zip(KINDS, (1, 2, 1, 1, 0), strict=True))


def test_wrong_type_and_boundary():
    gold = Document("d", tuple(Token(w, label=x) for w, x in [("a", "B-loc"), ("b", "I-loc"), ("c", "B-pers")]))
    (one, other) = mistakes([gold], [gold.with_labels(["B-pers", "O", "O"])])
    assert (one.kind, other.kind) == ("wrong type and boundary", "missed")


labels = st.sampled_from(["O", "B-x", "I-x", "B-y", "I-y"])


@given(st.lists(st.tuples(labels, labels, st.booleans()), max_size=20))
def test_errors_and_counts_agree(rows):
    gold = Document("d", tuple(Token("#" if mark else "w", label=label) for label, _, mark in rows))
    predicted = gold.with_labels([label for _, label, _ in rows])
    found, scores = mistakes([gold], [predicted]), evaluate([gold], [predicted])
    kinds = count_kinds(found)
    strict, fuzzy = scores.total("strict"), scores.total("fuzzy")
    both = kinds["wrong type"] + kinds["wrong boundary"] + kinds["wrong type and boundary"]
    assert (strict.fn, strict.fp) == (kinds["missed"] + both, kinds["spurious"] + both)
    assert fuzzy.tp - strict.tp == kinds["wrong boundary"]


def test_files_hold_the_same(tmp_path):
    found = mistakes([GOLD], [GOLD.with_labels(GUESS)])
    write_mistakes(tmp_path / "e.jsonl", found)
    write_mistakes(tmp_path / "e.tsv", found)
    lines = [json.loads(line) for line in (tmp_path / "e.jsonl").read_text().splitlines()]
    header, *rows = [line.split("\t") for line in (tmp_path / "e.tsv").read_text().splitlines()]
    assert [dict(zip(header, row, strict=True)) for row in rows] == [
        {name: "" if value is None else str(value) for name, value in line.items()} for line in lines
    ]
    assert len(lines) == len(found) == 5
    with pytest.raises(UserError, match=r"'\.txt'; wanted .*\.jsonl"):
        write_mistakes(tmp_path / "e.txt", found)


def test_a_right_prediction_is_no_error():
    assert mistakes([GOLD], [GOLD]) == []
