"""Intervals and comparisons by type: against naive loops over the same draws, and Holm's table by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_neurons.common.seeds import generator
from ocr_neurons.score import intervals
from ocr_neurons.score.by_type import ALL, compare_by_type, holm, holm_adjusted, rows_by_type
from ocr_neurons.score.counts import Counts
from ocr_neurons.score.evaluate import MODES, Scores, pooled
from ocr_neurons.score.intervals import compare, f1_draws, f1_interval


def scores(rows):
    """Scores from ``{type: (tp, fp, fn)}`` a document; fuzzy finds one more of what strict missed."""
    strict = tuple({kind: Counts(*row) for kind, row in table.items()} for table in rows)
    fuzzy = tuple(
        {
            kind: Counts(tp + min(fp, fn, 1), fp - min(fp, fn, 1), fn - min(fp, fn, 1))
            for kind, (tp, fp, fn) in t.items()
        }
        for t in rows
    )
    return Scores(tuple(f"d{i}" for i in range(len(rows))), strict, fuzzy)


A = scores([{"X": (5, 1, 2), "Y": (1, 0, 1)}, {"X": (3, 0, 4)}, {"X": (8, 2, 1), "Y": (0, 2, 3)}, {"Z": (1, 0, 0)}])
B = scores([{"X": (4, 2, 3), "Y": (2, 1, 0)}, {"X": (3, 1, 4)}, {"X": (6, 2, 3), "Y": (1, 0, 2)}, {"Z": (1, 2, 0)}])


def drawn(documents, draws, seed):
    rng = generator(seed, "score", "bootstrap documents")
    return rng.integers(0, documents, size=(draws, documents))


def micro(system, mode, kind, chosen, score):
    """One score over chosen documents, or None."""
    tables = [system.per_document(mode)[i] for i in chosen]
    tp, fp, fn = (
        sum(getattr(c, name) for t in tables for k, c in t.items() if kind in (ALL, k)) for name in ("tp", "fp", "fn")
    )
    part, whole = {"precision": (tp, tp + fp), "recall": (tp, tp + fn), "f1": (2 * tp, 2 * tp + fp + fn)}[score]
    return part / whole if whole else None


@pytest.mark.parametrize("mode", MODES)
def test_every_interval_equals_a_loop_over_the_same_resamples(mode):
    rows = rows_by_type(A, mode, draws=300, seed=3, level=0.9)
    assert [row.type for row in rows] == [ALL, "X", "Y", "Z"]
    for row in rows[:3]:
        for score in ("precision", "recall", "f1"):
            values = [micro(A, mode, row.type, chosen, score) for chosen in drawn(4, 300, 3)]
            known = [value for value in values if value is not None]
            assert getattr(row, score) == pytest.approx(tuple(np.quantile(known, [0.05, 0.95])), abs=1e-12)
    assert any(micro(A, mode, "Y", chosen, "f1") is None for chosen in drawn(4, 300, 3)), "no draw lacks Y"
    assert rows[0].f1 == f1_interval(A, mode, draws=300, seed=3, level=0.9)
    assert rows[1].counts == A.by_type(mode)["X"]


def test_what_one_document_alone_says_has_no_interval():
    rows = {row.type: row for row in rows_by_type(A, draws=50)}
    assert (rows["Z"].precision, rows["Z"].recall, rows["Z"].f1) == (None, None, None)
    assert rows["Y"].precision is not None  # predicted in two documents
    one = rows_by_type(A.subset([0]), draws=50)
    assert [row.f1 for row in one] == [None] * 3


def test_comparison_of_each_type_equals_that_of_the_type_alone():
    found = {(one.mode, one.type): one for one in compare_by_type(A, B, draws=400, seed=2)}
    assert len(found) == 2 * 4
    for mode in MODES:
        assert found[mode, ALL].difference == compare(A, B, mode, draws=400, seed=2)
        for kind in ("X", "Y"):
            ours, theirs = (micro(s, mode, kind, range(4), "f1") for s in (A, B))
            values = [
                micro(A, mode, kind, c, "f1") - micro(B, mode, kind, c, "f1")
                for c in drawn(4, 400, 2)
                if micro(A, mode, kind, c, "f1") is not None
            ]
            difference = found[mode, kind].difference
            assert difference.f1 == pytest.approx(ours - theirs, abs=1e-12)
            low, high = np.quantile(values, [0.025, 0.975])
            assert (difference.low, difference.high) == pytest.approx((low, high), abs=1e-12)
            only = [
                Scores(
                    s.ids, *(tuple({k: c for k, c in t.items() if k == kind} for t in s.per_document(m)) for m in MODES)
                )
                for s in (A, B)
            ]
            assert difference.p == compare(*only, mode, draws=400, seed=2).p
    assert {one.documents for key, one in found.items() if key[1] == "Z"} == {1}


def test_chunks_change_nothing(monkeypatch):
    whole = rows_by_type(A, draws=201), compare_by_type(A, B, draws=201)
    monkeypatch.setattr(intervals, "CELLS", 50)
    assert (rows_by_type(A, draws=201), compare_by_type(A, B, draws=201)) == whole


def test_a_system_against_itself():
    for one in compare_by_type(A, A, draws=100):
        assert (one.difference.f1, one.difference.p, one.adjusted) == (0.0, 1.0, 1.0)


def test_holm_by_hand():
    # sorted: .01 x4, .02 x3, .03 x2, .04 x1, never falling
    assert holm([0.02, 0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.06, 0.04, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0.0001, 1.0), min_size=1, max_size=12))
def test_holm_lies_between_nothing_and_bonferroni(ps):
    adjusted = holm(ps)
    for p, q in zip(ps, adjusted, strict=True):
        assert p <= q <= min(1.0, p * len(ps))
    order = sorted(range(len(ps)), key=ps.__getitem__)
    assert [adjusted[i] for i in order] == sorted(adjusted)
    # the definition: a hypothesis falls at level q if all with smaller p fall, each at q / (number left)
    for level in (0.01, 0.05, 0.2):
        rejected = set()
        for rank, place in enumerate(order):
            if ps[place] * (len(ps) - rank) > level:
                break
            rejected.add(place)
        assert {i for i, q in enumerate(adjusted) if q <= level} == rejected


def test_holm_over_several_systems():
    families = [compare_by_type(A, B, draws=200), compare_by_type(A, A, draws=200)]
    together = holm_adjusted(families)
    ps = [one.difference.p for family in families for one in family]
    assert [one.adjusted for family in together for one in family] == holm(ps)
    assert min(one.adjusted for one in together[0]) >= min(one.adjusted for one in families[0])


rows = st.lists(
    st.dictionaries(st.sampled_from("XYZ"), st.tuples(*[st.integers(0, 5)] * 3), max_size=3), min_size=1, max_size=6
)


@settings(max_examples=40)
@given(rows)
def test_table_subset_and_pooling_add_up(given_rows):
    one = scores(given_rows)
    for mode in MODES:
        assert one.table(mode).sum(axis=(0, 1)).tolist() == [
            sum(getattr(c, name) for t in one.per_document(mode) for c in t.values()) for name in ("tp", "fp", "fn")
        ]
        assert (pooled([one, one]).document_totals(mode) == 2 * one.document_totals(mode)).all()
        halves = [one.subset(range(0, len(given_rows), 2)), one.subset(range(1, len(given_rows), 2))]
        assert halves[0].total(mode) + halves[1].total(mode) == one.total(mode)
    lost = [{"X": 2, "W": 1, "Y": 0}] + [{}] * (len(given_rows) - 1)
    more = one.with_missed(lost)
    for mode in MODES:
        assert more.total(mode) == one.total(mode) + Counts(0, 0, 3)
        assert more.by_type(mode)["W"] == Counts(0, 0, 1)
    with pytest.raises(ValueError, match="different documents"):
        pooled([one, one.subset([])])


def test_draws_of_f1_are_paired():
    a, b = f1_draws(A, draws=500, seed=7), f1_draws(B, draws=500, seed=7)
    values = [micro(A, "strict", ALL, c, "f1") - micro(B, "strict", ALL, c, "f1") for c in drawn(4, 500, 7)]
    assert a - b == pytest.approx(np.array(values), abs=1e-12)
