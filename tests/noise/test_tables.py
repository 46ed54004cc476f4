"""Many small distributions: frequencies of draws against counts, edges, trust."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from ocr_neurons.common.seeds import generator
from ocr_neurons.noise.learned.tables import DOUBT, Tables

ROWS = [{7: 1}, {3: 10, 4: 30, 9: 60}, {1: 1, 2: 1}, {5: 990, 6: 10}]


def test_draws_come_as_often_as_counted():
    tables = Tables(ROWS)
    rng = generator(1, "tables")
    rows = np.repeat(np.arange(len(ROWS)), 20_000)
    rng.shuffle(rows)
    drawn = tables.draw(rows, rng.random(len(rows)))
    for number, row in enumerate(ROWS):
        mine = drawn[rows == number]
        assert set(mine.tolist()) <= set(row)
        if len(row) > 1:
            found = [int((mine == item).sum()) for item in row]
            wanted = np.array(list(row.values())) / sum(row.values()) * len(mine)
            assert chisquare(found, wanted).pvalue > 1e-3


@given(st.lists(st.dictionaries(st.integers(0, 50), st.integers(1, 9), min_size=1), min_size=1, max_size=8), st.data())
def test_a_draw_is_the_item_whose_share_holds_the_number(rows, data):
    row = data.draw(st.integers(0, len(rows) - 1))
    total = sum(rows[row].values())
    # the middle of each unit of count
    place = data.draw(st.integers(0, total - 1))
    wanted = [item for item, count in rows[row].items() for _ in range(count)][place]
    assert Tables(rows).draw(np.array([row]), np.array([(place + 0.5) / total])).tolist() == [wanted]


def test_the_ends_of_the_range_stay_in_their_row():
    tables = Tables(ROWS)
    rows = np.arange(len(ROWS))
    assert tables.draw(rows, np.zeros(len(ROWS))).tolist() == [7, 3, 1, 5]
    assert tables.draw(rows, np.full(len(ROWS), 1 - 1e-9)).tolist() == [7, 9, 2, 6]


def test_the_largest_number_below_one_stays_in_its_row():
    rows = np.arange(len(ROWS))
    assert Tables(ROWS).draw(rows, np.full(len(ROWS), np.nextafter(1, 0))).tolist() == [7, 9, 2, 6]


def test_trust_is_seen_over_seen_plus_different():
    wanted = [n / (n + DOUBT * t) for n, t in ((1, 1), (100, 3), (2, 2), (1000, 2))]
    assert Tables(ROWS).trust.tolist() == pytest.approx(wanted)
    assert all(0 < trust < 1 for trust in wanted)


def test_no_rows_at_all():
    empty = Tables([])
    assert len(empty.items) == len(empty.trust) == 0
