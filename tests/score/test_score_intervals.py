"""Intervals and p-values: against naive loops, exact enumeration and simulated coverage."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_neurons.common.errors import UserError
from ocr_neurons.common.seeds import generator
from ocr_neurons.score import intervals
from ocr_neurons.score.counts import Counts
from ocr_neurons.score.evaluate import Scores
from ocr_neurons.score.intervals import (
    compare,
    compare_to_mean,
    f1_interval,
    resamples,
    share_difference,
    share_interval,
)


def scores(rows):
    """Scores of one type from ``(tp, fp, fn)`` a document; the same for both modes."""
    tables = tuple({"X": Counts(*map(int, row))} for row in rows)
    return Scores(tuple(f"d{i}" for i in range(len(tables))), tables, tables)


def system(rng, gold, chance):
    """A system that finds each gold entity with ``chance`` and adds a false positive now and then."""
    found = rng.binomial(gold, chance)
    return scores(np.stack([found, rng.poisson(1.0, len(gold)), gold - found], axis=1))


ROWS_A = [(5, 1, 2), (3, 0, 4), (8, 2, 1), (0, 1, 3), (6, 3, 3), (2, 2, 0)]
ROWS_B = [(4, 2, 3), (3, 1, 4), (6, 2, 3), (1, 0, 2), (5, 3, 4), (1, 2, 1)]


def f1(rows):
    tp, fp, fn = (sum(row[i] for row in rows) for i in range(3))
    return 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 0.0


def naive_draws(documents, draws, seed):
    rng = generator(seed, "score", "bootstrap documents")
    return [[int(i) for i in row] for row in rng.integers(0, documents, size=(draws, documents))]


def test_interval_equals_a_loop_over_the_same_resamples():
    values = [f1([ROWS_A[i] for i in chosen]) for chosen in naive_draws(6, 400, seed=3)]
    expected = tuple(np.quantile(values, [0.05, 0.95]))
    assert f1_interval(scores(ROWS_A), draws=400, seed=3, level=0.9) == pytest.approx(expected, abs=1e-12)


def test_difference_equals_a_loop_over_the_same_resamples():
    values = [f1([ROWS_A[i] for i in c]) - f1([ROWS_B[i] for i in c]) for c in naive_draws(6, 400, seed=1)]
    found = compare(scores(ROWS_A), scores(ROWS_B), draws=400, seed=1)
    assert found.f1 == pytest.approx(f1(ROWS_A) - f1(ROWS_B), abs=1e-12)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])), abs=1e-12)


def test_p_value_approaches_the_exact_randomisation_test():
    observed = abs(f1(ROWS_A) - f1(ROWS_B))
    extreme = 0
    for swaps in product([False, True], repeat=6):
        ours = [b if s else a for a, b, s in zip(ROWS_A, ROWS_B, swaps, strict=True)]
        theirs = [a if s else b for a, b, s in zip(ROWS_A, ROWS_B, swaps, strict=True)]
        extreme += abs(f1(ours) - f1(theirs)) >= observed - 1e-12
    exact = extreme / 2**6
    assert 0.02 < exact < 0.9
    assert compare(scores(ROWS_A), scores(ROWS_B)).p == pytest.approx(exact, abs=0.02)


@settings(max_examples=30)
@given(st.lists(st.tuples(*[st.integers(0, 9)] * 3), min_size=1, max_size=8), st.integers(0, 99))
def test_a_system_against_itself(rows, seed):
    found = compare(scores(rows), scores(rows), draws=200, seed=seed)
    assert (found.f1, found.p) == (0.0, 1.0)
    assert (found.low, found.high) == ((0.0, 0.0) if len(rows) > 1 else (-1.0, 1.0))


@settings(max_examples=30)
@given(st.lists(st.tuples(*[st.integers(0, 9)] * 6), min_size=2, max_size=8))
def test_comparison_turns_its_sign_with_its_sides(rows):
    a = scores([(tp, fp, 9 - tp) for tp, fp, *_ in rows])
    b = scores([(tp, fp, 9 - tp) for *_, tp, fp in rows])
    there, back = compare(a, b, draws=300), compare(b, a, draws=300)
    assert (there.f1, there.low, there.high) == pytest.approx((-back.f1, -back.high, -back.low), abs=1e-9)
    assert there.p == back.p


def test_a_clear_difference_has_the_smallest_p():
    good, bad = scores([(9, 0, 1)] * 30), scores([(5, 0, 5)] * 30)
    found = compare(good, bad, draws=999)
    assert found.p == 1 / 1000
    assert found.low == pytest.approx(found.f1)  # all documents alike: no spread
    assert found.f1 == pytest.approx(18 / 19 - 10 / 15)


def test_pieces_and_memory_do_not_change_the_draws(monkeypatch):
    a, b = scores(ROWS_A), scores(ROWS_B)
    others = [scores(ROWS_B), scores([(3, 0, 4), *ROWS_B[1:]])]
    whole = (f1_interval(a, draws=501), compare(a, b, draws=501), compare_to_mean(a, others, draws=501))
    monkeypatch.setattr(intervals, "CELLS", 47)  # seven draws of six documents at a time
    assert max(len(w) for w in resamples(6, 501, 0)) == 7
    assert sum(len(w) for w in resamples(6, 501, 0)) == 501
    assert (f1_interval(a, draws=501), compare(a, b, draws=501), compare_to_mean(a, others, draws=501)) == whole


def test_one_document_says_nothing_about_others():
    one, two = scores([(5, 1, 2)]), scores([(4, 1, 3)])
    assert f1_interval(one) == (0.0, 1.0)
    found = compare(one, two, draws=100)
    assert (found.low, found.high, found.p) == (-1.0, 1.0, 1.0)
    found = compare_to_mean(one, [two, two], draws=100)
    assert (found.low, found.high) == (-1.0, 1.0)
    assert found.f1 == pytest.approx(10 / 13 - 8 / 12)


def test_share_of_two_documents_is_known_exactly():
    # two documents of equal size, shares 0 and 1: means 0, 1/2, 1 with chances 1/4, 1/2, 1/4
    assert share_interval([0, 4], [4, 4], level=0.95) == (0.0, 1.0)
    assert share_interval([0, 4], [4, 4], level=0.4) == (0.5, 0.5)
    assert share_interval([4, 4, 0], [4, 4, 0]) == pytest.approx((0.025**0.5, 1.0))  # the empty document is no trial
    assert share_interval([3], [4]) == (0.0, 1.0)


def test_a_difference_of_shares_is_known_exactly():
    # two documents: all draws are 1/2, 1/4 or 0; a third without anything possible is no trial
    value, interval, p = share_difference([2, 1, 0], [1, 1, 0], [2, 2, 0], level=0.95)
    assert (value, interval, p) == (0.25, (0.0, 0.5), 1.0)
    assert share_difference([2, 0], [0, 0], [3, 0]) == (pytest.approx(2 / 3), (-1.0, 1.0), 1.0)
    assert share_difference([0, 0], [0, 0], [0, 0]) == (0.0, (-1.0, 1.0), 1.0)


def test_p_of_a_difference_of_shares_is_that_of_all_swaps():
    ours, theirs = np.array([4, 3, 5, 2, 2, 6]), np.array([3, 3, 3, 1, 3, 4])
    change = ours - theirs
    all_swaps = [abs(sum(np.array(signs) * change)) >= abs(change.sum()) for signs in product((-1, 1), repeat=6)]
    value, (low, high), p = share_difference(ours.tolist(), theirs.tolist(), [8] * 6, draws=20_000)
    assert value == pytest.approx(change.sum() / 48)
    assert p == pytest.approx(np.mean(all_swaps), abs=0.01)
    means = [np.mean(change[list(drawn)]) / 8 for drawn in product(range(6), repeat=6)]
    assert (low, high) == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.01)
    back, (mirrored_low, mirrored_high), same = share_difference(theirs.tolist(), ours.tolist(), [8] * 6, draws=20_000)
    assert (back, mirrored_low, mirrored_high, same) == pytest.approx((-value, -high, -low, p))


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng, covered, repeats = np.random.default_rng(0), 0, 200
    for repeat in range(repeats):
        gold = rng.integers(1, 12, size=40)
        low, high = share_interval(rng.binomial(gold, 0.7).tolist(), gold.tolist(), draws=400, seed=repeat)
        covered += low <= 0.7 <= high
    assert 0.89 <= covered / repeats <= 0.99


def test_p_is_calibrated_when_there_is_no_difference():
    rng = np.random.default_rng(1)
    ps = []
    for repeat in range(200):
        gold = rng.integers(1, 12, size=30)
        ps.append(compare(system(rng, gold, 0.7), system(rng, gold, 0.7), draws=300, seed=repeat).p)
    assert np.mean(np.array(ps) <= 0.1) == pytest.approx(0.1, abs=0.06)
    assert np.mean(ps) == pytest.approx(0.5, abs=0.08)


def test_mean_of_controls_and_rank_p():
    a = scores([(8, 0, 2)] * 3)
    others = [scores([(tp, 0, 10 - tp)] * 3) for tp in (5, 6, 7, 8)]
    found = compare_to_mean(a, others, draws=2000)
    means = [2 * tp / (10 + tp) for tp in (5, 6, 7, 8)]
    assert found.f1 == pytest.approx(16 / 18 - np.mean(means))
    assert found.p == (1 + 1) / (4 + 1)  # one control reaches a's F1
    # documents are alike, so all spread is the controls' luck: the mean of four draws with replacement
    exact = [16 / 18 - np.mean(draw) for draw in product(means, repeat=4)]
    low, high = np.quantile(exact, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.01)
    assert compare_to_mean(a, others[:3], draws=50).p == 1 / 4


def test_mean_of_one_control_is_a_comparison():
    a, b = scores(ROWS_A), scores(ROWS_B)
    one, two = compare_to_mean(a, [b], draws=300), compare(a, b, draws=300)
    assert (one.f1, one.low, one.high) == pytest.approx((two.f1, two.low, two.high), abs=1e-12)


def test_seed_decides():
    a = scores(ROWS_A)
    assert f1_interval(a, draws=300, seed=1) == f1_interval(a, draws=300, seed=1)
    assert f1_interval(a, draws=300, seed=1) != f1_interval(a, draws=300, seed=2)


def test_what_cannot_be_compared_is_refused():
    a = scores(ROWS_A)
    with pytest.raises(UserError, match="different documents"):
        compare(a, scores(ROWS_A[:3]))
    with pytest.raises(UserError, match=r"document 'd0'.*different gold"):
        compare(a, scores([(9, 9, 9), *ROWS_A[1:]]))
    with pytest.raises(UserError, match="no scores to compare with"):
        compare_to_mean(a, [])
    with pytest.raises(UserError, match="0 draws"):
        f1_interval(a, draws=0)
    with pytest.raises(UserError, match="level 95"):
        f1_interval(a, level=95)
