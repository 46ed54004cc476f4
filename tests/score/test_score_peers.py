"""Agreement with nervaluate and seqeval where their conventions are the same as the HIPE scorer's.

The same: what an entity is, exact hits, and how many entities there are on either side. Different: nervaluate's
``ent_type`` lets a prediction that touches two gold entities take the one of its own type, the HIPE scorer the first;
seqeval counts predictions of types that the gold standard lacks, and charges a wrong type to the predicted one.
"""

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ocr_neurons.score import score_labels
from ocr_neurons.text.document import spans
from ocr_neurons.text.hipe_tsv import read_hipe

nervaluate = pytest.importorskip("nervaluate", reason="needs nervaluate: install the test extra")
seqeval = pytest.importorskip("seqeval.metrics", reason="needs seqeval: install the test extra")

LABELS = st.sampled_from(["O", "O", "B-PERS", "I-PERS", "B-LOC", "I-LOC"])
PAIRS = st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=16)
ORACLE = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
FILES = (
    ORACLE / "hipe2022-v2.1" / "ajmc" / "en" / "HIPE-2022-v2.1-ajmc-test-en.tsv",
    ORACLE / "scorer-oracle" / "perturbed_bundle4_ajmc_en_1.tsv",
)


def sides(corpus):
    return [[gold for gold, _ in row] for row in corpus], [[guess for _, guess in row] for row in corpus]


def counted(gold, predicted):
    tags = sorted({e.type for row in [*gold, *predicted] for e in spans(row)})
    return nervaluate.Evaluator(gold, predicted, tags=tags, loader="list").evaluate()["overall"]


def check_strict(scores, theirs):
    total = scores.total("strict")
    assert (total.tp, total.tp + total.fp, total.tp + total.fn) == (theirs.correct, theirs.actual, theirs.possible)


def check_seqeval(scores, gold, predicted):
    total = scores.total("strict")
    for name in ("precision", "recall", "f1"):
        value = getattr(seqeval, f"{name}_score")(gold, predicted, zero_division=0)
        assert getattr(total, name) == pytest.approx(value, abs=1e-12)
    report = seqeval.classification_report(gold, predicted, output_dict=True, zero_division=0)
    for kind, counts in scores.by_type("strict").items():
        assert counts.recall == pytest.approx(report[kind]["recall"], abs=1e-12)
        assert counts.tp + counts.fn == report[kind]["support"]


def within_gold_types(gold, predicted):
    kinds = [{e.type for row in side for e in spans(row)} for side in (gold, predicted)]
    return kinds[1] <= kinds[0]


@given(st.lists(PAIRS, min_size=1, max_size=4))
def test_strict_counts_are_nervaluates_and_seqevals(corpus):
    gold, predicted = sides(corpus)
    assume(within_gold_types(gold, predicted))
    scores = score_labels(gold, predicted)
    check_strict(scores, counted(gold, predicted)["strict"])
    if scores.types:
        check_seqeval(scores, gold, predicted)


def touches_one(gold, predicted):
    """No prediction touches two gold entities."""
    return all(
        sum(g.start < p.end and p.start < g.end for g in spans(true)) <= 1
        for true, guess in zip(gold, predicted, strict=True)
        for p in spans(guess)
    )


@given(st.lists(PAIRS, min_size=1, max_size=4))
def test_fuzzy_counts_are_nervaluates_ent_type(corpus):
    gold, predicted = sides(corpus)
    assume(within_gold_types(gold, predicted))
    assume(touches_one(gold, predicted))
    total, theirs = score_labels(gold, predicted).total("fuzzy"), counted(gold, predicted)["ent_type"]
    assert (total.tp, total.tp + total.fp, total.tp + total.fn) == (theirs.correct, theirs.actual, theirs.possible)


def test_where_the_conventions_part():
    gold, predicted = [["B-LOC", "B-PERS", "I-PERS"]], [["B-PERS", "I-PERS", "I-PERS"]]
    assert counted(gold, predicted)["ent_type"].correct == 1
    assert score_labels(gold, predicted).total("fuzzy").tp == 0


@pytest.mark.skipif(not all(path.is_file() for path in FILES), reason="needs ../shared/data beside the repository")
def test_on_a_whole_test_set():
    gold, predicted = (
        [[t.label.upper() for t in d.tokens if "#" not in t.text] for d in read_hipe(path)] for path in FILES
    )
    scores = score_labels(gold, predicted)
    assert scores.total().tp == 276  # as the HIPE scorer has it
    check_strict(scores, counted(gold, predicted)["strict"])
    check_seqeval(scores, gold, predicted)
