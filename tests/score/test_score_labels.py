"""Scores of plain label lists, and properties of the counts."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.common.errors import UserError
from ocr_neurons.score import Counts, labels, score_labels
from ocr_neurons.score.evaluate import MODES, evaluate
from ocr_neurons.text.document import Document, Token

LABELS = st.sampled_from(["O", "B-a", "I-a", "B-b", "I-b", "B-c"])
CORPUS = st.lists(st.lists(st.tuples(LABELS, LABELS), max_size=12), min_size=1, max_size=4)


def sides(corpus):
    return [[gold for gold, _ in row] for row in corpus], [[guess for _, guess in row] for row in corpus]


def all_types(corpus):
    """The corpus and a list in which both sides have every type once, so that none is unknown to gold."""
    return [*corpus, [("B-a", "B-a"), ("B-b", "B-b"), ("B-c", "B-c")]]


@given(CORPUS)
def test_lists_are_scored_as_documents(corpus):
    gold, predicted = sides(corpus)
    documents = [
        [Document(str(i), tuple(Token("w", label=x) for x in row)) for i, row in enumerate(side, 1)]
        for side in (gold, predicted)
    ]
    assert score_labels(gold, predicted) == evaluate(*documents)


@given(CORPUS)
def test_roles_change_places(corpus):
    """With gold and prediction exchanged, exact hits stay and misses and false alarms change places."""
    gold, predicted = sides(all_types(corpus))
    there, back = score_labels(gold, predicted).total("strict"), score_labels(predicted, gold).total("strict")
    assert (there.tp, there.fp, there.fn) == (back.tp, back.fn, back.fp)


@given(CORPUS)
def test_overlaps_can_only_help(corpus):
    scores = score_labels(*sides(corpus))
    for place in range(len(scores.ids)):
        strict, fuzzy = (scores.subset([place]).total(mode) for mode in MODES)
        assert strict.tp <= fuzzy.tp
        assert (strict.tp + strict.fp, strict.tp + strict.fn) == (fuzzy.tp + fuzzy.fp, fuzzy.tp + fuzzy.fn)


@given(CORPUS, CORPUS)
def test_corpora_one_after_the_other_add_up(first, second):
    first, second = all_types(first), all_types(second)
    whole = score_labels(*sides(first + second))
    for mode in MODES:
        parts = [score_labels(*sides(part)) for part in (first, second)]
        assert whole.total(mode) == parts[0].total(mode) + parts[1].total(mode)
        assert whole.per_document(mode) == parts[0].per_document(mode) + parts[1].per_document(mode)


def naive(gold, predicted):
    """Pairs by comparing each prediction with each gold entity, over sets of positions: ``mode -> [tp, fp, fn]``."""

    def entities(labels):
        found = []
        for place, label in enumerate(labels):
            if label != "O" and (label[0] == "B" or place == 0 or labels[place - 1][1:] != label[1:]):
                found.append([label[2:], {place}])
            elif label != "O":
                found[-1][1].add(place)
        return found

    totals = {mode: [0, 0, 0] for mode in MODES}
    kinds = {kind for row in gold for kind, _ in entities(row)}
    for true, guess in zip(gold, predicted, strict=True):
        wanted, given_ = entities(true), [e for e in entities(guess) if e[0] in kinds]
        taken = {}
        for number, (_, tokens) in enumerate(given_):
            for place, (_, own) in enumerate(wanted):
                if own & tokens and place not in taken.values():
                    taken[number] = place
                    break
        for mode in MODES:
            hits = sum(
                given_[n][0] == wanted[p][0] and (mode == "fuzzy" or given_[n][1] == wanted[p][1])
                for n, p in taken.items()
            )
            for column, value in enumerate((hits, len(given_) - hits, len(wanted) - hits)):
                totals[mode][column] += value
    return totals


@given(CORPUS)
def test_counts_equal_those_of_all_pairs(corpus):
    gold, predicted = sides(corpus)
    scores, expected = score_labels(gold, predicted), naive(gold, predicted)
    assert {mode: scores.total(mode) for mode in MODES} == {m: Counts(*row) for m, row in expected.items()}


def test_mapping_and_names():
    scores = score_labels([["B-PER"], ["B-LOC"]], [["B-pers"], ["O"]], ids=["x", "y"], mapping={"per": "pers"})
    assert scores.ids == ("x", "y")
    assert scores.by_type() == {"LOC": Counts(0, 0, 1), "PERS": Counts(1, 0, 0)}


@pytest.mark.parametrize(
    ("gold", "predicted", "extra", "message"),
    [
        ([["O"]], [], {}, "0 lists of predicted labels for 1"),
        ([["O"], ["O", "O"]], [["O"], ["O"]], {}, "list 2: 1 predicted labels for 2 tokens"),
        ([["O"]], [["O"]], {"ids": ["a", "b"]}, "2 ids for 1"),
        ([["PER"]], [["O"]], {}, "label 'PER'.*wanted O"),
        ([["X-PER"]], [["O"]], {}, "label 'X-PER'"),
        ([], [], {}, "no document to score"),
    ],
)
def test_what_does_not_fit_is_refused(gold, predicted, extra, message):
    with pytest.raises(UserError, match=message):
        score_labels(gold, predicted, **extra)


def test_the_example_of_the_docstring():
    assert doctest.testmod(labels) == (0, 2)
