"""Choosing on dev from planted trials."""

from __future__ import annotations

import pytest

from ocr_neurons.common.errors import UserError
from ocr_neurons.score.counts import Counts
from ocr_neurons.score.evaluate import Scores
from ocr_neurons.sweep.choose import Choice, choose, choose_random
from ocr_neurons.sweep.grid import Setting
from ocr_neurons.sweep.store import Trial

DOCUMENTS = 30
EACH = 4  # entities a document


def scores(found: list[int]) -> Scores:
    """So many of the ``EACH`` entities of each document found, nothing predicted in vain."""
    tables = tuple({"LOC": Counts(hits, 0, EACH - hits)} for hits in found)
    return Scores(tuple(map(str, range(len(found)))), tables, tables)


BASELINE = scores([2] * DOCUMENTS)


def trial(setting: Setting, better: int, worse: int = 0) -> Trial:
    """Better by one entity in so many documents, worse by one in so many others."""
    return Trial(setting, scores([3] * better + [1] * worse + [2] * (DOCUMENTS - better - worse)))


def test_a_clear_gain_is_chosen():
    trials = [
        trial(Setting("first", 9, 0.5), better=1),
        trial(Setting("middle", 9, 0.5), better=20),
        trial(Setting("last", 9, 0.5), better=0, worse=3),
    ]
    best, gain = choose(trials, BASELINE, seed=1)
    assert best.setting.region == "middle"
    wanted = best.scores.total().f1 - BASELINE.total().f1
    assert gain.f1 == pytest.approx(wanted)
    assert 0 < gain.low <= gain.f1 <= gain.high
    assert choose(trials[::-1], BASELINE, seed=1)[0] == best


def test_a_steady_gain_beats_a_larger_unsteady_one():
    steady = trial(Setting("first", 9, 0.5), better=14)
    wild = Trial(Setting("last", 9, 0.5), scores([4] * 19 + [0] * 11))
    assert wild.scores.total().f1 > steady.scores.total().f1 or wild.scores.total().f1 > BASELINE.total().f1
    best, _ = choose([steady, wild], BASELINE, seed=1)
    assert best == steady


def test_random_draws_are_never_chosen():
    drawn = trial(Setting("first", 9, 0.5, draw=0), better=30)
    own = trial(Setting("first", 9, 0.5), better=0, worse=5)
    best, gain = choose([drawn, own], BASELINE, seed=1)
    assert best == own
    assert gain.f1 < 0
    with pytest.raises(UserError, match="holds no trial of ranked neurons"):
        choose([drawn], BASELINE, seed=1)
    with pytest.raises(UserError, match="holds no trial of ranked neurons"):
        choose([], BASELINE, seed=1)


def test_what_the_same_rule_chooses_among_random_neurons():
    """The first draw of each setting stands for it, so that as many settings are searched as of ranked neurons."""
    own = [trial(Setting(name, 9, 0.5), better=25) for name in ("first", "middle", "last")]
    drawn = [
        trial(Setting("first", 9, 0.5, draw=0), better=2),
        trial(Setting("middle", 9, 0.5, draw=0), better=9, worse=1),
        trial(Setting("last", 9, 0.5, draw=0), better=1, worse=6),
        trial(Setting("last", 9, 0.5, draw=1), better=20),
    ]
    found = choose_random([*own, *drawn], BASELINE, seed=1)
    renamed = [Trial(Setting(one.setting.region, 9, 0.5), one.scores) for one in drawn[:3]]
    best, gain = choose(renamed, BASELINE, seed=1)
    assert best.setting.region == "middle"
    assert found == Choice(drawn[1].setting, gain, among=3)
    assert choose_random(own, BASELINE, seed=1) is None
    losing = choose_random([drawn[2]], BASELINE, seed=1)
    assert losing is not None
    assert losing.gain.f1 < 0


def test_when_none_gains_the_one_that_loses_least():
    trials = [trial(Setting("first", 9, 0.5), 0, worse) for worse in (9, 2, 5)]
    best, gain = choose(trials, BASELINE, seed=1)
    assert best == trials[1]
    assert gain.f1 < 0
    # no change at all is no gain either, and loses least
    idle = trial(Setting("last", 9, 0.9), 0)
    best, gain = choose([*trials, idle], BASELINE, seed=1)
    assert best == idle
    assert (gain.f1, gain.p) == (0.0, 1.0)


def test_ties_go_to_fewer_neurons_and_then_to_the_milder_factor():
    same = {"better": 8}
    trials = [
        trial(Setting(name, count, factor), **same)
        for name, count, factor in (("first", 20, 0.9), ("last", 5, 0.0), ("last", 5, 1.5), ("middle", 5, 2.0))
    ]
    for order in (trials, trials[::-1]):
        assert choose(order, BASELINE, seed=1)[0].setting == Setting("last", 5, 1.5)


def test_of_equal_gains_the_milder_is_taken():
    """A factor nearer to 1, but a strength nearer to 0."""
    for operation, mild, strong in (("scale", 0.9, 0.1), ("mean", 0.1, 0.9), ("shift", 0.5, 2.0)):
        trials = [trial(Setting("first", 9, factor, operation=operation), better=20) for factor in (strong, mild)]
        assert choose(trials, BASELINE, seed=1)[0].setting.factor == mild
