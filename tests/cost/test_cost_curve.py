"""F1 against the rate of noise: known taggers, counts that must not change, lines between points."""

from __future__ import annotations

import numpy as np
import pytest

import dictionary
import planted
from ocr_neurons.common.errors import UserError
from ocr_neurons.cost.curve import Curve, Point, cost_curve
from ocr_neurons.noise.learned.apply import NoiseMaker, load_noise
from ocr_neurons.score.counts import Counts
from ocr_neurons.score.evaluate import MODES, Scores
from ocr_neurons.score.intervals import compare, f1_interval
from ocr_neurons.text.document import Document, Token

DOCUMENTS = planted.planted(4, 0)
RATES = (0.05, 0.3)


@pytest.fixture(scope="module")
def noise() -> NoiseMaker:
    return NoiseMaker(load_noise("en"))


@pytest.fixture(scope="module")
def curve(noise: NoiseMaker) -> Curve:
    return cost_curve(dictionary.tag, DOCUMENTS, noise, RATES, draws=2, seed=4)


def test_the_first_point_is_the_text_without_noise(curve: Curve) -> None:
    first = curve.points[0]
    assert (first.cer, first.reached, first.lost) == (0.0, 0.0, 0)
    assert first.scores.total() == Counts(2 * 12, 0, 0)
    assert first.f1s == (1.0, 1.0)
    assert curve.difference(first).f1 == 0.0


def test_every_draw_has_all_entities_of_the_clean_text(curve: Curve) -> None:
    assert [point.cer for point in curve.points] == [0.0, *RATES]
    for point in curve.points:
        assert point.reached == pytest.approx(point.cer, abs=0.02)
        assert len(point.f1s) == 2
        for mode in MODES:
            total = point.scores.total(mode)
            assert total.tp + total.fn == 2 * 12
    f1s = [point.scores.total().f1 for point in curve.points]
    assert f1s[0] > f1s[1] > f1s[2], "more noise, and a tagger that knows exact names finds no fewer"
    assert curve.difference(curve.points[2]).f1 == pytest.approx(f1s[2] - f1s[0])


def test_a_perfect_tagger_misses_only_what_noise_took_away(noise: NoiseMaker) -> None:
    letters = tuple(Token(letter, label=f"B-{'xy'[number % 2]}") for number, letter in enumerate("abcdefghij" * 3))
    documents = [Document("a", letters, "en"), Document("b", letters[:12], "en")]
    found = cost_curve(list, documents, noise, (0.2, 0.7), draws=2, seed=1)  # gives the labels it gets
    lost = [point.lost for point in found.points]
    assert lost[0] == 0 < lost[-1]
    for point in found.points:
        for mode in MODES:
            total = point.scores.total(mode)
            assert (total.fp, total.fn) == (0, point.lost)
            assert total.tp == 2 * 42 - point.lost


def test_an_entity_that_scores_leave_out_is_missed_at_every_rate(noise: NoiseMaker) -> None:
    marked = Document("m", (Token("#", label="B-loc"), Token("Liverpool", label="B-LOC"), Token("sailed")), "en")
    found = cost_curve(dictionary.tag, [marked], noise, (0.5,), draws=2)
    assert found.points[0].scores.total() == Counts(2, 0, 2)
    assert found.points[0].lost == 2
    total = found.points[1].scores.total()
    assert total.tp + total.fn == 4


def test_the_seed_decides_and_not_the_other_rates(noise: NoiseMaker, curve: Curve) -> None:
    again = cost_curve(dictionary.tag, DOCUMENTS, noise, RATES[::-1], draws=2, seed=4)
    assert again == curve
    alone = cost_curve(dictionary.tag, DOCUMENTS, noise, RATES[1:], draws=2, seed=4)
    assert alone.points[1] == curve.points[2]
    other = cost_curve(dictionary.tag, DOCUMENTS, noise, RATES, draws=2, seed=5)
    assert other.points[2].scores != curve.points[2].scores


def test_spread_keeps_the_mean_and_lets_documents_differ(noise: NoiseMaker) -> None:
    found = cost_curve(dictionary.tag, DOCUMENTS, noise, (0.1,), draws=3, spread=True)
    assert found.points[1].reached == pytest.approx(0.1, abs=0.03)
    even = cost_curve(dictionary.tag, DOCUMENTS, noise, (0.1,), draws=3)
    assert even.points[0] == found.points[0]
    assert even.points[1].scores != found.points[1].scores


def scores(*rows: tuple[int, int, int]) -> Scores:
    tables = tuple({"X": Counts(*row)} for row in rows)
    return Scores(tuple(f"d{i}" for i in range(len(rows))), tables, tables)


CLEAN, SOME, MUCH = scores((9, 1, 1), (8, 0, 2)), scores((6, 1, 4), (8, 1, 2)), scores((2, 3, 8), (5, 1, 5))
DRAWN = Curve(
    (Point(0, 0, CLEAN, (), 0), Point(0.05, 0.051, SOME, (), 0), Point(0.1, 0.099, MUCH, (), 0)), draws=1, seed=2
)


def test_at_a_point_the_loss_is_that_of_the_point() -> None:
    for point in DRAWN.points[1:]:
        loss, difference = DRAWN.at(point.reached), DRAWN.difference(point)
        total = point.scores.total()
        assert (loss.f1, loss.recall) == pytest.approx((total.f1, total.recall))
        assert loss.loss == pytest.approx(-difference.f1)
        assert loss.interval == pytest.approx((-difference.high, -difference.low))
        assert difference == compare(point.scores, CLEAN, seed=2)
    assert DRAWN.at(0).loss == 0.0
    assert DRAWN.at(0).interval == (0.0, 0.0)


def test_between_points_the_loss_is_on_the_line() -> None:
    loss = DRAWN.at(0.051 / 4)
    assert loss.f1 == pytest.approx(0.75 * CLEAN.total().f1 + 0.25 * SOME.total().f1)
    assert loss.recall == pytest.approx(0.75 * CLEAN.total().recall + 0.25 * SOME.total().recall)
    whole = DRAWN.at(0.051).interval
    assert loss.interval == pytest.approx(tuple(0.25 * np.array(whole)))  # a quarter of every draw's loss


def test_one_document_has_no_interval() -> None:
    one = [Point(0, 0, CLEAN.subset([0]), (), 0), Point(0.1, 0.1, MUCH.subset([0]), (), 0)]
    assert Curve(tuple(one), 1, 0).at(0.1).interval is None


def test_entry_holds_the_figures() -> None:
    entry = DRAWN.entry()
    assert [row["cer"] for row in entry] == [0, 0.05, 0.1]
    assert entry[1]["strict"]["f1"] == SOME.total().f1
    assert entry[1]["strict"]["ci95"] == list(f1_interval(SOME, seed=2))
    assert entry[1]["fuzzy"]["difference"]["f1"] == pytest.approx(SOME.total().f1 - CLEAN.total().f1)


def test_what_cannot_be_answered_is_refused(noise: NoiseMaker) -> None:
    with pytest.raises(UserError, match=r"0\.2; the curve reaches from 0 to 0\.099"):
        DRAWN.at(0.2)
    with pytest.raises(UserError, match=r"-0\.1"):
        DRAWN.at(-0.1)
    for rates in ((), (0.0,), (1.5,), (-0.1, 0.1)):
        with pytest.raises(UserError, match=r"wanted some such as 0\.02,0\.05"):
            cost_curve(dictionary.tag, DOCUMENTS, noise, rates)
    with pytest.raises(UserError, match="0 draws"):
        cost_curve(dictionary.tag, DOCUMENTS, noise, RATES, draws=0)
