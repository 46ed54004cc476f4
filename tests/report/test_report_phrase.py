from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.report import phrase
from ocr_neurons.report.inputs import Difference


@pytest.mark.parametrize(
    ("share", "plain", "signed"),
    [
        (0.749, "74.9", "+74.9"),
        (0.0043, "0.4", "+0.4"),
        (-0.0061, "−0.6", "−0.6"),
        (-0.0001, "0.0", "0.0"),
        (0.0001, "0.0", "0.0"),
        (1.0, "100.0", "+100.0"),
        (None, "–", "–"),
    ],
)
def test_points(share: float | None, plain: str, signed: str) -> None:
    assert phrase.points(share) == plain
    assert phrase.signed(share) == signed


@given(st.floats(-1, 1))
def test_points_are_the_number_rounded(share: float) -> None:
    wanted = (Decimal(share * 100)).quantize(Decimal("0.1"), ROUND_HALF_EVEN)
    assert Decimal(phrase.signed(share).replace("−", "-")) == wanted
    assert Decimal(phrase.points(share).replace("−", "-")) == wanted


def test_differences_read_as_in_print() -> None:
    assert (
        phrase.difference(Difference(0.004, (-0.006, 0.013), 0.42)).replace("\xa0", " ") == "+0.4 [−0.6, 1.3], p = 0.42"
    )
    assert phrase.difference(Difference(0.25, (-1.0, 1.0), 1.0)).replace("\xa0", " ") == "+25.0 [unknown], p = 1.00"
    assert phrase.bounds((0.0, 1.0)) == "[unknown]"
    assert phrase.bounds((0.0, 0.999)) == "[0.0, 99.9]"
    assert phrase.p_value(0.0004).replace("\xa0", " ") == "p < 0.001"
    assert phrase.p_value(0.0476).replace("\xa0", " ") == "p = 0.048"
    assert [phrase.p_cell(p).replace("\xa0", " ") for p in (0.0004, 0.0476, 0.42)] == ["< 0.001", "0.048", "0.42"]


def test_times_runs_and_factors() -> None:
    assert [phrase.seconds(x) for x in (0.84, 9.96, 59.6, 120.3, 3725)] == [
        "0.8 s",
        "10 s",
        "1 min 0 s",
        "2 min 0 s",
        "62 min 5 s",
    ]
    assert phrase.runs([5, 0, 2, 1]) == "0–2, 5"
    assert phrase.runs([]) == ""
    assert phrase.factor(0.5, "scale") == "×0.5"
    assert phrase.factor(None, "zero") == "zero"
    assert phrase.factor(2.0, "shift") == "shift 2"


def test_a_sentence_of_the_terminal_is_printed_with_its_signs() -> None:
    said = "layers 20-29 (last) times 0, top-k of layer-3, changed -0.1 points (95 % -0.8 to +1.1)"
    assert phrase.printed(said) == (
        "layers 20–29 (last) times 0, top-k of layer-3, changed −0.1 points (95 % −0.8 to +1.1)"
    )
