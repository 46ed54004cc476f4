"""What is printed and stored."""

import json

from ocr_neurons.score.counts import Counts
from ocr_neurons.score.evaluate import Scores
from ocr_neurons.score.intervals import Difference, f1_interval
from ocr_neurons.score.table import difference_text, difference_to_dict, score_table, to_dict, to_tsv

STRICT = ({"LOC": Counts(3, 1, 1), "PERS": Counts(0, 0, 2)}, {"LOC": Counts(1, 0, 1)})
FUZZY = ({"LOC": Counts(4, 0, 0), "PERS": Counts(0, 0, 2)}, {"LOC": Counts(1, 0, 1)})
SCORES = Scores(("a", "b"), STRICT, FUZZY)


def test_dictionary_holds_the_figures_and_is_json():
    found = to_dict(SCORES, draws=100)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert set(found) == {"strict", "fuzzy", "by_type", "documents"}
    assert found["strict"]["ci95"] == list(f1_interval(SCORES, draws=100))
    assert (found["strict"]["precision"], found["strict"]["recall"]) == (4 / 5, 4 / 8)
    assert (found["fuzzy"]["tp"], found["fuzzy"]["fp"], found["fuzzy"]["fn"]) == (5, 0, 3)
    assert found["by_type"]["PERS"]["strict"]["f1"] == 0.0
    assert found["by_type"]["LOC"]["fuzzy"]["tp"] == 5


def test_table_has_a_row_for_each_mode_and_type():
    rows = [line.split() for line in score_table(SCORES, draws=100).splitlines()[1:]]
    assert [row[0] for row in rows] == ["strict", "LOC", "PERS", "fuzzy", "LOC", "PERS"]
    low, high = f1_interval(SCORES, draws=100)
    assert rows[0][1:] == ["0.800", "0.500", "0.615", f"{low:.3f}", "–", f"{high:.3f}", "4", "1", "4"]
    assert rows[4][-3:] == ["5", "0", "1"]
    assert score_table(Scores(("a",), ({},), ({},)), draws=10).count("0.000") == 6 + 2  # scores, low ends


def test_tsv_marks_what_is_undefined():
    rows = [line.split("\t") for line in to_tsv(SCORES, "s").splitlines()]
    micro = next(row for row in rows if "micro-strict" in row[1] and row[2] == "PERS")
    assert micro[3:] == ["0", "0.0", "0", "", "", "", "0", "0", "2"]  # nothing predicted: the scorer's integer 0
    macro = next(row for row in rows if "macro_doc-strict" in row[1] and row[2] == "PERS")
    assert macro[3:] == ["", "0.0", "", "", "", "0.0", "", "", ""]
    assert {len(row) for row in rows} == {12}


def test_difference_in_words_and_json():
    difference = Difference(0.0123, -0.003, 0.028, 0.114)
    assert difference_text(difference) == "+0.012 F1 [-0.003, +0.028], p = 0.114"
    assert difference_to_dict(difference) == {"f1": 0.0123, "ci95": [-0.003, 0.028], "p": 0.114}
