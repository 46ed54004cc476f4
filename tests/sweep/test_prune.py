"""Giving up early: what is given up loses, what is kept is scored as ever, controls are never touched."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import planted
from ocr_neurons.score.counts import Counts
from ocr_neurons.score.evaluate import Scores, evaluate
from ocr_neurons.sweep.database import file_url
from ocr_neurons.sweep.grid import CHOSEN, EditMaker, grid
from ocr_neurons.sweep.prune import LEAST, contributions, filled, p_worse, parts
from ocr_neurons.sweep.store import Store
from ocr_neurons.sweep.sweep import sweep

COUNTS = st.lists(st.builds(Counts, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)), min_size=6, max_size=6)


def scores(counts: list[Counts]) -> Scores:
    tables = tuple({"LOC": one} for one in counts)
    return Scores(tuple(map(str, range(len(counts)))), tables, tables)


@given(COUNTS, COUNTS)
def test_contributions_add_up_to_the_difference_of_micro_f1(ours, plain):
    a, b = scores(ours), scores(plain)
    total = a.total()
    wanted = (total.f1 - b.total().f1) * (2 * total.tp + total.fp + total.fn)
    assert contributions(a, b, range(6)).sum() == pytest.approx(wanted, abs=1e-9)


def test_p_values_against_counting_signs():
    """Eight documents that are all worse by the same: of 2^8 signs one is as bad."""
    plain, worse = scores([Counts(3, 0, 1)] * 10), scores([Counts(2, 0, 2)] * 8 + [Counts(4, 0, 0)] * 2)
    assert p_worse(worse, plain, range(8)) <= 0.01
    assert p_worse(worse, plain, [8, 9]) == 1.0 or p_worse(worse, plain, [8, 9]) > 0.5
    assert p_worse(plain, worse, range(8)) > 0.9
    assert p_worse(plain, plain, range(8)) == 1.0
    distinct = scores([Counts(20 - n, 0, n) for n in range(1, 9)])
    assert p_worse(distinct, scores([Counts(20, 0, 0)] * 8), range(8)) == pytest.approx(2**-8)


@given(st.integers(0, 200), st.integers(0, 3))
def test_parts_hold_every_document_once(documents, seed):
    found = parts(documents, seed)
    assert sorted(place for part in found for place in part) == list(range(documents))
    assert len(found) == (1 if documents < 4 * LEAST else 3)
    if len(found) == 3:
        assert len(found[0]) == len(found[1]) == documents // 4


def test_what_is_not_tagged_yet_is_not_looked_at():
    dev = planted.planted(4, 1)
    wrong = dev[2].with_labels(["O"] * len(dev[2].tokens))
    found = evaluate(dev, filled(dev, {2: wrong}))
    assert np.array_equal(found.document_totals()[2], [0, 0, 3])
    assert contributions(found, evaluate(dev, dev), [0, 1, 3]).any() is np.False_


@pytest.mark.parametrize("loses", [True, False])
def test_a_sweep_that_gives_up(tiny_folder, tmp_path, loses):
    tagger, dev, ranked = planted.untrained(tiny_folder("mistral")), planted.planted(36, 1), planted.everything_ranked()
    edits, todo = EditMaker(ranked, 1), grid(ranked, ["layer-1", "last"], [0.5], [0.0, 2.0], draws=1)
    store = Store(file_url(tmp_path / "s.db"), "sweep", "x")
    nothing = [document.with_labels(["O"] * len(document.tokens)) for document in dev]
    store.set_baseline(evaluate(dev, dev if loses else nothing))  # a tagger that finds all, or nothing
    sweep(tagger, dev, edits, todo, store, prune=True)
    scored = {trial.setting: trial.scores for trial in store.trials()}
    assert set(scored) == {setting for setting in todo if setting.draw != CHOSEN or not loses}
    states = [entry.state for entry in store.entries()]
    assert states.count("PRUNED") == (4 if loses else 0)
    sweep(tagger, dev, edits, todo, store, prune=True)
    assert [entry.state for entry in store.entries()] == states, "what is settled is settled"
    sweep(tagger, dev, edits, todo, store)  # without: what was given up is scored after all
    scored = {trial.setting: trial.scores for trial in store.trials()}
    assert set(scored) == set(todo)
    for setting in todo:
        with edits.of(setting).on(tagger.model):
            assert scored[setting] == evaluate(dev, tagger.tag(dev))
