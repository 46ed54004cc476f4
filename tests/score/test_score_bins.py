"""Recall by noise bin: planted distances, and sums against the totals."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.common.errors import UserError
from ocr_neurons.score.bins import BINS, compare_recall, evaluate_bin, recall_by_led
from ocr_neurons.score.counts import Counts
from ocr_neurons.score.evaluate import evaluate
from ocr_neurons.score.table import bin_table, bins_to_dict
from ocr_neurons.text.document import Document, Token


def document(rows, name="d"):
    """``rows``: label and LED of each token."""
    return Document(name, tuple(Token(f"w{i}", label=label, led=led) for i, (label, led) in enumerate(rows)))


GOLD = [
    document([("B-loc", 0.0), ("O", None), ("B-loc", 0.1), ("I-loc", 0.1), ("B-pers", 0.3)], "a"),
    document([("B-loc", 0.05), ("B-pers", 1.0), ("B-pers", None), ("B-loc", 0.0)], "b"),
]
PREDICTED = [
    GOLD[0].with_labels(["B-loc", "B-loc", "B-loc", "O", "O"]),
    GOLD[1].with_labels(["B-loc", "B-loc", "B-pers", "O"]),
]


def test_planted_distances_fall_in_their_bins():
    entries = recall_by_led(GOLD, PREDICTED, draws=200)
    found = [(e.name, e.documents, e.entities, e.found_strict, e.found_fuzzy) for e in entries]
    assert found == [
        ("0-0", 2, 2, 1, 1),
        ("0.001-0.1", 1, 1, 1, 1),
        ("0.1-0.3", 1, 1, 0, 1),
        ("0.3-1.1", 2, 2, 0, 0),
        ("unknown", 1, 1, 1, 1),
    ]
    assert [e.recall_strict for e in entries] == [0.5, 1.0, 0.0, 0.0, 1.0]
    assert entries[0].interval_strict == (0.0, 1.0)  # two documents, one 1, one 0: the quarter tails
    assert entries[1].interval_strict == (0.0, 1.0)  # one document says nothing
    assert entries[3].interval_strict == pytest.approx((0.0, 1 - 0.025**0.5))  # none found: binomial bound


def test_recall_is_compared_in_the_same_bin_of_the_same_documents():
    perfect, found = (recall_by_led(GOLD, guess) for guess in (GOLD, PREDICTED))
    assert [compare_recall(a, b).recall for a, b in zip(perfect, found, strict=True)] == [0.5, 0.0, 1.0, 1.0, 0.0]
    clean = compare_recall(perfect[0], found[0])
    assert (clean.low, clean.high, clean.p) == (0.0, 1.0, 1.0), "one of two documents gains its one entity"
    for other in (found[1], replace(found[0], by_document=((2, 1, 1), (0, 0, 0)))):
        with pytest.raises(UserError, match="wanted the same bin of the same documents"):
            compare_recall(perfect[0], other)


def test_entities_in_no_bin_are_counted_outside():
    entries = recall_by_led(GOLD, PREDICTED, bins=[(0.0, 0.1)], draws=50)
    assert [(e.name, e.entities) for e in entries] == [("0-0.1", 3), ("outside", 3), ("unknown", 1)]
    assert (entries[1].low, entries[1].high) == (None, None)


def test_the_scorers_bin_keeps_unlabelled_tokens():
    # in 0.1-0.3: of a, tokens 2-4 (one unlabelled, with a false positive); of b, the unknown one
    assert evaluate_bin(GOLD, PREDICTED, 0.1, 0.3).total("fuzzy") == Counts(2, 1, 0)
    assert evaluate_bin(GOLD, PREDICTED, 0.1, 0.3).total("strict") == Counts(1, 2, 1)
    assert evaluate_bin(GOLD, PREDICTED, 0.0, 1.1).total() == evaluate(GOLD, PREDICTED).total()


leds = st.sampled_from([None, 0.0, 0.04, 0.1, 0.25, 0.3, 0.9, 1.0])
labels = st.sampled_from(["O", "B-x", "I-x", "B-y", "I-y"])


@given(st.lists(st.tuples(labels, leds, labels), max_size=20), st.lists(st.tuples(labels, leds, labels), max_size=20))
def test_entries_add_up_to_the_totals(first, second):
    gold, predicted = [], []
    for rows, name in ((first, "a"), (second, "b")):
        gold.append(document([(label, led) for label, led, _ in rows], name))
        predicted.append(gold[-1].with_labels([label for _, _, label in rows]))
    entries = recall_by_led(gold, predicted, draws=20)
    scores = evaluate(gold, predicted)
    for mode, found in (("strict", "found_strict"), ("fuzzy", "found_fuzzy")):
        total = scores.total(mode)
        assert sum(getattr(e, found) for e in entries) == total.tp
        assert sum(e.entities for e in entries) == total.tp + total.fn
    assert len(entries) >= len(BINS)
    assert "outside" not in [e.name for e in entries]
    json.dumps(bins_to_dict(entries), allow_nan=False)


@pytest.mark.parametrize(
    ("bins", "message"),
    [
        ([], "no noise bin"),
        ([(0.3, 0.1)], "0.3-0.1; wanted"),
        ([(-0.1, 0.1)], "wanted 0 <= low"),
        ([(0.0, 0.2), (0.1, 0.3)], "overlap"),
        ([(0.0, 0.0), (0.0, 0.1)], "overlap"),
        ([(0.1, 0.2), (0.1, 0.2)], "overlap"),
    ],
)
def test_bad_bins_are_refused(bins, message):
    with pytest.raises(UserError, match=message):
        recall_by_led(GOLD, PREDICTED, bins)


def test_touching_bins_are_no_overlap():
    names = [e.name for e in recall_by_led(GOLD, PREDICTED, [(0.0, 0.1), (0.1, 0.1), (0.2, 1.1)], draws=20)]
    assert names == ["0-0.1", "0.1-0.1", "0.2-1.1", "unknown"]


def test_table_shows_a_dash_for_an_empty_bin():
    gold = [replace(GOLD[0], tokens=GOLD[0].tokens[:1]), replace(GOLD[1], tokens=GOLD[1].tokens[3:])]
    lines = bin_table(recall_by_led(gold, gold, draws=20)).splitlines()
    assert lines[1].split()[:4] == ["0-0", "2", "2", "1.000"]
    assert lines[2].split() == ["0.001-0.1", "0", "0", "–", "–"]
