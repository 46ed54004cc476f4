"""Scores by date."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.common.errors import UserError
from ocr_neurons.score.counts import Counts
from ocr_neurons.score.evaluate import evaluate
from ocr_neurons.score.periods import decades, parse_periods, scores_by_period, year
from ocr_neurons.text.document import Document, Token


def document(date, found, name="d"):
    tokens = (Token("w", label="B-loc"), Token("w"))
    return Document(name, tokens, date=date), Document(name, tokens, date=date).with_labels(
        ["B-loc" * found or "O", "O"]
    )


def test_documents_fall_into_their_decades():
    dates = [("1851-03-01", 1), ("1859-12-31", 0), ("1860-01-01", 1), (None, 1), ("undated", 0)]
    gold, predicted = zip(*(document(*row) for row in dates), strict=True)
    found = scores_by_period(evaluate(gold, predicted), gold)
    assert {name: part.total() for name, part in found.items()} == {
        "1850-1860": Counts(1, 0, 1),
        "1860-1870": Counts(1, 0, 0),
        "unknown": Counts(1, 0, 1),
    }


def test_bounds_include_the_first_year_alone():
    dates = [("1850-01-01", 1), ("1900-01-01", 0), ("1899", 1), ("1700-05-05", 0)]
    gold, predicted = zip(*(document(*row) for row in dates), strict=True)
    found = scores_by_period(evaluate(gold, predicted), gold, [(1850, 1900), (1900, 1950), (1950, 2000)])
    assert {name: len(part.ids) for name, part in found.items()} == {
        "1850-1900": 2, "1900-1950": 1, "1950-2000": 0, "outside": 1,
    }  # fmt: skip


@given(
    st.lists(st.tuples(st.one_of(st.none(), st.integers(1500, 2020).map(str)), st.booleans()), min_size=1, max_size=9)
)
def test_periods_add_up(rows):
    gold, predicted = zip(*(document(date, found) for date, found in rows), strict=True)
    scores = evaluate(gold, predicted)
    for periods in (None, [(1600, 1700), (1800, 1900)]):
        parts = scores_by_period(scores, gold, periods).values()
        assert sum((part.total() for part in parts), Counts()) == scores.total()
        assert sum(len(part.ids) for part in parts) == len(gold)
    assert all(a < b for a, b in decades(gold))


@pytest.mark.parametrize(("date", "known"), [("1894-01-01", 1894), ("1894", 1894), ("18941", None), ("c. 1894", None)])
def test_years(date, known):
    assert year(Document("d", (), date=date)) == known


def test_periods_are_parsed_or_refused():
    assert parse_periods("decade") is None
    assert parse_periods("1800-1850,1900-1950") == [(1800, 1850), (1900, 1950)]
    for given_, message in [
        ("gold.tsv", "'gold.tsv'; wanted decade"),
        ("1850", "wanted decade"),
        ("1850-1800", "ends before"),
        ("1800-1850,1840-1900", "overlap at 1840"),
    ]:
        with pytest.raises(UserError, match=message):
            parse_periods(given_)
