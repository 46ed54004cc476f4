"""P-values as they are printed: rounded, never to nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_neurons.common.numbers import p_text


@pytest.mark.parametrize(
    ("p", "said"),
    [(1.0, "= 1.00"), (0.42, "= 0.42"), (0.1, "= 0.10"), (0.0476, "= 0.048"), (0.001, "= 0.001"), (2e-4, "< 0.001")],
)
def test_p_values(p: float, said: str) -> None:
    assert p_text(p) == said


@given(st.floats(1e-9, 1.0))
def test_what_is_said_is_right_to_half_a_digit(p: float) -> None:
    sign, number = p_text(p).split()
    assert float(number) > 0
    assert p < 0.001 if sign == "<" else abs(float(number) - p) <= (0.0005 if p < 0.1 else 0.005) + 1e-12
