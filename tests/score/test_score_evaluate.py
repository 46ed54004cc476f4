"""Pairing and counting: against a naive version of the rule, and by planted cases."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.common.errors import UserError
from ocr_neurons.score.counts import Counts
from ocr_neurons.score.evaluate import Scores, evaluate
from ocr_neurons.text.document import Document, Token

LABELS = ["O", "_", "B-pers", "I-pers", "B-loc", "I-loc", "I-LOC", "S-pers", "E-loc", "b-Prod"]


def document(labels, words=None, name="d"):
    words = words or ["w"] * len(labels)
    return Document(name, tuple(Token(w, label=x) for w, x in zip(words, labels, strict=True)))


def twin(gold, labels):
    return gold.with_labels(labels)


@st.composite
def corpora(draw):
    """Gold and predicted documents with the same tokens, some of them with a ``#``."""
    gold, predicted = [], []
    for number in range(draw(st.integers(1, 4))):
        size = draw(st.integers(0, 14))
        labels = st.lists(st.sampled_from(LABELS), min_size=size, max_size=size)
        words = draw(st.lists(st.sampled_from(["w", "v", "a#b"]), min_size=size, max_size=size))
        gold.append(document(draw(labels), words, f"d{number}"))
        predicted.append(twin(gold[-1], draw(labels)))
    return gold, predicted


def naive_spans(labels):
    """Entities token by token: type of each token, and whether it begins one."""
    found, previous = [], None
    for place, label in enumerate(labels):
        if label in ("O", "_"):
            previous = None
            continue
        kind = label[2:]
        if previous != kind or label[0] in "BS":
            found.append([kind, set()])
        found[-1][1].add(place)
        previous = kind
    return [(kind, frozenset(tokens)) for kind, tokens in found]


def naive_counts(gold, predicted):
    """The scorer's scenarios one by one, over sets of token positions; totals ``mode -> type -> [tp, fp, fn]``."""
    sides = []
    for true, guess in zip(gold, predicted, strict=True):
        kept = [i for i, t in enumerate(true.tokens) if "#" not in t.text]
        sides.append([naive_spans([d.tokens[i].label.upper() for i in kept]) for d in (true, guess)])
    types = {kind for true, _ in sides for kind, _ in true}
    totals = {mode: {kind: [0, 0, 0] for kind in types} for mode in ("strict", "fuzzy")}
    for true, guess in sides:
        taken = set()
        for kind, tokens in guess:
            if kind not in types:
                continue
            if (kind, tokens) in true:
                taken.add((kind, tokens))
                totals["strict"][kind][0] += 1
                totals["fuzzy"][kind][0] += 1
                continue
            hit = next((entity for entity in true if entity[1] & tokens and entity not in taken), None)
            if hit is None:
                totals["strict"][kind][1] += 1
                totals["fuzzy"][kind][1] += 1
                continue
            taken.add(hit)
            totals["strict"][hit[0]][1] += 1
            totals["strict"][hit[0]][2] += 1
            if hit[0] == kind:
                totals["fuzzy"][kind][0] += 1
            else:
                totals["fuzzy"][hit[0]][1] += 1
                totals["fuzzy"][hit[0]][2] += 1
        for entity in true:
            if entity not in taken:
                totals["strict"][entity[0]][2] += 1
                totals["fuzzy"][entity[0]][2] += 1
    return totals


@given(corpora())
def test_counts_equal_the_naive_scenarios(corpus):
    scores = evaluate(*corpus)
    expected = naive_counts(*corpus)
    for mode in ("strict", "fuzzy"):
        found = {kind: [c.tp, c.fp, c.fn] for kind, c in scores.by_type(mode).items()}
        assert found == expected[mode]
        total = scores.total(mode)
        assert [total.tp, total.fp, total.fn] == [sum(row[i] for row in expected[mode].values()) for i in range(3)]
        assert scores.document_totals(mode).sum(axis=0).tolist() == [total.tp, total.fp, total.fn]
        assert scores.document_totals(mode).shape == (len(corpus[0]), 3)


@given(corpora())
def test_fuzzy_finds_at_least_what_strict_finds(corpus):
    scores = evaluate(*corpus)
    strict, fuzzy = scores.by_type("strict"), scores.by_type("fuzzy")
    assert strict.keys() == fuzzy.keys()
    for kind in strict:
        assert strict[kind].tp <= fuzzy[kind].tp
        assert strict[kind].tp + strict[kind].fn == fuzzy[kind].tp + fuzzy[kind].fn
        assert strict[kind].tp + strict[kind].fp == fuzzy[kind].tp + fuzzy[kind].fp


@given(corpora(), st.randoms(use_true_random=False))
def test_order_of_documents_leaves_totals_alone(corpus, random):
    order = list(range(len(corpus[0])))
    random.shuffle(order)
    shuffled = evaluate(*([side[i] for i in order] for side in corpus))
    for mode in ("strict", "fuzzy"):
        assert shuffled.by_type(mode) == evaluate(*corpus).by_type(mode)


