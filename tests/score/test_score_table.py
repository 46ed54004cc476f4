"""What is printed and stored."""

import json

import pytest

from ocr_neurons.score.by_type import Comparison
from ocr_neurons.score.counts import Counts
from ocr_neurons.score.evaluate import Scores
from ocr_neurons.score.hipe_table import hipe_table
from ocr_neurons.score.intervals import Difference, f1_interval
from ocr_neurons.score.table import (
    UNDEFINED,
    comparison_table,
    comparisons_to_dict,
    difference_text,
    difference_to_dict,
    period_table,
    score_table,
    to_dict,
)
from ocr_neurons.text.document import Document, Token

STRICT = ({"LOC": Counts(3, 1, 1), "PERS": Counts(0, 0, 2)}, {"LOC": Counts(1, 0, 1)})
FUZZY = ({"LOC": Counts(4, 0, 0), "PERS": Counts(0, 0, 2)}, {"LOC": Counts(1, 0, 1)})
SCORES = Scores(("a", "b"), STRICT, FUZZY)
NOTHING = Scores(("a",), ({},), ({},))


def test_dictionary_holds_the_figures_and_is_json():
    found = to_dict(SCORES, draws=100)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert set(found) == {"strict", "fuzzy", "by_type", "macro", "documents"}
    assert found["strict"]["ci95"] == list(f1_interval(SCORES, draws=100))
    assert (found["strict"]["precision"], found["strict"]["recall"]) == (4 / 5, 4 / 8)
    assert (found["fuzzy"]["tp"], found["fuzzy"]["fp"], found["fuzzy"]["fn"]) == (5, 0, 3)
    assert found["by_type"]["PERS"]["strict"]["f1"] == 0.0
    assert found["by_type"]["LOC"]["fuzzy"]["tp"] == 5
    assert found["by_type"]["LOC"]["strict"]["macro"]["recall"] == (3 / 4 + 1 / 2) / 2
    assert found["macro"]["strict"]["recall"] == pytest.approx((3 / 6 + 1 / 2) / 2)


def test_dictionary_says_what_is_not_defined():
    pers = to_dict(SCORES, draws=100)["by_type"]["PERS"]["strict"]
    assert (pers["precision"], pers["recall"], pers["ci95"]) == (None, 0.0, None)  # never predicted; one document
    nothing = to_dict(NOTHING, draws=10)
    assert [nothing["strict"][name] for name in ("precision", "recall", "f1")] == [None] * 3
    assert nothing["macro"]["fuzzy"] == {"precision": None, "recall": None, "f1": None}


def test_table_has_a_row_for_each_mode_and_type():
    text = score_table(SCORES, draws=100)
    rows = [line.split() for line in text.splitlines()]
    assert [row[0] for row in rows[1:9]] == ["strict", "LOC", "PERS", "macro", "fuzzy", "LOC", "PERS", "macro"]
    low, high = f1_interval(SCORES, draws=100)
    assert rows[1][1:] == ["0.800", "0.500", "0.615", f"[{low:.3f},", f"{high:.3f}]", "4", "1", "4"]
    assert rows[3][1:] == ["–", "0.000", "0.000", "–", "0", "0", "2"]
    assert rows[6][-3:] == ["5", "0", "1"]
    assert rows[8][1:3] == ["1.000", "0.583"]  # recall: 4/6 and 1/2
    assert UNDEFINED in text
    assert score_table(NOTHING, draws=10).count(" – ") == 2 * 7  # three scores and an interval, three of macro


def test_nothing_undefined_is_not_explained():
    two = Scores(("a", "b"), ({"X": Counts(1, 1, 1)},) * 2, ({"X": Counts(1, 1, 1)},) * 2)
    assert UNDEFINED not in score_table(two, draws=10)


def test_hipe_layout_marks_what_is_undefined():
    tokens = tuple(Token("w", label=label) for label in ("B-loc", "O", "B-pers"))
    gold = [Document("d", tokens, date="1850-01-01")]
    predicted = [gold[0].with_labels(["B-loc", "B-loc", "O"])]
    text = hipe_table(gold, predicted, "s", suffix="x", bins=[(0, 0.5)], periods=[(1850, 1900), (1900, 1950)])
    rows = [line.split("\t") for line in text.removesuffix("\r\n").split("\r\n")]
    assert {len(row) for row in rows} == {12}
    micro = next(row for row in rows if "micro-strict" in row[1] and row[2] == "PERS")
    assert micro[3:] == ["0", "0.0", "0", "", "", "", "0", "0", "1"]  # nothing predicted: the scorer's integer 0
    macro = next(row for row in rows if "macro_doc-strict" in row[1] and row[2] == "PERS")
    assert macro[3:] == ["", "0.0", "", "", "", "0.0", "", "", ""]
    names = list(dict.fromkeys(row[1] for row in rows[1:]))
    assert names[:5] == [
        "NE-COARSE-LIT-micro-fuzzy-x-TIME-ALL-LED-ALL",
        "NE-COARSE-LIT-micro-strict-x-TIME-ALL-LED-ALL",
        "NE-COARSE-LIT-macro_doc-fuzzy-x-TIME-ALL-LED-ALL",
        "NE-COARSE-LIT-macro_doc-strict-x-TIME-ALL-LED-ALL",
        "NE-COARSE-LIT-micro-fuzzy-x-TIME-ALL-LED-0.0-0.5",
    ]
    assert len(names) == 4 * 2 * 3
    assert [row[2] for row in rows if row[1] == "NE-COARSE-LIT-micro-fuzzy-x-TIME-1900-1950-LED-ALL"] == ["ALL"]


def test_periods_without_documents_are_dashes():
    lines = period_table({"1850-1860": SCORES, "1860-1870": SCORES.subset([])}, draws=50).splitlines()
    assert lines[1].split()[:6] == ["1850-1860", "strict", "2", "0.800", "0.500", "0.615"]
    assert lines[3].split() == ["1860-1870", "strict", "0", "–", "–", "–", "–", "0", "0", "0"]


def test_difference_in_words_and_json():
    difference = Difference(0.0123, -0.003, 0.028, 0.114)
    assert difference_text(difference) == "+1.2 [-0.3, +2.8], p = 0.11"
    assert difference_to_dict(difference) == {"f1": 0.0123, "ci95": [-0.003, 0.028], "p": 0.114}


def test_comparisons_in_a_table_and_json():
    ones = [
        Comparison("strict", "ALL", 9, Difference(0.1, 0.05, 0.2, 0.01), 0.02),
        Comparison("fuzzy", "PERS", 1, Difference(-0.1, -1.0, 1.0, 1.0), 1.0),
    ]
    lines = comparison_table(ones, 2).splitlines()
    assert lines[1].split() == ["strict", "ALL", "+0.100", "[+0.050,", "+0.200]", "0.0100", "0.0200", "9"]
    assert lines[2].split() == ["fuzzy", "PERS", "-0.100", "–", "1.0000", "1.0000", "1"]
    assert "all 2 comparisons" in lines[3]
    found = comparisons_to_dict(ones)
    assert found["strict"]["ALL"] == {"f1": 0.1, "ci95": [0.05, 0.2], "p": 0.01, "p_holm": 0.02, "documents": 9}
