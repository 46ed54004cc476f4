"""The parts of a draw: segments of units, named random numbers, a page's rates."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.common.seeds import generator
from ocr_neurons.noise.learned.contexts import Alphabet, log_odds
from ocr_neurons.noise.learned.drawn import Drawn
from ocr_neurons.noise.learned.gaps import Burstiness
from ocr_neurons.noise.learned.numbers import Numbers
from ocr_neurons.noise.learned.page import Page

TARGETS = ["", "c", "li", "xyz"]
LENGTHS = np.array([len(target) for target in TARGETS])


@st.composite
def drawn_units(draw: st.DrawFn) -> Drawn:
    rows, place = [], 0
    for _ in range(draw(st.integers(0, 8))):
        place += draw(st.integers(0, 3))
        end = place + draw(st.integers(0, 3))
        rows.append((place, end, draw(st.integers(0, len(TARGETS) - 1))))
        place = end
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return Drawn(columns[:, 0], columns[:, 1], columns[:, 2])


@given(drawn_units())
def test_segments_of_units_as_a_plain_loop_joins_them(drawn):
    wanted: list[list[int]] = []
    grown = 0
    for start, end, unit in zip(drawn.starts.tolist(), drawn.ends.tolist(), drawn.units.tolist(), strict=True):
        length = len(TARGETS[unit])
        if wanted and wanted[-1][1] == start:
            wanted[-1][1], wanted[-1][3] = end, wanted[-1][3] + length
        else:
            wanted.append([start, end, start + grown, start + grown + length])
        grown += length - (end - start)
    found = [list(row) for row in zip(*(column.tolist() for column in drawn.segments(LENGTHS)), strict=True)]
    assert found == wanted
    assert drawn.distance(LENGTHS) == sum(max(b - a, d - c) for a, b, c, d in wanted)


def test_nothing_drawn_costs_nothing():
    assert Drawn.nothing().distance(LENGTHS) == 0


def test_numbers_depend_on_the_state_and_a_name_and_never_on_what_was_asked_before():
    one, two = (Numbers(generator(1, "numbers"), Burstiness.independent()) for _ in range(2))
    first, all_ = np.arange(5), np.arange(5000)
    short, other = one.uniform(("unit", 0), first), one.uniform(("unit", 1), np.arange(9))
    two.uniform(("x",), np.arange(1000))
    long = two.uniform(("unit", 0), all_)
    assert np.array_equal(short, long[:5])  # a longer series begins as a shorter one
    assert np.array_equal(two.uniform(("unit", 0), all_[::-7]), long[::-7])  # and any part of it is the same
    assert np.array_equal(two.uniform(("unit", 1), np.arange(9)), other)
    assert not np.array_equal(other[:5], short)
    assert 0 <= long.min() < 0.01
    assert 0.99 < long.max() < 1
    assert long.mean() == pytest.approx(0.5, abs=0.02)
    assert abs(np.corrcoef(long[:-1], long[1:])[0, 1]) < 0.05
    assert abs(np.corrcoef(long, one.uniform(("unit", 1), all_))[0, 1]) < 0.05
    strange = Numbers(generator(2, "numbers"), Burstiness.independent()).uniform(("unit", 0), first)
    assert not np.array_equal(strange, short)


@pytest.mark.parametrize("near", [(), (0.2, 0.1)])
def test_as_many_segments_begin_as_are_expected(near):
    burst = Burstiness(near, Burstiness.independent().far, 0.0, 0.9)
    running = np.cumsum(np.full(400_000, 0.02))
    found = Numbers(generator(3, "bursts"), burst).bursts(running)
    assert len(found.starts) + int(found.followers.sum()) == pytest.approx(8000, rel=0.05)
    assert len(found.starts) == pytest.approx(8000 * (1 - sum(near)), rel=0.05)
    assert (np.diff(found.starts) >= 0).all()
    assert found.starts[-1] < len(running)


def test_no_text_no_bursts():
    numbers = Numbers(generator(3, "bursts"), Burstiness.independent())
    assert len(numbers.bursts(np.zeros(0)).starts) == 0
    assert len(numbers.bursts(np.zeros(50)).starts) == 0


SEEN = {" a ": 900, "a b": 40, " b ": 500, "bab": 300, "ab ": 200}
HIT = {" a ": 90, " b ": 5, "bab": 60}


def test_a_page_knows_the_rate_at_every_character_and_at_the_end():
    alphabet = Alphabet("ab ")
    table = log_odds(alphabet, SEEN, HIT)
    text = "a ba\nbab x\r\n"
    page = Page.of(text, alphabet, table.reshape(-1))
    around = " " + text + "  "
    wanted = [table[tuple(alphabet.id(c) for c in around[i : i + 3])] for i in range(len(text) + 1)]
    for scale in (0.0, 1.5):
        rates = page.rates(scale)[page.inverse]
        np.testing.assert_allclose(rates, [1 / (1 + math.exp(-w - scale)) for w in wanted], rtol=1e-5)
    assert page.breaks.tolist() == [4, 10, 11]
    assert page.amount.sum() == len(text) + 1


@pytest.mark.parametrize("share", [1e-4, 0.01, 0.2, 0.9])
def test_the_shift_is_the_one_at_which_so_much_is_expected(share):
    alphabet = Alphabet("ab ")
    text = "a bab ab ba x\n" * 50
    page = Page.of(text, alphabet, log_odds(alphabet, SEEN, HIT).reshape(-1))
    scale = page.shift(share * len(text))
    assert page.rates(scale)[page.inverse].sum() == pytest.approx(share * len(text), rel=1e-3)
    assert page.shift(share * len(text), start=5.0) == pytest.approx(scale, abs=1e-2)