@given(corpora())
def test_gold_against_itself_is_perfect(corpus):
    gold, _ = corpus
    scores = evaluate(gold, gold)
    for mode in ("strict", "fuzzy"):
        total = scores.total(mode)
        assert (total.fp, total.fn) == (0, 0)
        if total.tp:
            assert (total.precision, total.recall, total.f1) == (1.0, 1.0, 1.0)
            assert scores.macro(mode).f1 == 1.0


@given(corpora())
def test_json_gives_the_scores_back(corpus):
    scores = evaluate(*corpus)
    assert Scores.from_json(json.loads(json.dumps(scores.to_json(), allow_nan=False))) == scores


def test_a_prediction_that_first_touches_another_type_is_used_up():
    gold = [document(["B-loc", "B-pers", "I-pers"])]
    scores = evaluate(gold, [twin(gold[0], ["B-pers", "I-pers", "I-pers"])])
    assert scores.by_type("fuzzy") == {"LOC": Counts(0, 1, 1), "PERS": Counts(0, 0, 1)}
    assert scores.total("strict") == Counts(0, 1, 2)


def test_two_predictions_in_one_gold_entity_count_once():
    gold = [document(["B-loc", "I-loc", "I-loc"])]
    scores = evaluate(gold, [twin(gold[0], ["B-loc", "B-loc", "O"])])
    assert scores.total("fuzzy") == Counts(1, 1, 0)
    assert scores.total("strict") == Counts(0, 2, 1)


def test_types_without_case_and_types_unknown_to_gold():
    gold = [document(["B-Pers", "O", "O"], name="a"), document(["B-loc", "O", "O"], name="b")]
    predicted = [twin(gold[0], ["B-PERS", "B-loc", "B-prod"]), twin(gold[1], ["B-LOC", "O", "B-prod"])]
    scores = evaluate(gold, predicted)
    # loc is absent from the first document's gold but present in the set: it counts; prod is nowhere: ignored
    assert scores.strict == ({"LOC": Counts(0, 1, 0), "PERS": Counts(1, 0, 0)}, {"LOC": Counts(1, 0, 0)})


def test_tokens_with_a_hash_do_not_count():
    words = ["New", "Y#rk", "City"]
    gold = [document(["B-loc", "I-loc", "I-loc"], words)]
    assert evaluate(gold, [twin(gold[0], ["B-loc", "B-pers", "I-loc"])]).total() == Counts(1, 0, 0)


def test_macro_leaves_out_documents_that_cannot_be_scored():
    gold = [document(["B-loc", "O"], name="a"), document(["B-loc", "B-loc"], name="b"), document(["O", "O"], name="c")]
    predicted = [twin(gold[0], ["O", "O"]), twin(gold[1], ["B-loc", "O"]), twin(gold[2], ["B-loc", "O"])]
    macro = evaluate(gold, predicted).macro("strict")
    assert (macro.precision, macro.precision_std) == (0.5, 0.5)  # b: 1, c: 0
    assert (macro.recall, macro.recall_std) == (0.25, 0.25)  # a: 0, b: 1/2
    assert macro.f1 == pytest.approx(2 / 3)  # b alone
    assert macro.f1_std == 0.0
    assert evaluate(gold, gold).macro("strict", "PERS").f1 is None


def test_counts_without_anything_are_zero():
    assert (Counts().precision, Counts().recall, Counts().f1) == (0.0, 0.0, 0.0)
    assert Counts(3, 1, 2) + Counts(1, 1, 1) == Counts(4, 2, 3)
    assert Counts(3, 1, 2).f1 == pytest.approx(2 * 0.75 * 0.6 / 1.35)


@pytest.mark.parametrize(
    ("predicted", "message"),
    [
        ([document(["O"], name="a")], "1 documents in the predictions and 2"),
        ([document(["O"], name="a"), document(["O"], name="x")], "document 2 is 'x'"),
        ([document(["O"], ["v"], "a"), document(["O"], name="b")], "document 'a': token 1 is 'v'"),
        ([document(["O"], name="a"), document(["O", "O"], name="b")], "document 'b': 2 tokens .* and 1"),
    ],
)
def test_other_documents_are_refused(predicted, message):
    gold = [document(["O"], name="a"), document(["O"], name="b")]
    with pytest.raises(UserError, match=message) as caught:
        evaluate(gold, predicted)
    assert "\n" not in str(caught.value)


def test_nothing_to_score_and_bad_arguments_are_refused():
    with pytest.raises(UserError, match="no document to score"):
        evaluate([], [])
    gold = [document(["B-loc"])]
    with pytest.raises(UserError, match=r"'fuzy'.*nearest: fuzzy"):
        evaluate(gold, gold).total("fuzy")
    for bad in ({}, {"ids": ["a"], "types": [], "counts": [[0, 0, 1, 0, 0, 1, 0, 0]]}, {"ids": 3}):
        with pytest.raises(UserError, match="not stored scores"):
            Scores.from_json(bad)
