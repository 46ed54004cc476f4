"""Words cut by line ends: which are joined, which keep their hyphen, which are left alone."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.text.hyphens import word_cuts
from ocr_neurons.text.normalise import changed


def joined(text: str, known: tuple[tuple[int, int, str], ...] = ()) -> str:
    return changed(text, word_cuts(text, known))[0]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("to Liver-\npool by", "to Liverpool by"),
        ("to Liver- \n  pool by", "to Liverpool by"),
        ("to Liver-\r\npool by", "to Liverpool by"),
        ("to Liver-\rpool by", "to Liverpool by"),
        ("to Liver-\r\r\nPool by", "to Liver-Pool by"),  # CRLF, converted twice
        ("title-\r\nThe Times", "title-The Times"),
        ("title-\r\rThe Times", "title-\r\rThe Times"),
        ("verlän¬\ngernden", "verlängernden"),
        ("Fett¬\nWaaren", "FettWaaren"),
        ("ver\u00ad\nlängern", "verlängern"),
        ("ver\u00adlängern", "verlängern"),
        ("ver⸗\nlängern", "verlängern"),
        ("ver=\nlängern", "verlängern"),
        ("bis zu\u2010\nletzt", "bis zuletzt"),
        ("Saint-\nGermain", "Saint-Germain"),
        ("Sachsen=\nWeimar", "Sachsen-Weimar"),
        ("LIVER-\nPOOL", "LIVERPOOL"),
        ("the A-\nB line", "the A-B line"),  # single capitals say nothing
        ("page end Liver-\n\npool goes on", "page end Liverpool goes on"),
        ("page end Liver-\n\fpool goes on", "page end Liverpool goes on"),
        ("a dash -\nand", "a dash -\nand"),
        ("in 1870-\n71 they", "in 1870-\n71 they"),
        ("title-\n\nThe Times", "title-\n\nThe Times"),
        ("Cafe\u0301-\nhaus", "Cafe\u0301haus"),
        ("a-\nb-\nc", "abc"),
        ("no-thing", "no-thing"),
        ("end-", "end-"),
    ],
)
def test_examples(text, wanted):
    assert joined(text) == wanted


def test_what_the_source_marks_is_not_guessed():
    text = "to Co-\noperate"
    assert joined(text) == "to Cooperate"
    assert joined(text, ((5, 7, "-"),)) == "to Co-operate"
    assert joined("to Liver\npool", ((8, 9, ""),)) == "to Liverpool"


@given(st.text(alphabet="aB1 -¬=\u00ad\u0301\n\r\f.", max_size=40))
def test_nothing_but_signs_and_space_is_lost(text):
    cuts = word_cuts(text)
    assert all(a < b <= c < d for (a, b, _), (c, d, _) in pairwise(cuts))
    for start, end, new in cuts:
        assert not any(c.isalnum() for c in text[start:end])
        assert new in ("", "-")
        assert text[end].isalnum()
    kept = [c for c in joined(text) if c.isalnum()]
    assert kept == [c for c in text if c.isalnum()]
